//! Findings before and after → transitions; rungs only rise (semantics 7.1, 9).

use crate::domain::At;
use crate::domain::episode::{Closing, Episode, Subject, Transition};
use crate::domain::finding::Finding;
use crate::domain::key::TeamId;

/// What decides how vanished findings close.
#[derive(Clone, Debug, Default)]
pub struct Happened {
    /// A new head: time findings close as rotated.
    pub rotated: bool,
    /// The expiry moved later: `extended`.
    pub extended: bool,
    /// An ended generation works again for two rounds: `recovered`.
    pub returned: bool,
    /// Only configuration changed: `reclassified`.
    pub reconfigured: bool,
    /// The slot leaves: closes everything with this.
    pub leaves: Option<Closing>,
}

pub struct StepCx<'a> {
    pub subject: &'a Subject,
    pub happened: &'a Happened,
    pub team: Option<&'a TeamId>,
    /// First round of its collector (semantics 10): nothing is told now; the introduction tells it.
    pub silent: bool,
    pub now: At,
}

/// `known`: all episodes of the subject that matter: open ones, and closed ones (for n and for flapping).
/// Returns every episode that changed, each with the transition to tell, if any.
pub fn step(_known: &[Episode], _found: &[Finding], _cx: &StepCx<'_>) -> Vec<(Episode, Option<Transition>)> {
    todo!()
}

/// When the next reminder of an open episode is due (semantics 9.3).
pub fn next_reminder(_episode: &Episode) -> Option<At> {
    todo!()
}

pub fn introduce(_open: &[Episode], _now: At) -> Vec<(Episode, Transition)> {
    todo!()
}
