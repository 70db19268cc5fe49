//! The sections of policies, schedules and pipelines as written; durations and names stay texts here.
//! Knows serde and the schema alone, no YAML.

use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::Problem;
use super::compile::EXCEPTIONS;
use super::schedule::MOST_STEPS;
use crate::domain::spelling::{Cron, Day, Duration, Glob, Link, Step, ZoneName};

/// What a policy, an `ignore` or a route fits: all fields given must fit, a list means any of its globs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct MatchSection(pub BTreeMap<String, OneOrMany>);

/// A glob, or a list of globs of which any fits.
#[derive(Clone, Debug, PartialEq)]
pub struct OneOrMany(pub Vec<String>);

/// Who a token belongs to, what it breaks and how it is watched. Every policy that matches applies, top down; for each key
/// the first policy that sets it wins.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicySection {
    /// Which tokens it is about; without it all of them: the defaults of the house, to be written last.
    #[serde(rename = "match")]
    pub matches: Option<MatchSection>,
    /// Which of those it is not about.
    pub except: Option<MatchSection>,
    /// The team that the token belongs to. With a section `teams:` its name must stand there.
    pub team: Option<TeamSection>,
    /// The rotation schedule, by its name under `schedules:`.
    #[schemars(example = &"quarterly")]
    pub schedule: Option<String>,
    /// Pipelines that break without the token, by their names under `pipelines:`.
    pub pipelines: Option<Vec<String>>,
    /// Scopes that the token may have and must have.
    pub scopes: Option<ScopesSection>,
    /// Where it is written how to rotate this token; messages link to it.
    #[schemars(with = "Option<Link>")]
    pub runbook: Option<String>,
    /// The steps at which its end is warned of, instead of the schedule's or those that follow from its lifetime.
    #[schemars(with = "Option<Vec<Step>>", length(min = 1, max = MOST_STEPS))]
    pub warn: Option<Vec<String>>,
    /// The longest time that a token may be issued for, or its age if it never ends; longer is a finding. Off unless set.
    #[schemars(with = "Option<Duration>", example = &"365d")]
    pub max_lifetime: Option<String>,
    /// How long a token may go unused; longer is a finding, once it was watched for as long. Off unless set, and only where
    /// the issuer tells when a token was used.
    #[schemars(with = "Option<Duration>", example = &"90d")]
    pub unused_after: Option<String>,
    /// The last rotation, where the issuer cannot show one.
    #[schemars(with = "Option<Day>")]
    pub rotated: Option<String>,
    /// Joins all that match into one token a place: for names with a date in them, such as `deploy-2026-03`.
    #[schemars(example = &"deploy")]
    pub slot: Option<String>,
    /// Exceptions with a date: findings that are accepted until then.
    pub allow: Option<Vec<AllowSection>>,
    /// `false`: the token is known and counted, and judged by nothing.
    #[schemars(extend("default" = true))]
    pub watch: Option<bool>,
}

/// `team: platform` or `team: { fact: meta.team }`.
#[derive(Clone, Debug, PartialEq)]
pub enum TeamSection {
    Named(String),
    Fact(String),
}

/// Scopes of a token.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScopesSection {
    /// Scopes that the token may have; another one is a finding.
    pub allow: Option<Vec<String>>,
    /// Scopes that the token must have.
    pub require: Option<Vec<String>>,
}

/// A finding that is accepted until a day.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AllowSection {
    /// The finding that is accepted.
    #[schemars(schema_with = "exceptions")]
    pub finding: String,
    /// The last day on which it is accepted.
    #[schemars(with = "Day")]
    pub until: String,
    /// Why, for whoever reads it next year.
    #[schemars(example = &"the vendor has no expiry, ticket OPS-12")]
    pub because: String,
}

/// When a token is to be replaced: every so often (`every`) or at set times (`cron`).
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["every"], "not": { "required": ["zone"] } }, { "required": ["cron"] }]))]
pub struct ScheduleSection {
    /// The longest time between two rotations, counted from the last one.
    #[schemars(with = "Option<Duration>", example = &"90d")]
    pub every: Option<String>,
    /// The times of rotation.
    #[schemars(with = "Option<Cron>")]
    pub cron: Option<String>,
    /// The zone of `cron`.
    #[schemars(with = "Option<ZoneName>", extend("default" = "UTC"))]
    pub zone: Option<String>,
    /// Who rotates: `hand` is reminded before, `machine` is silent unless a rotation was missed.
    #[schemars(required, extend("enum" = ["hand", "machine"]))]
    pub by: Option<String>,
    /// The steps before a rotation at which people are reminded; also those before the expiry, unless the policy has its own.
    #[schemars(with = "Option<Vec<Step>>", length(min = 1, max = MOST_STEPS))]
    pub warn: Option<Vec<String>>,
    /// How late a rotation may be. Default 7d by hand, 1d by machine, at most a quarter of the interval.
    #[schemars(with = "Option<Duration>", example = &"2d")]
    pub grace: Option<String>,
    /// How long the value before may live on after a rotation.
    #[schemars(with = "Option<Duration>", extend("default" = "7d"))]
    pub overlap: Option<String>,
    /// How long a rotation takes.
    #[schemars(with = "Option<Duration>", extend("default" = "0s"))]
    pub lasts: Option<String>,
}

/// The starts of a pipeline's runs.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunsSection {
    /// The times at which a run starts.
    #[schemars(with = "Cron")]
    pub cron: String,
    /// The zone of `cron`.
    #[schemars(with = "Option<ZoneName>", extend("default" = "UTC"))]
    pub zone: Option<String>,
}

/// Something that runs with tokens and breaks without them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PipelineSection {
    /// When it starts. Without it forewarn knows no next run: the pipeline breaks whenever someone starts it.
    pub runs: Option<RunsSection>,
    /// How long a run takes: it needs its tokens until it is over.
    #[schemars(with = "Option<Duration>", extend("default" = "1h"))]
    pub lasts: Option<String>,
    /// Where it delivers to, for messages.
    #[schemars(example = &"prod")]
    pub environment: Option<String>,
    /// Its page, for messages.
    #[schemars(with = "Option<Link>", example = &"https://ci.example.com/shop")]
    pub url: Option<String>,
}

/// What a match may look at, with a sentence for each.
const FIELDS: [(&str, &str); 7] = [
    ("token", "The token's whole name: `collector/path/name`."),
    ("place", "Where it lies at the issuer: a group, a project, a namespace."),
    ("name", "Its last part, the name that the issuer shows."),
    ("collector", "A name under `collectors:`."),
    ("issuer", "What the collector's `issuer:` says."),
    ("kind", "What it is; the issuer's document lists its kinds."),
    ("scope", "One of its scopes."),
];

/// The schema of a `match:`; `own` are fields beyond those of policies.
pub fn match_schema(g: &mut SchemaGenerator, own: serde_json::Map<String, serde_json::Value>) -> Schema {
    let mut properties = serde_json::Map::new();
    let texts = g.subschema_for::<OneOrMany>();
    for (field, sentence) in FIELDS {
        let mut schema = texts.clone();
        schema.insert("description".into(), sentence.into());
        properties.insert(field.into(), schema.to_value());
    }
    properties.extend(own);
    let mut fact = texts;
    fact.insert("description".into(), "What the issuer says besides: `fact.owner`, `fact.meta.team`.".into());
    json_schema!({
        "type": "object",
        "properties": properties,
        "patternProperties": { r"^fact\..+$": fact },
        "additionalProperties": false,
        "examples": [{ "collector": "vault", "name": ["ci-*", "deploy-*"] }],
    })
}

impl JsonSchema for MatchSection {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Match".into()
    }
    fn json_schema(g: &mut SchemaGenerator) -> Schema {
        let mut schema = match_schema(g, serde_json::Map::new());
        let text = "All fields given must fit; a list means any of its globs.";
        schema.insert("description".into(), text.into());
        schema
    }
}

impl JsonSchema for OneOrMany {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Globs".into()
    }
    fn json_schema(g: &mut SchemaGenerator) -> Schema {
        let glob = g.subschema_for::<Glob>();
        json_schema!({
            "description": "A glob, or a list of globs of which any fits.",
            "anyOf": [glob, { "type": "array", "items": glob, "minItems": 1 }],
        })
    }
}

impl JsonSchema for TeamSection {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TeamOfToken".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The name of a team, or `{ fact: NAME }`: what the issuer says, such as Vault's metadata.",
            "anyOf": [
                { "type": "string" },
                {
                    "type": "object",
                    "properties": { "fact": { "type": "string", "description": "The fact's name.", "examples": ["meta.team"] } },
                    "required": ["fact"],
                    "additionalProperties": false,
                },
            ],
            "examples": ["platform", { "fact": "meta.team" }],
        })
    }
}

fn exceptions(_: &mut SchemaGenerator) -> Schema {
    let kinds: Vec<_> = EXCEPTIONS.iter().map(|kind| kind.as_str()).collect();
    json_schema!({ "type": "string", "enum": kinds })
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = OneOrMany;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a list of texts")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![text.to_owned()]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMany, A::Error> {
                let mut all = Vec::new();
                while let Some(text) = list.next_element()? {
                    all.push(text);
                }
                Ok(OneOrMany(all))
            }
        }

        d.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for TeamSection {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = TeamSection;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a team, or { fact: NAME }")
            }
            fn visit_str<E: Error>(self, name: &str) -> Result<TeamSection, E> {
                Ok(TeamSection::Named(name.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TeamSection, A::Error> {
                let mut fact = None;
                while let Some(key) = map.next_key::<String>()? {
                    if key != "fact" {
                        return Err(A::Error::unknown_field(&key, &["fact"]));
                    }
                    fact = Some(map.next_value()?);
                }
                fact.map(TeamSection::Fact).ok_or_else(|| A::Error::missing_field("fact"))
            }
        }

        d.deserialize_any(Either)
    }
}

impl Problem {
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into(), nearest_of: Vec::new() }
    }
    /// A name that refers to nothing; `known` are the names that were possible.
    pub fn unknown<'a>(
        path: impl Into<String>,
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut nearest_of: Vec<String> = known.into_iter().map(str::to_owned).collect();
        nearest_of.sort();
        Self { path: path.into(), text: format!("there is no {what} \"{name}\""), nearest_of }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_are_read() {
        let policy: PolicySection = serde_json::from_value(serde_json::json!({
            "match": { "name": ["a", "b"], "kind": "login" },
            "team": { "fact": "meta.team" },
        }))
        .unwrap();
        let MatchSection(fields) = policy.matches.unwrap();
        assert_eq!(fields["name"].0, ["a", "b"]);
        assert_eq!(fields["kind"].0, ["login"]);
        assert_eq!(policy.team, Some(TeamSection::Fact("meta.team".into())));
    }

    #[test]
    fn a_wrong_shape_says_what_is_right() {
        let told = serde_json::from_value::<TeamSection>(serde_json::json!({ "facts": "x" })).unwrap_err().to_string();
        assert_eq!(told, "unknown field `facts`, expected `fact`");
        let told = serde_json::from_value::<OneOrMany>(serde_json::json!(7)).unwrap_err().to_string();
        assert!(told.contains("text or a list of texts"), "{told}");
        assert!(serde_json::from_value::<TeamSection>(serde_json::json!({})).is_err());
    }
}
