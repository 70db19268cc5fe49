//! Slack incoming webhook: success is read from the body.
//!
//! The URL is the secret: read at use, never in an error, a log or the store. Nothing of Slack's is kept but its word.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{self, Idempotent};
use super::{Outgoing, SendCx, fit};
use crate::base::http::Response;
use crate::base::secret::{SecretRef, read};
use crate::deliver::message::{Group, Line, Message, Row, Span, plain, words};
use crate::domain::delivery::{Class, Receipt, SendError};

/// An incoming webhook of Slack.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Slack")]
pub struct Section {
    /// The URL that Slack gave; it is a secret.
    pub webhook_url: SecretRef,
}

/// Slack takes 3,000 characters a section.
const SECTION: usize = 2_900;
/// An unwritten limit over all blocks was met at 13,200.
const TOTAL: usize = 11_500;
const SMALL: usize = 1_500;
/// `text` is for notifications; longer is of no use there.
const FIRST_LINE: usize = 600;

/// `{ text, blocks }`: the first line for notifications, the whole as sections, the small print as context.
pub fn payload(message: &Message) -> Value {
    let small = small_print(message);
    let mut blocks: Vec<Value> = sections(message, TOTAL - fit::units(&small)).into_iter().map(section).collect();
    if !small.is_empty() {
        blocks.push(json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": small }] }));
    }
    json!({
        "text": fit::slack_text(message.first_line(), FIRST_LINE),
        "blocks": blocks,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

fn section(text: String) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } })
}

/// Lines packed into as few sections as fit, together at most `most`.
fn sections(message: &Message, most: usize) -> Vec<String> {
    let mut texts = vec![headline(message)];
    let mut used = fit::units(&texts[0]);
    let below: Vec<String> = message.groups.iter().flat_map(rows).chain(message.lines.iter().map(written)).collect();
    let all = below.len();
    for (nth, text) in below.into_iter().enumerate() {
        used += fit::units(&text) + 1;
        if used > most - 40 {
            texts.push(format!("and {}", words::count(all - nth, "more line")));
            break;
        }
        texts.push(text);
    }
    let mut sections: Vec<String> = Vec::new();
    for text in texts {
        match sections.last_mut() {
            Some(last) if fit::units(last) + 1 + fit::units(&text) <= SECTION => {
                last.push('\n');
                last.push_str(&text);
            }
            _ => sections.push(text),
        }
    }
    sections
}

/// Never empty: Slack refuses a section without text.
fn headline(message: &Message) -> String {
    if !message.groups.is_empty() {
        return fit::slack_spans(&[Span::Strong(message.mark.clone())], SECTION);
    }
    if message.mark.is_empty() {
        let all = plain(&message.headline);
        let all = if all.trim().is_empty() { "forewarn".to_owned() } else { all };
        return fit::slack_spans(&[Span::Strong(all)], SECTION);
    }
    let mut spans = vec![Span::Strong(message.mark.clone()), Span::Apart];
    spans.extend(message.headline.iter().cloned());
    fit::slack_spans(&spans, SECTION)
}

/// `*this week*` and its rows below it.
fn rows(group: &Group) -> Vec<String> {
    let title = fit::slack_spans(&[Span::Strong(group.title.into())], SECTION);
    let row = |row: &Row| {
        let when = row.when.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut spans = vec![Span::Plain(when), Span::Apart, Span::Name(row.name.clone())];
        spans.push(Span::Plain(format!(" {}", row.what)));
        spans.extend(row.told.iter().flat_map(|told| [Span::Apart, Span::Plain(told.clone())]));
        fit::slack_spans(&spans, SECTION)
    };
    std::iter::once(title).chain(group.rows.iter().map(row)).collect()
}

fn written(line: &Line) -> String {
    let mut spans = Vec::new();
    if let Some(lead) = line.lead {
        spans.extend([Span::Strong(lead.into()), Span::Plain(" ".into())]);
    }
    spans.extend(line.text.iter().cloned());
    fit::slack_spans(&spans, SECTION)
}

fn small_print(message: &Message) -> String {
    let Some((code, notes)) = message.small_print.split_last() else { return String::new() };
    let code = match &message.page {
        Some(page) => Span::Link { text: code.short.clone(), url: page.clone() },
        None => Span::Plain(code.short.clone()),
    };
    let mut spans: Vec<Span> = notes.iter().flat_map(|note| [Span::Plain(note.short.clone()), Span::Apart]).collect();
    spans.push(code);
    fit::slack_spans(&spans, SMALL)
}

/// One attempt; a repeat would be a second message.
pub async fn send(section: &Section, cx: &SendCx, outgoing: &Outgoing<'_>) -> Result<Receipt, SendError> {
    let secret = read::read(&section.webhook_url).map_err(|error| answer::no_secret(&error))?;
    let url = secret.expose().trim().parse::<url::Url>().ok();
    let url = url.filter(|url| matches!(url.scheme(), "https" | "http") && url.has_host());
    let url = url.ok_or_else(|| answer::unusable("the secret webhook_url is not an http(s) URL"))?;
    let headers = vec![("content-type".to_owned(), "application/json; charset=utf-8".to_owned())];
    match answer::post(cx, url, headers, outgoing.body).await {
        Ok(response) => judge(&response),
        Err(unposted) => Err(unposted.into_error(Idempotent::No)),
    }
}

/// 200 and `ok`; anything else by status and Slack's word (channels.md 1.1, 5.6).
fn judge(response: &Response) -> Result<Receipt, SendError> {
    let word = word(&response.body);
    if response.status == 200 && response.body.as_ref() == b"ok" {
        return Ok(Receipt { evidence: "200 ok".into() });
    }
    let class = match (response.status, word) {
        (200..=299, _) => Class::Ambiguous,
        (_, "rollup_error") => Class::Retry,
        (400..=499, word) if BROKEN.contains(&word) => Class::Broken,
        (status, _) => answer::class_of(status, answer::retry_after(response)),
    };
    Err(answer::refused(response, class, word))
}

/// Words that no other message would change.
const BROKEN: [&str; 13] = [
    "no_service",
    "no_service_id",
    "no_team",
    "no_active_hooks",
    "team_disabled",
    "invalid_token",
    "channel_not_found",
    "channel_is_archived",
    "action_prohibited",
    "posting_to_general_channel_denied",
    "posting_to_channel_denied",
    "user_not_found",
    "account_inactive",
];

/// Slack's errors are one word; anything else (a proxy's page) is not repeated.
fn word(body: &[u8]) -> &str {
    let text = std::str::from_utf8(body).unwrap_or("").trim();
    let is_word = !text.is_empty() && text.len() <= 60 && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if is_word { text } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn response(status: u16, body: &str) -> Response {
        Response {
            status,
            headers: vec![],
            body: bytes::Bytes::copy_from_slice(body.as_bytes()),
            url: "https://hooks.example.com/".parse().unwrap(),
            received_at: "2026-11-24T09:40:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn success_is_read_from_the_body() {
        assert_eq!(judge(&response(200, "ok")).unwrap().evidence.as_str(), "200 ok");
        let table = [
            (200, "", Class::Ambiguous),
            (200, "OK", Class::Ambiguous),
            (200, "<html>ok</html>", Class::Ambiguous),
            (204, "ok", Class::Ambiguous),
            (400, "invalid_payload", Class::Refused),
            (400, "no_text", Class::Refused),
            (400, "channel_is_archived", Class::Broken),
            (403, "action_prohibited", Class::Broken),
            (403, "invalid_token", Class::Broken),
            (404, "no_service", Class::Broken),
            (410, "channel_is_archived", Class::Broken),
            (429, "", Class::Throttled),
            (500, "rollup_error", Class::Retry),
            (503, "", Class::Retry),
            (302, "", Class::Broken),
        ];
        for (status, body, class) in table {
            assert_eq!(judge(&response(status, body)).unwrap_err().class, class, "{status} {body}");
        }
    }

    #[test]
    fn only_a_word_of_slacks_is_repeated() {
        let error = judge(&response(404, "no_service")).unwrap_err();
        assert_eq!(error.to_string(), "not_found: 404 no_service");
        let echoed = judge(&response(502, "GET /services/T0/B0/SECRET failed")).unwrap_err();
        assert_eq!(echoed.to_string(), "http_5xx: 502");
    }

    fn any_message(name: String, lines: usize) -> Message {
        let mut message = super::super::test_message("chat", "2026-11-24T09:40:00Z".parse().unwrap());
        message.subject = format!("[forewarn] {name}");
        message.headline = vec![Span::Name(name.clone()), Span::Plain(name.clone()), Span::Strong(name.clone())];
        message.mark = name.clone();
        message.small_print = vec![name.clone().into(), name.clone().into()];
        message.lines = (0..lines)
            .map(|_| Line { lead: Some("Do"), text: vec![Span::Name(name.clone()), Span::Plain(name.clone())] })
            .collect();
        message
    }

    fn check(payload: &Value) {
        let blocks = payload["blocks"].as_array().unwrap();
        assert!(!blocks.is_empty() && blocks.len() <= 50, "{} blocks", blocks.len());
        let mut total = 0;
        for block in blocks {
            let text = block["text"]["text"].as_str().or(block["elements"][0]["text"].as_str()).unwrap();
            assert!(!text.is_empty() && fit::units(text) <= 3_000);
            assert!(!text.contains("<!") && !text.contains("<@"), "{text}");
            total += fit::units(text);
        }
        assert!(total <= 12_000, "{total}");
    }

    #[test]
    fn a_megabyte_of_anything_fits_slacks_limits() {
        for name in [
            "<!channel>&".repeat(100_000),
            "`".repeat(1 << 20),
            "😀".repeat(50_000),
            "\u{202E}\r\n".repeat(1_000),
            String::new(),
        ] {
            for lines in [0, 1, 40, 400] {
                check(&payload(&any_message(name.clone(), lines)));
            }
        }
    }

    proptest! {
        #[test]
        fn any_message_fits_slacks_limits(name in "\\PC*|.*|(<!channel>|@everyone|`|\r\n|\u{202E}){0,300}", lines in 0usize..60) {
            check(&payload(&any_message(name, lines)));
        }
    }
}
