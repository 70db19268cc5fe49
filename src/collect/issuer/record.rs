//! Pure: raw fields → a [`Record`]: times, sentinels, key, name. Issuers' text is hostile and comes out bounded and inert;
//! what cannot be read is a reject or a doubt, never a guess.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization;

use super::definition::KeyRule;
use super::definition::fields::NoExpiry;
use super::jq::RunError;
use super::scope::Scope;
use crate::base::time::span;
use crate::base::time::stamp::{self, Stamp};
use crate::domain::At;
use crate::domain::key::GenerationId;
use crate::domain::observation::{Doubt, FlowKey, Life, Origin, Record};
use crate::domain::reason::{Reject, RejectReason};
use crate::domain::text::Text;
use crate::domain::token::{End, Expiry, ExpiryKind, LastUsed, WhyUnknown};

/// What a program may yield in a record; anything else is a mistake of the definition.
pub const FIELDS: &[&str] = &[
    "kind", "place", "place_path", "name", "id", "version", "owner", "issued", "starts", "expires", "never", "hard_stop",
    "period", "granted", "renewable", "renewed", "last_used", "scopes", "state", "state_word", "dynamic", "facts",
    "uses_left", "link",
];
/// Those of them that are times.
pub const TIMES: &[&str] = &["issued", "starts", "expires", "hard_stop", "renewed", "last_used"];

/// Longest id taken, bytes: ids are keys, so they are never cut.
const LONGEST_ID: usize = 512;
/// Most facts and scopes kept of one record.
const MOST: usize = 64;

/// What is known beside the raw object.
#[derive(Clone)]
pub struct RecordCx<'a> {
    pub scope: &'a Scope,
    pub origin: Origin,
    /// Name that the configuration gave (inspect), else the raw name counts.
    pub given_name: Option<&'a str>,
    /// Keyed hash of the value, where it is known: then it is the generation.
    pub value: Option<GenerationId>,
    /// Constant kind of the request.
    pub kind: Option<&'a str>,
    pub received: At,
}

/// A record that could not be understood. `generation`: which one it was, where that could be read; it stands in the
/// listing, so nothing is concluded from its absence.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejected {
    pub reject: Reject,
    pub generation: Option<GenerationId>,
}

/// Words that may quote an answer: only for whoever holds it already. Silent in logs and errors.
#[derive(Clone, PartialEq, Eq)]
pub struct Private(String);

impl Private {
    pub fn of(error: &RunError) -> Self {
        Self(match error {
            RunError::Failed(detail) => detail.words().to_owned(),
            other => other.to_string(),
        })
    }
    pub fn words(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Private {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[private]")
    }
}

/// Kind of a collector's own login.
pub const LOGIN_KIND: &str = "login";

/// One raw object that a program yielded.
pub fn record(cx: &RecordCx<'_>, raw: &Value) -> Result<Record, Rejected> {
    let early = |reject| Rejected { reject, generation: None };
    let Value::Object(map) = raw else { return Err(early(bad("record", "is no object"))) };
    if let Some(field) = map.keys().find(|key| !FIELDS.contains(&key.as_str())) {
        return Err(early(bad(&Text::new(field).to_string(), "is no field of a record")));
    }
    let raw = Raw { map, cx };
    let issued = raw.instant("issued").map_err(early)?;
    let id = raw.id("id").map_err(early)?;
    let generation = generation(&raw, id.as_deref(), issued).map_err(early)?;
    let known = |reject| Rejected { reject, generation: Some(generation.clone()) };
    finish(&raw, id.as_deref(), issued, generation.clone()).map_err(known)
}

/// A record about an inspected value that says only this much: it is dead, or the issuer cannot tell.
pub fn bare(cx: &RecordCx<'_>, life: Life, doubt: Option<Doubt>) -> Result<Record, Rejected> {
    let mut record = record(cx, &Value::Object(Map::new()))?;
    record.life = life;
    record.doubt = doubt;
    record.expires = Expiry::Unknown(if doubt.is_some() { WhyUnknown::Unreadable } else { WhyUnknown::NotTold });
    Ok(record)
}

struct Raw<'a> {
    map: &'a Map<String, Value>,
    cx: &'a RecordCx<'a>,
}

fn finish(raw: &Raw<'_>, id: Option<&str>, issued: Option<At>, generation: GenerationId) -> Result<Record, Reject> {
    let cx = raw.cx;
    let (kind, person) = raw.kind()?;
    let (life, life_word) = raw.life()?;
    let period = raw.seconds("period")?;
    let (expires, unreadable) = raw.expires(period.is_some())?;
    let uses_left = raw.uses()?;
    let explicit = matches!(cx.origin, Origin::Inspect | Origin::OwnLogin);
    let doubt = match (unreadable, uses_left) {
        (true, _) => Some(Doubt::Unreadable),
        (false, Some(_)) if explicit => Some(Doubt::UseLimited),
        _ => None,
    };
    let (place, place_path, name) = raw.slot(id)?;
    Ok(Record {
        origin: cx.origin,
        kind,
        person,
        place,
        place_path,
        name,
        generation,
        owner: raw.text("owner")?,
        issued,
        starts: raw.instant("starts")?,
        expires,
        hard_stop: raw.instant("hard_stop")?,
        period,
        granted: raw.seconds("granted")?,
        renewable: raw.map.get("renewable").and_then(Value::as_bool).unwrap_or(false),
        renewed: raw.instant("renewed")?,
        last_used: raw.last_used(explicit)?,
        scopes: raw.scopes()?,
        life,
        life_word,
        // What someone named is watched as a token, however it was issued.
        dynamic: raw.dynamic()?.filter(|_| !explicit),
        facts: raw.facts(if cx.value.is_some() { id } else { None })?,
        uses_left,
        link: raw.text("link")?.filter(|link| ["https://", "http://"].iter().any(|s| link.as_str().starts_with(s))),
        value: cx.value.clone(),
        doubt,
    })
}

/// The identity of the value (semantics 1.3, 1.4).
fn generation(raw: &Raw<'_>, id: Option<&str>, issued: Option<At>) -> Result<GenerationId, Reject> {
    if let Some(value) = &raw.cx.value {
        return Ok(value.clone());
    }
    let none = || Reject { reason: RejectReason::NoKey, detail: "neither an id nor a value is known".into() };
    let id = id.ok_or_else(none)?;
    match raw.cx.scope.definition.key {
        KeyRule::Id => Ok(id.into()),
        KeyRule::IdIssued => Ok(known_as(id, issued)),
        KeyRule::IdVersion => {
            let version = raw.id("version")?.ok_or_else(none)?;
            Ok(format!("{id}@{version}").into())
        }
    }
}

fn known_as(id: &str, issued: Option<At>) -> GenerationId {
    match issued {
        Some(issued) => format!("{id}@{}", issued.timestamp()).into(),
        None => id.into(),
    }
}

impl<'a> Raw<'a> {
    /// The field, if it is there and not null.
    fn get(&self, field: &str) -> Option<&'a Value> {
        self.map.get(field).filter(|value| !value.is_null())
    }

    fn text(&self, field: &str) -> Result<Option<Text>, Reject> {
        let Some(value) = self.get(field) else { return Ok(None) };
        let text = scalar(value).ok_or_else(|| bad(field, "is neither text nor number"))?;
        Ok(Some(clean(&text)).filter(|text| !text.is_empty()))
    }

    /// Text that is a key: whole or refused.
    fn id(&self, field: &str) -> Result<Option<String>, Reject> {
        let Some(value) = self.get(field) else { return Ok(None) };
        let text = scalar(value).ok_or_else(|| bad(field, "is neither text nor number"))?;
        match text.len() {
            0 => Ok(None),
            1..=LONGEST_ID if !text.chars().any(char::is_control) => Ok(Some(text)),
            _ => Err(bad(field, "is too long for an id, or holds control characters")),
        }
    }

    /// `None`: not told, or a word for "none".
    fn instant(&self, field: &str) -> Result<Option<At>, Reject> {
        match self.stamp(field) {
            None => Ok(None),
            Some(Ok(Stamp::Never)) => Ok(None),
            Some(Ok(Stamp::At { instant, .. })) => Ok(Some(instant)),
            Some(Err(())) => Err(Reject { reason: RejectReason::BadTime, detail: format!("`{field}` is no time").as_str().into() }),
        }
    }

    fn stamp(&self, field: &str) -> Option<Result<Stamp, ()>> {
        let fields = &self.cx.scope.definition.fields;
        let value = self.get(field)?;
        if value.as_str().is_some_and(|text| fields.never.iter().any(|never| never == text)) {
            return Some(Ok(Stamp::Never));
        }
        let time = fields.time(field);
        Some(stamp::read(value, time.format, time.edge, self.cx.received).map_err(|_| ()))
    }

    /// The expiry, and whether one was told that nobody can read (semantics 4.1).
    fn expires(&self, sliding: bool) -> Result<(Expiry, bool), Reject> {
        if self.get("never").and_then(Value::as_bool) == Some(true) {
            return Ok((Expiry::Never, false));
        }
        Ok(match self.stamp("expires") {
            Some(Ok(Stamp::At { instant, late })) => {
                let kind = if sliding { ExpiryKind::Sliding } else { ExpiryKind::Hard };
                (Expiry::At(End { instant, late, kind }), false)
            }
            Some(Ok(Stamp::Never)) => (Expiry::Never, false),
            Some(Err(())) => (Expiry::Unknown(WhyUnknown::Unreadable), true),
            None => match self.cx.scope.definition.fields.no_expiry {
                NoExpiry::Never if !matches!(self.life(), Ok((Life::Inactive, _))) => (Expiry::Never, false),
                _ => (Expiry::Unknown(WhyUnknown::NotTold), false),
            },
        })
    }

    /// Seconds, or a duration as Go, ISO 8601 and protobuf write it; 0 is none.
    fn seconds(&self, field: &str) -> Result<Option<u32>, Reject> {
        let seconds = match self.get(field) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_f64().filter(|n| *n >= 0.0).map(|n| n.min(f64::from(u32::MAX)) as u32),
            Some(Value::String(text)) => text.parse().ok().or_else(|| span::parse_foreign(text).ok()),
            Some(_) => None,
        };
        seconds.map(|s| (s > 0).then_some(s)).ok_or_else(|| bad(field, "is no duration"))
    }

    fn uses(&self) -> Result<Option<u32>, Reject> {
        match self.get("uses_left") {
            None => Ok(None),
            Some(value) => match value.as_i64() {
                Some(0) => Ok(None),
                // -1: this very answer was the last use (Vault).
                Some(left) => Ok(Some(u32::try_from(left).unwrap_or(0))),
                None => Err(bad("uses_left", "is no whole number")),
            },
        }
    }

    fn kind(&self) -> Result<(Text, bool), Reject> {
        if self.cx.origin == Origin::OwnLogin {
            return Ok((LOGIN_KIND.into(), false));
        }
        let told = match self.cx.kind {
            Some(kind) => kind.to_owned(),
            None => self.id("kind")?.ok_or_else(|| bad("kind", "is missing"))?,
        };
        match self.cx.scope.definition.kind(&told) {
            Some(kind) => Ok((kind.name.as_str().into(), kind.person)),
            None => {
                let detail = format!("`{}` is not among the definition's kinds", Text::new(&told));
                Err(Reject { reason: RejectReason::UnknownKind, detail: detail.as_str().into() })
            }
        }
    }

    fn life(&self) -> Result<(Life, Option<Text>), Reject> {
        let word = self.text("state_word")?;
        match self.get("state") {
            None => Ok((Life::Active, word)),
            Some(Value::String(state)) => match Life::parse(state) {
                Some(life) => Ok((life, word)),
                None => Err(bad("state", "is none of active, inactive, expired, revoked, disabled, unsaid")),
            },
            Some(_) => Err(bad("state", "is no text")),
        }
    }

    /// Place, readable path, and name (semantics 1.1, 1.9).
    fn slot(&self, id: Option<&str>) -> Result<(Text, Text, Text), Reject> {
        if self.cx.origin == Origin::OwnLogin {
            let name = format!("forewarn/{}", self.cx.scope.collector);
            return Ok((Text::default(), Text::default(), name.as_str().into()));
        }
        if let Some(given) = self.cx.given_name {
            return Ok((Text::default(), Text::default(), clean(given)));
        }
        let place = self.text("place")?.unwrap_or_default();
        let path = self.text("place_path")?.unwrap_or_default();
        let name = match (self.text("name")?, id) {
            (Some(name), _) => name,
            (None, Some(id)) => clean(&format!("#{id}")),
            (None, None) => return Err(bad("name", "is missing")),
        };
        // `slots: id`: the id makes the key, the name stays readable and matchable.
        let place = match id.filter(|_| self.cx.scope.slots_by_id) {
            Some(id) => Text::new(&format!("{place}#{id}")),
            None => place,
        };
        Ok((place, path, name))
    }

    /// Asking is a use, so an inspected value has no last use (semantics 4.6).
    fn last_used(&self, explicit: bool) -> Result<Option<LastUsed>, Reject> {
        let granularity = self.cx.scope.definition.granularity;
        Ok(self.instant("last_used")?.filter(|_| !explicit).map(|at| LastUsed { at, granularity }))
    }

    fn scopes(&self) -> Result<Vec<Text>, Reject> {
        match self.get("scopes") {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => {
                Ok(list.iter().filter_map(scalar).map(|text| clean(&text)).filter(|t| !t.is_empty()).take(MOST).collect())
            }
            Some(_) => Err(bad("scopes", "is no list")),
        }
    }

    fn dynamic(&self) -> Result<Option<FlowKey>, Reject> {
        let Some(value) = self.get("dynamic").filter(|value| *value != &Value::Bool(false)) else { return Ok(None) };
        let part = |field: &str| value.get(field).and_then(scalar).map(|text| clean(&text));
        match (part("place"), part("name")) {
            (Some(place), Some(name)) => Ok(Some(FlowKey { place, name })),
            _ => Err(bad("dynamic", "needs place and name")),
        }
    }

    /// `id`: the issuer's id of a value that is known by its hash, so that whoever sees both can join them (1.11).
    fn facts(&self, id: Option<&str>) -> Result<Vec<(Text, Text)>, Reject> {
        let mut facts: Vec<(Text, Text)> = id.map(|id| ("id".into(), Text::new(id))).into_iter().collect();
        match self.get("facts") {
            None => {}
            Some(Value::Object(map)) => {
                let told = map.iter().filter_map(|(name, value)| Some((clean(name), clean(&scalar(value)?))));
                facts.extend(told.filter(|(_, value)| !value.is_empty()).take(MOST));
            }
            Some(_) => return Err(bad("facts", "is no object")),
        }
        Ok(facts)
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// NFC, bounded, inert (semantics 1.1, 1.2). Cut before it is normalised, so that a megabyte costs nothing.
fn clean(text: &str) -> Text {
    Text::new(&text.trim().chars().take(4 * Text::MOST).nfc().collect::<String>())
}

fn bad(field: &str, what: &str) -> Reject {
    Reject { reason: RejectReason::BadField, detail: format!("`{field}` {what}").as_str().into() }
}

/// Whether two records of one page are the same value in the same slot.
pub fn same_value(a: &Record, b: &Record) -> bool {
    a.generation == b.generation && a.kind == b.kind && a.place == b.place && a.name == b.name
}

/// The issuer's id within a generation's identity, to ask for it.
pub fn issuer_id(rule: KeyRule, generation: &str) -> &str {
    match rule {
        KeyRule::Id => generation,
        KeyRule::IdIssued => match generation.rsplit_once('@') {
            Some((id, issued)) if issued.parse::<i64>().is_ok_and(|s| DateTime::<Utc>::from_timestamp(s, 0).is_some()) => id,
            _ => generation,
        },
        KeyRule::IdVersion => generation.rsplit_once('@').map_or(generation, |(id, _)| id),
    }
}
