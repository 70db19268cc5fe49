//! Which pollers live; hands a reloaded collector to the poller that survives, and wishes to the one they are for.
//!
//! Knows collectors by id alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::poller::{self, PollerCx, State};
use crate::base::metrics::Metrics;
use crate::base::secret::fingerprint::Fingerprints;
use crate::base::supervise::{Fate, Supervisor};
use crate::base::time::clock::Clock;
use crate::collect::issuer::Collector;
use crate::collect::polls::Polls;
use crate::domain::key::CollectorId;
use crate::domain::observation::{Walked, Wish};

/// Wishes that wait for one poller.
const WISHES: usize = 64;
/// From so many collectors on, first rounds are spread.
const MANY: usize = 8;
/// Over how long.
const SPREAD: Duration = Duration::from_secs(5);
/// Collectors that poll more often than this start at once in any case.
const OFTEN: Duration = Duration::from_secs(10);

/// What every poller is given.
#[derive(Clone)]
pub struct RosterCx {
    pub supervisor: Supervisor,
    /// The keeper's mailbox.
    pub out: mpsc::Sender<Walked>,
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
    pub fingerprints: Fingerprints,
    /// The last polls, for people, and their wishes.
    pub polls: Polls,
}

/// The living pollers.
pub struct Roster {
    cx: RosterCx,
    live: HashMap<CollectorId, Live>,
    /// Walk numbers rise for as long as the process lives, also over a removal.
    walks: HashMap<CollectorId, Arc<AtomicU32>>,
}

struct Live {
    collector: watch::Sender<Arc<Collector>>,
    wishes: mpsc::Sender<Wish>,
    stop: CancellationToken,
}

impl Roster {
    pub fn new(cx: RosterCx) -> Self {
        Self { cx, live: HashMap::new(), walks: HashMap::new() }
    }
    /// Starts the new ones, hands over the surviving ones by id, stops the gone ones.
    pub fn set(&mut self, collectors: Vec<Collector>) {
        self.live.retain(|id, live| {
            let stays = collectors.iter().any(|collector| &collector.id == id);
            if !stays {
                live.stop.cancel();
                self.cx.polls.forget(id);
            }
            stays
        });
        let many = collectors.len() >= MANY;
        for collector in collectors {
            let collector = Arc::new(collector);
            match self.live.get(&collector.id) {
                Some(live) => {
                    live.collector.send_replace(collector);
                }
                None => self.start(collector, many),
            }
        }
    }
    /// Hands a wish to a poller; never blocks. A full mailbox holds rounds enough, and what is not confirmed is decided
    /// by the next rounds.
    pub fn wish(&self, collector: &CollectorId, wish: Wish) {
        if let Some(live) = self.live.get(collector)
            && live.wishes.try_send(wish).is_err()
        {
            tracing::debug!(%collector, "a wish was dropped: its poller has enough to do");
        }
    }

    fn start(&mut self, collector: Arc<Collector>, many: bool) {
        let id = collector.id.clone();
        let spread =
            if many && collector.settings.every >= OFTEN { SPREAD.mul_f64(share(id.as_str())) } else { Duration::ZERO };
        let (sender, receiver) = watch::channel(collector);
        let (wishes, wished) = mpsc::channel(WISHES);
        let stop = self.cx.supervisor.soft.child_token();
        let cx = PollerCx {
            collector: receiver,
            out: self.cx.out.clone(),
            wishes: wished,
            polls: self.cx.polls.clone(),
            asked: self.cx.polls.watch(&id),
            clock: self.cx.clock.clone(),
            metrics: self.cx.metrics.clone(),
            fingerprints: self.cx.fingerprints.clone(),
            stop: stop.clone(),
            spread,
            walks: self.walks.entry(id.clone()).or_default().clone(),
            state: State::default(),
        };
        // Behind a lock, so that a poller that panicked is started again with what it had.
        let cx = Arc::new(Mutex::new(cx));
        self.cx.supervisor.spawn_until(format!("poller {id}"), Fate::Restart, stop.clone(), move || {
            let cx = cx.clone();
            async move { poller::run(&mut *cx.lock().await).await }
        });
        self.live.insert(id, Live { collector: sender, wishes, stop });
    }
}

/// 0 to 1, a collector's own.
fn share(id: &str) -> f64 {
    f64::from(u32::try_from(poller::seed(id, 0) >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_rounds_are_spread_by_name() {
        let shares: Vec<f64> = (0..100).map(|nth| share(&format!("collector-{nth}"))).collect();
        assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)));
        assert!(shares.iter().filter(|share| **share < 0.5).count() > 25);
        assert!(shares.iter().filter(|share| **share > 0.5).count() > 25);
        assert_eq!(share("vault"), share("vault"));
    }
}
