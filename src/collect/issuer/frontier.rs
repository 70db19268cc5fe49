//! Pure: what to ask next, what is in flight, what share is read. Turns answers into observations, page by page.
//! Knows no socket and no secret; the walk's loop asks it what to do and tells it what came back.

use std::sync::Arc;

use serde_json::Value;

use super::definition::paging::PageAt;
use super::read::Answer;
use super::scope::{Scope, Task};
use crate::domain::key::{GenerationId, ListingKey};
use crate::domain::observation::{Coverage, Observation};
use crate::domain::text::Text;

/// One request to make now.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Identity within the walk.
    pub id: u64,
    /// Index into `Definition::requests`.
    pub request: usize,
    /// Which of the request's URLs.
    pub url: usize,
    /// The parent's item, `Null` for none.
    pub item: Arc<Value>,
    pub page: PageAt,
    /// Index into `Scope::probes`.
    pub probe: Option<usize>,
    /// The generation asked for by id (`confirm`).
    pub about: Option<GenerationId>,
    pub listing: ListingKey,
    /// How often it was asked before.
    pub attempt: u8,
}

/// The state of one walk.
pub struct Frontier {
    scope: Arc<Scope>,
}

impl Frontier {
    pub fn new(_scope: Arc<Scope>, _task: &Task) -> Self {
        todo!()
    }
    /// What to ask next; `None`: nothing now. More may come while something is in flight.
    pub fn next(&mut self) -> Option<Ask> {
        todo!()
    }
    /// Nothing to ask and nothing in flight.
    pub fn finished(&self) -> bool {
        todo!()
    }
    /// Puts an ask back in front, to be asked again (throttled, or a 401 that is asked twice).
    pub fn again(&mut self, _ask: Ask) {
        todo!()
    }
    /// Takes an answer in: queues the next page and children, and gives what is ready to be sent on.
    pub fn answered(&mut self, _ask: &Ask, _answer: Answer) -> Vec<Observation> {
        todo!()
    }
    /// Gives up what is left (stop, time limit): open listings end as failed.
    pub fn abandon(&mut self, _reason: crate::domain::reason::FailureReason) -> Vec<Observation> {
        todo!()
    }
    /// How much of the whole walk was read so far.
    pub fn coverage(&self) -> Coverage {
        todo!()
    }
    /// The first failure, for `WalkEnd::detail`: `401 GET /api/v4/groups`.
    pub fn detail(&self) -> Option<Text> {
        todo!()
    }
    /// Smallest rest of the issuer's request window that was told.
    pub fn ratelimit_remaining(&self) -> Option<u32> {
        todo!()
    }
    pub fn scope(&self) -> &Scope {
        &self.scope
    }
}
