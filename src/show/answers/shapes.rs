//! The shapes of all answers. Times are RFC 3339, whole seconds; sentences are ready to print, nothing is escaped.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::At;
use crate::domain::finding::{DeadlineReason, FindingKind, Severity, TokenState};
use crate::domain::poll::Poll;
use crate::judge::world::view::{FindingLine, PipelineState, TokenLine};

/// Tokens that a filter lets through, most urgent first, one page of them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Tokens {
    pub now: At,
    /// Watched in all, before the filter.
    pub watched: usize,
    /// Of those watched, how many need someone: an open finding at warning or above.
    pub need_someone: usize,
    /// How many the filter lets through; `tokens` holds one page of them.
    pub matching: usize,
    pub offset: usize,
    pub tokens: Vec<TokenRow>,
    pub collectors: Vec<CollectorRow>,
    /// Why judging waits, and since when; empty: it does not (semantics 11.4).
    #[serde(default)]
    pub held: Vec<Said>,
}

/// One token: its facts, and the words that every surface says of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TokenRow {
    #[serde(flatten)]
    pub line: TokenLine,
    pub needs_someone: bool,
    pub severity: Option<Severity>,
    /// `in 6 days`, `12 days ago`, `revoked 40 min ago`, `never`, `unknown`.
    pub ends: String,
    /// `Mon 30 Nov 14:20 UTC`; empty where there is no date.
    pub ends_at: String,
    pub why: String,
    /// `deploy-prod 12:00`, `not said`.
    pub breaks: String,
    /// The last message about it: `09:01 chat`, `✖ mail 4 h`; empty: nothing was told.
    pub told: String,
}

/// `explain`: everything about one token.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    pub now: At,
    pub row: TokenRow,
    /// Words of the kind: `group access token`, and of its issuer: `GitLab`.
    pub kind: String,
    pub issuer: String,
    /// The issuer's id of the present generation; never a value.
    pub issuer_id: Option<String>,
    pub owner: Option<String>,
    /// Other names that collectors see it under (semantics 1.11).
    pub also: Vec<String>,
    pub deadline: Vec<Said>,
    pub breaks: Vec<Said>,
    pub findings: Vec<FindingDetail>,
    /// What the configuration sets, and in which line.
    pub set_by: Vec<SetBy>,
    pub facts: Vec<Said>,
    pub scopes: Vec<String>,
    /// Generations before the present one, newest first.
    pub before: Vec<GenerationRow>,
    pub told: Vec<ToldRow>,
    pub next: Vec<NextRow>,
    pub runbook: Option<String>,
    /// Where the issuer shows it.
    pub link: Option<String>,
    /// How to rotate it there, one sentence.
    pub rotate: String,
}

/// A labelled fact with its sentence: `issued` · `2 Sep 2026`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Said {
    pub what: String,
    pub text: String,
    pub at: Option<At>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FindingDetail {
    #[serde(flatten)]
    pub line: FindingLine,
    /// Why it stands, one sentence.
    pub text: String,
    /// Anchor in the runbooks.
    pub runbook: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SetBy {
    /// The key as written: `team`, `schedule`, `pipelines`, `runbook`, `warn`.
    pub key: String,
    pub value: String,
    /// `forewarn.yml:12`; `None` where the configuration in force has no such line.
    pub place: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct GenerationRow {
    /// The issuer's id; `None` where it is a keyed hash.
    pub id: Option<String>,
    pub issued: Option<At>,
    pub first_seen: At,
    pub ends: Option<At>,
    pub never_expires: bool,
    /// How it ended, in the issuer's word, and when.
    pub ended: Option<String>,
    pub ended_at: Option<At>,
    pub last_used: Option<At>,
    pub still_works: bool,
}

/// One message about it, to one reader.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ToldRow {
    pub at: At,
    pub channel: String,
    pub recipient: String,
    pub finding: FindingKind,
    /// `opened`, `7d`, `closed: rotated`, `reminder 2`.
    pub what: String,
    pub state: String,
    pub code: String,
}

/// What will be said next if nothing changes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct NextRow {
    pub at: At,
    pub finding: FindingKind,
    pub what: String,
    pub channels: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Pipelines {
    pub now: At,
    pub pipelines: Vec<PipelineRow>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PipelineRow {
    pub pipeline: String,
    pub state: PipelineState,
    pub environment: Option<String>,
    pub url: Option<String>,
    pub tokens: usize,
    /// Earliest end of its tokens, past if one has ended; `None`: not known, or all never expire.
    pub safe_until: Option<At>,
    pub never_ends: bool,
    pub next_run: Option<At>,
    /// `safe until 30 Nov 14:20`, `keycloak/ci/deploy-bot was revoked; next run 12:00 UTC, in 2 h 20 min`.
    pub text: String,
    /// The token that decides its state.
    pub token: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Collectors {
    pub now: At,
    pub collectors: Vec<CollectorRow>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CollectorRow {
    pub collector: String,
    pub issuer: String,
    /// Host of its URL; empty for offline ones.
    pub host: String,
    /// Fresh: its last poll read the issuer, in time.
    pub fresh: bool,
    /// Whether its facts grow stale; what is typed or lies in files does not.
    pub ages: bool,
    pub every_seconds: u32,
    pub tokens: usize,
    pub last_success: Option<At>,
    pub last_poll: Option<At>,
    pub last_duration_ms: Option<u32>,
    /// Share of the inventory that the last poll read, 0 to 1.
    pub coverage: Option<f64>,
    /// Why the last polls failed, since when, and in whose words; no secret.
    pub failure: Option<String>,
    pub failing_since: Option<At>,
    pub failure_detail: Option<String>,
    pub ratelimit_remaining: Option<u32>,
    pub clock_difference_seconds: Option<i64>,
    /// Records of the last poll that are not watched, by reason; only reasons that occur.
    pub left_out: Vec<(String, u32)>,
    /// Dynamic records that no policy watches.
    pub dynamic: u32,
    /// `last read 3 h ago, 503 (sealed)`, `read 4 min ago`.
    pub text: String,
}

/// One collector with its last polls, newest first.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CollectorDetail {
    pub now: At,
    pub row: CollectorRow,
    pub polls: Vec<Poll>,
}

/// A collector was asked to poll as soon as it can.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PollAsked {
    pub now: At,
    pub collector: String,
}

/// Messages, newest first.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Deliveries {
    pub now: At,
    pub channels: Vec<ChannelRow>,
    pub matching: usize,
    pub offset: usize,
    pub deliveries: Vec<DeliveryRow>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ChannelRow {
    pub channel: String,
    pub up: bool,
    pub broken_since: Option<At>,
    /// Outcome class that broke it.
    pub class: Option<String>,
    pub waiting: u32,
    pub dead: u32,
    pub oldest_due: Option<At>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryRow {
    pub id: String,
    /// When it became due, and when its state last changed.
    pub due: At,
    pub changed_at: At,
    pub channel: String,
    pub recipient: String,
    /// The label `token`; for a collector `forewarn/<collector>`, for a channel its name.
    pub token: String,
    pub finding: FindingKind,
    pub severity: Severity,
    pub what: String,
    pub state: String,
    pub attempts: u32,
    /// Outcome class of the last attempt, and the receiver's word; no secret.
    pub class: Option<String>,
    pub evidence: Option<String>,
    pub code: String,
}

/// The next ninety days, from the start of today.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Days {
    pub now: At,
    /// Start of today, and the end of the last day.
    pub first: At,
    pub end: At,
    /// Days on which something ends, in order.
    pub days: Vec<Day>,
}

/// One day of the next ninety on which something ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Day {
    /// Start of the day, UTC.
    pub at: At,
    pub tokens: usize,
    pub reasons: Vec<(DeadlineReason, usize)>,
    /// The worst state of them.
    pub state: Option<TokenState>,
}
