//! What one walk is about: the collector's texts, settings and values to ask for, made once per walk.
//! Knows no secret: values are known here by their keyed hash.

use std::sync::Arc;

use serde_json::{Map, Value};
use url::Url;

use super::Settings;
use super::definition::Definition;
use crate::domain::key::{CollectorId, GenerationId, SightId};
use crate::domain::observation::WalkNo;

/// Shared by building, reading and the frontier; cheap to clone as `Arc`.
#[derive(Clone, Debug)]
pub struct Scope {
    pub collector: CollectorId,
    pub definition: Arc<Definition>,
    /// The collector's URL, or the definition's default.
    pub url: Option<Url>,
    /// `$settings` of programs and templates; see [`settings`].
    pub settings: Value,
    /// Values that ask about themselves, in this walk.
    pub probes: Vec<Probe>,
    /// Keyed hash of the collector's own login, where it is an opaque token or a secret.
    pub login: Option<GenerationId>,
    pub slots_by_id: bool,
    pub sight: SightId,
    pub walk: WalkNo,
}

/// One entry of `inspect:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    pub name: String,
    /// Keyed hash of the value.
    pub value: GenerationId,
}

/// What the walk does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    Round {
        /// Walk the inventory (`Settings::walks`).
        inventory: bool,
        /// Ask what the login itself is.
        own_login: bool,
    },
    /// Ask for these generations by id.
    Confirm(Vec<GenerationId>),
}

/// Settings as programs and templates see them: the keys of `inventory:` with defaults filled in, and `given` (the keys
/// that were written), `url` (without its last slash), `introspection_endpoint`, `trust_roots`.
pub fn settings(definition: &Definition, settings: &Settings) -> Value {
    let mut all = Map::new();
    for setting in &definition.settings {
        let given = settings.inventory.get(&setting.name).cloned().unwrap_or(Value::Null);
        let value = match (given, setting.shape) {
            (Value::Null, _) => setting.default.clone(),
            (Value::Array(list), _) => Value::Array(list),
            (one, super::definition::SettingShape::List) => Value::Array(vec![one]),
            (one, _) => one,
        };
        all.insert(setting.name.clone(), value);
    }
    let given: Vec<Value> = settings.inventory.keys().map(|key| Value::from(key.as_str())).collect();
    all.insert("given".into(), Value::Array(given));
    let endpoint = settings.introspection_endpoint.as_ref().map(|url| Value::from(url.as_str()));
    all.insert("introspection_endpoint".into(), endpoint.unwrap_or(Value::Null));
    let url = settings.url.as_ref().or(definition.url.as_ref());
    all.insert("url".into(), url.map_or(Value::Null, |url| Value::from(url.as_str().trim_end_matches('/'))));
    all.insert("trust_roots".into(), Value::from(if settings.show_trust_roots { "show" } else { "hide" }));
    Value::Object(all)
}
