//! The earliest instant at which something goes wrong if nobody acts, with its reason (semantics 6, 12.5).
//! Knows ends and dates; no finding is made here.

use super::case::{Fate, Heads};
use super::rotation::{Plan, never};
use crate::domain::At;
use crate::domain::finding::{DeadlineReason, SafeUntil};
use crate::domain::token::Generation;

/// How a slot ends: the instant it ended, or the end ahead.
pub(super) struct Ends {
    end: Option<(At, DeadlineReason)>,
    /// No generation is usable: nothing else counts.
    last: bool,
}

impl Ends {
    /// `ahead`: the end of the current generation; `ended`: when the head ended, if it did.
    pub fn new(heads: &Heads<'_>, ahead: Option<At>, ended: Option<At>) -> Self {
        if heads.current.is_some() {
            return Self { end: ahead.map(|end| (end, DeadlineReason::Expiry)), last: false };
        }
        let end = match (ended, heads.fate) {
            (Some(at), _) => Some((at, DeadlineReason::Ended)),
            (None, Fate::Lost { end, .. }) => Some((end, DeadlineReason::Expiry)),
            _ => heads.head.and_then(Generation::end).map(|end| (end, DeadlineReason::Expiry)),
        };
        Self { end, last: heads.head.is_some() }
    }
    /// Ties in the order of semantics 6: end, run, older generation, rotation.
    pub fn deadline(&self, plan: Option<&Plan>, run: Option<At>, old_end: Option<At>) -> Option<(At, DeadlineReason)> {
        if self.last {
            return self.end;
        }
        let old = old_end.map(|end| (end, DeadlineReason::OldGeneration));
        let run = run.map(|start| (start, DeadlineReason::Run));
        self.end.into_iter().chain(run).chain(old).chain(plan.map(by_rotation)).min_by_key(|&(at, _)| at)
    }
    /// The token's part in a pipeline's safety (semantics 12.5).
    pub fn safe_until(&self, current: Option<&Generation>) -> SafeUntil {
        match (self.end, current) {
            (Some((end, _)), _) => SafeUntil::At(end),
            (None, Some(current)) if never(current) => SafeUntil::Never,
            _ => SafeUntil::Unknown,
        }
    }
}

pub(super) fn by_rotation(plan: &Plan) -> (At, DeadlineReason) {
    (plan.deadline(), DeadlineReason::Rotation)
}
