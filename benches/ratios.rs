//! Figures and ratios of the parts that grow with the number of tokens: one process, no clock of its own, no assertion on
//! time. `cargo bench --profile fast --bench ratios [-- TOKENS]`; 100,000 tokens unless told.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros, clippy::unwrap_used, reason = "a measuring program")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::{Arc, RwLock};
use std::time::Instant;

use chrono::{DateTime, TimeDelta};
use forewarn::domain::At;
use forewarn::domain::change::Batch;
use forewarn::domain::collector::CollectorStatus;
use forewarn::domain::key::{CollectorId, ListingKey, SightId};
use forewarn::domain::observation::{Coverage, Life, Observation, Origin, Record, WalkEnd, WalkNo, Walked};
use forewarn::domain::token::{End, EndedHow, Expiry, LastUsed};
use forewarn::judge::evaluate::almanac::Almanac;
use forewarn::judge::evaluate::assess;
use forewarn::judge::evaluate::rules::{CollectorRules, Rules, Sections};
use forewarn::judge::inventory::Inventory;
use forewarn::judge::tell::route::{ChannelRules, Routes};
use forewarn::judge::world::{Event, World};
use forewarn::keep::store::{Stored, sqlite};
use forewarn::show::exposition::{Choice, Exposition, Workshop};

const COLLECTORS: usize = 10;
const PAGE: usize = 100;

fn main() {
    let tokens = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(100_000usize);
    let folder = tempfile::tempdir().unwrap();
    let figures = Figures { tokens, folder: folder.path().to_owned() };
    let at_rest = resident();
    let now = start();
    let mut world = World::new(rules("14d"), routes(), now);
    let batches = figures.first_walk(&mut world, now);
    figures.store(&batches);
    drop(batches);
    let grown = resident().saturating_sub(at_rest);
    println!("inventory and episodes: {} B a token (resident growth)", grown / tokens);
    let now = figures.same_walk(&mut world, now + TimeDelta::minutes(15));
    let now = figures.reload(&mut world, now + TimeDelta::seconds(5));
    figures.assess_all(&world, now);
    figures.bare(&world);
    figures.page(world, now, at_rest);
}

struct Figures {
    tokens: usize,
    folder: std::path::PathBuf,
}

impl Figures {
    fn per(&self, name: &str, from: Instant) {
        let took = from.elapsed();
        let each = took.as_secs_f64() / self.tokens as f64;
        println!("{name}: {:.3} s, {:.2} us a token", took.as_secs_f64(), each * 1e6);
    }

    fn first_walk(&self, world: &mut World, now: At) -> Vec<Batch> {
        let (mut almanac, mut batches, mut slowest) = (Almanac::default(), Vec::new(), 0.0f64);
        let from = Instant::now();
        for event in walk(self.tokens, 1, now) {
            let began = Instant::now();
            let decision = world.decide(&event, &mut almanac, now);
            batches.push(decision.batch.clone());
            world.apply(decision);
            slowest = slowest.max(began.elapsed().as_secs_f64());
        }
        self.per("first walk, pages of 100", from);
        let episodes: usize = batches.iter().map(|batch| batch.episodes.len()).sum();
        println!("  slowest event: {:.1} ms; {episodes} episodes", slowest * 1e3);
        batches
    }

    fn same_walk(&self, world: &mut World, now: At) -> At {
        let (mut almanac, mut written, mut ends) = (Almanac::default(), 0, 0.0);
        let mut slots = 0;
        // Marked due after the first round.
        self.due(world, now, "due after the first round");
        let from = Instant::now();
        for event in walk(self.tokens, 2, now) {
            let end = matches!(event, Event::Walked(Walked::End(_)));
            let began = Instant::now();
            let decision = world.decide(&event, &mut almanac, now);
            if end {
                ends += began.elapsed().as_secs_f64();
            } else {
                written += usize::from(!decision.batch.is_empty());
            }
            slots += decision.batch.slots.len();
            world.apply(decision);
        }
        self.per("the same walk again", from);
        println!("  pages that write: {written}, slots written: {slots}; {COLLECTORS} walk ends: {:.1} ms", ends * 1e3);
        now
    }

    fn due(&self, world: &mut World, now: At, name: &str) {
        let (mut almanac, mut slowest, mut slices) = (Almanac::default(), 0.0f64, 0);
        let from = Instant::now();
        while world.next_due().is_some_and(|due| due <= now) {
            let began = Instant::now();
            let decision = world.decide(&Event::Due, &mut almanac, now);
            if decision.judged.is_empty() {
                break;
            }
            world.apply(decision);
            slices += 1;
            slowest = slowest.max(began.elapsed().as_secs_f64());
        }
        self.per(name, from);
        println!("  slices: {slices}, slowest: {:.1} ms", slowest * 1e3);
    }

    fn reload(&self, world: &mut World, now: At) -> At {
        let mut almanac = Almanac::default();
        let decision = world.decide(&Event::Reconfigured(rules("60d"), routes()), &mut almanac, now);
        world.apply(decision);
        self.due(world, now, "reload");
        now
    }

    fn assess_all(&self, world: &World, now: At) {
        let mut almanac = Almanac::default();
        let statuses: BTreeMap<CollectorId, CollectorStatus> = world.collectors().map(|s| (s.id.clone(), s)).collect();
        let from = Instant::now();
        world.inventory.each(None, &mut |token, _| {
            black_box(assess(token, &statuses[&token.key.collector], world.rules(), &mut almanac, now));
        });
        self.per("evaluate all", from);
        let from = Instant::now();
        world.inventory.each(None, &mut |token, standing| {
            black_box((token, standing));
        });
        self.per("  of that, walking the inventory", from);
    }

    /// The inventory alone: fill, growth, random changes.
    fn bare(&self, world: &World) {
        let mut slots = Vec::with_capacity(self.tokens);
        world.inventory.each(None, &mut |token, standing| slots.push((token.clone().into_owned(), *standing)));
        let before = resident();
        let from = Instant::now();
        let mut inventory = Inventory::new();
        for (slot, standing) in &slots {
            inventory.put(slot.clone());
            inventory.judged(&slot.key, *standing);
        }
        self.per("inventory: fill in key order", from);
        println!("inventory alone: {} B a token", resident().saturating_sub(before) / self.tokens);
        let many = 20_000;
        let from = Instant::now();
        for nth in 0..many {
            let (slot, standing) = &slots[nth * 7919 % slots.len()];
            inventory.put(slot.clone());
            inventory.judged(&slot.key, *standing);
        }
        println!("inventory: one random change {:.2} us", from.elapsed().as_secs_f64() / many as f64 * 1e6);
    }

    fn store(&self, batches: &[Batch]) {
        let path = self.folder.join("store.db");
        let mut store = sqlite::open(&path).unwrap();
        let from = Instant::now();
        batches.iter().for_each(|batch| store.commit(batch).unwrap());
        self.per("store: first write, a page a transaction", from);
        let from = Instant::now();
        store.load(&mut |stored| drop(black_box(stored))).unwrap();
        self.per("store: load to nowhere", from);
        let (before, from) = (resident(), Instant::now());
        let mut world = World::new(rules("14d"), routes(), start());
        store
            .load(&mut |stored| match stored {
                Stored::Slot(slot) => world.remember_slot(slot),
                Stored::Episode(episode) => world.remember_episode(episode, start()),
                _ => {}
            })
            .unwrap();
        let ours = from.elapsed().as_secs_f64();
        self.per("store: load into a world", from);
        let grown = resident().saturating_sub(before) / self.tokens;
        println!("a world as loaded, with its episodes: {grown} B a token (resident growth)");
        drop((store, world));
        let shell = rusqlite::Connection::open(&path).unwrap();
        let from = Instant::now();
        let bytes: usize = ["slots", "generations"].iter().map(|table| read_all(&shell, table)).sum();
        let plain = from.elapsed().as_secs_f64();
        println!("  plain read of both tables: {plain:.3} s ({bytes} B as text); ratio {:.2}", ours / plain);
    }

    fn page(&self, world: World, now: At, at_rest: usize) {
        let world = Arc::new(RwLock::new(world));
        let exposition = Exposition::new(world.clone(), Choice { narrow_above: usize::MAX, ..Choice::default() });
        let mut shop = Workshop::default();
        let from = Instant::now();
        exposition.refresh(&mut shop, now);
        self.per("page: everything changed", from);
        let page = exposition.page();
        let pieces = page.families.iter().flat_map(|family| &family.frames);
        let (plain, gzip) = pieces.fold((0, 0), |(plain, gzip), p| (plain + p.len, gzip + p.deflated.len() as u64));
        let tokens = self.tokens as u64;
        println!(
            "page: {} B a token plain, {} gzip, 1/{:.1}",
            plain / tokens,
            gzip / tokens,
            plain as f64 / gzip as f64
        );
        drop(page);
        println!("everything at rest: {} B a token", resident().saturating_sub(at_rest) / self.tokens);
        let rounds = 100;
        let (mut took, mut last) = (0.0, None);
        for nth in 0..rounds {
            {
                let mut world = world.write().unwrap();
                // Small steps: many keys freed at once would be the allocator's work in what is measured.
                let key = world.inventory.keys_after(None, last.as_ref(), 900).pop().unwrap();
                let slot = world.inventory.get(&key).unwrap().into_owned();
                world.inventory.put(slot);
                last = Some(key).filter(|_| nth * 900 < self.tokens - 2_000);
            }
            let from = Instant::now();
            exposition.refresh(&mut shop, now);
            took += from.elapsed().as_secs_f64();
        }
        println!("page: one token touched {:.2} ms", took / rounds as f64 * 1e3);
        let from = Instant::now();
        (0..rounds).for_each(|_| exposition.refresh(&mut shop, now));
        println!("page: nothing changed {:.2} ms", from.elapsed().as_secs_f64() / rounds as f64 * 1e3);
        let page = exposition.page();
        let from = Instant::now();
        let plain: usize = page.pieces().map(|piece| black_box(piece.plain()).len()).sum();
        self.per(&format!("page: plain, {plain} B"), from);
    }
}

fn read_all(shell: &rusqlite::Connection, table: &str) -> usize {
    let mut all = shell.prepare(&format!("SELECT * FROM {table}")).unwrap();
    let columns = all.column_count();
    let mut rows = all.query([]).unwrap();
    let mut bytes = 0;
    while let Some(row) = rows.next().unwrap() {
        for nth in 0..columns {
            let value: rusqlite::types::Value = row.get(nth).unwrap();
            bytes += match value {
                rusqlite::types::Value::Text(text) => text.len(),
                rusqlite::types::Value::Integer(number) => number.to_string().len(),
                _ => 1,
            };
        }
    }
    bytes
}

fn start() -> At {
    DateTime::from_timestamp(1_795_513_200, 0).unwrap()
}

/// Every page and end of one round of all collectors.
fn walk(tokens: usize, walk: WalkNo, now: At) -> impl Iterator<Item = Event> {
    let each = tokens.div_ceil(COLLECTORS);
    (0..COLLECTORS).flat_map(move |collector| {
        let pages = each.div_ceil(PAGE);
        let events = (0..pages).map(move |nth| {
            let from = nth * PAGE;
            let records = (from..(from + PAGE).min(each)).map(|nth| record(collector * each + nth)).collect();
            Walked::Page(Observation {
                collector: id(collector),
                sight: SightId(1),
                walk,
                listing: ListingKey::from("tokens"),
                ends: (nth + 1 == pages).then_some(Coverage::Whole),
                taken_at: now,
                issuer_clock: None,
                records,
                listed: vec![],
                gone: vec![],
                rejects: vec![],
                left_out: vec![],
            })
        });
        let end = Walked::End(WalkEnd {
            collector: id(collector),
            sight: SightId(1),
            walk,
            started_at: now,
            ended_at: now,
            duration_ms: Some(1),
            coverage: Coverage::Whole,
            detail: None,
            ratelimit_remaining: None,
            confirm: false,
        });
        events.chain([end]).map(Event::Walked)
    })
}

fn id(nth: usize) -> CollectorId {
    format!("gitlab-{nth}").as_str().into()
}

/// Keys of about 47 bytes; 10 % never expire, 5 % have something open.
fn record(nth: usize) -> Record {
    let mixed = nth.wrapping_mul(2_654_435_761) % 1_000_003;
    let place = format!("platform/team-{:03}/checkout-{:05}", nth / 1000 % 500, nth / 10);
    let issued = start() - TimeDelta::seconds(86_400 * 20 + mixed as i64 * 7);
    let left = if mixed.is_multiple_of(20) { 86_400 * 5 } else { 86_400 * 500 + mixed as i64 * 17 };
    let expires = match mixed % 10 {
        3 => Expiry::Never,
        _ => Expiry::At(End::hard(start() + TimeDelta::seconds(left))),
    };
    Record {
        origin: Origin::Inventory,
        kind: "project".into(),
        person: false,
        place: place.as_str().into(),
        place_path: place.as_str().into(),
        name: format!("deploy-bot-{}", nth % 10).as_str().into(),
        generation: format!("{nth}@{}", issued.timestamp()).into(),
        owner: None,
        issued: Some(issued),
        starts: None,
        expires,
        hard_stop: None,
        period: None,
        granted: None,
        renewable: false,
        renewed: None,
        last_used: (!mixed.is_multiple_of(7))
            .then(|| LastUsed { at: start() - TimeDelta::hours(mixed as i64 % 90), granularity: 600 }),
        scopes: vec!["api".into()],
        life: Life::Active,
        life_word: None,
        dynamic: None,
        facts: vec![],
        uses_left: None,
        link: None,
        value: None,
        doubt: None,
    }
}

fn rules(warn: &str) -> Arc<Rules> {
    let policies = serde_json::json!([
        { "match": { "place": "platform/team-1*/**" }, "team": "platform", "pipelines": ["checkout"] },
        { "match": { "name": "deploy-bot-[0-6]" }, "schedule": "half" },
        { "team": "all", "warn": [warn, "7d", "1d"],
          "allow": [{ "finding": "never_expires", "until": "2028-01-01", "because": "a tenth never expires" }] },
    ]);
    let sections = Sections {
        policies: serde_json::from_value(policies).unwrap(),
        schedules: serde_json::from_value(serde_json::json!({ "half": { "every": "365d", "by": "hand" } })).unwrap(),
        pipelines: serde_json::from_value(serde_json::json!({ "checkout": {} })).unwrap(),
        teams: None,
    };
    let collectors = (0..COLLECTORS).map(|nth| CollectorRules {
        id: id(nth),
        issuer: "gitlab".into(),
        title: "GitLab".into(),
        login: None,
        least: "".into(),
        host: "git.example.com".into(),
        url: format!("https://git{nth}.example.com").as_str().into(),
        explicit: None,
        every: 900,
        stale_after: Some(3600),
        shows_rotation: true,
        absent: EndedHow::Vanished,
        confirms: false,
        kinds: vec![],
        ignore: vec![],
        slots_by_id: false,
        max_tokens: 10_000_000,
        rotate: "rotate it".into(),
        tells_expiry: true,
    });
    Arc::new(Rules::compile(&sections, collectors.collect()).unwrap())
}

fn routes() -> Arc<Routes> {
    let channels = BTreeMap::from([("chat".into(), ChannelRules::default())]);
    Arc::new(Routes::compile(None, &BTreeMap::new(), channels).unwrap())
}

/// Resident bytes, after the allocator gave back what it can.
fn resident() -> usize {
    trim();
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or("");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<usize>().ok()).unwrap_or(0) * 1024
}

#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "no crate wraps malloc_trim")]
fn trim() {
    // SAFETY: takes no pointer and may be called at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(not(target_env = "gnu"))]
fn trim() {}
