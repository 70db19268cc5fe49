//! Trust and identity of one destination: own CA, client certificate, the name that is verified.
//!
//! An own CA replaces the system's roots. Junk or empty files are refused here, because a client that trusts nobody
//! fails only when it is too late.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use super::client::{ClientError, Tls};
use crate::base::secret::{Secret, SecretRef, read};

/// Largest certificate file read, bytes.
const MOST: u64 = 4 << 20;

/// Certificate chain and key of ours, as PEM.
pub struct Identity {
    pub chain: Vec<u8>,
    pub key: Secret,
}

/// The ring provider, for whoever builds a client before `main` installed it (tests, offline commands).
pub fn ensure_provider() {
    if CryptoProvider::get_default().is_none() {
        // Losing the race means that another thread installed the same provider.
        let _ = ring::default_provider().install_default();
    }
}

/// What `cert_file` and `key_file` hold; both or neither.
pub fn identity(tls: &Tls) -> Result<Option<Identity>, ClientError> {
    let (cert, key) = match (&tls.cert_file, &tls.key_file) {
        (None, None) => return Ok(None),
        (Some(cert), Some(key)) => (cert, key),
        (Some(_), None) => return Err(ClientError("tls.cert_file needs tls.key_file beside it".into())),
        (None, Some(_)) => return Err(ClientError("tls.key_file needs tls.cert_file beside it".into())),
    };
    let chain = bytes("tls.cert_file", cert)?;
    certificates("tls.cert_file", cert, &chain)?;
    let secret = read::read(&SecretRef::File(key.clone()))
        .map_err(|error| ClientError(format!("cannot read tls.key_file: {error}")))?;
    PrivateKeyDer::from_pem_slice(secret.expose().as_bytes()).map_err(|_| {
        ClientError(format!(
            "tls.key_file {} holds no private key; give a PEM file (PKCS#8, PKCS#1 or SEC1)",
            key.display()
        ))
    })?;
    Ok(Some(Identity { chain, key: secret }))
}

/// A configuration that trusts `ca` alone and verifies `server_name`, if given, instead of the URL's host.
pub fn config(ca: &Path, server_name: Option<&str>, identity: Option<&Identity>) -> Result<ClientConfig, ClientError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("tls.ca_file", ca, &bytes("tls.ca_file", ca)?)? {
        roots.add(certificate).map_err(|_| {
            ClientError(format!("tls.ca_file {} holds a certificate that cannot be read", ca.display()))
        })?;
    }
    let provider = Arc::new(ring::default_provider());
    let wrong = |error: &dyn std::fmt::Display| ClientError(format!("tls settings do not fit together: {error}"));
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| wrong(&error))?;
    let verifier: Arc<dyn ServerCertVerifier> = match server_name {
        None => inner,
        Some(text) => {
            let name = ServerName::try_from(text.to_owned())
                .map_err(|_| ClientError(format!("tls.server_name {text:?} is neither a host name nor an address")))?;
            Arc::new(Named { inner, name })
        }
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let chain = CertificateDer::pem_slice_iter(&identity.chain).filter_map(Result::ok).collect();
            let key = PrivateKeyDer::from_pem_slice(identity.key.expose().as_bytes()).map_err(|error| wrong(&error))?;
            builder.with_client_auth_cert(chain, key).map_err(|error| wrong(&error))?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn bytes(key: &str, path: &Path) -> Result<Vec<u8>, ClientError> {
    let told = |error: std::io::Error| ClientError(format!("cannot read {key} {}: {error}", path.display()));
    let length = std::fs::metadata(path).map_err(told)?.len();
    if length > MOST {
        return Err(ClientError(format!(
            "{key} {} is larger than {MOST} bytes; give a PEM file of certificates",
            path.display()
        )));
    }
    std::fs::read(path).map_err(told)
}

/// The certificates of a PEM file; at least one.
fn certificates(key: &str, path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let broken = || ClientError(format!("{key} {} is not a sound PEM file of certificates", path.display()));
    let found: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| broken())?;
    if found.is_empty() {
        return Err(ClientError(format!(
            "{key} {} holds no certificate; give a PEM file with at least one",
            path.display()
        )));
    }
    Ok(found)
}

/// Verifies a configured name instead of the one that was dialled. The name sent in the handshake stays the URL's host.
#[derive(Debug)]
struct Named {
    inner: Arc<WebPkiServerVerifier>,
    name: ServerName<'static>,
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _dialled: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.inner.verify_server_cert(end_entity, intermediates, &self.name, ocsp_response, now)
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
