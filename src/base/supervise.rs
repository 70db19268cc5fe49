//! Named tasks and threads, their fate on return, and the two-step stop. The only caller of `spawn`.

use std::future::Future;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::metrics::Metrics;

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
    _metrics: Arc<Metrics>,
}

impl Supervisor {
    pub fn new(_metrics: Arc<Metrics>) -> Self {
        todo!()
    }
    /// `make` is called for every (re)start.
    pub fn spawn<F, Fut>(&self, _name: impl Into<String>, _fate: Fate, _make: F)
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        todo!()
    }
    /// A named OS thread that drives `run` to its end.
    pub fn thread(&self, _name: &str, _fate: Fate, _run: impl FnOnce() + Send + 'static) {
        todo!()
    }
    /// Waits for every task after `soft` was cancelled, at most until `hard` is; names of those that still run.
    pub async fn drained(&self) -> Vec<String> {
        todo!()
    }
    /// The name of the task that ended the process, if one did.
    pub async fn failed(&self) -> String {
        todo!()
    }
}
