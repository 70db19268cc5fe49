//! One look without a server: collectors walk in this process, nothing is written, nothing is told.
//!
//! Stands on the store where there is one, opened read-only, so that what was known before is judged with it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::remember::{self, key_file};
use crate::base::metrics::Metrics;
use crate::base::secret::fingerprint::Fingerprints;
use crate::base::time::clock::Clock;
use crate::collect::issuer::Collector;
use crate::collect::issuer::pace::Pace;
use crate::collect::issuer::walk::trace::Traced;
use crate::collect::issuer::walk::{self, WalkCx};
use crate::config::setup::Setup;
use crate::domain::At;
use crate::domain::key::{CollectorId, GenerationId};
use crate::domain::observation::{Record, Walked, Wish};
use crate::judge::evaluate::almanac::Almanac;
use crate::judge::world::{Event, World};

/// Events that may wait while one is judged.
const MAILBOX: usize = 64;

/// Why nothing could be looked at.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OnceError(String);

/// Runs a look to its end on threads of its own. A jq program that never ends keeps its thread, not the process.
pub fn block_on<T>(look: impl Future<Output = T>) -> Result<T, OnceError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| OnceError(format!("cannot start: {error}")))?;
    let done = runtime.block_on(look);
    runtime.shutdown_background();
    Ok(done)
}

/// What one collector told.
pub struct Look {
    pub records: Vec<Record>,
    pub did: Traced,
}

/// Polls one collector now. `notes`: with what was decided about each answer.
pub async fn poll(setup: &Setup, collector: &Collector, clock: &Clock, notes: bool) -> Result<Look, OnceError> {
    let cx = WalkCx { notes, ..walk_cx(&fingerprints(&setup.store.path)?, collector, clock) };
    let (out, mut told) = mpsc::channel(MAILBOX);
    let walk = async {
        let did = walk::walk(collector, &cx, &out).await;
        drop(out);
        did
    };
    let gather = async {
        let mut records = Vec::new();
        while let Some(walked) = told.recv().await {
            if let Walked::Page(page) = walked {
                records.extend(page.records);
            }
        }
        records
    };
    let (did, records) = tokio::join!(walk, gather);
    let did = did.ok_or_else(|| OnceError(format!("the poll of {} was stopped", collector.id)))?;
    Ok(Look { records, did })
}

/// Polls every collector side by side, in the order of the configuration.
pub async fn polls(setup: &Setup, clock: &Clock) -> Vec<Result<Look, OnceError>> {
    let polls = setup.collectors.iter().map(|collector| poll(setup, collector, clock, false));
    futures_util::future::join_all(polls).await
}

/// Every collector read once, side by side, and judged. `reading` is told who still reads, from the start to the end.
pub async fn world(
    setup: &Setup,
    clock: &Clock,
    mut reading: impl FnMut(&BTreeSet<CollectorId>),
) -> Result<World, OnceError> {
    let fingerprints = fingerprints(&setup.store.path)?;
    let mut world = remembered(setup, clock.now())?;
    let pollers: Vec<Poller<'_>> =
        setup.collectors.iter().map(|collector| (collector, walk_cx(&fingerprints, collector, clock))).collect();
    let (out, mut told) = mpsc::channel(MAILBOX);
    let mut taking = Taking { world: &mut world, almanac: Almanac::default(), clock, ids: BTreeMap::new() };
    taking.during(&mut told, read(&pollers, &out, &mut reading)).await;
    // What judging wants to know before it believes in an end (semantics 3.3).
    let ids = std::mem::take(&mut taking.ids);
    taking.during(&mut told, confirm(&pollers, &out, &ids)).await;
    remember::judge(&mut world, clock.now());
    Ok(world)
}

type Poller<'a> = (&'a Collector, WalkCx);

async fn read(pollers: &[Poller<'_>], out: &mpsc::Sender<Walked>, reading: &mut impl FnMut(&BTreeSet<CollectorId>)) {
    let mut left: BTreeSet<CollectorId> = pollers.iter().map(|(collector, _)| collector.id.clone()).collect();
    let walks = pollers.iter().map(|(collector, cx)| async move {
        walk::walk(collector, cx, out).await;
        &collector.id
    });
    let mut walks: FuturesUnordered<_> = walks.collect();
    reading(&left);
    while let Some(done) = walks.next().await {
        left.remove(done);
        reading(&left);
    }
}

async fn confirm(pollers: &[Poller<'_>], out: &mpsc::Sender<Walked>, ids: &BTreeMap<CollectorId, Vec<GenerationId>>) {
    for (collector, cx) in pollers {
        if let Some(ids) = ids.get(&collector.id) {
            walk::confirm(collector, cx, ids, out).await;
        }
    }
}

/// Takes events in, without a commit between deciding and applying: there is no disk to be ahead of.
struct Taking<'w> {
    world: &'w mut World,
    almanac: Almanac,
    clock: &'w Clock,
    /// Asked to be confirmed.
    ids: BTreeMap<CollectorId, Vec<GenerationId>>,
}

impl Taking<'_> {
    /// Takes in what is told while `walks` run, and what is left when they are over.
    async fn during(&mut self, told: &mut mpsc::Receiver<Walked>, walks: impl Future<Output = ()>) {
        tokio::pin!(walks);
        loop {
            tokio::select! {
                Some(walked) = told.recv() => self.take(walked),
                () = &mut walks => break,
            }
        }
        while let Ok(walked) = told.try_recv() {
            self.take(walked);
        }
    }
    fn take(&mut self, walked: Walked) {
        let mut decision = self.world.decide(&Event::Walked(walked), &mut self.almanac, self.clock.now());
        for (collector, wish) in std::mem::take(&mut decision.asks) {
            if let Wish::Confirm(ids) = wish {
                self.ids.entry(collector).or_default().extend(ids);
            }
        }
        self.world.apply(decision);
    }
}

fn remembered(setup: &Setup, now: At) -> Result<World, OnceError> {
    match setup.store.path.exists() {
        true => remember::read_only(&setup.store.path, setup, now).map_err(|error| OnceError(error.to_string())),
        false => Ok(World::new(setup.rules.clone(), setup.routes.clone(), now)),
    }
}

/// The key beside the store; where there is none, one for this look alone: nothing is written.
fn fingerprints(store: &Path) -> Result<Fingerprints, OnceError> {
    let path = key_file(store);
    if path.exists() {
        return Fingerprints::open(&path).map_err(|error| OnceError(error.to_string()));
    }
    let mut key = [0u8; 32];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut key)
        .map_err(|_| OnceError("the system gives no random numbers".into()))?;
    Ok(Fingerprints::from_key(&key))
}

fn walk_cx(fingerprints: &Fingerprints, collector: &Collector, clock: &Clock) -> WalkCx {
    WalkCx {
        clock: clock.clone(),
        metrics: Metrics::new(env!("CARGO_PKG_VERSION"), "once", "once"),
        fingerprints: fingerprints.clone(),
        pace: Arc::new(Pace::new(collector.definition.limits, collector.settings.concurrency)),
        memory: Arc::default(),
        walk: 1,
        stop: CancellationToken::new(),
        notes: false,
    }
}
