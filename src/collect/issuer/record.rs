//! Pure: raw fields → a [`Record`]: times, sentinels, key, name.

use serde_json::Value;

use super::scope::Scope;
use crate::domain::At;
use crate::domain::key::GenerationId;
use crate::domain::observation::{Origin, Record};
use crate::domain::reason::Reject;

/// What is known beside the raw object.
pub struct RecordCx<'a> {
    pub scope: &'a Scope,
    pub origin: Origin,
    /// Name that the configuration gave (inspect), else the raw name counts.
    pub given_name: Option<&'a str>,
    /// Keyed hash of the value, where it is known.
    pub value: Option<GenerationId>,
    /// Constant kind of the request.
    pub kind: Option<&'a str>,
    pub received: At,
}

/// One raw object that a program yielded.
pub fn record(_cx: &RecordCx<'_>, _raw: &Value) -> Result<Record, Reject> {
    todo!()
}
