//! Routes: which readers hear of an episode. Knows channels by name, addresses and fallback only, not by kind.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::json;

use super::digest::{DigestSection, Slots};
use super::{Told, Traits, written};
use crate::domain::delivery::Facts;
use crate::domain::episode::{Episode, Subject};
use crate::domain::finding::{FindingKind, Severity, Why};
use crate::domain::key::{ChannelId, TeamId};
use crate::judge::evaluate::rules::Problem;
use crate::judge::evaluate::rules::matcher::Matcher;
use crate::judge::evaluate::rules::sections::{MatchSection, OneOrMany, match_schema};

/// A channel and, for mail, one address; else empty.
pub type Reader = (ChannelId, String);

/// Which findings go to which channels. Routes are tried top down; the first that matches takes it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteSection {
    /// Which findings it takes; without it all of them.
    #[serde(rename = "match")]
    #[schemars(with = "Option<RouteMatch>")]
    pub matches: Option<MatchSection>,
    /// Which of those it leaves.
    #[schemars(with = "Option<RouteMatch>")]
    pub except: Option<MatchSection>,
    /// Channels by name; `team` means the channels of the token's own team.
    #[schemars(length(min = 1), example = ["team", "chat"])]
    pub to: Vec<String>,
    /// `true`: the routes below it are tried too.
    #[serde(rename = "continue")]
    #[schemars(extend("default" = false))]
    pub continues: Option<bool>,
    /// It waits for a digest, one message a slot. Criticals are told at once all the same; info is told in digests only.
    pub digest: Option<DigestSection>,
}

/// Who hears of a team's tokens. Once there is a section `teams:`, a policy's team that is not listed is a mistake.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamSection {
    /// The team's channels, for routes that go `to: [team]`.
    #[schemars(example = ["platform-chat"])]
    pub channels: Vec<String>,
    /// Channels that are told what those cannot deliver.
    pub fallback: Option<Vec<String>>,
}

/// The schema of a route's `match:`: the fields of policies, and what a finding has besides.
struct RouteMatch;

impl JsonSchema for RouteMatch {
    fn schema_name() -> Cow<'static, str> {
        "RouteMatch".into()
    }
    fn json_schema(g: &mut SchemaGenerator) -> Schema {
        let one_of = |names: Vec<&str>, sentence: &str| {
            // A glob may stand for several.
            let name = json!({ "anyOf": [{ "enum": names }, { "type": "string", "pattern": r"[*?\[{\\]" }] });
            json!({ "description": sentence, "anyOf": [name, { "type": "array", "items": name, "minItems": 1 }] })
        };
        let severities = Severity::ALL.iter().map(|severity| severity.as_str()).collect();
        let kinds = FindingKind::ALL.iter().map(|kind| kind.as_str()).collect();
        let mut texts = |sentence: &str| {
            let mut schema = g.subschema_for::<OneOrMany>();
            schema.insert("description".into(), sentence.into());
            schema.to_value()
        };
        let own = [
            ("team", texts("The team of the token.")),
            ("pipeline", texts("A pipeline that breaks.")),
            ("severity", one_of(severities, "How bad it is.")),
            ("finding", one_of(kinds, "What is wrong.")),
        ];
        let own = own.into_iter().map(|(field, schema)| (field.to_owned(), schema)).collect();
        let mut schema = match_schema(g, own);
        schema.insert("description".into(), "All fields given must fit; a list means any of its globs.".into());
        schema.insert("examples".into(), json!([{ "severity": ["warning", "critical"], "team": "platform" }]));
        schema
    }
}

/// What a channel's section says to routing.
#[derive(Clone, Debug, Default)]
pub struct ChannelRules {
    /// Mail addresses; empty for channels without recipients.
    pub recipients: Vec<String>,
    pub fallback: Option<ChannelId>,
}

/// The routes in force; every name in them is known.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    pub(super) routes: Vec<Route>,
    pub(super) teams: BTreeMap<TeamId, Team>,
    pub(super) channels: BTreeMap<ChannelId, ChannelRules>,
    /// Whether the configuration has routes; else all channels hear of warnings at once, and of info once a week.
    pub(super) written: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Team {
    pub(super) channels: Vec<ChannelId>,
    pub(super) fallback: Vec<ChannelId>,
}

#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) matches: Option<Matcher>,
    pub(super) except: Option<Matcher>,
    pub(super) to: Vec<Target>,
    pub(super) continues: bool,
    pub(super) digest: Option<Slots>,
    /// Severities that its `match` lets through.
    pub(super) severities: Vec<Severity>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The channels of the token's own team.
    Team,
    Channel(ChannelId),
}

/// What a route looks at.
struct Case<'a> {
    kind: FindingKind,
    severity: Severity,
    facts: &'a Facts,
    traits: &'a Traits,
}

impl Routes {
    /// Every mistake at once. Without routes, warning and critical go to every channel.
    pub fn compile(
        routes: Option<&[RouteSection]>,
        teams: &BTreeMap<String, TeamSection>,
        channels: BTreeMap<ChannelId, ChannelRules>,
    ) -> Result<Routes, Vec<Problem>> {
        written::compile(routes, teams, channels)
    }
    /// Readers of an episode with these facts, in order, each once.
    pub fn pick(&self, told: &Told) -> Vec<Reader> {
        if let Subject::Channel(channel) = &told.episode.subject {
            return self.instead_of(channel);
        }
        let case =
            Case { kind: told.episode.kind, severity: told.episode.severity, facts: &told.facts, traits: &told.traits };
        if told.episode.finding.why == Why::NoRoute {
            return self.last(&case);
        }
        self.by_routes(&case, &|route| route.digest.is_none() || case.severity == Severity::Critical)
    }
    /// Readers to whom it is told in their next digest.
    pub fn pick_later(&self, told: &Told) -> Vec<Reader> {
        let Told { episode, facts, traits, .. } = told;
        self.digested(episode, facts, traits, &|_| true)
    }
    /// Readers of an episode in those digests whose slots are `due`.
    pub fn digested(
        &self,
        episode: &Episode,
        facts: &Facts,
        traits: &Traits,
        due: &dyn Fn(&Slots) -> bool,
    ) -> Vec<Reader> {
        let case = Case { kind: episode.kind, severity: episode.severity, facts, traits };
        self.by_routes(&case, &|route| route.digest.as_ref().is_some_and(due))
    }
    /// The slots of all routes with a digest.
    pub fn slots(&self) -> impl Iterator<Item = &Slots> {
        self.routes.iter().filter_map(|route| route.digest.as_ref())
    }
    /// Would a critical finding of this token reach anybody (for `unowned`)?
    pub fn carries_critical(&self, facts: &Facts, traits: &Traits) -> bool {
        use FindingKind::{Expired, ExpiresSoon, Revoked, Unverified, Vanished};
        [Expired, Revoked, Vanished, ExpiresSoon, Unverified].into_iter().any(|kind| {
            let case = Case { kind, severity: Severity::Critical, facts, traits };
            !self.by_routes(&case, &|_| true).is_empty()
        })
    }
    pub fn channels(&self) -> &BTreeMap<ChannelId, ChannelRules> {
        &self.channels
    }
    /// The channel's own fallback, else that of the first team whose channel it is.
    pub fn fallback(&self, channel: &ChannelId) -> Option<&ChannelId> {
        let own = self.channels.get(channel).and_then(|rules| rules.fallback.as_ref());
        let of_team = || {
            let teams = self.teams.values().filter(|team| team.channels.contains(channel));
            teams.flat_map(|team| &team.fallback).find(|fallback| *fallback != channel)
        };
        own.or_else(of_team)
    }
    /// Everybody who reads the fallback of a channel.
    pub fn fallback_readers(&self, channel: &ChannelId) -> Vec<Reader> {
        self.fallback(channel).map(|fallback| self.readers(fallback)).unwrap_or_default()
    }
    /// Sentences for `check-config`: routes that nothing reaches, severities that nobody hears.
    pub fn warnings(&self) -> Vec<Problem> {
        written::warnings(self)
    }

    /// A channel's own failure is told elsewhere: by its fallback, else by any other channel.
    fn instead_of(&self, channel: &ChannelId) -> Vec<Reader> {
        let other = || self.channels.keys().find(|other| *other != channel);
        self.fallback(channel).or_else(other).map(|other| self.readers(other)).unwrap_or_default()
    }
    /// The first route that fits and reaches somebody takes it, unless it says to go on. A route whose team has no
    /// channel takes nothing, nor does one without a digest take info: the next one may. `wanted`: whose readers are
    /// asked for.
    fn by_routes(&self, case: &Case<'_>, wanted: &dyn Fn(&Route) -> bool) -> Vec<Reader> {
        let mut picked = Vec::new();
        let carries = |route: &&Route| case.severity > Severity::Info || route.digest.is_some();
        for route in self.routes.iter().filter(carries).filter(|route| route.fits(case)) {
            let readers = self.targets(route, case);
            let reached = !readers.is_empty();
            for reader in readers.into_iter().filter(|_| wanted(route)) {
                if !picked.contains(&reader) {
                    picked.push(reader);
                }
            }
            if reached && !route.continues {
                break;
            }
        }
        picked
    }
    /// Readers of the last route that leads to anybody.
    fn last(&self, case: &Case<'_>) -> Vec<Reader> {
        self.routes.iter().rev().map(|route| self.targets(route, case)).find(|to| !to.is_empty()).unwrap_or_default()
    }
    fn targets(&self, route: &Route, case: &Case<'_>) -> Vec<Reader> {
        let mut readers: Vec<Reader> = Vec::new();
        for target in &route.to {
            match target {
                Target::Channel(channel) => readers.extend(self.readers(channel)),
                Target::Team => {
                    let team = case.facts.team.as_ref().and_then(|team| self.teams.get(team));
                    readers.extend(team.into_iter().flat_map(Team::heard_at).flat_map(|channel| self.readers(channel)));
                }
            }
        }
        readers
    }
    fn readers(&self, channel: &ChannelId) -> Vec<Reader> {
        match self.channels.get(channel) {
            Some(rules) if rules.recipients.is_empty() => vec![(channel.clone(), String::new())],
            Some(rules) => rules.recipients.iter().map(|address| (channel.clone(), address.clone())).collect(),
            None => Vec::new(),
        }
    }
}

impl Team {
    pub(super) fn heard_at(&self) -> &[ChannelId] {
        if self.channels.is_empty() { &self.fallback } else { &self.channels }
    }
}

impl Route {
    fn fits(&self, case: &Case<'_>) -> bool {
        let fields = |name: &str, each: &mut dyn FnMut(&str)| case.field(name, each);
        self.matches.as_ref().is_none_or(|matcher| matcher.fits(&fields))
            && !self.except.as_ref().is_some_and(|matcher| matcher.fits(&fields))
    }
}

impl Case<'_> {
    fn field(&self, name: &str, each: &mut dyn FnMut(&str)) {
        let (facts, traits) = (self.facts, self.traits);
        match name {
            "severity" => each(self.severity.as_str()),
            "finding" => each(self.kind.as_str()),
            "team" => facts.team.iter().for_each(|team| each(team.as_str())),
            "pipeline" => facts.pipelines.iter().for_each(|pipeline| each(pipeline.as_str())),
            "token" => each(&facts.token),
            "collector" => facts.collector.iter().for_each(|collector| each(collector)),
            "issuer" => each(facts.issuer.as_str()),
            "kind" => each(facts.kind.as_str()),
            "place" => each(traits.place.as_str()),
            "name" => each(traits.name.as_str()),
            "scope" => traits.scopes.iter().for_each(|scope| each(scope.as_str())),
            _ => {
                let wanted = name.strip_prefix("fact.").unwrap_or(name);
                let told = traits.facts.iter().filter(|(fact, _)| fact.as_str() == wanted);
                told.for_each(|(_, told)| each(told.as_str()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{compile, facts, told};
    use super::*;

    /// Who hears of it, as `channel` or `channel:address`.
    fn pick(routes: &Routes, told: &Told) -> Vec<String> {
        let say = |(channel, address): Reader| match address.as_str() {
            "" => channel.to_string(),
            address => format!("{channel}:{address}"),
        };
        routes.pick(told).into_iter().map(say).collect()
    }
    fn of_team(team: Option<&str>, severity: Severity) -> Told {
        let mut told = told(FindingKind::Revoked, severity);
        told.facts.team = team.map(TeamId::from);
        told
    }

    #[test]
    fn the_first_match_takes_it_unless_it_says_continue() {
        let routes = json!([
            { "match": { "severity": "critical" }, "to": ["hook"], "continue": true },
            { "match": { "token": "vault/*" }, "except": { "name": "b-*" }, "to": ["chat", "chat"] },
            { "to": ["mail"] }
        ]);
        let routes = compile(routes, json!({})).unwrap();
        assert_eq!(pick(&routes, &of_team(None, Severity::Critical)), ["hook", "chat"]);
        assert_eq!(pick(&routes, &of_team(None, Severity::Warning)), ["chat"]);
        let mut excepted = of_team(None, Severity::Warning);
        excepted.traits.name = "b-1".into();
        assert_eq!(pick(&routes, &excepted), ["mail:a@example.com", "mail:b@example.com"]);
    }

    #[test]
    fn every_field_can_be_matched() {
        let mut told = of_team(Some("platform"), Severity::Warning);
        told.facts.pipelines = vec!["deploy-prod".into()];
        told.traits = Traits {
            place: "root".into(),
            name: "ci".into(),
            scopes: vec!["api".into()],
            facts: vec![("meta.env".into(), "prod".into())],
        };
        for (field, good, bad) in [
            ("severity", "warning", "critical"),
            ("finding", "revoked", "expired"),
            ("team", "platform", "shop"),
            ("pipeline", "deploy-*", "nightly"),
            ("token", "vault/ci", "vault/*/ci"),
            ("collector", "vault", "sso"),
            ("issuer", "vault", "oauth2"),
            ("kind", "service", "login"),
            ("place", "root", "ns1"),
            ("name", "c*", "d*"),
            ("scope", "api", "sudo"),
            ("fact.meta.env", "prod", "test"),
        ] {
            let routes =
                |glob: &str| compile(json!([{ "match": { field: glob }, "to": ["hook"] }]), json!({})).unwrap();
            assert_eq!(pick(&routes(good), &told), ["hook"], "{field}");
            assert!(pick(&routes(bad), &told).is_empty(), "{field}");
        }
    }

    #[test]
    fn a_team_hears_on_its_own_channels() {
        let teams = json!({
            "platform": { "channels": ["chat"], "fallback": ["hook"] },
            "identity": { "channels": [], "fallback": ["hook"] }
        });
        let routes = compile(json!([{ "to": ["team"] }, { "to": ["mail"] }]), teams).unwrap();
        assert_eq!(pick(&routes, &of_team(Some("platform"), Severity::Critical)), ["chat"]);
        assert_eq!(pick(&routes, &of_team(Some("identity"), Severity::Critical)), ["hook"]);
        let nobody = ["mail:a@example.com", "mail:b@example.com"];
        assert_eq!(
            pick(&routes, &of_team(None, Severity::Critical)),
            nobody,
            "a route that reaches nobody takes nothing"
        );
    }

    #[test]
    fn without_routes_everything_goes_everywhere() {
        let routes = compile(json!(null), json!({})).unwrap();
        let all = ["chat", "hook", "mail:a@example.com", "mail:b@example.com"];
        assert_eq!(pick(&routes, &of_team(None, Severity::Warning)), all);
    }

    #[test]
    fn a_channel_never_tells_of_its_own_failure() {
        let routes = compile(json!([{ "to": ["chat", "mail", "hook"] }]), json!({})).unwrap();
        let failing = |channel: &str| {
            let mut told = told(FindingKind::ChannelFailing, Severity::Warning);
            told.episode.subject = Subject::Channel(channel.into());
            told
        };
        assert_eq!(pick(&routes, &failing("chat")), ["mail:a@example.com", "mail:b@example.com"]);
        assert_eq!(pick(&routes, &failing("mail")), ["chat"], "any other");
    }

    #[test]
    fn rule_8_a_finding_that_no_route_carries_goes_to_the_last_one() {
        let routes = json!([{ "match": { "severity": "critical" }, "to": ["chat"] }, { "match": { "team": "x" }, "to": ["hook"] }]);
        let routes = compile(routes, json!({})).unwrap();
        let mut unowned = told(FindingKind::Unowned, Severity::Warning);
        unowned.episode.finding.why = Why::NoRoute;
        assert_eq!(pick(&routes, &unowned), ["hook"]);
    }

    #[test]
    fn whether_a_critical_finding_would_reach_anybody() {
        let carries = |routes, team: Option<&str>| {
            let teams = json!({ "platform": { "channels": ["chat"] } });
            let facts = Facts { team: team.map(TeamId::from), ..facts() };
            compile(routes, teams).unwrap().carries_critical(&facts, &Traits::default())
        };
        assert!(carries(json!([{ "to": ["team"] }]), Some("platform")));
        assert!(!carries(json!([{ "to": ["team"] }]), None));
        assert!(!carries(json!([{ "match": { "severity": "warning" }, "to": ["chat"] }]), None));
        assert!(carries(json!([{ "match": { "finding": "revoked" }, "to": ["chat"] }]), None));
        assert!(carries(json!(null), None));
    }

    #[test]
    fn a_fallback_is_the_channels_own_or_its_teams() {
        let teams = json!({ "platform": { "channels": ["chat", "hook"], "fallback": ["hook", "mail"] } });
        let routes = compile(json!(null), teams).unwrap();
        let of = |channel: &str| routes.fallback(&channel.into()).map(ChannelId::as_str);
        assert_eq!((of("chat"), of("hook"), of("mail")), (Some("mail"), Some("mail"), None));
        assert_eq!(routes.fallback_readers(&"chat".into()).len(), 2);
    }
}
