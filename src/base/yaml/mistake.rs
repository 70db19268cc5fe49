//! A mistake in a configuration: file, line, column, path, and what would be right. Renders them as people read them;
//! a line that may hold a secret is never quoted.

use std::fmt::Write as _;
use std::path::PathBuf;

/// Index into the list of files read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileNo(pub u16);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub file: FileNo,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub place: Option<Place>,
    pub path: String,
    /// What is wrong and what would be right; lower case; never a secret.
    pub text: String,
    /// The line holds, or may hold, a secret: never quoted.
    pub secret: bool,
}

/// A file that was read.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// As the user named it.
    pub name: String,
    pub text: String,
    /// Relative paths in it start here.
    pub folder: PathBuf,
}

/// A reference to a secret that was read somewhere: `{ env: NAME }` or `{ file: PATH }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretSeen {
    pub place: Place,
    pub path: String,
    /// `env`, else `file`.
    pub env: bool,
    /// Name of the variable, or the path, made absolute to its file's folder.
    pub target: String,
}

/// Every mistake of one load, and what reading met on its way.
#[derive(Clone, Debug, Default)]
pub struct Mistakes {
    pub list: Vec<Mistake>,
    /// By [`FileNo`]; empty where one text without a name is read.
    pub files: Vec<Source>,
    /// References to secrets, for whoever checks that they can be read.
    pub secrets: Vec<SecretSeen>,
}

impl Mistakes {
    /// Notes it, once; a thousand are enough for a day's work.
    pub fn note(&mut self, mistake: Mistake) {
        if self.list.len() < MOST && !self.list.contains(&mistake) {
            self.list.push(mistake);
        }
    }
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
    /// By file, line and column; those without a place first.
    pub fn sort(&mut self) {
        self.list.sort_by_key(|mistake| mistake.place);
    }
    /// Whether something was noted at `path` or below it.
    pub fn within(&self, path: &str) -> bool {
        self.list.iter().any(|mistake| {
            mistake.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }
    /// `forewarn.yml:7`, for a mention inside a sentence.
    pub fn line_of(&self, place: Place) -> String {
        match self.file(place) {
            Some(source) => format!("{}:{}", source.name, place.line),
            None => format!("line {}", place.line),
        }
    }
    fn file(&self, place: Place) -> Option<&Source> {
        self.files.get(usize::from(place.file.0))
    }

    /// One line a mistake; for logs and answers to a reload.
    pub fn lines(&self) -> Vec<String> {
        self.list.iter().map(|mistake| self.line(mistake)).collect()
    }
    fn line(&self, mistake: &Mistake) -> String {
        let mut line = String::new();
        if let Some(place) = mistake.place {
            let name = self.file(place).map_or("", |source| &source.name);
            let colon = if name.is_empty() { "" } else { ":" };
            let _ = write!(line, "{name}{colon}{}:{}: ", place.line, place.column);
        }
        if !mistake.path.is_empty() {
            let _ = write!(line, "{}: ", visible(&mistake.path));
        }
        let stop = if mistake.text.ends_with(['.', '?', '!']) { "" } else { "." };
        line + &visible(&mistake.text) + stop
    }

    /// All of them for a person, with source lines where a spelling is at fault, and their number.
    pub fn render(&self) -> String {
        let mut out = String::new();
        for mistake in &self.list {
            out += &self.line(mistake);
            out.push('\n');
            out += &self.excerpt(mistake).unwrap_or_default();
        }
        let count = self.list.len();
        let _ = writeln!(out, "{count} mistake{}; nothing is loaded.", if count == 1 { "" } else { "s" });
        out
    }

    fn excerpt(&self, mistake: &Mistake) -> Option<String> {
        let place = mistake.place?;
        if mistake.secret || !mistake.text.contains("Did you mean") {
            return None;
        }
        let line = self.file(place)?.text.lines().nth(place.line as usize - 1)?;
        if line.chars().count() > WIDEST || may_hold_secret(line) {
            return None;
        }
        let before = place.column as usize - 1;
        let carets = "^".repeat(width(line.chars().skip(before)));
        Some(format!("{:>5} | {}\n      | {:before$}{carets}\n", place.line, visible(line), ""))
    }
}

/// Most mistakes kept.
const MOST: usize = 1_000;
/// Longest sentence and path shown, characters.
const LONGEST: usize = 1_000;
/// Lines longer than this are not quoted.
const WIDEST: usize = 160;

/// Characters of the word or quoted text at the beginning.
fn width(mut rest: impl Iterator<Item = char>) -> usize {
    match rest.next() {
        None => 1,
        Some(quote @ ('"' | '\'')) => 2 + rest.take_while(|&c| c != quote).count(),
        Some(_) => 1 + rest.take_while(|c| !c.is_whitespace() && !matches!(c, ',' | ']' | '}' | ':')).count(),
    }
}

/// Controls made visible, so that no file can draw on a terminal; cut.
fn visible(text: &str) -> String {
    text.chars().take(LONGEST).map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

/// Words in keys behind which a secret may stand.
const SECRET_WORDS: [&str; 12] =
    ["secret", "passw", "token", "login", "inspect", "webhook", "credential", "private", "auth", "value", "api", "key"];

/// Whether a key's value may be, or may hold, a secret.
pub fn guards_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key != "tokens" && key != "max_tokens" && SECRET_WORDS.iter().any(|word| key.contains(word))
}

/// Whether a source line may hold a secret: by its keys, or by a URL with a user in it.
fn may_hold_secret(line: &str) -> bool {
    let userinfo = line.split_once("://").is_some_and(|(_, rest)| rest.contains('@'));
    let bare = line.replace(['"', '\''], "");
    userinfo || bare.split([' ', '{', '[', ',']).any(|word| word.ends_with(':') && guards_secret(word))
}

/// A value in quotes, cut and made visible, for use inside a sentence.
pub fn quoted(text: &str) -> String {
    const MOST: usize = 60;
    let mut cut: String = visible(text).chars().take(MOST).collect();
    if text.chars().count() > MOST {
        cut.push('…');
    }
    format!("\"{cut}\"")
}

/// The known name nearest to a misspelt one, if any is near.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let limit = (word.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&word.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= limit && *distance < word.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str, list: Vec<(u32, u32, &str, &str, bool)>) -> Mistakes {
        let file = Source { name: "forewarn.yml".into(), text: text.into(), folder: PathBuf::new() };
        let mut mistakes = Mistakes { files: vec![file], ..Mistakes::default() };
        for (line, column, path, text, secret) in list {
            let place = Some(Place { file: FileNo(0), line, column });
            mistakes.note(Mistake { place, path: path.into(), text: text.into(), secret });
        }
        mistakes.sort();
        mistakes
    }

    #[test]
    fn mistakes_are_rendered_as_surfaces_6_3_shows_them() {
        let text = "\n\n\n\n      token: s3cr3t\n\n\n\n\n\n\n\n\n    schedule: quaterly # typo\n";
        let many = mistakes(
            text,
            vec![
                (
                    14,
                    15,
                    "policies[2].schedule",
                    "there is no schedule \"quaterly\". Did you mean \"quarterly\"?",
                    false,
                ),
                (5, 14, "collectors.gitlab.login.token", "a secret stands here in the clear (not shown).", true),
            ],
        );
        insta::assert_snapshot!(many.render(), @r#"
        forewarn.yml:5:14: collectors.gitlab.login.token: a secret stands here in the clear (not shown).
        forewarn.yml:14:15: policies[2].schedule: there is no schedule "quaterly". Did you mean "quarterly"?
           14 |     schedule: quaterly # typo
              |               ^^^^^^^^
        2 mistakes; nothing is loaded.
        "#);
    }

    #[test]
    fn a_line_that_may_hold_a_secret_is_never_quoted() {
        for line in [
            "login: { tokn: hunter2 }",
            "a: { \"password\": hunter2 }",
            "url: https://me:hunter2@host/ # isuer",
            "hook: { webhok: 1, webhook_url: hunter2 }",
            "x: { API_KEY: hunter2 }",
        ] {
            let one = mistakes(line, vec![(1, 1, "a", "unknown key \"b\". Did you mean \"c\"?", false)]);
            assert!(!one.render().contains("hunter2"), "{line}");
        }
        let flagged = mistakes("a: hunter2", vec![(1, 1, "a", "Did you mean \"c\"?", true)]);
        assert!(!flagged.render().contains("hunter2"));
        let harmless = mistakes("collectrs: {}", vec![(1, 1, "collectrs", "Did you mean \"collectors\"?", false)]);
        assert!(harmless.render().contains("collectrs: {}"));
    }

    #[test]
    fn the_nearest_name_is_near_or_none() {
        let known = ["quarterly", "monthly"];
        assert_eq!(nearest("quaterly", known), Some("quarterly"));
        assert_eq!(nearest("Monthly", known), Some("monthly"));
        assert_eq!(nearest("weekly", known), None);
    }

    #[test]
    fn control_characters_become_visible() {
        let one = mistakes("a", vec![(1, 1, "a\u{1b}[2J", "x\r\ny", false)]);
        assert_eq!(one.lines(), ["forewarn.yml:1:1: a\u{FFFD}[2J: x\u{FFFD}\u{FFFD}y."]);
    }
}
