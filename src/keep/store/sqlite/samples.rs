//! Test data for the store: slots with every field set, episodes with their intents and deliveries.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::TimeDelta;
use rusqlite::Connection;

use crate::domain::At;
use crate::domain::collector::CollectorStatus;
use crate::domain::delivery::{Delivery, DeliveryState, Facts, Intent};
use crate::domain::episode::{Closing, Episode, EpisodeState, Subject, Transition};
use crate::domain::finding::{Finding, FindingKind, Rung, Severity, Why};
use crate::domain::key::{DeliveryId, EpisodeId, PolicyNo, SightId, TokenKey};
use crate::domain::observation::{Doubt, Origin};
use crate::domain::token::{End, Ended, EndedHow, Expiry, ExpiryKind, Flow, Generation, LastUsed, Slot, Token};
use crate::keep::store::{Batch, Store, Stored};

/// A folder with a store in it; reopened at will.
pub struct Bench {
    pub folder: tempfile::TempDir,
    pub store: Option<Box<dyn Store>>,
}

impl Bench {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut bench = Self { folder, store: None };
        bench.reopen();
        bench
    }
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("forewarn.db")
    }
    /// As after a kill: what was leased stays leased.
    pub fn reopen(&mut self) {
        self.store = None;
        self.store = Some(super::open(&self.path()).unwrap());
    }
    pub fn store(&mut self) -> &mut dyn Store {
        &mut **self.store.as_mut().unwrap()
    }
    pub fn commit(&mut self, batch: &Batch) {
        self.store().commit(batch).unwrap();
    }
    pub fn loaded(&mut self) -> Loaded {
        loaded(self.store())
    }
    /// A look past the store at its rows.
    pub fn peek<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        Connection::open(self.path()).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

#[derive(Default, Debug, PartialEq)]
pub struct Loaded {
    pub slots: Vec<Slot>,
    pub collectors: Vec<CollectorStatus>,
    pub episodes: Vec<Episode>,
    pub channels: Vec<String>,
    pub digested: Option<At>,
    pub told: Vec<(EpisodeId, String, String)>,
}

pub fn loaded(store: &mut dyn Store) -> Loaded {
    let mut all = Loaded::default();
    store
        .load(&mut |stored| match stored {
            Stored::Slot(slot) => all.slots.push(slot),
            Stored::Collector(status) => all.collectors.push(status),
            Stored::Episode(episode) => all.episodes.push(episode),
            Stored::Digested(at) => all.digested = Some(at),
            Stored::Channel(health) => all.channels.push(health.id.to_string()),
            Stored::ToldTo { episode, channel, recipient } => all.told.push((episode, channel.to_string(), recipient)),
        })
        .unwrap();
    all
}

/// 2026-11-24 09:40 UTC and so many seconds.
pub fn at(seconds: i64) -> At {
    At::from_timestamp(1_795_513_200, 0).unwrap() + TimeDelta::seconds(seconds)
}

pub fn key(collector: &str, name: &str) -> TokenKey {
    TokenKey::new(collector.into(), "service", "root", name)
}

/// A generation of which nothing but the id is told.
pub fn plain(id: &str) -> Generation {
    Generation {
        id: id.into(),
        issued: None,
        first_seen: at(0),
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
        was_usable: false,
        doubt: None,
        scopes: Vec::new(),
        unread_since: None,
        absent_since: None,
        absent_rounds: 0,
        value: None,
        link: None,
    }
}

/// A generation of which everything is told.
pub fn full(id: &str) -> Generation {
    Generation {
        issued: Some(at(-100)),
        starts: Some(at(-90)),
        expires: Expiry::At(End { instant: at(1_000), late: at(87_400), kind: ExpiryKind::Sliding }),
        hard_stop: Some(at(2_000)),
        period: Some(60),
        granted: Some(u32::MAX),
        renewable: true,
        renewed: Some(at(-10)),
        moved_later: 2,
        last_used: Some(LastUsed { at: at(-5), granularity: 600 }),
        good_sight: Some(SightId(i64::MIN)),
        ended: Some(Ended {
            how: EndedHow::Revoked,
            at: at(5),
            word: "blocked".into(),
            seen_good: Some(at(4)),
            good_rounds: 1,
            first_sight: true,
        }),
        dead_rounds: 1,
        was_usable: true,
        doubt: Some(Doubt::OutOfSight),
        scopes: vec!["api".into(), "read_\"x\"".into()],
        unread_since: Some(at(6)),
        absent_since: Some(at(7)),
        absent_rounds: 1,
        value: Some(Arc::from("k:00ff")),
        link: Some("https://x.example/1".into()),
        ..plain(id)
    }
}

pub fn slot(key: TokenKey, generations: Vec<Generation>) -> Slot {
    Token {
        label: Cow::Owned(format!("{}/{}", key.collector, key.name())),
        key: Cow::Owned(key),
        origin: Origin::Inventory,
        person: false,
        place_path: "root".into(),
        name: "n".into(),
        owner: None,
        facts: Vec::new(),
        first_seen: at(0),
        listing: "accessors".into(),
        flow: None,
        generations: Cow::Owned(generations),
        observed: at(0),
        scheduled_since: None,
        turned_back: None,
        rotated_at: None,
        policy: PolicyNo::default(),
        team: None,
    }
}

pub fn full_slot(key: TokenKey) -> Slot {
    Token {
        origin: Origin::Inspect,
        person: true,
        owner: Some("ännë".into()),
        facts: vec![("meta.team".into(), "platform".into()), ("x".into(), "".into())],
        flow: Some(Flow { count: 3, newest_issued: Some(at(1)), latest_end: None }),
        scheduled_since: Some(at(2)),
        turned_back: Some(Arc::from("k:11")),
        rotated_at: Some(at(3)),
        ..slot(key, vec![plain("a"), full("b")])
    }
}

pub fn episode(nth: u128) -> Episode {
    let finding = Finding {
        due: Some(at(1_000)),
        rung: Some(Rung { before: 60, at: at(940), sixtieths: 20 }),
        breaks: vec!["deploy-prod".into()],
        ..Finding::new(FindingKind::ExpiresSoon, Severity::Warning, Why::Plain)
    };
    Episode {
        id: EpisodeId(nth),
        subject: Subject::Token(key("vault", &format!("ci-{nth}"))),
        kind: FindingKind::ExpiresSoon,
        generation: Some("acc".into()),
        nth: 0,
        since: at(0),
        severity: finding.severity,
        rung: finding.rung,
        finding,
        told: None,
        reminders: 0,
        team: Some("platform".into()),
        state: EpisodeState::Open,
        seq: 1,
        flapping: false,
        quiet_since: None,
    }
}

pub fn closed(nth: u128, when: At) -> Episode {
    Episode { state: EpisodeState::Closed { how: Closing::Rotated, at: when }, ..episode(nth) }
}

pub fn intent(episode: &Episode, seq: u32) -> Intent {
    let facts: Facts = serde_json::from_value(serde_json::json!({
        "token": "vault/ci", "collector": "vault", "issuer": "vault", "host": "v.example", "kind": "service",
        "managed": true, "own_login": false, "explicit": false, "team": "platform", "owner": null, "schedule": null,
        "schedule_text": null, "by_hand": true, "pipelines": ["deploy-prod"], "runbook": null, "link": null,
        "rotate": "make a new one", "ends": null, "date_only": false, "never": false, "issued": null,
        "rotation_due": null, "rotated_at": null, "before": null, "read_at": null, "seen_good": null, "next": null,
        "last_used": null, "covers": null, "detail": null
    }))
    .unwrap();
    Intent {
        episode: episode.clone(),
        transition: Transition::Opened,
        seq,
        at: at(0),
        introduction: false,
        facts,
        digest: None,
    }
}

/// To the reader `to`: `chat` or `mail/address`.
pub fn delivery(id: u128, intent: &Intent, to: &str, notify_at: At) -> Delivery {
    let (channel, recipient) = to.split_once('/').unwrap_or((to, ""));
    Delivery {
        id: DeliveryId(id),
        intent: intent.key(),
        channel: channel.into(),
        recipient: recipient.into(),
        severity: Severity::Warning,
        notify_at,
        deadline: notify_at + TimeDelta::hours(72),
        state: DeliveryState::Pending,
        attempts: 0,
        next_attempt_at: notify_at,
        last_class: None,
        ambiguous: 0,
        fence: 0,
        fell_back: false,
    }
}

/// One episode, its first intent, and a delivery of it to each reader.
pub fn telling(nth: u128, readers: &[&str], notify_at: At) -> Batch {
    let episode = episode(nth);
    let intent = intent(&episode, 1);
    let deliveries = readers.iter().zip(nth * 100..).map(|(to, id)| delivery(id, &intent, to, notify_at)).collect();
    Batch { at: at(0), episodes: vec![episode], intents: vec![intent], deliveries, ..Batch::default() }
}
