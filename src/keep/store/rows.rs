//! domain ↔ columns, shared by backends: slots and generations as plain cells, in the order of the column lists here.
//! Everything else is stored as JSON beside the columns that are asked for. Knows no SQL.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::At;
use crate::domain::key::{CollectorId, ListingKey, PolicyNo, SightId, TokenKey};
use crate::domain::observation::{Doubt, Origin};
use crate::domain::text::Text;
use crate::domain::token::{End, Expiry, ExpiryKind, Generation, LastUsed, Slot, Token, WhyUnknown};

/// One stored value: times are seconds since 1970, flags 0 or 1, lists JSON (nothing for an empty one).
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    Null,
    Int(i64),
    Text(Cow<'a, str>),
}

/// A row as a backend reads it; a cell of another type reads as nothing.
pub trait Columns {
    fn int(&self, nth: usize) -> Option<i64>;
    fn text(&self, nth: usize) -> Option<&str>;
}

/// A row without its first columns, which something else reads.
pub struct Behind<'r> {
    pub row: &'r dyn Columns,
    pub skip: usize,
}

impl Columns for Behind<'_> {
    fn int(&self, nth: usize) -> Option<i64> {
        self.row.int(self.skip + nth)
    }
    fn text(&self, nth: usize) -> Option<&str> {
        self.row.text(self.skip + nth)
    }
}

/// A stored value that cannot be: the column it stands in.
#[derive(Debug, PartialEq, Eq)]
pub struct Damaged(pub &'static str);

/// Key first: collector, slot.
pub const SLOT: [&str; 16] = [
    "collector",
    "slot",
    "label",
    "origin",
    "person",
    "place_path",
    "name",
    "owner",
    "facts",
    "first_seen",
    "listing",
    "flow",
    "observed",
    "scheduled_since",
    "turned_back",
    "rotated_at",
];

/// Key first: collector, slot, place among the slot's generations, oldest 0.
pub const GENERATION: [&str; 29] = [
    "collector",
    "slot",
    "nth",
    "id",
    "issued",
    "first_seen",
    "starts",
    "expiry",
    "expires",
    "late",
    "hard_stop",
    "period",
    "granted",
    "renewable",
    "renewed",
    "moved_later",
    "used",
    "used_within",
    "good_sight",
    "ended",
    "dead_rounds",
    "was_usable",
    "doubt",
    "scopes",
    "unread_since",
    "absent_since",
    "absent_rounds",
    "value",
    "link",
];

/// A slot without its generations, policy and team: those two follow from the rules in force.
pub fn slot_cells(slot: &Slot) -> [Cell<'_>; 16] {
    [
        text(slot.key.collector.as_str()),
        text(slot.key.slot()),
        text(&slot.label),
        text(slot.origin.as_str()),
        flag(slot.person),
        text(slot.place_path.as_str()),
        text(slot.name.as_str()),
        maybe_text(slot.owner.as_ref().map(Text::as_str)),
        list(&slot.facts),
        time(slot.first_seen),
        text(slot.listing.as_str()),
        maybe_json(slot.flow.as_ref()),
        time(slot.observed),
        maybe_time(slot.scheduled_since),
        maybe_text(slot.turned_back.as_deref()),
        maybe_time(slot.rotated_at),
    ]
}

/// `shared` lends collector and listing of the row before, which most rows repeat.
pub fn slot(row: &dyn Columns, shared: &mut Shared) -> Result<Slot, Damaged> {
    let mut at = Cursor { row, names: &SLOT, nth: 0 };
    let collector = at.text()?;
    let key = TokenKey::from_slot(shared.collector(collector), at.text()?);
    Ok(Token {
        key: Cow::Owned(key),
        label: Cow::Owned(at.text()?.to_owned()),
        origin: at.word(Origin::parse)?,
        person: at.flag()?,
        place_path: at.text()?.into(),
        name: at.text()?.into(),
        owner: at.maybe_text().map(Text::new),
        facts: at.list()?,
        first_seen: at.time()?,
        listing: shared.listing(at.text()?),
        flow: at.maybe_json()?,
        observed: at.time()?,
        scheduled_since: at.maybe_time()?,
        turned_back: at.maybe_text().map(Arc::from),
        rotated_at: at.maybe_time()?,
        generations: Cow::Owned(Vec::new()),
        policy: PolicyNo::default(),
        team: None,
    })
}

pub fn generation_cells<'a>(key: &'a TokenKey, nth: usize, of: &'a Generation) -> [Cell<'a>; 29] {
    let (expiry, expires, late) = match of.expires {
        Expiry::At(end) => (end.kind.as_str(), time(end.instant), maybe_time(end.date_only().then_some(end.late))),
        Expiry::Never => (NEVER, Cell::Null, Cell::Null),
        Expiry::Unknown(why) => (why.as_str(), Cell::Null, Cell::Null),
    };
    [
        text(key.collector.as_str()),
        text(key.slot()),
        number(nth as u64),
        text(&of.id),
        maybe_time(of.issued),
        time(of.first_seen),
        maybe_time(of.starts),
        text(expiry),
        expires,
        late,
        maybe_time(of.hard_stop),
        maybe_number(of.period),
        maybe_number(of.granted),
        flag(of.renewable),
        maybe_time(of.renewed),
        number(of.moved_later),
        maybe_time(of.last_used.map(|used| used.at)),
        maybe_number(of.last_used.map(|used| used.granularity)),
        of.good_sight.map_or(Cell::Null, |sight| Cell::Int(sight.0)),
        maybe_json(of.ended.as_ref()),
        number(of.dead_rounds),
        flag(of.was_usable),
        maybe_text(of.doubt.map(Doubt::as_str)),
        list(&of.scopes),
        maybe_time(of.unread_since),
        maybe_time(of.absent_since),
        number(of.absent_rounds),
        maybe_text(of.value.as_deref()),
        maybe_text(of.link.as_ref().map(Text::as_str)),
    ]
}

pub fn generation(row: &dyn Columns) -> Result<Generation, Damaged> {
    // Past the key.
    let mut at = Cursor { row, names: &GENERATION, nth: 3 };
    Ok(Generation {
        id: at.text()?.into(),
        issued: at.maybe_time()?,
        first_seen: at.time()?,
        starts: at.maybe_time()?,
        expires: expiry(&mut at)?,
        hard_stop: at.maybe_time()?,
        period: at.maybe_number()?,
        granted: at.maybe_number()?,
        renewable: at.flag()?,
        renewed: at.maybe_time()?,
        moved_later: at.number()?,
        last_used: match (at.maybe_time()?, at.maybe_number()?) {
            (Some(used), Some(granularity)) => Some(LastUsed { at: used, granularity }),
            _ => None,
        },
        good_sight: at.maybe_int().map(SightId),
        ended: at.maybe_json()?,
        dead_rounds: at.number()?,
        was_usable: at.flag()?,
        doubt: match at.maybe_text() {
            None => None,
            Some(word) => Some(Doubt::parse(word).ok_or(Damaged("doubt"))?),
        },
        scopes: at.list()?,
        unread_since: at.maybe_time()?,
        absent_since: at.maybe_time()?,
        absent_rounds: at.number()?,
        value: at.maybe_text().map(Arc::from),
        link: at.maybe_text().map(Text::new),
    })
}

const NEVER: &str = "never";

fn expiry(at: &mut Cursor<'_>) -> Result<Expiry, Damaged> {
    let word = at.text()?;
    let (instant, late) = (at.maybe_time()?, at.maybe_time()?);
    if let (Some(kind), Some(instant)) = (ExpiryKind::parse(word), instant) {
        return Ok(Expiry::At(End { instant, late: late.unwrap_or(instant), kind }));
    }
    match WhyUnknown::parse(word) {
        Some(why) => Ok(Expiry::Unknown(why)),
        None if word == NEVER => Ok(Expiry::Never),
        None => Err(Damaged("expiry")),
    }
}

/// Names that many rows share, so that loading a million of them does not hold a million copies.
#[derive(Default)]
pub struct Shared {
    collector: Option<CollectorId>,
    listing: Option<ListingKey>,
}

impl Shared {
    fn collector(&mut self, name: &str) -> CollectorId {
        match &self.collector {
            Some(known) if known.as_str() == name => known.clone(),
            _ => self.collector.insert(name.into()).clone(),
        }
    }
    fn listing(&mut self, name: &str) -> ListingKey {
        match &self.listing {
            Some(known) if known.as_str() == name => known.clone(),
            _ => self.listing.insert(name.into()).clone(),
        }
    }
}

pub fn text(of: &str) -> Cell<'_> {
    Cell::Text(Cow::Borrowed(of))
}
pub fn maybe_text(of: Option<&str>) -> Cell<'_> {
    of.map_or(Cell::Null, text)
}
pub fn time(of: At) -> Cell<'static> {
    Cell::Int(of.timestamp())
}
pub fn maybe_time(of: Option<At>) -> Cell<'static> {
    of.map_or(Cell::Null, time)
}
pub fn number(of: impl Into<u64>) -> Cell<'static> {
    Cell::Int(i64::try_from(of.into()).unwrap_or(i64::MAX))
}
pub fn maybe_number(of: Option<u32>) -> Cell<'static> {
    of.map_or(Cell::Null, number)
}
pub fn flag(of: bool) -> Cell<'static> {
    Cell::Int(i64::from(of))
}
/// Plain data of ours always has a JSON form: keys are texts, numbers are finite.
pub fn json<T: Serialize + ?Sized>(of: &T) -> Cell<'static> {
    serde_json::to_string(of).map_or(Cell::Null, |json| Cell::Text(Cow::Owned(json)))
}
fn maybe_json<T: Serialize>(of: Option<&T>) -> Cell<'static> {
    of.map_or(Cell::Null, json)
}
fn list<T: Serialize>(of: &[T]) -> Cell<'static> {
    if of.is_empty() { Cell::Null } else { json(of) }
}

/// Reads the columns of a row one after the other; a damaged one is named.
pub struct Cursor<'a> {
    row: &'a dyn Columns,
    names: &'static [&'static str],
    nth: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(row: &'a dyn Columns, names: &'static [&'static str]) -> Self {
        Self { row, names, nth: 0 }
    }
    fn step(&mut self) -> (usize, Damaged) {
        let nth = self.nth;
        self.nth += 1;
        (nth, Damaged(self.names[nth]))
    }
    pub fn maybe_text(&mut self) -> Option<&'a str> {
        self.row.text(self.step().0)
    }
    pub fn text(&mut self) -> Result<&'a str, Damaged> {
        let (nth, damaged) = self.step();
        self.row.text(nth).ok_or(damaged)
    }
    pub fn word<T>(&mut self, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Damaged> {
        let (nth, damaged) = self.step();
        self.row.text(nth).and_then(parse).ok_or(damaged)
    }
    pub fn maybe_int(&mut self) -> Option<i64> {
        self.row.int(self.step().0)
    }
    fn int(&mut self) -> Result<i64, Damaged> {
        let (nth, damaged) = self.step();
        self.row.int(nth).ok_or(damaged)
    }
    pub fn flag(&mut self) -> Result<bool, Damaged> {
        self.int().map(|flag| flag != 0)
    }
    pub fn number<T: TryFrom<i64>>(&mut self) -> Result<T, Damaged> {
        let (nth, damaged) = self.step();
        self.row.int(nth).and_then(|number| T::try_from(number).ok()).ok_or(damaged)
    }
    fn maybe_number(&mut self) -> Result<Option<u32>, Damaged> {
        let (nth, damaged) = self.step();
        self.row.int(nth).map(|number| u32::try_from(number).map_err(|_| damaged)).transpose()
    }
    pub fn time(&mut self) -> Result<At, Damaged> {
        let (nth, damaged) = self.step();
        self.row.int(nth).and_then(|seconds| At::from_timestamp(seconds, 0)).ok_or(damaged)
    }
    pub fn maybe_time(&mut self) -> Result<Option<At>, Damaged> {
        let (nth, damaged) = self.step();
        self.row.int(nth).map(|seconds| At::from_timestamp(seconds, 0).ok_or(damaged)).transpose()
    }
    pub fn json<T: DeserializeOwned>(&mut self) -> Result<T, Damaged> {
        self.word(|json| serde_json::from_str(json).ok())
    }
    fn maybe_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Damaged> {
        let (nth, damaged) = self.step();
        self.row.text(nth).map(|json| serde_json::from_str(json).map_err(|_| damaged)).transpose()
    }
    fn list<T: DeserializeOwned>(&mut self) -> Result<Vec<T>, Damaged> {
        self.maybe_json().map(Option::unwrap_or_default)
    }
}
