//! A store that fails at its n-th call, for every n of a story: before it wrote, and after it wrote. The keeper, the world,
//! the outbox's decisions and SQLite are the real ones. Also reloads without end, and an issuer that answers garbage.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

use chrono::TimeDelta;
use forewarn::base::metrics::Metrics;
use forewarn::base::supervise::Supervisor;
use forewarn::base::time::clock::Clock;
use forewarn::deliver::outbox::fresh::fresh;
use forewarn::deliver::outbox::step::{StepCx, step};
use forewarn::domain::At;
use forewarn::domain::change::Batch;
use forewarn::domain::collector::ChannelHealth;
use forewarn::domain::delivery::Receipt;
use forewarn::domain::key::{CollectorId, SightId};
use forewarn::domain::observation::{Coverage, Life, Observation, Record, WalkEnd, Walked};
use forewarn::domain::reason::{FailureReason, StoreOperation};
use forewarn::judge::evaluate::almanac::Almanac;
use forewarn::judge::world::{Event, World};
use forewarn::keep::keeper::{Command, Keeper, Mailbox, Rings};
use forewarn::keep::store::handle::StoreHandle;
use forewarn::keep::store::{
    Claim, DueGroup, Next, Parcel, Remembered, Result, Sought, Store, StoreError, Stored, Waiting, sqlite,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::support::{Stage, TOKENS, dated, days, hours, minutes, start};

const POLICY: &str = "policies: [{ match: { name: 'ci-*' }, team: platform }]";
const RELOADED: &str = "policies: [{ match: { name: 'ci-*' }, team: other }]";

/// Whether the call that fails has done its work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fails {
    Before,
    After,
}

/// SQLite, whose n-th call fails once.
struct Failing {
    inner: Box<dyn Store>,
    calls: Arc<AtomicUsize>,
    at: usize,
    how: Fails,
}

impl Failing {
    fn call<T>(&mut self, operation: StoreOperation, work: impl FnOnce(&mut dyn Store) -> Result<T>) -> Result<T> {
        let fails = self.calls.fetch_add(1, Ordering::Relaxed) == self.at;
        let failure = || StoreError::Failed { operation, detail: "disk full".into() };
        if fails && self.how == Fails::Before {
            return Err(failure());
        }
        let done = work(self.inner.as_mut())?;
        if fails { Err(failure()) } else { Ok(done) }
    }
}

impl Store for Failing {
    fn load(&mut self, each: &mut dyn FnMut(Stored)) -> Result<()> {
        self.inner.load(each)
    }
    fn commit(&mut self, batch: &Batch) -> Result<()> {
        self.call(StoreOperation::Commit, |store| store.commit(batch))
    }
    fn claim(&mut self, now: At, most: usize, fresh: &mut dyn FnMut(&DueGroup) -> Claim) -> Result<Vec<Parcel>> {
        self.call(StoreOperation::Claim, |store| store.claim(now, most, fresh))
    }
    fn record(&mut self, parcel: &Parcel, next: &Next) -> Result<bool> {
        self.call(StoreOperation::Record, |store| store.record(parcel, next))
    }
    fn next_delivery(&mut self) -> Result<Option<At>> {
        self.inner.next_delivery()
    }
    fn waiting(&mut self, now: At) -> Result<Vec<Waiting>> {
        self.inner.waiting(now)
    }
    fn health(&mut self) -> Result<Vec<ChannelHealth>> {
        self.inner.health()
    }
    fn deliveries(&mut self, sought: &Sought) -> Result<(Vec<Remembered>, u32)> {
        self.inner.deliveries(sought)
    }
    fn prune(&mut self, before: At) -> Result<u32> {
        self.inner.prune(before)
    }
    fn census(&mut self) -> Result<Vec<(CollectorId, u32)>> {
        self.inner.census()
    }
    fn last_write(&mut self) -> Result<Option<At>> {
        self.inner.last_write()
    }
}

struct Play {
    path: PathBuf,
    clock: Clock,
    metrics: Arc<Metrics>,
    world: Arc<RwLock<World>>,
    store: StoreHandle,
    walk: u32,
    /// What the receiver took, one a message.
    told: Vec<String>,
}

impl Play {
    fn new(folder: &Path, calls: &Arc<AtomicUsize>, at: usize, how: Fails) -> Self {
        let path = folder.join("forewarn.db");
        let metrics = Metrics::new("0", "0", "0");
        let inner = sqlite::open(&path).unwrap();
        let store = Box::new(Failing { inner, calls: calls.clone(), at, how });
        let store = StoreHandle::start(store, &Supervisor::new(metrics.clone()));
        let stage = Stage::new(POLICY);
        let world = World::new(stage.world.rules().clone(), stage.world.routes().clone(), start());
        let world = Arc::new(RwLock::new(world));
        Self { path, clock: Clock::manual(start()), metrics, world, store, walk: 0, told: Vec::new() }
    }

    /// The keeper takes in what came and what is due, then the readers are told; again after the longest lease.
    async fn act(&mut self, at: At, walked: Vec<Walked>, mut commands: Vec<Command>) {
        self.clock.advance_to(at);
        self.keep(walked, std::mem::take(&mut commands)).await;
        for _ in 0..50 {
            let due = self.world.read().unwrap().next_due();
            if due.is_none_or(|due| due > at) {
                break;
            }
            let tick = Command::Channel(ChannelHealth::new("chat".into()));
            self.keep(Vec::new(), vec![tick]).await;
        }
        self.deliver(at).await;
        self.deliver(at + minutes(3)).await;
        self.same(at);
    }

    async fn keep(&mut self, walked: Vec<Walked>, commands: Vec<Command>) {
        let (walks, walked_in) = mpsc::channel(8);
        let (orders, commands_in) = mpsc::channel(8);
        let (asks, _asked) = mpsc::channel(8);
        for one in walked {
            walks.send(one).await.unwrap();
        }
        for one in commands {
            orders.send(one).await.unwrap();
        }
        drop(walks);
        let keeper = Keeper {
            world: self.world.clone(),
            store: self.store.clone(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
            rings: Rings::default(),
            asks,
            last_write: None,
            stop: CancellationToken::new(),
        };
        keeper.run(Mailbox { walked: walked_in, commands: commands_in }).await;
        drop(orders);
    }

    async fn deliver(&mut self, now: At) {
        loop {
            let claimed = self.store.call(move |store| {
                let keys = |intents: &[forewarn::domain::delivery::Intent]| {
                    intents
                        .iter()
                        .map(|i| format!("{} {:?} {}", i.episode.kind, i.transition, i.key()))
                        .collect::<Vec<_>>()
                        .join("\n")
                };
                store.claim(now, 10, &mut |group| fresh(group, now, &keys))
            });
            let Ok(parcels) = claimed.await else { continue };
            if parcels.is_empty() {
                return;
            }
            for parcel in parcels {
                self.told.push(parcel.body.clone());
                let cx = StepCx { fallback: &[], idempotent: false, jitter: 0, now };
                let next = step(&parcel, &Ok(Receipt { evidence: "ok".into() }), &cx);
                let rows = Arc::new((parcel, next));
                loop {
                    let row = rows.clone();
                    if self.store.call(move |store| store.record(&row.0, &row.1)).await.is_ok() {
                        break;
                    }
                }
            }
        }
    }

    /// Memory equals disk.
    fn same(&self, now: At) {
        let world = self.world.read().unwrap();
        let mut read = World::new(world.rules().clone(), world.routes().clone(), now);
        let mut store = sqlite::open_read_only(&self.path).unwrap();
        store
            .load(&mut |stored| match stored {
                Stored::Slot(slot) => read.remember_slot(slot),
                Stored::Collector(status) => read.remember_collector(status),
                Stored::Episode(episode) => read.remember_episode(episode, now),
                Stored::Digested(at) => read.remember_digested(at),
                Stored::Channel(health) => read.remember_channel(health),
                Stored::ToldTo { episode, channel, recipient } => read.remember_told(episode, channel, recipient),
            })
            .unwrap();
        let mut almanac = Almanac::default();
        while read.inventory.next_due().is_some_and(|due| due <= now) {
            let decision = read.decide(&Event::Due, &mut almanac, now);
            if decision.judged.is_empty() {
                break;
            }
            read.apply(decision);
        }
        assert_eq!(lines(&world), lines(&read), "memory equals disk, at {now}");
    }

    fn round(&mut self, at: At, records: Option<Vec<Record>>) -> Vec<Walked> {
        self.walk += 1;
        let failed = Coverage::Failed { reason: FailureReason::Forbidden };
        let coverage = if records.is_some() { Coverage::Whole } else { failed };
        let page = records.map(|records| {
            Walked::Page(Observation {
                collector: "vault".into(),
                sight: SightId(1),
                walk: self.walk,
                listing: TOKENS.into(),
                ends: Some(Coverage::Whole),
                taken_at: at,
                issuer_clock: None,
                records,
                listed: Vec::new(),
                gone: Vec::new(),
                rejects: Vec::new(),
                left_out: Vec::new(),
            })
        });
        let end = Walked::End(WalkEnd {
            collector: "vault".into(),
            sight: SightId(1),
            walk: self.walk,
            started_at: at,
            ended_at: at,
            duration_ms: None,
            coverage,
            detail: None,
            ratelimit_remaining: None,
            confirm: false,
        });
        page.into_iter().chain([end]).collect()
    }
}

fn lines(world: &World) -> Vec<String> {
    let mut all = Vec::new();
    world.lines(&mut |line| all.push(serde_json::to_string(&line).unwrap()));
    all
}

/// Poll, rung, an unread round, revocation, delivery, closing, reload. Answers what was told and the calls made.
async fn story(at: usize, how: Fails) -> (Vec<String>, Vec<String>, usize) {
    let folder = tempfile::tempdir().unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let mut play = Play::new(folder.path(), &calls, at, how);
    let t0 = start();
    let a = dated("ci-a", "a-1", t0, t0 + days(100));
    let b = dated("ci-b", "b-1", t0, t0 + days(400));
    let revoked = Record { life: Life::Revoked, ..b.clone() };
    let new = |name: &str, id: &str, at: At| dated(name, id, at, at + days(400));
    let rung = t0 + days(95);
    let rounds = [
        (t0, Some(vec![a.clone(), b.clone()])),
        (t0 + hours(1), Some(vec![a.clone(), b.clone()])),
        (rung, Some(vec![a.clone(), b.clone()])),
        (rung + minutes(20), None),
        (rung + minutes(40), Some(vec![a.clone(), revoked.clone()])),
        (rung + minutes(60), Some(vec![a.clone(), revoked])),
        (rung + minutes(80), Some(vec![a, new("ci-b", "b-2", rung + minutes(70))])),
        (
            rung + minutes(100),
            Some(vec![new("ci-a", "a-2", rung + minutes(90)), new("ci-b", "b-2", rung + minutes(70))]),
        ),
    ];
    for (at, records) in rounds {
        let walked = play.round(at, records);
        play.act(at, walked, Vec::new()).await;
    }
    let at = rung + minutes(110);
    let stage = Stage::new(RELOADED);
    let reload = Command::Reconfigured(stage.world.rules().clone(), stage.world.routes().clone());
    play.act(at, Vec::new(), vec![reload]).await;
    let world = lines(&play.world.read().unwrap());
    let waiting = play.store.call(move |store| store.waiting(at + minutes(9))).await.unwrap();
    assert!(waiting.iter().all(|row| row.oldest_due.is_none()), "nothing due is untold: {waiting:?}");
    (play.told, world, calls.load(Ordering::Relaxed))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_fails_at_every_call_of_a_story() {
    let (told, world, calls) = story(usize::MAX, Fails::Before).await;
    let kinds: Vec<_> =
        told.iter().flat_map(|body| body.lines()).map(|line| line.rsplit_once(' ').unwrap().0).collect();
    let expected = ["expires_soon Opened", "revoked Opened", "revoked Closed(Rotated)", "expires_soon Closed(Rotated)"];
    assert_eq!(kinds, expected);
    assert!(calls >= 30, "{calls}");
    super::walks::say(&format!("{} stories, each with one failed call", 2 * calls));
    for how in [Fails::Before, Fails::After] {
        let all = futures_util::future::join_all((0..calls).map(|at| story(at, how))).await;
        for (at, (heard, seen, made)) in all.into_iter().enumerate() {
            assert!(made > at, "call {at} was reached");
            assert_eq!(seen, world, "the same is known, {how:?} call {at}");
            let mut distinct = heard.clone();
            distinct.dedup();
            let extra = heard.len() - distinct.len();
            assert_eq!(distinct, told, "the same is told, {how:?} call {at}");
            assert_eq!(extra, 0, "and nothing twice, {how:?} call {at}");
        }
    }
}

#[test]
fn reloads_every_second_tell_nothing_twice_and_hold_nothing_up() {
    let mut stage = Stage::introduced(POLICY);
    let now = stage.now;
    for nth in 0..20 {
        stage.vault().put(dated(&format!("ci-{nth:02}"), &format!("id-{nth}"), now, now + days(300)));
    }
    stage.run(days(1));
    stage.vault().change("id-3", |record| record.life = Life::Revoked);
    for _ in 0..1_800 {
        stage.reload(POLICY);
        stage.run(TimeDelta::seconds(1));
    }
    assert_eq!(stage.told.len(), 1, "{:#?}", stage.told);
    assert!(stage.told[0].contains("vault/ci-03"), "{:#?}", stage.told);
}

#[test]
fn an_hour_of_garbage_concludes_nothing_and_closes_nothing() {
    let mut stage = Stage::introduced(POLICY);
    let now = stage.now;
    for nth in 0..20 {
        stage.vault().put(dated(&format!("ci-{nth:02}"), &format!("id-{nth}"), now, now + days(300)));
    }
    stage.run(days(1));
    stage.vault().change("id-3", |record| record.life = Life::Revoked);
    stage.run(minutes(30));
    let (before, told) = (stage.state("vault/ci-03"), stage.told.len());
    stage.vault().fails = Some(FailureReason::Decode);
    stage.run(hours(1));
    assert_eq!(stage.state("vault/ci-03"), before);
    assert_eq!(stage.state("vault/ci-04"), "vault/ci-04: unverified []", "unknown is said as unknown");
    stage.vault().fails = None;
    stage.run(hours(1));
    assert_eq!(stage.state("vault/ci-04"), "vault/ci-04: ok []");
    let tokens: Vec<_> = stage.told[told..].iter().filter(|line| line.contains("ci-")).collect();
    assert!(tokens.is_empty(), "{tokens:#?}");
}
