//! Pure: the fields of one raw object, each read into what a record holds. A field that cannot be read is a reject that
//! names the field and never its value.

use serde_json::{Map, Value};

use super::definition::fields::NoExpiry;
use super::record::{LOGIN_KIND, RecordCx, clean};
use crate::base::time::span;
use crate::base::time::stamp::{self, Stamp};
use crate::domain::At;
use crate::domain::observation::{FlowKey, Life, Origin};
use crate::domain::reason::{Reject, RejectReason};
use crate::domain::text::Text;
use crate::domain::token::{End, Expiry, ExpiryKind, LastUsed, WhyUnknown};

/// Longest id taken, bytes: ids are keys, so they are never cut.
const LONGEST_ID: usize = 512;
/// Most facts and scopes kept of one record.
const MOST: usize = 64;

/// One object that a program yielded.
pub(super) struct Raw<'a> {
    pub(super) map: &'a Map<String, Value>,
    pub(super) cx: &'a RecordCx<'a>,
}

impl<'a> Raw<'a> {
    /// The field, if it is there and not null.
    pub(super) fn get(&self, field: &str) -> Option<&'a Value> {
        self.map.get(field).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, field: &str) -> Result<Option<Text>, Reject> {
        let Some(value) = self.get(field) else { return Ok(None) };
        let text = scalar(value).ok_or_else(|| bad(field, "is neither text nor number"))?;
        Ok(Some(clean(&text)).filter(|text| !text.is_empty()))
    }

    /// Text that is a key: whole or refused.
    pub(super) fn id(&self, field: &str) -> Result<Option<String>, Reject> {
        let Some(value) = self.get(field) else { return Ok(None) };
        let text = scalar(value).ok_or_else(|| bad(field, "is neither text nor number"))?;
        match text.len() {
            0 => Ok(None),
            1..=LONGEST_ID if !text.chars().any(char::is_control) => Ok(Some(text)),
            _ => Err(bad(field, "is too long for an id, or holds control characters")),
        }
    }

    /// `None`: not told, or a word for "none".
    pub(super) fn instant(&self, field: &str) -> Result<Option<At>, Reject> {
        match self.stamp(field) {
            None => Ok(None),
            Some(Ok(Stamp::Never)) => Ok(None),
            Some(Ok(Stamp::At { instant, .. })) => Ok(Some(instant)),
            Some(Err(())) => {
                Err(Reject { reason: RejectReason::BadTime, detail: format!("`{field}` is no time").as_str().into() })
            }
        }
    }

    pub(super) fn stamp(&self, field: &str) -> Option<Result<Stamp, ()>> {
        let fields = &self.cx.scope.definition.fields;
        let value = self.get(field)?;
        if value.as_str().is_some_and(|text| fields.never.iter().any(|never| never == text)) {
            return Some(Ok(Stamp::Never));
        }
        let time = fields.time(field);
        Some(stamp::read(value, time.format, time.edge, self.cx.received).map_err(|_| ()))
    }

    /// The expiry, and whether one was told that nobody can read (semantics 4.1).
    pub(super) fn expires(&self, sliding: bool) -> Result<(Expiry, bool), Reject> {
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
    pub(super) fn seconds(&self, field: &str) -> Result<Option<u32>, Reject> {
        let seconds = match self.get(field) {
            None => return Ok(None),
            Some(Value::Number(number)) => {
                number.as_f64().filter(|n| *n >= 0.0).map(|n| n.min(f64::from(u32::MAX)) as u32)
            }
            Some(Value::String(text)) => text.parse().ok().or_else(|| span::parse_foreign(text).ok()),
            Some(_) => None,
        };
        seconds.map(|s| (s > 0).then_some(s)).ok_or_else(|| bad(field, "is no duration"))
    }

    pub(super) fn uses(&self) -> Result<Option<u32>, Reject> {
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

    pub(super) fn kind(&self) -> Result<(Text, bool), Reject> {
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
                let detail = "`kind` is not among the definition's kinds";
                Err(Reject { reason: RejectReason::UnknownKind, detail: detail.into() })
            }
        }
    }

    pub(super) fn life(&self) -> Result<(Life, Option<Text>), Reject> {
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
    pub(super) fn slot(&self, id: Option<&str>) -> Result<(Text, Text, Text), Reject> {
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
    pub(super) fn last_used(&self, explicit: bool) -> Result<Option<LastUsed>, Reject> {
        let granularity = self.cx.scope.definition.granularity;
        Ok(self.instant("last_used")?.filter(|_| !explicit).map(|at| LastUsed { at, granularity }))
    }

    pub(super) fn scopes(&self) -> Result<Vec<Text>, Reject> {
        match self.get("scopes") {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => Ok(list
                .iter()
                .filter_map(scalar)
                .map(|text| clean(&text))
                .filter(|t| !t.is_empty())
                .take(MOST)
                .collect()),
            Some(_) => Err(bad("scopes", "is no list")),
        }
    }

    pub(super) fn dynamic(&self) -> Result<Option<FlowKey>, Reject> {
        let Some(value) = self.get("dynamic").filter(|value| *value != &Value::Bool(false)) else { return Ok(None) };
        let part = |field: &str| value.get(field).and_then(scalar).map(|text| clean(&text));
        match (part("place"), part("name")) {
            (Some(place), Some(name)) => Ok(Some(FlowKey { place, name })),
            _ => Err(bad("dynamic", "needs place and name")),
        }
    }

    /// `id`: the issuer's id of a value that is known by its hash, so that whoever sees both can join them (1.11).
    pub(super) fn facts(&self, id: Option<&str>) -> Result<Vec<(Text, Text)>, Reject> {
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

pub(super) fn bad(field: &str, what: &str) -> Reject {
    Reject { reason: RejectReason::BadField, detail: format!("`{field}` {what}").as_str().into() }
}
