//! Pure: what `poll --debug` says about one answer: headers that matter, what was decided, paging and waits, and the outline
//! of a body that could not be understood. Never a value of a body, never another header.

use std::time::Duration;

use serde_json::Value;

use crate::base::http::Response;
use crate::collect::issuer::definition::paging::PageAt;
use crate::collect::issuer::read::Answer;
use crate::domain::At;
use crate::domain::reason::FailureReason;

/// Headers that decide about waiting, clocks and decoding.
const HEADERS: &[&str] = &[
    "retry-after",
    "date",
    "age",
    "content-type",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
];
/// Keys of an object that are named.
const KEYS: usize = 12;
/// Longest key shown; a longer one may be a value that stands where a key belongs.
const LONGEST_KEY: usize = 30;

/// What came, before it was read.
pub struct Came {
    headers: Option<String>,
    body: String,
}

impl Came {
    /// The body's outline only where the answer could not be understood.
    pub fn shown(self, answer: &Answer) -> impl Iterator<Item = String> + use<> {
        let body = Some(self.body).filter(|_| answer.reason == Some(FailureReason::Decode));
        self.headers.into_iter().chain(body)
    }
}

pub fn came(response: &Response) -> Came {
    let found = HEADERS.iter().filter_map(|name| Some(format!("{name}: {}", response.header(name)?)));
    let found: Vec<String> = found.collect();
    let headers = (!found.is_empty()).then(|| found.join(" · "));
    Came { headers, body: outline(response) }
}

/// `text/html, 1234 bytes, no JSON`; `application/json, 40 bytes, an object with the keys error, message`.
fn outline(response: &Response) -> String {
    let kind = response.header("content-type").unwrap_or("no content type");
    let shape = match serde_json::from_slice::<Value>(&response.body) {
        Err(_) if response.body.is_empty() => "empty".to_owned(),
        Err(_) => "no JSON".to_owned(),
        Ok(Value::Object(map)) => {
            let mut keys: Vec<&str> = map.keys().map(|key| shown(key)).collect();
            keys.sort_unstable();
            keys.truncate(KEYS);
            if map.len() > KEYS {
                keys.push("…");
            }
            format!("an object with the keys {}", keys.join(", "))
        }
        Ok(Value::Array(list)) => format!("a list of {}", list.len()),
        Ok(Value::String(_)) => "a text".to_owned(),
        Ok(Value::Number(_)) => "a number".to_owned(),
        Ok(Value::Bool(_) | Value::Null) => "a bare word".to_owned(),
    };
    format!("what came: {kind}, {} bytes, {shape}", response.body.len())
}

/// A key that reads like a word; anything else may be a value.
fn shown(key: &str) -> &str {
    let digits = key.bytes().filter(u8::is_ascii_digit).count();
    let word = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b' '));
    if word && digits <= 3 && (1..=LONGEST_KEY).contains(&key.len()) { key } else { "…" }
}

/// `decided: read; the next page follows`.
pub fn meaning(answer: &Answer) -> String {
    let mut text = format!("decided: {}", answer.meaning.as_str().replace('_', " "));
    if let Some(detail) = answer.detail.as_ref().filter(|_| answer.reason.is_some()) {
        text.push_str(&format!(" ({detail})"));
    }
    if !answer.items.is_empty() {
        text.push_str(&format!("; {} to ask about further", answer.items.len()));
    }
    text.push_str(match &answer.next {
        None => "",
        Some(PageAt::Number(_) | PageAt::Offset(_) | PageAt::First) => "; the next page follows by number",
        Some(PageAt::Cursor(_)) => "; the next page follows by cursor",
        Some(PageAt::Url(_)) => "; the next page follows by link",
    });
    if answer.cut.is_some() {
        text.push_str("; the listing is not whole");
    }
    text
}

pub fn again(pause: Duration) -> String {
    format!("asked again after {:.1} s", pause.as_secs_f64())
}

pub fn held(until: Option<At>) -> String {
    match until {
        Some(at) => format!("the issuer asks to wait: nothing more is asked before {}", at.format("%H:%M:%S UTC")),
        None => "the issuer asks to wait".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outlined(kind: Option<&str>, body: &str) -> String {
        outline(&Response {
            status: 200,
            headers: kind.map(|kind| ("content-type".to_owned(), kind.to_owned())).into_iter().collect(),
            body: body.to_owned().into(),
            url: "http://127.0.0.1/".parse().unwrap(),
            received_at: At::UNIX_EPOCH,
        })
    }

    #[test]
    fn a_body_is_outlined_and_never_quoted() {
        for (kind, body, told) in [
            (Some("text/html"), "<html>canary</html>", "what came: text/html, 19 bytes, no JSON"),
            (None, "", "what came: no content type, 0 bytes, empty"),
            (Some("application/json"), "\"canary\"", "what came: application/json, 8 bytes, a text"),
            (Some("application/json"), "[\"canary\",2]", "what came: application/json, 12 bytes, a list of 2"),
            (
                Some("application/json"),
                "{\"error\":\"canary\",\"glpat-Zk3jV9q2canary47\":1,\"a/b\":{}}",
                "what came: application/json, 54 bytes, an object with the keys error, …, …",
            ),
        ] {
            assert_eq!(outlined(kind, body), told);
        }
    }
}
