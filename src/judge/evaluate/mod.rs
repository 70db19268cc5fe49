//! One token's assessment: what is wrong, its state, its deadline, and when to judge again.
//! Here the families of findings come together: who is silent while another speaks (semantics 8), which state fits
//! first (12.4). Knows no clock but its argument, and nobody who listens.

use crate::domain::At;
use crate::domain::collector::{ChannelHealth, CollectorStatus};
use crate::domain::finding::{Assessment, Finding, FindingKind, SafeUntil, TokenState};
use crate::domain::token::{Flow, Generation, Token};

pub mod almanac;
pub mod arithmetic;
mod case;
mod collector;
mod deadline;
mod expiry;
mod hygiene;
mod ladder;
mod rotation;
pub mod rules;
mod runs;
#[cfg(test)]
mod trial;
mod watch;

use almanac::Almanac;
use case::{Case, Fate, Heads};
use rotation::Plan;
use runs::Broken;
use watch::Watch;

/// Judges one token at `now` (semantics 5 to 8, 12.4). Pure: the same arguments, the same answer.
pub fn assess(
    token: &Token<'_>,
    collector: &CollectorStatus,
    rules: &rules::Rules,
    almanac: &mut Almanac,
    now: At,
) -> Assessment {
    let case = Case::new(token, collector, rules, now);
    if let Some(flow) = &token.flow {
        return assess_flow(&case, flow, almanac);
    }
    let heads = case.heads();
    let shown = heads.current.or(heads.head);
    if case.policy.unwatched {
        return unwatched(&case, &heads, shown);
    }
    let plan = case.plan(shown, almanac);
    let ending = expiry::ended(&case, &heads, almanac);
    let over = ending.is_some() && heads.current.is_none();
    let doubt = if over { None } else { expiry::unverified(&case, &heads) };
    let end = heads.current.and_then(|current| expiry::ahead(&case, current));
    let broken = Broken::first(&case, end, almanac);
    let (at, doubtful) = (ending.as_ref().map(|ending| (ending.at, ending.state)), doubt.is_some());

    let mut findings = Vec::new();
    findings.extend(ending.and_then(|ending| ending.finding));
    findings.extend(doubt.filter(|doubt| !doubt.told_by_collector).map(|doubt| doubt.finding));
    if let Some(current) = heads.current {
        ahead(&case, current, (plan.as_ref(), broken.as_ref()), &mut findings);
    }
    older(&case, &heads, &mut findings);
    ownership(&case, over, &mut findings);

    let old_end = open(&findings, FindingKind::NotInjected).and_then(|finding| finding.due);
    let ends = deadline::Ends::new(&heads, end, at.map(|(at, _)| at));
    let state = match at {
        Some((_, state)) => state,
        None if doubtful => TokenState::Unverified,
        None if ending_soon(&findings) => TokenState::Ending,
        None => by_expiry(shown),
    };
    Assessment {
        findings,
        state,
        deadline: ends.deadline(plan.as_ref(), broken.and_then(|broken| broken.deadline()), old_end),
        safe_until: ends.safe_until(heads.current),
        usable: heads.current.is_some() || shown.is_none(),
        rotation_due: plan.map(|plan| plan.due),
        ..facts(&case, shown)
    }
}

fn open(findings: &[Finding], kind: FindingKind) -> Option<&Finding> {
    findings.iter().find(|finding| finding.kind == kind)
}

fn ending_soon(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| matches!(finding.kind, FindingKind::ExpiresSoon | FindingKind::BreaksDeploy))
}

/// Looking ahead, on the current generation (semantics 1.7). A run that will break says more than that the token
/// expires soon, and both say more than that its rotation comes too late.
fn ahead(
    case: &Case<'_>,
    current: &Generation,
    (plan, broken): (Option<&Plan>, Option<&Broken>),
    findings: &mut Vec<Finding>,
) {
    let breaks = broken.and_then(|broken| runs::breaks_deploy(case, current, plan, broken));
    let soon = if breaks.is_none() { expiry::soon(case, current, plan) } else { None };
    if let Some(plan) = plan {
        if soon.is_none() && breaks.is_none() {
            findings.extend(rotation::too_late(case, plan, current));
        }
        findings.extend(rotation::schedule(case, plan, Some(current)));
    }
    findings.extend(breaks.or(soon));
    findings.extend(hygiene::never_expires(case, current));
    findings.extend(hygiene::too_long_lived(case, current));
    findings.extend(hygiene::unused(case, current));
    findings.extend(hygiene::over_scoped(case, current));
}

/// What older generations still do (semantics 1.9).
fn older(case: &Case<'_>, heads: &Heads<'_>, findings: &mut Vec<Finding>) {
    let used = rotation::not_injected(case, heads);
    let alive = if used.is_none() { rotation::old_alive(case, heads) } else { None };
    findings.extend(used.or(alive));
}

fn ownership(case: &Case<'_>, over: bool, findings: &mut Vec<Finding>) {
    let unmanaged = if over { None } else { hygiene::unmanaged(case) };
    let unowned = if unmanaged.is_none() { hygiene::unowned(case) } else { None };
    findings.extend(unmanaged.or(unowned));
}

/// A flow has one finding (semantics 1.10).
fn assess_flow(case: &Case<'_>, flow: &Flow, almanac: &mut Almanac) -> Assessment {
    let plan = case.flow_plan(flow, almanac).filter(|_| !case.policy.unwatched);
    let findings = plan.iter().filter_map(|plan| rotation::schedule(case, plan, None)).collect();
    Assessment {
        findings,
        state: TokenState::Dynamic,
        deadline: plan.as_ref().map(deadline::by_rotation),
        rotation_due: plan.map(|plan| plan.due),
        ..facts(case, None)
    }
}

/// `watch: false`: known and counted; its state follows from its facts alone.
fn unwatched(case: &Case<'_>, heads: &Heads<'_>, shown: Option<&Generation>) -> Assessment {
    let state = match heads.fate {
        Fate::Concluded(ended) => expiry::state(ended.how),
        Fate::Passed { .. } => TokenState::Expired,
        _ => by_expiry(shown),
    };
    Assessment { state, ..facts(case, shown) }
}

fn by_expiry(shown: Option<&Generation>) -> TokenState {
    match shown {
        Some(generation) if rotation::never(generation) => TokenState::Never,
        Some(generation) if generation.end().is_some() => TokenState::Ok,
        _ => TokenState::Unknown,
    }
}

/// What is shown of a token whatever is judged; `next_change` from all that was asked so far.
fn facts(case: &Case<'_>, shown: Option<&Generation>) -> Assessment {
    Assessment {
        findings: Vec::new(),
        state: TokenState::Unknown,
        expiry: shown.and_then(Generation::end),
        never: shown.is_some_and(rotation::never),
        rotation_due: None,
        deadline: None,
        next_change: case.watch.next(),
        safe_until: SafeUntil::Unknown,
        usable: true,
    }
}

/// What the world adds for a collector's own findings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Covered {
    /// Tokens it holds.
    pub tokens: u32,
    /// The earliest deadline among them that is not past.
    pub earliest_deadline: Option<At>,
}

/// `collector_failing` (semantics 8), and when to judge again.
pub fn assess_collector(
    status: &CollectorStatus,
    covered: Covered,
    _rules: &rules::Rules,
    now: At,
) -> (Option<Finding>, Option<At>) {
    let watch = Watch::new(now);
    let finding = collector::collector_failing(status, covered, &watch);
    (finding, watch.next())
}

/// `channel_failing` (semantics 8), and when to judge again.
pub fn assess_channel(health: &ChannelHealth, now: At) -> (Option<Finding>, Option<At>) {
    let watch = Watch::new(now);
    let finding = collector::channel_failing(health, &watch);
    (finding, watch.next())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::trial::{DAY, HOUR, Trial, endless, lived, t, told};
    use super::*;
    use crate::domain::observation::{Doubt, Origin};
    use crate::domain::token::{EndedHow, Expiry, LastUsed, WhyUnknown};

    /// Instants meet each other often: whole hours, and a second beside them.
    fn moment() -> impl Strategy<Value = i64> {
        (-60i64..60, -1i64..=1, prop_oneof![Just(HOUR), Just(8 * HOUR), Just(DAY)])
            .prop_map(|(n, by, unit)| n * unit + by)
    }
    fn maybe<T: std::fmt::Debug + 'static>(
        some: impl Strategy<Value = T> + 'static,
    ) -> impl Strategy<Value = Option<T>> {
        proptest::option::weighted(0.3, some)
    }

    fn generation() -> impl Strategy<Value = Generation> {
        let end = prop_oneof![6 => moment().prop_map(Some), 1 => Just(None)];
        let flags = (any::<[bool; 6]>(), 0u8..5, proptest::option::weighted(0.2, 0usize..4));
        let times = (maybe(moment()), maybe(moment()), maybe(moment()), maybe(moment()), maybe(moment()));
        (moment(), end, flags, times).prop_map(|(issued, end, (flags, kind, doubt), times)| {
            let (starts, stop, used, unread, ended) = times;
            let [told_issue, renewable, usable, unknown, first, date] = flags;
            let mut one = match end {
                Some(end) => lived("x", issued, end),
                None => endless("x", issued),
            };
            if kind == 0 {
                one = one.slid(7200);
            } else if date {
                one = one.date_only();
            }
            if end.is_none() && unknown {
                one.expires = Expiry::Unknown(WhyUnknown::NotTold);
            }
            one.issued = told_issue.then_some(t(issued));
            (one.renewable, one.was_usable) = (renewable && kind == 1, usable);
            (one.starts, one.hard_stop, one.unread_since) = (starts.map(t), stop.map(t), unread.map(t));
            one.last_used = used.map(|used| LastUsed { at: t(used), granularity: 3600 });
            one.doubt = doubt.map(|nth| Doubt::ALL[nth]);
            if let Some(at) = ended {
                one = one.ended(EndedHow::ALL[usize::from(kind) % 3], "revoked", at);
                one.ended.as_mut().unwrap().first_sight = first;
            }
            one
        })
    }

    fn rules() -> impl Strategy<Value = serde_json::Value> {
        let schedules = json!({
            "hand": { "every": "5d", "by": "hand", "warn": ["2d", "1d", "5%"] },
            "machine": { "every": "3d", "by": "machine", "overlap": "1d" },
            "cron": { "cron": "0 6 * * MON,THU", "zone": "Europe/Berlin", "by": "hand" },
            "cronic": { "cron": "*/30 * * * *", "by": "machine" },
        });
        let allow = json!([{ "finding": "never_expires", "until": "2026-11-26", "because": "x" }]);
        let policy = prop_oneof![
            Just(json!({})),
            Just(json!({ "team": "a", "max_lifetime": "4d", "allow": allow })),
            Just(json!({ "warn": ["3d", "20%", "1h"], "pipelines": ["p"], "rotated": "2026-11-20" })),
            Just(json!({ "unused_after": "2d" })),
            Just(json!({ "watch": false })),
        ];
        let schedule = proptest::option::of(prop_oneof![Just("hand"), Just("machine"), Just("cron"), Just("cronic")]);
        let runs = prop_oneof![
            2 => Just(json!({})),
            1 => Just(json!({ "runs": { "cron": "0 2,12 * * *" }, "lasts": "2h" })),
            1 => Just(json!({ "runs": { "cron": "30 2 * * SUN", "zone": "Europe/Berlin" } })),
        ];
        (policy, schedule, any::<bool>(), runs).prop_map(move |(mut policy, schedule, other, runs)| {
            policy["match"] = json!({ "name": if other { "other" } else { "*" } });
            let used = schedule.map(|schedule| json!({ schedule: schedules[schedule] }));
            if let Some(schedule) = schedule {
                policy["schedule"] = json!(schedule);
            }
            json!({ "schedules": used.unwrap_or(json!({})), "pipelines": { "p": runs }, "policies": [policy] })
        })
    }

    fn trial() -> impl Strategy<Value = Trial> {
        let generations = proptest::collection::vec(generation(), 0..4);
        let slot = (0usize..4, moment(), maybe(moment()), maybe(moment()), proptest::option::weighted(0.1, 0usize..4));
        let status = (maybe(moment()), any::<bool>(), 0u32..3, maybe(moment()));
        (rules(), generations, slot, status, maybe(moment())).prop_map(|(rules, mut all, slot, status, flow)| {
            all.sort_by_key(|generation| generation.issued.unwrap_or(generation.first_seen));
            all.iter_mut().enumerate().for_each(|(nth, one)| one.id = format!("g{nth}").into());
            let back = slot.4.and_then(|nth| all.get(nth)).map(|generation| generation.id.clone());
            let mut trial = Trial::new(rules, all).with(|it| {
                it.origin = Origin::ALL[slot.0];
                it.observed = t(slot.1);
                (it.scheduled_since, it.rotated_at, it.turned_back) = (slot.2.map(t), slot.3.map(t), back);
            });
            if let Some(newest) = flow.filter(|newest| newest % 5 == 0) {
                trial.slot.flow = Some(Flow { newest_issued: Some(t(newest)), ..Flow::default() });
            }
            trial.status(|it| {
                it.failing_since = status.0.map(t);
                it.stale_after = status.1.then_some(3600);
                it.good_rounds = status.2;
                it.last_success = status.3.map(t);
            })
        })
    }

    fn same(one: &Assessment, other: &Assessment) -> bool {
        let clean = |it: &Assessment| Assessment { next_change: None, ..it.clone() };
        clean(one) == clean(other)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

        #[test]
        fn nothing_changes_before_next_change(trial in trial(), from in moment(), share in 0.0f64..1.0) {
            let before = trial.judge(from);
            let limit = before.next_change.map_or(from + 900 * DAY, |next| (next - t(0)).num_seconds());
            prop_assert!(limit > from);
            for now in [limit - 1, from + ((limit - 1 - from) as f64 * share) as i64] {
                let after = trial.judge(now);
                prop_assert!(same(&before, &after), "from {from} to {now}: {before:#?}\nbecame {after:#?}");
                prop_assert_eq!(before.next_change, after.next_change);
            }
        }

        #[test]
        fn judging_twice_is_judging_once(trial in trial(), now in moment()) {
            let mut almanac = Almanac::default();
            let once = assess(&trial.slot, &trial.status, &trial.rules, &mut almanac, t(now));
            let twice = assess(&trial.slot, &trial.status, &trial.rules, &mut almanac, t(now));
            prop_assert_eq!(&once, &twice);
            prop_assert_eq!(once, trial.judge(now));
        }

        #[test]
        fn what_expired_stays_expired(mut trial in trial(), now in moment(), later in 0i64..400 * DAY) {
            // A value that starts later is a rotation, which is no return.
            trial.slot.generations.to_mut().iter_mut().for_each(|generation| generation.starts = None);
            let expired = |now| open(&trial.judge(now).findings, FindingKind::Expired).map(|found| found.generation.clone());
            if let Some(generation) = expired(now) {
                prop_assert_eq!(expired(now + later), Some(generation));
            }
        }

        #[test]
        fn what_is_silent_while_another_speaks(trial in trial(), now in moment()) {
            let judged = trial.judge(now);
            let is = |kind| open(&judged.findings, kind).is_some();
            let ended = judged.findings.iter().filter(|finding| finding.kind.is_ended()).count();
            prop_assert!(ended <= 1, "{}", told(&judged.findings));
            if ended == 1 && !judged.usable {
                use FindingKind::*;
                for kind in [ExpiresSoon, ExpiresBeforeRotation, BreaksDeploy, RotationDue, RotationMissed, NeverExpires, TooLongLived, Unused, OverScoped, Unmanaged, Unverified] {
                    prop_assert!(!is(kind), "{kind} while ended");
                }
            }
            prop_assert!(!(is(FindingKind::RotationDue) && is(FindingKind::RotationMissed)));
            prop_assert!(!(is(FindingKind::ExpiresSoon) && is(FindingKind::ExpiresBeforeRotation)));
            prop_assert!(!(is(FindingKind::BreaksDeploy) && is(FindingKind::ExpiresSoon)));
            prop_assert!(!(is(FindingKind::BreaksDeploy) && is(FindingKind::ExpiresBeforeRotation)));
            prop_assert!(!(is(FindingKind::NotInjected) && is(FindingKind::OldGenerationAlive)));
            prop_assert!(!(is(FindingKind::Unmanaged) && is(FindingKind::Unowned)));
            let mut kinds: Vec<_> = judged.findings.iter().map(|finding| finding.kind).collect();
            kinds.sort();
            kinds.dedup();
            prop_assert_eq!(kinds.len(), judged.findings.len());
        }
    }

    #[test]
    fn rule_6_the_earliest_part_is_the_deadline() {
        let rules = json!({
            "schedules": { "s": { "every": "90d", "by": "hand" } },
            "policies": [{ "match": { "name": "*" }, "schedule": "s" }],
        });
        let deadline = |ends| Trial::new(rules.clone(), vec![lived("a", 0, ends)]).judge(0).deadline;
        use crate::domain::finding::DeadlineReason::*;
        assert_eq!(deadline(89 * DAY), Some((t(89 * DAY), Expiry)));
        assert_eq!(deadline(90 * DAY), Some((t(90 * DAY), Expiry)), "ties go to the end");
        assert_eq!(deadline(91 * DAY), Some((t(90 * DAY), Rotation)));
        let late = vec![lived("a", -200 * DAY, 0).ended(EndedHow::Expired, "expired", 0)];
        assert_eq!(Trial::new(rules.clone(), late).judge(0).deadline, Some((t(0), Ended)), "nothing else counts");
        let plain = |generation| Trial::plain(vec![generation]).judge(0).deadline;
        assert_eq!(plain(endless("a", 0)), None);
        assert_eq!(plain(lived("a", -DAY, 0)), Some((t(0), Ended)));
        assert_eq!(plain(lived("a", -DAY, 0).ended(EndedHow::Revoked, "revoked", -5)), Some((t(-5), Ended)));
        assert_eq!(plain(lived("a", -DAY, 9 * DAY).doubted(Doubt::NeverActive)), Some((t(9 * DAY), Expiry)));
    }

    #[test]
    fn rule_12_5_safe_until() {
        let safe = |generation| Trial::plain(vec![generation]).judge(0).safe_until;
        assert_eq!(safe(lived("a", 0, 9 * DAY)), SafeUntil::At(t(9 * DAY)));
        assert_eq!(safe(lived("a", -DAY, 300 * DAY).ended(EndedHow::Revoked, "", -5)), SafeUntil::At(t(-5)));
        assert_eq!(safe(endless("a", 0)), SafeUntil::Never);
        let unknown = Generation { expires: Expiry::Unknown(WhyUnknown::NotTold), ..endless("a", 0) };
        assert_eq!(safe(unknown), SafeUntil::Unknown);
        assert_eq!(safe(lived("a", 0, HOUR).slid(3600)), SafeUntil::Unknown, "it is renewed until its rung rings");
        assert_eq!(safe(lived("a", -HOUR, 500).slid(3600)), SafeUntil::At(t(500)));
        assert_eq!(Trial::plain(vec![]).judge(0).safe_until, SafeUntil::Unknown);
    }

    #[test]
    fn a_sound_token_costs_no_allocation_and_little_else() {
        let judged = Trial::plain(vec![lived("a", -DAY, 300 * DAY)]).judge(0);
        assert_eq!((judged.findings.capacity(), judged.next_change), (0, Some(t(HOUR))));
        assert_eq!((judged.expiry, judged.never, judged.usable), (Some(t(300 * DAY)), false, true));
    }
}
