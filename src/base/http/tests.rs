//! Exchanges with real servers on loopback: slow, huge, truncated, compressed, redirecting, behind TLS and proxies.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::client::{Client, Proxy, Settings, Tls};
use super::send::send;
use super::{Failure, Request, Response};
use crate::base::secret::Secret;
use crate::base::time::clock::Clock;
use crate::domain::reason::FailureReason;

const CAP: usize = 64 * 1024;

fn settings() -> Settings {
    Settings { tls: Tls::default(), proxy: Proxy::None, timeout: Duration::from_secs(5), body_cap: CAP }
}

async fn ask_with(settings: Settings, url: &str) -> Result<Response, Failure> {
    let client = Client::build(&settings).unwrap();
    let mut request = Request::get(url.parse().unwrap());
    request.secret_headers.push(("private-token".into(), Secret::new("canary".into())));
    let answer = tokio::time::timeout(Duration::from_secs(20), send(&client, request, &Clock::System))
        .await
        .expect("bounded in time");
    if let Err(failure) = &answer {
        assert!(!format!("{failure} {failure:?}").contains("canary"), "{failure}");
    }
    answer
}

async fn ask(url: &str) -> Result<Response, Failure> {
    ask_with(settings(), url).await
}

/// What a server saw.
type Seen = Arc<Mutex<Vec<String>>>;

/// Answers every connection with these bytes; `hold` keeps it open afterwards.
#[expect(clippy::disallowed_methods, reason = "a server of a test")]
async fn serve(answer: Vec<u8>, hold: Duration) -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen: Seen = Arc::default();
    let log = seen.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let (answer, log) = (answer.clone(), log.clone());
            tokio::spawn(async move {
                let mut head = vec![0; 16 * 1024];
                let read = socket.read(&mut head).await.unwrap_or(0);
                log.lock().unwrap().push(String::from_utf8_lossy(&head[..read]).to_lowercase());
                let _ = socket.write_all(&answer).await;
                tokio::time::sleep(hold).await;
            });
        }
    });
    (url, seen)
}

fn http(head: &str, body: &[u8]) -> Vec<u8> {
    let mut all =
        format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len()).into_bytes();
    all.extend_from_slice(body);
    all
}

#[tokio::test]
async fn any_status_is_an_answer_with_headers_and_body() {
    let (url, seen) = serve(http("503 Sealed\r\nX-Thing: One", b"{\"errors\":[]}"), Duration::ZERO).await;
    let answer = ask(&format!("{url}/v1/x?y=1")).await.unwrap();
    assert_eq!((answer.status, answer.header("x-thing")), (503, Some("One")));
    assert_eq!(&answer.body[..], b"{\"errors\":[]}");
    assert_eq!(answer.url.path(), "/v1/x");
    let seen = seen.lock().unwrap();
    assert!(seen[0].contains("private-token: canary") && seen[0].contains("user-agent: forewarn/"), "{seen:?}");
    assert!(!seen[0].contains("referer"));
}

#[tokio::test]
async fn other_methods_are_sent_as_they_are() {
    let (url, seen) = serve(http("200 OK", b""), Duration::ZERO).await;
    let client = Client::build(&settings()).unwrap();
    let mut request = Request::get(format!("{url}/v1/auth/token/accessors").parse().unwrap());
    request.method = "LIST".into();
    send(&client, request, &Clock::System).await.unwrap();
    assert!(seen.lock().unwrap()[0].starts_with("list /v1/auth/token/accessors http/1.1"));
}

#[tokio::test]
async fn a_slow_body_ends_at_the_time_limit() {
    let (url, _) = serve(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_vec(), Duration::from_secs(15)).await;
    let failure = ask_with(
        Settings { timeout: Duration::from_millis(300), ..settings() },
        &format!("{url}/slow?private_token=canary"),
    )
    .await
    .unwrap_err();
    assert_eq!((failure.reason, failure.unsent), (FailureReason::Timeout, false));
    let port = url.rsplit(':').next().unwrap().to_owned();
    assert_eq!(
        failure.detail.as_str().replace(&port, "PORT"),
        "GET http://127.0.0.1:PORT/slow: reading the answer: no complete answer within the time limit"
    );
}

#[tokio::test]
async fn a_silent_server_ends_at_the_time_limit() {
    let (url, _) = serve(Vec::new(), Duration::from_secs(15)).await;
    let failure = ask_with(Settings { timeout: Duration::from_millis(300), ..settings() }, &url).await.unwrap_err();
    assert_eq!((failure.reason, failure.unsent), (FailureReason::Timeout, false));
}

#[tokio::test]
async fn a_huge_body_is_refused_told_or_not() {
    let (told, _) = serve(http("200 OK", &vec![b'x'; CAP + 1]), Duration::ZERO).await;
    assert_eq!(ask(&told).await.unwrap_err().reason, FailureReason::TooLarge);
    let mut endless = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec();
    endless.resize(CAP * 4, b'x');
    let (untold, _) = serve(endless, Duration::ZERO).await;
    assert_eq!(ask(&untold).await.unwrap_err().reason, FailureReason::TooLarge);
    let (fits, _) = serve(http("200 OK", &vec![b'x'; CAP]), Duration::ZERO).await;
    assert_eq!(ask(&fits).await.unwrap().body.len(), CAP);
}

#[tokio::test]
async fn a_bomb_is_counted_after_decompression() {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&vec![0; 50 << 20]).unwrap();
    let bomb = packer.finish().unwrap();
    assert!(bomb.len() < CAP);
    let (url, _) = serve(http("200 OK\r\ncontent-encoding: gzip", &bomb), Duration::ZERO).await;
    assert_eq!(ask(&url).await.unwrap_err().reason, FailureReason::TooLarge);
}

#[tokio::test]
async fn broken_bodies_and_broken_lines_are_told_apart() {
    let (truncated, _) = serve(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_vec(), Duration::ZERO).await;
    let failure = ask(&truncated).await.unwrap_err();
    assert_eq!((failure.reason, failure.unsent), (FailureReason::Connect, false), "{failure}");
    let (garbled, _) = serve(http("200 OK\r\ncontent-encoding: gzip", b"this is no gzip at all"), Duration::ZERO).await;
    assert_eq!(ask(&garbled).await.unwrap_err().reason, FailureReason::Decode);
    let (nonsense, _) = serve(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), Duration::ZERO).await;
    let failure = ask(&nonsense).await.unwrap_err();
    assert_eq!((failure.reason, failure.unsent), (FailureReason::Connect, false), "{failure}");
}

#[tokio::test]
async fn what_never_left_is_said_to_be_unsent() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let failure = ask(&format!("http://{closed}/x?token=canary")).await.unwrap_err();
    assert_eq!((failure.reason, failure.unsent), (FailureReason::Connect, true));
    assert!(failure.detail.as_str().contains("onnection refused"), "{failure}");
    let failure = ask("http://no-such-host.invalid/").await.unwrap_err();
    assert_eq!((failure.reason, failure.unsent), (FailureReason::Connect, true), "{failure}");
    let (plain, _) = serve(http("400 Bad", b"no tls here"), Duration::ZERO).await;
    let failure = ask(&plain.replace("http:", "https:")).await.unwrap_err();
    assert_eq!((failure.reason, failure.unsent), (FailureReason::Tls, true), "{failure}");
}

#[tokio::test]
async fn a_redirect_to_another_origin_is_an_answer_and_gets_no_credential() {
    let (elsewhere, seen) = serve(http("200 OK", b"stolen"), Duration::ZERO).await;
    let (url, _) = serve(http(&format!("302 Found\r\nlocation: {elsewhere}/x"), b""), Duration::ZERO).await;
    let answer = ask(&url).await.unwrap();
    assert_eq!(answer.status, 302);
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_redirect_on_the_origin_is_followed_but_not_for_ever() {
    let (url, seen) = serve(http("302 Found\r\nlocation: /again", b""), Duration::ZERO).await;
    assert_eq!(ask(&format!("{url}/first")).await.unwrap().status, 302);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 6);
    assert!(seen.iter().all(|head| head.contains("private-token: canary")));
}

#[tokio::test]
async fn a_proxy_that_is_named_is_used_and_none_means_none() {
    let (proxy, seen) = serve(http("200 OK", b"by the proxy"), Duration::ZERO).await;
    let through = Settings { proxy: Proxy::Url(proxy.parse().unwrap()), ..settings() };
    assert_eq!(&ask_with(through, "http://issuer.invalid/x").await.unwrap().body[..], b"by the proxy");
    assert!(seen.lock().unwrap()[0].starts_with("get http://issuer.invalid/x http/1.1"));
}

#[test]
fn a_proxy_is_a_word_or_a_url_without_userinfo() {
    let read = |text: &str| serde_json::from_value::<Proxy>(text.into());
    assert_eq!(read("environment").unwrap(), Proxy::Environment);
    assert_eq!(read("none").unwrap(), Proxy::None);
    assert!(matches!(read("http://proxy.example.com:3128").unwrap(), Proxy::Url(_)));
    for wrong in ["nothing", "http://u:canary@proxy.example.com", "socks5://proxy.example.com", ""] {
        let told = read(wrong).unwrap_err().to_string();
        assert!(!told.contains("canary") && !told.is_empty());
    }
}

#[tokio::test]
async fn a_url_that_is_the_credential_is_not_repeated() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let client = Client::build(&settings()).unwrap();
    let mut request = Request::get(format!("http://{closed}/services/canary").parse().unwrap());
    request.method = "POST".into();
    let failure = send(&client, request.clone(), &Clock::System).await.unwrap_err();
    assert!(!failure.to_string().contains("canary"), "{failure}");
    request.method = "GET".into();
    let failure = send(&client.hide_paths(), request, &Clock::System).await.unwrap_err();
    assert!(!failure.to_string().contains("canary"), "{failure}");
}

#[tokio::test]
async fn a_secret_that_no_header_carries_is_never_sent_nor_shown() {
    let client = Client::build(&settings()).unwrap();
    let mut request = Request::get("http://127.0.0.1:9/".parse().unwrap());
    request.secret_headers.push(("x".into(), Secret::new("canary\r\nx: y".into())));
    let failure = send(&client, request, &Clock::System).await.unwrap_err();
    assert!(failure.unsent && !failure.to_string().contains("canary"), "{failure}");
}

/// A CA, a server certificate for `name`, and a client certificate, as PEM files.
struct Certificates {
    dir: tempfile::TempDir,
    server: axum_server::tls_rustls::RustlsConfig,
}

impl Certificates {
    fn make(name: &str, asks_client: bool) -> Self {
        super::tls::ensure_provider();
        let dir = tempfile::tempdir().unwrap();
        let ca_key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let ca = params.self_signed(&ca_key).unwrap();
        let issuer = rcgen::Issuer::new(params, ca_key);
        let leaf = |name: &str| {
            let key = rcgen::KeyPair::generate().unwrap();
            let cert = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
            (cert, key)
        };
        let (cert, key) = leaf(name);
        let (client, client_key) = leaf("client");
        std::fs::write(dir.path().join("ca.pem"), ca.pem()).unwrap();
        std::fs::write(dir.path().join("client.pem"), client.pem()).unwrap();
        std::fs::write(dir.path().join("client.key"), client_key.serialize_pem()).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(ca.der().clone()).unwrap();
        let builder = rustls::ServerConfig::builder();
        let builder = if asks_client {
            builder.with_client_cert_verifier(
                rustls::server::WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap(),
            )
        } else {
            builder.with_no_client_auth()
        };
        let key = rustls_pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = builder.with_single_cert(vec![cert.der().clone()], key).unwrap();
        Self { dir, server: axum_server::tls_rustls::RustlsConfig::from_config(Arc::new(config)) }
    }
    fn path(&self, name: &str) -> Option<PathBuf> {
        Some(self.dir.path().join(name))
    }
    #[expect(clippy::disallowed_methods, reason = "a server of a test")]
    fn serve(&self) -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let app = axum::Router::new().fallback(|| async { "hello" });
        let server = axum_server::from_tcp_rustls(listener, self.server.clone()).unwrap();
        tokio::spawn(async move { server.serve(app.into_make_service()).await });
        url
    }
}

#[tokio::test]
async fn an_own_ca_is_trusted_and_nobody_else_is() {
    let certificates = Certificates::make("127.0.0.1", false);
    let url = certificates.serve();
    let own = Settings { tls: Tls { ca_file: certificates.path("ca.pem"), ..Tls::default() }, ..settings() };
    assert_eq!(&ask_with(own, &url).await.unwrap().body[..], b"hello");
    let failure = ask(&url).await.unwrap_err();
    assert_eq!((failure.reason, failure.unsent), (FailureReason::Tls, true), "{failure}");
    let stranger = Certificates::make("127.0.0.1", false);
    let other = Settings { tls: Tls { ca_file: stranger.path("ca.pem"), ..Tls::default() }, ..settings() };
    assert_eq!(ask_with(other, &url).await.unwrap_err().reason, FailureReason::Tls);
}

#[tokio::test]
async fn the_verified_name_can_be_another_than_the_one_that_is_dialled() {
    let certificates = Certificates::make("gitlab.internal", false);
    let url = certificates.serve();
    let ca_file = certificates.path("ca.pem");
    let plain = Settings { tls: Tls { ca_file: ca_file.clone(), ..Tls::default() }, ..settings() };
    assert_eq!(ask_with(plain, &url).await.unwrap_err().reason, FailureReason::Tls);
    let named = |name: &str| Settings {
        tls: Tls { ca_file: ca_file.clone(), server_name: Some(name.into()), ..Tls::default() },
        ..settings()
    };
    assert_eq!(ask_with(named("gitlab.internal"), &url).await.unwrap().status, 200);
    assert_eq!(ask_with(named("other.internal"), &url).await.unwrap_err().reason, FailureReason::Tls);
}

#[tokio::test]
async fn a_client_certificate_is_shown_when_it_is_asked_for() {
    let certificates = Certificates::make("127.0.0.1", true);
    let url = certificates.serve();
    let ca_file = certificates.path("ca.pem");
    let without = Settings { tls: Tls { ca_file: ca_file.clone(), ..Tls::default() }, ..settings() };
    assert_eq!(ask_with(without, &url).await.unwrap_err().reason, FailureReason::Tls);
    let tls = Tls {
        ca_file,
        cert_file: certificates.path("client.pem"),
        key_file: certificates.path("client.key"),
        server_name: None,
    };
    assert_eq!(&ask_with(Settings { tls, ..settings() }, &url).await.unwrap().body[..], b"hello");
}

#[test]
fn empty_and_junk_files_are_refused_in_words() {
    let certificates = Certificates::make("127.0.0.1", false);
    let write = |name: &str, text: &str| {
        std::fs::write(certificates.dir.path().join(name), text).unwrap();
        certificates.path(name)
    };
    let told = |tls: Tls| {
        Client::build(&Settings { tls, ..settings() })
            .unwrap_err()
            .to_string()
            .replace(certificates.dir.path().to_str().unwrap(), "DIR")
    };
    let ca = |ca_file| Tls { ca_file, ..Tls::default() };
    assert_eq!(
        told(ca(write("empty", ""))),
        "tls.ca_file DIR/empty holds no certificate; give a PEM file with at least one"
    );
    assert_eq!(
        told(ca(write("junk", "junk"))),
        "tls.ca_file DIR/junk holds no certificate; give a PEM file with at least one"
    );
    let broken = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
    assert_eq!(told(ca(write("broken", broken))), "tls.ca_file DIR/broken is not a sound PEM file of certificates");
    assert!(told(ca(certificates.path("absent"))).starts_with("cannot read tls.ca_file DIR/absent: No such file"));
    assert_eq!(
        told(Tls { cert_file: certificates.path("client.pem"), ..Tls::default() }),
        "tls.cert_file needs tls.key_file beside it"
    );
    assert_eq!(
        told(Tls { cert_file: certificates.path("client.pem"), key_file: write("nokey", "junk"), ..Tls::default() }),
        "tls.key_file DIR/nokey holds no private key; give a PEM file (PKCS#8, PKCS#1 or SEC1)"
    );
    assert_eq!(
        told(Tls { server_name: Some("x".into()), ..Tls::default() }),
        "tls.server_name needs tls.ca_file: name the CA that vouches for it"
    );
}
