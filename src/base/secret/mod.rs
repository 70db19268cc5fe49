//! Secrets from the moment of reading: no Display, no Serialize, wiped on drop. References to them are data, and reading a
//! reference from the configuration never quotes what stands there: it may be the secret itself.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

pub mod fingerprint;
pub mod read;

/// A secret value. `expose` is called only where the value leaves for a socket or a hash.
#[derive(Clone)]
pub struct Secret(secrecy::SecretString);

impl Secret {
    pub fn new(value: String) -> Self {
        Self(value.into())
    }
    pub fn expose(&self) -> &str {
        use secrecy::ExposeSecret;
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Where a secret lies: `{ env: NAME }` or `{ file: PATH }`. A literal is refused, and never quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    Env(String),
    /// As written, until [`SecretRef::resolve`].
    File(PathBuf),
}

impl SecretRef {
    /// Anchors a relative file at the folder of the configuration file that names it.
    pub fn resolve(&mut self, base: &Path) {
        if let Self::File(path) = self {
            *path = base.join(&*path);
        }
    }
}

const LITERAL: &str =
    "a secret stands here in the clear (not shown). Write { env: NAME } or { file: PATH }, and revoke this one";
const FORMS: &str = "a secret is given as { env: NAME } or { file: PATH }, by exactly one of the two";

impl schemars::JsonSchema for SecretRef {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Where a secret lies: `{ env: NAME }` or `{ file: PATH }`, read at every use. The secret itself never \
                stands in the configuration.",
            "type": "object",
            "properties": {
                "env": {
                    "description": "An environment variable.",
                    "type": "string",
                    "pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
                },
                "file": { "description": "A file that holds the secret alone.", "type": "string", "minLength": 1 },
            },
            "additionalProperties": false,
            "oneOf": [{ "required": ["env"] }, { "required": ["file"] }],
            "examples": [{ "env": "GITLAB_TOKEN" }, { "file": "/run/secrets/gitlab-read" }],
        })
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(RefVisitor)
    }
}

struct RefVisitor;

/// Every scalar is taken for the secret itself; serde's own refusals would quote it.
macro_rules! refuse_literals {
    ($($visit:ident($of:ty)),+ $(,)?) => {
        $(fn $visit<E: Error>(self, _: $of) -> Result<Self::Value, E> {
            Err(E::custom(LITERAL))
        })+
    };
}

impl<'de> Visitor<'de> for RefVisitor {
    type Value = SecretRef;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{ env: NAME } or { file: PATH }")
    }

    refuse_literals! {
        visit_str(&str), visit_bytes(&[u8]), visit_bool(bool), visit_f64(f64), visit_char(char),
        visit_i64(i64), visit_u64(u64), visit_i128(i128), visit_u128(u128),
    }

    fn visit_unit<E: Error>(self) -> Result<SecretRef, E> {
        Err(E::custom(format!("nothing stands here: {FORMS}")))
    }
    fn visit_none<E: Error>(self) -> Result<SecretRef, E> {
        self.visit_unit()
    }
    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<SecretRef, D::Error> {
        d.deserialize_any(self)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<SecretRef, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Err(A::Error::custom(format!("a list stands here: {FORMS}")))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretRef, A::Error> {
        let mut found = None;
        let mut wrong = false;
        while let Some(key) = map.next_key::<Word>()? {
            let value = map.next_value::<Word>()?.0.filter(|value| !value.is_empty());
            let one = match (key.0.as_deref(), value) {
                (Some("env"), Some(name)) => Some(SecretRef::Env(name)),
                (Some("file"), Some(path)) => Some(SecretRef::File(path.into())),
                _ => None,
            };
            wrong |= one.is_none() || found.is_some();
            found = one;
        }
        match found {
            Some(SecretRef::Env(name)) if !wrong && !is_variable(&name) => Err(A::Error::custom(
                "what stands after env is no name of an environment variable (not shown): write letters, digits and _ only",
            )),
            Some(found) if !wrong => Ok(found),
            _ => Err(A::Error::custom(FORMS)),
        }
    }
}

fn is_variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A text, or `None` for anything else, so that a wrong value is never quoted.
struct Word(Option<String>);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(WordVisitor)
    }
}

struct WordVisitor;

macro_rules! no_word {
    ($($visit:ident($of:ty)),+ $(,)?) => {
        $(fn $visit<E: Error>(self, _: $of) -> Result<Word, E> {
            Ok(Word(None))
        })+
    };
}

impl<'de> Visitor<'de> for WordVisitor {
    type Value = Word;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Word, E> {
        Ok(Word(Some(text.to_owned())))
    }
    no_word! {
        visit_bytes(&[u8]), visit_bool(bool), visit_f64(f64),
        visit_i64(i64), visit_u64(u64), visit_i128(i128), visit_u128(u128),
    }
    fn visit_unit<E: Error>(self) -> Result<Word, E> {
        Ok(Word(None))
    }
    fn visit_none<E: Error>(self) -> Result<Word, E> {
        Ok(Word(None))
    }
    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Word, D::Error> {
        d.deserialize_any(self)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Word, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Word(None))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Word, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Word(None))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: &Value) -> Result<SecretRef, String> {
        serde_json::from_value(value.clone()).map_err(|error| error.to_string())
    }

    #[test]
    fn references_are_read() {
        assert_eq!(read(&json!({"env": "VAULT_TOKEN"})), Ok(SecretRef::Env("VAULT_TOKEN".into())));
        assert_eq!(read(&json!({"file": "a/b"})), Ok(SecretRef::File("a/b".into())));
    }

    #[test]
    fn a_literal_is_refused_and_never_quoted() {
        for literal in [json!("S3CRET"), json!(3_737), json!(3_737.5), json!(true)] {
            let told = read(&literal).unwrap_err();
            assert_eq!(
                told,
                "a secret stands here in the clear (not shown). Write { env: NAME } or { file: PATH }, and revoke this one"
            );
        }
    }

    #[test]
    fn nothing_wrong_is_ever_quoted() {
        for wrong in [
            json!({"env": "S3CRET!"}),
            json!({"env": 3_737}),
            json!({"env": ["S3CRET"]}),
            json!({"env": {"S3CRET": "S3CRET"}}),
            json!({"token": "S3CRET"}),
            json!({"S3CRET": null}),
            json!({"env": "A", "file": "S3CRET"}),
            json!({"file": "A", "vault": {"S3CRET": 1}}),
            json!({"env": ""}),
            json!({}),
            json!(null),
            json!(["S3CRET"]),
        ] {
            let told = read(&wrong).unwrap_err();
            assert!(!told.contains("S3CRET") && !told.contains("3737"), "{told}");
            assert!(told.contains("{ env: NAME }") || told.contains("environment variable"), "{told}");
        }
    }

    #[test]
    fn files_are_anchored_where_they_are_named() {
        let mut relative = SecretRef::File("keys/a".into());
        relative.resolve(Path::new("/etc/forewarn"));
        assert_eq!(relative, SecretRef::File("/etc/forewarn/keys/a".into()));
        let mut absolute = SecretRef::File("/run/a".into());
        absolute.resolve(Path::new("/etc/forewarn"));
        assert_eq!(absolute, SecretRef::File("/run/a".into()));
    }

    #[test]
    fn debug_shows_no_value() {
        assert_eq!(format!("{:?}", Secret::new("S3CRET".into())), "[secret]");
    }
}
