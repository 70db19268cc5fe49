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
}
