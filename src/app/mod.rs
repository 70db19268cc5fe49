//! Builds every part in one straight list, spawns it, and waits for the end. Each part builds itself; here they only meet.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;

use crate::base::metrics::Metrics;
use crate::base::supervise::{Signals, Supervisor};
use crate::base::time::clock::Clock;
use crate::base::time::zone;
use crate::collect::polls::Polls;
use crate::config::setup::Setup;
use crate::config::{self, Loading};
use crate::deliver::message::ComposeCx;
use crate::judge::world::World;
use crate::keep::keeper::Rings;
use crate::keep::store::handle::StoreHandle;
use crate::show::exposition::Exposition;
use crate::show::web::Parts;
use crate::show::web::site::Site;

pub mod once;
pub mod reload;
pub mod remember;
mod surface;
pub mod tasks;

use remember::Remembered;

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Options {
    pub config: PathBuf,
    pub issuers: Option<PathBuf>,
    pub listen: Vec<String>,
    pub web_config: Option<PathBuf>,
    /// Without trailing slash.
    pub external_url: Option<String>,
    pub site: Site,
    /// Where probes are answered that have no user and no certificate.
    pub probe: Option<String>,
}

impl Options {
    pub fn loading(&self) -> Loading {
        Loading { definitions: self.issuers.clone(), external_url: self.external_url.is_some(), ..Loading::default() }
    }
}

/// Why the service did not start; `code` is the exit code.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct StartError {
    pub code: u8,
    pub text: String,
}

impl StartError {
    fn new(code: u8, text: impl ToString) -> Self {
        Self { code, text: text.to_string() }
    }
}

/// The running service.
pub struct Running {
    pub world: Arc<RwLock<World>>,
    pub addresses: Vec<SocketAddr>,
    pub setup: Arc<ArcSwap<Setup>>,
    pub clock: Clock,
    /// Path prefix of every page: empty, or `/forewarn`.
    pub prefix: String,
    supervisor: Supervisor,
    store: StoreHandle,
    web: Vec<axum_server::Handle<SocketAddr>>,
}

/// Binds, loads, opens the store, builds every part and spawns it. Returns when the service is ready.
pub async fn start(options: Options, clock: Clock) -> Result<Running, StartError> {
    let metrics = Metrics::new(
        env!("CARGO_PKG_VERSION"),
        option_env!("FOREWARN_REVISION").unwrap_or("unknown"),
        zone::tzdata_version(),
    );
    let supervisor = Supervisor::new(metrics.clone());
    let signals = Signals::catch().map_err(|error| StartError::new(1, format!("cannot catch signals: {error}")))?;
    let (reload_asks, reloads) = mpsc::channel(4);
    let (hangups, hung_up) = mpsc::channel(1);
    supervisor.follow(signals, hangups);

    // The socket first: `/metrics` answers while everything else is being read.
    let web = surface::empty(&metrics, &clock, reload_asks, &options.site);
    let surface = surface::open(&options, &web, &supervisor).await?;

    let loaded = config::load(&options.config, &options.loading());
    let config = loaded.map_err(|failed| StartError::new(2, failed.render()))?;
    let in_force = surface::in_force(&options, &config, clock.now());
    let setup = config.setup;
    for warning in &setup.warnings {
        tracing::warn!("{warning}");
    }
    let Remembered { world, store, fingerprints, last_write } = remember::open(&setup, &clock)?;
    let world = Arc::new(RwLock::new(world));
    let store = StoreHandle::start(store, &supervisor);

    let exposition = Exposition::new(world.clone(), tasks::choice(&setup.metrics));
    let rings = Rings::default();
    let shared = tasks::Shared {
        world: world.clone(),
        store: store.clone(),
        clock: clock.clone(),
        metrics: metrics.clone(),
        rings,
        exposition: exposition.clone(),
        outlets: Arc::new(ArcSwap::from_pointee(tasks::outlets(&setup))),
        compose: ComposeCx { external_url: options.external_url.clone() },
        polls: Polls::default(),
        supervisor: supervisor.clone(),
        last_write,
    };
    let commands = tasks::spawn(&shared, &setup, fingerprints).map_err(|error| StartError::new(1, error))?;
    tasks::watch(&metrics, &setup);
    metrics.reloaded(true, clock.now());
    let setup = Arc::new(ArcSwap::from_pointee(setup));
    let parts = Parts {
        exposition,
        world: world.clone(),
        polls: shared.polls.clone(),
        store: store.clone(),
        in_force: Arc::new(ArcSwap::from_pointee(in_force)),
    };
    reload::spawn(
        reload::Cx { shared, options, setup: setup.clone(), commands, web: web.clone(), tls: surface.tls },
        reloads,
        hung_up,
    );

    let _ = web.parts.set(parts);
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), addresses = ?surface.addresses, "forewarn is ready");
    let (addresses, prefix) = (surface.addresses, web.site.prefix().to_owned());
    Ok(Running { world, addresses, setup, clock, prefix, supervisor, store, web: surface.handles })
}

/// How long readers of a page may finish after the stop was asked for.
const DRAIN: Duration = Duration::from_secs(5);

impl Running {
    /// Waits for a signal or for a part that ends by itself; stops everything; the exit code.
    pub async fn wait(self) -> u8 {
        let failed = tokio::select! {
            () = self.supervisor.soft.cancelled() => None,
            name = self.supervisor.failed() => Some(name),
        };
        if let Some(name) = &failed {
            tracing::error!(part = name, "a part of forewarn ended; stopping");
        }
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
        self.supervisor.soft.cancel();
        for handle in &self.web {
            handle.graceful_shutdown(Some(DRAIN));
        }
        // The store's thread ends with the last handle.
        drop(self.store);
        let left = self.supervisor.drained().await;
        match left.is_empty() {
            true => tracing::info!("stopped; everything in hand was finished"),
            false => tracing::warn!(unfinished = ?left, "stopped hard; what was in hand is taken up at the next start"),
        }
        u8::from(failed.is_some() || !self.supervisor.asked())
    }

    /// Every configured collector has finished a round.
    pub fn settled(&self) -> bool {
        let world = self.world.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        world.collectors().all(|status| status.last_walk.is_some_and(|at| at >= world.started_at()))
    }
}
