//! How a message looks as a mail: a text part that is whole by itself, an HTML part, headers that hold threads together.
//!
//! Everything here is frozen in the store at the first attempt; the same id always carries the same mail.

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use ring::digest;
use serde::{Deserialize, Serialize};

use super::fit;
use crate::deliver::message::{Group, Line, Message, Row, Span, remedy::OPEN};
use crate::domain::At;
use crate::domain::finding::Severity;
use crate::domain::key::DeliveryId;

/// Longest subject, bytes; more is cut by clients anyway.
const SUBJECT: usize = 200;
/// Longest part, bytes.
const PART: usize = 100_000;

/// Longest piece of text, bytes: names from strangers have no end, and the rest of a mail must still fit.
const PIECE: usize = 600;

/// Inert, and no longer than a piece may be.
fn shown(text: &str) -> String {
    fit::cut_bytes(&fit::inert(text), PIECE)
}

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
        subject: fit::cut_bytes(&fit::header(&subject), SUBJECT),
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
    push_groups(&mut out, &message.groups);
    let list = message.groups.is_empty() && message.lines.iter().all(|line| line.lead.is_none());
    for line in &message.lines {
        match line.lead {
            Some(lead) => push_line(&mut out, lead, line),
            None => out.push_str(&format!("{}{}\n", if list { "  " } else { "" }, told(&line.text))),
        }
    }
    let mut small: Vec<String> = message.small_print.iter().map(|note| note.long.clone()).collect();
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
    let mut line = told(&message.headline);
    if let Some(relative) = &message.relative {
        line = format!("{line}, {relative}");
    }
    if message.closing && !message.mark.is_empty() {
        line = format!("{}. {line}", message.mark.replacen(", ", ": ", 1));
    }
    format!("{}.\n", fit::inert(&line))
}

/// Spans as text, links with their addresses.
fn told(spans: &[Span]) -> String {
    let span = |span: &Span| match span {
        Span::Apart => "; ".to_owned(),
        Span::Link { text, url } => format!("{}: {}", shown(text), fit::inert(url)),
        Span::Plain(text) | Span::Strong(text) | Span::Name(text) => shown(text),
    };
    spans.iter().map(span).collect()
}

/// Columns of rows, characters: longer ones push the rest of their own row only.
const WIDEST: usize = 44;

fn push_groups(out: &mut String, groups: &[Group]) {
    let rows = || groups.iter().flat_map(|group| &group.rows);
    let width = |of: fn(&Row) -> &str| {
        rows().map(|row| shown(of(row)).chars().count()).filter(|width| *width <= WIDEST).max().unwrap_or(0)
    };
    let (when, name, what) = (width(|row| &row.when), width(|row| &row.name), width(|row| &row.what));
    for group in groups {
        out.push_str(&format!("  {}\n", group.title));
        for row in &group.rows {
            let (first, second, third) = (shown(&row.when), shown(&row.name), shown(&row.what));
            let told = row.told.as_deref().map(shown).unwrap_or_default();
            let line = format!("    {first:<when$}   {second:<name$}   {third:<what$}   {told}");
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
}

/// Room for the longest lead.
const INDENT: usize = 8;

/// `Do      rotate it`, and each link on a line of its own below.
fn push_line(out: &mut String, lead: &str, line: &Line) {
    let is_link = |span: &&Span| matches!(span, Span::Link { .. });
    let words: Vec<Span> = line.text.iter().filter(|span| !is_link(span)).cloned().collect();
    let said = told(&words);
    out.push_str(&format!("{lead:<INDENT$}{}\n", fit::inert(said.trim_end_matches("; ").trim_end())));
    let links: Vec<(String, String)> = line.text.iter().filter_map(link).collect();
    let width = links.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    for (label, url) in links {
        out.push_str(&format!("{:INDENT$}{label:<width$}   {url}\n", ""));
    }
}

/// Label and address; what opens the issuer's page is called `token`, since the address says where that is.
fn link(span: &Span) -> Option<(String, String)> {
    match span {
        Span::Link { text, url } if text.starts_with(OPEN) => Some(("token".into(), fit::inert(url))),
        Span::Link { text, url } => Some((shown(text), fit::inert(url))),
        Span::Plain(_) | Span::Strong(_) | Span::Name(_) | Span::Apart => None,
    }
}

#[derive(Serialize)]
struct Page<'a> {
    subject: String,
    mark: String,
    colour: &'static str,
    headline: Vec<Dressed<'a>>,
    relative: Option<String>,
    groups: &'a [Group],
    lines: Vec<PageLine<'a>>,
    small_print: Vec<String>,
    code: String,
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
    spans.iter().map(dress).collect()
}

fn dress(span: &Span) -> Dressed<'_> {
    let (kind, url) = match span {
        Span::Plain(_) => ("plain", None),
        Span::Strong(_) => ("strong", None),
        Span::Name(_) => ("name", None),
        Span::Apart => ("plain", None),
        Span::Link { url, .. } => ("link", Some(url.as_str())),
    };
    Dressed { kind, text: shown(span.text()), url }
}

/// The template escapes every value, since its name ends in `.html`.
pub fn html(message: &Message) -> Option<String> {
    let code = message.small_print.last().map(|note| shown(&note.short)).unwrap_or_default();
    let notes = message.small_print.split_last().map(|(_, notes)| notes).unwrap_or_default();
    let groups = inert_groups(&message.groups);
    let page = Page {
        subject: shown(&message.subject),
        mark: if groups.is_empty() { shown(&message.mark) } else { String::new() },
        colour: colour(message),
        headline: dressed(&message.headline),
        relative: message.relative.as_deref().map(shown),
        lines: message.lines.iter().map(|line| PageLine { lead: line.lead, text: dressed(&line.text) }).collect(),
        groups: &groups,
        small_print: notes.iter().map(|note| shown(&note.long)).collect(),
        code,
        page: message.page.as_deref(),
    };
    render(&page).ok().filter(|html| html.len() <= PART)
}

fn inert_groups(groups: &[Group]) -> Vec<Group> {
    let row = |row: &Row| Row {
        when: shown(&row.when),
        name: shown(&row.name),
        what: shown(&row.what),
        told: row.told.as_deref().map(shown),
    };
    groups.iter().map(|group| Group { title: group.title, rows: group.rows.iter().map(row).collect() }).collect()
}

fn render(page: &Page<'_>) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_template("mail.html", include_str!("mail.html"))?;
    environment.get_template("mail.html")?.render(Serde(page))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::message::samples::{at, expires_soon, revoked, rotated};
    use crate::deliver::message::{ComposeCx, compose};
    use crate::domain::delivery::Intent;

    fn message(intent: Intent, now: &str) -> Message {
        let cx = ComposeCx { external_url: Some("https://forewarn.example.com".into()) };
        compose(&[intent], at(now), &cx)
    }

    #[test]
    fn a_list_is_indented_lines() {
        let mut other = revoked();
        other.facts.team = None;
        let cx = ComposeCx::default();
        insta::assert_snapshot!(text(&compose(&[expires_soon(), other], at("2026-11-24 09:01"), &cx)), @r"
        2 tokens need someone (1 critical, 1 warning): keycloak/ci/deploy-bot and gitlab/platform/renovate; breaks deploy-prod today 12:00 UTC.
          critical keycloak/ci/deploy-bot no longer works; it was good until 1 Mar 2027; breaks deploy-prod today 12:00 UTC; M2Q9
          warning gitlab/platform/renovate expires in 7 days, Tue 1 Dec 00:00 UTC; breaks deploy-prod; team platform; R7K2
        ");
    }

    #[test]
    fn hostile_names_are_inert_in_html_text_and_headers() {
        let mut hostile = expires_soon();
        hostile.facts.token = "gitlab/<script>alert(1)</script>\r\nBcc: evil@example.com\u{202E}".into();
        hostile.facts.team = Some("\"><img src=x onerror=alert(1)>".into());
        hostile.facts.runbook = Some("https://wiki.example.com/?a=1&b=%22".into());
        let frozen =
            freeze(&message(hostile, "2026-11-24 09:00"), DeliveryId(7), "example.com", at("2026-11-24 09:00"));
        let html = frozen.html.unwrap();
        for bad in ["<script", "<img", "\u{202E}", "\r"] {
            assert!(!html.contains(bad), "{bad}");
        }
        assert!(html.contains("&lt;script&gt;"));
        assert!(
            html.contains("https:&#x2f;&#x2f;wiki.example.com&#x2f;?a=1&amp;b=%22")
                || html.contains("https://wiki.example.com/?a=1&amp;b=%22")
        );
        assert!(!frozen.subject.contains(['\r', '\n', '\u{202E}']));
        assert!(!frozen.text.contains("\nBcc") && !frozen.text.contains(['\r', '\u{202E}']));
    }

    #[test]
    fn mails_of_one_generation_share_a_thread_and_a_closing_answers() {
        let of = |intent, now, id| freeze(&message(intent, now), DeliveryId(id), "example.com", at(now));
        let (first, last) = (of(expires_soon(), "2026-11-24 09:00", 1), of(rotated(), "2026-11-25 10:00", 2));
        assert_eq!(first.thread, last.thread);
        assert_eq!(first.message_id, "<00000000000000000000000000000001@example.com>");
        assert_eq!(last.subject, format!("Re: {}", first.subject));
        assert!(first.thread.unwrap().ends_with("@example.com>"));
    }
}
