//! Pure: an answer → its meaning, items, cursor and records. Runs the jq program: call it off the async threads.

use chrono::TimeDelta;
use serde_json::Value;

use super::definition::answer::Meaning;
use super::definition::paging::PageAt;
use super::frontier::Ask;
use super::scope::Scope;
use crate::base::http::Response;
use crate::domain::At;
use crate::domain::observation::Record;
use crate::domain::reason::{FailureReason, Reject};
use crate::domain::text::Text;

/// An answer, read.
#[derive(Clone, Debug)]
pub struct Answer {
    pub meaning: Meaning,
    /// Why it could not be read; `None` for `Read`, `Empty`, `Gone`, `TokenDead`, `Unreadable`.
    pub reason: Option<FailureReason>,
    /// Status, method and path; no query, no secret.
    pub detail: Option<Text>,
    pub received_at: At,
    pub items: Vec<Value>,
    pub records: Vec<Record>,
    pub rejects: Vec<Reject>,
    pub next: Option<PageAt>,
    /// How far the issuer's clock is ahead of ours.
    pub clock: Option<TimeDelta>,
    /// Requests left in the issuer's window.
    pub remaining: Option<u32>,
    /// A self-inspection that got its first 401: ask once more after 1 s, with `Frontier::again`, before this answer is
    /// taken in (semantics 3.4).
    pub ask_again: bool,
    /// For asks with a probe: when to ask this value again.
    pub asks: Asks,
}

/// When a value is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Asks {
    #[default]
    EachRound,
    /// Concluded dead (semantics 3.4).
    Hourly,
    /// Asking uses it up.
    Never,
}

impl Answer {
    /// No usable answer: transport, time limit, cap, login, build.
    pub fn failed(reason: FailureReason, detail: Text, at: At) -> Self {
        Self {
            meaning: Meaning::Unable,
            reason: Some(reason),
            detail: Some(detail),
            received_at: at,
            items: Vec::new(),
            records: Vec::new(),
            rejects: Vec::new(),
            next: None,
            clock: None,
            remaining: None,
            ask_again: false,
            asks: Asks::EachRound,
        }
    }
}

/// Reads the answer to `ask`.
pub fn answer(_scope: &Scope, _ask: &Ask, _response: &Response) -> Answer {
    todo!()
}

/// Reads one file of an offline origin (jwt, x509): `name` is the configured name or the path under the glob; `value`
/// the keyed hash of the bytes. Records have origin `Inspect` when `explicit`, else `Inventory`.
pub fn file(_scope: &Scope, _file: &FileCx<'_>) -> Answer {
    todo!()
}

/// One file read.
#[derive(Clone, Debug)]
pub struct FileCx<'a> {
    pub name: &'a str,
    pub bytes: &'a [u8],
    pub value: crate::domain::key::GenerationId,
    /// Named in the configuration (`inspect:`, or a path without a glob).
    pub explicit: bool,
    pub read_at: At,
}
