//! Text that strangers wrote: bounded and free of control characters from the moment it is read.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Bounded, inert text (semantics 1.2): control and bidi characters are U+FFFD, at most 200 bytes, never cut inside a
/// character. Renderers still escape for their own format.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text(Option<Arc<str>>);

impl Text {
    /// Longest text kept, in bytes.
    pub const MOST: usize = 200;

    pub fn new(raw: &str) -> Self {
        if raw.is_empty() {
            return Self(None);
        }
        let mut clean = String::with_capacity(raw.len().min(Self::MOST));
        for c in raw.chars() {
            let c = if is_hostile(c) { '\u{FFFD}' } else { c };
            if clean.len() + c.len_utf8() > Self::MOST {
                break;
            }
            clean.push(c);
        }
        Self(Some(clean.into()))
    }
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or("")
    }
    pub fn is_empty(&self) -> bool {
        self.as_str().is_empty()
    }
}

impl schemars::JsonSchema for Text {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Text".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

/// Characters that change what a reader sees: controls, bidi marks and overrides, line and paragraph separators.
fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}')
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}
impl From<&str> for Text {
    fn from(raw: &str) -> Self {
        Self::new(raw)
    }
}
impl Serialize for Text {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}
impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Self::new(&String::deserialize(d)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_characters_become_inert() {
        assert_eq!(Text::new("a\r\nb\u{202E}c\0").as_str(), "a\u{FFFD}\u{FFFD}b\u{FFFD}c\u{FFFD}");
    }

    #[test]
    fn a_megabyte_is_cut_at_a_character() {
        let text = Text::new(&"ä".repeat(1 << 20));
        assert_eq!(text.as_str().len(), Text::MOST);
    }
}
