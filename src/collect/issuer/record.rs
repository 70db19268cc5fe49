//! Pure: raw fields → a [`Record`]: times, sentinels, key, name. Issuers' text is hostile and comes out bounded and inert;
//! what cannot be read is a reject or a doubt, never a guess.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization;

use super::definition::KeyRule;
use super::jq::RunError;
use super::raw::{Raw, bad};
use super::scope::Scope;
use crate::domain::At;
use crate::domain::key::GenerationId;
use crate::domain::observation::{Doubt, Life, Origin, Record};
use crate::domain::reason::{Reject, RejectReason};
use crate::domain::text::Text;
use crate::domain::token::{Expiry, WhyUnknown};

/// What a program may yield in a record; anything else is a mistake of the definition.
pub const FIELDS: &[&str] = &[
    "kind",
    "place",
    "place_path",
    "name",
    "id",
    "version",
    "owner",
    "issued",
    "starts",
    "expires",
    "never",
    "hard_stop",
    "period",
    "granted",
    "renewable",
    "renewed",
    "last_used",
    "scopes",
    "state",
    "state_word",
    "dynamic",
    "facts",
    "uses_left",
    "link",
];
/// Those of them that are times.
pub const TIMES: &[&str] = &["issued", "starts", "expires", "hard_stop", "renewed", "last_used"];

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

/// NFC, bounded, inert (semantics 1.1, 1.2). Cut before it is normalised, so that a megabyte costs nothing.
pub(super) fn clean(text: &str) -> Text {
    Text::new(&text.trim().chars().take(4 * Text::MOST).nfc().collect::<String>())
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
            Some((id, issued))
                if issued.parse::<i64>().is_ok_and(|s| DateTime::<Utc>::from_timestamp(s, 0).is_some()) =>
            {
                id
            }
            _ => generation,
        },
        KeyRule::IdVersion => generation.rsplit_once('@').map_or(generation, |(id, _)| id),
    }
}
