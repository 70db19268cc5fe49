//! What goes wrong while serde reads a node: whom it blames, in our words; never with a value that serde quotes.

use std::fmt;

use serde::de::{self, Error as _};

use super::mistake::{Mistake, Place, quoted};
use super::reader::{At, id};
use super::tree::Node;

/// Whom an error blames.
#[derive(Clone, Debug)]
pub(super) struct Blamed {
    pub id: usize,
    pub place: Place,
    path: String,
    secret: bool,
}

#[derive(Debug)]
pub(super) struct Error {
    text: String,
    pub missing: Option<&'static str>,
    pub blamed: Option<Blamed>,
    /// Noted already, or a consequence of what was.
    silent: bool,
    /// Nothing is taken out: the node is only read once more.
    pub again: bool,
}

impl Error {
    /// Blames `at`, unless somebody further in is blamed already.
    pub fn at(mut self, at: &At<'_, '_, '_>) -> Self {
        if self.blamed.is_none() {
            self.blamed =
                Some(Blamed { id: id(at.node), place: at.node.place, path: at.path.clone(), secret: at.secret });
        }
        self
    }
    pub fn silent(at: &At<'_, '_, '_>) -> Self {
        Self { silent: true, ..Self::custom("") }.at(at)
    }
    pub fn again(at: &At<'_, '_, '_>) -> Self {
        Self { again: true, ..Self::silent(at) }
    }
    pub fn placed(&self) -> bool {
        self.blamed.is_some()
    }
    pub fn blames(&self, node: &Node) -> bool {
        self.blamed.as_ref().is_some_and(|blamed| blamed.id == id(node))
    }
    pub fn mistake(&self, blamed: &Blamed) -> Option<Mistake> {
        let Blamed { place, path, secret, .. } = blamed;
        let mistake = Mistake { place: Some(*place), path: path.clone(), text: self.text.clone(), secret: *secret };
        (!self.silent).then_some(mistake)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self { text: text.to_string(), missing: None, blamed: None, silent: false, again: false }
    }
    /// Never with the value: it may be a secret, and the place shows it.
    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let found = match found {
            de::Unexpected::Seq => "a list",
            de::Unexpected::Map => "a map",
            de::Unexpected::Unit | de::Unexpected::Option => "nothing",
            _ => "a plain value",
        };
        Self::custom(format!("{} is expected here, not {found}", in_words(&expected.to_string())))
    }
    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format!("this value does not fit: {} is expected", in_words(&expected.to_string())))
    }
    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(format!("unknown key {}. Known here: {}", quoted(field), expected.join(", ")))
    }
    fn missing_field(field: &'static str) -> Self {
        Self { missing: Some(field), ..Self::custom(format!("the key {} is missing", quoted(field))) }
    }
    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(format!("one of {} is expected", expected.join(", ")))
    }
}

/// serde's words for what it expects, in ours.
fn in_words(expected: &str) -> String {
    match expected {
        "a sequence" => "a list".into(),
        "a string" | "path string" | "str" => "a text".into(),
        "a boolean" => "true or false".into(),
        "u8" | "u16" | "u32" | "u64" | "usize" => format!("a whole number from 0{}", up_to(expected)),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".into(),
        "f32" | "f64" => "a number".into(),
        other if other.starts_with("struct ") => "a map".into(),
        other if other.starts_with("enum ") => "one of its forms".into(),
        other => other.into(),
    }
}

fn up_to(kind: &str) -> &'static str {
    match kind {
        "u8" => " to 255",
        "u16" => " to 65535",
        "u32" => " to 4294967295",
        _ => " on",
    }
}
