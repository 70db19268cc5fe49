//! Sections whose YAML has two shapes: text or a list, a name or a fact. Everything else is derived.
//! Knows serde alone, no YAML.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{OneOrMany, Problem, TeamSection};

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
    use super::super::{MatchSection, PolicySection};
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
