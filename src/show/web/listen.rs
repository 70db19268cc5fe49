//! Early bind, TLS, slow-client limits and the graceful stop.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::settings::TlsServer;

/// Limits on clients that connect and then say nothing.
const FIRST_REQUEST: Duration = Duration::from_secs(15);
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Why an address cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ListenError(pub String);

/// Binds every address now, so that a port in use is said before anything else starts.
pub fn bind(addresses: &[String]) -> Result<Vec<TcpListener>, ListenError> {
    addresses.iter().map(|address| bind_one(address)).collect()
}

fn bind_one(address: &str) -> Result<TcpListener, ListenError> {
    // `:9000` means every interface, as in the exporter toolkit.
    let full = if address.starts_with(':') { format!("[::]{address}") } else { address.to_owned() };
    let failed = |error: std::io::Error| {
        let help = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "another process listens there; stop it or choose another --web.listen-address"
            }
            std::io::ErrorKind::PermissionDenied => "ports below 1024 need privileges; choose a higher one",
            _ => "write HOST:PORT, for example 127.0.0.1:10789",
        };
        ListenError(format!("cannot listen on {address}: {error}; {help}"))
    };
    let resolved: Vec<SocketAddr> = full.to_socket_addrs().map_err(failed)?.collect();
    let listener = TcpListener::bind(&resolved[..]).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

/// Reads certificate, key and client CA; called again at a reload.
pub fn tls(config: &TlsServer) -> Result<Arc<rustls::ServerConfig>, ListenError> {
    let failed = |what: &str, file: &std::path::Path, error: String| {
        ListenError(format!("cannot use the {what} in {}: {error}", file.display()))
    };
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&config.cert_file)
        .and_then(Iterator::collect)
        .map_err(|error| failed("certificate", &config.cert_file, error.to_string()))?;
    let key = PrivateKeyDer::from_pem_file(&config.key_file)
        .map_err(|error| failed("key", &config.key_file, error.to_string()))?;
    let versions: &[&rustls::SupportedProtocolVersion] = match config.min_version.as_deref() {
        Some("TLS13") => &[&rustls::version::TLS13],
        _ => rustls::ALL_VERSIONS,
    };
    let builder = rustls::ServerConfig::builder_with_protocol_versions(versions);
    let builder = match config
        .client_ca_file
        .as_ref()
        .filter(|_| config.client_auth_type.as_deref() == Some("RequireAndVerifyClientCert"))
    {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let mut roots = rustls::RootCertStore::empty();
            let found = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            let found = found.map_err(|error| failed("client CA", file, error.to_string()))?;
            roots.add_parsable_certificates(found);
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| failed("client CA", file, error.to_string()))?)
        }
    };
    let mut made = builder
        .with_single_cert(certificates, key)
        .map_err(|error| failed("certificate", &config.cert_file, error.to_string()))?;
    made.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(made))
}

/// Serves one listener until `handle` is told to stop.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    tls: Option<RustlsConfig>,
    handle: Handle<SocketAddr>,
) -> std::io::Result<()> {
    let service = router.into_make_service();
    let server = axum_server::from_tcp(listener)?.handle(handle).first_request_timeout(FIRST_REQUEST);
    // Without TCP_NODELAY the last frame of a page waits for an acknowledgement.
    match tls {
        None => server.acceptor(NoDelayAcceptor::new()).serve(service).await,
        Some(config) => {
            let acceptor = RustlsAcceptor::new(config).handshake_timeout(HANDSHAKE).acceptor(NoDelayAcceptor::new());
            server.acceptor(acceptor).serve(service).await
        }
    }
}
