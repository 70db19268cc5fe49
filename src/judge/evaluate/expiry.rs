//! What follows from an end: expires_soon, expired, revoked, vanished, unverified.
//! Knows one slot's facts; what its schedule demands stands in `rotation.rs`.

use super::almanac::Almanac;
use super::case::{Case, DAY, Fate, Heads};
use super::collector;
use super::ladder::{Ladder, Reached};
use super::rotation::{Plan, fixed_end};
use super::rules::schedule::Step;
use super::watch::shift;
use crate::domain::At;
use crate::domain::finding::{Finding, FindingKind, Severity, TokenState, Why};
use crate::domain::observation::{Doubt, Origin};
use crate::domain::token::{Ended, EndedHow, Expiry, Generation};

/// How long a revocation in the middle of a machine's rotation waits for the successor, seconds (semantics 5.6).
const SUCCESSOR: i64 = 600;

/// What is known of the head's end.
pub(super) struct Ending {
    pub state: TokenState,
    /// The instant it ended.
    pub at: At,
    /// `None`: a machine is at work, the successor is waited for.
    pub finding: Option<Finding>,
}

/// `expired`, `revoked` or `vanished`, judged on the head (semantics 1.7, 8).
pub(super) fn ended(case: &Case<'_>, heads: &Heads<'_>, almanac: &mut Almanac) -> Option<Ending> {
    let head = heads.head?;
    let (how, at, why) = match heads.fate {
        Fate::Passed { end } => (EndedHow::Expired, end, Why::PastItsDate),
        Fate::Concluded(ended) => {
            let at = if ended.how == EndedHow::Expired { head.end().unwrap_or(ended.at) } else { ended.at };
            (ended.how, at, concluded(ended))
        }
        _ => return None,
    };
    let kind = match how {
        EndedHow::Expired => FindingKind::Expired,
        EndedHow::Revoked => FindingKind::Revoked,
        EndedHow::Vanished => FindingKind::Vanished,
    };
    let breaks = kind != FindingKind::Vanished || !case.policy.pipelines.is_empty();
    let severity = if breaks { Severity::Critical } else { Severity::Warning };
    let state = state(how);
    if how == EndedHow::Revoked && machine_at_work(case, head, at, almanac) {
        return Some(Ending { state, at, finding: None });
    }
    let severity = lowered(case, heads, head, at, severity);
    let mut finding = case.finding(kind, severity, why, Some(head));
    finding.due = Some(at);
    Some(Ending { state, at, finding: Some(finding) })
}

/// The label `state` of an ended token.
pub(super) fn state(how: EndedHow) -> TokenState {
    match how {
        EndedHow::Expired => TokenState::Expired,
        EndedHow::Revoked => TokenState::Revoked,
        EndedHow::Vanished => TokenState::Vanished,
    }
}

fn concluded(ended: &Ended) -> Why {
    match ended.word.as_str() {
        "" => Why::PastItsDate,
        "absent" | "inactive" => Why::Concluded { word: ended.word.clone() },
        _ => Why::Flag { word: ended.word.clone() },
    }
}

fn machine_at_work(case: &Case<'_>, head: &Generation, at: At, almanac: &mut Almanac) -> bool {
    let at_work = case.plan(Some(head), almanac).is_some_and(|plan| plan.at_work(at));
    at_work && !case.watch.reached(shift(at, SUCCESSOR))
}

/// One step for each reason to believe that nothing breaks (semantics 7.6).
fn lowered(case: &Case<'_>, heads: &Heads<'_>, head: &Generation, at: At, severity: Severity) -> Severity {
    let unused = head.last_used.is_some_and(|used| shift(used.at, i64::from(used.granularity) + 30 * DAY) < at);
    let first_sight = head.ended.as_ref().is_some_and(|ended| ended.first_sight);
    let reasons = [!case.managed(), case.older(heads).next().is_some(), unused, first_sight];
    reasons.into_iter().filter(|&reason| reason).fold(severity, |severity, _| severity.lowered())
}

/// `expires_soon` (semantics 7), unless a machine will replace it in time (5.5).
pub(super) fn soon(case: &Case<'_>, current: &Generation, plan: Option<&Plan>) -> Option<Finding> {
    let (end, ladder, reached) = ends(case, current)
        .into_iter()
        .flatten()
        .filter(|&(end, _)| !plan.is_some_and(|plan| plan.saves(end, &case.watch)))
        .filter_map(|(end, ladder)| ladder.reached(end, &case.watch).map(|reached| (end, ladder, reached)))
        .max_by_key(|(end, _, reached): &(At, Ladder, Reached)| (reached.severity, std::cmp::Reverse(*end)))?;
    let mut finding = case.finding(FindingKind::ExpiresSoon, reached.severity, Why::Plain, Some(current));
    finding.due = Some(end);
    finding.rung = Some(reached.rung);
    finding.ladder = ladder.rungs(end);
    Some(finding)
}

/// The ends that ring, each with its ladder: of a sliding token the sliding one and the hard stop (semantics 4.4, 7.4).
fn ends(case: &Case<'_>, current: &Generation) -> [Option<(At, Ladder)>; 2] {
    if !current.sliding() {
        let lifetime = match (current.expires.at(), current.hard_stop) {
            (expiry, Some(stop)) if expiry.is_none_or(|expiry| stop < expiry) => since_issue(current, stop),
            _ => current.lifetime(),
        };
        return [current.end().map(|end| (end, ladder(case, lifetime))), None];
    }
    let sliding = current.expires.at().map(|end| (end, Ladder::sliding(current.lifetime())));
    let stop = current.hard_stop.map(|stop| (stop, ladder(case, since_issue(current, stop))));
    [sliding, stop]
}

fn since_issue(generation: &Generation, stop: At) -> Option<i64> {
    generation.issued.map(|issued| (stop - issued).num_seconds())
}

fn ladder(case: &Case<'_>, lifetime: Option<i64>) -> Ladder {
    let schedule = case.policy.schedule.as_deref();
    let written: Option<&[Step]> =
        case.policy.warn.as_deref().or_else(|| schedule.and_then(|schedule| schedule.warn.as_deref()));
    Ladder::new(written, lifetime, schedule.is_some())
}

/// The end of the current generation that deadline, runs and pipelines count (semantics 6).
pub(super) fn ahead(case: &Case<'_>, current: &Generation) -> Option<At> {
    fixed_end(current).into_iter().chain(sliding_end(case, current)).min()
}

/// Where a sliding expiry counts: while its rung is open (semantics 6).
fn sliding_end(case: &Case<'_>, current: &Generation) -> Option<At> {
    let Expiry::At(end) = current.expires else { return None };
    let open = current.sliding() && Ladder::sliding(current.lifetime()).reached(end.instant, &case.watch).is_some();
    open.then_some(end.instant)
}

/// What speaks against the facts: the finding, and whether the collector's own finding already says it.
pub(super) struct Unverified {
    pub finding: Finding,
    pub told_by_collector: bool,
}

/// `unverified`: all doubts, and facts that are too old (semantics 4.5, 4.7, 8).
pub(super) fn unverified(case: &Case<'_>, heads: &Heads<'_>) -> Option<Unverified> {
    let (on, severity, why) = lost(heads).or_else(|| doubted(case, heads)).or_else(|| stale(case, heads))?;
    let mut finding = case.finding(FindingKind::Unverified, severity, why, Some(on));
    finding.due = on.end();
    let told_by_collector = finding.severity < Severity::Critical && collector::blind(case.status, &case.watch);
    Some(Unverified { finding, told_by_collector })
}

fn lost<'a>(heads: &Heads<'a>) -> Option<(&'a Generation, Severity, Why)> {
    let Fate::Lost { end, since } = heads.fate else { return None };
    let head = heads.head?;
    let why = match head.doubt {
        Some(doubt) => Why::Doubt { doubt },
        None => Why::Stale { since, was_to_end: Some(end) },
    };
    Some((head, Severity::Critical, why))
}

/// The newest generation that is doubted, the head or newer; critical if its end is near, or if it replaced a good
/// value that was asked about (semantics 1.5).
fn doubted<'a>(case: &Case<'a>, heads: &Heads<'_>) -> Option<(&'a Generation, Severity, Why)> {
    let generations = &case.token.generations;
    let (on, doubt) = generations[heads.at.min(generations.len())..]
        .iter()
        .rev()
        .filter(|generation| generation.ended.is_none())
        .find_map(|generation| generation.doubt.map(|doubt| (generation, doubt)))?;
    let asked = case.token.origin == Origin::Inspect && doubt == Doubt::NeverActive;
    let replaced = asked && generations.iter().any(|other| other.was_usable && other.id != on.id);
    Some((on, near_end(case, on, replaced), Why::Doubt { doubt }))
}

fn stale<'a>(case: &Case<'_>, heads: &Heads<'a>) -> Option<(&'a Generation, Severity, Why)> {
    let current = heads.current?;
    if !case.watch.reached(case.stale_from(current)?) {
        return None;
    }
    let why = Why::Stale { since: case.read(current), was_to_end: None };
    Some((current, near_end(case, current, false), why))
}

/// Critical if the remembered end is past or under a day away.
fn near_end(case: &Case<'_>, generation: &Generation, critical: bool) -> Severity {
    let near = || generation.end().is_some_and(|end| case.watch.reached(shift(end, -DAY)));
    if critical || near() { Severity::Critical } else { Severity::Warning }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::trial::{DAY, HOUR, Trial, endless, lived, t};
    use super::*;
    use crate::domain::collector::CollectorStatus;
    use crate::domain::token::WhyUnknown;

    fn ending(trial: &Trial, now: i64) -> (String, Why) {
        let found = trial.judge(now).findings;
        (super::super::trial::told(&found), found.into_iter().next().unwrap().why)
    }

    #[test]
    fn rule_7_2_example_60s() {
        let rules = json!({
            "schedules": { "quarterly": { "every": "90d", "by": "hand", "warn": ["30d", "7d", "1d"] } },
            "pipelines": { "deploy-prod": {} },
            "policies": [{ "match": { "collector": "gitlab" }, "schedule": "quarterly", "team": "platform", "pipelines": ["deploy-prod"] }],
        });
        let trial = Trial::new(rules, vec![lived("a", 0, 60)]);
        let table = [
            (0, ""),
            (39, ""),
            (40, "expires_soon warning 20s"),
            (50, "expires_soon warning 10s"),
            (56, "expires_soon critical 4s"),
            (60, "expired critical"),
        ];
        for (now, told) in table {
            assert_eq!(trial.told(now), told, "{now}");
        }
        let soon = &trial.judge(50).findings[0];
        assert_eq!(soon.ladder.iter().map(|rung| rung.before).collect::<Vec<_>>(), [20, 10, 4]);
        assert_eq!((soon.due, soon.breaks.as_slice()), (Some(t(60)), ["deploy-prod".into()].as_slice()));
        assert_eq!(soon.generation.as_deref(), Some("a"));
        assert_eq!(trial.judge(0).next_change, Some(t(40)));
    }

    #[test]
    fn rule_7_1_rungs_of_a_long_life() {
        let trial = Trial::plain(vec![lived("a", -365 * DAY, 100 * DAY)]);
        let table = [
            (69 * DAY, ""),
            (70 * DAY, "expires_soon info 30d"),
            (92 * DAY, "expires_soon info 14d"),
            (93 * DAY, "expires_soon warning 7d"),
            (97 * DAY, "expires_soon warning 3d"),
            (99 * DAY, "expires_soon critical 1d"),
            (100 * DAY, "expired critical"),
        ];
        for (now, told) in table {
            assert_eq!(trial.told_fresh(now), told, "{now}");
        }
    }

    #[test]
    fn rule_7_2_under_a_day_only_with_a_schedule_or_warn() {
        assert_eq!(Trial::plain(vec![lived("a", 0, HOUR)]).told(HOUR - 1), "");
        let warned = json!({ "policies": [{ "match": { "name": "*" }, "warn": ["10%"] }] });
        let trial = Trial::new(warned, vec![lived("a", 0, HOUR)]);
        assert_eq!(trial.told(HOUR - 361), "");
        assert_eq!(trial.told(HOUR - 360), "expires_soon warning 6m", "the cap of 2.4: no policy manages it");
    }

    #[test]
    fn rule_2_4_unmanaged_is_never_above_warning() {
        let trial = Trial::unmanaged(vec![lived("a", -365 * DAY, 0)]);
        assert_eq!(trial.told_fresh(-1), "expires_soon warning 1d");
        assert_eq!(trial.told(0), "expired warning");
        assert_eq!(trial.judge(0).findings[0].severity, Severity::Warning);
    }

    #[test]
    fn rule_4_2_a_date_waits_for_its_end_only_if_seen_active_within() {
        let trial = || Trial::plain(vec![lived("a", -365 * DAY, 0).date_only()]);
        let unseen = trial().with(|slot| slot.observed = t(-60));
        assert_eq!(unseen.told(-1), "expires_soon critical 1d");
        assert_eq!(unseen.told(0), "expires_soon critical 1d", "the round after the early edge is waited for");
        assert_eq!(unseen.told(1799), "expires_soon critical 1d");
        assert_eq!(unseen.told(1800), "expired critical", "but not for ever");
        assert!(!unseen.judge(1800).usable);
        let typed = trial().with(|slot| (slot.observed, slot.origin) = (t(60), Origin::Declared));
        assert_eq!(typed.told(60), "expired critical", "a file that someone typed is no evidence of life");
        let seen = trial().with(|slot| slot.observed = t(60));
        assert_eq!(seen.told(60), "expires_soon critical 1d");
        assert!(seen.judge(60).usable);
        assert_eq!(trial().told_fresh(DAY - 1), "expires_soon critical 1d");
        assert_eq!(trial().with(|slot| slot.observed = t(DAY - 1)).told(DAY), "expired critical");
    }

    #[test]
    fn rule_4_5_a_fixed_end_needs_fresh_facts_only() {
        let trial = |read| Trial::plain(vec![lived("a", -365 * DAY, 0)]).with(|slot| slot.observed = t(read));
        assert_eq!(trial(-HOUR + 1).told(0), "expired critical");
        assert_eq!(ending(&trial(-HOUR + 1), 0).1, Why::PastItsDate);
        let stale = ending(&trial(-HOUR), 0);
        assert_eq!(stale, ("unverified critical".into(), Why::Stale { since: t(-HOUR), was_to_end: Some(t(0)) }));
        assert_eq!(trial(-HOUR + 1).told(100 * DAY), "expired critical", "it stays expired while facts age");
    }

    #[test]
    fn rule_4_5_a_sliding_or_renewable_end_needs_a_round_after_it() {
        let renewable = || Generation { renewable: true, ..lived("a", -365 * DAY, 0) };
        let table: &[(Generation, i64, i64, &str)] = &[
            (renewable(), -60, 0, "expires_soon critical 1d"),
            (renewable(), -60, 1799, "expires_soon critical 1d"),
            (renewable(), -60, 1800, "unverified critical"),
            (renewable(), 0, 60, "expires_soon critical 1d"),
            (renewable(), 60, 60, "expired critical"),
            (renewable(), -HOUR, 0, "unverified critical"),
            (lived("a", -365 * DAY, 0).slid(3600), -60, 0, "expires_soon critical 10m"),
            (lived("a", -365 * DAY, 0).slid(3600), 1, 2, "expired critical"),
        ];
        for (generation, read, now, told) in table {
            let trial = Trial::plain(vec![generation.clone()]).with(|slot| slot.observed = t(*read));
            assert_eq!(trial.told(*now), *told, "read {read}, now {now}");
        }
        let quick =
            Trial::plain(vec![renewable()]).status(|status| status.every = 2).with(|slot| slot.observed = t(-1));
        assert_eq!(quick.told(299), "expires_soon critical 1d");
        assert_eq!(quick.told(300), "unverified critical", "five minutes at least");
    }

    #[test]
    fn rule_4_7_facts_grow_stale() {
        let trial = Trial::plain(vec![lived("a", -30 * DAY, 300 * DAY)]);
        assert_eq!(trial.told(HOUR - 1), "");
        assert_eq!(trial.told(HOUR), "unverified warning");
        assert_eq!(trial.judge(HOUR - 1).next_change, Some(t(HOUR)));
        assert_eq!(trial.told(299 * DAY), "unverified critical, expires_soon critical 1d");
        let offline = Trial::plain(vec![lived("a", -30 * DAY, 300 * DAY)]).status(|status| status.stale_after = None);
        assert_eq!(offline.told(100 * DAY), "");
        let unreadable = offline.with(|slot| slot.generations.to_mut()[0].unread_since = Some(t(0)));
        assert_eq!(unreadable.told(HOUR), "unverified warning");
    }

    #[test]
    fn unverified_is_silent_while_the_collector_is_failing_unless_critical() {
        let failing = |status: &mut CollectorStatus| status.failing_since = Some(t(0));
        let trial = Trial::plain(vec![lived("a", -30 * DAY, 300 * DAY)]).status(failing);
        assert_eq!(trial.told(HOUR), "");
        assert_eq!(trial.judge(HOUR).state, TokenState::Unverified);
        assert_eq!(trial.told(299 * DAY), "unverified critical, expires_soon critical 1d");
        let partial = Trial::plain(vec![lived("a", -30 * DAY, 300 * DAY)]);
        assert_eq!(partial.told(HOUR), "unverified warning");
    }

    #[test]
    fn rule_1_5_a_new_value_that_never_was_active() {
        let new = || lived("b", 0, 300 * DAY).doubted(Doubt::NeverActive);
        let inspect = |generations| Trial::plain(generations).with(|slot| slot.origin = Origin::Inspect);
        let alone = inspect(vec![new()]);
        assert_eq!(ending(&alone, 0), ("unverified warning".into(), Why::Doubt { doubt: Doubt::NeverActive }));
        assert!(!alone.judge(0).usable);
        assert_eq!(alone.judge(0).state, TokenState::Unverified);
        let replaced = inspect(vec![lived("a", -30 * DAY, 300 * DAY), new()]);
        assert_eq!(replaced.told(0), "unverified critical");
        assert!(replaced.judge(0).usable, "the good one is still the head");
        let unasked = Generation { was_usable: false, ..lived("b", 0, 300 * DAY) };
        let asked = inspect(vec![lived("a", -30 * DAY, DAY), unasked]);
        assert_eq!(asked.told(0), "expires_soon critical 2d1h36m", "nobody called the new one active yet");
    }

    #[test]
    fn rule_1_5_no_earlier_value_stands_in_for_one_that_was_asked_about() {
        let generations = || {
            vec![lived("a", -30 * DAY, 300 * DAY), lived("b", -DAY, 300 * DAY).ended(EndedHow::Revoked, "inactive", 0)]
        };
        let inspect = Trial::plain(generations()).with(|slot| slot.origin = Origin::Inspect);
        assert_eq!(inspect.told(0), "revoked critical");
        assert!(!inspect.judge(0).usable);
        let listed = Trial::plain(generations());
        assert_eq!((listed.told(0).as_str(), listed.judge(0).usable), ("revoked warning", true));
    }

    #[test]
    fn every_doubt_is_told() {
        for &doubt in Doubt::ALL {
            let trial = Trial::plain(vec![lived("a", -30 * DAY, 300 * DAY).doubted(doubt)]);
            assert_eq!(ending(&trial, 0), ("unverified warning".into(), Why::Doubt { doubt }));
        }
        let gone = Trial::plain(vec![lived("a", -30 * DAY, 0).doubted(Doubt::OutOfSight)]);
        assert_eq!(gone.told(0), "unverified critical", "its date passed out of sight");
    }

    #[test]
    fn rule_8_endings_and_their_severities() {
        let head = |how, word: &str| lived("a", -30 * DAY, 300 * DAY).ended(how, word, -60);
        let pipelines = json!({
            "pipelines": { "deploy": {} },
            "policies": [{ "match": { "name": "*" }, "pipelines": ["deploy"] }],
        });
        let flag = |word: &str| Why::Flag { word: word.into() };
        let concluded = |word: &str| Why::Concluded { word: word.into() };
        let revoked = Trial::plain(vec![head(EndedHow::Revoked, "blocked")]);
        assert_eq!(ending(&revoked, 0), ("revoked critical".into(), flag("blocked")));
        assert_eq!(revoked.judge(0).deadline.map(|(at, _)| at), Some(t(-60)));
        let vanished = vec![head(EndedHow::Vanished, "absent")];
        assert_eq!(ending(&Trial::plain(vanished.clone()), 0), ("vanished warning".into(), concluded("absent")));
        assert_eq!(Trial::new(pipelines, vanished).told(0), "vanished critical");
        let expired = Trial::plain(vec![lived("a", -30 * DAY, 0).ended(EndedHow::Expired, "inactive", 5)]);
        assert_eq!(ending(&expired, 5), ("expired critical".into(), concluded("inactive")));
        assert_eq!(expired.judge(5).findings[0].due, Some(t(0)), "it ended when it said");
    }

    #[test]
    fn rule_7_6_lowering() {
        let head = || lived("b", -30 * DAY, 300 * DAY).ended(EndedHow::Revoked, "revoked", 0);
        assert_eq!(Trial::plain(vec![head()]).told(0), "revoked critical");
        assert_eq!(Trial::unmanaged(vec![head()]).told(0), "revoked warning");
        assert_eq!(Trial::plain(vec![head().used(-30 * DAY)]).told(0), "revoked critical", "used within granularity");
        assert_eq!(Trial::plain(vec![head().used(-31 * DAY)]).told(0), "revoked warning");
        let mut first = head();
        first.ended.as_mut().unwrap().first_sight = true;
        assert_eq!(Trial::plain(vec![first.clone()]).told(0), "revoked warning");
        assert_eq!(Trial::unmanaged(vec![first.used(-31 * DAY)]).told(0), "revoked info");
        let gone = lived("b", -30 * DAY, 300 * DAY).ended(EndedHow::Vanished, "absent", 0);
        assert_eq!(Trial::unmanaged(vec![gone]).told(0), "vanished info");
        let backed = Trial::plain(vec![lived("a", -60 * DAY, 300 * DAY), head()]);
        assert!(backed.told(0).starts_with("revoked warning"), "{}", backed.told(0));
        assert!(backed.judge(0).usable);
    }

    #[test]
    fn rule_5_6_a_machine_has_ten_minutes_to_inject_the_successor() {
        let rules = |by: &str| {
            json!({
                "schedules": { "s": { "every": "30d", "by": by } },
                "policies": [{ "match": { "name": "*" }, "schedule": "s" }],
            })
        };
        let revoked = || vec![lived("a", -30 * DAY, 300 * DAY).ended(EndedHow::Revoked, "revoked", 60)];
        let machine = Trial::new(rules("machine"), revoked());
        assert_eq!(machine.told(659), "");
        assert_eq!(machine.judge(659).next_change, Some(t(660)));
        assert_eq!(machine.judge(659).state, TokenState::Revoked);
        assert_eq!(machine.told(660), "revoked critical");
        assert_eq!(Trial::new(rules("hand"), revoked()).told(60), "revoked critical");
        let early = vec![lived("a", -20 * DAY, 300 * DAY).ended(EndedHow::Revoked, "revoked", 60)];
        assert_eq!(Trial::new(rules("machine"), early).told(60), "revoked critical");
    }

    #[test]
    fn rule_4_4_a_hard_stop_is_a_second_end() {
        let both = Generation { hard_stop: Some(t(10 * DAY)), ..lived("a", -80 * DAY, 5 * DAY).slid(30 * 86_400) };
        let trial = Trial::plain(vec![both]);
        assert_eq!(trial.told_fresh(-DAY), "expires_soon info 14d");
        assert_eq!(trial.fresh(-DAY).findings[0].due, Some(t(10 * DAY)));
        assert_eq!(trial.told_fresh(0), "expires_soon critical 5d");
        assert_eq!(trial.fresh(0).deadline, Some((t(5 * DAY), crate::domain::finding::DeadlineReason::Expiry)));
        assert_eq!(
            trial.fresh(-DAY).deadline.map(|(at, _)| at),
            Some(t(10 * DAY)),
            "the sliding end counts once it rings"
        );
    }

    #[test]
    fn rule_5_5_a_machine_silences_the_expiry_it_will_save() {
        let rules = |grace: &str| {
            json!({
                "schedules": { "s": { "every": "30d", "by": "machine", "grace": grace } },
                "policies": [{ "match": { "name": "*" }, "schedule": "s" }],
            })
        };
        let generation = |ends| vec![lived("a", -29 * DAY, ends)];
        let saved = Trial::new(rules("1d"), generation(3 * DAY));
        assert_eq!(saved.told_fresh(2 * DAY - 1), "");
        assert_eq!(saved.told_fresh(2 * DAY), "rotation_missed warning, expires_soon critical 2d3h12m");
        let late = Trial::new(rules("2d"), generation(3 * DAY - 1));
        assert!(late.told_fresh(DAY).contains("expires_soon critical"), "{}", late.told_fresh(DAY));
    }

    #[test]
    fn rule_12_4_states() {
        let generation = |expires| Generation { expires, ..endless("a", -DAY) };
        let unknown = generation(Expiry::Unknown(WhyUnknown::NotTold));
        assert_eq!(Trial::plain(vec![unknown]).judge(0).state, TokenState::Unknown);
        assert_eq!(Trial::plain(vec![endless("a", -DAY)]).judge(0).state, TokenState::Never);
        assert_eq!(Trial::plain(vec![lived("a", -DAY, 90 * DAY)]).judge(0).state, TokenState::Ok);
        assert_eq!(Trial::plain(vec![lived("a", -90 * DAY, DAY)]).judge(0).state, TokenState::Ending);
        assert_eq!(Trial::plain(vec![lived("a", -90 * DAY, 0)]).judge(0).state, TokenState::Expired);
        assert_eq!(Trial::plain(vec![]).judge(0).state, TokenState::Unknown);
    }

    #[test]
    fn a_value_that_has_not_started_is_not_usable_and_nothing_is_wrong() {
        let trial =
            Trial::plain(vec![Generation { starts: Some(t(60)), was_usable: false, ..lived("a", -DAY, 300 * DAY) }]);
        let judged = trial.judge(0);
        assert_eq!(
            (judged.findings.as_slice(), judged.usable, judged.next_change),
            ([].as_slice(), false, Some(t(60)))
        );
        assert!(trial.judge(60).usable);
    }
}
