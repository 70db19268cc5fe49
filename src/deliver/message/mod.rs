//! A message as parts in a fixed order: ends, breaks, do, whose, next, small print (surfaces 5). Channels only dress it.

use crate::domain::At;
use crate::domain::delivery::Intent;
use crate::domain::finding::Severity;

pub mod closing;
pub mod compose;
pub mod words;

/// What every channel renders from; no markup, nothing escaped.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Subject of a mail, without `Re: `: `[forewarn] 7 days: gitlab/… expires …, breaks deploy-prod`.
    pub subject: String,
    /// The first line, complete in itself.
    pub headline: Vec<Span>,
    /// `Breaks`, `Do`, `Whose`, `Next`, `Quiet` … in order; several items (a digest, an introduction) are lines without a lead.
    pub lines: Vec<Line>,
    /// `step 7d of 14/7/3/1 · read 4 min ago · R7K2`
    pub small_print: Vec<String>,
    pub severity: Severity,
    pub closing: bool,
    /// Shared by all messages of one generation: mail threads, incident keys.
    pub thread: String,
    /// Subject of the thread's first message, for `Re: `; set for closings.
    pub reply_to_subject: Option<String>,
    /// For machines: one object per intent with absolute times only.
    pub data: serde_json::Value,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub lead: Option<&'static str>,
    pub text: Vec<Span>,
}

/// A piece of text; channels decide how it looks.
#[derive(Clone, Debug, PartialEq)]
pub enum Span {
    Plain(String),
    Strong(String),
    /// A token's name: code in Slack.
    Name(String),
    Link { text: String, url: String },
}

/// What the deployment adds to every message.
#[derive(Clone, Debug, Default)]
pub struct ComposeCx {
    /// `--web.external-url`, without trailing slash.
    pub external_url: Option<String>,
}

/// One message for one reader, headed by the most severe. Relative times are as of `now`.
pub fn compose(_group: &[Intent], _now: At, _cx: &ComposeCx) -> Message {
    todo!()
}
