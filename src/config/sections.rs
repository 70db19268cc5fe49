//! The shape of the whole file: which sections there are, which keys are not built yet, and each section's own struct.
//! The plug-ins' shapes are theirs; nothing here judges a value.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::http::client::{Proxy, Tls};
use crate::base::secret::SecretRef;
use crate::base::yaml::mistake::{Mistake, Mistakes, nearest, quoted};
use crate::base::yaml::reader::{read, read_entry};
use crate::base::yaml::tree::{Key, Node, Value, join};
use crate::collect::login::LoginSection;
use crate::deliver::channel::ChannelSection;
use crate::domain::spelling::{BaseUrl, Duration, Expires, Glob, Instant};
use crate::judge::evaluate::rules::sections::{MatchSection, PipelineSection, PolicySection, ScheduleSection};
use crate::judge::tell::route::{RouteSection, TeamSection};

/// Sections by name; for each whether files of a folder join their entries.
pub const SECTIONS: [(&str, Joined); 12] = [
    ("store", Joined::Once),
    ("collectors", Joined::Map),
    ("teams", Joined::Map),
    ("schedules", Joined::Map),
    ("pipelines", Joined::Map),
    ("policies", Joined::List),
    ("calendars", Joined::Map),
    ("channels", Joined::Map),
    ("routes", Joined::List),
    ("alertmanager", Joined::Once),
    ("heartbeat", Joined::Once),
    ("metrics", Joined::Once),
];

/// How a section of several files becomes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined {
    /// It stands in one file.
    Once,
    Map,
    List,
}

/// Keys of the contract that this version does not build. `*` is any name, `[*]` any item.
const NOT_BUILT: [&[&str]; 20] = [
    &["calendars"],
    &["alertmanager"],
    &["heartbeat"],
    &["store", "postgres"],
    &["teams", "*", "calendar"],
    &["pipelines", "*", "calendar"],
    &["policies", "[*]", "copies"],
    &["routes", "[*]", "calendar"],
    &["collectors", "*", "login", "approle"],
    &["collectors", "*", "login", "kubernetes"],
    &["collectors", "*", "login", "github_app"],
    &["collectors", "*", "login", "aws"],
    &["channels", "*", "slack_api"],
    &["channels", "*", "pagerduty"],
    &["channels", "*", "opsgenie"],
    &["channels", "*", "discord"],
    &["channels", "*", "google_chat"],
    &["channels", "*", "mattermost"],
    &["channels", "*", "ntfy"],
    &["channels", "*", "telegram"],
];

/// One issuer that is asked, or files that are read. Its name is the label `collector` and begins the name of each of its
/// tokens: renaming a collector renames its tokens.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CollectorSection {
    /// The issuer's definition: a shipped one, or one of your own from the folder of `--config.issuers`.
    #[schemars(length(min = 1), example = &"gitlab")]
    pub issuer: String,
    /// Where the issuer is; needed unless its definition has a URL.
    #[schemars(with = "Option<BaseUrl>")]
    pub url: Option<String>,
    /// Time between two polls; at least 1m, but for issuers on loopback addresses.
    #[schemars(with = "Option<Duration>", extend("default" = "15m"))]
    pub every: Option<String>,
    /// Time limit of one request.
    #[schemars(with = "Option<Duration>", extend("default" = "20s"))]
    pub timeout: Option<String>,
    /// Requests in flight; the definition's limit holds if it is lower.
    #[schemars(range(min = 1), extend("default" = 4))]
    pub concurrency: Option<u16>,
    /// How old a reading may be before its tokens are `unverified`. Default 3 × `every`, at least 1h; offline never.
    #[schemars(with = "Option<Duration>", example = &"1h")]
    pub stale_after: Option<String>,
    /// How to get out: `environment` (HTTPS_PROXY, NO_PROXY), `none`, or the URL of a proxy.
    #[schemars(extend("default" = "environment"))]
    pub proxy: Option<Proxy>,
    /// Certificates for talking to the issuer; without it the system's roots.
    pub tls: Option<Tls>,
    /// Where tokens are introspected, instead of discovery by `url`. A token is sent only to a URL that is named or found there.
    #[schemars(with = "Option<BaseUrl>", example = &"https://sso.example.com/introspect")]
    pub introspection_endpoint: Option<String>,
    /// How forewarn proves who it is: exactly one form, out of those that the issuer takes.
    pub login: Option<LoginSection>,
    /// Narrows what is listed; its keys are the issuer's own. A login without `inspect` lists everything it sees.
    // Their values are read from the tree.
    pub inventory: Option<BTreeMap<String, serde_json::Value>>,
    /// Tokens that ask about themselves, by a name of yours. Given without `inventory`, nothing else is listed.
    #[schemars(example = serde_json::json!({ "deploy-bot": { "file": "/run/secrets/deploy-bot" } }))]
    pub inspect: Option<BTreeMap<String, SecretRef>>,
    /// Kinds to watch besides those of machines; the issuer's document lists them.
    #[schemars(example = ["personal"])]
    pub kinds: Option<Vec<String>>,
    /// What a rotation keeps: the `name`; or the issuer's `id`, where independent tokens share a name and a rotation is one
    /// token gone and another come.
    #[schemars(extend("default" = "name"))]
    pub slots: Option<Slots>,
    /// Most tokens to hold; more are counted and said, not watched.
    #[schemars(range(min = 1), extend("default" = 1_000_000))]
    pub max_tokens: Option<usize>,
    /// Records that are never tokens of yours: counted, not watched.
    #[schemars(example = serde_json::json!([{ "name": "project_*_bot_*" }]))]
    pub ignore: Option<Vec<MatchSection>>,
    /// Globs of the files to read; relative ones start at the folder of the configuration file.
    #[schemars(with = "Option<Vec<Glob>>", example = ["/etc/pki/ci/**/*.pem"])]
    pub files: Option<Vec<PathBuf>>,
    /// Whether certificates that sign themselves are watched too.
    #[schemars(extend("default" = "hide"))]
    pub trust_roots: Option<TrustRoots>,
    /// Names and dates that you type, for issuers that tell nothing.
    pub tokens: Option<Vec<TypedSection>>,
}

/// What a rotation keeps.
// Semantics 1.9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Slots {
    Name,
    Id,
}

/// Whether certificates that sign themselves are watched too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrustRoots {
    Hide,
    Show,
}

/// A token whose dates you type.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TypedSection {
    /// Its name; each once.
    #[schemars(length(min = 1), example = &"nuget-push")]
    pub name: String,
    /// When it ends: a day, an instant, or `never`.
    #[schemars(with = "Expires")]
    pub expires: String,
    /// When it was issued.
    #[schemars(with = "Option<Instant>")]
    pub issued: Option<String>,
}

/// The section `store:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSection {
    /// The SQLite file.
    pub path: PathBuf,
}

/// Which series `/metrics` has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsSection {
    /// Which tokens have series of their own: `all`, `findings` (only those with an open finding), `none`. Sums always stay.
    pub tokens: TokensShown,
    /// Families that are off unless named here.
    pub also: Vec<Also>,
    /// Beyond so many tokens only those with a finding, or a deadline within 90 days, have series; a gauge says so.
    #[schemars(extend("default" = 200_000))]
    pub narrow_above: Option<usize>,
}

impl MetricsSection {
    /// Tokens beyond which the page narrows.
    pub fn narrow_above(&self) -> usize {
        self.narrow_above.unwrap_or(200_000)
    }
}

/// Which tokens have series of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokensShown {
    #[default]
    All,
    Findings,
    None,
}

/// Families that are off by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Also {
    Issued,
    LastUsed,
}

impl Also {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::LastUsed => "last_used",
        }
    }
}

/// Everything that was read. A value that could not be read stands as its default, so that names and numbers stay.
#[derive(Clone, Debug, Default)]
pub struct Sections {
    pub collectors: BTreeMap<String, Option<CollectorSection>>,
    pub teams: Option<BTreeMap<String, TeamSection>>,
    pub schedules: BTreeMap<String, ScheduleSection>,
    pub pipelines: BTreeMap<String, PipelineSection>,
    pub policies: Vec<PolicySection>,
    pub channels: BTreeMap<String, ChannelSection>,
    /// `None`: the section is absent.
    pub routes: Option<Vec<RouteSection>>,
    pub metrics: MetricsSection,
}

/// Reads every section of the joined tree; takes out what is not built, with a sentence.
pub fn read_all(root: &mut Node, mistakes: &mut Mistakes) -> Sections {
    for pattern in NOT_BUILT {
        take_out(root, pattern, "", mistakes);
    }
    unknown_sections(root, mistakes);
    let root = &*root;
    let teams = root.get("teams").filter(|node| !node.is_null());
    let routes = root.get("routes").filter(|node| !node.is_null());
    Sections {
        collectors: entries(root, "collectors", mistakes),
        teams: teams.map(|_| filled(entries(root, "teams", mistakes))),
        schedules: filled(entries(root, "schedules", mistakes)),
        pipelines: filled(entries(root, "pipelines", mistakes)),
        policies: items(root, "policies", mistakes),
        channels: filled(entries(root, "channels", mistakes)),
        routes: routes.map(|_| items(root, "routes", mistakes)),
        metrics: root
            .get("metrics")
            .filter(|node| !node.is_null())
            .and_then(|node| read(node, "metrics", mistakes))
            .unwrap_or_default(),
    }
}

fn unknown_sections(root: &Node, mistakes: &mut Mistakes) {
    let known = SECTIONS.map(|(name, _)| name);
    match &root.value {
        Value::Null => {}
        Value::Map(entries) => {
            for (key, _) in entries.iter().filter(|(key, _)| !known.contains(&key.text.as_str())) {
                let hint = nearest(&key.text, known).map(|near| format!(" Did you mean {}?", quoted(near)));
                let text = format!("unknown section.{} Known are: {}", hint.unwrap_or_default(), known.join(", "));
                mistakes.note(Mistake { place: Some(key.place), path: key.text.clone(), text, secret: false });
            }
        }
        _ => {
            let text = format!("a map of sections is expected: {}", known.join(", "));
            mistakes.note(Mistake { place: Some(root.place), path: String::new(), text, secret: true });
        }
    }
}

/// Removes what `pattern` finds below `node`, and says that it is not built.
fn take_out(node: &mut Node, pattern: &[&str], path: &str, mistakes: &mut Mistakes) {
    let Some((step, rest)) = pattern.split_first() else { return };
    match &mut node.value {
        Value::Map(entries) if rest.is_empty() => entries.retain(|(key, _)| {
            let found = key.text == *step;
            if found {
                let text = format!("{} is not built yet in this version; leave it out", quoted(&key.text));
                let path = join(path, &key.text);
                mistakes.note(Mistake { place: Some(key.place), path, text, secret: true });
            }
            !found
        }),
        Value::Map(entries) => {
            for (key, child) in entries.iter_mut().filter(|(key, _)| *step == "*" || key.text == *step) {
                take_out(child, rest, &join(path, &key.text), mistakes);
            }
        }
        Value::List(items) if *step == "[*]" => {
            for (nth, child) in items.iter_mut().enumerate() {
                take_out(child, rest, &join(path, &format!("[{nth}]")), mistakes);
            }
        }
        _ => {}
    }
}

/// Entries of a section that is a map, each read by itself.
fn entries<T: serde::de::DeserializeOwned>(
    root: &Node,
    section: &str,
    mistakes: &mut Mistakes,
) -> BTreeMap<String, Option<T>> {
    let Some(node) = root.get(section).filter(|node| !node.is_null()) else { return BTreeMap::new() };
    let Some(entries) = node.map() else {
        expected(node, section, "a map of names", mistakes);
        return BTreeMap::new();
    };
    let one = |(key, node): &(Key, Node)| {
        let path = join(section, &key.text);
        (key.text.clone(), read_entry(node, Some(key.place), &path, mistakes))
    };
    entries.iter().map(one).collect()
}

fn filled<T: Default>(entries: BTreeMap<String, Option<T>>) -> BTreeMap<String, T> {
    entries.into_iter().map(|(name, value)| (name, value.unwrap_or_default())).collect()
}

fn items<T: serde::de::DeserializeOwned + Default>(root: &Node, section: &str, mistakes: &mut Mistakes) -> Vec<T> {
    let Some(node) = root.get(section).filter(|node| !node.is_null()) else { return Vec::new() };
    let Some(items) = node.list() else {
        expected(node, section, "a list", mistakes);
        return Vec::new();
    };
    let one = |(nth, item): (usize, &Node)| read(item, &format!("{section}[{nth}]"), mistakes).unwrap_or_default();
    items.iter().enumerate().map(one).collect()
}

fn expected(node: &Node, path: &str, what: &str, mistakes: &mut Mistakes) {
    let text = format!("{what} is expected here");
    mistakes.note(Mistake { place: Some(node.place), path: path.to_owned(), text, secret: true });
}
