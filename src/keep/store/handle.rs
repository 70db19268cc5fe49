//! One thread owns the store; callers await its answers. Calls run one after the other, in the order of their arrival.

use tokio::sync::{mpsc, oneshot};

use super::{Result, Store, StoreError};
use crate::base::supervise::{Fate, Supervisor};
use crate::domain::reason::StoreOperation;

/// Calls that may wait for the thread; more make their callers wait.
const WAITING: usize = 64;

/// Cheap to clone; every call runs on the store's thread, in order.
#[derive(Clone)]
pub struct StoreHandle {
    calls: mpsc::Sender<Call>,
}

type Call = Box<dyn FnOnce(&mut dyn Store) + Send>;

impl StoreHandle {
    /// Starts the store's thread. It ends when the last handle is dropped; the store closes then.
    pub fn start(store: Box<dyn Store>, supervisor: &Supervisor) -> Self {
        let (calls, called) = mpsc::channel(WAITING);
        supervisor.thread("store", Fate::EndProcess, move || serve(store, called));
        Self { calls }
    }
    pub async fn call<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut dyn Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let call: Call = Box::new(move |store| {
            // Whoever asked may have gone away: the call is made all the same.
            let _ = answer.send(f(store));
        });
        self.calls.send(call).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

fn serve(mut store: Box<dyn Store>, mut calls: mpsc::Receiver<Call>) {
    while let Some(call) = calls.blocking_recv() {
        call(&mut *store);
    }
}

fn gone() -> StoreError {
    StoreError::Failed {
        operation: StoreOperation::Read,
        detail: "the thread of the store has ended: the log says why, restart forewarn".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keep::store::sqlite;

    fn handle(path: &std::path::Path) -> (StoreHandle, tokio::task::JoinHandle<()>) {
        let store = sqlite::open(path).unwrap();
        let (calls, called) = mpsc::channel(1);
        (StoreHandle { calls }, tokio::task::spawn_blocking(move || serve(store, called)))
    }

    #[tokio::test]
    async fn calls_run_in_order_and_answer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forewarn.db");
        let (handle, thread) = handle(&path);
        let asked = (0..50).map(|nth| {
            let handle = handle.clone();
            async move { handle.call(move |store| Ok((nth, store.census()?.len()))).await.unwrap() }
        });
        let answers = futures_util::future::join_all(asked).await;
        assert_eq!(answers, (0..50).map(|nth| (nth, 0)).collect::<Vec<_>>());
        drop(handle);
        thread.await.unwrap();
        assert!(sqlite::open(&path).is_ok(), "the store is closed");
    }

    #[tokio::test]
    async fn a_call_whose_asker_went_away_is_made_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (handle, _thread) = handle(&folder.path().join("forewarn.db"));
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let (done, made) = oneshot::channel();
        let asked = handle.call(move |_| {
            let _ = held.recv();
            let _ = done.send(());
            Ok(())
        });
        assert!(tokio::time::timeout(std::time::Duration::from_millis(20), asked).await.is_err());
        hold.send(()).unwrap();
        made.await.unwrap();
    }

    #[tokio::test]
    async fn a_thread_that_ended_is_said_in_words() {
        let (calls, called) = mpsc::channel(1);
        drop(called);
        let told = StoreHandle { calls }.call(|_| Ok(())).await.unwrap_err().to_string();
        assert_eq!(told, "read: the thread of the store has ended: the log says why, restart forewarn");
    }
}
