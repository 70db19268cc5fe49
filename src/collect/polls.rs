//! The last polls of each collector as people see them, and the wish that one polls now. Memory only: a restart forgets.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::At;
use crate::domain::key::CollectorId;
use crate::domain::poll::{MOST_REJECTS, MOST_REQUESTS, Poll, REMEMBERED};

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
    /// The issuer asked to wait until then.
    held_until: Option<At>,
}

/// What became of the wish that a collector polls now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It polls at once, or as soon as the poll in hand is over; never less than 10 s after the start of the last one.
    Now,
    /// Its issuer asked to wait until then; it is polled after that by itself.
    Held(At),
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
    /// What a confirming look asked belongs to the poll that caused it: its requests and rejects go there, its coverage
    /// and its end do not.
    pub fn add_to_last(&self, id: &CollectorId, look: Poll) {
        let mut entries = self.entries();
        let Some(last) = entries.get_mut(id).and_then(|entry| entry.polls.back_mut()) else { return };
        let last = Arc::make_mut(last);
        last.more_requests += look.more_requests + take(&mut last.requests, look.requests, MOST_REQUESTS);
        last.more_rejects += look.more_rejects + take(&mut last.rejects, look.rejects, MOST_REJECTS);
        last.records = last.records.saturating_add(look.records);
    }
    /// The issuer asked to wait, or does no longer.
    pub fn hold(&self, id: &CollectorId, until: Option<At>) {
        if let Some(entry) = self.entries().get_mut(id) {
            entry.held_until = until;
        }
    }
    pub fn ask(&self, id: &CollectorId, now: At) -> Asked {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(id) else { return Asked::Unknown };
        if let Some(until) = entry.held_until.filter(|until| *until > now) {
            return Asked::Held(until);
        }
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

/// Takes what fits; how many did not.
fn take<T>(into: &mut Vec<T>, from: Vec<T>, most: usize) -> u32 {
    let room = most.saturating_sub(into.len());
    let over = from.len().saturating_sub(room);
    into.extend(from.into_iter().take(room));
    u32::try_from(over).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::domain::poll::PollRequest;

    fn at(seconds: i64) -> At {
        DateTime::from_timestamp(1_795_513_200 + seconds, 0).unwrap()
    }

    fn poll(requests: usize) -> Poll {
        let request = PollRequest {
            request: "tokens".into(),
            method: "GET".into(),
            path: "/tokens".into(),
            status: Some(200),
            duration_ms: 1,
            records: 1,
            failure: None,
        };
        Poll {
            number: 0,
            started_at: at(0),
            duration_ms: 1,
            records: u32::try_from(requests).unwrap(),
            coverage: 1.0,
            failure: None,
            detail: None,
            requests: vec![request; requests],
            more_requests: 0,
            rejects: Vec::new(),
            more_rejects: 0,
        }
    }

    #[test]
    fn the_last_polls_are_kept_newest_first_until_the_collector_goes() {
        let (polls, id) = (Polls::default(), CollectorId::from("a"));
        polls.add(&id, poll(1));
        assert!(polls.of(&id).is_empty(), "no such collector runs");
        polls.watch(&id);
        (0..25).for_each(|_| polls.add(&id, poll(1)));
        let numbers: Vec<u64> = polls.of(&id).iter().map(|poll| poll.number).collect();
        assert_eq!(numbers, (6..=25).rev().collect::<Vec<_>>());
        polls.forget(&id);
        assert!(polls.of(&id).is_empty());
        assert_eq!(polls.ask(&id, at(0)), Asked::Unknown);
    }

    #[test]
    fn a_confirming_look_is_part_of_the_poll_before_it() {
        let (polls, id) = (Polls::default(), CollectorId::from("a"));
        polls.watch(&id);
        polls.add_to_last(&id, poll(1));
        polls.add(&id, poll(MOST_REQUESTS - 1));
        let before = polls.of(&id);
        polls.add_to_last(&id, poll(3));
        let after = polls.of(&id);
        assert_eq!((after.len(), after[0].number), (1, 1));
        assert_eq!((after[0].requests.len(), after[0].more_requests, after[0].records), (MOST_REQUESTS, 2, 202));
        assert_eq!(before[0].requests.len(), MOST_REQUESTS - 1, "what somebody reads does not change under them");
    }

    #[test]
    fn people_cannot_hurry_an_issuer_that_asked_to_wait() {
        let (polls, id) = (Polls::default(), CollectorId::from("a"));
        polls.watch(&id);
        polls.hold(&id, Some(at(100)));
        assert_eq!(polls.ask(&id, at(99)), Asked::Held(at(100)));
        assert_eq!(polls.ask(&id, at(100)), Asked::Now);
        assert_eq!(polls.ask(&id, at(103)), Asked::Later(7));
        assert_eq!(polls.ask(&id, at(110)), Asked::Now);
        assert_eq!(polls.ask(&id, at(50)), Asked::Held(at(100)), "also if the clock stepped back");
    }
}
