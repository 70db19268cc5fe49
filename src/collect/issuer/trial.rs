//! What `forewarn try DEFINITION --response FILE` shows: the records that a definition finds in a saved answer.
//! Pure; the text is for the person who holds the answer already, so it may quote jq's own words.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};

use super::definition::paging::PageAt;
use super::definition::request::{Mode, Request, Yields};
use super::definition::{Definition, Source};
use super::frontier::Ask;
use super::read::{self, Answer, FileCx};
use super::scope::{Probe, Scope, settings};
use crate::base::http::Response;
use crate::collect::issuer::Settings;
use crate::domain::At;
use crate::domain::key::{GenerationId, SightId};
use crate::domain::observation::Record;
use crate::domain::text::Text;
use crate::domain::token::Expiry;

/// Stands for a value that a saved answer does not tell.
const VALUE: &str = "(hash of the value)";
/// Most records and items written out.
const MOST: usize = 200;

/// Reads a saved answer: a body, or status line and headers before it, as `curl -i` writes them. `request`: which of the
/// definition's requests it answers; default: the first that yields records. Errors say what to write instead.
pub fn trial(definition: Arc<Definition>, response: &[u8], request: Option<&str>, now: At) -> Result<String, String> {
    let scope = scope(&definition);
    if definition.origin == Source::Files {
        let asked = &definition.requests[choose(&definition, request)?];
        return Ok(told(&definition, asked, None, &read::file(&scope, &file(response, now))));
    }
    let response = parse(response, &scope, now)?;
    let attempt = |index: usize| read::answer(&scope, &ask(&definition.requests[index], index), &response);
    let first = choose(&definition, request)?;
    // Nobody said which request was answered: the first that reads records in it, if any does.
    let records = definition.requests.iter().enumerate().filter(|(_, asked)| asked.yields == Yields::Records);
    let fits = records.map(|(index, _)| index).find(|index| !attempt(*index).records.is_empty());
    let index = if request.is_some() { first } else { fits.unwrap_or(first) };
    Ok(told(&definition, &definition.requests[index], Some(response.status), &attempt(index)))
}

fn choose(definition: &Definition, wanted: Option<&str>) -> Result<usize, String> {
    let names = || definition.requests.iter().map(|request| request.name.as_str()).collect::<Vec<_>>().join(", ");
    match wanted {
        Some(wanted) => definition
            .request(wanted)
            .ok_or_else(|| format!("{} has no request `{wanted}`; it has {}", definition.name, names())),
        None => definition
            .requests
            .iter()
            .position(|request| request.yields == Yields::Records && request.mode != Mode::OwnLogin)
            .or_else(|| (!definition.requests.is_empty()).then_some(0))
            .ok_or_else(|| format!("{} asks nothing, so there is no answer to try", definition.name)),
    }
}

fn scope(definition: &Arc<Definition>) -> Scope {
    let url = definition.url.clone().or_else(|| url::Url::parse("https://issuer.example").ok());
    let plain = Settings {
        url: url.clone(),
        every: std::time::Duration::from_secs(900),
        timeout: std::time::Duration::from_secs(20),
        concurrency: 1,
        introspection_endpoint: None,
        walks: true,
        inventory: serde_json::Map::new(),
        inspect: Vec::new(),
        files: Vec::new(),
        show_trust_roots: true,
        declared: Vec::new(),
        slots_by_id: false,
        max_tokens: MOST,
    };
    Scope {
        collector: definition.name.as_str().into(),
        settings: settings(definition, &plain),
        definition: Arc::clone(definition),
        url,
        probes: vec![Probe { name: "NAME".into(), value: VALUE.into() }],
        login: Some(VALUE.into()),
        slots_by_id: false,
        sight: SightId(0),
        walk: 1,
    }
}

/// What the parent's item would hold is not saved with the answer: its id is a placeholder, other fields are null.
fn ask(request: &Request, index: usize) -> Ask {
    let item = if request.each.is_empty() { Value::Null } else { json!({ "id": "ITEM" }) };
    Ask {
        id: 1,
        request: index,
        url: 0,
        item: Arc::new(item),
        page: PageAt::First,
        probe: (request.mode == Mode::Inspect).then_some(0),
        about: (request.mode == Mode::Confirm).then(|| GenerationId::from("ITEM")),
        listing: request.name.as_str().into(),
        // A second look: what it concludes is shown, not put off.
        attempt: 1,
    }
}

fn file(bytes: &[u8], now: At) -> FileCx<'_> {
    FileCx { name: "NAME", place: "", bytes, value: VALUE.into(), explicit: true, read_at: now }
}

fn parse(saved: &[u8], scope: &Scope, now: At) -> Result<Response, String> {
    let url = scope.url.clone().ok_or("the definition has no usable url")?;
    let (mut status, mut headers, mut body) = (200, Vec::new(), saved);
    // Redirects and `100 Continue` leave several heads; the last one counts.
    while body.starts_with(b"HTTP/") {
        let (head, rest) =
            split_head(body).ok_or("the answer has a status line, but no empty line after its headers")?;
        let head = String::from_utf8_lossy(head);
        let mut lines = head.lines();
        let code = lines.next().and_then(|line| line.split_whitespace().nth(1)).and_then(|code| code.parse().ok());
        status = code.ok_or("the status line of the answer has no status")?;
        headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        body = rest;
    }
    Ok(Response { status, headers, body: body.to_vec().into(), url, received_at: now })
}

fn split_head(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = |gap: &[u8]| text.windows(gap.len()).position(|window| window == gap).map(|at| (at, at + gap.len()));
    let (at, body) = [end(b"\r\n\r\n"), end(b"\n\n")].into_iter().flatten().min()?;
    Some((&text[..at], &text[body..]))
}

fn told(definition: &Definition, request: &Request, status: Option<u16>, answer: &Answer) -> String {
    let mut out = String::new();
    let yields = if request.yields == Yields::Items { "items" } else { "records" };
    let status = status.map_or(String::new(), |status| format!(" · status {status}"));
    line(&mut out, format_args!("{} · request {} · yields {yields}{status}", definition.name, request.name));
    let reason = answer.reason.map_or(String::new(), |reason| format!(" ({reason})"));
    line(&mut out, format_args!("meaning {}{reason}", answer.meaning.as_str()));
    if let Some(words) = answer.words.as_ref().map(|words| Text::new(words.words())) {
        line(&mut out, format_args!("jq says {words}"));
    }
    if let Some(cut) = answer.cut {
        line(&mut out, format_args!("incomplete ({cut}): no absence is concluded from this listing"));
    }
    if let Some(next) = &answer.next {
        line(&mut out, format_args!("next page {}", Text::new(&format!("{next:?}"))));
    }
    line(
        &mut out,
        format_args!(
            "{} records, {} items, {} rejects",
            answer.records.len(),
            answer.items.len(),
            answer.rejects.len()
        ),
    );
    for (nth, record) in answer.records.iter().take(MOST).enumerate() {
        line(&mut out, format_args!("\nrecord {}", nth + 1));
        for (field, value) in fields(record) {
            line(&mut out, format_args!("  {field:<12} {value}"));
        }
    }
    for (nth, item) in answer.items.iter().take(MOST).enumerate() {
        line(&mut out, format_args!("\nitem {}\n  {}", nth + 1, Text::new(&item.to_string())));
    }
    if !answer.rejects.is_empty() {
        line(&mut out, format_args!("\nrejects"));
    }
    for reject in answer.rejects.iter().take(MOST) {
        line(&mut out, format_args!("  {:<14} {}", reject.reason.as_str(), reject.detail));
    }
    out
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}

/// Every field that says something, under the name that programs use.
fn fields(record: &Record) -> Vec<(String, String)> {
    let time = |at: At| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let seconds = |span: u32| format!("{span} s");
    let text = |text: &Text| text.to_string();
    let person = if record.person { " (a person's)" } else { "" };
    let mut all: Vec<(&str, Option<String>)> = vec![
        ("kind", Some(format!("{}{person}", record.kind))),
        ("name", Some(text(&record.name))),
        ("place", Some(text(&record.place)).filter(|place| !place.is_empty())),
        ("place_path", Some(text(&record.place_path)).filter(|path| !path.is_empty())),
        ("generation", Some(record.generation.to_string())),
        ("state", Some(record.life.to_string())),
        ("state_word", record.life_word.as_ref().map(text)),
        ("expires", Some(expiry(record.expires))),
        ("hard_stop", record.hard_stop.map(time)),
        ("issued", record.issued.map(time)),
        ("starts", record.starts.map(time)),
        ("period", record.period.map(seconds)),
        ("granted", record.granted.map(seconds)),
        ("renewable", record.renewable.then(|| "yes".into())),
        ("renewed", record.renewed.map(time)),
        ("last_used", record.last_used.map(|used| format!("{} to {} s", time(used.at), used.granularity))),
        ("uses_left", record.uses_left.map(|left| left.to_string())),
        ("owner", record.owner.as_ref().map(text)),
        ("scopes", (!record.scopes.is_empty()).then(|| record.scopes.iter().map(text).collect::<Vec<_>>().join(" "))),
        ("flow", record.dynamic.as_ref().map(|flow| format!("{}/{}", flow.place, flow.name))),
        ("doubt", record.doubt.map(|doubt| doubt.to_string())),
        ("link", record.link.as_ref().map(text)),
    ];
    let facts = record.facts.iter().map(|(name, value)| (format!("fact.{name}"), value.to_string()));
    all.drain(..).filter_map(|(name, value)| Some((name.to_owned(), value?))).chain(facts).collect()
}

fn expiry(expires: Expiry) -> String {
    let time = |at: At| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    match expires {
        Expiry::At(end) if end.date_only() => {
            format!("{} (a date; at the latest {})", time(end.instant), time(end.late))
        }
        Expiry::At(end) => format!("{} ({})", time(end.instant), end.kind),
        Expiry::Never => "never".into(),
        Expiry::Unknown(why) => format!("unknown ({why})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::issuer::shipped::Definitions;

    fn shown(name: &str, response: &str, request: Option<&str>) -> Result<String, String> {
        let definitions = Definitions::shipped();
        let now = At::from_timestamp(1_800_000_000, 0).unwrap();
        trial(Arc::clone(definitions.get(name).unwrap()), response.as_bytes(), request, now)
    }

    #[test]
    fn a_body_alone_is_enough() {
        let body = r#"[{"id":1,"name":"renovate","created_at":"2026-11-20T10:00:00Z","expires_at":"2027-03-31","scopes":["read_api"],"active":true,"revoked":false},
                       {"id":2,"name":"old\r\n","created_at":"yesterday","expires_at":null}]"#;
        insta::assert_snapshot!(shown("gitlab", body, Some("group_tokens")).unwrap(), @r"
        gitlab · request group_tokens · yields records · status 200
        meaning read
        incomplete (decode): no absence is concluded from this listing
        1 records, 0 items, 1 rejects

        record 1
          kind         group
          name         renovate
          place        ITEM
          generation   1@1795168800
          state        active
          expires      2027-03-31T00:00:00Z (a date; at the latest 2027-04-01T00:00:00Z)
          issued       2026-11-20T10:00:00Z
          scopes       read_api

        rejects
          bad_time       `issued` is no time
        ");
    }

    #[test]
    fn a_whole_answer_has_status_and_headers() {
        let dead = "HTTP/1.1 100 Continue\r\n\r\nHTTP/2 401\r\ncontent-type: application/json\r\n\r\n{\"message\":\"Bad credentials\"}";
        insta::assert_snapshot!(shown("github", dead, None).unwrap(), @r"
        github · request self · yields records · status 401
        meaning token_dead
        1 records, 0 items, 0 rejects

        record 1
          kind         token
          name         NAME
          generation   (hash of the value)
          state        inactive
          expires      unknown (not_told)
        ");
        let alive = "HTTP/2 200\ngithub-authentication-token-expiration: 2027-06-01 00:00:00 UTC\n\n{}";
        assert!(shown("github", alive, None).unwrap().contains("2027-06-01T00:00:00Z (hard)"));
    }

    #[test]
    fn mistakes_say_what_to_write() {
        insta::assert_snapshot!(shown("oauth2", "{}", Some("nope")).unwrap_err(), @"oauth2 has no request `nope`; it has discovery, introspect");
        insta::assert_snapshot!(shown("declared", "{}", None).unwrap_err(), @"declared asks nothing, so there is no answer to try");
        assert!(shown("github", "HTTP/1.1 200 OK\n", None).is_err());
        assert!(shown("gitlab", "{\"message\":\"odd\"}", Some("groups")).unwrap().contains("jq says"));
    }
}
