//! Every issuer's time format, precision and edge → an instant in whole seconds, or `Never`.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::At;

/// How a field spells time (issuers-cicd.md 0.3, issuers-cloud.md 0.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// RFC 3339, ISO without zone (UTC), with or without colon in the offset, basic ISO, `2026-03-01 00:00:00 UTC`,
    /// RFC 2822, a bare date, or a number of seconds: whatever fits.
    #[default]
    Auto,
    /// Seconds since 1970; integer, fraction, or the same in a string.
    EpochSeconds,
    EpochMillis,
    /// Seconds from the receipt of the answer (semantics 4.3).
    SecondsFromNow,
}

/// Which edge of a date without time counts (semantics 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    #[default]
    StartOfDay,
    EndOfDay,
}

/// A time as read: never (a sentinel), or early and late edge (equal unless only a date was told).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    Never,
    At { instant: At, late: At },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time: {0}")]
pub struct StampError(pub String);

/// Reads one field. Sentinels of issuers-cloud.md 0.3 (`null`, "", 0, -1, year 1, 9999, > 100 years ahead) are `Never`
/// for every format but `SecondsFromNow`, where 0 is now.
/// `received` anchors relative spans, rounded down.
pub fn read(_value: &Value, _format: Format, _edge: Edge, _received: At) -> Result<Stamp, StampError> {
    todo!()
}
