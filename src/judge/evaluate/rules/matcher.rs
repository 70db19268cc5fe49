//! `match:`, `except:` and `ignore:` compiled: fields and globs against whatever has those fields.
//! Knows no token: who matches says what each field holds, so policies, collectors and routes share it.

use globset::{GlobBuilder, GlobMatcher};

use super::Problem;
use super::sections::MatchSection;

/// Fields of policies and of a collector's `ignore`; `fact.<name>` besides.
pub const POLICY_FIELDS: &[&str] = &["token", "place", "name", "collector", "issuer", "kind", "scope"];

/// Hands every value of the named field to the second argument.
pub type Fields<'a> = dyn Fn(&str, &mut dyn FnMut(&str)) + 'a;

/// All fields must fit; of a list, any glob; of a field with several values (`scope`), any value.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    fields: Vec<(String, Vec<Pattern>)>,
}

/// `*` stops at `/`, `**` crosses it, case is kept.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    /// What every match begins with; told apart without the automaton.
    prefix: usize,
    /// `None`: the text holds nothing special and must be equal.
    glob: Option<GlobMatcher>,
}

impl Matcher {
    /// Compiles a section that stands at `path`; every mistake is noted, what is wrong is left out.
    /// `known`: the fields that may be named, besides `fact.<name>`.
    pub fn compile(section: &MatchSection, known: &[&str], path: &str, problems: &mut Vec<Problem>) -> Self {
        let mut fields = Vec::with_capacity(section.0.len());
        for (field, texts) in &section.0 {
            let at = format!("{path}.{field}");
            let fact = field.strip_prefix("fact.").is_some_and(|name| !name.is_empty());
            if !fact && !known.contains(&field.as_str()) {
                let names = known.iter().copied().chain(["fact.<name>"]);
                problems.push(Problem::unknown(at, "field", field, names));
                continue;
            }
            if texts.0.is_empty() {
                problems.push(Problem::new(at, "an empty list matches nothing, write at least one glob"));
                continue;
            }
            let many = texts.0.len() > 1;
            let mut patterns = Vec::with_capacity(texts.0.len());
            for (nth, text) in texts.0.iter().enumerate() {
                match Pattern::compile(text) {
                    Ok(pattern) => patterns.push(pattern),
                    Err(why) if many => problems.push(Problem::new(format!("{at}[{nth}]"), why)),
                    Err(why) => problems.push(Problem::new(&at, why)),
                }
            }
            fields.push((field.clone(), patterns));
        }
        Self { fields }
    }
    /// Without a field it fits everything.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
    /// `field(name, each)` hands every value of a field to `each`; a field without a value never fits.
    pub fn fits(&self, field: &Fields<'_>) -> bool {
        self.fields.iter().all(|(name, patterns)| {
            let mut any = false;
            field(name, &mut |value| any = any || patterns.iter().any(|pattern| pattern.fits(value)));
            any
        })
    }
    /// Whether the own login with this label is named on purpose (semantics 1.3): by `token: "forewarn/..."` or
    /// `kind: login`, not by a glob that happens to reach so far.
    pub(super) fn names_login(&self, label: &str) -> bool {
        self.fields.iter().any(|(name, patterns)| match name.as_str() {
            "token" => patterns.iter().any(|pattern| pattern.text.starts_with("forewarn/") && pattern.fits(label)),
            "kind" => patterns.iter().any(|pattern| pattern.text == "login"),
            _ => false,
        })
    }
}

impl Pattern {
    /// One sentence if it is no glob.
    pub fn compile(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("an empty glob matches nothing; leave the field out".into());
        }
        if text.split('/').any(|part| part.contains("**") && part != "**") {
            return Err(format!(
                "in the glob \"{text}\" `**` must stand alone between slashes, as in \"gitlab/platform/**\""
            ));
        }
        let special = text.find(['*', '?', '[', ']', '{', '}', '\\']);
        let glob = match special {
            None => None,
            Some(_) => Some(
                GlobBuilder::new(text)
                    .literal_separator(true)
                    .backslash_escape(true)
                    .build()
                    .map_err(|error| format!("the glob \"{text}\" is not valid: {}", error.kind()))?
                    .compile_matcher(),
            ),
        };
        let prefix = special.unwrap_or(text.len());
        // `a/**/b` also fits `a/b`, so what stands before `**` is certain only without its slash.
        let prefix = if text[prefix..].starts_with("**") { prefix.saturating_sub(1) } else { prefix };
        Ok(Self { text: text.to_owned(), prefix, glob })
    }
    pub fn fits(&self, value: &str) -> bool {
        match &self.glob {
            None => self.text == value,
            Some(glob) => value.starts_with(&self.text[..self.prefix]) && glob.is_match(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sections::OneOrMany;
    use super::*;

    fn section(fields: &[(&str, &[&str])]) -> MatchSection {
        let texts = |list: &[&str]| OneOrMany(list.iter().map(|&text| text.to_owned()).collect());
        MatchSection(fields.iter().map(|&(name, list)| (name.to_owned(), texts(list))).collect())
    }
    fn matcher(fields: &[(&str, &[&str])]) -> Matcher {
        let mut problems = Vec::new();
        let matcher = Matcher::compile(&section(fields), POLICY_FIELDS, "policies[0].match", &mut problems);
        assert_eq!(problems, []);
        matcher
    }
    fn glob(text: &str, value: &str) -> bool {
        matcher(&[("token", &[text])]).fits(&|_, each| each(value))
    }

    #[test]
    fn a_star_stays_within_a_part_and_two_cross() {
        let table = [
            ("gitlab/*", "gitlab/renovate", true),
            ("gitlab/*", "gitlab/platform/renovate", false),
            ("gitlab/**", "gitlab/platform/renovate", true),
            ("gitlab/**", "gitlab", false),
            ("gitlab/**/renovate", "gitlab/renovate", true),
            ("gitlab/**/renovate", "gitlab/a/b/renovate", true),
            ("**", "a/b/c", true),
            ("**/renovate", "renovate", true),
            ("deploy-*", "deploy-prod", true),
            ("deploy-*", "Deploy-prod", false),
            ("deploy-?", "deploy-1", true),
            ("deploy", "deploy", true),
            ("deploy", "deploy-1", false),
            ("{a,b}-ci", "b-ci", true),
            ("*", "", true),
            ("x\\*", "x*", true),
            ("x\\*", "xy", false),
        ];
        for (text, value, fits) in table {
            assert_eq!(glob(text, value), fits, "{text} against {value}");
        }
    }

    #[test]
    fn all_fields_must_fit_and_any_of_a_list() {
        let both = matcher(&[("name", &["a", "b*"]), ("scope", &["write_*"])]);
        let fits = |name: &str, scopes: &[&str]| {
            both.fits(&|field, each| match field {
                "name" => each(name),
                _ => scopes.iter().for_each(|scope| each(scope)),
            })
        };
        assert!(fits("bc", &["read_api", "write_api"]));
        assert!(!fits("bc", &["read_api"]));
        assert!(!fits("c", &["write_api"]));
        assert!(!fits("a", &[]));
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let mut problems = Vec::new();
        let wrong = section(&[("nmae", &["x"]), ("name", &["ok", "a[", "b**c"]), ("kind", &[]), ("fact.team", &[""])]);
        Matcher::compile(&wrong, POLICY_FIELDS, "policies[3].match", &mut problems);
        let told: Vec<_> = problems.iter().map(|problem| format!("{}: {}", problem.path, problem.text)).collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        policies[3].match.fact.team: an empty glob matches nothing; leave the field out
        policies[3].match.kind: an empty list matches nothing, write at least one glob
        policies[3].match.name[1]: the glob "a[" is not valid: unclosed character class; missing ']'
        policies[3].match.name[2]: in the glob "b**c" `**` must stand alone between slashes, as in "gitlab/platform/**"
        policies[3].match.nmae: there is no field "nmae"
        "#);
        assert!(problems[4].nearest_of.contains(&"name".to_owned()));
    }

    #[test]
    fn rule_1_3_an_own_login_is_governed_only_by_name() {
        assert!(matcher(&[("token", &["forewarn/*"])]).names_login("forewarn/vault"));
        assert!(matcher(&[("kind", &["login"])]).names_login("forewarn/vault"));
        assert!(!matcher(&[("token", &["forewarn/gitlab", "**"])]).names_login("forewarn/vault"));
        assert!(!matcher(&[("kind", &["*"])]).names_login("forewarn/vault"));
    }
}
