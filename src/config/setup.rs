//! Sections → [`Setup`]: everything that may fail, fails here: clients are built, CA files read, rules and routes
//! compiled. Knows which part wants which section, not what the parts do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::check::{Check, TEAM};
use super::collectors;
pub use super::sections::{Also, MetricsSection, StoreSection, TokensShown};
use super::sections::{SECTIONS, Sections};
use super::urls;
use crate::base::yaml::mistake::{Mistakes, quoted};
use crate::base::yaml::tree::Node;
use crate::collect::issuer::Collector;
use crate::collect::issuer::shipped::Definitions;
use crate::deliver::channel::Channel;
use crate::domain::key::{ChannelId, CollectorId};
use crate::judge::evaluate::rules::written::Written;
use crate::judge::evaluate::rules::{self, CollectorRules, Problem, Rules};
use crate::judge::tell::route::{ChannelRules, Routes};

/// Everything that runs, checked and built.
pub struct Setup {
    pub store: StoreSection,
    pub collectors: Vec<Collector>,
    pub rules: Arc<Rules>,
    pub routes: Arc<Routes>,
    pub channels: BTreeMap<ChannelId, Channel>,
    pub metrics: MetricsSection,
    /// What is allowed and probably not meant: `forewarn.yml:21: routes: …`.
    pub warnings: Vec<String>,
}

/// Builds all parts and notes every mistake; `None` if there was any, now or before.
pub fn build(
    check: &mut Check<'_>,
    sections: &Sections,
    definitions: &Definitions,
    external_url: bool,
) -> Option<Setup> {
    let store = store(check);
    let mut collectors = Vec::new();
    let mut known = Vec::new();
    for (name, section) in &sections.collectors {
        let Some(section) = section else { continue };
        let Some(built) = collectors::build(check, name, section, definitions) else { continue };
        collectors.extend(built.collector);
        known.push(built.rules);
    }
    let rules = rules(check, sections, known).map(|rules| rules.with(written(check, definitions)));
    links(check, sections);
    let (channels, routing) = channels(check, sections);
    let routes = routes(check, sections, routing);
    if !check.mistakes.is_empty() {
        return None;
    }
    let (rules, routes) = (rules?, routes?);
    let warnings = warnings(check, sections, &routes, external_url);
    let (rules, routes) = (Arc::new(rules), Arc::new(routes));
    Some(Setup { store: store?, collectors, rules, routes, channels, metrics: sections.metrics.clone(), warnings })
}

/// `sqlite:PATH`, from the folder of the file that says so; by default `forewarn.db` beside the first file.
fn store(check: &mut Check<'_>) -> Option<StoreSection> {
    let node = check.root.get("store").filter(|node| !node.is_null());
    let file = node.map_or(0, |node| usize::from(node.place.file.0));
    let folder = check.mistakes.files.get(file).map(|source| source.folder.clone()).unwrap_or_default();
    let Some(node) = node else { return Some(StoreSection { path: folder.join("forewarn.db") }) };
    match path(node) {
        Some(path) => Some(StoreSection { path: folder.join(path) }),
        None => {
            if !check.mistakes.within("store") {
                check.note_secret("store", "a store is written sqlite:PATH, for example sqlite:forewarn.db");
            }
            None
        }
    }
}

fn path(node: &Node) -> Option<PathBuf> {
    let path = node.text()?.strip_prefix("sqlite:")?;
    let plain = !path.trim().is_empty() && !path.starts_with("//") && !path.ends_with('/') && !path.contains('\0');
    plain.then(|| Path::new(path).to_owned())
}

fn rules(check: &mut Check<'_>, sections: &Sections, collectors: Vec<CollectorRules>) -> Option<Rules> {
    let written = rules::Sections {
        policies: sections.policies.clone(),
        schedules: sections.schedules.clone(),
        pipelines: sections.pipelines.clone(),
        teams: sections.teams.as_ref().map(|teams| teams.keys().cloned().collect()),
    };
    noted(check, Rules::compile(&written, collectors))
}

/// What people are told besides: where each key of the sections stands that rules are made of, and the issuers' words.
fn written(check: &Check<'_>, definitions: &Definitions) -> Written {
    const SECTIONS: [&str; 4] = ["policies", "schedules", "pipelines", "collectors"];
    let mut written = Written::default();
    for section in SECTIONS {
        let Some(node) = check.root.get(section) else { continue };
        note_places(check.mistakes, node, section, DEPTH, &mut written.places);
    }
    for definition in definitions.iter() {
        written.issuers.insert(definition.name.clone(), definition.title.clone());
        let kinds =
            definition.kinds.iter().map(|kind| ((definition.name.clone(), kind.name.clone()), kind.title.clone()));
        written.kinds.extend(kinds);
    }
    written
}

/// Levels below a section whose places are kept: an entry, its keys, and what `scopes` and `inspect` hold.
const DEPTH: u8 = 3;

fn note_places(files: &Mistakes, node: &Node, path: &str, depth: u8, places: &mut BTreeMap<String, String>) {
    if depth == 0 {
        return;
    }
    for (key, below) in node.map().unwrap_or_default() {
        let path = format!("{path}.{}", key.text);
        note_places(files, below, &path, depth - 1, places);
        places.insert(path, files.line_of(key.place));
    }
    for (nth, below) in node.list().unwrap_or_default().iter().enumerate() {
        let path = format!("{path}[{nth}]");
        note_places(files, below, &path, depth - 1, places);
        places.insert(path, files.line_of(below.place));
    }
}

/// Links that messages and pages will carry.
fn links(check: &mut Check<'_>, sections: &Sections) {
    let runbooks = sections
        .policies
        .iter()
        .enumerate()
        .filter_map(|(nth, policy)| Some((format!("policies[{nth}].runbook"), policy.runbook.as_deref()?)));
    let pipelines = sections
        .pipelines
        .iter()
        .filter_map(|(name, pipeline)| Some((format!("pipelines.{name}.url"), pipeline.url.as_deref()?)));
    for (path, link) in runbooks.chain(pipelines) {
        if let Err(text) = urls::link(link) {
            check.note_secret(&path, text);
        }
    }
}

/// Channels that could be built, and what routing knows of all of them.
fn channels(
    check: &mut Check<'_>,
    sections: &Sections,
) -> (BTreeMap<ChannelId, Channel>, BTreeMap<ChannelId, ChannelRules>) {
    let mut channels = BTreeMap::new();
    let mut routing = BTreeMap::new();
    for (name, section) in &sections.channels {
        let id = ChannelId::from(name.as_str());
        let path = format!("channels.{name}");
        let mut rules = ChannelRules { fallback: fallback(check, sections, name), ..ChannelRules::default() };
        match Channel::build(&id, section) {
            Ok(channel) => {
                rules.recipients = channel.recipients();
                channels.insert(id.clone(), channel);
            }
            Err(problems) => {
                for (below, text) in problems {
                    let path = if below.is_empty() { path.clone() } else { format!("{path}.{below}") };
                    check.problem(&Problem::new(path, text));
                }
            }
        }
        routing.insert(id, rules);
    }
    (channels, routing)
}

fn fallback(check: &mut Check<'_>, sections: &Sections, name: &str) -> Option<ChannelId> {
    let fallback = sections.channels.get(name)?.fallback.as_ref()?;
    let path = format!("channels.{name}.fallback");
    if fallback == name {
        check.note(&path, "a channel cannot be its own fallback; name another one");
    } else if !sections.channels.contains_key(fallback) {
        let known = sections.channels.keys().map(String::as_str).filter(|known| *known != name);
        check.problem(&Problem::unknown(path, "channel", fallback, known));
    } else {
        return Some(ChannelId::from(fallback.as_str()));
    }
    None
}

fn routes(check: &mut Check<'_>, sections: &Sections, channels: BTreeMap<ChannelId, ChannelRules>) -> Option<Routes> {
    references(check, sections);
    let teams = sections.teams.clone().unwrap_or_default();
    noted(check, Routes::compile(sections.routes.as_deref(), &teams, channels))
}

/// Channels that routes and teams name.
fn references(check: &mut Check<'_>, sections: &Sections) {
    let known: Vec<&str> = sections.channels.keys().map(String::as_str).collect();
    let mut named = Vec::new();
    for (nth, route) in sections.routes.iter().flatten().enumerate() {
        for (to, name) in route.to.iter().enumerate() {
            let path = format!("routes[{nth}].to[{to}]");
            if name == TEAM && sections.teams.is_none() {
                let text = "`team` is the channels of the token's own team, but there is no `teams:` section";
                check.note(&path, text);
            } else if name != TEAM {
                named.push((path, name));
            }
        }
    }
    for (team, section) in sections.teams.iter().flatten() {
        let lists = [("channels", Some(&section.channels)), ("fallback", section.fallback.as_ref())];
        for (key, list) in lists {
            let list = list.into_iter().flatten().enumerate();
            named.extend(list.map(|(nth, name)| (format!("teams.{team}.{key}[{nth}]"), name)));
        }
    }
    for (path, name) in named.into_iter().filter(|(_, name)| !known.contains(&name.as_str())) {
        check.problem(&Problem::unknown(path, "channel", name, known.iter().copied()));
    }
}

fn noted<T>(check: &mut Check<'_>, built: Result<T, Vec<Problem>>) -> Option<T> {
    match built {
        Ok(built) => Some(built),
        Err(problems) => {
            for problem in problems {
                check.problem(&problem);
            }
            None
        }
    }
}

fn warnings(check: &Check<'_>, sections: &Sections, routes: &Routes, external_url: bool) -> Vec<String> {
    let mut all = Vec::new();
    let mut warn = |path: &str, text: &str| {
        let line = check.line_of(path).map(|line| format!("{line}: ")).unwrap_or_default();
        let stop = if text.ends_with('.') { "" } else { "." };
        all.push(format!("{line}{path}: {text}{stop}"));
    };
    if sections.collectors.is_empty() {
        warn("collectors", "none is configured, so nothing is watched");
    }
    for (path, text) in strangers(sections) {
        warn(&path, &text);
    }
    for problem in routes.warnings() {
        warn(&problem.path, &problem.text);
    }
    if !external_url && !sections.channels.is_empty() {
        all.push("no --web.external-url is given, so messages carry no links.".into());
    }
    all
}

/// Policies that name a collector which is not there: allowed, because sites share policies, and often a slip.
fn strangers(sections: &Sections) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (nth, policy) in sections.policies.iter().enumerate() {
        let matchers = [("match", &policy.matches), ("except", &policy.except)];
        for (key, matcher) in matchers.into_iter().filter_map(|(key, matcher)| Some((key, matcher.as_ref()?))) {
            let Some(names) = matcher.0.get("collector") else { continue };
            let literal = names.0.iter().filter(|name| !name.contains(['*', '?', '[', '{']));
            for name in literal.filter(|name| !sections.collectors.contains_key(*name)) {
                let path = format!("policies[{nth}].{key}.collector");
                all.push((path, format!("there is no collector {}", quoted(name))));
            }
        }
    }
    all
}

/// What the store holds of collectors that the configuration no longer has; `census` is tokens by collector.
pub fn forgotten(setup: &Setup, census: &BTreeMap<CollectorId, usize>) -> Vec<String> {
    let there = |id: &CollectorId| setup.collectors.iter().any(|collector| collector.id == *id);
    let gone: Vec<_> = census.iter().filter(|(id, tokens)| **tokens > 0 && !there(id)).collect();
    let new: Vec<_> = setup.collectors.iter().filter(|c| !census.contains_key(&c.id)).collect();
    let renamed = match (gone.as_slice(), new.as_slice()) {
        ([_], [new]) => format!(" If it is now called {}: renaming a collector renames its tokens.", new.id),
        _ => String::new(),
    };
    let sentence = |(id, tokens): &(&CollectorId, &usize)| {
        let plural = if **tokens == 1 { "" } else { "s" };
        format!("collectors: {id} is no longer configured: this forgets {tokens} token{plural}.{renamed}")
    };
    gone.iter().map(sentence).collect()
}

/// Number of entries of a section, for the summary.
pub fn count(root: &Node, section: &str) -> usize {
    debug_assert!(SECTIONS.iter().any(|(name, _)| *name == section), "a section of the contract");
    let Some(node) = root.get(section) else { return 0 };
    node.map().map(<[_]>::len).or_else(|| node.list().map(<[_]>::len)).unwrap_or(0)
}
