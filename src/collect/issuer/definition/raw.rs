//! The YAML's shape before anything is compiled. Every field is one key of a definition file.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::answer::Meaning;
use super::fields::{NoExpiry, TimeField};
use super::request::{Decoder, Mode, Sends, Yields};
use super::{Absent, KeyRule, LoginKind, SettingShape, Source, VerifiedHow};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawDefinition {
    pub title: String,
    pub docs: String,
    pub verified: RawVerified,
    #[serde(default)]
    pub source: Source,
    pub url: Option<String>,
    #[serde(default)]
    pub login: RawLogin,
    #[serde(default)]
    pub settings: BTreeMap<String, RawSetting>,
    #[serde(default)]
    pub requests: Vec<RawRequest>,
    #[serde(default)]
    pub fields: RawFields,
    #[serde(default)]
    pub key: KeyRule,
    pub kinds: BTreeMap<String, RawKind>,
    #[serde(default)]
    pub absent: Absent,
    /// Name of a request of mode `confirm`.
    pub confirm: Option<String>,
    #[serde(default)]
    pub limits: RawLimits,
    /// Seconds.
    #[serde(default)]
    pub granularity: u32,
    #[serde(default = "yes")]
    pub shows_rotation: bool,
    #[serde(default = "yes")]
    pub tells_expiry: bool,
    pub least: String,
    pub rotate: String,
    #[serde(default)]
    pub prefixes: Vec<String>,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawVerified {
    pub how: VerifiedHow,
    pub words: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawLogin {
    #[serde(default)]
    pub kinds: Vec<LoginKind>,
    /// Header of a `token` login; default `Authorization`.
    pub header: Option<String>,
    /// Before the value; default `Bearer ` for `Authorization`, else nothing.
    pub prefix: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawSetting {
    pub shape: SettingShape,
    /// Of a list.
    pub default: Option<Vec<String>>,
    pub help: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawKind {
    pub title: String,
    /// Belongs to a person: watched only where asked for.
    #[serde(default)]
    pub person: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawLimits {
    pub per_second: Option<f64>,
    pub concurrency: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawFields {
    #[serde(default)]
    pub times: BTreeMap<String, TimeField>,
    #[serde(default)]
    pub no_expiry: NoExpiry,
    /// Texts that mean never beside the usual ones.
    #[serde(default)]
    pub never: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRequest {
    pub name: String,
    pub mode: Mode,
    #[serde(default)]
    pub each: Vec<String>,
    #[serde(default)]
    pub details: bool,
    pub given: Option<String>,
    pub when: Option<String>,
    pub get: Option<String>,
    pub post: Option<String>,
    pub list: Option<String>,
    /// GET, the first of them that answers.
    #[serde(default)]
    pub first_of: Vec<String>,
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub form: BTreeMap<String, String>,
    #[serde(default)]
    pub json: BTreeMap<String, String>,
    #[serde(default)]
    pub sends: Sends,
    #[serde(default)]
    pub paging: RawPaging,
    #[serde(default)]
    pub decode: Decoder,
    pub program: Option<String>,
    #[serde(default)]
    pub yields: Yields,
    pub noun: Option<String>,
    pub kind: Option<String>,
    #[serde(default)]
    pub answers: Vec<RawAnswer>,
    #[serde(default)]
    pub required: RawRequired,
    /// The right that this request needs, in the issuer's words; default: the definition's `least`.
    pub needs: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RawPaging {
    #[default]
    None,
    Link,
    NextUrl(String),
    Page(RawPage),
    Offset(RawOffset),
    Cursor(RawCursor),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPage {
    pub param: String,
    #[serde(default = "one")]
    pub first: u64,
    pub size: Option<u64>,
    /// How many a page held; needed unless the body is a list.
    pub count: Option<String>,
}

fn one() -> u64 {
    1
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawOffset {
    pub param: String,
    pub size: u64,
    pub count: Option<String>,
}

/// Exactly one of `query` and `body` names where the cursor is sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCursor {
    pub program: String,
    pub query: Option<String>,
    pub body: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawAnswer {
    #[serde(default)]
    pub status: Vec<u16>,
    pub body: Option<String>,
    pub means: Meaning,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RawRequired {
    #[default]
    Always,
    Never,
    If(String),
}
