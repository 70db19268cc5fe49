//! What follows from an event and must be written down: one transaction.

use super::At;
use super::collector::CollectorStatus;
use super::delivery::{Delivery, Intent};
use super::episode::Episode;
use super::key::TokenKey;
use super::token::Slot;

/// What one transaction holds. Unchanged facts are not in it.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub at: At,
    /// Slots whose facts changed, whole.
    pub slots: Vec<Slot>,
    pub removed: Vec<TokenKey>,
    pub collectors: Vec<CollectorStatus>,
    pub episodes: Vec<Episode>,
    pub intents: Vec<Intent>,
    pub deliveries: Vec<Delivery>,
    /// Every digest that was due until then is made.
    pub digested: Option<At>,
}

impl Batch {
    /// Nothing to write.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
            && self.removed.is_empty()
            && self.collectors.is_empty()
            && self.episodes.is_empty()
            && self.intents.is_empty()
            && self.deliveries.is_empty()
            && self.digested.is_none()
    }
}
