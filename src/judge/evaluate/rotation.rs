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
            When::Cron(cron) => almanac.due(cron, anchor, since)?,
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::trial::{DAY, HOUR, Trial, endless, lived, t, told};
    use super::*;
    use crate::domain::finding::{DeadlineReason, TokenState};
    use crate::domain::observation::{Doubt, Origin};
    use crate::domain::token::{EndedHow, Flow, LastUsed};

    fn scheduled(schedule: Value) -> Value {
        let policy = json!({ "match": { "token": "**" }, "schedule": "s", "team": "platform" });
        json!({ "schedules": { "s": schedule }, "policies": [policy] })
    }
    fn by(hand: &str, every: &str) -> Value {
        scheduled(json!({ "every": every, "by": hand }))
    }
    /// Lives for years, so that only the schedule speaks.
    fn long(issued: i64) -> Vec<Generation> {
        vec![lived("a", issued, 2000 * DAY)]
    }

    #[test]
    fn rule_5_3_due_by_hand_then_missed() {
        let trial = Trial::new(by("hand", "90d"), long(0));
        let table = [
            (60 * DAY - 1, ""),
            (60 * DAY, "rotation_due info 30d"),
            (76 * DAY, "rotation_due info 14d"),
            (89 * DAY, "rotation_due warning 1d"),
            (90 * DAY, "rotation_due warning 1d"),
            (97 * DAY - 1, "rotation_due warning 1d"),
            (97 * DAY, "rotation_missed warning"),
        ];
        for (now, told) in table {
            assert_eq!(trial.told_fresh(now), told, "{now}");
        }
        let judged = trial.fresh(0);
        assert_eq!(judged.rotation_due, Some(t(90 * DAY)));
        assert_eq!(judged.deadline, Some((t(90 * DAY), DeadlineReason::Rotation)));
        let missed = &trial.fresh(90 * DAY * 3 + 1).findings[0];
        assert_eq!((missed.due, &missed.why), (Some(t(90 * DAY)), &Why::Schedule { occurrences_missed: 3 }));
    }

    #[test]
    fn rule_5_3_default_grace_is_at_most_a_quarter() {
        let limit = |hand, every| {
            let trial = Trial::new(by(hand, every), long(0));
            (0..40 * 24).map(|hour| hour * HOUR).find(|&now| trial.told_fresh(now).contains("rotation_missed")).unwrap()
        };
        assert_eq!(limit("hand", "30d"), 37 * DAY);
        assert_eq!(limit("hand", "4d"), 5 * DAY);
        assert_eq!(limit("machine", "30d"), 31 * DAY);
        assert_eq!(limit("machine", "2d"), 2 * DAY + 12 * HOUR);
    }

    #[test]
    fn by_machine_nothing_rings_before_it_is_missed() {
        let trial = Trial::new(by("machine", "90d"), long(0));
        assert_eq!(trial.told_fresh(91 * DAY - 1), "");
        assert_eq!(trial.told_fresh(91 * DAY), "rotation_missed warning");
        assert_eq!(trial.fresh(0).deadline, Some((t(91 * DAY), DeadlineReason::Rotation)));
    }

    #[test]
    fn rule_5_1_where_it_counts_from() {
        let unissued = || vec![Generation { issued: None, ..lived("a", -10 * DAY, 2000 * DAY) }];
        let due = |trial: &Trial| trial.fresh(0).rotation_due;
        let first_seen = Trial::new(by("hand", "90d"), unissued());
        assert_eq!(due(&first_seen), Some(t(80 * DAY)));
        assert_eq!(first_seen.fresh(200 * DAY).findings[0].why, Why::CountedFromFirstSight { occurrences_missed: 2 });
        let mut rules = by("hand", "90d");
        rules["policies"][0]["rotated"] = json!("2026-11-01");
        let midnight = t(0) - chrono::TimeDelta::hours(9) - chrono::TimeDelta::minutes(40);
        let written = Trial::new(rules.clone(), unissued());
        assert_eq!(due(&written), Some(midnight + chrono::TimeDelta::days(90 - 23)));
        assert_eq!(written.fresh(200 * DAY).findings[0].why, Why::Schedule { occurrences_missed: 2 });
        let blind = Trial::new(rules.clone(), long(-100 * DAY));
        assert_eq!(due(&blind), Some(t(-10 * DAY)), "issued comes first");
        let blind = blind.collector(|collector| collector.shows_rotation = false);
        assert_eq!(due(&blind), due(&written), "rule 5.4: where no rotation shows, the edited date is the evidence");
        let seen = Trial::new(rules.clone(), unissued()).with(|slot| slot.rotated_at = Some(t(-DAY)));
        assert_eq!(due(&seen), Some(t(89 * DAY)), "a rotation that was seen is later than the written one");
    }

    #[test]
    fn rule_5_2_cron_counts_from_where_the_schedule_applies() {
        let monthly = scheduled(json!({ "cron": "0 0 1 * *", "by": "hand", "grace": "2d" }));
        let first = |month: u32, year| {
            chrono::NaiveDate::from_ymd_opt(year, month, 1).unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc()
        };
        let old = Trial::new(monthly, long(-500 * DAY)).with(|slot| slot.scheduled_since = Some(t(0)));
        assert_eq!(old.fresh(0).rotation_due, Some(first(12, 2026)));
        assert_eq!(old.told_fresh(10 * DAY), "rotation_missed warning");
        let near = old.with(|slot| slot.generations.to_mut()[0].issued = Some(t(4 * DAY)));
        assert_eq!(near.fresh(4 * DAY).rotation_due, Some(first(1, 2027)), "a little early serves December");
    }

    #[test]
    fn rule_8_ends_before_its_rotation() {
        let told = |hand: &str, ends: i64| Trial::new(by(hand, "200d"), vec![lived("a", 0, ends)]).told_fresh(0);
        assert_eq!(told("hand", 200 * DAY), "");
        assert_eq!(told("hand", 200 * DAY - 1), "expires_before_rotation warning");
        assert_eq!(told("machine", 201 * DAY), "");
        assert_eq!(told("machine", 201 * DAY - 1), "expires_before_rotation warning");
        let late = Trial::new(by("hand", "200d"), vec![lived("a", 0, 190 * DAY)]);
        assert_eq!(late.told_fresh(160 * DAY - 1), "expires_before_rotation warning");
        assert_eq!(late.told_fresh(160 * DAY), "expires_soon info 30d", "the nearer one speaks");
        assert_eq!(Trial::new(by("hand", "200d"), vec![lived("a", 0, DAY - 1)]).told_fresh(0), "");
        let slid = Trial::new(by("hand", "200d"), vec![lived("a", 0, DAY).slid(86_400)]);
        assert_eq!(slid.told_fresh(0), "", "a sliding expiry moves");
    }

    #[test]
    fn rule_1_10_a_flow_can_only_miss_its_rotation() {
        let mut trial = Trial::new(by("machine", "1d"), vec![]);
        trial.slot.flow = Some(Flow { count: 7, newest_issued: Some(t(0)), latest_end: Some(t(60)) });
        assert_eq!(trial.told(DAY + 6 * HOUR - 1), "");
        let judged = trial.judge(DAY + 6 * HOUR);
        assert_eq!((told(&judged.findings).as_str(), judged.state), ("rotation_missed warning", TokenState::Dynamic));
        assert_eq!(judged.deadline, Some((t(DAY + 6 * HOUR), DeadlineReason::Rotation)));
        trial.slot.policy = Default::default();
        let mut free = Trial::plain(vec![]);
        free.slot.flow = Some(Flow::default());
        assert_eq!((free.told(900 * DAY).as_str(), free.judge(0).next_change), ("", None));
    }

    #[test]
    fn rotation_is_silent_once_the_token_ended() {
        let ended = vec![lived("a", -100 * DAY, 300 * DAY).ended(EndedHow::Revoked, "revoked", 0)];
        assert_eq!(Trial::new(by("hand", "30d"), ended).told(0), "revoked critical");
    }

    /// An old value and the new head, first seen at T0.
    fn pair(old: Generation) -> Trial {
        Trial::plain(vec![old, lived("new", 0, 2000 * DAY)])
    }

    #[test]
    fn rule_1_9_an_old_value_still_used() {
        let table: &[(i64, u32, &str)] = &[
            (DAY, 0, ""),
            (DAY + 1, 0, "not_injected warning"),
            (DAY + 1, 2 * 86_400, ""),
            (2 * DAY + 1, 2 * 86_400, "not_injected warning"),
        ];
        for &(at, granularity, told) in table {
            let last_used = Some(LastUsed { at: t(at), granularity });
            let trial = pair(Generation { last_used, ..lived("old", -90 * DAY, 100 * DAY) });
            assert_eq!(trial.told_fresh(3 * DAY), told, "used {at}, granularity {granularity}");
        }
        let trial = pair(lived("old", -90 * DAY, 100 * DAY).used(2 * DAY));
        let judged = trial.fresh(3 * DAY);
        let why = Why::OlderUsed { used: t(2 * DAY), older: 1, ends: Some(t(100 * DAY)) };
        assert_eq!((&judged.findings[0].why, judged.findings[0].generation.as_deref()), (&why, Some("new")));
        assert_eq!(judged.deadline, Some((t(100 * DAY), DeadlineReason::OldGeneration)));
        assert_eq!(trial.told_fresh(99 * DAY), "not_injected critical");
        assert_eq!(trial.told_fresh(100 * DAY), "");
    }

    #[test]
    fn rule_1_5_a_value_that_turned_back() {
        let trial = pair(lived("old", -90 * DAY, 10 * DAY)).with(|slot| {
            slot.origin = Origin::Inspect;
            slot.turned_back = Some("old".into());
        });
        assert_eq!(trial.told_fresh(0), "not_injected warning");
        assert_eq!(trial.fresh(0).findings[0].why, Why::TurnedBack);
        assert_eq!(trial.told_fresh(9 * DAY), "not_injected critical");
    }

    #[test]
    fn rule_1_9_an_old_value_still_alive() {
        let known = pair(lived("old", -90 * DAY, 100 * DAY).used(-DAY));
        assert_eq!(known.told_fresh(7 * DAY - 1), "");
        assert_eq!(known.told_fresh(7 * DAY), "old_generation_alive warning");
        assert_eq!(known.told_fresh(100 * DAY), "");
        let unknown = pair(lived("old", -90 * DAY, 3 * DAY));
        assert_eq!(unknown.told_fresh(2 * DAY - 1), "");
        assert_eq!(unknown.told_fresh(2 * DAY), "old_generation_alive info");
        assert_eq!(pair(lived("old", -HOUR, DAY - HOUR - 1)).told_fresh(HOUR), "", "lives under a day");
        assert_eq!(pair(lived("old", -90 * DAY, 100 * DAY).doubted(Doubt::OutOfSight)).told_fresh(9 * DAY), "");
        let inspect = pair(lived("old", -90 * DAY, 100 * DAY)).with(|slot| slot.origin = Origin::Inspect);
        assert_eq!(inspect.told_fresh(9 * DAY), "", "its older values cannot be asked");
    }

    #[test]
    fn rule_1_9_several_old_values_are_one_finding() {
        let generations = vec![
            endless("a", -90 * DAY),
            lived("b", -80 * DAY, 60 * DAY).used(-DAY),
            lived("c", -70 * DAY, 50 * DAY).ended(EndedHow::Revoked, "revoked", -DAY),
            lived("new", 0, 2000 * DAY),
        ];
        let found = Trial::plain(generations).fresh(8 * DAY).findings;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].why, Why::OlderAlive { count: 2, ends: Some(t(60 * DAY)), use_known: false });
        assert_eq!(found[0].due, Some(t(60 * DAY)));
    }

    #[test]
    fn rule_5_6_the_schedule_says_how_long_both_may_live() {
        let rules = scheduled(json!({ "every": "400d", "by": "hand", "overlap": "1h" }));
        let trial = Trial::new(rules, vec![lived("old", -90 * DAY, 100 * DAY), lived("new", 0, 2000 * DAY)]);
        assert_eq!(trial.told_fresh(HOUR - 1), "");
        assert_eq!(trial.told_fresh(HOUR), "old_generation_alive warning");
    }

    #[test]
    fn an_own_login_without_a_value_is_quiet() {
        let login = Trial::unmanaged(vec![]).with(|slot| slot.origin = Origin::OwnLogin);
        assert_eq!((login.told(0).as_str(), login.judge(0).usable), ("", true));
    }
}
