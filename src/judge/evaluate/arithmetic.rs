//! The parts that a deadline is made of, for whoever has to say how it comes about (semantics 5, 6). Judges nothing: the
//! same parts, in the same way, lead to findings elsewhere in this room.

use std::sync::Arc;

use super::almanac::Almanac;
use super::case::Case;
use super::rules::Rules;
use super::rules::schedule::Schedule;
use crate::domain::At;
use crate::domain::collector::CollectorStatus;
use crate::domain::token::Token;

/// A rotation to come, and what it was counted from.
#[derive(Clone, Debug)]
pub struct Rotation {
    pub schedule: Arc<Schedule>,
    pub anchor: At,
    pub counted: Counted,
    pub due: At,
    /// From here on it is missed.
    pub limit: At,
    /// When the deadline counts it: by hand when due, by machine once it should have happened.
    pub deadline: At,
}

/// What stands at the beginning of an interval (semantics 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    FromIssue,
    /// From a rotation that was seen, or from the date written under `rotated`.
    FromRotation,
    FromFirstSight,
}

/// The rotation that is due after the present value; `None` without a schedule.
pub fn rotation(
    token: &Token<'_>,
    collector: &CollectorStatus,
    rules: &Rules,
    almanac: &mut Almanac,
    now: At,
) -> Option<Rotation> {
    let case = Case::new(token, collector, rules, now);
    if case.policy.unwatched {
        return None;
    }
    let heads = case.heads();
    let shown = heads.current.or(heads.head);
    let plan = match &token.flow {
        Some(flow) => case.flow_plan(flow, almanac)?,
        None => case.plan(shown, almanac)?,
    };
    let issued = shown.and_then(|shown| shown.issued).or_else(|| token.flow.as_ref().and_then(|f| f.newest_issued));
    let counted = match issued {
        _ if plan.first_sight => Counted::FromFirstSight,
        Some(issued) if issued == plan.anchor => Counted::FromIssue,
        _ => Counted::FromRotation,
    };
    let deadline = plan.deadline();
    Some(Rotation { schedule: plan.schedule, anchor: plan.anchor, counted, due: plan.due, limit: plan.limit, deadline })
}
