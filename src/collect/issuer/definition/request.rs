//! One request of a definition: what it asks, how its answer is read, and what it yields.

use super::answer::AnswerRule;
use super::paging::Paging;
use crate::collect::issuer::jq::Program;
use crate::collect::issuer::template::Template;

#[derive(Debug)]
pub struct Request {
    pub name: String,
    pub mode: Mode,
    /// Requests whose items it is asked for; indexes into `Definition::requests`. Empty: asked once.
    pub each: Vec<usize>,
    /// It tells the details of its parent's items: its records stand in the parent's listing.
    pub details: bool,
    /// Items known from the settings alone; if it yields any, nothing is sent.
    pub given: Option<Program>,
    /// Over the settings: false leaves the request out.
    pub when: Option<Program>,
    /// `GET`, `POST`, `LIST`.
    pub method: String,
    /// Several: the first that answers is taken (discovery). Empty: only `given`.
    pub urls: Vec<Template>,
    pub query: Vec<(String, Template)>,
    pub headers: Vec<(String, Template)>,
    pub body: Option<Body>,
    pub sends: Sends,
    pub paging: Paging,
    pub decode: Decoder,
    /// Body → records or items with our field names.
    pub program: Option<Program>,
    pub yields: Yields,
    /// What its items are called in listing keys: `groups`.
    pub noun: String,
    /// Kind of every record, where it does not depend on the answer.
    pub kind: Option<String>,
    pub answers: Vec<AnswerRule>,
    pub required: Required,
    /// The right that it needs, in the issuer's words.
    pub needs: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Asked once for each value of `inspect:`.
    Inspect,
    Inventory,
    OwnLogin,
    /// Asked when a request that hangs on it is.
    Support,
    /// Asked for single generations.
    Confirm,
}

/// Whose credential goes with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sends {
    #[default]
    Login,
    /// The inspected value, sent as a `token` login would be.
    Value,
    Nobody,
}

#[derive(Debug)]
pub enum Body {
    Form(Vec<(String, Template)>),
    Json(Vec<(String, Template)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decoder {
    #[default]
    Json,
    /// The body does not matter; the program reads the response headers.
    Headers,
    Jwt,
    X509,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Yields {
    /// What other requests are asked for; every item has an `id`.
    Items,
    #[default]
    Records,
}

/// Whether a listing that may not be read counts as unread.
#[derive(Debug, Default)]
pub enum Required {
    #[default]
    Always,
    /// Not allowed or not there is no failure.
    Never,
    /// Over the settings.
    If(Program),
}
