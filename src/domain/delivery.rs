//! What must be told: intents (inputs, not text) and their deliveries, one per channel and recipient.

use serde::{Deserialize, Serialize};

use super::At;
use super::episode::{Episode, Transition};
use super::finding::Severity;
use super::key::{ChannelId, DeliveryId, PipelineId, ScheduleId, TeamId};
use super::reason::{FailureReason, closed_list};
use super::text::Text;

/// Everything a message may need to say, gathered when the transition happened; rendered when sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The label `token`; for a collector `forewarn/<collector>`, for a channel its name.
    pub token: String,
    pub collector: Option<String>,
    pub issuer: Text,
    /// For people: `GitLab`; empty in intents of older versions.
    #[serde(default)]
    pub issuer_title: Text,
    /// Where the collector reads: host of the issuer's URL.
    pub host: Text,
    pub kind: Text,
    pub managed: bool,
    pub own_login: bool,
    pub explicit: bool,
    pub team: Option<TeamId>,
    pub owner: Option<Text>,
    pub schedule: Option<ScheduleId>,
    /// `every 90d`, `cron 0 10 * * MON#1`: as written.
    pub schedule_text: Option<Text>,
    pub by_hand: bool,
    pub pipelines: Vec<PipelineId>,
    pub runbook: Option<String>,
    pub link: Option<Text>,
    /// How to rotate at this issuer, one sentence from its definition.
    pub rotate: Text,
    /// End of the generation that the finding is about; `date_only`: only a date was told.
    pub ends: Option<At>,
    pub date_only: bool,
    pub never: bool,
    pub issued: Option<At>,
    pub rotation_due: Option<At>,
    pub rotated_at: Option<At>,
    /// After a rotation: the old value's end, whether it still works, and whether its use is known (semantics 1.8).
    pub before: Option<Before>,
    /// When facts were last read.
    pub read_at: Option<At>,
    /// Last round in which it worked; for `revoked`: "seen working 08:46, not working 09:01".
    pub seen_good: Option<At>,
    /// Next instant at which something more is told, and what.
    pub next: Option<(At, Text)>,
    pub last_used: Option<super::token::LastUsed>,
    /// Tokens that a collector covers, and those of them with a deadline within 7 days.
    pub covers: Option<(u32, u32)>,
    /// Detail of a collector's or channel's failure; no secret.
    pub detail: Option<Text>,
    /// The first run that spans or follows the end: its pipeline and its start.
    #[serde(default)]
    pub first_run: Option<(PipelineId, At)>,
    /// The next run from now on, of any pipeline of the token.
    #[serde(default)]
    pub next_run: Option<(PipelineId, At)>,
    /// Where the value stands, as the policy or an issuer tells.
    #[serde(default)]
    pub copies: Vec<CopyFact>,
    /// Who is told besides the usual reader, and why: `oncall`, `a run is ahead`.
    #[serde(default)]
    pub told_too: Option<(Text, Text)>,
    /// The freeze that the end falls into: its start, by which to act, and its name.
    #[serde(default)]
    pub freeze: Option<(At, Text)>,
    /// Where a collector's own login stands (`file gitlab-read`, `env GITLAB_READ`; never a path) and what it must be
    /// allowed (`role Owner, scope read_api`).
    #[serde(default)]
    pub login: Option<(Text, Text)>,
}

/// One place that holds a copy of a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyFact {
    /// `github example/shop`.
    pub place: Text,
    /// `RENOVATE_TOKEN`.
    pub name: Text,
    /// When it was last replaced; `None`: not known.
    pub replaced: Option<At>,
}

/// The generation that a rotation replaced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Before {
    pub ends: Option<At>,
    pub never: bool,
    /// Ended already; the issuer's word.
    pub ended: Option<Text>,
    pub use_known: bool,
    pub issued: Option<At>,
}

/// A fact to tell. Stored with its inputs, because text is made when it is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    pub episode: Episode,
    pub transition: Transition,
    pub seq: u32,
    pub at: At,
    /// Part of an introduction (semantics 10): one message a channel and collector.
    pub introduction: bool,
    pub facts: Facts,
    /// An item of a digest; `None`: told by itself.
    #[serde(default)]
    pub digest: Option<DigestItem>,
}

/// Which digest an intent is an item of: the one of a reader at a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestItem {
    pub slot: At,
    pub channel: ChannelId,
    pub recipient: String,
    /// Open findings that the digest has no room for.
    pub left_out: u32,
}

impl Intent {
    /// Reference used by deliveries: unique for episode, transition and sequence; in a digest for its slot and reader.
    pub fn key(&self) -> String {
        if let Some(DigestItem { slot, channel, recipient, .. }) = &self.digest {
            return format!("{}:digest:{}:{channel}:{recipient}", self.episode.id, slot.timestamp());
        }
        format!("{}:{}:{}", self.episode.id, self.seq, self.transition.as_key())
    }
}

closed_list! {
    /// The label `state` of `forewarn_deliveries`, and the states that are done.
    DeliveryState {
        Pending = "pending",
        Leased = "leased",
        Retrying = "retrying",
        Blocked = "blocked",
        Sent = "sent",
        Dead = "dead",
        Superseded = "superseded",
        Cancelled = "cancelled",
    }
}

impl DeliveryState {
    pub fn done(self) -> bool {
        matches!(self, Self::Sent | Self::Dead | Self::Superseded | Self::Cancelled)
    }
    /// States that are a value of the label; a lease counts as pending.
    pub const LABELS: [DeliveryState; 4] = [Self::Pending, Self::Retrying, Self::Blocked, Self::Dead];
}

closed_list! {
    /// Outcome of an attempt (channels.md 5.6); the label `class`.
    Class {
        Ok = "ok",
        Retry = "retry",
        Throttled = "throttled",
        Broken = "broken",
        Recipient = "recipient",
        Refused = "refused",
        Ambiguous = "ambiguous",
    }
}

/// One intent for one reader.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    pub id: DeliveryId,
    /// [`Intent::key`].
    pub intent: String,
    pub channel: ChannelId,
    /// Mail address for e-mail; empty elsewhere.
    pub recipient: String,
    pub severity: Severity,
    pub notify_at: At,
    /// After it, not sent any more but dead.
    pub deadline: At,
    pub state: DeliveryState,
    pub attempts: u32,
    pub next_attempt_at: At,
    pub last_class: Option<Class>,
    pub ambiguous: u32,
    /// Raised with each claim; a record with another fence comes too late.
    pub fence: u32,
    /// A fallback delivery of this one was already made.
    pub fell_back: bool,
}

/// What repeated answers of a kind break (channels.md 5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspect {
    /// 401, 403, 404 of a webhook: it may be being set up. Three in a row over an hour break it.
    Address,
    /// A relay's policy (5.7.x). Three different recipients break it.
    Policy,
}

/// Why a message was not taken.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct SendError {
    pub class: Class,
    pub reason: FailureReason,
    /// The receiver asked to wait this long, seconds.
    pub after: Option<u32>,
    /// One such answer proves nothing about the channel; several do.
    pub suspect: Option<Suspect>,
    /// Status and the receiver's own word; bounded, no secret.
    pub detail: Text,
}

/// Proof that a message was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// `200 ok`, `250 2.0.0 queued`: bounded, no secret.
    pub evidence: Text,
}
