//! What readers see: collectors, pipelines, open findings, one line a token. Reads only.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::World;
use crate::domain::At;
use crate::domain::collector::{ChannelHealth, CollectorStatus};
use crate::domain::episode::{Episode, Subject};
use crate::domain::finding::{DeadlineReason, FindingKind, Severity, Standing, TokenState};
use crate::domain::key::{ChannelId, CollectorId, EpisodeId, PipelineId};
use crate::domain::reason::{HoldReason, closed_list};
use crate::domain::token::Token;
use crate::judge::evaluate::rules;
use crate::judge::evaluate::rules::Rules;
use crate::judge::tell::route::Routes;

/// One token as pages, `list` and the API show it. Times are RFC 3339.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TokenLine {
    pub token: String,
    pub collector: String,
    pub kind: String,
    pub state: TokenState,
    pub team: Option<String>,
    pub schedule: Option<String>,
    /// As written: `every 90d`.
    pub schedule_text: Option<String>,
    pub pipelines: Vec<String>,
    pub expires: Option<At>,
    pub never_expires: bool,
    pub rotation_due: Option<At>,
    pub deadline: Option<At>,
    pub deadline_reason: Option<DeadlineReason>,
    pub findings: Vec<FindingLine>,
    pub read_at: At,
    /// When it ended, and the issuer's word.
    pub ended_at: Option<At>,
    pub ended_word: Option<String>,
    pub was_to_end: Option<At>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FindingLine {
    pub finding: FindingKind,
    pub severity: Severity,
    pub since: Option<At>,
    /// What `ack`, `explain` and search accept.
    pub code: Option<String>,
}

closed_list! {
    /// State of a pipeline (semantics 12.5): the first that fits.
    PipelineState { Broken = "broken", AtRisk = "at_risk", Unknown = "unknown", Safe = "safe" }
}

impl World {
    /// Collectors in the configuration, with what is remembered of them.
    pub fn collectors(&self) -> impl Iterator<Item = CollectorStatus> + '_ {
        self.rules.collectors().map(|rules| {
            let fresh = || CollectorStatus::new(rules.id.clone(), rules.issuer.clone(), rules.every, rules.stale_after);
            let mut status = self.collectors.get(&rules.id).cloned().unwrap_or_else(fresh);
            status.every = rules.every;
            status
        })
    }
    pub fn started_at(&self) -> At {
        self.started_at
    }
    /// The rules and routes in force.
    pub fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }
    pub fn routes(&self) -> &Arc<Routes> {
        &self.routes
    }
    /// Why judging is held for a second look, and since when (semantics 11).
    pub fn held(&self) -> Vec<(HoldReason, At)> {
        let mass = self.mass.values().map(|hold| hold.since).min();
        let clock = self.clock_held.map(|at| (HoldReason::Clock, at));
        clock.into_iter().chain(mass.map(|at| (HoldReason::MassChange, at))).collect()
    }
    pub fn channels(&self) -> &BTreeMap<ChannelId, ChannelHealth> {
        &self.channels
    }
    /// Whether slots of this collector are shown: it is in the configuration.
    pub fn shown(&self, collector: &CollectorId) -> bool {
        self.rules.collector(collector).is_some()
    }
    /// Open episodes of a subject.
    pub fn open(&self, subject: &Subject) -> impl Iterator<Item = &Episode> {
        self.episodes.get(subject).into_iter().flatten().filter(|episode| episode.open())
    }
    /// Open episodes about channels.
    pub fn channel_findings(&self) -> impl Iterator<Item = &Episode> {
        let channels = self.episodes.iter().filter(|(subject, _)| matches!(subject, Subject::Channel(_)));
        channels.flat_map(|(_, list)| list).filter(|episode| episode.open())
    }

    /// Open episodes of everything.
    pub fn open_episodes(&self) -> impl Iterator<Item = &Episode> {
        self.episodes.values().flatten().filter(|episode| episode.open())
    }
    /// Episodes with this code, open ones if there are any.
    pub fn episodes_coded(&self, code: &str) -> Vec<&Episode> {
        let coded = |episode: &&Episode| episode.id.code().eq_ignore_ascii_case(code);
        let all: Vec<&Episode> = self.episodes.values().flatten().filter(coded).collect();
        match all.iter().any(|episode| episode.open()) {
            true => all.into_iter().filter(|episode| episode.open()).collect(),
            false => all,
        }
    }
    /// Readers for whom something of an episode was planned.
    pub fn told_to(&self, episode: EpisodeId) -> &[(ChannelId, String)] {
        self.told_to.get(&episode).map_or(&[], Vec::as_slice)
    }
    /// What policies and filters match of a token.
    pub fn subject<'t>(&'t self, token: &'t Token<'_>) -> rules::Subject<'t> {
        super::observed::subject_of(token, &self.rules.collector(&token.key.collector))
    }
    /// Every shown token, in key order.
    pub fn watched(&self, f: &mut dyn FnMut(&Token<'_>, &Standing)) {
        self.inventory.each(None, &mut |token, standing| {
            if self.shown(&token.key.collector) && !Self::silent(token, standing) {
                f(token, standing);
            }
        });
    }

    /// A slot without a login of its own and without a finding says nothing to anybody.
    pub fn silent(token: &Token<'_>, standing: &Standing) -> bool {
        token.own_login() && token.generations.is_empty() && standing.findings.is_empty()
    }

    /// Every shown token, in key order.
    pub fn lines(&self, f: &mut dyn FnMut(TokenLine)) {
        self.watched(&mut |token, standing| f(self.line(token, standing)));
    }

    pub fn line(&self, token: &Token<'_>, standing: &Standing) -> TokenLine {
        let policy = self.rules.policy(token.policy);
        let subject = Subject::Token(token.key.as_ref().clone());
        let episode = |kind: FindingKind| self.open(&subject).find(|episode| episode.kind == kind);
        let findings = standing.findings.iter().map(|(finding, severity)| FindingLine {
            finding,
            severity,
            since: episode(finding).map(|episode| episode.since),
            code: episode(finding).map(|episode| episode.id.code()),
        });
        let ended = token.head().and_then(|head| head.ended.as_ref());
        TokenLine {
            token: token.label.to_string(),
            collector: token.key.collector.to_string(),
            kind: token.key.kind().to_owned(),
            state: standing.state,
            team: token.team.as_ref().map(ToString::to_string),
            schedule: policy.schedule.as_ref().map(|schedule| schedule.id.to_string()),
            schedule_text: policy.schedule.as_ref().map(|schedule| schedule.text.clone()),
            pipelines: policy.pipelines.iter().map(ToString::to_string).collect(),
            expires: standing.expiry,
            never_expires: standing.never,
            rotation_due: standing.rotation_due,
            deadline: standing.deadline.map(|(at, _)| at),
            deadline_reason: standing.deadline.map(|(_, reason)| reason),
            findings: findings.collect(),
            read_at: self.read_at(token),
            ended_at: ended.map(|ended| ended.at),
            ended_word: ended.map(|ended| ended.word.to_string()),
            was_to_end: token.head().and_then(|head| head.end()),
        }
    }

    /// When facts of it were last read.
    pub fn read_at(&self, token: &Token<'_>) -> At {
        let last = self.collectors.get(&token.key.collector).and_then(|status| status.last_success);
        last.map_or(token.observed, |at| at.max(token.observed))
    }

    /// Start of the pipeline's next run after `now`; `None` if its runs are not known.
    pub fn next_run(&self, pipeline: &PipelineId, now: At) -> Option<At> {
        self.rules.next_run(pipeline, now)
    }
    /// The next run after `now` of any pipeline of the token.
    pub fn next_run_of(&self, token: &Token<'_>, now: At) -> Option<(PipelineId, At)> {
        self.rules.next_run_of(&self.rules.policy(token.policy).pipelines, now)
    }
    /// The first run of any pipeline of the token that spans or follows `end`.
    pub fn first_run_of(&self, token: &Token<'_>, end: At) -> Option<(PipelineId, At)> {
        self.rules.first_run_of(&self.rules.policy(token.policy).pipelines, end)
    }

    /// Names of the pipelines in the configuration.
    pub fn pipelines(&self) -> impl Iterator<Item = &PipelineId> {
        self.rules.pipelines().keys()
    }
}
