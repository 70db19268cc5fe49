//! What only the whole configuration can tell: names, secrets that can be read, and the places of problems that the
//! plug-ins found. Knows paths and sentences, not what they mean.

use std::collections::BTreeSet;

use super::sections::Sections;
use crate::base::secret::SecretRef;
use crate::base::secret::read::read as read_secret;
use crate::base::yaml::mistake::{Mistake, Mistakes, Place, nearest, quoted};
use crate::base::yaml::reader::is_variable;
use crate::base::yaml::tree::Node;
use crate::judge::evaluate::rules::Problem;

/// A name that routes use for the channels of the token's own team.
pub const TEAM: &str = "team";
/// First part of the names of own logins.
const OWN: &str = "forewarn";

/// The joined tree, and the mistakes found in it so far.
pub struct Check<'a> {
    pub root: &'a Node,
    pub mistakes: &'a mut Mistakes,
}

impl Check<'_> {
    /// Notes a mistake of the value at `path`.
    pub fn note(&mut self, path: &str, text: impl Into<String>) {
        self.add(path, text.into(), false);
    }
    /// The same, where the value may be a secret.
    pub fn note_secret(&mut self, path: &str, text: impl Into<String>) {
        self.add(path, text.into(), true);
    }
    fn add(&mut self, path: &str, text: String, secret: bool) {
        let place = self.place(path);
        self.mistakes.note(Mistake { place, path: path.to_owned(), text, secret });
    }

    /// What a plug-in found, at its place; dropped where reading had already found something there or below.
    pub fn problem(&mut self, problem: &Problem) {
        let path = &problem.path;
        if self.mistakes.within(path) || self.told_above(path) {
            return;
        }
        let text = self.suggest(problem);
        let key = problem.text.split('"').nth(1).filter(|name| path.ends_with(&format!(".{name}")));
        let place = key.and_then(|_| self.root.key_at(path)).or_else(|| self.place(path));
        self.mistakes.note(Mistake { place, path: path.clone(), text, secret: false });
    }
    /// What is not there was told to be missing.
    fn told_above(&self, path: &str) -> bool {
        let parent = path.rfind(['.', '[']).map_or("", |cut| &path[..cut]);
        self.root.at(path).is_none() && self.mistakes.list.iter().any(|mistake| mistake.path == parent)
    }

    /// `there is no schedule "quaterly". Did you mean "quarterly" (forewarn.yml:7)?`
    fn suggest(&self, problem: &Problem) -> String {
        let Problem { path, text, nearest_of } = problem;
        let Some(name) = text.split('"').nth(1).filter(|_| !nearest_of.is_empty()) else { return text.clone() };
        match nearest(name, nearest_of.iter().map(String::as_str)) {
            None => format!("{text}. There is: {}", nearest_of.join(", ")),
            Some(near) => {
                let place = self.named(path, near).map(|place| format!(" ({})", self.mistakes.line_of(place)));
                format!("{text}. Did you mean {}{}?", quoted(near), place.unwrap_or_default())
            }
        }
    }

    /// Where the thing called `name`, to which the key at `path` refers, is written.
    fn named(&self, path: &str, name: &str) -> Option<Place> {
        let key = path.rsplit('.').next()?.split('[').next()?;
        let section = match key {
            "schedule" => "schedules",
            "team" => "teams",
            "pipelines" => "pipelines",
            "to" | "channels" | "fallback" => "channels",
            _ => return None,
        };
        self.root.get(section)?.key_at(name)
    }

    /// The value at `path`; where it ends in a key that names the fault, the key; else what is nearest above.
    pub fn place(&self, path: &str) -> Option<Place> {
        match self.root.at(path) {
            Some(node) if node.text().is_some() => Some(node.place),
            Some(node) => self.root.key_at(path).or(Some(node.place)),
            None => {
                let cut = path.rfind(['.', '['])?;
                self.place(&path[..cut])
            }
        }
    }
    /// `forewarn.yml:21`, of the key at `path`.
    pub fn line_of(&self, path: &str) -> Option<String> {
        let place = self.root.key_at(path).or_else(|| self.place(path))?;
        Some(self.mistakes.line_of(place))
    }
}

/// Names that would break an identity or that mean something else.
pub fn names(check: &mut Check<'_>, sections: &Sections) {
    let maps: [(&str, Vec<&String>); 5] = [
        ("collectors", sections.collectors.keys().collect()),
        ("teams", sections.teams.iter().flat_map(|teams| teams.keys()).collect()),
        ("schedules", sections.schedules.keys().collect()),
        ("pipelines", sections.pipelines.keys().collect()),
        ("channels", sections.channels.keys().collect()),
    ];
    for (section, names) in maps {
        for name in names {
            let Some(text) = wrong_name(section, name) else { continue };
            let place = check.root.get(section).and_then(|node| node.key_at(name));
            let path = format!("{section}.{name}");
            check.mistakes.note(Mistake { place, path, text, secret: false });
        }
    }
}

fn wrong_name(section: &str, name: &str) -> Option<String> {
    const MOST: usize = 100;
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > MOST {
        return Some(format!("a name has 1 to {MOST} bytes"));
    }
    match section {
        "collectors" if name == OWN => {
            Some(format!("{} is reserved: it begins the names of the collectors' own logins", quoted(name)))
        }
        "collectors" | "channels" if !name.chars().all(plain) => {
            Some("a name is made of letters, digits, `-`, `_` and `.`".into())
        }
        "channels" if name == TEAM => {
            Some(format!("{} is reserved: in `to:` it means the channels of the token's own team", quoted(name)))
        }
        _ if name.chars().any(char::is_control) => Some("a name holds no control characters".into()),
        _ => None,
    }
}

/// Every reference to a secret must be readable now. A variable's name is shown only if it cannot be the secret itself.
pub fn secrets(check: &mut Check<'_>) {
    let seen = std::mem::take(&mut check.mistakes.secrets);
    let mut told = BTreeSet::new();
    for secret in seen {
        let reference = match secret.env {
            true => SecretRef::Env(secret.target.clone()),
            false => SecretRef::File(secret.target.clone().into()),
        };
        let Err(error) = read_secret(&reference) else { continue };
        let shown = !secret.env || is_variable(&secret.target);
        let text = if shown {
            error.to_string()
        } else {
            "this environment variable cannot be read (its name is not shown, lest it be the secret itself)".into()
        };
        if told.insert((secret.place, secret.path.clone())) {
            check.mistakes.note(Mistake { place: Some(secret.place), path: secret.path, text, secret: true });
        }
    }
}
