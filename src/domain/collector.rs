//! What is remembered about a collector and about a channel.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::At;
use super::delivery::Class;
use super::key::{ChannelId, CollectorId, ListingKey, SightId};
use super::observation::Coverage;
use super::reason::{FailureReason, LeftOut};
use super::text::Text;

/// A collector as remembered: stored at the end of each walk that changed it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CollectorStatus {
    pub id: CollectorId,
    /// Name of its issuer definition.
    pub issuer: Text,
    /// Seconds between polls, and the age at which its facts are stale; offline and declared facts never are.
    pub every: u32,
    pub stale_after: Option<u32>,
    pub sight: Option<SightId>,
    /// When the present sight began (semantics 3.5).
    pub sight_since: Option<At>,
    /// The first finished round was told as an introduction (semantics 10); remembered, not each start.
    pub introduced: bool,
    pub last_walk: Option<At>,
    /// End of the last round that read the issuer, whole or in part.
    pub last_success: Option<At>,
    /// Milliseconds.
    pub last_duration_ms: Option<u32>,
    pub coverage: Option<Coverage>,
    /// Since when no round succeeded, and why.
    pub failing_since: Option<At>,
    pub failure: Option<FailureReason>,
    pub failure_detail: Option<Text>,
    /// Rounds in a row in which the login was refused.
    pub refused_rounds: u32,
    /// Successful rounds in a row, counted while something is to recover from.
    pub good_rounds: u32,
    /// Listings that the last rounds could not read: since when, how often, why.
    pub unread: BTreeMap<ListingKey, Unread>,
    /// Records of the last walk that are not watched.
    pub left_out: BTreeMap<LeftOut, u32>,
    /// Dynamic records of the last walk that no policy watches (semantics 2.2).
    pub dynamic: u32,
    /// Seconds the issuer's clock is ahead of ours.
    pub clock_difference: Option<i64>,
    pub ratelimit_remaining: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unread {
    /// When it was last read, or first missed.
    pub since: At,
    pub rounds: u32,
    pub reason: FailureReason,
    /// Slots it held when it was last read.
    pub held: u32,
}

impl CollectorStatus {
    pub fn new(id: CollectorId, issuer: Text, every: u32, stale_after: Option<u32>) -> Self {
        Self {
            id,
            issuer,
            every,
            stale_after,
            sight: None,
            sight_since: None,
            introduced: false,
            last_walk: None,
            last_success: None,
            last_duration_ms: None,
            coverage: None,
            failing_since: None,
            failure: None,
            failure_detail: None,
            refused_rounds: 0,
            good_rounds: 0,
            unread: BTreeMap::new(),
            left_out: BTreeMap::new(),
            dynamic: 0,
            clock_difference: None,
            ratelimit_remaining: None,
        }
    }
}

/// Health of a channel: its breaker (channels.md 5.6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelHealth {
    pub id: ChannelId,
    pub failures_in_a_row: u32,
    /// Broken since, and the class that broke it.
    pub broken: Option<(At, Class)>,
    /// Next probe with a real due delivery.
    pub probe_at: Option<At>,
    /// Not before: the receiver asked to wait.
    pub throttled_until: Option<At>,
    /// Deliveries given up since the last success.
    pub dead: u32,
    /// Refusals in a row that break only over time: since when, how many.
    #[serde(default)]
    pub refusals: Option<(At, u32)>,
    /// Recipients that the receiver's policy refused since the last success; a few are enough.
    #[serde(default)]
    pub policy: Vec<String>,
}

impl ChannelHealth {
    pub fn new(id: ChannelId) -> Self {
        Self {
            id,
            failures_in_a_row: 0,
            broken: None,
            probe_at: None,
            throttled_until: None,
            dead: 0,
            refusals: None,
            policy: Vec::new(),
        }
    }
    pub fn up(&self) -> bool {
        self.broken.is_none()
    }
}
