//! Every task by name, with its fate: keeper, outbox, exposition, pollers.

use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;

use crate::base::http::client::{Client, ClientError, Proxy, Settings, Tls};
use crate::base::metrics::Metrics;
use crate::base::secret::fingerprint::Fingerprints;
use crate::base::supervise::{Fate, Supervisor};
use crate::base::time::clock::{Clock, Stopwatch};
use crate::collect::polls::Polls;
use crate::collect::roster::{Roster, RosterCx};
use crate::config::sections::{MetricsSection, TokensShown};
use crate::config::setup::Setup;
use crate::deliver::channel::SendCx;
use crate::deliver::message::ComposeCx;
use crate::deliver::outbox::{self, OutboxCx, Outlets};
use crate::domain::At;
use crate::domain::reason::{HoldReason, StoreOperation};
use crate::judge::world::World;
use crate::keep::keeper::{Command, Keeper, Mailbox, Rings};
use crate::keep::store::handle::StoreHandle;
use crate::show::exposition::aggregates::Undone;
use crate::show::exposition::{Choice, Exposition, Shown, Workshop, pause_after};

/// Events that may wait for the keeper; beyond them pollers wait.
const MAILBOX: usize = 64;
const WISHES: usize = 256;

/// Largest answer of a channel, bytes; a receiver has no reason to send more.
const CHANNEL_CAP: usize = 64 * 1024;
const CHANNEL_TIMEOUT: Duration = Duration::from_secs(20);

/// What the parts share.
#[derive(Clone)]
pub struct Shared {
    pub world: Arc<RwLock<World>>,
    pub store: StoreHandle,
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
    pub rings: Rings,
    pub exposition: Arc<Exposition>,
    pub outlets: Arc<ArcSwap<Outlets>>,
    pub compose: ComposeCx,
    /// The last polls of each collector, for people.
    pub polls: Polls,
    pub supervisor: Supervisor,
    /// Of the store, as it was opened.
    pub last_write: Option<At>,
}

/// Ways to reach the running parts after the start.
#[derive(Clone)]
pub struct Reach {
    pub keeper: mpsc::Sender<Command>,
    pub roster: Arc<Mutex<Roster>>,
}

/// Which per-token series the page has.
pub fn choice(section: &MetricsSection) -> Choice {
    Choice {
        tokens: match section.tokens {
            TokensShown::All => Shown::All,
            TokensShown::Findings => Shown::Findings,
            TokensShown::None => Shown::None,
        },
        also: section.also.iter().map(|family| family.as_str().to_owned()).collect(),
        narrow_above: section.narrow_above(),
    }
}

/// Channels with the routes that lead to them.
pub fn outlets(setup: &Setup) -> Outlets {
    Outlets { channels: setup.channels.clone(), routes: setup.routes.clone() }
}

/// Zero series of every configured collector and channel.
pub fn watch(metrics: &Metrics, setup: &Setup) {
    let collectors: Vec<_> = setup.collectors.iter().map(|collector| collector.id.clone()).collect();
    let channels: Vec<_> = setup.channels.keys().cloned().collect();
    metrics.watch(&collectors, &channels);
}

/// A client for channels: system roots, the environment's proxy.
pub fn channel_client() -> Result<Client, ClientError> {
    Client::build(&Settings {
        tls: Tls::default(),
        proxy: Proxy::Environment,
        timeout: CHANNEL_TIMEOUT,
        body_cap: CHANNEL_CAP,
    })
}

/// Spawns every part.
pub fn spawn(shared: &Shared, setup: &Setup, fingerprints: Fingerprints) -> Result<Reach, ClientError> {
    let (walked, walked_in) = mpsc::channel(MAILBOX);
    let (commands, commands_in) = mpsc::channel(MAILBOX);
    let (asks, mut asks_in) = mpsc::channel(WISHES);
    spawn_keeper(shared, Mailbox { walked: walked_in, commands: commands_in }, asks);
    spawn_outbox(shared, &commands)?;
    spawn_exposition(shared);
    spawn_forgetting(shared);

    let mut roster = Roster::new(RosterCx {
        out: walked,
        clock: shared.clock.clone(),
        metrics: shared.metrics.clone(),
        fingerprints,
        polls: shared.polls.clone(),
        supervisor: shared.supervisor.clone(),
    });
    roster.set(setup.collectors.clone());
    let roster = Arc::new(Mutex::new(roster));
    let wishes = roster.clone();
    let mut take = Some(async move {
        while let Some((collector, wish)) = asks_in.recv().await {
            wishes.lock().unwrap_or_else(std::sync::PoisonError::into_inner).wish(&collector, wish);
        }
    });
    shared.supervisor.spawn("wishes", Fate::OneShot, move || {
        let run = take.take();
        async move {
            if let Some(run) = run {
                run.await;
            }
        }
    });
    Ok(Reach { keeper: commands, roster })
}

fn spawn_keeper(
    shared: &Shared,
    mailbox: Mailbox,
    asks: mpsc::Sender<(crate::domain::key::CollectorId, crate::domain::observation::Wish)>,
) {
    let keeper = Keeper {
        world: shared.world.clone(),
        store: shared.store.clone(),
        clock: shared.clock.clone(),
        metrics: shared.metrics.clone(),
        rings: shared.rings.clone(),
        asks,
        last_write: shared.last_write,
        stop: shared.supervisor.soft.clone(),
    };
    // A thread of its own: judging many slots never delays an answer.
    let runtime = tokio::runtime::Handle::current();
    shared.supervisor.thread("keeper", Fate::EndProcess, move || runtime.block_on(keeper.run(mailbox)));
}

fn spawn_outbox(shared: &Shared, commands: &mpsc::Sender<Command>) -> Result<(), ClientError> {
    let (health, mut health_in) = mpsc::channel(MAILBOX);
    let cx = OutboxCx {
        store: shared.store.clone(),
        outlets: shared.outlets.clone(),
        compose: shared.compose.clone(),
        send: SendCx { client: channel_client()?, clock: shared.clock.clone() },
        metrics: shared.metrics.clone(),
        ring: shared.rings.deliver.clone(),
        health,
        supervisor: shared.supervisor.clone(),
    };
    let mut cx = Some(cx);
    shared.supervisor.spawn("outbox", Fate::EndProcess, move || {
        let cx = cx.take();
        async move {
            if let Some(cx) = cx {
                outbox::run(cx).await;
            }
        }
    });
    let commands = commands.clone();
    let mut take = Some(async move {
        while let Some(health) = health_in.recv().await {
            if commands.send(Command::Channel(health)).await.is_err() {
                return;
            }
        }
    });
    shared.supervisor.spawn("channel health", Fate::OneShot, move || {
        let run = take.take();
        async move {
            if let Some(run) = run {
                run.await;
            }
        }
    });
    Ok(())
}

/// How often deliveries are counted for the page even if nothing rings.
const COUNT_AGAIN: Duration = Duration::from_secs(10);

fn spawn_exposition(shared: &Shared) {
    let shared = shared.clone();
    let stop = shared.supervisor.soft.clone();
    shared.supervisor.clone().spawn("exposition", Fate::EndProcess, move || {
        let (shared, stop) = (shared.clone(), stop.clone());
        async move {
            let mut shop = Workshop::default();
            loop {
                count_deliveries(&shared).await;
                let watch = Stopwatch::start();
                shop = refresh(&shared, shop).await;
                let pause = pause_after(watch.elapsed());
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(pause) => {}
                }
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = shared.rings.changed.notified() => {}
                    () = tokio::time::sleep(COUNT_AGAIN) => {}
                }
            }
        }
    });
}

/// What was told is kept for questions this long, days.
const KEPT: i64 = 90;
/// How often what is older is forgotten; the first time soon after a start, for whoever is restarted daily.
const FORGET_AGAIN: Duration = Duration::from_secs(24 * 3600);
const FORGET_FIRST: Duration = Duration::from_secs(600);

/// Messages long sent and findings long closed leave the store.
fn spawn_forgetting(shared: &Shared) {
    let shared = shared.clone();
    let stop = shared.supervisor.soft.clone();
    shared.supervisor.clone().spawn("forgetting", Fate::Restart, move || {
        let (shared, stop) = (shared.clone(), stop.clone());
        async move {
            let mut pause = FORGET_FIRST;
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(pause) => pause = FORGET_AGAIN,
                }
                forget(&shared).await;
            }
        }
    });
}

async fn forget(shared: &Shared) {
    // A clock that is not believed must not make last week look like last year (semantics 11.1).
    let doubted = {
        let world = shared.world.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        world.held().iter().any(|(why, _)| *why == HoldReason::Clock)
    };
    if doubted {
        return;
    }
    let before = shared.clock.now() - chrono::TimeDelta::days(KEPT);
    match shared.store.call(move |store| store.prune(before)).await {
        Ok(0) => {}
        Ok(rows) => tracing::info!(rows, "forgot messages and findings that are over since {KEPT} days"),
        Err(error) => {
            shared.metrics.store_error(StoreOperation::Commit);
            tracing::warn!(%error, "could not forget what is long over; trying again in a day");
        }
    }
}

async fn refresh(shared: &Shared, mut shop: Workshop) -> Workshop {
    let (exposition, now) = (shared.exposition.clone(), shared.clock.now());
    let done = tokio::task::spawn_blocking(move || {
        exposition.refresh(&mut shop, now);
        shop
    });
    // A panic in rendering is counted by its hook; the page starts afresh.
    done.await.unwrap_or_default()
}

async fn count_deliveries(shared: &Shared) {
    let now = shared.clock.now();
    match shared.store.call(move |store| store.waiting(now)).await {
        Ok(waiting) => {
            let mut undone = Undone::default();
            for row in waiting {
                undone.states.insert((row.channel.clone(), row.state), row.count);
                if let Some(at) = row.oldest_due {
                    let oldest = undone.oldest_due.entry(row.channel).or_insert(at);
                    *oldest = (*oldest).min(at);
                }
            }
            shared.exposition.undone.store(Arc::new(undone));
        }
        Err(error) => {
            shared.metrics.store_error(StoreOperation::Read);
            tracing::warn!(%error, "could not count the deliveries that wait");
        }
    }
}
