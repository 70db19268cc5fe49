//! The web surface: settings, sockets, TLS, one task an address.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use axum::Router;
use axum_server::tls_rustls::RustlsConfig;
use tokio::sync::mpsc;

use super::{Options, StartError};
use crate::base::metrics::Metrics;
use crate::base::secret::fingerprint::Fingerprints;
use crate::base::supervise::{Fate, Supervisor};
use crate::base::time::clock::Clock;
use crate::config::Config;
use crate::deliver::message::words;
use crate::domain::At;
use crate::show::web::in_force::InForce;
use crate::show::web::settings::WebConfig;
use crate::show::web::site::Site;
use crate::show::web::{LOOKERS, Reload, Web, auth, listen, probe, router};

/// What listens, and how to stop it.
pub struct Surface {
    pub addresses: Vec<SocketAddr>,
    pub handles: Vec<axum_server::Handle<SocketAddr>>,
    pub tls: Option<RustlsConfig>,
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
    let tls = tls.map(RustlsConfig::from_config);
    let listeners = listen::bind(&options.listen).map_err(|error| StartError::new(1, error))?;
    let mut surface = Surface { addresses: Vec::new(), handles: Vec::new(), tls };
    let probes = listen::bind(options.probe.as_slice()).map_err(|error| StartError::new(1, error))?;
    for listener in listeners {
        let address = listener.local_addr().map_err(|error| StartError::new(1, error))?;
        surface.addresses.push(address);
        let tls = surface.tls.clone();
        surface.serve((listener, address), router(web.clone()), tls, supervisor);
    }
    for listener in probes {
        let address = listener.local_addr().map_err(|error| StartError::new(1, error))?;
        surface.serve((listener, address), probe(web.clone()), None, supervisor);
    }
    Ok(surface)
}

impl Surface {
    fn serve(
        &mut self,
        (listener, address): (TcpListener, SocketAddr),
        router: Router,
        tls: Option<RustlsConfig>,
        supervisor: &Supervisor,
    ) {
        let handle = axum_server::Handle::new();
        self.handles.push(handle.clone());
        let mut taken = Some((listener, router, tls, handle));
        supervisor.spawn(format!("web {address}"), Fate::EndProcess, move || {
            let taken = taken.take();
            async move {
                let Some((listener, router, tls, handle)) = taken else { return };
                if let Err(error) = listen::serve(listener, router, tls, handle).await {
                    tracing::error!(%error, "the web surface ended");
                }
            }
        });
    }
}

/// What readers are told of a configuration that was taken at `now`.
pub fn in_force(options: &Options, config: &Config, now: At) -> InForce {
    let counts = &config.counts;
    let policies = format!("{} {}", counts.policies, if counts.policies == 1 { "policy" } else { "policies" });
    let holds = [
        words::count(counts.collectors, "collector"),
        policies,
        words::count(counts.channels, "channel"),
        words::count(counts.routes, "route"),
    ];
    InForce {
        file: options.config.display().to_string(),
        holds: holds.join(", "),
        loaded_at: now,
        reload_good: true,
        reload_at: now,
        warnings: config.setup.warnings.clone(),
    }
}

/// A web surface that knows nothing yet.
pub fn empty(metrics: &Arc<Metrics>, clock: &Clock, reloads: mpsc::Sender<Reload>, site: &Site) -> Web {
    let nobody = auth::Users::new(Default::default(), Fingerprints::from_key(&[0; 32]));
    Web {
        parts: Arc::new(OnceLock::new()),
        metrics: metrics.clone(),
        clock: clock.clone(),
        reloads,
        users: Arc::new(ArcSwap::from_pointee(nobody)),
        site: Arc::new(site.clone()),
        lookers: Arc::new(tokio::sync::Semaphore::new(LOOKERS)),
    }
}

/// Keys of the memory of successful checks are new with each reading.
pub fn users(config: &WebConfig) -> auth::Users {
    let mut key = [0u8; 32];
    // A predictable key would only weaken a mark that never leaves memory.
    let _ = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut key);
    auth::Users::new(config.basic_auth_users.clone().unwrap_or_default(), Fingerprints::from_key(&key))
}
