//! Pure: one listing while it is read (semantics 3.2): what of it is open, what was found, and whether it was whole.

use std::collections::HashSet;

use chrono::TimeDelta;

use super::definition::answer::Meaning;
use super::definition::paging::PageAt;
use super::read::Answer;
use super::scope::Scope;
use crate::domain::At;
use crate::domain::key::{GenerationId, ListingKey};
use crate::domain::observation::{Coverage, Observation, Record};
use crate::domain::reason::{FailureReason, LeftOut, Reject};

/// Details are sent on in handfuls: an observation for each accessor would be one transaction each.
const HANDFUL: usize = 100;

/// One listing: the tokens of one project, the answer about one inspected value.
#[derive(Debug)]
pub struct Listing {
    pub key: ListingKey,
    /// Asks that wait or are in flight.
    pub open: usize,
    pub pages: HashSet<PageAt>,
    pub failure: Option<FailureReason>,
    pub ended: bool,
    /// It counts as unread when it may not be read.
    required: bool,
    /// Not allowed or not there, and nothing else went wrong.
    only_refused: bool,
    /// What it is a listing of ended between its parent's page and its own.
    gone: bool,
    /// Pages and details that were read.
    read: u32,
    /// Records that nobody can name.
    missed: u32,
    /// Details that could not be read; they stand in the listing.
    unread: u32,
    unread_reason: Option<FailureReason>,
    /// Why earlier URLs of the same request did not answer.
    earlier: Option<FailureReason>,
    found: Found,
}

/// Found, and not sent on yet.
#[derive(Debug, Default)]
struct Found {
    records: Vec<Record>,
    listed: Vec<GenerationId>,
    gone: Vec<GenerationId>,
    rejects: Vec<Reject>,
    left_out: Vec<(LeftOut, u32)>,
    taken_at: Option<At>,
    clock: Option<TimeDelta>,
    /// A page is sent at once, details in handfuls.
    page: bool,
}

impl Listing {
    pub fn new(key: ListingKey, required: bool) -> Self {
        Self {
            key,
            open: 0,
            pages: HashSet::new(),
            failure: None,
            ended: false,
            required,
            only_refused: true,
            gone: false,
            read: 0,
            missed: 0,
            unread: 0,
            unread_reason: None,
            earlier: None,
            found: Found::default(),
        }
    }

    /// An earlier URL did not answer: "not found" says least of all reasons.
    pub fn tried(&mut self, reason: Option<FailureReason>) {
        if let Some(reason) = reason.filter(|reason| *reason != FailureReason::NotFound) {
            self.earlier.get_or_insert(reason);
        }
    }

    /// A page of the listing itself.
    pub fn take_page(&mut self, mut answer: Answer) {
        self.take_common(&mut answer);
        self.found.page = true;
        match answer.reason {
            _ if answer.meaning == Meaning::Gone => {
                self.gone = true;
                self.fail(FailureReason::NotFound, true);
            }
            Some(reason) => {
                let reason = if reason == FailureReason::NotFound { self.earlier.unwrap_or(reason) } else { reason };
                self.fail(reason, answer.meaning == Meaning::NotAllowed);
            }
            None => self.read += 1,
        }
        if let Some(cut) = answer.cut {
            self.missed += 1;
            self.fail(cut, false);
        }
        self.found.records.append(&mut answer.records);
        self.found.listed.append(&mut answer.listed);
    }

    /// The details of one of its members. `id`: its generation, where that is known without them.
    pub fn take_details(&mut self, id: Option<&str>, mut answer: Answer) {
        self.take_common(&mut answer);
        let known: Option<GenerationId> = id.map(Into::into);
        if answer.meaning == Meaning::Gone {
            self.read += 1;
            self.found.gone.extend(known);
            return;
        }
        let unread = answer.reason.or(answer.cut);
        if unread.is_none() && (!answer.records.is_empty() || answer.meaning == Meaning::Empty) {
            self.read += 1;
        } else {
            self.unread += 1;
            self.unread_reason.get_or_insert(unread.unwrap_or(FailureReason::Decode));
            match known {
                Some(id) if !answer.listed.contains(&id) => self.found.listed.push(id),
                Some(_) => {}
                None if answer.listed.is_empty() => {
                    self.missed += 1;
                    self.fail(unread.unwrap_or(FailureReason::Decode), false);
                }
                None => {}
            }
        }
        self.found.records.append(&mut answer.records);
        self.found.listed.append(&mut answer.listed);
    }

    /// The answer about one generation that was asked for by id.
    pub fn take_about(&mut self, about: GenerationId, mut answer: Answer) {
        self.take_common(&mut answer);
        if answer.meaning == Meaning::Gone {
            self.read += 1;
            self.found.gone.push(about);
        } else if let Some(reason) = answer.reason {
            self.missed += 1;
            self.fail(reason, false);
        } else {
            self.read += 1;
            self.found.records.append(&mut answer.records);
        }
    }

    fn take_common(&mut self, answer: &mut Answer) {
        self.found.rejects.append(&mut answer.rejects);
        self.found.left_out.append(&mut answer.left_out);
        self.found.clock = answer.clock.or(self.found.clock);
        // Facts are as old as the oldest answer that is sent on with them.
        let at = answer.received_at;
        self.found.taken_at = Some(self.found.taken_at.map_or(at, |taken| taken.min(at)));
    }

    /// Whether its being unread is no failure of the walk.
    pub fn excused(&self) -> bool {
        self.only_refused && (self.gone || !self.required)
    }

    fn fail(&mut self, reason: FailureReason, refused: bool) {
        self.failure.get_or_insert(reason);
        self.only_refused &= refused;
    }

    /// What can be sent on now; the last of it carries `ends`. `now`: receipt of the last answer of the walk, for a listing that got none.
    pub fn ready(&mut self, scope: &Scope, now: At) -> Option<Observation> {
        if self.ended {
            return None;
        }
        self.ended = self.open == 0;
        let found = &self.found;
        let held = found.records.len() + found.listed.len() + found.gone.len();
        let something = (found.page && held + found.rejects.len() > 0) || held >= HANDFUL;
        if !self.ended && !something {
            self.found.page = false;
            return None;
        }
        let found = std::mem::take(&mut self.found);
        if self.ended {
            self.pages = HashSet::new();
        }
        Some(Observation {
            collector: scope.collector.clone(),
            sight: scope.sight,
            walk: scope.walk,
            listing: self.key.clone(),
            ends: self.ended.then(|| self.ends()),
            taken_at: found.taken_at.unwrap_or(now),
            issuer_clock: found.clock,
            records: found.records,
            listed: found.listed,
            gone: found.gone,
            rejects: found.rejects,
            left_out: found.left_out,
        })
    }

    /// Whether every member was seen. Members whose details could not be read were seen all the same.
    fn ends(&self) -> Coverage {
        match self.failure {
            None => Coverage::Whole,
            Some(reason) if self.read == 0 => Coverage::Failed { reason },
            Some(reason) => Coverage::Partial { read: self.read, missed: self.missed.max(1), reason },
        }
    }
}

/// The share of a walk that was read, counted in listings, and in members whose details were not read.
#[derive(Debug, Default)]
pub struct Tally {
    read: u32,
    missed: u32,
    pub reason: Option<FailureReason>,
}

impl Tally {
    pub fn add(&mut self, listing: &Listing) {
        match listing.failure {
            Some(_) if listing.excused() => return,
            Some(reason) => {
                self.missed += 1;
                self.read += u32::from(listing.read > 0);
                self.because(reason);
            }
            None => self.read += 1,
        }
        if let Some(reason) = listing.unread_reason {
            self.missed += listing.unread;
            self.because(reason);
        }
    }

    /// A refused login explains more than anything else.
    fn because(&mut self, reason: FailureReason) {
        if reason == FailureReason::LoginRefused || self.reason.is_none() {
            self.reason = Some(reason);
        }
    }

    pub fn coverage(&self) -> Coverage {
        match (self.reason, self.read, self.missed) {
            (Some(reason), 0, _) => Coverage::Failed { reason },
            (Some(reason), read, missed) if missed > 0 => Coverage::Partial { read, missed, reason },
            _ => Coverage::Whole,
        }
    }
}
