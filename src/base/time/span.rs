//! Durations as people and issuers write them.

/// Why a duration could not be read; the text is a whole sentence part with the right spelling.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SpanError(pub String);

/// A duration as in Prometheus: `1y2w3d4h5m6s`, d = 24 h; seconds. `1.5d`, `1M`, `3mo` are refused with the right spelling.
pub fn parse(_text: &str) -> Result<u32, SpanError> {
    todo!()
}

/// A fraction of a lifetime: `10%`; percent.
pub fn parse_percent(_text: &str) -> Result<u8, SpanError> {
    todo!()
}

/// Go's `240h0m0s`, ISO 8601 `P30D`, proto `2592000s`; seconds.
pub fn parse_foreign(_text: &str) -> Result<u32, SpanError> {
    todo!()
}

/// The shortest exact spelling: `90d`, `1h30m`.
pub fn write(_seconds: u32) -> String {
    todo!()
}
