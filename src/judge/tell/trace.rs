//! The way of a finding through the routes, for people who want to know before it happens: which entries take it, where
//! it stops. The same rules as [`Routes::pick`], on words instead of an episode.

use std::collections::BTreeMap;

use super::route::{Route, Routes, Target, Team};
use crate::domain::finding::Severity;
use crate::domain::key::{ChannelId, TeamId};

/// Words of one finding: `team` → `platform`.
pub type Words = BTreeMap<String, String>;

/// One entry of `routes:` that takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its number; `None`: no routes are written, so every channel hears of it.
    pub nth: Option<usize>,
    /// In order, each once; empty: its team has no channel, so the next entry may take it.
    pub channels: Vec<ChannelId>,
    pub stops: bool,
    /// `on Mondays`: told in a digest, not at once.
    pub digest: Option<String>,
}

impl Routes {
    /// The entries that take a finding with these words, in order; the last one stops it or nothing is below it.
    pub fn trace(&self, words: &Words) -> Vec<Taken> {
        let mut way = Vec::new();
        let team = words.get("team").and_then(|team| self.teams.get(&TeamId::from(team.as_str())));
        let severity = words.get("severity").and_then(|word| Severity::parse(word)).unwrap_or(Severity::Critical);
        // Info is told in digests only, critical at once also by a route that has one.
        let carries = |route: &Route| severity > Severity::Info || route.digest.is_some();
        let takes = |route: &Route| carries(route) && fits(route, words);
        for (nth, route) in self.routes.iter().enumerate().filter(|(_, route)| takes(route)) {
            let channels = heard(route, team);
            let stops = !channels.is_empty() && !route.continues;
            let slots = route.digest.as_ref().filter(|_| severity < Severity::Critical);
            let digest = slots.map(|slots| slots.words().to_owned());
            way.push(Taken { nth: self.written.then_some(nth), channels, stops, digest });
            if stops {
                break;
            }
        }
        way
    }
    pub fn teams(&self) -> impl Iterator<Item = &TeamId> {
        self.teams.keys()
    }
}

fn fits(route: &Route, words: &Words) -> bool {
    let field = |name: &str, each: &mut dyn FnMut(&str)| words.get(name).into_iter().for_each(|value| each(value));
    route.matches.as_ref().is_none_or(|matcher| matcher.fits(&field))
        && !route.except.as_ref().is_some_and(|matcher| matcher.fits(&field))
}

fn heard(route: &Route, team: Option<&Team>) -> Vec<ChannelId> {
    let mut channels: Vec<ChannelId> = Vec::new();
    for target in &route.to {
        let named = match target {
            Target::Channel(channel) => std::slice::from_ref(channel),
            Target::Team => team.map(Team::heard_at).unwrap_or_default(),
        };
        for channel in named {
            if !channels.contains(channel) {
                channels.push(channel.clone());
            }
        }
    }
    channels
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::compile;
    use super::*;

    fn way(routes: serde_json::Value, words: &[(&str, &str)]) -> Vec<String> {
        let teams = json!({ "platform": { "channels": ["chat"] }, "idle": { "channels": [] } });
        let words = words.iter().map(|(word, value)| ((*word).to_owned(), (*value).to_owned())).collect();
        let said = |taken: Taken| {
            let names: Vec<&str> = taken.channels.iter().map(ChannelId::as_str).collect();
            format!("{:?} {} {}", taken.nth, names.join("+"), if taken.stops { "stops" } else { "goes on" })
        };
        compile(routes, teams).unwrap().trace(&words).into_iter().map(said).collect()
    }

    #[test]
    fn a_finding_goes_the_way_that_pick_goes() {
        let routes = || {
            json!([
                { "match": { "severity": "critical" }, "to": ["hook"], "continue": true },
                { "match": { "team": "*" }, "to": ["team"] },
                { "except": { "severity": "info" }, "to": ["mail", "mail"] }
            ])
        };
        let of = |team, severity| way(routes(), &[("team", team), ("severity", severity)]);
        assert_eq!(of("platform", "critical"), ["Some(0) hook goes on", "Some(1) chat stops"]);
        assert_eq!(of("idle", "warning"), ["Some(1)  goes on", "Some(2) mail stops"], "nobody there: the next may");
        assert!(of("platform", "info").is_empty(), "info is told in digests only");
        assert!(way(routes(), &[("severity", "info")]).is_empty());
        assert_eq!(way(json!(null), &[("severity", "critical")]), ["None chat+hook+mail stops"]);
    }
}
