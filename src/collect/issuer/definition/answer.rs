//! What an answer means, by status and body.

use crate::collect::issuer::jq::Program;

/// The first rule that fits decides; after them the defaults of [`Meaning`].
#[derive(Debug)]
pub struct AnswerRule {
    /// Empty: any status.
    pub status: Vec<u16>,
    /// A predicate over the decoded body; a body that cannot be decoded fits no predicate.
    pub body: Option<Program>,
    pub means: Meaning,
}

/// Only `TokenDead` says anything against a token (semantics 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// 2xx: the program reads it.
    Read,
    /// A listing with nothing in it.
    Empty,
    /// The thing asked for is unknown to the issuer.
    Gone,
    /// The inspected value does not work any more.
    TokenDead,
    /// The issuer cannot tell about this kind of value (`unsupported_token_type`).
    Unreadable,
    LoginRefused,
    NotAllowed,
    Throttled,
    /// The issuer could not answer, or not in a way that we understand.
    Unable,
    /// It is not there yet, or standing by.
    NotReady,
}

impl Meaning {
    /// As definitions spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Meaning::Read => "read",
            Meaning::Empty => "empty",
            Meaning::Gone => "gone",
            Meaning::TokenDead => "token_dead",
            Meaning::Unreadable => "unreadable",
            Meaning::LoginRefused => "login_refused",
            Meaning::NotAllowed => "not_allowed",
            Meaning::Throttled => "throttled",
            Meaning::Unable => "unable",
            Meaning::NotReady => "not_ready",
        }
    }
}
