//! The only place that reads a clock. Everything below `app` takes `now` as an argument.

use std::sync::Arc;

use crate::domain::At;

/// Where `now` comes from. `Manual` is moved by tests and simulations.
#[derive(Clone, Debug)]
pub enum Clock {
    System,
    Manual(Arc<tokio::sync::watch::Sender<At>>),
}

impl Clock {
    pub fn manual(_start: At) -> Self {
        todo!()
    }
    /// Now, in whole seconds, rounded down.
    pub fn now(&self) -> At {
        todo!()
    }
    /// Returns as soon as `now()` ≥ `at`; a manual clock wakes when it is moved there.
    pub async fn until(&self, _at: At) {
        todo!()
    }
    /// Moves a manual clock; no effect on the system's.
    pub fn advance_to(&self, _at: At) {
        todo!()
    }
}
