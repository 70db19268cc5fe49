//! Named tasks and threads, their fate on return, and the two-step stop. The only caller of `spawn`.
//!
//! A task that panics is counted under its name and meets its fate; the process never dies of it in silence. Knows
//! nothing about what the tasks do.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::base::metrics::Metrics;

/// First and longest wait before a task is started again.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// From the first signal to the hard stop.
pub const GRACE: Duration = Duration::from_secs(25);

/// What happens when a task returns or panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Restart with backoff (pollers).
    Restart,
    /// End the process with failure (keeper, store, web, deliverer, exposition).
    EndProcess,
    /// Just ends.
    OneShot,
}

/// Spawns and watches every task. Cloned freely.
#[derive(Clone)]
pub struct Supervisor {
    /// First signal: finish what is in hand.
    pub soft: CancellationToken,
    /// Second signal or deadline: stop now.
    pub hard: CancellationToken,
    metrics: Arc<Metrics>,
    shared: Arc<Shared>,
}

struct Shared {
    next: AtomicU64,
    running: watch::Sender<BTreeMap<u64, String>>,
    failed: watch::Sender<Option<String>>,
    asked: AtomicBool,
}

/// How one run of a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Returned,
    Panicked,
    Aborted,
}

impl Supervisor {
    pub fn new(metrics: Arc<Metrics>) -> Self {
        let shared = Shared {
            next: AtomicU64::new(0),
            running: watch::Sender::new(BTreeMap::new()),
            failed: watch::Sender::new(None),
            asked: AtomicBool::new(false),
        };
        Self { soft: CancellationToken::new(), hard: CancellationToken::new(), metrics, shared: Arc::new(shared) }
    }
    /// `make` is called for every (re)start.
    pub fn spawn<F, Fut>(&self, name: impl Into<String>, fate: Fate, make: F)
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.spawn_until(name, fate, self.soft.clone(), make);
    }
    /// Like [`spawn`](Self::spawn), for a task that is also told to stop by itself: once `stop` is cancelled its return
    /// is its end, whatever its fate.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
    pub fn spawn_until<F, Fut>(&self, name: impl Into<String>, fate: Fate, stop: CancellationToken, mut make: F)
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let name = name.into();
        let place = self.enter(&name);
        let this = self.clone();
        tokio::spawn(async move {
            let mut wait = BACKOFF.0;
            loop {
                let (ended, long) = this.run_once(&mut make).await;
                if !this.goes_on(&name, fate, ended, &stop) {
                    break;
                }
                wait = if long { BACKOFF.0 } else { wait };
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = stop.cancelled() => break,
                    () = this.hard.cancelled() => break,
                }
                wait = (wait * 2).min(BACKOFF.1);
            }
            this.leave(place);
        });
    }
    /// A named OS thread that drives `run` to its end; it cannot be restarted, so `Fate::Restart` just ends.
    pub fn thread(&self, name: &str, fate: Fate, run: impl FnOnce() + Send + 'static) {
        let place = self.enter(name);
        let this = self.clone();
        let owned = name.to_owned();
        let spawned = std::thread::Builder::new().name(owned.clone()).spawn(move || {
            let ended = catch_unwind(AssertUnwindSafe(run)).map_or(Ended::Panicked, |()| Ended::Returned);
            let soft = this.soft.clone();
            this.goes_on(&owned, fate, ended, &soft);
            this.leave(place);
        });
        if let Err(error) = spawned {
            tracing::error!(task = name, %error, "cannot start a thread: raise the limit on processes");
            self.leave(place);
            self.fail(name);
        }
    }
    /// Waits for every task after `soft` was cancelled, at most until `hard` is; names of those that still run.
    pub async fn drained(&self) -> Vec<String> {
        let mut running = self.shared.running.subscribe();
        self.soft.cancelled().await;
        tokio::select! {
            _ = running.wait_for(BTreeMap::is_empty) => {}
            () = self.hard.cancelled() => {}
        }
        self.shared.running.borrow().values().cloned().collect()
    }
    /// The name of the task that ended the process, if one did; pending until then.
    pub async fn failed(&self) -> String {
        let mut failed = self.shared.failed.subscribe();
        match failed.wait_for(Option::is_some).await {
            Ok(name) => name.clone().unwrap_or_default(),
            // The sender lives in `self`, so this cannot be reached while we are asked.
            Err(_) => std::future::pending().await,
        }
    }
    /// Whether a signal asked for the stop: only then is it a success.
    pub fn asked(&self) -> bool {
        self.shared.asked.load(Ordering::Relaxed)
    }
    /// Follows `signals` for as long as the process lives: the first stop cancels `soft`, a second one or
    /// [`GRACE`] after the first (or after any soft stop) cancels `hard`; each hang-up is one reload.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
    pub fn follow(&self, mut signals: Signals, reloads: mpsc::Sender<()>) {
        let this = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    heard = signals.next() => match heard {
                        Heard::Stop => this.shared.asked.store(true, Ordering::Relaxed),
                        // A reload that waits already reads what this one would read.
                        Heard::Reload => { let _ = reloads.try_send(()); continue; }
                    },
                    () = this.soft.cancelled() => {}
                }
                break;
            }
            this.soft.cancel();
            let second = async { while signals.next().await == Heard::Reload {} };
            tokio::select! {
                () = second => this.shared.asked.store(true, Ordering::Relaxed),
                () = tokio::time::sleep(GRACE) => {}
            }
            this.hard.cancel();
        });
    }

    /// Runs once; the second value says that it ran long enough for its backoff to start anew.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
    async fn run_once<F, Fut>(&self, make: &mut F) -> (Ended, bool)
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let Ok(future) = catch_unwind(AssertUnwindSafe(make)) else {
            return (Ended::Panicked, false);
        };
        let mut inner = tokio::spawn(future);
        let long = tokio::time::sleep(BACKOFF.1);
        tokio::pin!(long);
        let mut was_long = false;
        let ended = loop {
            tokio::select! {
                joined = &mut inner => break match joined {
                    Ok(()) => Ended::Returned,
                    Err(error) if error.is_panic() => Ended::Panicked,
                    Err(_) => Ended::Aborted,
                },
                () = &mut long, if !was_long => was_long = true,
                () = self.hard.cancelled() => {
                    inner.abort();
                    break Ended::Aborted;
                }
            }
        };
        (ended, was_long)
    }
    /// Counts and logs the end of a run; whether it is to be started again.
    fn goes_on(&self, name: &str, fate: Fate, ended: Ended, stop: &CancellationToken) -> bool {
        if ended == Ended::Aborted {
            return false;
        }
        let stopping = stop.is_cancelled() || self.soft.is_cancelled();
        if ended == Ended::Panicked {
            self.metrics.task_restarted(name);
            tracing::error!(task = name, "a task panicked");
        }
        match fate {
            Fate::EndProcess if ended == Ended::Panicked || !stopping => self.fail(name),
            Fate::Restart if !stopping => {
                if ended == Ended::Returned {
                    self.metrics.task_restarted(name);
                    tracing::warn!(task = name, "a task returned and is started again");
                }
                return true;
            }
            _ => {}
        }
        false
    }
    fn enter(&self, name: &str) -> u64 {
        let place = self.shared.next.fetch_add(1, Ordering::Relaxed);
        self.shared.running.send_modify(|running| {
            running.insert(place, name.to_owned());
        });
        place
    }
    fn leave(&self, place: u64) {
        self.shared.running.send_modify(|running| {
            running.remove(&place);
        });
    }
    fn fail(&self, name: &str) {
        self.shared.failed.send_modify(|failed| {
            failed.get_or_insert_with(|| name.to_owned());
        });
    }
}

/// The process's signals, caught from the moment of [`Signals::catch`].
pub struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
}

impl Signals {
    /// Catches SIGTERM, SIGINT and SIGHUP; from now on they do not end the process by themselves.
    pub fn catch() -> std::io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
        })
    }
    async fn next(&mut self) -> Heard {
        tokio::select! {
            Some(()) = self.term.recv() => Heard::Stop,
            Some(()) = self.int.recv() => Heard::Stop,
            Some(()) = self.hup.recv() => Heard::Reload,
            else => std::future::pending().await,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Stop,
    Reload,
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn supervisor() -> Supervisor {
        Supervisor::new(Metrics::new("0", "0", "0"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_poller_that_panics_or_returns_is_started_again_with_growing_waits() {
        let supervisor = supervisor();
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = runs.clone();
        supervisor.spawn("poller vault", Fate::Restart, move || {
            let nth = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                assert!(nth % 2 == 1, "planted");
            }
        });
        // Starts at 0 s, 1 s, 3 s, 7 s, 15 s.
        tokio::time::sleep(Duration::from_millis(7_500)).await;
        assert_eq!(runs.load(Ordering::SeqCst), 4);
        supervisor.soft.cancel();
        assert_eq!(supervisor.drained().await, Vec::<String>::new());
        assert!(supervisor.metrics.render().contains("forewarn_task_restarts_total{task=\"poller vault\"} 4"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_backoff_starts_anew_after_a_long_run() {
        let supervisor = supervisor();
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = runs.clone();
        supervisor.spawn("poller", Fate::Restart, move || {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_secs(100))
        });
        tokio::time::sleep(Duration::from_secs(505)).await;
        // Each run lasts 100 s and the next starts 1 s later.
        assert_eq!(runs.load(Ordering::SeqCst), 5);
        supervisor.hard.cancel();
    }

    #[tokio::test]
    async fn a_task_that_must_not_end_ends_the_process() {
        let supervisor = supervisor();
        supervisor.spawn("keeper", Fate::EndProcess, || async {});
        assert_eq!(supervisor.failed().await, "keeper");
        supervisor.thread("store", Fate::EndProcess, || panic!("planted"));
        supervisor.soft.cancel();
        assert_eq!(supervisor.drained().await, Vec::<String>::new());
        assert!(!supervisor.asked());
    }

    #[tokio::test]
    async fn a_return_after_the_soft_stop_is_no_failure() {
        let supervisor = supervisor();
        let soft = supervisor.soft.clone();
        supervisor.spawn("web", Fate::EndProcess, move || {
            let soft = soft.clone();
            async move { soft.cancelled().await }
        });
        supervisor.spawn("once", Fate::OneShot, || async {});
        supervisor.soft.cancel();
        assert!(supervisor.drained().await.is_empty());
        assert!(supervisor.shared.failed.borrow().is_none());
    }

    #[tokio::test]
    async fn a_task_told_to_stop_by_itself_stays_stopped() {
        let supervisor = supervisor();
        let stop = CancellationToken::new();
        let heard = stop.clone();
        supervisor.spawn_until("poller", Fate::Restart, stop.clone(), move || {
            let heard = heard.clone();
            async move { heard.cancelled().await }
        });
        stop.cancel();
        let mut running = supervisor.shared.running.subscribe();
        tokio::time::timeout(Duration::from_secs(5), running.wait_for(BTreeMap::is_empty)).await.unwrap().unwrap();
        assert!(!supervisor.metrics.render().contains("task=\"poller\""));
    }

    #[tokio::test]
    async fn the_hard_stop_names_what_still_runs() {
        let supervisor = supervisor();
        supervisor.spawn("stubborn", Fate::EndProcess, std::future::pending::<()>);
        supervisor.thread("deaf", Fate::EndProcess, || std::thread::sleep(Duration::from_millis(300)));
        supervisor.soft.cancel();
        supervisor.hard.cancel();
        assert!(supervisor.drained().await.contains(&"deaf".to_owned()));
    }

    #[tokio::test]
    async fn one_signal_stops_softly_and_a_second_one_hard() {
        use rustix::process::{Signal, getpid, kill_process};
        let supervisor = supervisor();
        let (reloads, mut reload) = mpsc::channel(1);
        supervisor.follow(Signals::catch().unwrap(), reloads);
        kill_process(getpid(), Signal::HUP).unwrap();
        assert_eq!(reload.recv().await, Some(()));
        assert!(!supervisor.soft.is_cancelled());
        kill_process(getpid(), Signal::TERM).unwrap();
        supervisor.soft.cancelled().await;
        assert!(!supervisor.hard.is_cancelled());
        kill_process(getpid(), Signal::INT).unwrap();
        supervisor.hard.cancelled().await;
        assert!(supervisor.asked());
    }
}
