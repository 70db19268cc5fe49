//! The last polls of each collector as people see them, and the wish that one polls now. Memory only: a restart forgets.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::At;
use crate::domain::key::CollectorId;
use crate::domain::poll::{Poll, REMEMBERED};

/// Shared by the pollers that write it and the surfaces that read it.
#[derive(Clone, Default)]
pub struct Polls(Arc<Mutex<BTreeMap<CollectorId, Entry>>>);

#[derive(Default)]
struct Entry {
    /// Newest last, at most [`REMEMBERED`].
    polls: VecDeque<Arc<Poll>>,
    number: u64,
    wake: Arc<Notify>,
    asked_at: Option<At>,
}

/// What became of the wish that a collector polls now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It polls as soon as the poll in hand, if there is one, is over.
    Now,
    /// Somebody asked a moment ago: seconds until it may be asked again.
    Later(i64),
    /// No such collector is running.
    Unknown,
}

/// Seconds between two polls that people ask for: an issuer's patience is not theirs to spend.
const BETWEEN: i64 = 10;

impl Polls {
    /// A poller begins to live: what wakes it before its time.
    pub fn watch(&self, id: &CollectorId) -> Arc<Notify> {
        self.entries().entry(id.clone()).or_default().wake.clone()
    }
    /// A collector has left the configuration.
    pub fn forget(&self, id: &CollectorId) {
        self.entries().remove(id);
    }
    /// A finished poll; its number is given here.
    pub fn add(&self, id: &CollectorId, mut poll: Poll) {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(id) else { return };
        entry.number += 1;
        poll.number = entry.number;
        if entry.polls.len() == REMEMBERED {
            entry.polls.pop_front();
        }
        entry.polls.push_back(Arc::new(poll));
    }
    /// Newest first.
    pub fn of(&self, id: &CollectorId) -> Vec<Arc<Poll>> {
        self.entries().get(id).map(|entry| entry.polls.iter().rev().cloned().collect()).unwrap_or_default()
    }
    pub fn ask(&self, id: &CollectorId, now: At) -> Asked {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(id) else { return Asked::Unknown };
        let since = entry.asked_at.map(|at| (now - at).num_seconds());
        if let Some(since) = since.filter(|since| (0..BETWEEN).contains(since)) {
            return Asked::Later(BETWEEN - since);
        }
        entry.asked_at = Some(now);
        entry.wake.notify_one();
        Asked::Now
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<CollectorId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
