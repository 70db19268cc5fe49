//! How a message looks as a mail: a text part that is whole by itself, an HTML part, headers that hold threads together.
//!
//! Everything here is frozen in the store at the first attempt; the same id always carries the same mail.

use minijinja::{Environment, value::Serde};
use ring::digest;
use serde::{Deserialize, Serialize};

use super::fit;
use crate::deliver::message::{Line, Message, Span, plain};
use crate::domain::At;
use crate::domain::finding::Severity;
use crate::domain::key::DeliveryId;

/// Longest subject, bytes; more is cut by clients anyway.
const SUBJECT: usize = 400;
/// Longest part, bytes.
const PART: usize = 100_000;

/// The stored payload of a mail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frozen {
    pub subject: String,
    pub text: String,
    /// Missing only if the template failed; the text part is whole by itself.
    pub html: Option<String>,
    /// `<delivery@domain>`: the same in every attempt, so that stores can drop a repeat (RFC 1047).
    pub message_id: String,
    /// A root that no mail has, shared by all mails of one generation.
    pub thread: Option<String>,
    pub date: At,
}

/// `domain`: of the sender's address.
pub fn freeze(message: &Message, id: DeliveryId, domain: &str, now: At) -> Frozen {
    let subject = match &message.reply_to_subject {
        Some(earlier) => format!("Re: {earlier}"),
        None => message.subject.clone(),
    };
    let thread = (!message.thread.is_empty()).then(|| format!("<{}@{domain}>", root(&message.thread)));
    Frozen {
        subject: fit::cut_bytes(&fit::inert(&subject), SUBJECT),
        text: fit::cut_bytes(&text(message), PART),
        html: html(message),
        message_id: format!("<{id}@{domain}>"),
        thread,
        date: now,
    }
}

/// 128 bits of SHA-256: a thread's key holds names, a header must not.
fn root(thread: &str) -> String {
    let hash = digest::digest(&digest::SHA256, format!("forewarn thread\0{thread}").as_bytes());
    hash.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Same lines as everywhere, links spelt out.
pub fn text(message: &Message) -> String {
    let mut out = first_line(message);
    let indent = if message.lines.iter().any(|line| line.lead.is_some()) { 8 } else { 2 };
    for line in &message.lines {
        push_line(&mut out, line, indent);
    }
    let mut small = message.small_print.clone();
    if let Some(page) = &message.page {
        small.insert(small.len().saturating_sub(1), page.clone());
    }
    if !small.is_empty() {
        out.push_str("--\n");
        out.push_str(&fit::inert(&small.join("; ")));
        out.push('\n');
    }
    out
}

fn first_line(message: &Message) -> String {
    let mut line = plain(&message.headline);
    if let Some(relative) = &message.relative {
        line = format!("{line}, {relative}");
    }
    if message.closing && !message.mark.is_empty() {
        line = format!("{}. {line}", message.mark.replacen(", ", ": ", 1));
    }
    format!("{}.\n", fit::inert(&line))
}

/// `Do      rotate it`, and each link on a line of its own below.
fn push_line(out: &mut String, line: &Line, indent: usize) {
    let words: Vec<&Span> = line.text.iter().filter(|span| !matches!(span, Span::Link { .. })).collect();
    let said: String = words.iter().map(|span| span.text()).collect();
    let said = said.trim_end_matches(" · ").trim_end();
    out.push_str(&format!("{:<indent$}{}\n", line.lead.unwrap_or(""), fit::inert(said)));
    let links = line.text.iter().filter_map(|span| match span {
        Span::Link { text, url } => Some((text, url)),
        Span::Plain(_) | Span::Strong(_) | Span::Name(_) => None,
    });
    for (label, url) in links {
        out.push_str(&format!("{:indent$}{}   {}\n", "", fit::inert(label), fit::inert(url)));
    }
}

#[derive(Serialize)]
struct Page<'a> {
    subject: &'a str,
    mark: &'a str,
    colour: &'static str,
    headline: Vec<Dressed<'a>>,
    relative: Option<&'a str>,
    lines: Vec<PageLine<'a>>,
    small_print: &'a [String],
    page: Option<&'a str>,
}

#[derive(Serialize)]
struct PageLine<'a> {
    lead: Option<&'static str>,
    text: Vec<Dressed<'a>>,
}

#[derive(Serialize)]
struct Dressed<'a> {
    kind: &'static str,
    text: String,
    url: Option<&'a str>,
}

fn dressed(spans: &[Span]) -> Vec<Dressed<'_>> {
    let dress = |span| match span {
        &Span::Plain(ref text) => Dressed { kind: "plain", text: fit::inert(text), url: None },
        &Span::Strong(ref text) => Dressed { kind: "strong", text: fit::inert(text), url: None },
        &Span::Name(ref text) => Dressed { kind: "name", text: fit::inert(text), url: None },
        &Span::Link { ref text, ref url } => Dressed { kind: "link", text: fit::inert(text), url: Some(url) },
    };
    spans.iter().map(dress).collect()
}

/// The template escapes every value, since its name ends in `.html`.
pub fn html(message: &Message) -> Option<String> {
    let page = Page {
        subject: &message.subject,
        mark: &message.mark,
        colour: colour(message),
        headline: dressed(&message.headline),
        relative: message.relative.as_deref(),
        lines: message.lines.iter().map(|line| PageLine { lead: line.lead, text: dressed(&line.text) }).collect(),
        small_print: &message.small_print,
        page: message.page.as_deref(),
    };
    let mut environment = Environment::new();
    environment.add_template("mail.html", include_str!("mail.html")).ok()?;
    let html = environment.get_template("mail.html").ok()?.render(Serde(&page)).ok()?;
    (html.len() <= PART).then_some(html)
}

/// Never the only sign: the mark says the same.
fn colour(message: &Message) -> &'static str {
    match (message.closing, message.severity) {
        (true, _) => "#2e7d32",
        (false, Severity::Critical) => "#c62828",
        (false, Severity::Warning) => "#b26a00",
        (false, Severity::Info) => "#546e7a",
    }
}
