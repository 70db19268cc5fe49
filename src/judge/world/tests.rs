//! World driven by hand: records in, decisions applied at once, as the keeper does after a commit.

use std::sync::Arc;

use super::*;
use crate::domain::key::SightId;
use crate::domain::observation::{Coverage, Life, Observation, Origin, Record, WalkEnd};
use crate::domain::token::{End, EndedHow, Expiry};
use crate::judge::evaluate::rules::{CollectorRules, Sections};

fn at(seconds: i64) -> At {
    At::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn collector(explicit: &[&str]) -> CollectorRules {
    CollectorRules {
        id: "gitlab".into(),
        issuer: "gitlab".into(),
        title: "GitLab".into(),
        login: None,
        least: "".into(),
        host: "".into(),
        url: "".into(),
        explicit: Some(explicit.iter().map(|&name| name.to_owned()).collect()),
        every: 60,
        stale_after: Some(3600),
        shows_rotation: true,
        absent: EndedHow::Vanished,
        confirms: false,
        kinds: Vec::new(),
        ignore: Vec::new(),
        slots_by_id: false,
        max_tokens: 1000,
        rotate: "".into(),
        tells_expiry: true,
    }
}

struct Stage {
    world: World,
    almanac: Almanac,
    walk: WalkNo,
    now: i64,
}

impl Stage {
    fn new(explicit: &[&str]) -> Self {
        let sections = Sections {
            policies: serde_json::from_value(serde_json::json!([{ "match": { "token": "**" }, "team": "platform" }]))
                .unwrap(),
            schedules: serde_json::from_value(serde_json::json!({})).unwrap(),
            pipelines: serde_json::from_value(serde_json::json!({})).unwrap(),
            teams: None,
        };
        let rules = Rules::compile(&sections, vec![collector(explicit)]).unwrap();
        let world = World::new(Arc::new(rules), Arc::new(Routes::default()), at(0));
        Self { world, almanac: Almanac::default(), walk: 0, now: 0 }
    }
    fn hear(&mut self, event: Event) {
        let decision = self.world.decide(&event, &mut self.almanac, at(self.now));
        self.world.apply(decision);
    }
    /// A whole round, one page a slice of records.
    fn round(&mut self, pages: &[&[Record]]) {
        self.walk += 1;
        self.now += 60;
        for (nth, records) in pages.iter().enumerate() {
            let ends = (nth + 1 == pages.len()).then_some(Coverage::Whole);
            self.hear(Event::Walked(Walked::Page(Observation {
                collector: "gitlab".into(),
                sight: SightId(1),
                walk: self.walk,
                listing: "tokens".into(),
                ends,
                taken_at: at(self.now),
                issuer_clock: None,
                records: records.to_vec(),
                listed: Vec::new(),
                gone: Vec::new(),
                rejects: Vec::new(),
                left_out: Vec::new(),
            })));
        }
        self.hear(Event::Walked(Walked::End(WalkEnd {
            collector: "gitlab".into(),
            sight: SightId(1),
            walk: self.walk,
            started_at: at(self.now),
            ended_at: at(self.now),
            duration_ms: None,
            coverage: Coverage::Whole,
            detail: None,
            ratelimit_remaining: None,
            confirm: false,
        })));
    }
    fn absent_rounds(&self, generation: &str) -> u8 {
        let key = TokenKey::new("gitlab".into(), "project", "42", "deploy");
        let slot = self.world.slot(&key).unwrap();
        slot.generations.iter().find(|g| *g.id == *generation).unwrap().absent_rounds
    }
}

fn record(generation: &str, issued: i64, life: Life) -> Record {
    Record {
        origin: Origin::Inventory,
        kind: "project".into(),
        person: false,
        place: "42".into(),
        place_path: "platform".into(),
        name: "deploy".into(),
        generation: generation.into(),
        owner: None,
        issued: Some(at(issued)),
        starts: None,
        expires: Expiry::At(End::hard(at(90 * 86_400))),
        hard_stop: None,
        period: None,
        granted: None,
        renewable: false,
        renewed: None,
        last_used: None,
        scopes: Vec::new(),
        life,
        life_word: None,
        dynamic: None,
        facts: Vec::new(),
        uses_left: None,
        link: None,
        value: None,
        doubt: None,
    }
}

#[test]
fn rule_3_2_what_stood_beside_a_new_generation_was_not_absent() {
    let (new, old) = (record("2", -50, Life::Active), record("1", -90, Life::Active));
    for pages in [&[&[new.clone(), old.clone()][..]][..], &[&[new.clone()][..], &[old.clone()][..]][..]] {
        let mut stage = Stage::new(&[]);
        stage.round(pages);
        assert_eq!((stage.absent_rounds("1"), stage.absent_rounds("2")), (0, 0));
    }
}

#[test]
fn rule_3_2_a_dead_namesake_does_not_stand_in_for_a_token_that_is_gone() {
    let (live, dead) = (record("2", -50, Life::Active), record("1", -90 * 86_400, Life::Revoked));
    let mut stage = Stage::new(&[]);
    stage.round(&[&[live, dead.clone()]]);
    assert_eq!(stage.absent_rounds("2"), 0);
    stage.round(&[&[dead]]);
    assert_eq!(stage.absent_rounds("2"), 1);
}

#[test]
fn rule_9_5_a_name_that_left_the_configuration_while_nobody_ran() {
    let mut first = Stage::new(&["deploy"]);
    let inspected = Record { origin: Origin::Inspect, ..record("h1", -50, Life::Active) };
    first.round(&[&[inspected]]);
    let key = TokenKey::new("gitlab".into(), "project", "42", "deploy");
    let mut again = Stage::new(&[]);
    again.world.remember_slot(first.world.slot(&key).unwrap());
    again.hear(Event::Due);
    assert!(again.world.slot(&key).is_some(), "nothing is decided while the start settles");
    again.now = SETTLING;
    again.hear(Event::Due);
    assert!(again.world.slot(&key).is_none());
}
