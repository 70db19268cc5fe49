//! Identities: short, cheap to clone, valid by construction.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }
    };
}

name! {
    /// Name of a configured collector; the label `collector`.
    CollectorId
}
name! {
    /// Name of a configured channel; the label `channel`.
    ChannelId
}
name! {
    /// Name of a pipeline in the configuration.
    PipelineId
}
name! {
    /// Name of a team.
    TeamId
}
name! {
    /// Name of a rotation schedule.
    ScheduleId
}
name! {
    /// Which listing a record stood in. Parents come first, joined by `>`:
    /// `groups>groups/7/projects>projects/42/access_tokens` (semantics 3.2).
    ListingKey
}

impl ListingKey {
    /// The listing that announced this one, if any.
    pub fn parent(&self) -> Option<ListingKey> {
        self.0.rfind('>').map(|at| ListingKey::from(&self.0[..at]))
    }
}

/// Separates the parts of a slot key; cannot occur in cleaned text.
const PART: char = '\u{1f}';

/// The key of a slot (semantics 1.1): collector, and `kind`, `place`, `name` in one string.
/// Ordered by collector, then by the joined text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TokenKey {
    pub collector: CollectorId,
    slot: Arc<str>,
}

impl TokenKey {
    pub fn new(collector: CollectorId, kind: &str, place: &str, name: &str) -> Self {
        let mut slot = String::with_capacity(kind.len() + place.len() + name.len() + 2);
        for (nth, part) in [kind, place, name].into_iter().enumerate() {
            if nth > 0 {
                slot.push(PART);
            }
            slot.extend(part.chars().filter(|&c| c != PART));
        }
        Self { collector, slot: slot.into() }
    }
    /// From the stored form; see [`TokenKey::slot`].
    pub fn from_slot(collector: CollectorId, slot: impl Into<Arc<str>>) -> Self {
        Self { collector, slot: slot.into() }
    }
    /// `kind`, `place` and `name` joined: the stored and sorted form.
    pub fn slot(&self) -> &str {
        &self.slot
    }
    pub fn kind(&self) -> &str {
        self.part(0)
    }
    pub fn place(&self) -> &str {
        self.part(1)
    }
    pub fn name(&self) -> &str {
        self.part(2)
    }
    fn part(&self, nth: usize) -> &str {
        self.slot.split(PART).nth(nth).unwrap_or("")
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.collector, self.slot.replace(PART, "|"))
    }
}

/// One issued value in a slot: the issuer's id, or a keyed hash of the value (semantics 1.3).
/// Where `issued` is told it is part of the identity (1.4); the definition's engine has put it in.
pub type GenerationId = Arc<str>;

/// Where a collector looked and as whom (semantics 3.1): a hash of issuer URL, inventory scope and login identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SightId(pub i64);

/// One combination of matching policies; meaningful only inside the `Rules` that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct PolicyNo(pub u32);

macro_rules! digest_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u128);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }
        impl $name {
            /// From the hexadecimal form that `Display` writes.
            pub fn parse(text: &str) -> Option<Self> {
                u128::from_str_radix(text, 16).ok().map(Self)
            }
        }
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = String::deserialize(d)?;
                Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a hexadecimal id"))
            }
        }
    };
}

digest_id! {
    /// Identity of an episode (semantics 9.1): same inputs, same id, with or without a store.
    EpisodeId
}
digest_id! {
    /// Identity of one delivery: a hash over episode, transition, sequence, channel and recipient.
    DeliveryId
}

impl EpisodeId {
    /// The four characters in small print, which people type and search for: `R7K2`.
    /// Digits and capitals without the ambiguous I, L, O, U.
    pub fn code(self) -> String {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        (0..4).map(|nth| ALPHABET[((self.0 >> (123 - 5 * nth)) & 31) as usize] as char).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_gives_its_parts_back() {
        let key = TokenKey::new("vault".into(), "service", "root", "ci-deploy");
        assert_eq!((key.kind(), key.place(), key.name()), ("service", "root", "ci-deploy"));
        let again = TokenKey::from_slot("vault".into(), key.slot());
        assert_eq!(key, again);
    }

    #[test]
    fn a_listing_knows_its_parent() {
        let listing = ListingKey::from("groups>groups/7/projects");
        assert_eq!(listing.parent(), Some("groups".into()));
        assert_eq!(listing.parent().unwrap().parent(), None);
    }

    #[test]
    fn ids_survive_their_text() {
        let id = EpisodeId(0x1234_5678_9abc_def0_1122_3344_5566_7788);
        assert_eq!(EpisodeId::parse(&id.to_string()), Some(id));
        assert_eq!(id.code().len(), 4);
    }
}
