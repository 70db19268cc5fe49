//! Pipelines, compiled: when they run and how long a run needs its tokens.
//! Knows starts and spans; what an end of a token does to a run stands in `runs.rs`.

use std::sync::Arc;

use super::schedule::{cron, duration, zone};
use super::sections::PipelineSection;
use super::{Problem, Rules};
use crate::base::time::cron::Cron;
use crate::domain::At;
use crate::domain::key::PipelineId;
use crate::judge::evaluate::watch::shift;

/// How long a run takes where nobody says, seconds: what the gate takes for it too (semantics 13.1).
pub const LASTS: u32 = 3600;
/// A run may start late or take a little longer, seconds (semantics 6).
pub const MARGIN: i64 = 300;

/// What breaks when a token of it ends.
#[derive(Clone, Debug)]
pub struct Pipeline {
    pub id: PipelineId,
    pub environment: Option<String>,
    pub url: Option<String>,
    /// As written, seconds.
    pub lasts: Option<u32>,
    pub runs: Option<Arc<Runs>>,
}

/// The runs of one pipeline.
#[derive(Clone, Debug)]
pub struct Runs {
    pub pipeline: PipelineId,
    pub cron: Cron,
    /// Seconds.
    pub lasts: u32,
}

impl Runs {
    /// A run that starts after this instant is not over, or has not begun, at `end` (semantics 6).
    pub fn reaches(&self, end: At) -> At {
        shift(end, -i64::from(self.lasts) - MARGIN)
    }
    /// The first run that spans or follows `end`.
    pub fn first(&self, end: At) -> Option<At> {
        self.cron.next_after(self.reaches(end))
    }
}

/// One entry of `pipelines:`.
pub(super) fn compile(name: &str, section: &PipelineSection, problems: &mut Vec<Problem>) -> Pipeline {
    let path = format!("pipelines.{name}");
    let id = PipelineId::from(name);
    let lasts = section.lasts.as_ref().map(|text| duration(text, format!("{path}.lasts"), problems));
    let cron = section.runs.as_ref().and_then(|runs| {
        let path = format!("{path}.runs");
        let zone = zone(runs.zone.as_deref(), &path, problems)?;
        cron(&runs.cron, &zone, &path, problems)
    });
    let runs = cron.map(|cron| Arc::new(Runs { pipeline: id.clone(), cron, lasts: lasts.unwrap_or(LASTS) }));
    Pipeline { id, environment: section.environment.clone(), url: section.url.clone(), lasts, runs }
}

impl Rules {
    /// Start of the pipeline's next run after `now`; `None` if its runs are not known.
    pub fn next_run(&self, pipeline: &PipelineId, now: At) -> Option<At> {
        self.runs(pipeline)?.cron.next_after(now)
    }
    /// The next run after `now` of any of these pipelines.
    pub fn next_run_of(&self, pipelines: &[PipelineId], now: At) -> Option<(PipelineId, At)> {
        self.earliest(pipelines, |runs| runs.cron.next_after(now))
    }
    /// The first run of any of these pipelines that spans or follows the end of a token.
    pub fn first_run_of(&self, pipelines: &[PipelineId], end: At) -> Option<(PipelineId, At)> {
        self.earliest(pipelines, |runs| runs.first(end))
    }
    fn earliest(&self, pipelines: &[PipelineId], start: impl Fn(&Runs) -> Option<At>) -> Option<(PipelineId, At)> {
        let starts = pipelines.iter().filter_map(|pipeline| Some((pipeline.clone(), start(self.runs(pipeline)?)?)));
        starts.min_by_key(|&(_, at)| at)
    }
    fn runs(&self, pipeline: &PipelineId) -> Option<&Runs> {
        self.pipelines().get(pipeline)?.runs.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Sections;
    use super::*;

    fn at(text: &str) -> At {
        text.parse().unwrap()
    }
    fn rules(pipelines: serde_json::Value) -> Result<Rules, Vec<Problem>> {
        let pipelines = serde_json::from_value(pipelines).unwrap();
        Rules::compile(&Sections { pipelines, ..Sections::default() }, Vec::new())
    }

    #[test]
    fn the_next_run_in_its_zone_also_where_the_clock_changes() {
        let rules = rules(json!({
            "deploy": { "runs": { "cron": "30 2 * * *", "zone": "Europe/Berlin" } },
            "release": {},
        }))
        .unwrap();
        let next = |now: &str| rules.next_run(&"deploy".into(), at(now));
        assert_eq!(next("2026-11-24T09:40:00Z"), Some(at("2026-11-25T01:30:00Z")));
        assert_eq!(next("2026-11-25T01:30:00Z"), Some(at("2026-11-26T01:30:00Z")), "a run that starts now is not next");
        assert_eq!(
            next("2027-03-27T12:00:00Z"),
            Some(at("2027-03-28T01:00:00Z")),
            "half past two is skipped: at three"
        );
        assert_eq!(next("2026-10-24T12:00:00Z"), Some(at("2026-10-25T00:30:00Z")), "and comes twice: the first");
        assert_eq!(next("2026-10-25T00:30:00Z"), Some(at("2026-10-26T01:30:00Z")));
        assert_eq!(rules.next_run(&"release".into(), at("2026-11-24T09:40:00Z")), None);
        assert_eq!(rules.next_run(&"nobody".into(), at("2026-11-24T09:40:00Z")), None);
    }

    #[test]
    fn the_earliest_run_of_several_pipelines() {
        let rules = rules(json!({
            "late": { "runs": { "cron": "0 14 * * *" } },
            "early": { "runs": { "cron": "0 12 * * *" } },
            "release": {},
        }))
        .unwrap();
        let all = ["late".into(), "release".into(), "early".into()];
        let now = at("2026-11-24T12:30:00Z");
        assert_eq!(rules.next_run_of(&all, now), Some(("late".into(), at("2026-11-24T14:00:00Z"))));
        assert_eq!(
            rules.first_run_of(&all, now),
            Some(("early".into(), at("2026-11-24T12:00:00Z"))),
            "it spans the end"
        );
        assert_eq!(rules.next_run_of(&["release".into()], now), None);
    }

    #[test]
    fn rule_6_a_run_that_is_just_over_does_not_reach_the_end() {
        let rules = rules(json!({ "p": { "runs": { "cron": "0 12 * * *" }, "lasts": "1h" } })).unwrap();
        let first = |end: &str| rules.first_run_of(&["p".into()], at(end)).unwrap().1;
        let (today, tomorrow) = (at("2026-11-24T12:00:00Z"), at("2026-11-25T12:00:00Z"));
        for (end, run) in [
            ("2026-11-24T11:59:59Z", today),
            ("2026-11-24T12:00:00Z", today),
            ("2026-11-24T13:04:59Z", today),
            ("2026-11-24T13:05:00Z", tomorrow),
            ("2026-11-25T00:00:00Z", tomorrow),
        ] {
            assert_eq!(first(end), run, "{end}");
        }
    }

    #[test]
    fn mistakes_are_those_of_schedules() {
        let problems = rules(json!({
            "a": { "runs": { "cron": "0 10 1-7 * MON" }, "lasts": "1.5h" },
            "b": { "runs": { "cron": "0 25 * * *", "zone": "UTC" } },
            "c": { "runs": { "cron": "0 2 * * *", "zone": "Europe/Berln" } },
        }))
        .unwrap_err();
        let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(
            paths,
            ["pipelines.a.lasts", "pipelines.a.runs.cron", "pipelines.b.runs.cron", "pipelines.c.runs.zone"]
        );
        assert!(problems[1].text.contains("For the first Monday write \"0 10 * * MON#1\""), "{}", problems[1].text);
    }
}
