//! One token's assessment: what is wrong, its state, its deadline, and when to judge again.

use crate::domain::At;
use crate::domain::collector::{ChannelHealth, CollectorStatus};
use crate::domain::finding::{Assessment, Finding};
use crate::domain::token::Token;

pub mod almanac;
pub mod collector;
pub mod expiry;
pub mod hygiene;
pub mod ladder;
pub mod rotation;
pub mod rules;

/// Judges one token at `now` (semantics 5 to 8, 12.4). Pure: the same arguments, the same answer.
pub fn assess(
    _token: &Token<'_>,
    _collector: &CollectorStatus,
    _rules: &rules::Rules,
    _almanac: &mut almanac::Almanac,
    _now: At,
) -> Assessment {
    todo!()
}

/// What the world adds for a collector's own findings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Covered {
    /// Tokens it holds, and the earliest deadline among them.
    pub tokens: u32,
    pub earliest_deadline: Option<At>,
}

/// `collector_failing` (semantics 8), and when to judge again.
pub fn assess_collector(
    _status: &CollectorStatus,
    _covered: Covered,
    _rules: &rules::Rules,
    _now: At,
) -> (Option<Finding>, Option<At>) {
    todo!()
}

/// `channel_failing` (semantics 8), and when to judge again.
pub fn assess_channel(_health: &ChannelHealth, _now: At) -> (Option<Finding>, Option<At>) {
    todo!()
}
