//! Filter words: which tokens an answer is about. One parser for the command line (`team=platform`), the query of the
//! API and the page; judged on tokens as the world holds them, never on what is printed of them. Pure.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveTime, TimeDelta};

use crate::base::yaml::mistake::nearest;
use crate::domain::At;
use crate::domain::episode::Subject;
use crate::domain::finding::{FindingKind, Severity, Standing, TokenState};
use crate::domain::key::TokenKey;
use crate::domain::token::Token;
use crate::judge::evaluate::rules::matcher::{Matcher, POLICY_FIELDS, Pattern};
use crate::judge::evaluate::rules::sections::{MatchSection, OneOrMany};
use crate::judge::world::World;

/// Every word with what it asks for; `fact.<name>` besides. The documents and the API's description show these lines.
pub const WORDS: &[(&str, &str)] = &[
    ("token", "The label `collector/place/name`; globs: `*` stays within a part, `**` crosses `/`"),
    ("place", "Path of the place that owns the token; globs"),
    ("name", "Name of the token; globs"),
    ("collector", "Name of the collector; globs"),
    ("issuer", "Name of the issuer's definition; globs"),
    ("kind", "Kind as the issuer's definition names it; globs"),
    ("scope", "A scope that the token holds; globs"),
    ("team", "Name of the team; globs"),
    ("pipeline", "Name of a pipeline that breaks with it; globs"),
    ("schedule", "Name of its rotation schedule; globs"),
    ("finding", "Kind of an open finding; globs"),
    ("severity", "Severity of an open finding, of the same one that `finding` asks for"),
    ("state", "State of the token"),
    ("needs", "`true`: tokens with an open finding at warning or above; `false`: the quiet ones"),
    ("day", "Deadline on that day, UTC, as in 2026-12-01"),
    ("q", "Text that is a part of the token's label, owner, team, a pipeline or the code of an open finding"),
];

/// Longest value of a word, bytes: more than any name that is kept.
const MOST: usize = 1000;
/// Longest text that is looked for, characters.
pub const LONGEST: usize = 250;
/// Most globs of one word.
const MANY: usize = 100;

/// What is asked for; without a word, everything. All words must fit; of a list, any value.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    fields: Matcher,
    team: Option<Vec<Pattern>>,
    pipeline: Option<Vec<Pattern>>,
    schedule: Option<Vec<Pattern>>,
    findings: Option<Vec<FindingKind>>,
    severities: Option<Vec<Severity>>,
    states: Option<Vec<TokenState>>,
    needs: Option<bool>,
    /// Starts of days.
    days: Vec<At>,
    /// Lower case.
    text: Option<String>,
}

/// Why words are no filter, one sentence a mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct Wrong(pub Vec<String>);

impl Filter {
    /// From words as typed: `team=platform`, `finding=unused,revoked`, or `needs` alone.
    pub fn words<S: AsRef<str>>(words: &[S]) -> Result<Self, Wrong> {
        let pairs = words.iter().map(|word| word.as_ref().split_once('=').unwrap_or((word.as_ref(), "")));
        Self::pairs(pairs)
    }
    /// From names and values, as a query holds them; a name may come again.
    pub fn pairs<'p>(pairs: impl IntoIterator<Item = (&'p str, &'p str)>) -> Result<Self, Wrong> {
        let mut reading = Reading::default();
        for (word, value) in pairs {
            reading.take(word, value);
        }
        reading.done()
    }
    /// Whether it lets everything through.
    pub fn is_open(&self) -> bool {
        self.fields.is_empty()
            && [&self.team, &self.pipeline, &self.schedule].iter().all(|globs| globs.is_none())
            && self.findings.is_none()
            && self.severities.is_none()
            && self.states.is_none()
            && self.needs.is_none()
            && self.days.is_empty()
            && self.text.is_none()
    }
    /// Ready to be asked about every token of a world.
    pub fn within<'w>(&'w self, world: &'w World) -> Asking<'w> {
        let coded = self.text.as_deref().map(|text| coded(world, text)).unwrap_or_default();
        Asking { filter: self, world, coded }
    }
}

/// Tokens with an open finding whose code holds the text.
fn coded(world: &World, text: &str) -> BTreeSet<TokenKey> {
    const CODE: usize = 4;
    let wanted = text.to_ascii_uppercase();
    if wanted.len() > CODE {
        return BTreeSet::new();
    }
    let found = world.open_episodes().filter(|episode| episode.id.code().contains(&wanted));
    let keys = found.filter_map(|episode| match &episode.subject {
        Subject::Token(key) => Some(key.clone()),
        Subject::Channel(_) => None,
    });
    keys.collect()
}

/// A filter over one world.
pub struct Asking<'w> {
    filter: &'w Filter,
    world: &'w World,
    coded: BTreeSet<TokenKey>,
}

impl Asking<'_> {
    /// What the standing alone decides: asked first, because it costs nothing.
    pub fn stands(&self, standing: &Standing) -> bool {
        let filter = self.filter;
        filter.states.as_ref().is_none_or(|states| states.contains(&standing.state))
            && filter.needs.is_none_or(|needs| needs == needs_someone(standing))
            && (filter.days.is_empty() || filter.on_a_day(standing))
            && filter.found(standing)
    }
    pub fn fits(&self, token: &Token<'_>, standing: &Standing) -> bool {
        self.stands(standing) && self.governed(token) && self.named(token) && self.holds_text(token)
    }

    fn governed(&self, token: &Token<'_>) -> bool {
        let filter = self.filter;
        if filter.team.is_none() && filter.pipeline.is_none() && filter.schedule.is_none() {
            return true;
        }
        let policy = self.world.rules().policy(token.policy);
        let (team, schedule) = (token.team.as_ref(), policy.schedule.as_ref());
        any(&filter.team, team.map(|team| team.as_str()))
            && any(&filter.pipeline, policy.pipelines.iter().map(|pipeline| pipeline.as_str()))
            && any(&filter.schedule, schedule.map(|schedule| schedule.id.as_str()))
    }
    fn named(&self, token: &Token<'_>) -> bool {
        self.filter.fields.is_empty() || self.filter.fields.fits(&self.world.subject(token).fields())
    }
    fn holds_text(&self, token: &Token<'_>) -> bool {
        let Some(text) = self.filter.text.as_deref() else { return true };
        let holds = |value: &str| value.to_lowercase().contains(text);
        holds(&token.label)
            || token.owner.as_ref().is_some_and(|owner| holds(owner.as_str()))
            || token.team.as_ref().is_some_and(|team| holds(team.as_str()))
            || self.world.rules().policy(token.policy).pipelines.iter().any(|pipeline| holds(pipeline.as_str()))
            || self.coded.contains(token.key.as_ref())
    }
}

fn any<'v>(globs: &Option<Vec<Pattern>>, values: impl IntoIterator<Item = &'v str>) -> bool {
    let Some(globs) = globs else { return true };
    values.into_iter().any(|value| globs.iter().any(|glob| glob.fits(value)))
}

/// An open finding at warning or above.
pub fn needs_someone(standing: &Standing) -> bool {
    standing.findings.iter().any(|(_, severity)| severity >= Severity::Warning)
}

impl Filter {
    fn on_a_day(&self, standing: &Standing) -> bool {
        let Some((at, _)) = standing.deadline else { return false };
        self.days.iter().any(|day| *day <= at && at < *day + TimeDelta::days(1))
    }
    /// One open finding fits both words.
    fn found(&self, standing: &Standing) -> bool {
        if self.findings.is_none() && self.severities.is_none() {
            return true;
        }
        standing.findings.iter().any(|(kind, severity)| {
            self.findings.as_ref().is_none_or(|kinds| kinds.contains(&kind))
                && self.severities.as_ref().is_none_or(|severities| severities.contains(&severity))
        })
    }
}

/// Words while they are read; every mistake is kept.
#[derive(Default)]
struct Reading {
    fields: BTreeMap<String, OneOrMany>,
    filter: Filter,
    wrong: Vec<String>,
}

impl Reading {
    fn take(&mut self, word: &str, value: &str) {
        if value.len() > MOST {
            self.wrong.push(format!("the value of {} is longer than {MOST} bytes", shown(word)));
            return;
        }
        let fact = word.strip_prefix("fact.").is_some_and(|name| !name.is_empty());
        match word {
            _ if fact || POLICY_FIELDS.contains(&word) => self.field(word, value),
            "team" | "pipeline" | "schedule" => self.globs(word, value),
            "finding" => {
                let kinds = closed(word, value, &named(FindingKind::ALL, FindingKind::as_str), &mut self.wrong);
                self.filter.findings.get_or_insert_default().extend(kinds);
            }
            "severity" => {
                let severities = closed(word, value, &named(Severity::ALL, Severity::as_str), &mut self.wrong);
                self.filter.severities.get_or_insert_default().extend(severities);
            }
            "state" => {
                let states = closed(word, value, &named(TokenState::ALL, TokenState::as_str), &mut self.wrong);
                self.filter.states.get_or_insert_default().extend(states);
            }
            "needs" => self.needs(value),
            "day" => split(value).for_each(|day| self.day(day)),
            "q" if value.chars().count() > LONGEST => {
                self.wrong.push(format!("q is longer than {LONGEST} characters, which no name is"));
            }
            "q" => self.filter.text = Some(value.trim().to_lowercase()).filter(|text| !text.is_empty()),
            _ => self.wrong.push(unknown(word)),
        }
    }
    fn field(&mut self, word: &str, value: &str) {
        let values = values(word, value, &mut self.wrong);
        self.fields.entry(word.to_owned()).or_insert_with(|| OneOrMany(Vec::new())).0.extend(values);
    }
    fn globs(&mut self, word: &str, value: &str) {
        let mut patterns = Vec::new();
        for text in values(word, value, &mut self.wrong) {
            match Pattern::compile(&text) {
                Ok(pattern) => patterns.push(pattern),
                Err(why) => self.wrong.push(format!("{word}: {why}")),
            }
        }
        let slot = match word {
            "team" => &mut self.filter.team,
            "pipeline" => &mut self.filter.pipeline,
            _ => &mut self.filter.schedule,
        };
        slot.get_or_insert_default().extend(patterns);
    }
    fn needs(&mut self, value: &str) {
        match value {
            "" | "true" | "yes" | "1" => self.filter.needs = Some(true),
            "false" | "no" | "0" => self.filter.needs = Some(false),
            _ => self.wrong.push(format!("needs is true or false, not {}", shown(value))),
        }
    }
    fn day(&mut self, text: &str) {
        // Longer years than four digits are no dates that anybody means.
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == "2026-12-01".len());
        match date {
            Some(date) => self.filter.days.push(date.and_time(NaiveTime::MIN).and_utc()),
            None => self.wrong.push(format!("{} is not a day; write it as in day=2026-12-01", shown(text))),
        }
    }
    fn done(mut self) -> Result<Filter, Wrong> {
        let mut problems = Vec::new();
        self.filter.fields = Matcher::compile(&MatchSection(self.fields), POLICY_FIELDS, "", &mut problems);
        let say = |path: &str, text: &str| format!("{}: {text}", path.trim_start_matches('.'));
        // What is empty was told already.
        let told = |text: &str| text.starts_with("an empty list");
        let problems = problems.iter().filter(|problem| !told(&problem.text));
        self.wrong.extend(problems.map(|problem| say(&problem.path, &problem.text)));
        if self.wrong.is_empty() { Ok(self.filter) } else { Err(Wrong(self.wrong)) }
    }
}

/// Every item of a closed list with its name.
pub fn named<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> Vec<(&'static str, T)> {
    all.iter().map(|item| (name(*item), *item)).collect()
}

/// Values out of a closed list, by name or by glob; what is none of them is a mistake.
pub fn closed<T: Clone>(word: &str, value: &str, all: &[(&str, T)], wrong: &mut Vec<String>) -> Vec<T> {
    let mut picked = Vec::new();
    for text in values(word, value, wrong) {
        match Pattern::compile(&text) {
            Err(why) => wrong.push(format!("{word}: {why}")),
            Ok(pattern) => {
                let before = picked.len();
                picked.extend(all.iter().filter(|(name, _)| pattern.fits(name)).map(|(_, item)| item.clone()));
                if picked.len() == before {
                    let mut names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
                    names.dedup();
                    wrong.push(no_such(word, &text, &names));
                }
            }
        }
    }
    picked
}

/// The values of a list, bounded; an empty one is a mistake.
pub fn values(word: &str, value: &str, wrong: &mut Vec<String>) -> Vec<String> {
    let values: Vec<String> = split(value).map(str::to_owned).collect();
    if values.iter().any(String::is_empty) {
        wrong.push(format!("{0} needs a value, as in {0}={1}", word, example(word)));
        return Vec::new();
    }
    if values.len() > MANY {
        wrong.push(format!("{word} has more than {MANY} values"));
        return Vec::new();
    }
    values
}

/// At commas, but not inside the braces of a glob and not behind a backslash.
fn split(value: &str) -> impl Iterator<Item = &str> {
    let (mut depth, mut escaped) = (0i32, false);
    value.split(move |c: char| {
        let cut = c == ',' && depth <= 0 && !escaped;
        match c {
            '{' if !escaped => depth += 1,
            '}' if !escaped => depth -= 1,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        cut
    })
}

/// `there is no filter "nam"; did you mean "name"?`
fn unknown(word: &str) -> String {
    let known: Vec<&str> = WORDS.iter().map(|(word, _)| *word).chain(["fact.<name>"]).collect();
    no_such("filter", word, &known)
}

/// A name that is none, with the nearest that is one.
pub fn no_such(what: &str, name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("there is no {what} {}; did you mean \"{near}\"?", shown(name)),
        None => format!("there is no {what} {}; there is: {}", shown(name), known.join(", ")),
    }
}

/// What somebody typed, quoted, bounded and inert.
pub fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let clean = crate::domain::text::Text::new(text);
    match clean.as_str().char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("\"{}…\"", &clean.as_str()[..cut]),
        None => format!("\"{clean}\""),
    }
}

fn example(word: &str) -> &'static str {
    match word {
        "token" => "gitlab/platform/**",
        "collector" | "issuer" => "gitlab",
        "finding" => "unused",
        "severity" => "critical",
        "state" => "expired",
        "team" => "platform",
        "pipeline" => "deploy-prod",
        "schedule" => "quarterly",
        "scope" => "read_api",
        _ => "deploy-*",
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn labels(words: &[&str]) -> Vec<String> {
        let filter = Filter::words(words).unwrap_or_else(|wrong| panic!("{words:?}: {wrong}"));
        let world = sample::world();
        let asking = filter.within(&world);
        let mut found = Vec::new();
        world.watched(&mut |token, standing| {
            if asking.fits(token, standing) {
                found.push(token.label.to_string());
            }
        });
        found
    }
    fn wrong(words: &[&str]) -> String {
        Filter::words(words).unwrap_err().to_string()
    }

    const RENOVATE: &str = "gitlab/platform/renovate";
    const MIRROR: &str = "gitlab/platform/old-mirror";
    const HOSTILE: &str = "gitlab/shop/label-<b>bot</b>";
    const REVOKED: &str = "keycloak/ci/deploy-bot";
    const AWS: &str = "aws/ci-deploy";

    #[test]
    fn every_word_narrows_and_all_must_fit() {
        let table: &[(&[&str], &[&str])] = &[
            (&["collector=gitlab"], &[MIRROR, RENOVATE, HOSTILE]),
            (&["token=gitlab/platform/*"], &[MIRROR, RENOVATE]),
            (&["token=gitlab/*"], &[]),
            (&["name=deploy-*,renovate"], &[RENOVATE, REVOKED]),
            (&["name=deploy-*", "name=renovate"], &[RENOVATE, REVOKED]),
            (&["name={old,young}-mirror"], &[MIRROR]),
            (&["scope=read_registry"], &[RENOVATE]),
            (&["issuer=keycloak"], &[REVOKED]),
            (&["place=platform", "state=never"], &[MIRROR]),
            (&["team=plat*"], &[MIRROR, RENOVATE]),
            (&["team=platform,identity", "pipeline=deploy-prod"], &[RENOVATE, REVOKED]),
            (&["pipeline=nightly"], &[AWS]),
            (&["schedule=quarterly", "collector=aws"], &[AWS]),
            (&["finding=revoked"], &[REVOKED]),
            (&["finding=rotation_missed"], &[AWS]),
            (&["finding=rotation_*"], &[RENOVATE, AWS]),
            (&["severity=critical"], &[REVOKED]),
            (&["finding=expires_soon", "severity=critical"], &[]),
            (&["state=revoked,ending"], &[RENOVATE, REVOKED]),
            (&["day=2026-12-01"], &[RENOVATE]),
            (&["day=2026-12-02"], &[]),
            (&["q=RENO"], &[RENOVATE]),
            (&["q=group_7_bot"], &[RENOVATE]),
            (&["q=deploy-prod"], &[RENOVATE, REVOKED]),
            (&["q=<b>"], &[HOSTILE]),
            (&["q=no such text"], &[]),
            (&["fact.team=x"], &[]),
        ];
        for (words, expected) in table {
            let mut expected: Vec<&str> = expected.to_vec();
            let mut found = labels(words);
            expected.sort_unstable();
            found.sort_unstable();
            assert_eq!(found, expected, "{words:?}");
        }
        let all = labels(&[]).len();
        assert_eq!(labels(&["needs"]).len() + labels(&["needs=false"]).len(), all);
        assert!(labels(&["needs"]).contains(&REVOKED.to_owned()));
        assert!(Filter::words(&[""; 0]).unwrap().is_open() && !Filter::words(&["needs"]).unwrap().is_open());
    }

    #[test]
    fn a_code_finds_its_token() {
        let world = sample::world();
        let episode = world.open_episodes().find(|episode| episode.kind == FindingKind::Revoked).unwrap();
        let code = episode.id.code().to_lowercase();
        assert!(labels(&[&format!("q={code}")]).contains(&REVOKED.to_owned()));
    }

    #[test]
    fn every_mistake_is_a_sentence() {
        insta::assert_snapshot!(wrong(&["nam=x"]), @r#"there is no filter "nam"; did you mean "name"?"#);
        insta::assert_snapshot!(wrong(&["renovate"]), @r#"there is no filter "renovate"; there is: token, place, name, collector, issuer, kind, scope, team, pipeline, schedule, finding, severity, state, needs, day, q, fact.<name>"#);
        insta::assert_snapshot!(wrong(&["finding=unuse"]), @r#"there is no finding "unuse"; did you mean "unused"?"#);
        insta::assert_snapshot!(wrong(&["severity=high"]), @r#"there is no severity "high"; there is: info, warning, critical"#);
        insta::assert_snapshot!(wrong(&["name="]), @"name needs a value, as in name=deploy-*");
        insta::assert_snapshot!(wrong(&["team=a,"]), @"team needs a value, as in team=platform");
        insta::assert_snapshot!(wrong(&["day=1 Dec"]), @r#""1 Dec" is not a day; write it as in day=2026-12-01"#);
        insta::assert_snapshot!(wrong(&["needs=perhaps"]), @r#"needs is true or false, not "perhaps""#);
        insta::assert_snapshot!(wrong(&["pipeline=a[", "name=b**c"]), @r#"pipeline: the glob "a[" is not valid: unclosed character class; missing ']'; name: in the glob "b**c" `**` must stand alone between slashes, as in "gitlab/platform/**""#);
        assert!(wrong(&[&format!("name={}", "x".repeat(MOST + 1))]).contains("longer"));
        assert!(wrong(&[&format!("name={}", vec!["x"; MANY + 1].join(","))]).contains("more than 100"));
        assert!(wrong(&[&format!("q={}", "é".repeat(LONGEST + 1))]).contains("250 characters"));
        assert!(!wrong(&["\u{1b}[31mx=1"]).contains('\u{1b}'), "what was typed stays inert");
    }

    proptest::proptest! {
        #[test]
        fn no_words_panic(word in ".{0,12}", value in ".{0,40}", known in 0..WORDS.len()) {
            let _ = Filter::pairs([(word.as_str(), value.as_str())]);
            let _ = Filter::pairs([(WORDS[known].0, value.as_str())]);
            let _ = Filter::words(&[format!("{word}={value}")]);
        }
    }
}
