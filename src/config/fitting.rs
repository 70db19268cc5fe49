//! Whether a collector's keys fit its issuer: keys of another origin, kinds, and something to ask with a login to ask it.

use super::collectors::One;
use crate::base::yaml::mistake::quoted;
use crate::collect::issuer::Settings;
use crate::collect::issuer::definition::request::{Mode, Sends};
use crate::collect::issuer::definition::{Definition, Source};
use crate::collect::login::Login;
use crate::judge::evaluate::rules::Problem;

/// Keys that mean something only to some issuers, and whether this one has a use for each.
pub(super) fn uses(definition: &Definition) -> [(&'static str, bool); 10] {
    let http = definition.origin == Source::Http;
    let files = definition.origin == Source::Files;
    [
        ("files", files),
        ("trust_roots", files),
        ("tokens", definition.origin == Source::Declared),
        ("introspection_endpoint", sends_login(definition, Mode::Inspect)),
        ("inspect", definition.can(Mode::Inspect)),
        ("inventory", http && definition.can(Mode::Inventory)),
        ("tls", http),
        ("proxy", http),
        ("timeout", http),
        ("concurrency", http),
    ]
}

/// For `inspect`: it asks about values with its own login, instead of letting each value ask about itself.
pub(super) fn sends_login(definition: &Definition, mode: Mode) -> bool {
    definition.requests.iter().any(|request| request.mode == mode && request.sends == Sends::Login)
}

impl One<'_, '_> {
    /// The issuer's name for a sentence.
    pub(super) fn issuer(&self) -> String {
        quoted(&self.definition.name)
    }
    pub(super) fn offline(&self) -> bool {
        self.definition.origin != Source::Http
    }

    /// Keys that mean something only to another origin.
    pub(super) fn foreign_keys(&mut self) {
        let origin = self.definition.origin;
        let section = self.section;
        let given = [
            section.files.is_some(),
            section.trust_roots.is_some(),
            section.tokens.is_some(),
            section.introspection_endpoint.is_some(),
            section.inspect.is_some(),
            section.inventory.is_some(),
            section.tls.is_some(),
            section.proxy.is_some(),
            section.timeout.is_some(),
            section.concurrency.is_some(),
        ];
        for ((key, _), _) in uses(self.definition).into_iter().zip(given).filter(|((_, used), given)| *given && !used) {
            let issuer = self.issuer();
            self.note(key, format!("the issuer {issuer} has no use for `{key}`; leave it out"));
        }
        let missing = match origin {
            Source::Files if section.files.as_ref().is_none_or(Vec::is_empty) && section.inspect.is_none() => {
                ("files", "globs such as [\"certs/**/*.pem\"], or name single ones under `inspect:`")
            }
            Source::Declared if section.tokens.as_ref().is_none_or(Vec::is_empty) => {
                ("tokens", "entries such as { name: deploy-key, expires: 2027-03-01 }")
            }
            _ => return,
        };
        let path = self.path.clone();
        if !self.check.mistakes.within(&format!("{path}.{}", missing.0)) {
            self.check.note(&path, format!("the key \"{}\" is missing: {}", missing.0, missing.1));
        }
    }

    pub(super) fn kinds(&mut self) {
        let kinds = self.section.kinds.as_deref().unwrap_or_default();
        for (nth, kind) in kinds.iter().enumerate().filter(|(_, kind)| self.definition.kind(kind).is_none()) {
            let known = self.definition.kinds.iter().map(|kind| kind.name.as_str());
            let path = format!("{}.kinds[{nth}]", self.path);
            self.check.problem(&Problem::unknown(path, "kind", kind, known));
        }
    }

    pub(super) fn can_walk(&self) -> bool {
        self.offline() || self.definition.can(Mode::Inventory)
    }

    /// There is something to ask, and a login to ask it with.
    pub(super) fn walks(&mut self, settings: &Settings, login: &Login) {
        let path = self.path.clone();
        if self.offline() || self.check.mistakes.within(&format!("{path}.login")) {
            return;
        }
        let issuer = self.issuer();
        let inspects = self.section.inspect.is_some();
        if !settings.walks && settings.inspect.is_empty() && !self.check.mistakes.within(&format!("{path}.inspect")) {
            let text = match (self.can_walk(), self.definition.can(Mode::Inspect)) {
                (false, _) => {
                    format!("the issuer {issuer} cannot list tokens; name those to ask about under `inspect:`")
                }
                (true, true) => {
                    "nothing to watch: give a `login:` to list tokens, or name some under `inspect:`".into()
                }
                (true, false) => "nothing to watch: give a `login:` to list tokens".into(),
            };
            self.check.note(&path, text);
            return;
        }
        let needed = (settings.walks && sends_login(self.definition, Mode::Inventory))
            || (inspects && sends_login(self.definition, Mode::Inspect));
        if needed && matches!(login, Login::None) && !self.definition.logins.is_empty() {
            let text = format!("the key \"login\" is missing: the issuer {issuer} answers nobody without one");
            self.check.note(&path, text);
        }
    }
}
