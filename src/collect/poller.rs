//! One collector: its timer, its pace, its walks, and the wishes that come back from the keeper.
//!
//! Never two walks at once. A reload hands it a new collector; timer, pace and memory live on. Knows no token.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::base::metrics::Metrics;
use crate::base::secret::fingerprint::Fingerprints;
use crate::base::time::clock::Clock;
use crate::collect::issuer::Collector;
use crate::collect::issuer::definition::Source;
use crate::collect::issuer::pace::Pace;
use crate::collect::issuer::walk::memory::Memory;
use crate::collect::issuer::walk::{self, WalkCx};
use crate::collect::polls::Polls;
use crate::domain::At;
use crate::domain::key::GenerationId;
use crate::domain::observation::{Walked, Wish};

/// Least time between the starts of two rounds, if `every` is not shorter: wishes cannot hurry an issuer.
const GAP: TimeDelta = TimeDelta::seconds(10);
/// How long after its instant a round starts even if the wall clock stepped back meanwhile.
const SLACK: Duration = Duration::from_secs(5);

/// What a poller works with.
pub struct PollerCx {
    pub collector: watch::Receiver<Arc<Collector>>,
    pub out: mpsc::Sender<Walked>,
    pub wishes: mpsc::Receiver<Wish>,
    /// The book that what was done goes into, and what wakes the poller when people ask.
    pub polls: Polls,
    pub asked: Arc<Notify>,
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
    pub fingerprints: Fingerprints,
    /// Stops between requests.
    pub stop: CancellationToken,
    /// Before the first round, so that many collectors do not start at once.
    pub spread: Duration,
    /// Number of the last walk of this collector in this process.
    pub walks: Arc<AtomicU32>,
    /// Lives on when the task is started again.
    pub state: State,
}

/// What lives as long as the poller.
#[derive(Default)]
pub struct State {
    pace: Option<Arc<Pace>>,
    memory: Arc<Memory>,
    timer: Option<Timer>,
}

/// When the next round starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Timer {
    next: At,
    started: Option<At>,
}

/// What woke the poller.
enum Woken {
    Stop,
    Reload,
    Wish(Wish),
    /// People want a round now.
    Asked,
    Time,
}

/// Polls until `stop`. Called again after a panic, with the same `cx`.
pub async fn run(cx: &mut PollerCx) {
    let spread = TimeDelta::from_std(cx.spread).unwrap_or_default();
    let first = Timer { next: cx.clock.now() + spread, started: None };
    let mut timer = *cx.state.timer.get_or_insert(first);
    loop {
        match woken(cx, timer.next).await {
            Woken::Stop => return,
            Woken::Reload => {
                let (collector, now) = (cx.collector.borrow_and_update(), cx.clock.now());
                // What is typed or lies in files costs no issuer anything: the new words count at once.
                let next = if collector.definition.origin == Source::Http { timer.after(&collector, now) } else { now };
                timer.next = timer.next.min(next);
            }
            Woken::Wish(wish) => {
                let (by, ids) = wishes(cx, wish);
                if !ids.is_empty() {
                    let collector = cx.collector.borrow().clone();
                    if let Some(done) = walk::confirm(&collector, &walk_cx(cx), &ids, &cx.out).await {
                        cx.polls.add_to_last(&collector.id, done.poll);
                    }
                }
                if let Some(by) = by {
                    timer.bring_forward(by, every(&cx.collector.borrow()));
                }
            }
            Woken::Asked => timer.bring_forward(cx.clock.now(), every(&cx.collector.borrow())),
            Woken::Time => {
                let collector = cx.collector.borrow_and_update().clone();
                // Written before the walk: a walk that panics is not begun again at once.
                timer.started = Some(cx.clock.now());
                timer.next = timer.after(&collector, cx.clock.now());
                cx.state.timer = Some(timer);
                if let Some(done) = walk::walk(&collector, &walk_cx(cx), &cx.out).await {
                    cx.polls.add(&collector.id, done.poll);
                }
            }
        }
        let held = cx.state.pace.as_ref().and_then(|pace| pace.held_until());
        timer.next = held.map_or(timer.next, |held| timer.next.max(held));
        cx.polls.hold(&cx.collector.borrow().id, held);
        cx.state.timer = Some(timer);
    }
}

async fn woken(cx: &mut PollerCx, next: At) -> Woken {
    let late = (next - cx.clock.now()).to_std().unwrap_or_default() + SLACK;
    tokio::select! {
        biased;
        () = cx.stop.cancelled() => Woken::Stop,
        Ok(()) = cx.collector.changed() => Woken::Reload,
        Some(wish) = cx.wishes.recv() => Woken::Wish(wish),
        () = cx.asked.notified() => Woken::Asked,
        () = cx.clock.until(next) => Woken::Time,
        () = tokio::time::sleep(late), if matches!(cx.clock, Clock::System) => Woken::Time,
    }
}

/// Everything that is wished for now: the earliest round, and the ids to ask for, each once.
fn wishes(cx: &mut PollerCx, first: Wish) -> (Option<At>, Vec<GenerationId>) {
    let (mut by, mut ids) = (None, Vec::new());
    let mut take = |wish| match wish {
        Wish::Round { by: at } => by = Some(by.map_or(at, |before: At| before.min(at))),
        Wish::Confirm(more) => {
            for id in more {
                if !ids.contains(&id) {
                    ids.push(id);
                }
            }
        }
    };
    take(first);
    while let Ok(wish) = cx.wishes.try_recv() {
        take(wish);
    }
    (by, ids)
}

fn walk_cx(cx: &mut PollerCx) -> WalkCx {
    let (limits, concurrency) = {
        let collector = cx.collector.borrow();
        (collector.definition.limits, collector.settings.concurrency)
    };
    let pace = match &cx.state.pace {
        Some(pace) => pace.renewed(limits, concurrency),
        None => Arc::new(Pace::new(limits, concurrency)),
    };
    cx.state.pace = Some(pace.clone());
    WalkCx {
        clock: cx.clock.clone(),
        metrics: cx.metrics.clone(),
        fingerprints: cx.fingerprints.clone(),
        pace,
        memory: cx.state.memory.clone(),
        walk: cx.walks.fetch_add(1, Ordering::Relaxed) + 1,
        stop: cx.stop.clone(),
        notes: false,
    }
}

fn every(collector: &Collector) -> TimeDelta {
    TimeDelta::from_std(collector.settings.every).unwrap_or(TimeDelta::MAX).max(TimeDelta::seconds(1))
}

impl Timer {
    /// Start of the round after the last one: `every`, shortened by up to 5 %, so that collectors drift apart.
    fn after(&self, collector: &Collector, now: At) -> At {
        let Some(started) = self.started else {
            return self.next;
        };
        let every = every(collector);
        let most = every.num_seconds() / 20 + 1;
        let seed = seed(collector.id.as_str(), started.timestamp());
        let shorter = TimeDelta::seconds(i64::try_from(seed % most.unsigned_abs()).unwrap_or(0));
        started.checked_add_signed(every - shorter).unwrap_or(At::MAX_UTC).max(now)
    }
    fn bring_forward(&mut self, by: At, every: TimeDelta) {
        let earliest = self.started.map_or(by, |started| started + GAP.min(every));
        self.next = self.next.min(by.max(earliest));
    }
}

/// A number of a collector's own (FNV-1a), different from round to round.
pub(super) fn seed(id: &str, round: i64) -> u64 {
    let bytes = id.bytes().chain(round.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests;
