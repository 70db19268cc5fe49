//! What one poll of a collector did, request by request: kept for the last few polls, shown to people, never stored.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::At;
use super::reason::{FailureReason, RejectReason};
use super::text::Text;

/// One finished poll.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Poll {
    /// Rising from 1 since the start of the process.
    pub number: u64,
    pub started_at: At,
    /// Milliseconds.
    pub duration_ms: u32,
    /// Tokens (records) read in this poll.
    pub records: u32,
    /// Share of the inventory that was read, 0 to 1.
    pub coverage: f64,
    /// Why the poll was not whole, and the issuer's or our own word on it; no secret.
    pub failure: Option<FailureReason>,
    pub detail: Option<Text>,
    /// In the order of their answers, at most [`MOST_REQUESTS`]; the rest is counted.
    pub requests: Vec<PollRequest>,
    pub more_requests: u32,
    /// At most [`MOST_REJECTS`]; the rest is counted.
    pub rejects: Vec<PollReject>,
    pub more_rejects: u32,
}

/// One request to an issuer. The query is left out, and so is every header: they may hold values.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PollRequest {
    /// Name of the request in the issuer's definition.
    pub request: Text,
    pub method: Text,
    /// Path of the URL, without host and query; bounded.
    pub path: Text,
    /// `None`: no answer came.
    pub status: Option<u16>,
    /// Milliseconds from asking to the whole body.
    pub duration_ms: u32,
    /// Records that the answer yielded.
    pub records: u32,
    pub failure: Option<FailureReason>,
}

/// A record that could not be understood.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PollReject {
    pub request: Text,
    pub reason: RejectReason,
    /// What was wrong with which field; no value.
    pub detail: Text,
}

/// Polls that are remembered for each collector.
pub const REMEMBERED: usize = 20;
pub const MOST_REQUESTS: usize = 200;
pub const MOST_REJECTS: usize = 50;
