//! A small world for the tests of this room, after the samples of the surfaces: a group token of GitLab that ends before
//! its rotation, a revoked one, one whose rotation was missed, one that never expires, and a collector that fails.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::domain::At;
use crate::domain::key::{CollectorId, SightId};
use crate::domain::observation::{Coverage, Life, Observation, Origin, Record, WalkEnd, WalkNo, Walked};
use crate::domain::reason::FailureReason;
use crate::domain::token::{End, EndedHow, Expiry, ExpiryKind, LastUsed};
use crate::judge::evaluate::almanac::Almanac;
use crate::judge::evaluate::rules::written::Written;
use crate::judge::evaluate::rules::{CollectorRules, Rules, Sections};
use crate::judge::tell::route::{ChannelRules, RouteSection, Routes};
use crate::judge::world::{Event, World};

pub fn at(text: &str) -> At {
    text.parse().unwrap()
}

/// Tue 24 Nov 2026, 09:40 UTC.
pub fn now() -> At {
    at("2026-11-24T09:40:00Z")
}

fn collector(name: &str, url: &str) -> CollectorRules {
    CollectorRules {
        id: name.into(),
        issuer: name.into(),
        title: name.into(),
        login: None,
        least: "a reader".into(),
        host: url.trim_start_matches("https://").into(),
        url: url.into(),
        explicit: None,
        every: 900,
        stale_after: Some(3600),
        shows_rotation: true,
        absent: EndedHow::Vanished,
        confirms: false,
        kinds: vec![],
        ignore: vec![],
        slots_by_id: false,
        max_tokens: 1_000_000,
        rotate: "Rotate it in its group's settings.".into(),
        tells_expiry: true,
    }
}

/// Fields of policies, schedules and pipelines as they would be written.
pub fn rules() -> Rules {
    rules_with(json!({ "deploy-prod": {}, "nightly": {}, "images": {} }))
}

fn rules_with(pipelines: Value) -> Rules {
    let take = |value: Value| value;
    let policies = take(json!([
        { "match": { "token": "gitlab/platform/**" }, "team": "platform" },
        { "match": { "token": "keycloak/**" }, "team": "identity" },
        { "match": { "name": ["renovate", "deploy-bot"] }, "schedule": "quarterly", "pipelines": ["deploy-prod"],
          "runbook": "https://wiki.example.com/rotate-gitlab-token" },
        { "match": { "name": "ci-*" }, "schedule": "quarterly", "pipelines": ["nightly"] },
    ]));
    let sections = Sections {
        policies: serde_json::from_value(policies).unwrap(),
        schedules: serde_json::from_value(json!({ "quarterly": { "every": "90d", "by": "hand" } })).unwrap(),
        pipelines: serde_json::from_value(pipelines).unwrap(),
        teams: None,
    };
    let collectors = vec![
        collector("aws", "https://aws.example.com"),
        collector("gitlab", "https://gitlab.example.com"),
        collector("keycloak", "https://sso.example.com"),
    ];
    let places = [
        ("policies[0].team", 12),
        ("policies[2].schedule", 15),
        ("policies[2].pipelines", 16),
        ("policies[2].runbook", 17),
        ("schedules.quarterly", 9),
        ("collectors.gitlab", 2),
    ];
    let written = Written {
        places: places.map(|(path, line)| (path.to_owned(), format!("forewarn.yml:{line}"))).into(),
        kinds: [(("gitlab".to_owned(), "group".to_owned()), "group access token".to_owned())].into(),
        issuers: [("gitlab".to_owned(), "GitLab".to_owned())].into(),
    };
    Rules::compile(&sections, collectors).unwrap().with(written)
}

fn routes() -> Routes {
    let routes: Vec<RouteSection> = serde_json::from_value(json!([
        { "match": { "severity": "critical" }, "to": ["chat", "mail"] },
        { "to": ["chat"] },
    ]))
    .unwrap();
    let mail = ChannelRules { recipients: vec!["ops@example.com".into()], fallback: None };
    let channels = [("chat".into(), ChannelRules::default()), ("mail".into(), mail)].into();
    Routes::compile(Some(&routes), &Default::default(), channels).unwrap()
}

pub fn record(place: &str, name: &str, issued: &str, expires: Expiry) -> Record {
    Record {
        origin: Origin::Inventory,
        kind: "group".into(),
        person: false,
        place: place.into(),
        place_path: place.into(),
        name: name.into(),
        generation: format!("{place}-{name}").as_str().into(),
        owner: None,
        issued: Some(at(issued)),
        starts: None,
        expires,
        hard_stop: None,
        period: None,
        granted: None,
        renewable: false,
        renewed: None,
        last_used: None,
        scopes: Vec::new(),
        life: Life::Active,
        life_word: None,
        dynamic: None,
        facts: Vec::new(),
        uses_left: None,
        link: None,
        value: None,
        doubt: None,
    }
}

/// A date without a time.
fn date(text: &str) -> Expiry {
    let instant = at(&format!("{text}T00:00:00Z"));
    let late = instant + chrono::TimeDelta::days(1);
    Expiry::At(End { instant, late, kind: ExpiryKind::Hard })
}

/// Drives the world as the keeper does.
pub struct Stage {
    pub world: World,
    almanac: Almanac,
    walk: WalkNo,
}

impl Stage {
    pub fn new() -> Self {
        Self::of(rules())
    }
    fn of(rules: Rules) -> Self {
        let world = World::new(Arc::new(rules), Arc::new(routes()), at("2026-11-01T00:00:00Z"));
        Self { world, almanac: Almanac::default(), walk: 0 }
    }
    fn hear(&mut self, event: Event, now: At) {
        let decision = self.world.decide(&event, &mut self.almanac, now);
        self.world.apply(decision);
    }
    pub fn round(&mut self, name: &str, records: Vec<Record>, now: At) {
        self.walk += 1;
        let (collector, walk) = (CollectorId::from(name), self.walk);
        let page = Observation {
            collector: collector.clone(),
            sight: SightId(1),
            walk,
            listing: "tokens".into(),
            ends: Some(Coverage::Whole),
            taken_at: now,
            issuer_clock: None,
            records,
            listed: vec![],
            gone: vec![],
            rejects: vec![],
            left_out: Default::default(),
        };
        self.hear(Event::Walked(Walked::Page(page)), now);
        self.end(collector, Coverage::Whole, now);
        self.hear(Event::Due, now);
    }
    pub fn fail(&mut self, name: &str, reason: FailureReason, now: At) {
        self.walk += 1;
        self.end(name.into(), Coverage::Failed { reason }, now);
    }
    fn end(&mut self, collector: CollectorId, coverage: Coverage, now: At) {
        let end = WalkEnd {
            collector,
            sight: SightId(1),
            walk: self.walk,
            started_at: now,
            ended_at: now,
            duration_ms: Some(1200),
            coverage,
            detail: coverage.reason().map(|_| "503 GET /v1/x (sealed)".into()),
            ratelimit_remaining: None,
            confirm: false,
        };
        self.hear(Event::Walked(Walked::End(end)), now);
    }
}

fn renovate() -> Record {
    Record {
        generation: "8841".into(),
        last_used: Some(LastUsed { at: at("2026-11-24T09:20:00Z"), granularity: 600 }),
        scopes: vec!["read_api".into(), "read_registry".into()],
        owner: Some("group_7_bot".into()),
        link: Some("https://gitlab.example.com/groups/platform/-/settings/access_tokens".into()),
        ..record("platform", "renovate", "2026-09-02T14:10:00Z", date("2026-12-01"))
    }
}

/// The fleet at [`now`]: GitLab was read 4 minutes ago, Keycloak has just revoked, AWS fails since 06:30.
pub fn world() -> World {
    fleet(Stage::new())
}

/// The same fleet, its pipelines written otherwise.
pub fn world_with(pipelines: Value) -> World {
    fleet(Stage::of(rules_with(pipelines)))
}

fn fleet(mut stage: Stage) -> World {
    let gitlab = || {
        vec![
            renovate(),
            record("platform", "old-mirror", "2025-01-01T00:00:00Z", Expiry::Never),
            record("shop", "label-<b>bot</b>", "2026-08-01T00:00:00Z", date("2027-03-01")),
        ]
    };
    let bot = |life| Record { life, ..record("ci", "deploy-bot", "2026-11-20T00:00:00Z", date("2027-03-01")) };
    let aws = || vec![record("", "ci-deploy", "2026-08-01T00:00:00Z", Expiry::Never)];
    let first = at("2026-11-24T06:15:00Z");
    stage.round("gitlab", gitlab(), first);
    stage.round("keycloak", vec![bot(Life::Active)], first);
    stage.round("aws", aws(), first);
    stage.fail("aws", FailureReason::Http5xx, at("2026-11-24T06:30:00Z"));
    stage.round("keycloak", vec![bot(Life::Active)], at("2026-11-24T08:46:00Z"));
    stage.round("keycloak", vec![bot(Life::Revoked)], at("2026-11-24T09:01:00Z"));
    stage.round("gitlab", gitlab(), at("2026-11-24T09:36:00Z"));
    stage.hear(Event::Due, now());
    stage.world
}
