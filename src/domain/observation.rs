//! What an issuer said: records, one page of a listing at a time, and how a walk ended.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::At;
use super::key::{CollectorId, GenerationId, ListingKey, SightId};
use super::reason::{FailureReason, LeftOut, Reject, closed_list};
use super::text::Text;
use super::token::{Expiry, LastUsed};

/// Number of a walk of one collector, rising within a process; 0 is "never".
pub type WalkNo = u32;

closed_list! {
    /// What the issuer says about a value's life.
    Life {
        Active = "active",
        /// Dead, and the issuer does not say how (`active:false`, 401 for the token itself).
        Inactive = "inactive",
        Expired = "expired",
        Revoked = "revoked",
        Disabled = "disabled",
        /// The issuer's answer is no verdict; facts may still be told.
        Unsaid = "unsaid",
    }
}

closed_list! {
    /// How forewarn came to know of a token. Everything but `Inventory` is *explicit*.
    Origin {
        Inspect = "inspect",
        Inventory = "inventory",
        Declared = "declared",
        OwnLogin = "own_login",
    }
}

/// Tokens minted per job are watched as one (semantics 1.10). Namespace, mount and role for Vault.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FlowKey {
    /// Stable id of the place: namespace and mount.
    pub place: Text,
    pub name: Text,
}

/// One token as an issuer describes it now.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub origin: Origin,
    /// `service`, `project`, `login`, … as the definition names it.
    pub kind: Text,
    /// Whether this kind belongs to a person (semantics 2.1).
    pub person: bool,
    /// The issuer's stable id of what owns the token; part of the slot key.
    pub place: Text,
    /// Readable path of the place, for the label; empty: the label is `collector/name`.
    pub place_path: Text,
    /// Cleaned name (semantics 1.1), or `#` and the issuer's id.
    pub name: Text,
    /// The issuer's id, or the keyed hash of the value; `None` where the issuer tells neither (a poll that failed).
    pub generation: GenerationId,
    pub owner: Option<Text>,
    pub issued: Option<At>,
    pub starts: Option<At>,
    pub expires: Expiry,
    /// A second, fixed end of a sliding token (Vault `explicit_max_ttl`).
    pub hard_stop: Option<At>,
    /// Granted period of a sliding token, seconds.
    pub period: Option<u32>,
    /// Lifetime granted at creation, seconds; for issuers that tell it.
    pub granted: Option<u32>,
    pub renewable: bool,
    /// When it was last renewed; with a sliding expiry, `expires` − `renewed` is the lifetime.
    pub renewed: Option<At>,
    pub last_used: Option<LastUsed>,
    pub scopes: Vec<Text>,
    pub life: Life,
    /// The issuer's word for the state it told (`blocked`, `disabled`), for the message.
    pub life_word: Option<Text>,
    pub dynamic: Option<FlowKey>,
    pub facts: Vec<(Text, Text)>,
    /// Uses left of a use-limited value; never self-inspected (semantics 3.4).
    pub uses_left: Option<u32>,
    /// The holder of the token, where it is a person's account, is blocked or suspended.
    pub link: Option<Text>,
    /// Keyed hash of the value where it is known (inspect, files): `reused` and 1.5.
    pub value: Option<GenerationId>,
    /// A doubt that comes with the answer itself and is no failure: `use_limited`, `unreadable`.
    pub doubt: Option<Doubt>,
}

closed_list! {
    /// Why a token stands unverified (semantics 8).
    Doubt {
        NeverActive = "never_active",
        OutOfSight = "out_of_sight",
        UseLimited = "use_limited",
        Unreadable = "unreadable",
    }
}

/// One page of a listing, or one answer about one inspected token.
#[derive(Clone, Debug)]
pub struct Observation {
    pub collector: CollectorId,
    pub sight: SightId,
    pub walk: WalkNo,
    pub listing: ListingKey,
    /// Set on the last page of a listing: whether all of it was read (semantics 3.2).
    pub ends: Option<Coverage>,
    pub taken_at: At,
    /// How far the issuer's clock is ahead of ours, from its `Date` header.
    pub issuer_clock: Option<TimeDelta>,
    pub records: Vec<Record>,
    /// Generations that stand in the listing but whose details could not be read this time: present, facts age.
    pub listed: Vec<GenerationId>,
    /// Generations that were asked by id and are unknown to the issuer (`confirm`, or gone between list and look-up).
    pub gone: Vec<GenerationId>,
    pub rejects: Vec<Reject>,
    /// Records that the definition itself leaves out, counted by reason.
    pub left_out: Vec<(LeftOut, u32)>,
}

/// How much of something was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Coverage {
    Whole,
    Partial { read: u32, missed: u32, reason: FailureReason },
    Failed { reason: FailureReason },
}

impl Coverage {
    pub fn is_whole(self) -> bool {
        matches!(self, Coverage::Whole)
    }
    pub fn reason(self) -> Option<FailureReason> {
        match self {
            Coverage::Whole => None,
            Coverage::Partial { reason, .. } | Coverage::Failed { reason } => Some(reason),
        }
    }
    /// Share read, 0 to 1.
    pub fn ratio(self) -> f64 {
        match self {
            Coverage::Whole => 1.0,
            Coverage::Partial { read, missed, .. } => f64::from(read) / f64::from((read + missed).max(1)),
            Coverage::Failed { .. } => 0.0,
        }
    }
}

/// The end of a round: always sent, also when nothing could be read.
#[derive(Clone, Debug)]
pub struct WalkEnd {
    pub collector: CollectorId,
    pub sight: SightId,
    pub walk: WalkNo,
    pub started_at: At,
    pub ended_at: At,
    /// How long it took, where that is known more finely than by the two instants.
    pub duration_ms: Option<u32>,
    pub coverage: Coverage,
    /// What was asked and answered, for the collector's page and its messages: `401 GET /api/v4/groups`; no secret.
    pub detail: Option<Text>,
    /// Requests left in the issuer's present window, where it tells.
    pub ratelimit_remaining: Option<u32>,
    /// A confirming look at single generations, not a whole round: no absence is judged from it.
    pub confirm: bool,
}

/// What a collector sends to the keeper.
#[derive(Clone, Debug)]
pub enum Walked {
    Page(Observation),
    End(WalkEnd),
}

/// What judging asks of a poller, after the commit: the one way back.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// Ask for these generations by id at once (semantics 3.3, `confirm`).
    Confirm(Vec<GenerationId>),
    /// A round at this instant at the latest, within the issuer's limits (semantics 4.5, 3.4).
    Round { by: At },
}
