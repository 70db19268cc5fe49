//! For tests: a slot, a collector and rules to judge it by, each as short as a row of a table.
//! Instants are seconds from `T0`, Tue 24 Nov 2026 09:40 UTC; what is judged comes back as one line.

use std::borrow::Cow;

use super::almanac::Almanac;
use super::assess;
use super::rules::{CollectorRules, Rules, Sections, Subject};
use super::watch::shift;
use crate::base::time::span;
use crate::domain::At;
use crate::domain::collector::CollectorStatus;
use crate::domain::finding::{Assessment, Finding};
use crate::domain::key::TokenKey;
use crate::domain::observation::{Doubt, Origin};
use crate::domain::token::{End, Ended, EndedHow, Expiry, ExpiryKind, Generation, LastUsed, Slot, Token};

pub const DAY: i64 = 86_400;
pub const HOUR: i64 = 3600;

/// Seconds from T0.
pub fn t(seconds: i64) -> At {
    shift("2026-11-24T09:40:00Z".parse().unwrap(), seconds)
}

#[derive(Debug)]
pub struct Trial {
    sections: Sections,
    pub slot: Slot,
    pub status: CollectorStatus,
    pub rules: Rules,
}

impl Trial {
    /// `rules`: policies, schedules, pipelines, teams as in a configuration. The slot is `gitlab/platform/renovate`,
    /// of kind `project`, read at T0.
    pub fn new(rules: serde_json::Value, generations: Vec<Generation>) -> Self {
        let take = |key: &str, none: serde_json::Value| rules.get(key).cloned().unwrap_or(none);
        let map = || serde_json::json!({});
        let sections = Sections {
            policies: serde_json::from_value(take("policies", serde_json::json!([]))).unwrap(),
            schedules: serde_json::from_value(take("schedules", map())).unwrap(),
            pipelines: serde_json::from_value(take("pipelines", map())).unwrap(),
            teams: rules.get("teams").map(|teams| serde_json::from_value(teams.clone()).unwrap()),
        };
        let rules = Rules::compile(&sections, vec![collector()]).unwrap();
        let status = CollectorStatus::new("gitlab".into(), "gitlab".into(), 900, Some(3600));
        let mut trial = Self { sections, slot: slot(generations), status, rules };
        trial.govern();
        trial
    }
    /// Changes what the rules know of its collector.
    pub fn collector(mut self, change: impl FnOnce(&mut CollectorRules)) -> Self {
        let mut collector = collector();
        change(&mut collector);
        self.rules = Rules::compile(&self.sections, vec![collector]).unwrap();
        self.govern();
        self
    }
    /// Managed by a team, nothing else.
    pub fn plain(generations: Vec<Generation>) -> Self {
        Self::new(serde_json::json!({ "policies": [{ "match": { "token": "**" }, "team": "platform" }] }), generations)
    }
    /// Nobody's: no policy is written.
    pub fn unmanaged(generations: Vec<Generation>) -> Self {
        Self::new(serde_json::json!({}), generations)
    }
    pub fn with(mut self, change: impl FnOnce(&mut Slot)) -> Self {
        change(&mut self.slot);
        self.govern();
        self
    }
    pub fn status(mut self, change: impl FnOnce(&mut CollectorStatus)) -> Self {
        change(&mut self.status);
        self
    }
    fn govern(&mut self) {
        let got = self.rules.govern(&Subject {
            collector: &self.slot.key.collector,
            issuer: "gitlab",
            kind: self.slot.key.kind(),
            token: &self.slot.label,
            place: self.slot.key.place(),
            name: self.slot.key.name(),
            scopes: &[],
            facts: &self.slot.facts,
            own_login: self.slot.own_login(),
            explicit: self.slot.explicit(),
        });
        (self.slot.policy, self.slot.team) = (got.policy, got.team);
    }
    pub fn judge(&self, now: i64) -> Assessment {
        self.judge_at(t(now))
    }
    pub fn judge_at(&self, now: At) -> Assessment {
        assess(&self.slot, &self.status, &self.rules, &mut Almanac::default(), now)
    }
    /// The same, its facts read in this very second.
    pub fn fresh(&self, now: i64) -> Assessment {
        let mut slot = self.slot.clone();
        slot.observed = t(now);
        assess(&slot, &self.status, &self.rules, &mut Almanac::default(), t(now))
    }
    pub fn told(&self, now: i64) -> String {
        told(&self.judge(now).findings)
    }
    pub fn told_fresh(&self, now: i64) -> String {
        told(&self.fresh(now).findings)
    }
}

/// `expires_soon warning 7d, unowned info`.
pub fn told(findings: &[Finding]) -> String {
    let one = |finding: &Finding| {
        let rung = finding.rung.map(|rung| format!(" {}", span::write(rung.before))).unwrap_or_default();
        format!("{} {}{rung}", finding.kind, finding.severity)
    };
    findings.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn collector() -> CollectorRules {
    CollectorRules {
        url: "".into(),
        explicit: None,
        id: "gitlab".into(),
        issuer: "gitlab".into(),
        title: "GitLab".into(),
        login: None,
        least: "".into(),
        host: "gitlab.example.com".into(),
        every: 900,
        stale_after: Some(3600),
        shows_rotation: true,
        absent: EndedHow::Vanished,
        confirms: true,
        kinds: vec![],
        ignore: vec![],
        slots_by_id: false,
        max_tokens: 1_000_000,
        rotate: "rotate it".into(),
        tells_expiry: true,
    }
}

pub fn slot(generations: Vec<Generation>) -> Slot {
    Token {
        key: Cow::Owned(TokenKey::new("gitlab".into(), "project", "42", "renovate")),
        label: Cow::Owned("gitlab/platform/renovate".into()),
        origin: Origin::Inventory,
        person: false,
        place_path: "platform".into(),
        name: "renovate".into(),
        owner: None,
        facts: vec![],
        first_seen: t(-100 * DAY),
        listing: "projects".into(),
        flow: None,
        generations: Cow::Owned(generations),
        observed: t(0),
        scheduled_since: None,
        turned_back: None,
        rotated_at: None,
        policy: Default::default(),
        team: None,
    }
}

/// Issued and ending so many seconds from T0, seen good.
pub fn lived(id: &str, issued: i64, ends: i64) -> Generation {
    Generation { expires: Expiry::At(End::hard(t(ends))), ..endless(id, issued) }
}

/// Never expires.
pub fn endless(id: &str, issued: i64) -> Generation {
    Generation {
        id: id.into(),
        issued: Some(t(issued)),
        first_seen: t(issued),
        starts: None,
        expires: Expiry::Never,
        hard_stop: None,
        period: None,
        granted: None,
        renewable: false,
        renewed: None,
        moved_later: 0,
        last_used: None,
        good_sight: None,
        ended: None,
        dead_rounds: 0,
        was_usable: true,
        doubt: None,
        scopes: vec![],
        unread_since: None,
        absent_since: None,
        absent_rounds: 0,
        value: None,
        link: None,
    }
}

impl Generation {
    pub fn ended(self, how: EndedHow, word: &str, at: i64) -> Self {
        let ended = Ended { how, at: t(at), word: word.into(), seen_good: None, good_rounds: 0, first_sight: false };
        Self { ended: Some(ended), ..self }
    }
    pub fn used(self, at: i64) -> Self {
        Self { last_used: Some(LastUsed { at: t(at), granularity: 600 }), ..self }
    }
    pub fn doubted(self, doubt: Doubt) -> Self {
        Self { was_usable: doubt != Doubt::NeverActive, doubt: Some(doubt), ..self }
    }
    /// Only the date of its end was told.
    pub fn date_only(self) -> Self {
        let Expiry::At(end) = self.expires else { return self };
        Self { expires: Expiry::At(End { late: shift(end.instant, DAY), ..end }), ..self }
    }
    pub fn slid(self, period: u32) -> Self {
        let Expiry::At(end) = self.expires else { return self };
        let expires = Expiry::At(End { kind: ExpiryKind::Sliding, ..end });
        Self { expires, period: Some(period), ..self }
    }
}
