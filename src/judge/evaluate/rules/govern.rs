//! Which policies match a token, and what they give it together (semantics 1.3, 2.3).
//! Combinations of matching policies are few; each is merged once and then known by its number.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use super::compile::{Entry, Team};
use super::pipeline::Pipeline;
use super::{CollectorRules, Governed, Policy, Rules, Subject};
use crate::domain::key::{CollectorId, PipelineId, PolicyNo, TeamId};

/// Combinations met so far.
#[derive(Debug, Default)]
pub(super) struct Met(RwLock<Combinations>);

#[derive(Debug)]
struct Combinations {
    numbers: HashMap<Vec<u32>, PolicyNo>,
    merged: Vec<Arc<Policy>>,
}

impl Default for Combinations {
    /// Number 0 is no policy at all, which is also what a slot has before it is governed.
    fn default() -> Self {
        Self { numbers: HashMap::from([(Vec::new(), PolicyNo::default())]), merged: vec![Arc::default()] }
    }
}

impl Rules {
    /// Matches policies, top down; for each key the first that sets it wins.
    pub fn govern(&self, subject: &Subject<'_>) -> Governed {
        let entries = &self.compiled.entries;
        let fits = |nth: &u32| entries[*nth as usize].fits(subject);
        let matching: Vec<u32> = (0..entries.len() as u32).filter(fits).collect();
        let all = || matching.iter().map(|&nth| &entries[nth as usize]);
        let team = all().find_map(|entry| self.team(entry, subject));
        let slot = all().find_map(|entry| entry.slot.clone());
        let policy = self.number(&matching);
        let merged = self.policy(policy);
        let given = team.is_some() || merged.schedule.is_some() || !merged.pipelines.is_empty();
        Governed {
            policy,
            matched: merged.matched,
            managed: subject.explicit || subject.own_login || given,
            team,
            slot,
            watch: !merged.unwatched,
        }
    }
    /// A team by name, or by a fact that the issuer tells: one that is not told, or that `teams:` does not know, sets
    /// nothing, so that strangers' text cannot invent teams.
    pub(super) fn team(&self, entry: &Entry, subject: &Subject<'_>) -> Option<TeamId> {
        match entry.team.as_ref()? {
            Team::Named(team) => Some(team.clone()),
            Team::Fact(wanted) => {
                let (_, told) = subject.facts.iter().find(|(name, _)| name.as_str() == wanted)?;
                let listed =
                    self.compiled.teams.as_ref().is_none_or(|teams| teams.iter().any(|team| team == told.as_str()));
                (listed && !told.is_empty()).then(|| TeamId::from(told.as_str()))
            }
        }
    }
    fn number(&self, matching: &[u32]) -> PolicyNo {
        if let Some(&no) = self.met.0.read().unwrap_or_else(PoisonError::into_inner).numbers.get(matching) {
            return no;
        }
        let mut met = self.met.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(&no) = met.numbers.get(matching) {
            return no;
        }
        let no = PolicyNo(met.merged.len() as u32);
        met.merged.push(Arc::new(self.merge(matching)));
        met.numbers.insert(matching.to_vec(), no);
        no
    }
    fn merge(&self, matching: &[u32]) -> Policy {
        let all = || matching.iter().map(|&nth| &self.compiled.entries[nth as usize]);
        let pipelines = all().find_map(|entry| entry.pipelines.clone()).unwrap_or_default();
        let runs = pipelines.iter().filter_map(|pipeline| self.pipelines().get(pipeline)?.runs.clone()).collect();
        Policy {
            matched: all().any(|entry| entry.matches.is_some()),
            schedule: all().find_map(|entry| entry.schedule.clone()),
            pipelines,
            runs,
            runbook: all().find_map(|entry| entry.runbook.clone()),
            warn: all().find_map(|entry| entry.warn.clone()),
            max_lifetime: all().find_map(|entry| entry.max_lifetime),
            unused_after: all().find_map(|entry| entry.unused_after),
            rotated: all().find_map(|entry| entry.rotated),
            scopes_allow: all().find_map(|entry| entry.scopes_allow.clone()),
            scopes_require: all().find_map(|entry| entry.scopes_require.clone()),
            allow: all().find_map(|entry| entry.allow.clone()).unwrap_or_default(),
            unwatched: all().find_map(|entry| entry.watch) == Some(false),
        }
    }
    /// What a number of [`Rules::govern`] stands for; a number of other rules, or none yet, gives no policy at all.
    pub fn policy(&self, no: PolicyNo) -> Arc<Policy> {
        let met = self.met.0.read().unwrap_or_else(PoisonError::into_inner);
        met.merged.get(no.0 as usize).cloned().unwrap_or_default()
    }
    pub fn pipelines(&self) -> &BTreeMap<PipelineId, Pipeline> {
        &self.compiled.pipelines
    }
    pub fn collector(&self, id: &CollectorId) -> Option<&CollectorRules> {
        self.compiled.collectors.get(id).map(|known| &known.rules)
    }
    pub fn collectors(&self) -> impl Iterator<Item = &CollectorRules> {
        self.compiled.collectors.values().map(|known| &known.rules)
    }
    /// A collector's `ignore` matches the raw record (semantics 2.3). Its own login is never ignored.
    pub fn ignores(&self, subject: &Subject<'_>) -> bool {
        let known = self.compiled.collectors.get(subject.collector);
        !subject.own_login
            && known.is_some_and(|known| known.ignore.iter().any(|ignore| ignore.fits(&subject.fields())))
    }
    /// Any policy that matches by something is written (for `unmanaged`).
    pub fn any_policy(&self) -> bool {
        self.compiled.entries.iter().any(|entry| entry.matches.is_some())
    }
    /// Any team is named (for `unowned`).
    pub fn any_team(&self) -> bool {
        self.compiled.teams.as_ref().is_some_and(|teams| !teams.is_empty())
            || self.compiled.entries.iter().any(|entry| entry.team.is_some())
    }
}

impl Entry {
    /// Without `match` it gives the defaults of the house; an own login must be named (semantics 1.3).
    pub(super) fn fits(&self, subject: &Subject<'_>) -> bool {
        let fields = subject.fields();
        let matches = match &self.matches {
            None => !subject.own_login,
            Some(matcher) => (!subject.own_login || matcher.names_login(subject.token)) && matcher.fits(&fields),
        };
        matches && !self.except.as_ref().is_some_and(|except| except.fits(&fields))
    }
}

impl<'a> Subject<'a> {
    /// What each field of a matcher holds.
    pub fn fields(&self) -> impl Fn(&str, &mut dyn FnMut(&str)) + 'a {
        let subject = *self;
        move |name, each| match name {
            "token" => each(subject.token),
            "place" => each(subject.place),
            "name" => each(subject.name),
            "collector" => each(subject.collector.as_str()),
            "issuer" => each(subject.issuer),
            "kind" => each(subject.kind),
            "scope" => subject.scopes.iter().for_each(|scope| each(scope.as_str())),
            _ => {
                let wanted = name.strip_prefix("fact.").unwrap_or(name);
                subject
                    .facts
                    .iter()
                    .filter(|(fact, _)| fact.as_str() == wanted)
                    .for_each(|(_, told)| each(told.as_str()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sections;
    use super::super::sections::{MatchSection, OneOrMany, PolicySection, TeamSection};
    use super::*;
    use crate::domain::text::Text;

    fn matching(field: &str, globs: &[&str]) -> Option<MatchSection> {
        let globs = OneOrMany(globs.iter().map(|&glob| glob.to_owned()).collect());
        Some(MatchSection([(field.to_owned(), globs)].into()))
    }
    fn named(team: &str) -> Option<TeamSection> {
        Some(TeamSection::Named(team.into()))
    }
    fn rules(policies: Vec<PolicySection>) -> Rules {
        let pipelines = [("deploy".to_owned(), Default::default())].into();
        Rules::compile(&Sections { policies, pipelines, ..Sections::default() }, Vec::new()).unwrap()
    }
    struct Asked<'a> {
        token: &'a str,
        name: &'a str,
        facts: &'a [(Text, Text)],
        own_login: bool,
    }
    fn govern(rules: &Rules, asked: Asked<'_>) -> Governed {
        rules.govern(&Subject {
            collector: &"gitlab".into(),
            issuer: "gitlab",
            kind: if asked.own_login { "login" } else { "project" },
            token: asked.token,
            place: "42",
            name: asked.name,
            scopes: &[],
            facts: asked.facts,
            own_login: asked.own_login,
            explicit: asked.own_login,
        })
    }
    fn plain<'a>(token: &'a str, name: &'a str) -> Asked<'a> {
        Asked { token, name, facts: &[], own_login: false }
    }

    #[test]
    fn the_first_policy_that_sets_a_key_wins() {
        let rules = rules(vec![
            PolicySection { matches: matching("token", &["gitlab/**"]), team: named("platform"), ..Default::default() },
            PolicySection {
                matches: matching("name", &["deploy-*"]),
                except: matching("name", &["*-test"]),
                team: named("other"),
                pipelines: Some(vec!["deploy".into()]),
                runbook: Some("https://one".into()),
                ..Default::default()
            },
            PolicySection { runbook: Some("https://two".into()), slot: Some("x".into()), ..Default::default() },
        ]);
        let got = govern(&rules, plain("gitlab/a/deploy-1", "deploy-1"));
        assert_eq!(got.team, Some("platform".into()));
        assert!(got.managed && got.matched && got.watch);
        assert_eq!(got.slot.as_deref(), Some("x"));
        let policy = rules.policy(got.policy);
        assert_eq!(policy.pipelines, ["deploy".into()]);
        assert_eq!(policy.runbook.as_deref(), Some("https://one"));
        let excepted = govern(&rules, plain("gitlab/a/deploy-test", "deploy-test"));
        assert_eq!(rules.policy(excepted.policy).runbook.as_deref(), Some("https://two"));
        assert_ne!(excepted.policy, got.policy);
        assert_eq!(govern(&rules, plain("gitlab/b/deploy-1", "deploy-1")).policy, got.policy);
        let ungoverned = rules.policy(PolicyNo::default());
        assert!(!ungoverned.matched && ungoverned.pipelines.is_empty(), "number 0 is no policy");
    }

    #[test]
    fn rule_2_4_defaults_of_the_house_match_nobody() {
        let rules = rules(vec![PolicySection { runbook: Some("https://x".into()), ..Default::default() }]);
        let got = govern(&rules, plain("gitlab/a/b", "b"));
        assert!(!got.matched && !got.managed && !rules.any_policy());
        assert_eq!(rules.policy(got.policy).runbook.as_deref(), Some("https://x"));
    }

    #[test]
    fn rule_1_3_an_own_login_must_be_named() {
        let login = || Asked { token: "forewarn/gitlab", name: "forewarn/gitlab", facts: &[], own_login: true };
        let by = |field, glob| {
            rules(vec![PolicySection { matches: matching(field, &[glob]), team: named("sre"), ..Default::default() }])
        };
        assert_eq!(govern(&by("token", "**"), login()).team, None);
        assert_eq!(govern(&by("collector", "gitlab"), login()).team, None);
        assert_eq!(govern(&by("token", "forewarn/git*"), login()).team, Some("sre".into()));
        assert_eq!(govern(&by("token", "forewarn/vault"), login()).team, None);
        assert_eq!(govern(&by("kind", "login"), login()).team, Some("sre".into()));
        let house = rules(vec![PolicySection { team: named("sre"), ..Default::default() }]);
        assert_eq!(govern(&house, login()).team, None);
        assert!(govern(&house, login()).managed, "explicit is managed");
    }

    #[test]
    fn a_team_may_be_told_by_the_issuer() {
        let fact = |name: &str| Some(TeamSection::Fact(name.into()));
        let policies = vec![
            PolicySection { matches: matching("token", &["**"]), team: fact("meta.team"), ..Default::default() },
            PolicySection { team: named("house"), ..Default::default() },
        ];
        let open = rules(policies.clone());
        let team = |rules: &Rules, told: &str| {
            let facts = [(Text::new("meta.team"), Text::new(told))];
            govern(rules, Asked { token: "v/x", name: "x", facts: &facts, own_login: false }).team
        };
        assert_eq!(team(&open, "cloud"), Some("cloud".into()));
        assert_eq!(team(&open, ""), Some("house".into()));
        let teams = Some(vec!["cloud".to_owned(), "house".to_owned()]);
        let listed = Rules::compile(&Sections { policies, teams, ..Sections::default() }, Vec::new()).unwrap();
        assert_eq!(team(&listed, "cloud"), Some("cloud".into()));
        assert_eq!(team(&listed, "invented"), Some("house".into()));
    }

    #[test]
    fn a_fact_can_be_matched() {
        let rules = rules(vec![PolicySection {
            matches: matching("fact.meta.env", &["prod"]),
            watch: Some(false),
            ..Default::default()
        }]);
        let facts = [(Text::new("meta.env"), Text::new("prod"))];
        let got = govern(&rules, Asked { token: "v/x", name: "x", facts: &facts, own_login: false });
        assert!(got.matched && !got.watch);
        assert!(!govern(&rules, plain("v/x", "x")).matched);
    }
}
