//! SIGHUP and `POST /-/reload`: the whole new configuration is built, then swapped; if anything fails, the old one stays.

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum_server::tls_rustls::RustlsConfig;
use tokio::sync::mpsc;

use super::Options;
use super::surface::{self, users};
use super::tasks::{self, Reach, Shared};
use crate::base::supervise::Fate;
use crate::config;
use crate::config::setup::Setup;
use crate::keep::keeper::Command;
use crate::show::web::settings::WebConfig;
use crate::show::web::{Reload, Web, listen};

pub struct Cx {
    pub shared: Shared,
    pub options: Options,
    pub setup: Arc<ArcSwap<Setup>>,
    pub commands: Reach,
    pub web: Web,
    pub tls: Option<RustlsConfig>,
}

/// One reload at a time, whoever asked.
pub fn spawn(cx: Cx, mut asked: mpsc::Receiver<Reload>, mut hung_up: mpsc::Receiver<()>) {
    let supervisor = cx.shared.supervisor.clone();
    let stop = supervisor.soft.clone();
    let mut run = Some(async move {
        loop {
            let answer = tokio::select! {
                () = stop.cancelled() => return,
                Some(answer) = asked.recv() => Some(answer),
                Some(()) = hung_up.recv() => None,
                else => return,
            };
            let outcome = reload(&cx).await;
            if let Some(answer) = answer {
                // Whoever asked may have gone away; the log has it.
                let _ = answer.send(outcome);
            }
        }
    });
    supervisor.spawn("reload", Fate::OneShot, move || {
        let run = run.take();
        async move {
            if let Some(run) = run {
                run.await;
            }
        }
    });
}

async fn reload(cx: &Cx) -> Result<(), String> {
    let now = cx.shared.clock.now();
    let outcome = take(cx).await;
    if let (Err(_), Some(parts)) = (&outcome, cx.web.parts.get()) {
        parts.in_force.store(Arc::new(parts.in_force.load().refused(now)));
    }
    cx.shared.metrics.reloaded(outcome.is_ok(), now);
    match &outcome {
        Ok(()) => tracing::info!("the new configuration is in force"),
        Err(mistakes) => tracing::error!(%mistakes, "the configuration was not taken; the old one stays in force"),
    }
    outcome
}

async fn take(cx: &Cx) -> Result<(), String> {
    let (path, loading) = (cx.options.config.clone(), cx.options.loading());
    let loaded = tokio::task::spawn_blocking(move || config::load(&path, &loading)).await;
    let loaded = loaded.map_err(|_| "the configuration could not be read".to_owned())?;
    let config = loaded.map_err(|failed| failed.lines().join("\n"))?;
    let in_force = surface::in_force(&cx.options, &config, cx.shared.clock.now());
    let setup = config.setup;
    let old = cx.setup.load_full();
    if setup.store != old.store {
        return Err("store: a change of the store needs a restart".to_owned());
    }
    let web = web_config(cx)?;

    // From here on nothing can fail.
    if let (Some(new), Some(held)) = (web.1, &cx.tls) {
        held.reload_from_config(new);
    }
    cx.web.users.store(Arc::new(users(&web.0)));
    tasks::watch(&cx.shared.metrics, &setup);
    cx.shared.outlets.store(Arc::new(tasks::outlets(&setup)));
    cx.shared.exposition.choose(tasks::choice(&setup.metrics));
    let swap = Command::Reconfigured(setup.rules.clone(), setup.routes.clone());
    cx.commands.keeper.send(swap).await.map_err(|_| "forewarn is stopping".to_owned())?;
    cx.commands.roster.lock().unwrap_or_else(std::sync::PoisonError::into_inner).set(setup.collectors.clone());
    if let Some(parts) = cx.web.parts.get() {
        parts.in_force.store(Arc::new(in_force));
    }
    cx.setup.store(Arc::new(setup));
    Ok(())
}

type WebParts = (WebConfig, Option<Arc<rustls::ServerConfig>>);

fn web_config(cx: &Cx) -> Result<WebParts, String> {
    let Some(path) = &cx.options.web_config else { return Ok((WebConfig::default(), None)) };
    let config = WebConfig::load(path).map_err(|error| error.to_string())?;
    match (&config.tls_server_config, &cx.tls) {
        (Some(tls), Some(_)) => {
            let made = listen::tls(tls).map_err(|error| error.to_string())?;
            Ok((config, Some(made)))
        }
        (None, None) => Ok((config, None)),
        _ => Err("web config: switching TLS on or off needs a restart".to_owned()),
    }
}
