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
    if words.get("severity").is_some_and(|severity| severity == Severity::Info.as_str()) {
        return format!("{text} → nobody: info makes no message; it stands on the page and in /metrics\n");
    }
    if setup.channels.is_empty() {
        return format!("{text} → nobody: there is no channel; it stands on the page and in /metrics\n");
    }
    let way = setup.routes.trace(words);
    let reached: Vec<String> = way.iter().map(step).collect();
    let nobody = way.iter().all(|taken| taken.channels.is_empty());
    let end = match way.last() {
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
    match (taken.nth, names.is_empty()) {
        (Some(nth), true) => format!("its team has no channel (routes[{nth}])"),
        (Some(nth), false) => format!("{} (routes[{nth}])", names.join(" and ")),
        (None, _) => names.join(" and "),
    }
}
