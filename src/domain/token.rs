//! The slot and its generations. `Token<'a>` is a view, borrowed from wherever the inventory keeps it or owned
//! (`Token<'static>`, also called [`Slot`]); judges read the view, inference changes an owned one.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::At;
use super::key::{GenerationId, PolicyNo, SightId, TokenKey};
use super::observation::{Doubt, Origin};
use super::reason::closed_list;
use super::text::Text;

/// When a value ends (semantics 4.1): three words instead of a sentinel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expiry {
    At(End),
    Never,
    Unknown(WhyUnknown),
}

/// A known end. `instant` is the early edge, `late` the late one (a date without a time is a day wide).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    pub instant: At,
    pub late: At,
    pub kind: ExpiryKind,
}

impl End {
    /// An exact, fixed end.
    pub fn hard(instant: At) -> Self {
        Self { instant, late: instant, kind: ExpiryKind::Hard }
    }
    /// Whether only a date was told.
    pub fn date_only(self) -> bool {
        self.late != self.instant
    }
}

impl Expiry {
    pub fn at(self) -> Option<At> {
        match self {
            Expiry::At(end) => Some(end.instant),
            _ => None,
        }
    }
    pub fn late(self) -> Option<At> {
        match self {
            Expiry::At(end) => Some(end.late),
            _ => None,
        }
    }
    /// The label `expiry` of `forewarn_token_info`.
    pub fn as_str(self) -> &'static str {
        match self {
            Expiry::At(_) => "at",
            Expiry::Never => "never",
            Expiry::Unknown(_) => "unknown",
        }
    }
}

closed_list! {
    ExpiryKind { Hard = "hard", Sliding = "sliding", Deletion = "deletion" }
}
closed_list! {
    WhyUnknown { NotTold = "not_told", Unreadable = "unreadable" }
}
closed_list! {
    /// How a generation ended (semantics 3.3).
    EndedHow { Expired = "expired", Revoked = "revoked", Vanished = "vanished" }
}

/// Last use as the issuer tells it: somewhere in [`at`, `at` + `granularity`] (semantics 4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUsed {
    pub at: At,
    /// Seconds.
    pub granularity: u32,
}

/// A concluded end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub how: EndedHow,
    /// When it was concluded (or its own date, for `Expired` by time told by the issuer).
    pub at: At,
    /// The issuer's word (`revoked`, `blocked`), or what was concluded from: `absent`, `inactive`.
    pub word: Text,
    /// Last round in which it was seen good, if any.
    pub seen_good: Option<At>,
    /// Good rounds in a row since; two close it as `recovered`.
    pub good_rounds: u8,
    /// Found ended at first sight in an inventory (semantics 3.6): one step lower.
    pub first_sight: bool,
}

/// One issued value in a slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Generation {
    pub id: GenerationId,
    pub issued: Option<At>,
    pub first_seen: At,
    pub starts: Option<At>,
    pub expires: Expiry,
    pub hard_stop: Option<At>,
    /// Granted period of a sliding token, seconds.
    pub period: Option<u32>,
    /// Lifetime granted at creation, seconds.
    pub granted: Option<u32>,
    pub renewable: bool,
    pub renewed: Option<At>,
    /// How often the expiry moved later; twice makes it sliding (semantics 4.4).
    pub moved_later: u8,
    pub last_used: Option<LastUsed>,
    /// The sight under which it was last seen good (semantics 3.1); `None`: never seen good.
    pub good_sight: Option<SightId>,
    pub ended: Option<Ended>,
    /// Endings told but not yet concluded (`never_active` needs two rounds): rounds in a row.
    pub dead_rounds: u8,
    /// Was good or usable at some time, so that it can be head (semantics 1.6).
    pub was_usable: bool,
    pub doubt: Option<Doubt>,
    pub scopes: Vec<Text>,
    /// Listed, but its details could not be read since.
    pub unread_since: Option<At>,
    /// Absent since this round; `absent_rounds` complete listings in a row did not hold it.
    pub absent_since: Option<At>,
    pub absent_rounds: u8,
    /// Keyed hash of the value, where it is known.
    pub value: Option<GenerationId>,
    pub link: Option<Text>,
}

impl Generation {
    /// Earliest end that counts as fixed: the early edge of the expiry and the hard stop (semantics 6).
    pub fn end(&self) -> Option<At> {
        match (self.expires.at(), self.hard_stop) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
    /// Whether its expiry slides (semantics 4.4).
    pub fn sliding(&self) -> bool {
        matches!(self.expires, Expiry::At(End { kind: ExpiryKind::Sliding, .. })) || self.moved_later >= 2
    }
    /// Lifetime in seconds: expires − issued, or the granted one, or the period of a sliding one.
    pub fn lifetime(&self) -> Option<i64> {
        if self.sliding() {
            if let Some(span) = self.period.or(self.granted) {
                return Some(i64::from(span));
            }
            if let (Some(end), Some(renewed)) = (self.expires.at(), self.renewed) {
                return Some((end - renewed).num_seconds());
            }
        }
        match (self.expires.at(), self.issued) {
            (Some(end), Some(issued)) => Some((end - issued).num_seconds()),
            _ => self.granted.map(i64::from),
        }
    }
    /// Not before its start, not past its late edge, not ended (semantics 1.6).
    pub fn usable(&self, now: At) -> bool {
        self.ended.is_none()
            && !matches!(self.doubt, Some(Doubt::NeverActive))
            && self.starts.is_none_or(|starts| starts <= now)
            && self.expires.late().is_none_or(|late| now < late)
            && self.hard_stop.is_none_or(|stop| now < stop)
    }
}

/// What a flow keeps (semantics 1.10): no generations, only these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Flow {
    /// Live tokens at the last whole walk.
    pub count: u32,
    pub newest_issued: Option<At>,
    pub latest_end: Option<At>,
}

/// A slot as judges see it. Generations are ordered oldest to newest (semantics 1.6).
#[derive(Clone, Debug, PartialEq)]
pub struct Token<'a> {
    pub key: Cow<'a, TokenKey>,
    /// The label `token`: `collector/place path/name`, given at first sight (semantics 1.2).
    pub label: Cow<'a, str>,
    pub origin: Origin,
    /// Kind belongs to a person.
    pub person: bool,
    pub place_path: Text,
    /// Name as last told: a rename changes it, not the key (semantics 1.4).
    pub name: Text,
    /// Earlier names and names under which other collectors see it; policies match any (semantics 1.11).
    pub owner: Option<Text>,
    pub facts: Vec<(Text, Text)>,
    pub first_seen: At,
    /// Listing that held it last.
    pub listing: super::key::ListingKey,
    pub flow: Option<Flow>,
    pub generations: Cow<'a, [Generation]>,
    /// When facts of it were last read: by its listing, or by its own answer.
    pub observed: At,
    /// Since when its present schedule applies to it (semantics 5.2).
    pub scheduled_since: Option<At>,
    /// A value of an inspect slot that turned back to an earlier generation (semantics 1.5), while it stands.
    pub turned_back: Option<GenerationId>,
    /// The last rotation: when the present head was first seen, and which one it replaced.
    pub rotated_at: Option<At>,
    /// Filled from the rules in force, not stored.
    pub policy: PolicyNo,
    pub team: Option<super::key::TeamId>,
}

/// An owned slot.
pub type Slot = Token<'static>;

impl<'a> Token<'a> {
    /// Newest generation that was ever usable (semantics 1.6); ended findings are judged on it (1.7).
    pub fn head(&self) -> Option<&Generation> {
        self.generations.iter().rev().find(|g| g.was_usable).or_else(|| self.generations.last())
    }
    /// Newest generation usable now; looking-ahead findings are judged on it (semantics 1.7). An explicit slot holds
    /// one value: no earlier one stands in for it (1.5).
    pub fn current(&self, now: At) -> Option<&Generation> {
        if self.explicit() {
            return self.head().filter(|g| g.usable(now));
        }
        self.generations.iter().rev().find(|g| g.usable(now))
    }
    /// A value that an explicit slot holds and that nobody has called active yet, while the head is the one it
    /// replaced (semantics 1.5): it carries the doubt.
    pub fn pending(&self) -> Option<&Generation> {
        let last = self.generations.last().filter(|g| self.explicit() && !g.was_usable)?;
        self.generations.iter().any(|g| g.was_usable).then_some(last)
    }
    /// Usable generations older than the head, oldest first (semantics 1.9); none in an explicit slot, where earlier
    /// values are remembered but not watched (1.5).
    pub fn older(&self, now: At) -> impl Iterator<Item = &Generation> {
        let head = self.head().map(|g| g.id.clone());
        let head = head.filter(|_| !self.explicit());
        let until = self.generations.iter().position(|g| Some(&g.id) == head.as_ref()).unwrap_or(0);
        self.generations[..until].iter().filter(move |g| g.usable(now))
    }
    /// Named in the configuration (inspect, declared, own login).
    pub fn explicit(&self) -> bool {
        self.origin != Origin::Inventory
    }
    /// The slot of a collector's own login, `forewarn/<collector>`; always exists.
    pub fn own_login(&self) -> bool {
        self.origin == Origin::OwnLogin
    }
    pub fn into_owned(self) -> Slot {
        Token {
            key: Cow::Owned(self.key.into_owned()),
            label: Cow::Owned(self.label.into_owned()),
            generations: Cow::Owned(self.generations.into_owned()),
            origin: self.origin,
            person: self.person,
            place_path: self.place_path,
            name: self.name,
            owner: self.owner,
            facts: self.facts,
            first_seen: self.first_seen,
            listing: self.listing,
            flow: self.flow,
            observed: self.observed,
            scheduled_since: self.scheduled_since,
            turned_back: self.turned_back,
            rotated_at: self.rotated_at,
            policy: self.policy,
            team: self.team,
        }
    }
}
