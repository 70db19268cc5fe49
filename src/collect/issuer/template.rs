//! {…} in paths, headers and bodies; unknown names fail at load.
//! Issuers' text goes into URLs, so every value is encoded for its place and cannot leave it.

use serde_json::Value;
use url::Url;

use crate::base::secret::Secret;

/// A text with places for settings, the parent's item, the collector's URL and the inspected value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// `plain`: written `{+name}`; slashes stay.
    Place {
        name: Name,
        plain: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    /// Field of the parent's item.
    Item(String),
    Setting(String),
    /// The inspected value.
    Value,
    /// Scheme, host and port of the collector's URL.
    Origin,
    /// Path of the collector's URL, without its last slash.
    Path,
}

/// What a template may name where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    pub settings: &'a [&'a str],
    pub item: bool,
    /// Bodies of inspecting requests only.
    pub value: bool,
}

/// What the names stand for now.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    pub settings: &'a Value,
    pub item: &'a Value,
    pub url: Option<&'a Url>,
    pub value: Option<&'a Secret>,
}

/// Where the text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Into {
    /// A URL, its path: everything but unreserved characters is encoded.
    Url,
    Header,
    /// Query, form and JSON encode by themselves.
    Field,
}

impl Template {
    pub fn compile(text: &str, known: Known<'_>) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let Some(close) = rest[open..].find('}').map(|at| open + at) else {
                return Err(format!("`{{` is not closed in `{text}`"));
            };
            if open > 0 {
                parts.push(Part::Text(rest[..open].to_owned()));
            }
            let inner = &rest[open + 1..close];
            let (plain, word) = inner.strip_prefix('+').map_or((false, inner), |word| (true, word));
            parts.push(Part::Place { name: name(word, known)?, plain });
            rest = &rest[close + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// The text; `None` where a name stands for nothing (a header or field is then left out).
    pub fn expand(&self, values: &Values<'_>, into: Into) -> Result<Option<String>, String> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Place { name, plain } => {
                    let Some(text) = values.text(name) else { return Ok(None) };
                    match name {
                        Name::Origin | Name::Path => out.push_str(&text),
                        _ => put(&mut out, &text, into, *plain)?,
                    }
                }
            }
        }
        Ok(Some(out))
    }

    /// Whether it is a whole URL: it starts with the collector's origin, or is nothing but one name.
    pub fn is_absolute(&self) -> bool {
        match self.parts.first() {
            Some(Part::Place { name: Name::Origin, .. }) => true,
            Some(Part::Place { plain: true, .. }) => self.parts.len() == 1,
            _ => false,
        }
    }
}

fn name(word: &str, known: Known<'_>) -> Result<Name, String> {
    match word {
        "value" if known.value => return Ok(Name::Value),
        "value" => return Err("`{value}` may stand only in the body of an inspecting request".into()),
        "url.origin" => return Ok(Name::Origin),
        "url.path" => return Ok(Name::Path),
        _ => {}
    }
    if let Some(field) = word.strip_prefix("item.") {
        return match known.item {
            true => Ok(Name::Item(field.to_owned())),
            false => Err(format!("`{{{word}}}`: this request has no `each`, so there is no item")),
        };
    }
    if let Some(setting) = word.strip_prefix("settings.") {
        return match known.settings.contains(&setting) {
            true => Ok(Name::Setting(setting.to_owned())),
            false => Err(format!("`{{{word}}}`: the definition has no setting `{setting}`")),
        };
    }
    Err(format!("`{{{word}}}` is not known; write item.FIELD, settings.NAME, value, url.origin or url.path"))
}

impl Values<'_> {
    /// `None` for null, absent and empty.
    fn text(&self, name: &Name) -> Option<String> {
        let text = match name {
            Name::Item(field) => scalar(self.item.get(field)?)?,
            Name::Setting(setting) => scalar(self.settings.get(setting)?)?,
            Name::Value => self.value?.expose().to_owned(),
            Name::Origin => self.url?.origin().ascii_serialization(),
            Name::Path => return Some(self.url?.path().trim_end_matches('/').to_owned()),
        };
        (!text.is_empty()).then_some(text)
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

fn put(out: &mut String, text: &str, into: Into, plain: bool) -> Result<(), String> {
    match into {
        Into::Field => out.push_str(text),
        Into::Header if text.bytes().any(|byte| !(b' '..=b'~').contains(&byte)) => {
            return Err("an issuer's text cannot stand in a header".into());
        }
        Into::Header => out.push_str(text),
        Into::Url if plain && out.is_empty() => {
            // A whole URL, from the settings or from a discovery document: parsed and checked by whoever builds.
            out.push_str(text);
        }
        Into::Url => {
            let climbs = |segment: &str| matches!(segment, "." | "..");
            if climbs(text) || (plain && text.split('/').any(climbs)) {
                return Err("an issuer's text would climb out of its place in a path".into());
            }
            for byte in text.bytes() {
                match byte {
                    b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte as char),
                    b'/' if plain => out.push('/'),
                    _ => out.push_str(&format!("%{byte:02X}")),
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KNOWN: Known<'static> = Known { settings: &["mount"], item: true, value: true };

    fn expand(text: &str, item: Value, into: Into) -> Result<Option<String>, String> {
        let url = Url::parse("https://idp.example.test:8443/t1/").unwrap();
        let secret = Secret::new("s3cret".into());
        let settings = json!({"mount": "auth/approle"});
        let values = Values { settings: &settings, item: &item, url: Some(&url), value: Some(&secret) };
        Template::compile(text, KNOWN).unwrap().expand(&values, into)
    }

    #[test]
    fn values_stay_in_their_place() {
        let url = |text: &str, item: Value| expand(text, item, Into::Url);
        assert_eq!(url("/p/{item.id}/t", json!({"id": 42})), Ok(Some("/p/42/t".into())));
        assert_eq!(url("/p/{item.id}", json!({"id": "a/b?c#d e"})), Ok(Some("/p/a%2Fb%3Fc%23d%20e".into())));
        assert_eq!(url("/v1/{+settings.mount}/role", json!({})), Ok(Some("/v1/auth/approle/role".into())));
        assert_eq!(url("/v1/{+item.m}/x", json!({"m": "a/b?x"})), Ok(Some("/v1/a/b%3Fx/x".into())));
        for hostile in ["..", "."] {
            assert!(url("/p/{item.id}", json!({"id": hostile})).is_err());
        }
        assert!(url("/v1/{+item.m}/x", json!({"m": "../../sys"})).is_err());
        assert_eq!(
            url("{url.origin}/.well-known/x{url.path}", json!({})),
            Ok(Some("https://idp.example.test:8443/.well-known/x/t1".into()))
        );
    }

    #[test]
    fn nothing_leaves_a_field_out() {
        for item in [json!({}), json!({"n": null}), json!({"n": ""}), json!({"n": []})] {
            assert_eq!(expand("{item.n}", item, Into::Field), Ok(None));
        }
        assert_eq!(expand("{value}", json!({}), Into::Field), Ok(Some("s3cret".into())));
    }

    #[test]
    fn a_header_takes_no_line_break() {
        assert_eq!(expand("{item.n}", json!({"n": "team1"}), Into::Header), Ok(Some("team1".into())));
        assert!(expand("{item.n}", json!({"n": "a\r\nX-Evil: 1"}), Into::Header).is_err());
    }

    #[test]
    fn unknown_names_fail_at_load() {
        let narrow = Known { settings: &[], item: false, value: false };
        for text in ["{item.id}", "{settings.x}", "{value}", "{nope}", "{", "a{b"] {
            assert!(Template::compile(text, narrow).is_err(), "{text}");
        }
    }
}
