//! A stage with a moving clock: model issuers, the World, a store in memory and readers who write down what they are
//! told. After each step it checks what must hold whatever happens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;
use forewarn::deliver::message::{ComposeCx, Message, compose};
use forewarn::deliver::outbox::fresh::fresh;
use forewarn::domain::At;
use forewarn::domain::collector::{ChannelHealth, CollectorStatus};
use forewarn::domain::delivery::{Delivery, Intent};
use forewarn::domain::episode::{Episode, Subject};
use forewarn::domain::finding::FindingKind;
use forewarn::domain::key::{ChannelId, CollectorId, EpisodeId, GenerationId, ListingKey, SightId, TokenKey};
use forewarn::domain::observation::{Coverage, Life, Observation, Origin, Record, WalkEnd, Walked, Wish};
use forewarn::domain::reason::FailureReason;
use forewarn::domain::token::{End, EndedHow, Expiry, ExpiryKind, Slot, WhyUnknown};
use forewarn::judge::evaluate::almanac::Almanac;
use forewarn::judge::evaluate::rules::sections::{PipelineSection, PolicySection, ScheduleSection};
use forewarn::judge::evaluate::rules::{CollectorRules, Rules, Sections};
use forewarn::judge::tell::route::{ChannelRules, RouteSection, Routes, TeamSection};
use forewarn::judge::world::{Decision, Event, World};
use forewarn::keep::store::{Claim, DueGroup, DueItem};
use serde::Deserialize;

/// Monday, 5 January 2026, 08:00.
pub fn start() -> At {
    At::from_timestamp(1_767_600_000, 0).unwrap()
}
pub fn days(n: i64) -> TimeDelta {
    TimeDelta::days(n)
}
pub fn hours(n: i64) -> TimeDelta {
    TimeDelta::hours(n)
}
pub fn minutes(n: i64) -> TimeDelta {
    TimeDelta::minutes(n)
}

/// The sections of a configuration that judging reads.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    policies: Vec<PolicySection>,
    schedules: BTreeMap<String, ScheduleSection>,
    pipelines: BTreeMap<String, PipelineSection>,
    teams: Option<BTreeMap<String, TeamSection>>,
    channels: Option<Vec<String>>,
    routes: Option<Vec<RouteSection>>,
}

/// A record of a machine's token that works.
pub fn record(name: &str, id: &str) -> Record {
    Record {
        origin: Origin::Inventory,
        kind: "service".into(),
        person: false,
        place: "root".into(),
        place_path: "".into(),
        name: name.into(),
        generation: id.into(),
        owner: None,
        issued: None,
        starts: None,
        expires: Expiry::Unknown(WhyUnknown::NotTold),
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
/// One with both its dates.
pub fn dated(name: &str, id: &str, issued: At, expires: At) -> Record {
    Record { issued: Some(issued), expires: Expiry::At(End::hard(expires)), ..record(name, id) }
}
/// One of which only the day of its end is told.
pub fn day_only(name: &str, id: &str, issued: At, day: At) -> Record {
    let end = End { instant: day, late: day + days(1), kind: ExpiryKind::Hard };
    Record { issued: Some(issued), expires: Expiry::At(end), ..record(name, id) }
}

/// An issuer as its collector meets it.
pub struct Issuer {
    pub rules: CollectorRules,
    pub sight: i64,
    /// What it would list now, by listing.
    pub listings: BTreeMap<String, Vec<Record>>,
    /// The next rounds fail wholly.
    pub fails: Option<FailureReason>,
    /// Listings that cannot be read.
    pub unread: BTreeSet<String>,
    pub next_poll: At,
    walk: u32,
}

pub const TOKENS: &str = "tokens";

impl Issuer {
    pub fn put(&mut self, record: Record) {
        self.put_in(TOKENS, record);
    }
    pub fn put_in(&mut self, listing: &str, record: Record) {
        self.listings.entry(listing.to_owned()).or_default().push(record);
    }
    pub fn remove(&mut self, id: &str) {
        self.listings.values_mut().for_each(|list| list.retain(|record| &*record.generation != id));
    }
    pub fn change(&mut self, id: &str, change: impl Fn(&mut Record)) {
        let all = self.listings.values_mut().flatten();
        let mut found: Vec<_> = all.filter(|record| &*record.generation == id).collect();
        assert!(!found.is_empty(), "{id} is listed");
        found.iter_mut().for_each(|record| change(record));
    }
    fn listed(&self, id: &str) -> Option<&Record> {
        self.listings.values().flatten().find(|record| &*record.generation == id)
    }
}

/// What was written down, as a store would.
#[derive(Default, Clone)]
struct Stored {
    slots: BTreeMap<TokenKey, Slot>,
    collectors: BTreeMap<CollectorId, CollectorStatus>,
    episodes: BTreeMap<EpisodeId, Episode>,
    digested: Option<At>,
}

type Reader = (ChannelId, String);

pub struct Stage {
    pub now: At,
    pub issuers: BTreeMap<String, Issuer>,
    pub world: World,
    /// `time  severity  first line`, one a message.
    pub told: Vec<String>,
    pub messages: Vec<(Reader, Message)>,
    yaml: String,
    almanac: Almanac,
    stored: Stored,
    /// Deliveries planned at this instant and not yet taken away.
    waiting: Vec<(Delivery, Intent)>,
    heard: BTreeSet<(EpisodeId, Reader)>,
    spoken: BTreeSet<EpisodeId>,
    shown: usize,
}

fn collector_rules(name: &str) -> CollectorRules {
    CollectorRules {
        id: name.into(),
        issuer: "vault".into(),
        title: "Vault".into(),
        login: None,
        least: "".into(),
        host: format!("{name}.example.com").as_str().into(),
        url: format!("https://{name}.example.com").as_str().into(),
        explicit: Some(Vec::new()),
        every: 900,
        stale_after: Some(3600),
        shows_rotation: true,
        absent: EndedHow::Vanished,
        confirms: false,
        kinds: Vec::new(),
        ignore: Vec::new(),
        slots_by_id: false,
        max_tokens: 1_000_000,
        rotate: "Make a new one.".into(),
        tells_expiry: true,
    }
}

fn compiled(yaml: &str, issuers: &BTreeMap<String, Issuer>) -> (Arc<Rules>, Arc<Routes>) {
    let written: Written = serde_yaml::from_str(yaml).unwrap();
    let sections = Sections {
        policies: written.policies,
        schedules: written.schedules,
        pipelines: written.pipelines,
        teams: written.teams.as_ref().map(|teams| teams.keys().cloned().collect()),
    };
    let rules = Rules::compile(&sections, issuers.values().map(|issuer| issuer.rules.clone()).collect()).unwrap();
    let names = written.channels.unwrap_or_else(|| vec!["chat".to_owned()]);
    let channels = names.iter().map(|name| (name.as_str().into(), ChannelRules::default())).collect();
    let teams = written.teams.unwrap_or_default();
    // Without routes in the text there are no digests, so that a test hears of what it is about.
    let at_once = [RouteSection { to: names, ..RouteSection::default() }];
    let routes = match &written.routes {
        Some(routes) if routes.is_empty() => None,
        Some(routes) => Some(routes.as_slice()),
        None => Some(at_once.as_slice()),
    };
    (Arc::new(rules), Arc::new(Routes::compile(routes, &teams, channels).unwrap()))
}

impl Stage {
    /// One collector `vault` that nothing was asked yet.
    pub fn new(yaml: &str) -> Self {
        Self::with(yaml, &["vault"], |_| {})
    }
    pub fn with(yaml: &str, collectors: &[&str], change: impl Fn(&mut CollectorRules)) -> Self {
        let now = start();
        let issuer = |name: &&str| {
            let mut rules = collector_rules(name);
            change(&mut rules);
            let listings = BTreeMap::from([(TOKENS.to_owned(), Vec::new())]);
            let issuer =
                Issuer { rules, sight: 1, listings, fails: None, unread: BTreeSet::new(), next_poll: now, walk: 0 };
            ((*name).to_owned(), issuer)
        };
        let issuers: BTreeMap<_, _> = collectors.iter().map(issuer).collect();
        let (rules, routes) = compiled(yaml, &issuers);
        Self {
            now,
            issuers,
            world: World::new(rules, routes, now),
            told: Vec::new(),
            messages: Vec::new(),
            yaml: yaml.to_owned(),
            almanac: Almanac::default(),
            stored: Stored::default(),
            waiting: Vec::new(),
            heard: BTreeSet::new(),
            spoken: BTreeSet::new(),
            shown: 0,
        }
    }
    /// What is known, for whoever wants to see it from outside.
    pub fn into_world(mut self) -> World {
        self.finish();
        self.stored = Stored::default();
        let blank = World::new(self.world.rules().clone(), self.world.routes().clone(), self.now);
        std::mem::replace(&mut self.world, blank)
    }
    /// The same with its introduction behind it.
    pub fn introduced(yaml: &str) -> Self {
        let mut stage = Self::new(yaml);
        stage.run(minutes(1));
        assert!(stage.told.is_empty(), "{:#?}", stage.told);
        stage
    }
    pub fn vault(&mut self) -> &mut Issuer {
        self.issuers.get_mut("vault").unwrap()
    }

    /// Lets time pass; polls and due work happen at their instants.
    pub fn run(&mut self, span: TimeDelta) {
        let until = self.now + span;
        let mut spins = 0;
        loop {
            let poll = self.issuers.values().map(|issuer| issuer.next_poll).min().unwrap_or(until);
            let due = self.world.next_due().unwrap_or(until + days(1));
            let next = poll.min(due);
            if next > until {
                break;
            }
            if next > self.now {
                self.flush();
                (self.now, spins) = (next, 0);
            }
            spins += 1;
            assert!(spins < 200, "work that never ends at {}", self.now);
            if due <= self.now {
                self.event(&Event::Due);
            } else {
                self.round();
            }
        }
        self.flush();
        self.now = until;
    }
    pub fn run_to(&mut self, at: At) {
        self.run(at - self.now);
    }

    /// A round of the collector whose turn it is.
    fn round(&mut self) {
        let Some(name) = self.issuers.iter().min_by_key(|(_, issuer)| issuer.next_poll).map(|(name, _)| name.clone())
        else {
            return;
        };
        let now = self.now;
        let issuer = self.issuers.get_mut(&name).unwrap();
        issuer.walk += 1;
        issuer.next_poll = now + TimeDelta::seconds(i64::from(issuer.rules.every));
        let (walk, sight, collector) = (issuer.walk, SightId(issuer.sight), issuer.rules.id.clone());
        let mut pages = Vec::new();
        let mut missed = 0;
        if issuer.fails.is_none() {
            let announced: BTreeSet<ListingKey> =
                issuer.listings.keys().filter_map(|listing| ListingKey::from(listing.as_str()).parent()).collect();
            let parents = announced.iter().map(|listing| (listing.clone(), Vec::new(), Coverage::Whole));
            pages.extend(parents);
            for (listing, records) in &issuer.listings {
                let failed = Coverage::Failed { reason: FailureReason::Forbidden };
                let unread = issuer.unread.contains(listing);
                missed += u32::from(unread);
                let (records, ends) = if unread { (Vec::new(), failed) } else { (records.clone(), Coverage::Whole) };
                pages.push((ListingKey::from(listing.as_str()), records, ends));
            }
        }
        let coverage = match (issuer.fails, missed) {
            (Some(reason), _) => Coverage::Failed { reason },
            (None, 0) => Coverage::Whole,
            (None, missed) => {
                let read = u32::try_from(issuer.listings.len()).unwrap() - missed;
                Coverage::Partial { read, missed, reason: FailureReason::Forbidden }
            }
        };
        let unreadable: BTreeSet<ListingKey> = match issuer.fails {
            Some(_) => issuer.listings.keys().map(|listing| listing.as_str().into()).collect(),
            None => issuer.unread.iter().map(|listing| listing.as_str().into()).collect(),
        };
        let before = self.concluded(&collector, &unreadable);
        for (listing, records, ends) in pages {
            self.page(&collector, sight, walk, listing, records, Some(ends), Vec::new());
        }
        self.end(&collector, (sight, walk), coverage, false);
        let after = self.concluded(&collector, &unreadable);
        assert_eq!(before, after, "an unread listing concludes nothing, at {now}");
    }

    /// Endings concluded from answers, of slots in these listings.
    fn concluded(&self, collector: &CollectorId, listings: &BTreeSet<ListingKey>) -> Vec<(String, GenerationId)> {
        let mut all = Vec::new();
        if listings.is_empty() {
            return all;
        }
        self.world.inventory.each(Some(collector), &mut |token, _| {
            if listings.contains(&token.listing) {
                let ended =
                    token.generations.iter().filter(|g| g.ended.as_ref().is_some_and(|e| e.how != EndedHow::Expired));
                all.extend(ended.map(|g| (token.label.to_string(), g.id.clone())));
            }
        });
        all
    }

    #[expect(clippy::too_many_arguments, reason = "one page, field by field")]
    fn page(
        &mut self,
        collector: &CollectorId,
        sight: SightId,
        walk: u32,
        listing: ListingKey,
        records: Vec<Record>,
        ends: Option<Coverage>,
        gone: Vec<GenerationId>,
    ) {
        let page = Observation {
            collector: collector.clone(),
            sight,
            walk,
            listing,
            ends,
            taken_at: self.now,
            issuer_clock: None,
            records,
            listed: Vec::new(),
            gone,
            rejects: Vec::new(),
            left_out: Vec::new(),
        };
        self.event(&Event::Walked(Walked::Page(page)));
    }
    fn end(&mut self, collector: &CollectorId, (sight, walk): (SightId, u32), coverage: Coverage, confirm: bool) {
        let end = WalkEnd {
            collector: collector.clone(),
            sight,
            walk,
            started_at: self.now,
            ended_at: self.now,
            duration_ms: None,
            coverage,
            detail: coverage.reason().map(|reason| format!("{reason} GET /tokens").as_str().into()),
            ratelimit_remaining: None,
            confirm,
        };
        self.event(&Event::Walked(Walked::End(end)));
    }

    pub fn event(&mut self, event: &Event) {
        let mut decision = self.world.decide(event, &mut self.almanac, self.now);
        self.check(&decision);
        self.store(&decision);
        let asks = std::mem::take(&mut decision.asks);
        for delivery in &decision.batch.deliveries {
            let intent = decision.batch.intents.iter().find(|intent| intent.key() == delivery.intent);
            self.waiting.push((delivery.clone(), intent.expect("a delivery has its intent").clone()));
        }
        self.world.apply(decision);
        for (collector, wish) in asks {
            self.wish(&collector, wish);
        }
    }

    fn wish(&mut self, collector: &CollectorId, wish: Wish) {
        let Some(issuer) = self.issuers.get_mut(collector.as_str()) else { return };
        match wish {
            Wish::Round { by } => issuer.next_poll = issuer.next_poll.min(by.max(self.now + TimeDelta::seconds(1))),
            Wish::Confirm(ids) => {
                assert!(issuer.rules.confirms, "it cannot be asked by id");
                if issuer.fails.is_some() {
                    return;
                }
                let there: Vec<Record> = ids.iter().filter_map(|id| issuer.listed(id).cloned()).collect();
                let gone = ids.iter().filter(|id| issuer.listed(id).is_none()).cloned().collect();
                let (sight, name) = (SightId(issuer.sight), issuer.rules.id.clone());
                self.page(&name, sight, 0, "confirm".into(), there, None, gone);
                self.end(&name, (sight, 0), Coverage::Whole, true);
            }
        }
    }

    fn store(&mut self, decision: &Decision) {
        let batch = decision.batch.clone();
        for slot in batch.slots {
            self.stored.slots.insert(slot.key.as_ref().clone(), slot);
        }
        for key in &batch.removed {
            self.stored.slots.remove(key);
        }
        for status in batch.collectors {
            self.stored.collectors.insert(status.id.clone(), status);
        }
        self.stored.digested = batch.digested.or(self.stored.digested);
        for episode in batch.episodes {
            self.stored.episodes.insert(episode.id, episode);
        }
    }

    /// What holds for every decision.
    fn check(&mut self, decision: &Decision) {
        if decision.batch.episodes.is_empty() {
            assert!(
                decision.batch.intents.iter().all(|intent| intent.digest.is_some()),
                "only digests tell what stands"
            );
        }
        for after in &decision.batch.episodes {
            let Some(before) = self.stored.episodes.get(&after.id) else { continue };
            let urgent = |episode: &Episode| episode.rung.map_or(u32::MAX, |rung| rung.before);
            assert!(urgent(after) <= urgent(before), "rungs are monotone: {before:#?} {after:#?}");
            assert!(after.severity >= before.severity, "severity only rises: {before:#?} {after:#?}");
            assert!(after.seq >= before.seq, "{before:#?} {after:#?}");
        }
        for intent in &decision.batch.intents {
            match intent.transition.is_closing() {
                true => {
                    assert!(self.spoken.contains(&intent.episode.id), "a closing of what was never told: {intent:#?}")
                }
                false => drop(self.spoken.insert(intent.episode.id)),
            }
        }
        let mut ids: Vec<_> = decision.batch.deliveries.iter().map(|delivery| delivery.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), decision.batch.deliveries.len(), "an id a delivery");
        for (subject, list) in self.open_ended(decision) {
            assert!(list.len() <= 1, "of the ended three only one is open: {subject:?} {list:?}");
        }
    }
    fn open_ended(&self, decision: &Decision) -> BTreeMap<Subject, Vec<FindingKind>> {
        let mut all = self.stored.episodes.clone();
        all.extend(decision.batch.episodes.iter().map(|episode| (episode.id, episode.clone())));
        let mut found: BTreeMap<Subject, Vec<FindingKind>> = BTreeMap::new();
        for episode in all.values().filter(|episode| episode.open() && episode.kind.is_ended()) {
            found.entry(episode.subject.clone()).or_default().push(episode.kind);
        }
        found
    }

    /// What was planned at one instant goes out: one message a reader.
    fn flush(&mut self) {
        let mut readers: BTreeMap<(Reader, bool), Vec<(Delivery, Intent)>> = BTreeMap::new();
        for (delivery, intent) in std::mem::take(&mut self.waiting) {
            assert!(delivery.notify_at <= self.now, "nothing is planned ahead");
            let reader = (delivery.channel.clone(), delivery.recipient.clone());
            readers.entry((reader, intent.digest.is_some())).or_default().push((delivery, intent));
        }
        for ((reader, _), items) in readers {
            self.send(reader, items);
        }
    }
    fn send(&mut self, reader: Reader, items: Vec<(Delivery, Intent)>) {
        let seqs: Vec<_> = items.iter().map(|(_, intent)| (intent.episode.id, intent.seq)).collect();
        let item = |(delivery, intent): (Delivery, Intent)| DueItem {
            episode: self.stored.episodes[&intent.episode.id].clone(),
            told_before: self.heard.contains(&(intent.episode.id, reader.clone())),
            newer_waits: seqs.iter().any(|(id, seq)| *id == intent.episode.id && *seq > intent.seq),
            delivery,
            intent,
        };
        let group = DueGroup {
            channel: reader.0.clone(),
            recipient: reader.1.clone(),
            items: items.into_iter().map(item).collect(),
            health: ChannelHealth::new(reader.0.clone()),
            frozen: None,
        };
        let Claim::Send { items, .. } = fresh(&group, self.now, &|_| String::new()) else { return };
        let intents: Vec<Intent> = items.iter().map(|&nth| group.items[nth].intent.clone()).collect();
        for intent in &intents {
            self.heard.insert((intent.episode.id, reader.clone()));
        }
        let message = compose(&intents, self.now, &ComposeCx::default());
        let channel = if self.world.routes().channels().len() > 1 { format!("{}  ", reader.0) } else { String::new() };
        let severity = if message.closing { "closed" } else { message.severity.as_str() };
        let time = self.now.format("%d %b %H:%M");
        self.told.push(format!("{time}  {channel}{severity:8}  {}", message.first_line()));
        self.messages.push((reader, message));
    }

    /// What was told since it was last asked.
    pub fn news(&mut self) -> String {
        let news = self.told[self.shown..].join("\n");
        self.shown = self.told.len();
        news
    }

    /// Another configuration, as a reload brings it.
    pub fn reload(&mut self, yaml: &str) {
        self.yaml = yaml.to_owned();
        let (rules, routes) = compiled(yaml, &self.issuers);
        self.event(&Event::Reconfigured(rules, routes));
        self.run(TimeDelta::seconds(0));
    }

    fn rebuilt(&self) -> World {
        let (rules, routes) = compiled(&self.yaml, &self.issuers);
        let mut world = World::new(rules, routes, self.now);
        for slot in self.stored.slots.values() {
            world.remember_slot(slot.clone());
        }
        for status in self.stored.collectors.values() {
            world.remember_collector(status.clone());
        }
        for episode in self.stored.episodes.values() {
            world.remember_episode(episode.clone(), self.now);
        }
        if let Some(at) = self.stored.digested {
            world.remember_digested(at);
        }
        for (episode, (channel, recipient)) in &self.heard {
            world.remember_told(*episode, channel.clone(), recipient.clone());
        }
        let mut almanac = Almanac::default();
        while world.inventory.next_due().is_some_and(|due| due <= self.now) {
            let decision = world.decide(&Event::Due, &mut almanac, self.now);
            assert!(decision.batch.episodes.is_empty(), "a world just read decides nothing: {:#?}", decision.batch);
            if decision.judged.is_empty() {
                break;
            }
            world.apply(decision);
        }
        world
    }

    /// The process ends and another one starts: what is known is what was stored.
    pub fn restart(&mut self) {
        self.restart_after(days(0));
    }
    pub fn restart_after(&mut self, down: TimeDelta) {
        self.finish();
        self.now += down;
        self.world = self.rebuilt();
        for issuer in self.issuers.values_mut() {
            issuer.next_poll = self.now;
            issuer.walk = 0;
        }
    }

    /// Memory is never other than what was stored.
    pub fn finish(&mut self) {
        let (is, stored) = (lines(&self.world), lines(&self.rebuilt()));
        // How grave a blind collector is hangs on the deadlines it covers, which is looked at once a round.
        let plain = |line: &str| match line.contains("collector_failing") {
            true => line.replace("\"severity\":\"critical\"", "\"severity\":\"warning\""),
            false => line.to_owned(),
        };
        let apart: Vec<_> = is.iter().zip(&stored).filter(|(is, stored)| plain(is) != plain(stored)).collect();
        assert!(is.len() == stored.len() && apart.is_empty(), "memory is what was stored, at {}: {apart:#?}", self.now);
    }

    /// State and findings of one token, as the page shows them.
    pub fn state(&self, token: &str) -> String {
        let mut found = format!("{token}: not there");
        self.world.lines(&mut |line| {
            if line.token == token {
                let findings: Vec<_> = line.findings.iter().map(|f| format!("{} {}", f.finding, f.severity)).collect();
                found = format!("{token}: {} [{}]", line.state, findings.join(", "));
            }
        });
        found
    }
    pub fn labels(&self) -> Vec<String> {
        let mut all = Vec::new();
        self.world.lines(&mut |line| all.push(line.token));
        all
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.finish();
        }
    }
}

fn lines(world: &World) -> Vec<String> {
    let mut all = Vec::new();
    world.lines(&mut |line| all.push(serde_json::to_string(&line).unwrap()));
    all
}
