//! The pages over HTTP without a browser: bad input, users, the prefix, probes, a slow reader, a form of another site.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::program::Program;
use crate::support::{free_port, http};

const CONFIG: &str = r#"
store: sqlite:forewarn.db
collectors:
  vendor:
    issuer: declared
    tokens: [{ name: nuget-push, expires: 2030-03-01 }, { name: "a/../b", expires: 2030-03-01 }]
pipelines: { deploy-prod: {} }
policies: [{ match: { name: nuget-push }, team: platform, pipelines: [deploy-prod] }]
"#;

const PAGES: &[&str] = &[
    "/",
    "/tokens",
    "/t/vendor/nuget-push",
    "/pipelines",
    "/p/deploy-prod",
    "/collectors",
    "/c/vendor",
    "/deliveries",
];

async fn get(url: String) -> (u16, String, reqwest::header::HeaderMap) {
    let answer = http().get(&url).header("accept", "text/html").send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    (status, answer.text().await.unwrap(), headers)
}

/// Bytes to the port as they are; the status of the answer.
fn raw(program: &Program, request: &str) -> String {
    let mut stream = TcpStream::connect(program.url.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_asked_gets_a_sentence_and_never_a_server_error() {
    let mut program = Program::new(CONFIG, &[]);
    program.start().await;
    let long = "x".repeat(5000);
    for (path, status) in [
        ("/nowhere", 404),
        ("/tokens/", 404),
        ("/t/vendor/none", 404),
        ("/t/%3Cscript%3E%22", 404),
        ("/t/%00%0d%0a", 404),
        ("/t/%ff%fe", 400),
        ("/t", 400),
        ("/c/none", 404),
        ("/c/%ff", 400),
        ("/c/vendor?poll=%3Cscript%3E", 400),
        ("/p/none", 404),
        ("/assets/forewarn.css", 404),
        ("/assets/..%2f..%2fetc%2fpasswd", 404),
        ("/tokens?offset=-1", 400),
        ("/tokens?offset=99999999999999999999", 400),
        ("/tokens?day=tomorrow", 400),
        ("/tokens?day=2026-02-30", 400),
        ("/tokens?tema=platform", 400),
        ("/tokens?name=%5B", 400),
        ("/tokens?q=name%3D%5B", 400),
        ("/tokens?q=%ff", 200),
        ("/tokens?q=%00", 400),
        ("/tokens?q=%E2%80%AEgnp.exe", 400),
        ("/tokens?&&=&a", 400),
        ("/tokens?offset=1000000", 200),
        ("/deliveries?offset=x", 400),
        ("/deliveries?colour=red", 400),
    ] {
        let (said, body, headers) = get(format!("{}{path}", program.url)).await;
        assert_eq!(said, status, "{path}: {body}");
        assert!(body.contains("<h1") && body.contains("</html>"), "{path} has the layout of all pages: {body}");
        assert!(!body.contains("<script>") && !body.contains('\0'), "{path} stays inert");
        assert!(headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"), "{path}");
    }
    for path in [format!("/tokens?q={long}"), format!("/tokens?name={long}"), format!("/t/{long}")] {
        let (status, body, _) = get(format!("{}{path}", program.url)).await;
        assert!((400..500).contains(&status), "{status}: {body}");
        assert!(body.len() < 20_000, "what was asked is not repeated at length");
    }
    // A program gets the sentence alone.
    let plain = http().get(format!("{}/tokens?tema=a", program.url)).send().await.unwrap().text().await.unwrap();
    assert!(plain.contains("did you mean \"team\"") && !plain.contains('<'), "{plain}");
    let head = "Host: x\r\nConnection: close\r\n";
    for (request, status) in [
        (format!("DELETE / HTTP/1.1\r\n{head}\r\n"), "405"),
        (format!("POST /tokens HTTP/1.1\r\n{head}Content-Length: 0\r\n\r\n"), "405"),
        (format!("POST /c/vendor/poll HTTP/1.1\r\n{head}Content-Length: 3\r\n\r\n\u{1}\u{2}\u{3}"), "303"),
        (format!("GET /%zz HTTP/1.1\r\n{head}\r\n"), "404"),
        (format!("GET / HTTP/1.1\r\n{head}X-Long: {}\r\n\r\n", "y".repeat(1 << 20)), "431"),
        (format!("GET / HTTP/1.1\r\n{head}Accept: \u{e9}\u{0}\r\n\r\n"), "400"),
        ("nonsense\r\n\r\n".to_owned(), "400"),
    ] {
        let said = raw(&program, &request);
        let start: String = request.chars().take(40).collect();
        // A connection that is closed before all was written is a refusal as well.
        assert!(said.contains(status) || said.is_empty(), "{start:?}: {said}");
    }
    assert_eq!(program.stop(libc::SIGTERM), Some(0));
    assert!(!program.logs().contains("panicked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn users_cover_every_page_and_probes_need_none() {
    let mut program = Program::new(CONFIG, &[]);
    let hash = bcrypt_of("secret");
    program.write("web.yml", &format!("basic_auth_users: {{ reader: \"{hash}\" }}\n"));
    let probe = format!("127.0.0.1:{}", free_port());
    program.sign_in("reader", "secret");
    program.url += "/ops/forewarn";
    let arguments = ["--web.config.file=web.yml", "--web.route-prefix=/ops/forewarn/", "--web.probe-listen-address"];
    program.start_with(&[&arguments[..], &[probe.as_str()]].concat()).await;
    let bare = program.url.trim_end_matches("/ops/forewarn").to_owned();
    let style = program.get("/").await;
    let style = style.split("href=\"").find(|part| part.contains(".css")).unwrap().split('"').next().unwrap();
    let style = style.replace("&#x2f;", "/").trim_start_matches('.').to_owned();
    let more = ["/api/v1/tokens", "/metrics", "/-/healthy", "/-/ready", "/nowhere", style.as_str(), ""];
    for path in PAGES.iter().chain(&more) {
        let (status, body, _) = get(format!("{}{path}", program.url)).await;
        assert_eq!(status, 401, "{path}: {body}");
        assert!(!body.contains("nuget-push"), "{path} tells nothing");
        let known = http().get(format!("{}{path}", program.url)).basic_auth("reader", Some("secret")).send().await;
        let expected = if *path == "/nowhere" { 404 } else { 200 };
        assert_eq!(known.unwrap().status().as_u16(), expected, "{path} with a user");
    }
    for (path, status) in [("/", 401), ("/tokens", 401), ("/ops", 401)] {
        assert_eq!(get(format!("{bare}{path}")).await.0, status, "{path} without the prefix");
    }
    let outside = http().get(format!("{bare}/tokens")).basic_auth("reader", Some("secret")).send().await.unwrap();
    assert_eq!(outside.status().as_u16(), 404);
    assert!(outside.text().await.unwrap().contains("/ops/forewarn/"), "it says where the start page is");
    for (path, status) in [("/-/healthy", 200), ("/-/ready", 200), ("/", 404), ("/metrics", 404), ("/tokens", 404)] {
        assert_eq!(get(format!("http://{probe}{path}")).await.0, status, "the probe's {path}");
    }
    let (code, _, said) = program.run(&["serve", "--config.file", "forewarn.yml", "--web.route-prefix=/a b"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("--web.route-prefix"), "{said}");
}

fn bcrypt_of(password: &str) -> String {
    bcrypt::hash(password, 4).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_another_site_moves_nothing() {
    let mut program = Program::new(CONFIG, &[]);
    program.start_with(&["--web.external-url=https://ops.example.com"]).await;
    for path in ["/c/vendor/poll", "/api/v1/collectors/vendor/poll", "/-/reload"] {
        let post = |name: &'static str, value: &'static str| {
            http().post(format!("{}{path}", program.url)).header(name, value).send()
        };
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert_eq!(post(name, value).await.unwrap().status().as_u16(), 403, "{path} {name}: {value}");
        }
        let fine = post("origin", "https://ops.example.com").await.unwrap().status();
        // 429: the page has just asked for a poll.
        assert!(fine.is_success() || fine == 429, "{path} from the page itself, behind a proxy: {fine}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stops_reading_holds_nothing_up() {
    let mut tokens = String::new();
    for nth in 0..2000 {
        tokens += &format!("      - {{ name: \"bot-{nth}\", expires: 2030-03-01 }}\n");
    }
    let config =
        format!("store: sqlite:forewarn.db\ncollectors:\n  vendor:\n    issuer: declared\n    tokens:\n{tokens}");
    let mut program = Program::new(&config, &[]);
    program.start().await;
    let address = program.url.trim_start_matches("http://").to_owned();
    let stuck: Vec<TcpStream> = (0..40)
        .map(|nth| {
            let mut stream = TcpStream::connect(&address).unwrap();
            let path = ["/", "/tokens", "/metrics", "/api/v1/tokens?limit=1000"][nth % 4];
            // Many answers are asked for and none is read; a third of the readers vanish at once.
            for _ in 0..20 {
                write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            }
            stream
        })
        .filter(|stream| stream.local_addr().unwrap().port() % 3 != 0)
        .collect();
    let watch = Instant::now();
    let (status, _, _) = get(format!("{}/tokens", program.url)).await;
    assert_eq!(status, 200);
    assert!(watch.elapsed() < Duration::from_secs(8), "{:?}", watch.elapsed());
    let watch = Instant::now();
    assert_eq!(program.stop(libc::SIGTERM), Some(0));
    assert!(watch.elapsed() < Duration::from_secs(15), "{:?}", watch.elapsed());
    drop(stuck);
}
