//! One entry of `collectors:` → a collector that can walk, and what judging must know of it. Every mistake is noted;
//! which keys fit is asked of the issuer's definition, so no issuer is known here.

use std::time::Duration;

use globset::Glob;
use serde_json::Value;

use super::check::Check;
use super::sections::{CollectorSection, Slots, TrustRoots};
use super::typed;
use super::urls;
use crate::base::http::client::{self, Client};
use crate::base::time::span;
use crate::base::yaml::tree::Node;
use crate::collect::issuer::definition::{Absent, Definition, LoginKind, SettingShape, Source};
use crate::collect::issuer::shipped::Definitions;
use crate::collect::issuer::{Collector, Settings};
use crate::collect::login::{Accepted, Login, LoginSection};
use crate::domain::key::CollectorId;
use crate::domain::text::Text;
use crate::domain::token::EndedHow;
use crate::judge::evaluate::rules::{CollectorRules, Problem};

/// Seconds; the shortest interval against anything but this machine.
const SHORTEST: u32 = 60;
pub(super) const EVERY: u32 = 15 * 60;
pub(super) const TIMEOUT: u32 = 20;
pub(super) const CONCURRENCY: usize = 4;
const STALE_AFTER: u32 = 3600;
pub(super) const MOST_TOKENS: usize = 1_000_000;
/// Largest answer of an issuer after decompression, bytes: a page of a listing stays far below it.
const BODY_CAP: usize = 32 << 20;

/// A collector, ready, and its rules.
pub struct Built {
    pub collector: Option<Collector>,
    pub rules: CollectorRules,
}

/// One section in hand.
pub(super) struct One<'a, 'c> {
    pub(super) check: &'a mut Check<'c>,
    pub(super) section: &'a CollectorSection,
    pub(super) definition: &'a Definition,
    pub(super) path: String,
}

/// `None` without a known issuer; `collector` is `None` where something else is wrong.
pub fn build(
    check: &mut Check<'_>,
    name: &str,
    section: &CollectorSection,
    definitions: &Definitions,
) -> Option<Built> {
    let path = format!("collectors.{name}");
    let Some(definition) = definitions.get(&section.issuer) else {
        let known = definitions.names().into_iter();
        check.problem(&Problem::unknown(format!("{path}.issuer"), "issuer", &section.issuer, known));
        // What reads the same for every issuer is said all the same.
        if let Some(definition) = definitions.iter().find(|definition| definition.origin == Source::Http) {
            One { check, section, definition, path }.common_keys();
        }
        return None;
    };
    let before = check.mistakes.list.len();
    let mut one = One { check, section, definition, path };
    let login = one.login();
    let settings = one.settings();
    let client = one.client(settings.timeout);
    one.foreign_keys();
    one.kinds();
    one.walks(&settings, &login);
    let rules = one.rules(name, &settings);
    let whole = one.check.mistakes.list.len() == before;
    let id = CollectorId::from(name);
    let collector = Collector { id, definition: definition.clone(), settings, login, client };
    Some(Built { collector: whole.then_some(collector), rules })
}

impl One<'_, '_> {
    /// Notes a mistake of one of its keys, unless reading found one there.
    pub(super) fn note(&mut self, key: &str, text: impl Into<String>) {
        let path = format!("{}.{key}", self.path);
        if !self.check.mistakes.within(&path) {
            self.check.note(&path, text);
        }
    }

    /// Keys whose meaning no issuer changes.
    fn common_keys(&mut self) {
        self.span("every", self.section.every.as_deref(), EVERY);
        self.span("timeout", self.section.timeout.as_deref(), TIMEOUT);
        self.span("stale_after", self.section.stale_after.as_deref(), STALE_AFTER);
        if let Some(text) = &self.section.url {
            self.checked_url("url", text);
        }
    }

    fn settings(&mut self) -> Settings {
        let url = self.url();
        let near = self.offline() || url.as_ref().is_some_and(urls::loopback);
        let every = self.span("every", self.section.every.as_deref(), EVERY);
        if every < SHORTEST && !near && !self.check.mistakes.within(&format!("{}.url", self.path)) {
            self.note("every", "at least 1m; shorter intervals are for issuers on loopback addresses");
        }
        let timeout = self.span("timeout", self.section.timeout.as_deref(), TIMEOUT);
        let endpoint = self.section.introspection_endpoint.as_deref();
        let introspection_endpoint = endpoint.and_then(|text| self.checked_url("introspection_endpoint", text));
        let inventory = self.inventory();
        let login = self.section.login.is_some();
        let inspect: Vec<_> = self.section.inspect.iter().flatten().map(|(n, at)| (n.clone(), at.clone())).collect();
        if inspect.iter().any(|(name, _)| name.is_empty()) {
            self.note("inspect", "a token's name is empty");
        }
        Settings {
            url,
            every: Duration::from_secs(every.into()),
            timeout: Duration::from_secs(timeout.into()),
            concurrency: self.concurrency(),
            introspection_endpoint,
            walks: self.section.inventory.is_some() || (login && inspect.is_empty() && self.can_walk()),
            inventory,
            inspect,
            files: self.files(),
            show_trust_roots: self.section.trust_roots == Some(TrustRoots::Show),
            declared: typed::tokens(self.check, &self.path),
            slots_by_id: self.section.slots == Some(Slots::Id),
            max_tokens: self.max_tokens(),
        }
    }

    /// A duration of at least a second, or the default.
    fn span(&mut self, key: &str, text: Option<&str>, default: u32) -> u32 {
        let Some(text) = text else { return default };
        match span::parse(text) {
            Ok(0) => self.note(key, "longer than nothing, please; write for example 15m"),
            Ok(seconds) => return seconds,
            Err(error) => self.note(key, error.to_string()),
        }
        default
    }

    fn url(&mut self) -> Option<url::Url> {
        match (&self.section.url, self.offline()) {
            (Some(_), true) => {
                self.note("url", format!("the issuer {} asks no server; leave `url` out", self.issuer()))
            }
            (Some(text), false) => return self.checked_url("url", text),
            (None, true) => {}
            (None, false) if self.definition.url.is_some() => return self.definition.url.clone(),
            (None, false) => {
                let text = format!("the key \"url\" is missing: the issuer {} has no default", self.issuer());
                let path = self.path.clone();
                if !self.check.mistakes.within(&format!("{path}.url")) {
                    self.check.note(&path, text);
                }
            }
        }
        None
    }
    fn checked_url(&mut self, key: &str, text: &str) -> Option<url::Url> {
        match urls::parse(text) {
            Ok(url) => Some(url),
            Err(wrong) => {
                // A URL may hold a password.
                self.check.note_secret(&format!("{}.{key}", self.path), wrong);
                None
            }
        }
    }

    fn concurrency(&mut self) -> usize {
        if self.section.concurrency == Some(0) {
            self.note("concurrency", "at least one request must be in flight");
        }
        let wanted = self.section.concurrency.map_or(CONCURRENCY, usize::from);
        wanted.min(self.definition.limits.concurrency).max(1)
    }
    fn max_tokens(&mut self) -> usize {
        if self.section.max_tokens == Some(0) {
            self.note("max_tokens", "no token would be watched; leave the collector out instead");
        }
        self.section.max_tokens.unwrap_or(MOST_TOKENS)
    }

    fn files(&mut self) -> Vec<String> {
        let globs = self.section.files.clone().unwrap_or_default();
        let mut all = Vec::new();
        for (nth, glob) in globs.iter().enumerate() {
            match glob.to_str().ok_or_else(|| "is not text (UTF-8)".into()).and_then(|text| match Glob::new(text) {
                Ok(_) => Ok(text.to_owned()),
                Err(error) => Err(format!("is not a glob: {}", error.kind())),
            }) {
                Ok(glob) => all.push(glob),
                Err(why) => self.note(&format!("files[{nth}]"), why),
            }
        }
        all
    }

    fn inventory(&mut self) -> serde_json::Map<String, Value> {
        let mut all = serde_json::Map::new();
        let path = format!("{}.inventory", self.path);
        let definition = self.definition;
        let root = self.check.root;
        for (key, node) in root.at(&path).and_then(Node::map).unwrap_or_default() {
            match definition.settings.iter().find(|setting| setting.name == key.text) {
                Some(setting) => match shaped(node, setting.shape) {
                    Some(value) => drop(all.insert(key.text.clone(), value)),
                    None => self.note(&format!("inventory.{}", key.text), expected(setting.shape)),
                },
                None => {
                    let known = definition.settings.iter().map(|setting| setting.name.as_str());
                    let problem = Problem::unknown(format!("{path}.{}", key.text), "key", &key.text, known);
                    self.check.problem(&problem);
                }
            }
        }
        all
    }

    fn login(&mut self) -> Login {
        let token = &self.definition.token;
        let accepted: Vec<_> = self
            .definition
            .logins
            .iter()
            .map(|kind| match kind {
                LoginKind::Token => Accepted::Token { header: token.header.clone(), prefix: token.prefix.clone() },
                LoginKind::Basic => Accepted::Basic,
                LoginKind::Header => Accepted::Header,
                LoginKind::ClientId => Accepted::ClientId,
            })
            .collect();
        match Login::build(self.section.login.as_ref(), &accepted) {
            Ok(login) => login,
            Err(problems) => {
                let path = format!("{}.login", self.path);
                if !self.check.mistakes.within(&path) {
                    for text in problems {
                        self.check.note_secret(&path, text);
                    }
                }
                Login::None
            }
        }
    }

    fn client(&mut self, timeout: Duration) -> Option<Client> {
        if self.offline() {
            return None;
        }
        let tls = self.section.tls.clone().unwrap_or_default();
        let proxy = self.section.proxy.clone().unwrap_or_default();
        match Client::build(&client::Settings { tls, proxy, timeout, body_cap: BODY_CAP }) {
            Ok(client) => Some(client),
            Err(error) => {
                let text = error.to_string();
                let named =
                    ["ca_file", "cert_file", "key_file", "server_name"].into_iter().find(|key| text.contains(key));
                match (named, &self.section.tls) {
                    (Some(key), Some(_)) => self.note(&format!("tls.{key}"), text),
                    (None, Some(_)) => self.note("tls", text),
                    (_, None) => self.note("proxy", text),
                }
                None
            }
        }
    }

    fn rules(&mut self, name: &str, settings: &Settings) -> CollectorRules {
        let every = u32::try_from(settings.every.as_secs()).unwrap_or(u32::MAX);
        let default = every.saturating_mul(3).max(STALE_AFTER);
        let stale_after = self.span("stale_after", self.section.stale_after.as_deref(), default);
        let given = self.section.stale_after.is_some();
        if given && stale_after < every {
            let text =
                format!("shorter than `every` ({}): every token would be unverified between polls", span::write(every));
            self.note("stale_after", text);
        }
        let never = self.offline() && !given;
        CollectorRules {
            id: CollectorId::from(name),
            issuer: Text::new(&self.definition.name),
            title: Text::new(&self.definition.title),
            login: self.section.login.as_ref().and_then(LoginSection::stands_at).map(|place| Text::new(&place)),
            least: Text::new(&self.definition.least),
            host: Text::new(settings.url.as_ref().and_then(|url| url.host_str()).unwrap_or_default()),
            url: Text::new(settings.url.as_ref().map(url::Url::as_str).unwrap_or_default()),
            explicit: settings.files.is_empty().then(|| explicit(settings)),
            every,
            stale_after: (!never).then_some(stale_after),
            shows_rotation: self.definition.shows_rotation,
            absent: match self.definition.absent {
                Absent::Revoked => EndedHow::Revoked,
                Absent::Vanished => EndedHow::Vanished,
            },
            confirms: self.definition.confirm.is_some(),
            kinds: self.section.kinds.clone().unwrap_or_default(),
            ignore: self.section.ignore.clone().unwrap_or_default(),
            slots_by_id: settings.slots_by_id,
            max_tokens: settings.max_tokens,
            rotate: Text::new(&self.definition.rotate),
            tells_expiry: self.definition.tells_expiry,
        }
    }
}

/// Names that the configuration gives tokens itself.
fn explicit(settings: &Settings) -> Vec<String> {
    let inspected = settings.inspect.iter().map(|(name, _)| name.clone());
    inspected.chain(settings.declared.iter().map(|typed| typed.name.clone())).collect()
}

/// A value of `inventory:` as its definition wants it; texts as written, never numbers.
fn shaped(node: &Node, shape: SettingShape) -> Option<Value> {
    match shape {
        SettingShape::Text => node.text().map(Value::from),
        SettingShape::Bool => match node.text() {
            Some("true") => Some(Value::Bool(true)),
            Some("false") => Some(Value::Bool(false)),
            _ => None,
        },
        SettingShape::List => match node.list() {
            Some(items) => {
                items.iter().map(|item| item.text().map(Value::from)).collect::<Option<Vec<_>>>().map(Value::Array)
            }
            None => node.text().map(|text| Value::Array(vec![text.into()])),
        },
    }
}

fn expected(shape: SettingShape) -> &'static str {
    match shape {
        SettingShape::Text => "a text is expected here",
        SettingShape::List => "a text or a list of texts is expected here",
        SettingShape::Bool => "true or false is expected here",
    }
}
