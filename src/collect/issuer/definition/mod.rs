//! The YAML of an issuer definition: strict, compiled while read.
//! A definition is data about one kind of issuer; nothing here knows a particular one.

use url::Url;

pub mod answer;
pub mod compile;
pub mod fields;
pub mod paging;
pub mod raw;
pub mod request;

use fields::Fields;
use request::Request;

/// One kind of issuer, as data.
#[derive(Debug)]
pub struct Definition {
    /// What `issuer:` says; the file's name.
    pub name: String,
    /// For people: `GitLab`.
    pub title: String,
    /// The issuer's own document that the facts come from.
    pub docs: String,
    pub verified: Verified,
    pub origin: Source,
    /// Default of the collector's `url`.
    pub url: Option<Url>,
    pub logins: Vec<LoginKind>,
    /// How a `token` login, or an inspected value, is sent.
    pub token: TokenHeader,
    /// Keys that `inventory:` may hold.
    pub settings: Vec<Setting>,
    pub requests: Vec<Request>,
    pub fields: Fields,
    pub key: KeyRule,
    pub kinds: Vec<Kind>,
    pub absent: Absent,
    /// Index of the request that asks about one generation by id.
    pub confirm: Option<usize>,
    pub limits: Limits,
    /// Seconds by which a told last use may lag (semantics 4.6).
    pub granularity: u32,
    /// A rotation shows in what the issuer tells (semantics 5.4).
    pub shows_rotation: bool,
    /// The issuer tells expiries at all (semantics 13.4).
    pub tells_expiry: bool,
    /// The least right that a login needs, one sentence.
    pub least: String,
    /// How to rotate here, one sentence for messages.
    pub rotate: String,
    /// Beginnings of this issuer's token values, for configuration checks and redaction.
    pub prefixes: Vec<String>,
}

/// How the facts of a definition were checked, in a word and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub how: VerifiedHow,
    pub words: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerifiedHow {
    /// Read in the issuer's documents.
    Documents,
    /// Seen on a running server.
    Live,
    Unverified,
}

/// Where records come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    #[default]
    Http,
    /// Globs of files on this machine; the first request decodes them.
    Files,
    /// Dates someone typed.
    Declared,
}

/// Forms of `login:` that a definition accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginKind {
    Token,
    Basic,
    Header,
    ClientId,
}

/// `PRIVATE-TOKEN: …`, `Authorization: Bearer …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHeader {
    pub header: String,
    /// Before the value, its space included: `Bearer `.
    pub prefix: String,
}

/// A key of `inventory:`.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    pub name: String,
    pub shape: SettingShape,
    /// `Null`: not set.
    pub default: serde_json::Value,
    /// One sentence.
    pub help: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettingShape {
    Text,
    /// A list of texts; one text alone is a list of one.
    List,
    Bool,
}

/// A kind that records may have, and whether it belongs to a person (semantics 2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    pub name: String,
    /// For people: `group access token`.
    pub title: String,
    pub person: bool,
}

/// What makes a generation in an inventory (semantics 1.3); inspected values are always known by their keyed hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRule {
    /// The id, and `issued` where it is told: ids are reused after a restore (1.4).
    #[default]
    IdIssued,
    /// The id alone: random, never given twice.
    Id,
    /// The id survives a rotation; `version` tells the values apart.
    IdVersion,
}

/// What an absence from a complete listing means (semantics 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Absent {
    Revoked,
    #[default]
    Vanished,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Requests a second.
    pub per_second: f64,
    /// Requests in flight.
    pub concurrency: usize,
}

impl Definition {
    pub fn request(&self, name: &str) -> Option<usize> {
        self.requests.iter().position(|request| request.name == name)
    }
    pub fn kind(&self, name: &str) -> Option<&Kind> {
        self.kinds.iter().find(|kind| kind.name == name)
    }
    /// Whether it has a request of this mode.
    pub fn can(&self, mode: request::Mode) -> bool {
        self.requests.iter().any(|request| request.mode == mode)
    }
}
