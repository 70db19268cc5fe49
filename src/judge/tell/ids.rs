//! Deterministic 128-bit ids: SHA-256 over a domain tag and the parts, cut. The same inputs give the same id with or
//! without a store, so that a repeated judgement makes the same rows and receivers with keys see no duplicate.

use ring::digest::{Context, SHA256};

use crate::domain::episode::Subject;
use crate::domain::finding::FindingKind;
use crate::domain::key::{DeliveryId, EpisodeId};

/// Semantics 9.1: subject, finding, generation (left out by the kinds that outlive it) and how many episodes these had
/// before.
pub fn episode(subject: &Subject, kind: FindingKind, generation: Option<&str>, nth: u32) -> EpisodeId {
    let (what, owner, name) = match subject {
        Subject::Token(key) => ("token", key.collector.as_str(), key.slot()),
        Subject::Channel(channel) => ("channel", channel.as_str(), ""),
    };
    let (told, generation) = match generation.filter(|_| !kind.outlives_generation()) {
        Some(id) => ("of", id),
        None => ("any", ""),
    };
    let nth = nth.to_string();
    EpisodeId(cut("forewarn episode 1", &[what, owner, name, kind.as_str(), told, generation, &nth]))
}

/// Over the intent's key, channel and recipient (channels.md 5.4).
pub fn delivery(intent: &str, channel: &str, recipient: &str) -> DeliveryId {
    DeliveryId(cut("forewarn delivery 1", &[intent, channel, recipient]))
}

/// The first 128 bits. Each part goes in behind its length, so that no two lists of parts are the same bytes.
fn cut(tag: &str, parts: &[&str]) -> u128 {
    let mut hash = Context::new(&SHA256);
    for part in std::iter::once(&tag).chain(parts) {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finish().as_ref().iter().take(16).fold(0, |id, &byte| id << 8 | u128::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::key::TokenKey;

    fn slot(name: &str) -> Subject {
        Subject::Token(TokenKey::new("vault".into(), "service", "root", name))
    }

    #[test]
    fn rule_9_1_every_part_of_the_identity_counts() {
        let base = episode(&slot("a"), FindingKind::Expired, Some("g1"), 0);
        assert_eq!(base, episode(&slot("a"), FindingKind::Expired, Some("g1"), 0));
        for other in [
            episode(&slot("b"), FindingKind::Expired, Some("g1"), 0),
            episode(&slot("a"), FindingKind::Revoked, Some("g1"), 0),
            episode(&slot("a"), FindingKind::Expired, Some("g2"), 0),
            episode(&slot("a"), FindingKind::Expired, Some(""), 0),
            episode(&slot("a"), FindingKind::Expired, None, 0),
            episode(&slot("a"), FindingKind::Expired, Some("g1"), 1),
            episode(&Subject::Channel("a".into()), FindingKind::Expired, Some("g1"), 0),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn rule_9_1_some_kinds_leave_the_generation_out() {
        for &kind in FindingKind::ALL {
            let same = episode(&slot("a"), kind, Some("g1"), 0) == episode(&slot("a"), kind, Some("g2"), 0);
            assert_eq!(same, kind.outlives_generation(), "{kind}");
        }
    }

    /// Ids are stored and given to receivers: a release must not change them. The value was computed with sha256sum.
    #[test]
    fn ids_stay_what_they_are() {
        let id = delivery("i", "chat", "");
        assert_eq!(id.to_string(), "16824d4c6090f095229280d527aa4638");
        assert_ne!(delivery("i", "cha", "t"), id);
    }
}
