//! Deterministic 128-bit ids: SHA-256 over a domain tag and the parts, cut.

use crate::domain::episode::Subject;
use crate::domain::finding::FindingKind;
use crate::domain::key::{DeliveryId, EpisodeId};

/// Semantics 9.1.
pub fn episode(_subject: &Subject, _kind: FindingKind, _generation: Option<&str>, _nth: u32) -> EpisodeId {
    todo!()
}

/// Over the intent's key, channel and recipient (channels.md 5.4).
pub fn delivery(_intent: &str, _channel: &str, _recipient: &str) -> DeliveryId {
    todo!()
}
