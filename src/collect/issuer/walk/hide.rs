//! Keeps known values out of what a walk tells people: a path or a sentence in which one stands shows `…` instead.
//!
//! Issuers choose ids and links, so a value may come back in them, whatever was sent. Values are compared as they are,
//! and as a URL writes them.

use crate::base::http::Request;
use crate::base::secret::Secret;
use crate::collect::issuer::Collector;
use crate::domain::text::Text;

/// Shorter values stand in everything.
const LEAST: usize = 4;
/// What is shown in place of a value.
const HIDDEN: &str = "…";

/// The values of one collector, as they are in this walk.
#[derive(Default)]
pub struct Hide(Vec<Secret>);

impl Hide {
    /// The login's value and those that ask about themselves.
    pub fn new(collector: &Collector, inspected: &[Secret]) -> Self {
        let login = collector.login.value().ok().flatten();
        Self(login.into_iter().chain(inspected.iter().cloned()).collect())
    }
    /// The same, and what the login made of them for this request: whole headers, and what follows their scheme.
    pub fn with(&self, request: &Request) -> Self {
        let derived = request.secret_headers.iter().flat_map(|(_, value)| {
            let bare = value.expose().rsplit(' ').next().unwrap_or_default().to_owned();
            [value.clone(), Secret::new(bare)]
        });
        Self(self.0.iter().cloned().chain(derived).collect())
    }
    /// The path, or `/…` if a value stands in it.
    pub fn path(&self, path: &str) -> Text {
        match self.holds(path) {
            true => Text::new("/…"),
            false => bounded(path),
        }
    }
    /// A sentence with every value in it replaced; nothing of it, if a value stands there in a URL's spelling.
    pub fn text(&self, text: &str) -> Text {
        let mut shown = text.to_owned();
        for value in self.values() {
            if shown.contains(value) {
                shown = shown.replace(value, HIDDEN);
            }
        }
        if self.holds(&shown) {
            return Text::new("not shown: a value stands in it");
        }
        bounded(&shown)
    }
    /// As it is, or as URLs write it, however often it was encoded.
    fn holds(&self, text: &str) -> bool {
        let further = |text: &String| Some(decoded(text)).filter(|plain| plain.len() < text.len());
        std::iter::successors(Some(text.to_owned()), further)
            .any(|text| self.values().any(|value| text.contains(value)))
    }
    fn values(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Secret::expose).filter(|value| value.len() >= LEAST)
    }
}

/// Cut with a mark, so that nobody takes a part for the whole.
pub fn bounded(text: &str) -> Text {
    if text.len() <= Text::MOST {
        return Text::new(text);
    }
    let end = text.floor_char_boundary(Text::MOST - HIDDEN.len());
    Text::new(&format!("{}{HIDDEN}", &text[..end]))
}

/// Percent-encoded bytes as they are (RFC 3986 2.1).
fn decoded(path: &str) -> String {
    let (mut out, bytes) = (Vec::with_capacity(path.len()), path.as_bytes());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| path.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hide(values: &[&str]) -> Hide {
        Hide(values.iter().map(|value| Secret::new((*value).to_owned())).collect())
    }

    #[test]
    fn a_path_with_a_value_in_it_is_not_shown() {
        let hide = hide(&["s3cr/et+", "x"]);
        for (path, shown) in [
            ("/api/v4/groups", "/api/v4/groups"),
            ("/tokens/s3cr/et+/self", "/…"),
            ("/tokens/s3cr%2Fet%2b/self", "/…"),
            ("/tokens/s3cr%25252Fet%252B", "/…"),
            ("/tokens/%s3cr%2", "/tokens/%s3cr%2"),
            ("/x", "/x"),
        ] {
            assert_eq!(hide.path(path).as_str(), shown, "{path}");
        }
    }

    #[test]
    fn a_sentence_loses_the_value_alone() {
        let hide = hide(&["s3cr/et+"]);
        assert_eq!(hide.text("404 GET /t/s3cr/et+/self").as_str(), "404 GET /t/…/self");
        assert_eq!(hide.text("404 GET /t/s3cr%2Fet%2B").as_str(), "not shown: a value stands in it");
    }

    #[test]
    fn what_the_login_sends_is_known_too() {
        let mut request = Request::get("http://127.0.0.1/".parse().unwrap());
        request.secret_headers.push(("authorization".into(), Secret::new("Basic dXNlcjpwYXNz".into())));
        let hide = Hide::default().with(&request);
        assert_eq!(hide.path("/session/dXNlcjpwYXNz").as_str(), "/…");
    }

    #[test]
    fn a_long_path_is_cut_with_a_mark() {
        let shown = bounded(&format!("/{}", "ä".repeat(300)));
        assert!(shown.as_str().len() <= Text::MOST && shown.as_str().ends_with('…'), "{shown}");
    }
}
