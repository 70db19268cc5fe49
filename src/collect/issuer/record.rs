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
use crate::domain::reason::{LeftOut, Reject, RejectReason};
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

/// Why the program leaves an object out, where it says nothing but that.
pub fn left_out(raw: &Value) -> Option<LeftOut> {
    let map = raw.as_object().filter(|map| map.len() == 1)?;
    LeftOut::parse(map.get("left_out")?.as_str()?)
}

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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::base::yaml::mistake::{FileNo, Mistakes};
    use crate::collect::issuer::definition::compile;
    use crate::domain::key::SightId;
    use crate::domain::observation::FlowKey;
    use crate::domain::token::{End, ExpiryKind};

    fn scope(more: &str) -> Scope {
        let text = format!(
            "title: T\ndocs: d\nverified: {{ how: unverified, words: w }}\nleast: l\nrotate: r\ngranularity: 600\n\
             kinds: {{ project: {{ title: t }}, personal: {{ title: p, person: true }} }}\n{more}\n"
        );
        let definition = compile::read("t", FileNo(0), &text, &mut Mistakes::default()).expect("it is a definition");
        Scope {
            collector: "c".into(),
            definition: Arc::new(definition),
            url: None,
            settings: Value::Null,
            probes: Vec::new(),
            login: None,
            slots_by_id: false,
            sight: SightId(1),
            walk: 1,
        }
    }

    fn cx(scope: &Scope) -> RecordCx<'_> {
        let received = At::from_timestamp(1_800_000_000, 0).unwrap();
        RecordCx { scope, origin: Origin::Inventory, given_name: None, value: None, kind: Some("project"), received }
    }

    fn read(more: &str, raw: &Value) -> Result<Record, Rejected> {
        let scope = scope(more);
        record(&cx(&scope), raw)
    }

    #[test]
    fn rule_1_1_names_are_nfc_and_bounded_and_an_empty_one_is_the_id() {
        let named = |name: Value| read("", &json!({"id": 7, "name": name})).unwrap().name;
        assert_eq!(named(json!("cafe\u{301}")), named(json!("caf\u{e9}")));
        assert_eq!(named(json!("Deploy")).as_str(), "Deploy");
        for empty in [json!(null), json!(""), json!("  ")] {
            assert_eq!(named(empty).as_str(), "#7");
        }
        assert!(named(json!("x".repeat(1 << 20))).as_str().len() <= Text::MOST);
    }

    #[test]
    fn rule_1_4_issued_is_part_of_a_generation_where_ids_are_reused() {
        let raw = json!({"id": 7, "name": "n", "issued": "2026-11-20T10:00:00.9Z", "version": "v2"});
        for (rule, id) in [("id_issued", "7@1795168800"), ("id", "7"), ("id_version", "7@v2")] {
            let read = read(&format!("key: {rule}"), &raw).unwrap();
            assert_eq!(&*read.generation, id);
        }
        assert_eq!(issuer_id(KeyRule::IdIssued, "7@1795168800"), "7");
        assert_eq!(issuer_id(KeyRule::IdIssued, "a@b"), "a@b");
        assert_eq!(issuer_id(KeyRule::Id, "7@1"), "7@1");
    }

    #[test]
    fn rule_1_9_slots_by_id_keep_the_name() {
        let mut scope = scope("");
        scope.slots_by_id = true;
        let read = record(&cx(&scope), &json!({"id": 7, "name": "n", "place": 42})).unwrap();
        assert_eq!((read.name.as_str(), read.place.as_str()), ("n", "42#7"));
    }

    #[test]
    fn rule_4_1_never_and_unknown_are_two_things() {
        let expires = |more: &str, raw: Value| {
            let read = read(more, &raw).unwrap();
            (read.expires, read.doubt)
        };
        let none = |why| Expiry::Unknown(why);
        let unknown = (none(WhyUnknown::NotTold), None);
        let odd = (none(WhyUnknown::Unreadable), Some(Doubt::Unreadable));
        let never = (Expiry::Never, None);
        for no_expiry in ["fields: { no_expiry: never }", "fields: { no_expiry: unknown }"] {
            let absent = if no_expiry.contains("unknown") { unknown } else { never };
            assert_eq!(expires(no_expiry, json!({"id": 1})), absent);
            assert_eq!(expires(no_expiry, json!({"id": 1, "expires": null})), absent);
            assert_eq!(expires(no_expiry, json!({"id": 1, "expires": "0001-01-01T00:00:00Z"})), never);
            assert_eq!(expires(no_expiry, json!({"id": 1, "expires": "soon"})), odd);
            assert_eq!(expires(no_expiry, json!({"id": 1, "expires": ["2027-01-01"]})), odd);
            assert_eq!(expires(no_expiry, json!({"id": 1, "never": true, "expires": "soon"})), never);
        }
        assert_eq!(expires("fields: { never: [N/A] }", json!({"id": 1, "expires": "N/A"})), never);
    }

    #[test]
    fn rule_4_2_dates_have_two_edges_and_4_4_a_period_slides() {
        let Expiry::At(end) = read("", &json!({"id": 1, "expires": "2027-03-31"})).unwrap().expires else {
            panic!("a date is an end")
        };
        assert!(end.date_only() && end.kind == ExpiryKind::Hard);
        assert_eq!(end.instant.to_rfc3339(), "2027-03-31T00:00:00+00:00");
        let sliding =
            read("", &json!({"id": 1, "expires": 1_800_000_100, "period": 7200, "hard_stop": 1_800_000_900})).unwrap();
        assert!(matches!(sliding.expires, Expiry::At(End { kind: ExpiryKind::Sliding, .. })));
        assert_eq!((sliding.period, sliding.hard_stop.is_some()), (Some(7200), true));
        assert_eq!(read("", &json!({"id": 1, "period": 0})).unwrap().period, None);
    }

    #[test]
    fn rule_4_6_an_inspected_value_has_no_last_use() {
        let raw = json!({"id": 1, "name": "n", "last_used": "2027-01-01T00:00:00Z"});
        let scope = scope("");
        assert_eq!(record(&cx(&scope), &raw).unwrap().last_used.map(|used| used.granularity), Some(600));
        let inspect =
            RecordCx { origin: Origin::Inspect, given_name: Some("bot"), value: Some("h".into()), ..cx(&scope) };
        let read = record(&inspect, &raw).unwrap();
        assert_eq!((read.last_used, read.name.as_str(), &*read.generation), (None, "bot", "h"));
        assert_eq!(read.facts, vec![(Text::from("id"), Text::from("1"))]);
    }

    #[test]
    fn rule_3_4_use_limited_values_are_doubted_only_where_asking_is_a_use() {
        let scope = scope("");
        let raw = json!({"id": 1, "uses_left": 3, "dynamic": {"place": "p", "name": "n"}});
        let listed = record(&cx(&scope), &raw).unwrap();
        assert_eq!((listed.uses_left, listed.doubt), (Some(3), None));
        assert_eq!(listed.dynamic, Some(FlowKey { place: "p".into(), name: "n".into() }));
        for origin in [Origin::Inspect, Origin::OwnLogin] {
            let asked = record(&RecordCx { origin, given_name: Some("x"), ..cx(&scope) }, &raw).unwrap();
            assert_eq!((asked.doubt, asked.dynamic), (Some(Doubt::UseLimited), None));
        }
    }

    #[test]
    fn what_cannot_be_understood_is_a_reject_that_says_no_value() {
        for (raw, reason, known) in [
            (json!("CANARY"), RejectReason::BadField, false),
            (json!({"id": 1, "secret": "CANARY"}), RejectReason::BadField, false),
            (json!({"name": "CANARY"}), RejectReason::NoKey, false),
            (json!({"id": {"CANARY": 1}}), RejectReason::BadField, false),
            (json!({"id": "x".repeat(600)}), RejectReason::BadField, false),
            (json!({"id": 1, "issued": "CANARY"}), RejectReason::BadTime, false),
            (json!({"id": 1, "last_used": "CANARY"}), RejectReason::BadTime, true),
            (json!({"id": 1, "name": ["CANARY"]}), RejectReason::BadField, true),
            (json!({"id": 1, "state": "CANARY"}), RejectReason::BadField, true),
            (json!({"id": 1, "scopes": {"CANARY": 1}}), RejectReason::BadField, true),
            (json!({"id": 1, "dynamic": {"place": "CANARY"}}), RejectReason::BadField, true),
        ] {
            let rejected = read("", &raw).unwrap_err();
            assert_eq!((rejected.reject.reason, rejected.generation.is_some()), (reason, known), "{raw}");
            assert!(!rejected.reject.detail.as_str().contains("CANARY"), "{raw}");
        }
        let scope = scope("");
        let unknown = record(&RecordCx { kind: None, ..cx(&scope) }, &json!({"id": 1, "kind": "robot"})).unwrap_err();
        assert_eq!(unknown.reject.reason, RejectReason::UnknownKind);
        let person = record(&RecordCx { kind: Some("personal"), ..cx(&scope) }, &json!({"id": 1})).unwrap();
        assert!(person.person);
    }

    fn anything() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,40}".prop_map(Value::from),
        ];
        leaf.prop_recursive(2, 8, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec((".{0,6}", inner), 0..4)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// Whatever an issuer writes, reading ends in a record of bounded, inert text or in a reject.
        #[test]
        fn hostile_fields_never_panic(values in proptest::collection::vec(anything(), FIELDS.len())) {
            let scope = scope("");
            let raw: Map<String, Value> = FIELDS.iter().map(|field| (*field).to_owned()).zip(values).collect();
            if let Ok(record) = record(&RecordCx { kind: None, ..cx(&scope) }, &Value::Object(raw)) {
                let texts = [Some(&record.name), Some(&record.place), record.owner.as_ref(), record.link.as_ref()];
                for text in texts.into_iter().flatten().chain(record.facts.iter().flat_map(|(a, b)| [a, b])) {
                    prop_assert!(text.as_str().len() <= Text::MOST && !text.as_str().chars().any(char::is_control));
                }
                prop_assert!(!record.name.is_empty());
            }
        }
    }
}
