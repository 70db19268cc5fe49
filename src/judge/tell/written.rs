//! `routes:`, `teams:` and the names of channels, checked and compiled; and what `check-config` says about routes that
//! are valid but reach nobody.

use std::collections::BTreeMap;

use super::digest::{self, Slots};
use super::route::{ChannelRules, Route, RouteSection, Routes, Target, Team, TeamSection};
use crate::domain::finding::{FindingKind, Severity};
use crate::domain::key::ChannelId;
use crate::judge::evaluate::rules::Problem;
use crate::judge::evaluate::rules::matcher::{Matcher, POLICY_FIELDS};
use crate::judge::evaluate::rules::sections::MatchSection;

/// The name in `to:` that means the channels of the token's own team.
const TEAM: &str = "team";
/// Fields that only routes have.
const OWN_FIELDS: [&str; 4] = ["severity", "finding", "team", "pipeline"];

type Channels = BTreeMap<ChannelId, ChannelRules>;

/// See [`Routes::compile`].
pub(super) fn compile(
    routes: Option<&[RouteSection]>,
    teams: &BTreeMap<String, TeamSection>,
    channels: Channels,
) -> Result<Routes, Vec<Problem>> {
    let mut problems = Vec::new();
    check_channels(&channels, &mut problems);
    let mut compiled = Routes { written: routes.is_some_and(|routes| !routes.is_empty()), ..Routes::default() };
    for (name, section) in teams {
        let path = format!("teams.{name}");
        let names = |list: &[String], key: &str, problems: &mut Vec<Problem>| {
            named(list, &format!("{path}.{key}"), &channels, problems)
        };
        let team = Team {
            channels: names(&section.channels, "channels", &mut problems),
            fallback: names(section.fallback.as_deref().unwrap_or_default(), "fallback", &mut problems),
        };
        compiled.teams.insert(name.as_str().into(), team);
    }
    for (nth, section) in routes.unwrap_or_default().iter().enumerate() {
        compiled.routes.push(route(section, &format!("routes[{nth}]"), teams, &channels, &mut problems));
    }
    if !compiled.written {
        compiled.routes.push(everywhere(&channels, None));
        compiled.routes.push(everywhere(&channels, Slots::default_of_the_house()));
    }
    compiled.channels = channels;
    if problems.is_empty() { Ok(compiled) } else { Err(problems) }
}

fn check_channels(channels: &Channels, problems: &mut Vec<Problem>) {
    for (channel, rules) in channels {
        let path = format!("channels.{channel}");
        if channel.as_str() == TEAM {
            let text =
                "a channel cannot be called \"team\": in routes that word means the channels of the token's team";
            problems.push(Problem::new(&path, text));
        }
        let Some(fallback) = &rules.fallback else { continue };
        let path = format!("{path}.fallback");
        if fallback == channel {
            problems.push(Problem::new(path, "a channel cannot be its own fallback, name another one"));
        } else if !channels.contains_key(fallback) {
            problems.push(unknown_channel(path, fallback.as_str(), channels));
        }
    }
}

fn unknown_channel(path: String, name: &str, channels: &Channels) -> Problem {
    Problem::unknown(path, "channel", name, channels.keys().map(ChannelId::as_str))
}

/// Channels by name; unknown ones are noted and left out.
fn named(list: &[String], path: &str, channels: &Channels, problems: &mut Vec<Problem>) -> Vec<ChannelId> {
    let mut known = Vec::with_capacity(list.len());
    for (nth, name) in list.iter().enumerate() {
        let id = ChannelId::from(name.as_str());
        if channels.contains_key(&id) {
            known.push(id);
        } else {
            problems.push(unknown_channel(format!("{path}[{nth}]"), name, channels));
        }
    }
    known
}

/// Without routes every channel hears of warnings and criticals at once, and of info in a digest.
fn everywhere(channels: &Channels, digest: Option<Slots>) -> Route {
    Route {
        matches: None,
        except: None,
        to: channels.keys().cloned().map(Target::Channel).collect(),
        continues: false,
        digest,
        severities: Severity::ALL.to_vec(),
    }
}

fn route(
    section: &RouteSection,
    path: &str,
    teams: &BTreeMap<String, TeamSection>,
    channels: &Channels,
    problems: &mut Vec<Problem>,
) -> Route {
    let known: Vec<&str> = POLICY_FIELDS.iter().copied().chain(OWN_FIELDS).collect();
    let mut matcher = |section: &Option<MatchSection>, key: &str| {
        let section = section.as_ref()?;
        let path = format!("{path}.{key}");
        check_names(section, &path, teams, problems);
        Some(Matcher::compile(section, &known, &path, problems))
    };
    let matches = matcher(&section.matches, "match");
    let except = matcher(&section.except, "except");
    if section.to.is_empty() {
        problems.push(Problem::new(format!("{path}.to"), "names no channel: write at least one, or `team`"));
    }
    let mut to = Vec::with_capacity(section.to.len());
    for (nth, name) in section.to.iter().enumerate() {
        let id = ChannelId::from(name.as_str());
        if name == TEAM {
            to.push(Target::Team);
        } else if channels.contains_key(&id) {
            to.push(Target::Channel(id));
        } else {
            let possible = channels.keys().map(ChannelId::as_str).chain([TEAM]);
            problems.push(Problem::unknown(format!("{path}.to[{nth}]"), "channel", name, possible));
        }
    }
    let severities = severities(section.matches.as_ref());
    let digest = section.digest.as_ref();
    let digest = digest.and_then(|section| digest::compile(section, &format!("{path}.digest"), problems));
    Route { matches, except, to, continues: section.continues.unwrap_or(false), digest, severities }
}

/// Severities, findings and teams are closed lists: a plain word that is none of them would never fit.
fn check_names(section: &MatchSection, path: &str, teams: &BTreeMap<String, TeamSection>, problems: &mut Vec<Problem>) {
    let severities: Vec<&str> = Severity::ALL.iter().map(|severity| severity.as_str()).collect();
    let findings: Vec<&str> = FindingKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let teams: Vec<&str> = teams.keys().map(String::as_str).collect();
    for (field, known) in [("severity", severities), ("finding", findings), ("team", teams)] {
        // Without the section `teams` any team name goes.
        let Some(texts) = section.0.get(field).filter(|_| !known.is_empty()) else { continue };
        for (nth, text) in texts.0.iter().enumerate() {
            let plain = !text.is_empty() && !text.contains(['*', '?', '[', '{', '\\']);
            if plain && !known.contains(&text.as_str()) {
                let place = if texts.0.len() > 1 { format!("[{nth}]") } else { String::new() };
                problems.push(Problem::unknown(format!("{path}.{field}{place}"), field, text, known.iter().copied()));
            }
        }
    }
}

/// Severities that a `match` lets through, as far as its own field `severity` decides.
fn severities(section: Option<&MatchSection>) -> Vec<Severity> {
    let Some(texts) = section.and_then(|section| section.0.get("severity")) else { return Severity::ALL.to_vec() };
    let only = MatchSection(BTreeMap::from([("severity".to_owned(), texts.clone())]));
    // Mistakes in it were noted when the whole section was compiled.
    let matcher = Matcher::compile(&only, &["severity"], "", &mut Vec::new());
    let fits = |severity: &&Severity| matcher.fits(&|_, each| each(severity.as_str()));
    Severity::ALL.iter().filter(fits).copied().collect()
}

/// See [`Routes::warnings`].
pub(super) fn warnings(routes: &Routes) -> Vec<Problem> {
    if routes.channels.is_empty() {
        return vec![Problem::new("channels", "there is no channel: findings stand on the page and in /metrics only")];
    }
    let mut warnings = Vec::new();
    unreached_routes(routes, &mut warnings);
    unreached_channels(routes, &mut warnings);
    for severity in [Severity::Critical, Severity::Warning] {
        if !routes.routes.iter().any(|route| route.severities.contains(&severity) && leads_somewhere(routes, route)) {
            let text = format!("no route carries {severity} findings: they stand on the page and in /metrics only");
            warnings.push(Problem::new("routes", text));
        }
    }
    slow(routes, &mut warnings);
    warnings
}

/// Severities that only digests carry, and when.
fn slow(routes: &Routes, warnings: &mut Vec<Problem>) {
    for severity in [Severity::Warning, Severity::Info] {
        let carriers = |route: &&Route| route.severities.contains(&severity) && leads_somewhere(routes, route);
        let at_once = severity > Severity::Info && routes.routes.iter().filter(carriers).any(|r| r.digest.is_none());
        let mut digests =
            routes.routes.iter().filter(carriers).filter_map(|route| Some((route, route.digest.as_ref()?)));
        match digests.next() {
            _ if at_once => {}
            Some((route, slots)) => {
                let text = format!("findings of severity {severity} reach {} only {}", names(route), slots.words());
                warnings.push(Problem::new("routes", text));
            }
            None if severity == Severity::Info => {
                let text = "no route has a digest, which alone carries info findings: they stand on the page and in /metrics only";
                warnings.push(Problem::new("routes", text));
            }
            None => {}
        }
    }
}

/// `chat and mail`, `the channels of the team`.
fn names(route: &Route) -> String {
    let names: Vec<&str> = route
        .to
        .iter()
        .map(|target| match target {
            Target::Team => "the channels of the team",
            Target::Channel(channel) => channel.as_str(),
        })
        .collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => "nobody".into(),
    }
}

fn leads_somewhere(routes: &Routes, route: &Route) -> bool {
    route.to.iter().any(|target| match target {
        Target::Channel(_) => true,
        Target::Team => routes.teams.values().any(|team| !team.channels.is_empty() || !team.fallback.is_empty()),
    })
}

fn unreached_routes(routes: &Routes, warnings: &mut Vec<Problem>) {
    let takes_all = |route: &&Route| {
        route.matches.is_none()
            && route.except.is_none()
            && !route.continues
            && route.to.iter().any(|target| matches!(target, Target::Channel(_)))
    };
    // Where no routes are written nobody wants to hear of those that stand for them.
    let none = routes.routes.len();
    let first = routes.routes.iter().position(|route| takes_all(&route)).filter(|_| routes.written).unwrap_or(none);
    // Info passes by what has no digest.
    let digest = routes.routes.iter().position(|route| takes_all(&route) && route.digest.is_some()).unwrap_or(none);
    for (nth, route) in routes.routes.iter().enumerate() {
        let path = format!("routes[{nth}]");
        let carries_info = route.digest.is_some() && route.severities.contains(&Severity::Info);
        let first = if carries_info { digest } else { first };
        if nth > first && routes.written {
            let text = format!("nothing reaches this route: routes[{first}] takes everything before it");
            warnings.push(Problem::new(path, text));
        } else if routes.written && !leads_somewhere(routes, route) {
            warnings.push(Problem::new(path, "this route leads to nobody: no team has a channel"));
        }
    }
}

fn unreached_channels(routes: &Routes, warnings: &mut Vec<Problem>) {
    let team_is_asked = routes.routes.iter().any(|route| route.to.contains(&Target::Team));
    for channel in routes.channels.keys() {
        let routed = routes.routes.iter().any(|route| route.to.contains(&Target::Channel(channel.clone())));
        let by_team = routes
            .teams
            .values()
            .any(|team| (team_is_asked && team.channels.contains(channel)) || team.fallback.contains(channel));
        let by_channel = routes.channels.values().any(|rules| rules.fallback.as_ref() == Some(channel));
        if !routed && !by_team && !by_channel {
            let text = format!("no route, team or fallback leads to the channel \"{channel}\"");
            warnings.push(Problem::new(format!("channels.{channel}"), text));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::compile;
    use super::*;

    #[test]
    fn every_mistake_at_once() {
        let routes = json!([
            { "match": { "severity": ["warning", "crit"], "nmae": "x" }, "to": ["chatt", "team"] },
            { "match": { "finding": "expires", "team": "platfrom" }, "except": { "name": "a[" }, "to": [] }
        ]);
        let teams = json!({ "platform": { "channels": ["chat", "pager"], "fallback": ["nobody"] } });
        let problems = compile(routes, teams).unwrap_err();
        insta::assert_snapshot!(problems.join("\n"), @r#"
        teams.platform.channels[1]: there is no channel "pager"
        teams.platform.fallback[0]: there is no channel "nobody"
        routes[0].match.severity[1]: there is no severity "crit"
        routes[0].match.nmae: there is no field "nmae"
        routes[0].to[0]: there is no channel "chatt"
        routes[1].match.finding: there is no finding "expires"
        routes[1].match.team: there is no team "platfrom"
        routes[1].except.name: the glob "a[" is not valid: unclosed character class; missing ']'
        routes[1].to: names no channel: write at least one, or `team`
        "#);
    }

    #[test]
    fn names_of_channels_are_checked() {
        let fallback = |name: &str| ChannelRules { fallback: Some(name.into()), ..ChannelRules::default() };
        let channels =
            [("team".into(), ChannelRules::default()), ("a".into(), fallback("a")), ("b".into(), fallback("c"))];
        let problems = Routes::compile(None, &BTreeMap::new(), channels.into()).unwrap_err();
        let said: Vec<_> = problems.iter().map(|problem| format!("{}: {}", problem.path, problem.text)).collect();
        insta::assert_snapshot!(said.join("\n"), @r#"
        channels.a.fallback: a channel cannot be its own fallback, name another one
        channels.b.fallback: there is no channel "c"
        channels.team: a channel cannot be called "team": in routes that word means the channels of the token's team
        "#);
        assert_eq!(problems[1].nearest_of, ["a", "b", "team"]);
    }

    fn said(routes: serde_json::Value, teams: serde_json::Value) -> String {
        let warnings = compile(routes, teams).unwrap().warnings();
        warnings.iter().map(|problem| format!("{}: {}", problem.path, problem.text)).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn valid_routes_that_reach_nobody_are_said() {
        let routes = json!([
            { "match": { "severity": "c*" }, "to": ["team"] },
            { "match": { "severity": "critical" }, "to": ["chat"] }
        ]);
        insta::assert_snapshot!(said(routes, json!({})), @r#"
        routes[0]: this route leads to nobody: no team has a channel
        channels.hook: no route, team or fallback leads to the channel "hook"
        routes: no route carries warning findings: they stand on the page and in /metrics only
        routes: info findings are not sent until digests exist: they stand on the page and in /metrics only
        "#);
        let routes = json!([{ "to": ["chat"] }, { "match": { "team": "x" }, "to": ["hook"] }]);
        insta::assert_snapshot!(said(routes, json!({})), @r"
        routes[1]: nothing reaches this route: routes[0] takes everything before it
        routes: info findings are not sent until digests exist: they stand on the page and in /metrics only
        ");
        let quiet =
            "routes: info findings are not sent until digests exist: they stand on the page and in /metrics only";
        assert_eq!(said(json!(null), json!({})), quiet);
    }

    #[test]
    fn without_channels_nobody_hears() {
        let warnings = Routes::compile(None, &BTreeMap::new(), BTreeMap::new()).unwrap().warnings();
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].text.contains("no channel"));
    }
}
