//! Rules in force: the sections as written, and what they compile to; valid by construction.
//! Knows no file and no place in a file: a mistake is a path and a sentence.

use std::{collections::BTreeMap, sync::Arc};

use crate::domain::At;
use crate::domain::finding::FindingKind;
use crate::domain::key::{CollectorId, PipelineId, PolicyNo, TeamId};
use crate::domain::text::Text;
use crate::domain::token::EndedHow;
use sections::{MatchSection, PipelineSection, PolicySection, ScheduleSection};

mod compile;
mod govern;
pub mod matcher;
pub mod pipeline;
pub mod schedule;
pub mod sections;
pub mod written;

/// All sections that rules are compiled from.
#[derive(Clone, Debug, Default)]
pub struct Sections {
    pub policies: Vec<PolicySection>,
    pub schedules: BTreeMap<String, ScheduleSection>,
    pub pipelines: BTreeMap<String, PipelineSection>,
    /// Names in `teams:`; `None`: the section is absent, any team name goes.
    pub teams: Option<Vec<String>>,
}

/// A mistake at a path such as `policies[2].schedule`, relative to the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub path: String,
    /// One sentence without a full stop: `there is no schedule "quaterly"`.
    pub text: String,
    /// Names that were possible, sorted: whoever shows the problem adds "Did you mean …" from them.
    pub nearest_of: Vec<String>,
}

/// What rules must know about a collector; from the configuration and its definition.
#[derive(Clone, Debug)]
pub struct CollectorRules {
    pub id: CollectorId,
    pub issuer: Text,
    /// For people: `GitLab`.
    pub title: Text,
    /// Where its own login stands, for messages: `file gitlab-read`, `env GITLAB_READ`; never a path.
    pub login: Option<Text>,
    /// The least right that a login needs, one sentence.
    pub least: Text,
    /// Host of its URL, for messages.
    pub host: Text,
    /// Its URL, to know that two collectors see the same issuer (semantics 1.11); empty for offline ones.
    pub url: Text,
    /// Names of the tokens that the configuration names itself; `None` for files, which come and go.
    pub explicit: Option<Vec<String>>,
    /// Seconds.
    pub every: u32,
    /// Seconds until facts are stale; `None`: they never are (offline, declared).
    pub stale_after: Option<u32>,
    pub shows_rotation: bool,
    pub absent: EndedHow,
    /// It has a request that asks for one generation by id.
    pub confirms: bool,
    /// Kinds watched besides machine kinds.
    pub kinds: Vec<String>,
    pub ignore: Vec<MatchSection>,
    pub slots_by_id: bool,
    pub max_tokens: usize,
    /// How to rotate there, one sentence.
    pub rotate: Text,
    /// Whether the issuer tells expiries at all.
    pub tells_expiry: bool,
}

/// What policies are matched against.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub collector: &'a CollectorId,
    pub issuer: &'a str,
    pub kind: &'a str,
    pub token: &'a str,
    pub place: &'a str,
    pub name: &'a str,
    pub scopes: &'a [Text],
    pub facts: &'a [(Text, Text)],
    pub own_login: bool,
    pub explicit: bool,
}

/// What policies give a token.
#[derive(Clone, Debug, PartialEq)]
pub struct Governed {
    pub policy: PolicyNo,
    pub team: Option<TeamId>,
    /// Some policy matches.
    pub matched: bool,
    /// Explicit, or given a team, a schedule or pipelines.
    pub managed: bool,
    /// Policy `slot:` joins its matches per place.
    pub slot: Option<String>,
    pub watch: bool,
}

/// The first policy that sets a key wins.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    pub matched: bool,
    pub schedule: Option<Arc<schedule::Schedule>>,
    pub pipelines: Vec<PipelineId>,
    /// Runs of those of them that have known ones.
    pub runs: Vec<Arc<pipeline::Runs>>,
    pub runbook: Option<String>,
    pub warn: Option<Vec<schedule::Step>>,
    /// Seconds.
    pub max_lifetime: Option<i64>,
    /// Seconds.
    pub unused_after: Option<i64>,
    /// Start of the day written under `rotated`.
    pub rotated: Option<At>,
    pub scopes_allow: Option<Vec<String>>,
    pub scopes_require: Option<Vec<String>>,
    /// Dated exceptions: finding, first instant at which it opens again, why.
    pub allow: Vec<(FindingKind, At, String)>,
    /// `watch: false`: known, counted, judged by nothing.
    pub unwatched: bool,
}

/// Everything judging needs from the configuration. Shared; the combinations of policies met so far stand behind a lock.
#[derive(Debug)]
pub struct Rules {
    compiled: compile::Compiled,
    met: govern::Met,
    /// What people are told of where it stands; judging does not look at it.
    written: written::Written,
}
