//! The inference table (semantics 1.3 to 3.7): a known slot + what a round says → the slot as it is now, and the news.

use crate::domain::At;
use crate::domain::key::{CollectorId, GenerationId, SightId, TokenKey};
use crate::domain::observation::Record;
use crate::domain::token::{EndedHow, Slot};

pub mod label;

/// What a round is judged under.
#[derive(Clone, Debug)]
pub struct Terms {
    pub now: At,
    pub taken_at: At,
    pub sight: SightId,
    /// What the definition says an absence means (`absent: revoked` for Vault, else vanished).
    pub absent: EndedHow,
    pub listing: crate::domain::key::ListingKey,
    /// Seconds our clock and the issuer's differ (semantics 3.3, 4.3).
    pub clock_difference: i64,
    /// A policy matches (for 3.6) and whether the slot is managed.
    pub matched: bool,
    /// First finished round of this collector or sight: nothing is concluded from memory.
    pub facts_age: bool,
}

/// What happened to a slot in one step; drives episodes and messages.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    FirstSeen,
    /// A new head in a slot that had one (semantics 1.8).
    Rotated {
        before: GenerationId,
    },
    Ended {
        generation: GenerationId,
        how: EndedHow,
    },
    /// Ended findings close as recovered (two good rounds).
    Returned {
        generation: GenerationId,
    },
    Extended,
    TurnedBack,
    Renamed,
}

/// Result of one step.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The slot as it is now, if anything worth storing changed; `None`: only "seen again".
    pub slot: Option<Slot>,
    pub news: Vec<News>,
    /// History (semantics 3.6): counted, not stored.
    pub history: bool,
    /// Generations to be confirmed by id at once (absent for the first time).
    pub confirm: Vec<GenerationId>,
    /// Another round is wanted soon (a first `never_active`, a first good one after an end): seconds.
    pub again: bool,
}

/// One record of a page. `known` is the slot that holds its generation or its key.
pub fn record(_known: Option<&Slot>, _key: &TokenKey, _label: &str, _record: &Record, _terms: &Terms) -> Outcome {
    todo!()
}

/// A slot's generations that a complete listing did not hold (or whose parent is gone twice). `present`: generations
/// of it that were seen or listed in this walk. `confirmed`: asked by id and unknown to the issuer.
pub fn absent(_known: &Slot, _present: &[GenerationId], _confirmed: &[GenerationId], _terms: &Terms) -> Outcome {
    todo!()
}

/// Generations that stand in the listing but could not be read: facts age.
pub fn unread(_known: &Slot, _generation: &str, _terms: &Terms) -> Outcome {
    todo!()
}

/// The label of a new slot (semantics 1.2): `collector/place path/name`; `taken` tells whether another slot has it.
pub fn label(_collector: &CollectorId, _record: &Record, _key: &TokenKey, _taken: &dyn Fn(&str) -> bool) -> String {
    todo!()
}

pub fn flow(
    _known: Option<&Slot>,
    _key: &TokenKey,
    _flow: &crate::domain::observation::FlowKey,
    _summary: &crate::domain::token::Flow,
    _now: At,
) -> Option<Slot> {
    todo!()
}
pub fn bare_login(_key: &TokenKey, _now: At) -> Slot {
    todo!()
}
