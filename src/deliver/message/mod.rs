//! A message as parts in a fixed order: ends, breaks, do, whose, next, small print (surfaces 5). Channels only dress it.
//!
//! Pure: made from stored intents and `now`. Knows no channel, no markup and no limit; nothing here is escaped.

use crate::domain::At;
use crate::domain::delivery::Intent;
use crate::domain::finding::Severity;

pub mod closing;
pub mod compose;
pub mod digest;
pub mod head;
pub mod listing;
pub mod parts;
pub mod remedy;
pub mod why;
pub mod words;

/// Opens every subject, so that people can filter.
pub const SUBJECT_PREFIX: &str = "[forewarn] ";

/// What every channel renders from; no markup, nothing escaped.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Subject of a mail, without `Re: `: `[forewarn] 7 days: gitlab/… expires …, breaks deploy-prod`.
    pub subject: String,
    /// The first words: `7 days`, `Revoked`, `Closed, rotated`; empty for a list.
    pub mark: String,
    /// The first line, complete in itself.
    pub headline: Vec<Span>,
    /// How far away the instant of the headline is, for channels that say it behind: `in 6 days 15 hours`.
    pub relative: Option<String>,
    /// `Breaks`, `Do`, `Whose`, `Next`, `Quiet` … in order; several items (a digest, an introduction) are lines without a lead.
    pub lines: Vec<Line>,
    /// Rows of a digest, above `lines`.
    pub groups: Vec<Group>,
    /// `step 7d of 14/7/3/1 · read 4 min ago · R7K2`; the last one is the code that `explain` and search take.
    pub small_print: Vec<Note>,
    /// The token's page, where the deployment has an external URL.
    pub page: Option<String>,
    /// One line for each item, whole in itself, for terminals and logs.
    pub one_liners: Vec<OneLiner>,
    pub severity: Severity,
    pub closing: bool,
    /// Shared by all messages of one generation: mail threads, incident keys. Empty for a list.
    pub thread: String,
    /// Subject of the thread's last message, for `Re: `; set for closings.
    pub reply_to_subject: Option<String>,
    /// `expires_soon.rung`, `several`: what a machine tells messages apart by.
    pub event: String,
    /// For machines: one object per intent with absolute times only, under `items`, most urgent first.
    pub data: serde_json::Value,
}

impl Message {
    /// A message that says one thing and belongs to no thread.
    pub fn of(title: &str, severity: Severity) -> Self {
        Self {
            subject: format!("{SUBJECT_PREFIX}{title}"),
            mark: String::new(),
            headline: vec![Span::Plain(title.into())],
            relative: None,
            lines: Vec::new(),
            groups: Vec::new(),
            small_print: Vec::new(),
            page: None,
            one_liners: Vec::new(),
            severity,
            closing: false,
            thread: String::new(),
            reply_to_subject: None,
            event: "several".into(),
            data: serde_json::Value::Null,
        }
    }
    /// The first line as plain text, for push notifications: the subject without its prefix.
    pub fn first_line(&self) -> &str {
        self.subject.strip_prefix(SUBJECT_PREFIX).unwrap_or(&self.subject)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub lead: Option<&'static str>,
    pub text: Vec<Span>,
}

/// Part of a digest: `this week` and its rows.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Group {
    pub title: &'static str,
    pub rows: Vec<Row>,
}

/// `Tue  1 Dec 00:00 UTC   gitlab/platform/renovate   expires; breaks deploy-prod   told Tue 24 Nov`
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Row {
    pub when: String,
    pub name: String,
    pub what: String,
    pub told: Option<String>,
}

/// A piece of small print; mails have room for more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub short: String,
    pub long: String,
}

impl From<String> for Note {
    fn from(text: String) -> Self {
        Self { short: text.clone(), long: text }
    }
}

/// `examples/nightly-bot expires in 6 days, Mon 30 Nov 14:20 UTC. Breaks nightly. Next: Fri 27 Nov.`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneLiner {
    pub severity: Severity,
    pub text: String,
}

/// A piece of text; channels decide how it looks.
#[derive(Clone, Debug, PartialEq)]
pub enum Span {
    Plain(String),
    Strong(String),
    /// A token's name: code in Slack.
    Name(String),
    /// Between two statements: ` · `, in plain text `; `.
    Apart,
    Link {
        text: String,
        url: String,
    },
}

impl Span {
    pub fn text(&self) -> &str {
        match self {
            Span::Plain(text) | Span::Strong(text) | Span::Name(text) | Span::Link { text, .. } => text,
            Span::Apart => " · ",
        }
    }
}

/// Spans without any dress; links lose their address.
pub fn plain(spans: &[Span]) -> String {
    spans.iter().map(Span::text).collect()
}

/// What the deployment adds to every message.
#[derive(Clone, Debug, Default)]
pub struct ComposeCx {
    /// `--web.external-url`, without trailing slash.
    pub external_url: Option<String>,
}

/// One message for one reader, headed by the most severe. Relative times are as of `now`.
pub fn compose(group: &[Intent], now: At, cx: &ComposeCx) -> Message {
    compose::compose(group, now, cx)
}

/// A digest of many items (its episodes chosen by the caller).
pub fn digest(of: &digest::Digest<'_>, now: At, cx: &ComposeCx) -> Message {
    digest::digest(of, now, cx)
}

#[cfg(test)]
pub(crate) mod samples;
