//! What follows from a schedule and from older generations (semantics 5, 1.9).
//! Knows when a rotation is due; never whether anybody is told.

use std::sync::Arc;

use super::almanac::Almanac;
use super::case::{Case, DAY, Heads};
use super::ladder::Ladder;
use super::rules::schedule::{OVERLAP, Schedule, When};
use super::watch::{Watch, shift};
use crate::domain::At;
use crate::domain::finding::{Finding, FindingKind, Severity, Why};
use crate::domain::token::{Expiry, Generation};

/// Most occurrences that a reason counts.
const MOST_COUNTED: u32 = 100;

/// A rotation to come, or missed (semantics 5.1 to 5.3).
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub schedule: Arc<Schedule>,
    /// A: where it counts from.
    pub anchor: At,
    /// Only the first sight is known (semantics 5.1).
    pub first_sight: bool,
    /// N.
    pub due: At,
    /// N + grace: from here on it is missed.
    pub limit: At,
}

impl Plan {
    pub fn new(
        schedule: &Arc<Schedule>,
        anchor: At,
        first_sight: bool,
        since: Option<At>,
        almanac: &mut Almanac,
    ) -> Option<Self> {
        let due = match &schedule.when {
            When::Every(seconds) => shift(anchor, (*seconds).into()),
            When::Cron(cron) => almanac.due(schedule, cron, anchor, since)?,
        };
        let limit = shift(due, schedule.grace.into());
        Some(Self { schedule: schedule.clone(), anchor, first_sight, due, limit })
    }
    /// When the deadline counts it: by hand when due, by machine once it should have happened (semantics 6).
    pub fn deadline(&self) -> At {
        if self.schedule.by_hand { self.due } else { self.limit }
    }
    /// A machine will replace it before this end, and has missed nothing (semantics 5.5).
    pub fn saves(&self, end: At, watch: &Watch) -> bool {
        !self.schedule.by_hand && self.limit <= end && !watch.reached(self.limit)
    }
    /// Whether an instant lies where a machine is at work (semantics 5.6).
    pub fn at_work(&self, at: At) -> bool {
        !self.schedule.by_hand && self.due <= at && at <= self.limit
    }
    fn why(&self, occurrences_missed: u32) -> Why {
        if self.first_sight {
            Why::CountedFromFirstSight { occurrences_missed }
        } else {
            Why::Schedule { occurrences_missed }
        }
    }
    /// Occurrences up to now, the due one included.
    fn missed(&self, watch: &Watch) -> u32 {
        let mut next = Some(self.due);
        let mut count = 0;
        while let Some(at) = next.filter(|&at| count < MOST_COUNTED && watch.reached(at)) {
            count += 1;
            next = match &self.schedule.when {
                When::Every(seconds) => Some(shift(at, i64::from(*seconds).max(1))),
                When::Cron(cron) => cron.next_after(at),
            };
        }
        count
    }
}

/// `rotation_missed`, else `rotation_due`; `on`: the current generation, none for a flow.
pub(super) fn schedule(case: &Case<'_>, plan: &Plan, on: Option<&Generation>) -> Option<Finding> {
    if case.watch.reached(plan.limit) {
        let why = plan.why(plan.missed(&case.watch));
        let mut finding = case.finding(FindingKind::RotationMissed, Severity::Warning, why, on);
        finding.due = Some(plan.due);
        return Some(finding);
    }
    if !plan.schedule.by_hand || on.is_none() {
        return None;
    }
    let interval = (plan.due - plan.anchor).num_seconds();
    let ladder = Ladder::new(plan.schedule.warn.as_deref(), Some(interval), true);
    let reached = ladder.reached(plan.due, &case.watch)?;
    let severity = reached.severity.min(Severity::Warning);
    let mut finding = case.finding(FindingKind::RotationDue, severity, plan.why(0), on);
    finding.due = Some(plan.due);
    finding.rung = Some(reached.rung);
    finding.ladder = ladder.rungs(plan.due);
    Some(finding)
}

/// `expires_before_rotation`: the schedule comes too late. A sliding expiry moves, so only its hard stop counts.
pub(super) fn too_late(case: &Case<'_>, plan: &Plan, current: &Generation) -> Option<Finding> {
    let end = if current.sliding() { current.hard_stop } else { current.end() }?;
    let long = current.lifetime().is_none_or(|seconds| seconds >= DAY);
    if !long || end >= plan.deadline() {
        return None;
    }
    let why = Why::BeforeRotation { rotation: plan.due };
    let mut finding = case.finding(FindingKind::ExpiresBeforeRotation, Severity::Warning, why, Some(current));
    finding.due = Some(end);
    Some(finding)
}

/// `not_injected`, by last use or by a value that turned back (semantics 1.5, 1.9).
pub(super) fn not_injected(case: &Case<'_>, heads: &Heads<'_>) -> Option<Finding> {
    let head = heads.head?;
    let (why, ends) = turned_back(case, head).or_else(|| still_used(case, heads, head))?;
    let near = ends.is_some_and(|end| case.watch.reached(shift(end, -DAY)));
    let severity = if near { Severity::Critical } else { Severity::Warning };
    let mut finding = case.finding(FindingKind::NotInjected, severity, why, Some(head));
    finding.due = ends;
    Some(finding)
}

fn turned_back(case: &Case<'_>, head: &Generation) -> Option<(Why, Option<At>)> {
    let back = case.token.turned_back.as_ref()?;
    let held = case.token.generations.iter().find(|generation| generation.id == *back);
    Some((Why::TurnedBack, held.unwrap_or(head).end()))
}

/// Used later than the new one was there, by more than a day and what the issuer's clock of use can tell (4.6).
fn still_used(case: &Case<'_>, heads: &Heads<'_>, head: &Generation) -> Option<(Why, Option<At>)> {
    if !case.older_are_watched() {
        return None;
    }
    let (mut older, mut used, mut ends) = (0, None, None);
    for old in case.older(heads) {
        let late =
            |last: &crate::domain::token::LastUsed| last.at > shift(head.first_seen, DAY.max(last.granularity.into()));
        if let Some(last) = old.last_used.filter(late) {
            older += 1;
            used = used.max(Some(last.at));
            ends = earliest(ends, old.end());
        }
    }
    used.map(|used| (Why::OlderUsed { used, older, ends }, ends))
}

/// `old_generation_alive`: after the overlap, or, its use unknown, from a day before its end (semantics 8).
pub(super) fn old_alive(case: &Case<'_>, heads: &Heads<'_>) -> Option<Finding> {
    if !case.older_are_watched() {
        return None;
    }
    let head = heads.head?;
    let (mut count, mut ends, mut use_known, mut ending_unknown) = (0, None, true, false);
    for old in case.older(heads) {
        // What is doubted is not known to live.
        if old.doubt.is_some() || old.lifetime().is_some_and(|seconds| seconds < DAY) {
            continue;
        }
        count += 1;
        ends = earliest(ends, old.end());
        use_known &= old.last_used.is_some();
        ending_unknown |= old.last_used.is_none() && old.end().is_some_and(|end| case.watch.reached(shift(end, -DAY)));
    }
    if count == 0 {
        return None;
    }
    let overlap = case.policy.schedule.as_ref().map_or(OVERLAP, |schedule| schedule.overlap);
    let overdue = case.watch.reached(shift(head.first_seen, overlap.into()));
    if !overdue && !ending_unknown {
        return None;
    }
    let severity = if overdue { Severity::Warning } else { Severity::Info };
    let why = Why::OlderAlive { count, ends, use_known };
    let mut finding = case.finding(FindingKind::OldGenerationAlive, severity, why, Some(head));
    finding.due = ends;
    Some(finding)
}

fn earliest(one: Option<At>, other: Option<At>) -> Option<At> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The fixed end that deadline and pipelines count: a sliding expiry moves, so its hard stop (semantics 6).
pub(super) fn fixed_end(generation: &Generation) -> Option<At> {
    if generation.sliding() { generation.hard_stop } else { generation.end() }
}

/// Whether it never ends, as told.
pub(super) fn never(generation: &Generation) -> bool {
    generation.expires == Expiry::Never && generation.hard_stop.is_none()
}
