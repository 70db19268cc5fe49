//! What an end does to the runs of a token's pipelines: the run that it breaks (semantics 6), `breaks_deploy` (8).
//! Knows ends and starts; whether a pipeline is safe is summed up elsewhere.

use super::almanac::Almanac;
use super::case::{Case, DAY};
use super::rotation::Plan;
use super::watch::shift;
use crate::domain::At;
use crate::domain::finding::{Finding, FindingKind, Severity, Why};
use crate::domain::token::Generation;

/// How long before its start a run that will break is told of (semantics 8).
const AHEAD: i64 = 3 * DAY;

/// An end that is ahead, and the first run that spans or follows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Broken {
    pub end: At,
    pub run: At,
}

impl Broken {
    /// The earliest of all pipelines whose runs are known.
    pub fn first(case: &Case<'_>, end: Option<At>, almanac: &mut Almanac) -> Option<Self> {
        let (runs, end) = (&case.policy.runs, end.filter(|_| !case.policy.runs.is_empty())?);
        let run = runs.iter().filter_map(|runs| almanac.next_after(&runs.cron, runs.reaches(end))).min()?;
        Some(Self { end, run })
    }
    /// Its start, where it is the earlier thing that goes wrong (semantics 6).
    pub fn deadline(&self) -> Option<At> {
        (self.run < self.end).then_some(self.run)
    }
}

/// `breaks_deploy`, unless a machine will replace the token in time (semantics 5.5).
pub(super) fn breaks_deploy(
    case: &Case<'_>,
    current: &Generation,
    plan: Option<&Plan>,
    broken: &Broken,
) -> Option<Finding> {
    let saved = plan.is_some_and(|plan| plan.saves(broken.end, &case.watch));
    if saved || !case.watch.reached(shift(broken.run, -AHEAD)) {
        return None;
    }
    let severity = if case.watch.reached(shift(broken.run, -DAY)) { Severity::Critical } else { Severity::Warning };
    let mut finding = case.finding(FindingKind::BreaksDeploy, severity, Why::Plain, Some(current));
    finding.due = Some(broken.end);
    Some(finding)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::trial::{DAY, HOUR, Trial, endless, lived, t};
    use super::*;
    use crate::domain::finding::{DeadlineReason, TokenState};
    use crate::domain::token::EndedHow;

    const MINUTE: i64 = 60;
    /// Runs start at 02:00 and 12:00 UTC; T0 is 09:40.
    const NOON: i64 = 2 * HOUR + 20 * MINUTE;

    fn rules(schedule: Option<Value>) -> Value {
        let mut policy = json!({ "match": { "token": "**" }, "team": "platform", "pipelines": ["deploy-prod"] });
        if schedule.is_some() {
            policy["schedule"] = json!("s");
        }
        json!({
            "schedules": schedule.map_or(json!({}), |schedule| json!({ "s": schedule })),
            "pipelines": { "deploy-prod": { "runs": { "cron": "0 2,12 * * *", "zone": "UTC" }, "lasts": "1h" } },
            "policies": [policy],
        })
    }
    /// Lives for a year until so many seconds from T0.
    fn ending(end: i64) -> Trial {
        Trial::new(rules(None), vec![lived("a", end - 365 * DAY, end)])
    }

    #[test]
    fn rule_8_breaks_deploy_72_h_before_the_first_run_then_critical() {
        // Ends at 13:20, when the run of 13:00 (none) is no matter and that of 12:00 is over: the next is at 02:00.
        let end = NOON + 80 * MINUTE + 30 * DAY;
        let run = NOON + 14 * HOUR + 30 * DAY;
        let trial = ending(end);
        let table = [
            (run - 3 * DAY - 1, "expires_soon warning 3d"),
            (run - 3 * DAY, "breaks_deploy warning"),
            (run - DAY - 1, "breaks_deploy warning"),
            (run - DAY, "breaks_deploy critical"),
            (end - 1, "breaks_deploy critical"),
            (end, "expired critical"),
            (run, "expired critical"),
        ];
        for (now, told) in table {
            assert_eq!(trial.told_fresh(now), told, "{now}");
        }
        let found = &trial.fresh(run - DAY).findings[0];
        assert_eq!((found.due, found.breaks.as_slice()), (Some(t(end)), ["deploy-prod".into()].as_slice()));
        assert_eq!(trial.fresh(run - DAY).state, TokenState::Ending);
        let next = |now| trial.fresh(now).next_change;
        assert_eq!(next(run - 3 * DAY - 1), Some(t(run - 3 * DAY)), "it opens on time without polling");
    }

    #[test]
    fn rule_8_a_run_that_spans_the_end_opens_it_and_may_have_begun() {
        let trial = ending(NOON + HOUR + 4 * MINUTE);
        assert_eq!(trial.told_fresh(NOON - DAY), "breaks_deploy critical", "noon's run may still be at work");
        assert_eq!(trial.told_fresh(NOON + MINUTE), "breaks_deploy critical");
        let after = ending(NOON + HOUR + 5 * MINUTE);
        assert_eq!(after.fresh(NOON - DAY).findings[0].severity, Severity::Warning, "it is over; the next is at 02:00");
    }

    #[test]
    fn rule_6_the_deadline_is_the_start_of_a_run_that_spans_the_end() {
        let deadline = |end| ending(end).fresh(0).deadline;
        let run = |at| Some((t(at), DeadlineReason::Run));
        let expiry = |at| Some((t(at), DeadlineReason::Expiry));
        assert_eq!(deadline(NOON + 1), run(NOON));
        assert_eq!(deadline(NOON + HOUR + 5 * MINUTE - 1), run(NOON));
        assert_eq!(deadline(NOON), expiry(NOON), "a run that starts then does not span it");
        assert_eq!(deadline(NOON + HOUR + 5 * MINUTE), expiry(NOON + HOUR + 5 * MINUTE));
        let overlapping = json!({
            "pipelines": { "p": { "runs": { "cron": "*/10 * * * *" }, "lasts": "25m" } },
            "policies": [{ "match": { "token": "**" }, "pipelines": ["p"] }],
        });
        let trial = Trial::new(overlapping, vec![lived("a", -DAY, NOON)]);
        assert_eq!(trial.fresh(0).deadline, run(NOON - 20 * MINUTE), "the earliest of several");
    }

    #[test]
    fn rule_6_ended_comes_before_any_run() {
        let ended = lived("a", -DAY, NOON + 1).ended(EndedHow::Revoked, "revoked", -5);
        let judged = Trial::new(rules(None), vec![ended]).judge(0);
        assert_eq!(judged.deadline, Some((t(-5), DeadlineReason::Ended)));
        assert_eq!(super::super::trial::told(&judged.findings), "revoked critical");
    }

    #[test]
    fn rule_5_5_a_machine_that_will_rotate_in_time_silences_it() {
        let trial = |every: &str| {
            let schedule = json!({ "every": every, "by": "machine", "grace": "1h" });
            Trial::new(rules(Some(schedule)), vec![lived("a", 0, 8 * DAY)])
        };
        assert_eq!(trial("7d").told_fresh(6 * DAY), "");
        assert_eq!(trial("7d").told_fresh(7 * DAY + HOUR), "rotation_missed warning, breaks_deploy warning");
        let late = trial("30d");
        assert_eq!(
            late.told_fresh(7 * DAY + HOUR),
            "breaks_deploy warning",
            "that it comes too late is not told besides"
        );
        let by_hand = json!({ "every": "7d", "by": "hand" });
        let trial = Trial::new(rules(Some(by_hand)), vec![lived("a", 0, 8 * DAY)]);
        assert_eq!(trial.told_fresh(6 * DAY), "rotation_due warning 1d4h, breaks_deploy warning");
    }

    #[test]
    fn rule_6_a_sliding_token_breaks_runs_only_while_its_rung_is_open() {
        let trial = Trial::new(rules(None), vec![lived("a", 0, 12 * HOUR).slid(12 * 3600)]);
        assert_eq!(trial.told_fresh(10 * HOUR - 1), "");
        assert_eq!(trial.told_fresh(10 * HOUR), "breaks_deploy critical");
        let stopped = Generation { hard_stop: Some(t(14 * HOUR)), ..lived("a", 0, 12 * HOUR).slid(12 * 3600) };
        assert_eq!(
            Trial::new(rules(None), vec![stopped]).told_fresh(0),
            "breaks_deploy critical",
            "its hard stop is fixed"
        );
    }

    #[test]
    fn what_never_ends_or_does_not_say_breaks_no_run() {
        let never = Trial::new(rules(None), vec![endless("a", -DAY)]);
        assert_eq!(never.told_fresh(0), "never_expires warning");
        let unknown = rules(None)
            .to_string()
            .replace("\"runs\":{\"cron\":\"0 2,12 * * *\",\"zone\":\"UTC\"}", "\"url\":\"https://x\"");
        let trial = Trial::new(serde_json::from_str(&unknown).unwrap(), vec![lived("a", -365 * DAY, NOON + 1)]);
        assert_eq!(trial.told_fresh(0), "expires_soon critical 1d", "without runs nothing is known of them");
        assert_eq!(trial.fresh(0).deadline, Some((t(NOON + 1), DeadlineReason::Expiry)));
    }

    #[test]
    fn the_earliest_run_of_several_pipelines_counts() {
        let both = json!({
            "pipelines": {
                "weekly": { "runs": { "cron": "0 6 * * MON" } },
                "nightly": { "runs": { "cron": "0 2 * * *" } },
                "release": {},
            },
            "policies": [{ "match": { "token": "**" }, "pipelines": ["weekly", "release", "nightly"] }],
        });
        // Ends on Saturday at 09:40; nightly runs on Sunday at 02:00, weekly on Monday at 06:00.
        let trial = Trial::new(both, vec![lived("a", -365 * DAY, 4 * DAY)]);
        let nightly = 4 * DAY + 16 * HOUR + 20 * MINUTE;
        assert_eq!(trial.told_fresh(nightly - 3 * DAY - 1), "expires_soon warning 3d");
        assert_eq!(trial.told_fresh(nightly - 3 * DAY), "breaks_deploy warning");
        assert_eq!(trial.fresh(0).findings[0].breaks.len(), 3);
    }
}
