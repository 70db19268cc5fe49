//! Pure: where a listing goes on after the page that was read. A page on another host is not followed.

use serde_json::Value;
use url::Url;

use super::definition::paging::{PageAt, Paging};
use super::definition::request::Request;
use super::frontier::Ask;
use super::jq::Program;
use super::read::Answer;
use super::scope::Scope;
use crate::base::http::Response;
use crate::domain::reason::FailureReason;

/// A page that was read.
pub struct Page<'a> {
    pub request: &'a Request,
    pub response: &'a Response,
    pub body: &'a Value,
    pub names: &'a [Value],
}

/// Sets `next`, or `cut` where the listing goes on but cannot be followed.
pub fn page(scope: &Scope, ask: &Ask, page: &Page<'_>, answer: &mut Answer) {
    let found = match &page.request.paging {
        Paging::None => Ok(None),
        Paging::Link => link(page.response).map_or(Ok(None), |text| url(scope, page.response, &text).map(Some)),
        Paging::NextUrl(program) => match text(program, page) {
            Ok(Some(text)) => url(scope, page.response, &text).map(Some),
            Ok(None) => Ok(None),
            Err(()) => Err(()),
        },
        Paging::Page { first, size, count, .. } => counted(count, page).map(|held| {
            let now = if let PageAt::Number(number) = ask.page { number } else { *first };
            let last = held == 0 || size.is_some_and(|size| held < size);
            (!last).then(|| PageAt::Number(now.saturating_add(1)))
        }),
        Paging::Offset { size, count, .. } => counted(count, page).map(|held| {
            let now = if let PageAt::Offset(offset) = ask.page { offset } else { 0 };
            (held >= *size).then(|| PageAt::Offset(now.saturating_add(held)))
        }),
        Paging::Cursor { program, .. } => text(program, page).map(|cursor| cursor.map(PageAt::Cursor)),
    };
    match found {
        Ok(next) => answer.next = next,
        Err(()) => answer.cut = Some(FailureReason::Decode),
    }
}

fn counted(count: &Program, page: &Page<'_>) -> Result<u64, ()> {
    let outputs = count.run(page.body, page.names, 1).map_err(|_| ())?;
    outputs.first().and_then(Value::as_u64).ok_or(())
}

/// Nothing, null, false and the empty text end a listing.
fn text(program: &Program, page: &Page<'_>) -> Result<Option<String>, ()> {
    let outputs = program.run(page.body, page.names, 1).map_err(|_| ())?;
    match outputs.into_iter().next() {
        None | Some(Value::Null | Value::Bool(false)) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(()),
    }
}

fn url(scope: &Scope, response: &Response, text: &str) -> Result<PageAt, ()> {
    let next = response.url.join(text).map_err(|_| ())?;
    let origin = scope.url.as_ref().map(Url::origin);
    let plain = next.username().is_empty() && next.password().is_none();
    if origin.as_ref() == Some(&next.origin()) && plain { Ok(PageAt::Url(next)) } else { Err(()) }
}

/// The target of `rel="next"` (RFC 8288), in any of the `Link` headers.
fn link(response: &Response) -> Option<String> {
    let all = response.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("link"));
    all.flat_map(|(_, value)| links(value)).find(|(_, next)| *next).map(|(target, _)| target)
}

/// Targets, and whether each is the next page. Commas may stand inside the angle brackets.
fn links(value: &str) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    let mut rest = value;
    while let Some(open) = rest.find('<') {
        let Some(close) = rest[open..].find('>').map(|at| open + at) else { break };
        let target = rest[open + 1..close].trim().to_owned();
        let tail = &rest[close + 1..];
        let end = tail.find('<').unwrap_or(tail.len());
        found.push((target, tail[..end].split([';', ',']).any(is_next)));
        rest = &tail[end..];
    }
    found
}

fn is_next(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    let words = value.trim().trim_matches('"');
    name.trim().eq_ignore_ascii_case("rel") && words.split_whitespace().any(|word| word.eq_ignore_ascii_case("next"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_headers_are_read_as_written() {
        for (header, next) in [
            (r#"<https://x/a?page=2>; rel="next", <https://x/a?page=9>; rel="last""#, Some("https://x/a?page=2")),
            (r#"<https://x/a?page=1>; rel="prev",<https://x/a?p=a,b>; title="t"; rel=next"#, Some("https://x/a?p=a,b")),
            (r#"</a?page=2>; REL="last next""#, Some("/a?page=2")),
            (r#"<https://x/a?page=9>; rel="last""#, None),
            (r#"<https://x"#, None),
            ("", None),
        ] {
            let got = links(header).into_iter().find(|(_, next)| *next).map(|(target, _)| target);
            assert_eq!(got.as_deref(), next, "{header}");
        }
    }

    const DEFINITION: &str = "title: T\ndocs: d\nverified: { how: unverified, words: w }\nleast: l\nrotate: r\n\
        kinds: { token: { title: t } }\nrequests:\n\
        - { name: numbers, mode: inventory, get: /n, kind: token, program: '.[] | {id: .}', paging: { page: { param: page, size: 2 } } }\n\
        - { name: skips, mode: inventory, get: /o, kind: token, program: '.data[] | {id: .}', \
            paging: { offset: { param: start, size: 2, count: '.data | length' } } }\n\
        - { name: cursors, mode: inventory, get: /c, kind: token, program: '.data[] | {id: .}', \
            paging: { cursor: { program: .next, query: after } } }\n\
        - { name: bodies, mode: inventory, post: /b, form: { q: x }, kind: token, program: '.data[] | {id: .}', \
            paging: { cursor: { program: .next, body: after } } }\n\
        - { name: urls, mode: inventory, get: /u, kind: token, program: '.data[] | {id: .}', paging: { next_url: .next } }\n\
        - { name: away, mode: inventory, get: /a, kind: token, program: '.data[] | {id: .}', paging: { next_url: .next } }\n\
        - { name: circle, mode: inventory, get: /r, kind: token, program: '.data[] | {id: .}', \
            paging: { cursor: { program: .next, query: after } } }\n";

    fn body(asked: &str) -> &'static str {
        match asked {
            "/base/n?page=1" => "[1,2]",
            "/base/n?page=2" => "[3]",
            "/base/o?start=2" => r#"{"data":[3]}"#,
            "/base/c?after=x%26y" | "/base/b q=x&after=x%26y" => r#"{"data":[2],"next":""}"#,
            "/base/o" => r#"{"data":[1,2]}"#,
            "/base/c" | "/base/b q=x" => r#"{"data":[1],"next":"x&y"}"#,
            "/base/u" => r#"{"data":[1],"next":"/base/u?page=2"}"#,
            "/base/u?page=2" => r#"{"data":[2],"next":null}"#,
            "/base/a" => r#"{"data":[1],"next":"https://elsewhere.example/a"}"#,
            "/base/r" | "/base/r?after=1" => r#"{"data":[1],"next":1}"#,
            other => panic!("nobody asks for {other}"),
        }
    }

    #[test]
    fn every_paging_kind_ends_where_the_issuer_says() {
        use crate::base::yaml::mistake::{FileNo, Mistakes};
        use crate::collect::issuer::definition::compile;
        use crate::collect::issuer::frontier::Frontier;
        use crate::collect::issuer::scope::Task;
        use crate::collect::issuer::{build, read};
        use crate::domain::At;
        use crate::domain::key::SightId;
        use crate::domain::observation::Coverage;
        use std::sync::Arc;

        let mut mistakes = Mistakes::default();
        let definition =
            compile::read("t", FileNo(0), DEFINITION, &mut mistakes).unwrap_or_else(|| panic!("{mistakes:?}"));
        let scope = Arc::new(Scope {
            collector: "c".into(),
            definition: Arc::new(definition),
            url: Url::parse("https://x.example/base/").ok(),
            settings: serde_json::json!({}),
            probes: Vec::new(),
            login: None,
            slots_by_id: false,
            sight: SightId(1),
            walk: 1,
        });
        let mut frontier = Frontier::new(Arc::clone(&scope), &Task::Round { inventory: true, own_login: false });
        let (mut found, mut ends) = (std::collections::BTreeMap::<String, Vec<String>>::new(), Vec::new());
        while let Some(ask) = frontier.next() {
            let request = build::request(&scope, &ask, None).unwrap();
            let query = request.url.query().map_or(String::new(), |query| format!("?{query}"));
            let form = request.body.map_or(String::new(), |body| format!(" {}", String::from_utf8(body).unwrap()));
            let response = Response {
                status: 200,
                headers: Vec::new(),
                body: body(&format!("{}{query}{form}", request.url.path())).into(),
                url: request.url,
                received_at: At::from_timestamp(1_800_000_000, 0).unwrap(),
            };
            for page in frontier.answered(&ask, read::answer(&scope, &ask, &response)) {
                let ids = page.records.iter().map(|record| record.generation.to_string());
                found.entry(page.listing.to_string()).or_default().extend(ids);
                ends.extend(page.ends.filter(|end| !end.is_whole()).map(|end| (page.listing.to_string(), end)));
            }
        }
        let partial = |read| Coverage::Partial { read, missed: 1, reason: FailureReason::Decode };
        assert_eq!(ends, vec![("away".to_owned(), partial(1)), ("circle".to_owned(), partial(2))]);
        let held: Vec<(&str, usize)> = found.iter().map(|(listing, ids)| (listing.as_str(), ids.len())).collect();
        let wanted =
            [("away", 1), ("bodies", 2), ("circle", 2), ("cursors", 2), ("numbers", 3), ("skips", 3), ("urls", 2)];
        assert_eq!(held, wanted);
    }
}
