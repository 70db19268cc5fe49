//! How a message looks as a mail: a text part that is whole by itself, an HTML part, headers that hold threads together.
//!
//! Everything here is frozen in the store at the first attempt; the same id always carries the same mail.

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
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
    subject: String,
    mark: String,
    colour: &'static str,
    headline: Vec<Dressed<'a>>,
    relative: Option<String>,
    lines: Vec<PageLine<'a>>,
    small_print: Vec<String>,
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
        Span::Link { url, .. } => ("link", Some(url.as_str())),
    };
    Dressed { kind, text: fit::inert(span.text()), url }
}

/// The template escapes every value, since its name ends in `.html`.
pub fn html(message: &Message) -> Option<String> {
    let page = Page {
        subject: fit::inert(&message.subject),
        mark: fit::inert(&message.mark),
        colour: colour(message),
        headline: dressed(&message.headline),
        relative: message.relative.as_deref().map(fit::inert),
        lines: message.lines.iter().map(|line| PageLine { lead: line.lead, text: dressed(&line.text) }).collect(),
        small_print: message.small_print.iter().map(|text| fit::inert(text)).collect(),
        page: message.page.as_deref(),
    };
    render(&page).ok().filter(|html| html.len() <= PART)
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
    use crate::deliver::message::samples::{at, blind, expires_soon, revoked, rotated};
    use crate::deliver::message::{ComposeCx, compose};
    use crate::domain::delivery::Intent;

    fn message(intent: Intent, now: &str) -> Message {
        let cx = ComposeCx { external_url: Some("https://forewarn.example.com".into()) };
        compose(&[intent], at(now), &cx)
    }

    #[test]
    fn the_text_part_is_whole_by_itself() {
        insta::assert_snapshot!(text(&message(expires_soon(), "2026-11-24 09:00")), @r"
        gitlab/platform/renovate expires Tue 1 Dec 2026 00:00 UTC, in 6 days 15 hours.
        Breaks  deploy-prod
        Do      rotate it, then replace it wherever it is used
                how to   https://wiki.example.com/rotate-gitlab-token
                open in gitlab   https://gitlab.example.com/groups/platform/-/settings/access_tokens
        Whose   platform · last rotated 2 Sep 2026, by hand
        Next    Fri 27 Nov 09:00 UTC (the 3-day step falls on a Saturday)
        --
        step 7d of 14/7/3/1; read 4 min ago; https://forewarn.example.com/t/gitlab/platform/renovate; R7K2
        ");
        insta::assert_snapshot!(text(&message(revoked(), "2026-11-24 09:01")), @r"
        keycloak/ci/deploy-bot no longer works; it was good until 1 Mar 2027.
        Breaks  deploy-prod now
        Do      issue a new one and replace it wherever it is used, or hold the run
                how to   https://wiki.example.com/deploy-bot
                open in keycloak   https://sso.example.com/admin/ci
        Whose   identity
        Next    again Wed 25 Nov 09:01 UTC, then after 3 and 7 days
        --
        seen working 08:46, not working 09:01 UTC; the issuer does not say who or why; https://forewarn.example.com/t/keycloak/ci/deploy-bot; M2Q9
        ");
        insta::assert_snapshot!(text(&message(rotated(), "2026-11-25 10:00")), @r"
        Closed: rotated. gitlab/platform/renovate is good until Mon 1 Mar 2027 00:00 UTC (was 1 Dec 2026).
                old value: revoked by the issuer
        Next    rotation due 22 Feb 2027 (quarterly), first reminder Fri 22 Jan
        --
        https://forewarn.example.com/t/gitlab/platform/renovate; R7K2
        ");
        insta::assert_snapshot!(text(&message(blind(), "2026-11-24 09:01")), @r"
        collector gitlab cannot read gitlab.example.com since 07:46 UTC (1 h 15 min): its own login is refused (401).
        Covers  40 tokens, judged on what was read at 07:31 UTC; 2 of them have a deadline within 7 days. A revocation would go unseen
        Do      replace the login. No reload needed
                how to   https://wiki.example.com/forewarn-login
        Whose   sre (owner of forewarn)
        Next    critical after 24 h, or when one of the 40 is 24 h from its deadline. This message stands for all 40
        --
        C1D4
        ");
    }

    #[test]
    fn a_list_is_indented_lines() {
        let mut other = revoked();
        other.facts.team = None;
        let cx = ComposeCx::default();
        insta::assert_snapshot!(text(&compose(&[expires_soon(), other], at("2026-11-24 09:01"), &cx)), @r"
        2 tokens need someone (1 critical, 1 warning): keycloak/ci/deploy-bot and gitlab/platform/renovate; first Tue 1 Dec 00:00 UTC.
          critical keycloak/ci/deploy-bot no longer works; it was good until 1 Mar 2027; breaks deploy-prod · M2Q9
          warning gitlab/platform/renovate expires in 7 days, Tue 1 Dec 00:00 UTC; breaks deploy-prod; team platform · R7K2
        ");
    }

    /// The rows of the inner table, without its dress.
    fn rows(html: &str) -> String {
        let style = |text: &str| {
            let mut out = String::new();
            let mut rest = text;
            while let Some(start) = rest.find(" style=\"") {
                out.push_str(&rest[..start]);
                let after = &rest[start + 8..];
                rest = &after[after.find('"').unwrap() + 1..];
            }
            out + rest
        };
        style(html)
            .lines()
            .map(|line| line.replace("&#x2f;", "/"))
            .filter(|line| line.contains("<td colspan") || line.contains("<tr><td>") || line.contains("<strong>"))
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn the_html_part_has_the_same_rows() {
        insta::assert_snapshot!(rows(&html(&message(expires_soon(), "2026-11-24 09:00")).unwrap()), @r#"
        <table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td>
        <tr><td colspan="2"><strong>7 days</strong> · <code>gitlab/platform/renovate</code> expires <strong>Tue 1 Dec 2026 00:00 UTC</strong>, in 6 days 15 hours</td></tr>
        <tr><td colspan="2"></td></tr>
        <tr><td>Breaks</td><td>deploy-prod</td></tr>
        <tr><td>Do</td><td>rotate it, then replace it wherever it is used · <a href="https://wiki.example.com/rotate-gitlab-token">how to</a> · <a href="https://gitlab.example.com/groups/platform/-/settings/access_tokens">open in gitlab</a></td></tr>
        <tr><td>Whose</td><td>platform · last rotated 2 Sep 2026, by hand</td></tr>
        <tr><td>Next</td><td>Fri 27 Nov 09:00 UTC (the 3-day step falls on a Saturday)</td></tr>
        <tr><td colspan="2">step 7d of 14/7/3/1 · read 4 min ago · R7K2 · <a href="https://forewarn.example.com/t/gitlab/platform/renovate">page of this token</a></td></tr>
        "#);
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
