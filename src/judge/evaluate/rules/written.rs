//! What the configuration says of a token, and where: which policy sets which key. For people only; judging reads the
//! merged policy.

use super::compile::{Entry, Team};
use super::schedule::Step;
use super::{Rules, Subject};
use crate::base::time::span;
use std::collections::BTreeMap;

/// Texts for people that come with the configuration.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// Path in the configuration → `forewarn.yml:12`.
    pub places: BTreeMap<String, String>,
    /// Issuer and kind → `group access token`.
    pub kinds: BTreeMap<(String, String), String>,
    /// Issuer → `GitLab`.
    pub issuers: BTreeMap<String, String>,
}

/// One key that a policy sets for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub key: &'static str,
    pub value: String,
    /// `policies[3].team`.
    pub path: String,
}

impl Rules {
    pub fn with(mut self, written: Written) -> Self {
        self.written = written;
        self
    }
    pub fn written(&self) -> &Written {
        &self.written
    }
    /// Where the value at a path is written; of the nearest key above it that has a place.
    pub fn place(&self, path: &str) -> Option<&str> {
        let mut path = path;
        loop {
            if let Some(place) = self.written.places.get(path) {
                return Some(place);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }
    /// What policies set for a token, each key by the first that sets it (semantics 2.3).
    pub fn sources(&self, subject: &Subject<'_>) -> Vec<Source> {
        let mut all: Vec<Source> = Vec::new();
        for (nth, entry) in self.compiled.entries.iter().enumerate().filter(|(_, entry)| entry.fits(subject)) {
            let team = self.team(entry, subject).map(|team| match &entry.team {
                Some(Team::Fact(fact)) => format!("{team} (the issuer's fact {fact})"),
                _ => team.to_string(),
            });
            let team = team.map(|team| ("team", team));
            for (key, value) in team.into_iter().chain(entry.written()) {
                if !all.iter().any(|known| known.key == key) {
                    all.push(Source { key, value, path: format!("policies[{nth}].{key}") });
                }
            }
        }
        all
    }
}

impl Entry {
    /// Its keys but `team`, as they would be written.
    fn written(&self) -> Vec<(&'static str, String)> {
        let names = |list: &[String]| list.join(", ");
        let pipelines = |list: &[crate::domain::key::PipelineId]| {
            list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        let all = [
            ("schedule", self.schedule.as_ref().map(|schedule| schedule.id.to_string())),
            ("pipelines", self.pipelines.as_deref().map(pipelines)),
            ("runbook", self.runbook.clone()),
            ("warn", self.warn.as_deref().map(steps)),
            ("max_lifetime", self.max_lifetime.and_then(|seconds| u32::try_from(seconds).ok()).map(span::write)),
            ("rotated", self.rotated.map(|at| at.format("%Y-%m-%d").to_string())),
            ("scopes.allow", self.scopes_allow.as_deref().map(names)),
            ("scopes.require", self.scopes_require.as_deref().map(names)),
            ("slot", self.slot.clone()),
            ("allow", self.allow.as_deref().map(exceptions)),
            ("watch", self.watch.map(|watch| watch.to_string())),
        ];
        all.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }
}

/// `14d, 7d, 10%`.
pub fn steps(steps: &[Step]) -> String {
    let one = |step: &Step| match step {
        Step::Before(seconds) => span::write(*seconds),
        Step::Percent(percent) => format!("{percent}%"),
    };
    steps.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn exceptions(list: &[(crate::domain::finding::FindingKind, crate::domain::At, String)]) -> String {
    let one = |(kind, until, because): &(_, crate::domain::At, String)| {
        let last = *until - chrono::TimeDelta::days(1);
        format!("{kind} until {} ({because})", last.format("%Y-%m-%d"))
    };
    list.iter().map(one).collect::<Vec<_>>().join(", ")
}
