//! The web surface: settings, sockets, TLS, one task an address.

use std::net::SocketAddr;
use std::sync::Arc;

use super::{Options, StartError};
use crate::base::secret::fingerprint::Fingerprints;
use crate::base::supervise::{Fate, Supervisor};
use crate::show::web::settings::WebConfig;
use crate::show::web::{Web, auth, listen, router};

/// What listens, and how to stop it.
pub struct Surface {
    pub addresses: Vec<SocketAddr>,
    pub handles: Vec<axum_server::Handle<SocketAddr>>,
    pub tls: Option<axum_server::tls_rustls::RustlsConfig>,
}

/// Binds every address and serves it.
pub async fn open(options: &Options, web: &Web, supervisor: &Supervisor) -> Result<Surface, StartError> {
    let config = match &options.web_config {
        Some(path) => WebConfig::load(path).map_err(|error| StartError::new(2, error))?,
        None => WebConfig::default(),
    };
    web.users.store(Arc::new(users(&config)));
    let tls = match &config.tls_server_config {
        Some(tls) => Some(listen::tls(tls).map_err(|error| StartError::new(2, error))?),
        None => None,
    };
    let tls = tls.map(axum_server::tls_rustls::RustlsConfig::from_config);
    let listeners = listen::bind(&options.listen).map_err(|error| StartError::new(1, error))?;
    let mut surface = Surface { addresses: Vec::new(), handles: Vec::new(), tls };
    for listener in listeners {
        let address = listener.local_addr().map_err(|error| StartError::new(1, error))?;
        let handle = axum_server::Handle::new();
        surface.addresses.push(address);
        surface.handles.push(handle.clone());
        let (router, tls, mut listener) = (router(web.clone()), surface.tls.clone(), Some(listener));
        supervisor.spawn(format!("web {address}"), Fate::EndProcess, move || {
            let (router, tls, handle, listener) = (router.clone(), tls.clone(), handle.clone(), listener.take());
            async move {
                let Some(listener) = listener else { return };
                if let Err(error) = listen::serve(listener, router, tls, handle).await {
                    tracing::error!(%error, "the web surface ended");
                }
            }
        });
    }
    Ok(surface)
}

/// Keys of the memory of successful checks are new with each reading.
pub fn users(config: &WebConfig) -> auth::Users {
    let mut key = [0u8; 32];
    // A predictable key would only weaken a mark that never leaves memory.
    let _ = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut key);
    auth::Users::new(config.basic_auth_users.clone().unwrap_or_default(), Fingerprints::from_key(&key))
}
