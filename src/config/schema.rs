//! The JSON Schema of the whole configuration, for editors: the sections' own schemas, and what each shipped issuer takes.
//! It refuses what is wrong by its shape; what names refer to, and what lies in files, is known to `check-config` alone.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use super::fitting::{sends_login, uses};
use super::sections::{CollectorSection, MetricsSection};
use crate::collect::issuer::definition::request::Mode;
use crate::collect::issuer::definition::{Definition, LoginKind, Setting, SettingShape, Source};
use crate::collect::issuer::shipped::Definitions;
use crate::deliver::channel::ChannelSection;
use crate::judge::evaluate::rules::sections::{PipelineSection, PolicySection, ScheduleSection};
use crate::judge::tell::route::{RouteSection, TeamSection};

/// The configuration of forewarn: one file, or a folder of files whose maps are joined and whose lists are appended.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "forewarn.yml")]
#[expect(dead_code, reason = "the shape alone is used: each section is read by itself")]
struct File {
    /// Where forewarn remembers: `sqlite:PATH`. A relative path starts at the folder of the file that says so.
    #[schemars(regex(pattern = r"^sqlite:(?!//)(?!\s*$).*[^/]$"), extend("default" = "sqlite:forewarn.db"))]
    store: Option<String>,
    /// Who is asked, by names of your own.
    collectors: Option<BTreeMap<Name, CollectorSection>>,
    /// Who hears of whose tokens.
    teams: Option<BTreeMap<String, TeamSection>>,
    /// When tokens are to be replaced.
    schedules: Option<BTreeMap<String, ScheduleSection>>,
    /// What runs with tokens.
    pipelines: Option<BTreeMap<String, PipelineSection>>,
    /// Which token belongs to whom, breaks what, and is watched how.
    policies: Option<Vec<PolicySection>>,
    /// Where messages go.
    channels: Option<BTreeMap<Name, ChannelSection>>,
    /// Which findings go to which channel. Without routes, warnings and criticals go to every channel at once, and info
    /// findings on Mondays at 09:00 UTC, in a digest.
    routes: Option<Vec<RouteSection>>,
    /// Which series `/metrics` has.
    metrics: Option<MetricsSection>,
}

/// A name: letters, digits, `-`, `_` and `.`. Not every engine of patterns knows what a letter is beyond ASCII.
#[derive(JsonSchema, PartialEq, Eq, PartialOrd, Ord)]
#[schemars(extend("pattern" = r"^[^\u0000-\u002c\u002f\u003a-\u0040\u005b-\u005e\u0060\u007b-\u00a0]{1,100}$"))]
struct Name(String);

/// The schema, draft 2020-12.
pub fn document() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<File>();
    RecursiveTransform(tidy).transform(&mut schema);
    let mut root = schema.to_value();
    root["title"] = "forewarn.yml".into();
    root["type"] = "object".into();
    // A section whose entries are all commented out is no mistake.
    for section in root["properties"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        match section.as_object_mut().and_then(|section| section.remove("$ref")) {
            Some(whole) => section["anyOf"] = json!([{ "$ref": whole }, { "type": "null" }]),
            None => section["type"] = json!([section["type"], "null"]),
        }
    }
    let shipped = Definitions::shipped();
    if let Some(collector) = root["$defs"]["CollectorSection"].as_object_mut() {
        collector.insert("allOf".into(), shipped.iter().map(|definition| issuer(definition)).collect());
        collector["properties"]["issuer"]["examples"] = shipped.names().into();
    }
    root
}

/// Takes `null` out of optional keys, lets a plain text be a number (`name: 007` is read as it is written), and drops
/// widths that only Rust knows.
fn tidy(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    let null = json!({ "type": "null" });
    if let Some(choices) = object.get("anyOf").and_then(Value::as_array).cloned()
        && let [one, other] = choices.as_slice()
        && *other == null
        && let Some(inner) = one.as_object()
    {
        object.remove("anyOf");
        for (key, value) in inner {
            object.entry(key).or_insert_with(|| value.clone());
        }
    }
    if let Some(kinds) = object.get_mut("type").and_then(Value::as_array_mut) {
        kinds.retain(|kind| kind != "null");
        if let [kind] = kinds.as_slice() {
            let kind = kind.clone();
            object.insert("type".into(), kind);
        }
    }
    let formed = ["enum", "const", "pattern"].iter().any(|key| object.contains_key(*key));
    if object.get("type") == Some(&json!("string")) && !formed {
        object.insert("type".into(), json!(["string", "number"]));
    }
    object.retain(|key, value| !(key == "format" && value.as_str().is_some_and(|format| format.starts_with("uint"))));
}

/// What a collector of one shipped issuer has: keys that it has no use for are refused, its own are described.
fn issuer(definition: &Definition) -> Value {
    let name = &definition.name;
    let http = definition.origin == Source::Http;
    let refused = uses(definition).into_iter().filter(|(_, used)| !used).map(|(key, _)| (key.to_owned(), false.into()));
    let mut properties: Map<String, Value> = refused.collect();
    properties.insert("login".into(), login(definition));
    if !http {
        properties.insert("url".into(), false.into());
    }
    if !properties.contains_key("inventory") {
        properties.insert("inventory".into(), inventory(definition));
    }
    let kinds: Vec<_> = definition.kinds.iter().map(|kind| kind.name.as_str()).collect();
    properties.insert("kinds".into(), json!({ "items": { "enum": kinds } }));
    let mut then = json!({ "properties": properties });
    match definition.origin {
        Source::Http => needed(definition, &mut then),
        Source::Files => {
            then["anyOf"] = json!([{ "required": ["files"], "properties": { "files": { "minItems": 1 } } }, { "required": ["inspect"] }]);
        }
        Source::Declared => {
            then["required"] = json!(["tokens"]);
            then["properties"]["tokens"] = json!({ "minItems": 1 });
        }
    }
    json!({ "if": { "properties": { "issuer": { "const": name } }, "required": ["issuer"] }, "then": then })
}

/// What must be there for an issuer to be asked: somewhere to ask, something to ask, and a login to ask it with.
fn needed(definition: &Definition, then: &mut Value) {
    let mut required = Vec::new();
    if definition.url.is_none() {
        required.push("url");
    }
    let takes = !definition.logins.is_empty();
    if !definition.can(Mode::Inventory) {
        required.push("inspect");
    } else {
        then["anyOf"] = json!([{ "required": ["login"] }, { "required": ["inspect"] }]);
    }
    if takes && sends_login(definition, Mode::Inspect) {
        required.push("login");
    } else if takes && sends_login(definition, Mode::Inventory) {
        then["dependentRequired"] = json!({ "inventory": ["login"] });
    }
    then["required"] = required.into();
}

fn login(definition: &Definition) -> Value {
    let keys = definition.logins.iter().flat_map(|kind| match kind {
        LoginKind::Token => &["token"][..],
        LoginKind::Basic => &["basic"],
        LoginKind::Header => &["header"],
        LoginKind::ClientId => &["client_id", "client_secret", "auth_method"],
    });
    let keys: Vec<_> = keys.collect();
    if keys.is_empty() { false.into() } else { json!({ "propertyNames": { "enum": keys } }) }
}

fn inventory(definition: &Definition) -> Value {
    let one = |setting: &Setting| {
        let text = json!({ "type": ["string", "number"] });
        let mut schema = match setting.shape {
            SettingShape::Text => text,
            SettingShape::Bool => json!({ "type": "boolean" }),
            SettingShape::List => json!({ "anyOf": [text, { "type": "array", "items": text }] }),
        };
        schema["description"] = sentence(&setting.help).into();
        if !setting.default.is_null() {
            schema["default"] = setting.default.clone();
        }
        (setting.name.clone(), schema)
    };
    let properties: Map<String, Value> = definition.settings.iter().map(one).collect();
    json!({ "properties": properties, "additionalProperties": false })
}

/// Definitions write half sentences.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::super::collectors::{CONCURRENCY, EVERY, MOST_TOKENS, TIMEOUT};
    use super::super::sections::SECTIONS;
    use super::*;
    use crate::base::time::span;

    #[test]
    fn sections_are_those_that_are_read() {
        let document = document();
        let properties = document["properties"].as_object().unwrap();
        for name in properties.keys() {
            assert!(SECTIONS.iter().any(|(section, _)| section == name), "{name} is no section");
        }
        assert_eq!(document["additionalProperties"], json!(false));
    }

    #[test]
    fn defaults_are_those_that_hold() {
        let document = document();
        let collector = &document["$defs"]["CollectorSection"]["properties"];
        let seconds = |key: &str| span::parse(collector[key]["default"].as_str().unwrap()).unwrap();
        assert_eq!((seconds("every"), seconds("timeout")), (EVERY, TIMEOUT));
        assert_eq!(collector["concurrency"]["default"], json!(CONCURRENCY));
        assert_eq!(collector["max_tokens"]["default"], json!(MOST_TOKENS));
        let metrics = &document["$defs"]["MetricsSection"]["properties"];
        assert_eq!(metrics["narrow_above"]["default"], json!(MetricsSection::default().narrow_above()));
    }

    #[test]
    fn every_object_is_closed_and_every_key_is_described() {
        fn walk(at: &str, schema: &Value) {
            let Some(object) = schema.as_object() else { return };
            for (key, child) in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
                let at = format!("{at}.{key}");
                assert!(child["description"].as_str().is_some_and(|text| text.ends_with('.')), "{at}: {child}");
                walk(&at, child);
            }
        }
        let document = document();
        walk("root", &document);
        for (name, schema) in document["$defs"].as_object().unwrap() {
            walk(name, schema);
            if schema["type"] == json!("object") {
                assert_eq!(schema["additionalProperties"], json!(false), "{name}");
            }
        }
    }
}
