//! Sections → rules: every text becomes a value, every reference is followed, every mistake is told at once.
//! Knows no file: paths of mistakes are relative to the root of the configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Days, NaiveDate, NaiveTime};

use super::matcher::{Matcher, POLICY_FIELDS};
use super::pipeline::Pipeline;
use super::schedule::{Schedule, Step, duration, ladder};
use super::sections::{AllowSection, MatchSection, PolicySection, TeamSection};
use super::{CollectorRules, Problem, Rules, Sections};
use crate::domain::At;
use crate::domain::finding::FindingKind;
use crate::domain::key::{CollectorId, PipelineId, TeamId};

/// Findings that a dated exception may silence (semantics 8).
pub(super) const EXCEPTIONS: &[FindingKind] = &[
    FindingKind::NeverExpires,
    FindingKind::TooLongLived,
    FindingKind::Unused,
    FindingKind::OverScoped,
    FindingKind::StaticCopy,
];

/// Issuers tell uses to minutes or hours.
const SHORTEST_UNUSED: i64 = 3600;

/// What compiling gives.
#[derive(Debug, Default)]
pub(super) struct Compiled {
    pub entries: Vec<Entry>,
    pub pipelines: BTreeMap<PipelineId, Pipeline>,
    /// Names in `teams:`, if the section is there.
    pub teams: Option<Vec<String>>,
    pub collectors: BTreeMap<CollectorId, Known>,
}

/// A collector with its `ignore`.
#[derive(Debug)]
pub(super) struct Known {
    pub rules: CollectorRules,
    pub ignore: Vec<Matcher>,
}

/// One policy; what it does not set is `None`.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// `None`: the defaults of the house.
    pub matches: Option<Matcher>,
    pub except: Option<Matcher>,
    pub team: Option<Team>,
    pub schedule: Option<Arc<Schedule>>,
    pub pipelines: Option<Vec<PipelineId>>,
    pub runbook: Option<String>,
    pub warn: Option<Vec<Step>>,
    pub max_lifetime: Option<i64>,
    pub unused_after: Option<i64>,
    pub rotated: Option<At>,
    pub scopes_allow: Option<Vec<String>>,
    pub scopes_require: Option<Vec<String>>,
    pub slot: Option<String>,
    pub allow: Option<Vec<(FindingKind, At, String)>>,
    pub watch: Option<bool>,
}

#[derive(Debug)]
pub(super) enum Team {
    Named(TeamId),
    Fact(String),
}

impl Rules {
    /// Compiles all sections; every mistake at once.
    pub fn compile(sections: &Sections, collectors: Vec<CollectorRules>) -> Result<Rules, Vec<Problem>> {
        let mut problems = Vec::new();
        let schedules: BTreeMap<&str, Option<Arc<Schedule>>> = sections
            .schedules
            .iter()
            .map(|(name, section)| {
                (name.as_str(), super::schedule::compile(name, section, &mut problems).map(Arc::new))
            })
            .collect();
        let policies = Policies { sections, schedules };
        let entries = sections
            .policies
            .iter()
            .enumerate()
            .map(|(nth, policy)| policies.entry(nth, policy, &mut problems))
            .collect();
        let collectors = collectors.into_iter().map(|rules| known(rules, &mut problems)).collect();
        let pipelines = sections.pipelines.iter().map(|(name, section)| {
            let pipeline = super::pipeline::compile(name, section, &mut problems);
            (pipeline.id.clone(), pipeline)
        });
        let pipelines = pipelines.collect();
        let compiled = Compiled { entries, pipelines, teams: sections.teams.clone(), collectors };
        if problems.is_empty() {
            Ok(Rules { compiled, met: Default::default(), written: Default::default() })
        } else {
            Err(problems)
        }
    }
}

fn known(rules: CollectorRules, problems: &mut Vec<Problem>) -> (CollectorId, Known) {
    let compile = |(nth, section): (usize, &MatchSection)| {
        let path = format!("collectors.{}.ignore[{nth}]", rules.id);
        Matcher::compile(section, POLICY_FIELDS, &path, problems)
    };
    let ignore = rules.ignore.iter().enumerate().map(compile).collect();
    (rules.id.clone(), Known { rules, ignore })
}

/// What the references of policies lead to.
struct Policies<'a> {
    sections: &'a Sections,
    /// `None`: it is there, but wrong; told already.
    schedules: BTreeMap<&'a str, Option<Arc<Schedule>>>,
}

impl Policies<'_> {
    fn entry(&self, nth: usize, policy: &PolicySection, problems: &mut Vec<Problem>) -> Entry {
        let path = format!("policies[{nth}]");
        let mut matcher = |key: &str, section: &Option<MatchSection>| {
            section.as_ref().map(|section| Matcher::compile(section, POLICY_FIELDS, &format!("{path}.{key}"), problems))
        };
        let (matches, except) = (matcher("match", &policy.matches), matcher("except", &policy.except));
        let seconds = |key: &str, text: &Option<String>, problems: &mut Vec<Problem>| {
            text.as_ref().map(|text| duration(text, format!("{path}.{key}"), problems).into())
        };
        let scopes = policy.scopes.clone().unwrap_or_default();
        Entry {
            matches,
            except,
            team: policy.team.as_ref().and_then(|team| self.team(team, &path, problems)),
            schedule: policy.schedule.as_ref().and_then(|name| self.schedule(name, &path, problems)),
            pipelines: policy.pipelines.as_ref().map(|names| self.pipelines(names, &path, problems)),
            runbook: policy.runbook.clone(),
            warn: policy.warn.as_ref().map(|steps| ladder(steps, &format!("{path}.warn"), problems)),
            max_lifetime: seconds("max_lifetime", &policy.max_lifetime, problems),
            unused_after: unused_after(policy, &path, problems),
            rotated: policy.rotated.as_ref().and_then(|text| day(text, 0, format!("{path}.rotated"), problems)),
            scopes_allow: scopes.allow,
            scopes_require: scopes.require,
            slot: policy.slot.clone(),
            allow: policy.allow.as_ref().map(|list| exceptions(list, &path, problems)),
            watch: policy.watch,
        }
    }
    fn team(&self, team: &TeamSection, path: &str, problems: &mut Vec<Problem>) -> Option<Team> {
        match (team, &self.sections.teams) {
            (TeamSection::Fact(name), _) => Some(Team::Fact(name.strip_prefix("fact.").unwrap_or(name).to_owned())),
            (TeamSection::Named(name), Some(known)) if !known.contains(name) => {
                let known = known.iter().map(String::as_str);
                problems.push(Problem::unknown(format!("{path}.team"), "team", name, known));
                None
            }
            (TeamSection::Named(name), _) => Some(Team::Named(TeamId::from(name.as_str()))),
        }
    }
    fn schedule(&self, name: &str, path: &str, problems: &mut Vec<Problem>) -> Option<Arc<Schedule>> {
        match self.schedules.get(name) {
            Some(schedule) => schedule.clone(),
            None => {
                let known = self.schedules.keys().copied();
                problems.push(Problem::unknown(format!("{path}.schedule"), "schedule", name, known));
                None
            }
        }
    }
    fn pipelines(&self, names: &[String], path: &str, problems: &mut Vec<Problem>) -> Vec<PipelineId> {
        for (nth, name) in names.iter().enumerate() {
            if !self.sections.pipelines.contains_key(name) {
                let known = self.sections.pipelines.keys().map(String::as_str);
                problems.push(Problem::unknown(format!("{path}.pipelines[{nth}]"), "pipeline", name, known));
            }
        }
        names.iter().map(|name| PipelineId::from(name.as_str())).collect()
    }
}

fn exceptions(list: &[AllowSection], path: &str, problems: &mut Vec<Problem>) -> Vec<(FindingKind, At, String)> {
    let mut all = Vec::with_capacity(list.len());
    for (nth, section) in list.iter().enumerate() {
        let path = format!("{path}.allow[{nth}]");
        let kind = FindingKind::parse(&section.finding).filter(|kind| EXCEPTIONS.contains(kind));
        if kind.is_none() {
            let known = EXCEPTIONS.iter().map(|kind| kind.as_str());
            problems.push(match FindingKind::parse(&section.finding) {
                None => Problem::unknown(format!("{path}.finding"), "finding", &section.finding, known),
                Some(kind) => Problem::new(
                    format!("{path}.finding"),
                    format!("{kind} cannot be excepted; these can: {}", known.collect::<Vec<_>>().join(", ")),
                ),
            });
        }
        if section.because.trim().is_empty() {
            problems.push(Problem::new(format!("{path}.because"), "an exception needs its reason"));
        }
        let until = day(&section.until, 1, format!("{path}.until"), problems);
        if let (Some(kind), Some(until)) = (kind, until) {
            all.push((kind, until, section.because.clone()));
        }
    }
    all
}

/// A use cannot be told more finely than in minutes, so that nothing is unused at once.
fn unused_after(policy: &PolicySection, path: &str, problems: &mut Vec<Problem>) -> Option<i64> {
    let text = policy.unused_after.as_ref()?;
    let path = format!("{path}.unused_after");
    let before = problems.len();
    let seconds = duration(text, path.clone(), problems).into();
    if seconds < SHORTEST_UNUSED && problems.len() == before {
        problems.push(Problem::new(path, "a token is not unused after less than an hour"));
    }
    Some(seconds)
}

/// Start of the day `plus` days after a written date, UTC.
fn day(text: &str, plus: u64, path: String, problems: &mut Vec<Problem>) -> Option<At> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|date| date.checked_add_days(Days::new(plus)));
    if date.is_none() {
        problems.push(Problem::new(path, format!("\"{text}\" is not a date; write it as in 2027-06-30")));
    }
    date.map(|date| date.and_time(NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(sections: serde_json::Value) -> String {
        let take = |key: &str| sections.get(key).cloned().unwrap_or(serde_json::json!({}));
        let policies = sections.get("policies").cloned().unwrap_or(serde_json::json!([]));
        let sections = Sections {
            policies: serde_json::from_value(policies).unwrap(),
            schedules: serde_json::from_value(take("schedules")).unwrap(),
            pipelines: serde_json::from_value(take("pipelines")).unwrap(),
            teams: sections.get("teams").map(|teams| serde_json::from_value(teams.clone()).unwrap()),
        };
        let problems = Rules::compile(&sections, Vec::new()).map(|_| ()).unwrap_err();
        let line = |problem: &Problem| match problem.nearest_of.join(" ") {
            known if known.is_empty() => format!("{}: {}", problem.path, problem.text),
            known => format!("{}: {} [{known}]", problem.path, problem.text),
        };
        problems.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn references_to_nothing_are_told_with_what_was_possible() {
        let told = told(serde_json::json!({
            "teams": ["platform"],
            "pipelines": { "deploy-prod": {} },
            "policies": [
                { "team": "plattform", "schedule": "quaterly", "pipelines": ["deploy-prod", "deploy-pord"] },
                { "match": { "nam": "x" }, "rotated": "2026-13-01" },
                { "allow": [
                    { "finding": "never_expire", "until": "2027-06-30", "because": "x" },
                    { "finding": "expired", "until": "soon", "because": " " },
                ] },
            ],
        }));
        insta::assert_snapshot!(told, @r#"
        policies[0].team: there is no team "plattform" [platform]
        policies[0].schedule: there is no schedule "quaterly"
        policies[0].pipelines[1]: there is no pipeline "deploy-pord" [deploy-prod]
        policies[1].match.nam: there is no field "nam" [collector fact.<name> issuer kind name place scope token]
        policies[1].rotated: "2026-13-01" is not a date; write it as in 2027-06-30
        policies[2].allow[0].finding: there is no finding "never_expire" [never_expires over_scoped static_copy too_long_lived unused]
        policies[2].allow[1].finding: expired cannot be excepted; these can: never_expires, too_long_lived, unused, over_scoped, static_copy
        policies[2].allow[1].because: an exception needs its reason
        policies[2].allow[1].until: "soon" is not a date; write it as in 2027-06-30
        "#);
    }

    #[test]
    fn schedules_and_ladders_are_checked() {
        let told = told(serde_json::json!({
            "schedules": {
                "a": { "every": "1M", "by": "hand" },
                "b": { "cron": "0 10 1-7 * MON", "by": "machine", "zone": "Europe/Berln" },
                "c": { "cron": "0 10 1-7 * MON", "by": "maschine" },
                "d": { "every": "90d", "cron": "0 0 1 * *" },
                "e": { "by": "hand", "warn": ["1d", "10 %%", "0s"], "grace": "x" },
                "f": { "every": "0s", "by": "hand", "warn": [], "zone": "UTC" },
            },
            "policies": [{ "schedule": "a", "warn": ["7d", "soon"], "max_lifetime": "1.5d", "unused_after": "1M" }, { "unused_after": "5m" }],
        }));
        let paths: Vec<_> = told.lines().map(|line| line.split(": ").next().unwrap()).collect();
        let expected = [
            "schedules.a.every",
            "schedules.b.zone",
            "schedules.c.cron",
            "schedules.c.by",
            "schedules.d",
            "schedules.d",
            "schedules.e",
            "schedules.e.warn[1]",
            "schedules.e.warn[2]",
            "schedules.e.grace",
            "schedules.f.zone",
            "schedules.f.every",
            "schedules.f.warn",
            "policies[0].warn[1]",
            "policies[0].max_lifetime",
            "policies[0].unused_after",
            "policies[1].unused_after",
        ];
        assert_eq!(paths, expected, "{told}");
        assert!(told.contains("For the first Monday write \"0 10 * * MON#1\""), "{told}");
    }

    #[test]
    fn a_good_configuration_compiles() {
        let sections = Sections {
            policies: serde_json::from_value(serde_json::json!([
                { "match": { "name": "a" }, "schedule": "m", "warn": ["7d", "10%"], "max_lifetime": "1y", "rotated": "2026-09-02",
                  "scopes": { "allow": ["x"], "require": ["y"] } },
            ]))
            .unwrap(),
            schedules: serde_json::from_value(serde_json::json!({
                "m": { "cron": "0 10 * * MON#1", "zone": "Europe/Berlin", "by": "machine", "lasts": "1h" },
                "q": { "every": "8d", "by": "hand", "grace": "3d", "overlap": "1d", "warn": ["1d"] },
            }))
            .unwrap(),
            ..Sections::default()
        };
        let rules = Rules::compile(&sections, Vec::new()).unwrap();
        let entry = &rules.compiled.entries[0];
        assert_eq!(entry.warn, Some(vec![Step::Before(7 * 86_400), Step::Percent(10)]));
        assert_eq!(entry.max_lifetime, Some(365 * 86_400));
        assert_eq!(entry.rotated.unwrap().to_rfc3339(), "2026-09-02T00:00:00+00:00");
        let schedule = entry.schedule.as_ref().unwrap();
        assert_eq!((schedule.text.as_str(), schedule.by_hand), ("cron 0 10 * * MON#1", false));
        assert_eq!((schedule.grace, schedule.overlap, schedule.lasts), (86_400, 7 * 86_400, 3600));
    }
}
