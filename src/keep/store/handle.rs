//! One thread owns the store; callers await its answers.

use super::{Result, Store};

/// Cheap to clone; every call runs on the store's thread, in order.
#[derive(Clone)]
pub struct StoreHandle {
    _calls: tokio::sync::mpsc::Sender<Call>,
}

type Call = Box<dyn FnOnce(&mut dyn Store) + Send>;

impl StoreHandle {
    /// Starts the store's thread. It ends when the last handle is dropped; the store closes then.
    pub fn start(_store: Box<dyn Store>, _supervisor: &crate::base::supervise::Supervisor) -> Self {
        todo!()
    }
    pub async fn call<T: Send + 'static>(
        &self,
        _f: impl FnOnce(&mut dyn Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        todo!()
    }
}
