//! `check-config --route`: which channels a finding with these words would reach. Words and names that nobody knows are
//! mistakes, with what was probably meant.

use std::collections::BTreeMap;

use super::print::width;
use crate::base::yaml::mistake::{nearest, quoted};
use crate::config::setup::Setup;
use crate::domain::finding::{FindingKind, Severity};
use crate::domain::key::ChannelId;
use crate::judge::evaluate::rules::matcher::POLICY_FIELDS;
use crate::judge::tell::trace::{Taken, Words};

/// Fields of findings that routes may match besides those of policies.
const OF_FINDINGS: [&str; 4] = ["severity", "finding", "team", "pipeline"];

/// `team=platform severity=critical`, read against the configuration; or every mistake, one a line.
pub fn read(text: &str, setup: &Setup) -> Result<Words, String> {
    let mut words = Words::new();
    let mut wrong = Vec::new();
    let names = Names::of(setup);
    for word in text.split_whitespace() {
        match word.split_once('=') {
            Some((field, value)) if !value.is_empty() => match names.mistake(field, value) {
                Some(mistake) => wrong.push(mistake),
                None if words.insert(field.into(), value.into()).is_some() => {
                    wrong.push(format!("{} is said twice: a finding has one", quoted(field)));
                }
                None => {}
            },
            _ => wrong.push(format!("{} is no word of a finding: write FIELD=VALUE", quoted(word))),
        }
    }
    if words.is_empty() && wrong.is_empty() {
        wrong.push("no word is given: write for example --route 'team=platform severity=critical'".into());
    }
    match wrong.is_empty() {
        true => {
            names.complete(&mut words);
            Ok(words)
        }
        false => Err(wrong.iter().map(|mistake| stopped(mistake)).collect()),
    }
}

fn stopped(mistake: &str) -> String {
    format!("--route: {mistake}{}\n", if mistake.ends_with('?') { "" } else { "." })
}

/// Names that the configuration knows, by field; a field that is not here takes any.
struct Names {
    known: BTreeMap<&'static str, Vec<String>>,
    issuers: BTreeMap<String, String>,
}

impl Names {
    fn of(setup: &Setup) -> Self {
        let issuers: BTreeMap<String, String> =
            setup.collectors.iter().map(|c| (c.id.to_string(), c.definition.name.to_string())).collect();
        let mut known = BTreeMap::from([
            ("severity", Severity::ALL.iter().map(ToString::to_string).collect()),
            ("finding", FindingKind::ALL.iter().map(ToString::to_string).collect()),
            ("pipeline", setup.rules.pipelines().keys().map(ToString::to_string).collect()),
            ("collector", issuers.keys().cloned().collect()),
            ("issuer", issuers.values().cloned().collect()),
        ]);
        let teams: Vec<String> = setup.routes.teams().map(ToString::to_string).collect();
        // Without the section `teams` any team name goes.
        if !teams.is_empty() {
            known.insert("team", teams);
        }
        Self { known, issuers }
    }

    fn mistake(&self, field: &str, value: &str) -> Option<String> {
        let fact = field.strip_prefix("fact.").is_some_and(|name| !name.is_empty());
        let fields = || POLICY_FIELDS.iter().copied().chain(OF_FINDINGS);
        if !fact && !fields().any(|known| known == field) {
            let meant = match nearest(field, fields()) {
                Some(near) => format!("Did you mean {}?", quoted(near)),
                None => format!("There is: {}, fact.<name>", fields().collect::<Vec<_>>().join(", ")),
            };
            return Some(format!("there is no field {}. {meant}", quoted(field)));
        }
        let known = self.known.get(field)?;
        if known.iter().any(|name| name == value) {
            return None;
        }
        let meant = match nearest(value, known.iter().map(String::as_str)) {
            Some(near) => format!("Did you mean {}?", quoted(near)),
            None if known.is_empty() => "The configuration has none".into(),
            None => format!("There is: {}", known.join(", ")),
        };
        Some(format!("there is no {field} {}. {meant}", quoted(value)))
    }

    /// What follows from what was said: a collector has one issuer, and a token's label begins with its collector.
    fn complete(&self, words: &mut Words) {
        if let Some((collector, _)) = words.get("token").and_then(|token| token.split_once('/'))
            && self.issuers.contains_key(collector)
        {
            let collector = collector.to_owned();
            words.entry("collector".into()).or_insert(collector);
        }
        if let Some(issuer) = words.get("collector").and_then(|collector| self.issuers.get(collector)) {
            let issuer = issuer.clone();
            words.entry("issuer".into()).or_insert(issuer);
        }
    }
}

/// A line for the words; without a severity one for each, since that is what most routes ask for.
pub fn said(text: &str, words: &Words, setup: &Setup) -> String {
    let text = width::inert(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    if words.contains_key("severity") {
        return line(&text, words, setup);
    }
    let each = Severity::ALL.iter().rev().map(|severity| {
        let mut words = words.clone();
        words.insert("severity".into(), severity.to_string());
        line(&format!("{text} severity={severity}"), &words, setup)
    });
    each.collect()
}

/// `team=platform severity=critical → chat (routes[0]); stops there`.
fn line(text: &str, words: &Words, setup: &Setup) -> String {
    if setup.channels.is_empty() {
        return format!("{text} → nobody: there is no channel; it stands on the page and in /metrics\n");
    }
    let way = setup.routes.trace(words);
    let reached: Vec<String> = way.iter().map(step).collect();
    let nobody = way.iter().all(|taken| taken.channels.is_empty());
    let end = match way.last() {
        None if words.get("severity").is_some_and(|severity| severity == Severity::Info.as_str()) => {
            "nobody: no route with a digest takes it, and info makes no message of its own; \
             it stands on the page and in /metrics"
                .into()
        }
        None => "nobody: no route takes it; it stands on the page and in /metrics".into(),
        Some(_) if nobody => format!("nobody: {}; it stands on the page and in /metrics", reached.join(", ")),
        Some(Taken { nth: None, .. }) => {
            format!("{}: no routes are written, so every channel hears of it", reached.join(", "))
        }
        Some(taken) if taken.stops => format!("{}; stops there", reached.join(", ")),
        Some(_) => format!("{}; no route after it takes it", reached.join(", ")),
    };
    format!("{text} → {end}\n")
}

/// `chat and mail (routes[0])`.
fn step(taken: &Taken) -> String {
    let names: Vec<&str> = taken.channels.iter().map(ChannelId::as_str).collect();
    let digest = taken.digest.as_ref().map(|when| format!(", in a digest {when}")).unwrap_or_default();
    match (taken.nth, names.is_empty()) {
        (Some(nth), true) => format!("its team has no channel (routes[{nth}])"),
        (Some(nth), false) => format!("{} (routes[{nth}]{digest})", names.join(" and ")),
        (None, _) => format!("{}{digest}", names.join(" and ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Loading};

    const CONFIG: &str = r#"
collectors: { vendor: { issuer: declared, tokens: [{ name: push, expires: 2030-03-01 }] } }
pipelines: { deploy-prod: {} }
teams: { platform: { channels: [chat] }, idle: { channels: [] } }
channels: { chat: { stdout: {} }, pager: { stdout: {} }, mail: { stdout: {} } }
routes:
  - { match: { severity: critical }, to: [pager], continue: true }
  - { match: { team: "*" }, to: [team] }
  - { match: { issuer: declared }, to: [mail] }
"#;

    fn asked(text: &str, config: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forewarn.yml");
        std::fs::write(&path, config).unwrap();
        let setup = config::load(&path, &Loading::default()).unwrap().setup;
        read(text, &setup).map_or_else(|mistakes| mistakes, |words| said(text, &words, &setup))
    }

    #[test]
    fn surfaces_6_3_the_way_of_a_finding() {
        let asked = |text: &str| asked(text, CONFIG);
        insta::assert_snapshot!(asked("team=platform severity=critical"), @r"
        team=platform severity=critical → pager (routes[0]), chat (routes[1]); stops there
        ");
        insta::assert_snapshot!(asked("team=platform"), @r"
        team=platform severity=critical → pager (routes[0]), chat (routes[1]); stops there
        team=platform severity=warning → chat (routes[1]); stops there
        team=platform severity=info → nobody: no route with a digest takes it, and info makes no message of its own; it stands on the page and in /metrics
        ");
        insta::assert_snapshot!(asked("team=idle severity=warning"), @r"
        team=idle severity=warning → nobody: its team has no channel (routes[1]); it stands on the page and in /metrics
        ");
        insta::assert_snapshot!(asked("token=vendor/push severity=warning"), @r"
        token=vendor/push severity=warning → mail (routes[2]); stops there
        ");
        insta::assert_snapshot!(asked("name=push severity=warning"), @r"
        name=push severity=warning → nobody: no route takes it; it stands on the page and in /metrics
        ");
    }

    #[test]
    fn without_routes_every_channel_hears_and_without_channels_nobody() {
        let collectors =
            "collectors: { vendor: { issuer: declared, tokens: [{ name: push, expires: 2030-03-01 }] } }\n";
        let with = format!("{collectors}channels: {{ a: {{ stdout: {{}} }}, b: {{ stdout: {{}} }} }}\n");
        insta::assert_snapshot!(asked("severity=critical", &with), @r"
        severity=critical → a and b: no routes are written, so every channel hears of it
        ");
        insta::assert_snapshot!(asked("severity=critical", collectors), @r"
        severity=critical → nobody: there is no channel; it stands on the page and in /metrics
        ");
    }

    #[test]
    fn every_unknown_word_is_a_mistake_at_once() {
        let text = "tem=platform team=platfrom severity=hot pipeline=deploy-prd finding name= team=idle team=idle x\u{1b}[2J=1";
        insta::assert_snapshot!(asked(text, CONFIG), @r#"
        --route: there is no field "tem". Did you mean "team"?
        --route: there is no team "platfrom". Did you mean "platform"?
        --route: there is no severity "hot". There is: info, warning, critical.
        --route: there is no pipeline "deploy-prd". Did you mean "deploy-prod"?
        --route: "finding" is no word of a finding: write FIELD=VALUE.
        --route: "name=" is no word of a finding: write FIELD=VALUE.
        --route: "team" is said twice: a finding has one.
        --route: there is no field "x�[2J". There is: token, place, name, collector, issuer, kind, scope, severity, finding, team, pipeline, fact.<name>.
        "#);
        insta::assert_snapshot!(asked("", CONFIG), @r"
        --route: no word is given: write for example --route 'team=platform severity=critical'.
        ");
    }
}
