//! The loop against a receiver behind a real socket and a store in memory that can be told to fail.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::base::http::client::{Client, Proxy, Settings, Tls};
use crate::base::time::clock::Clock;
use crate::deliver::channel::webhook;
use crate::domain::At;
use crate::domain::change::Batch;
use crate::domain::delivery::{Delivery, DeliveryState, Intent};
use crate::domain::episode::Transition;
use crate::domain::finding::{FindingKind, Severity};
use crate::domain::key::{CollectorId, DeliveryId};
use crate::domain::reason::StoreOperation;
use crate::judge::tell::ids;
use crate::judge::tell::route::ChannelRules;
use crate::judge::tell::tests::{at, episode, facts};
use crate::keep::store::{Claim, DueGroup, DueItem, Next, Parcel, Result, Store, StoreError, Stored, Waiting};

/// What the store holds, and what it was told to do wrong.
#[derive(Default)]
struct Rows {
    items: BTreeMap<DeliveryId, DueItem>,
    frozen: BTreeMap<DeliveryId, String>,
    health: BTreeMap<ChannelId, ChannelHealth>,
    /// Operations that fail, once each.
    failing: Vec<StoreOperation>,
}

impl Rows {
    fn fails(&mut self, operation: StoreOperation) -> Result<()> {
        let Some(nth) = self.failing.iter().position(|failing| *failing == operation) else { return Ok(()) };
        self.failing.remove(nth);
        Err(StoreError::Failed { operation, detail: "disk full".into() })
    }
    fn health_of(&self, channel: &ChannelId) -> ChannelHealth {
        self.health.get(channel).cloned().unwrap_or_else(|| ChannelHealth::new(channel.clone()))
    }
    fn set(&mut self, id: DeliveryId, change: impl FnOnce(&mut Delivery)) {
        change(&mut self.items.get_mut(&id).unwrap().delivery);
    }
}

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Rows>>);

impl Store for Memory {
    fn claim(&mut self, now: At, most: usize, fresh: &mut dyn FnMut(&DueGroup) -> Claim) -> Result<Vec<Parcel>> {
        let mut rows = self.0.lock().unwrap();
        rows.fails(StoreOperation::Claim)?;
        let mut groups: BTreeMap<_, Vec<DueItem>> = BTreeMap::new();
        for item in rows.items.values() {
            let delivery = &item.delivery;
            let due = !delivery.state.done() && delivery.state != DeliveryState::Leased;
            if due && delivery.next_attempt_at <= now {
                let key = (delivery.channel.clone(), delivery.recipient.clone(), delivery.notify_at);
                groups.entry(key).or_default().push(item.clone());
            }
        }
        let mut parcels = Vec::new();
        for ((channel, recipient, _), items) in groups {
            if parcels.len() == most {
                break;
            }
            let id_of = |nth: usize| items[nth].delivery.id;
            let frozen = rows.frozen.get(&id_of(0)).cloned();
            let health = rows.health_of(&channel);
            let group = DueGroup {
                channel: channel.clone(),
                recipient: recipient.clone(),
                items: items.clone(),
                health,
                frozen,
            };
            match fresh(&group) {
                Claim::Wait(until) => items.iter().for_each(|i| rows.set(i.delivery.id, |d| d.next_attempt_at = until)),
                Claim::Drop(drop) => drop.iter().for_each(|&(nth, state)| rows.set(id_of(nth), |d| d.state = state)),
                Claim::Send { items: sent, body, drop } => {
                    drop.iter().for_each(|&(nth, state)| rows.set(id_of(nth), |d| d.state = state));
                    sent.iter().for_each(|&nth| rows.set(id_of(nth), |d| d.state = DeliveryState::Leased));
                    rows.frozen.insert(id_of(sent[0]), body.clone());
                    let deliveries: Vec<_> = sent.iter().map(|&nth| rows.items[&id_of(nth)].delivery.clone()).collect();
                    let (id, attempt, health) = (deliveries[0].id, deliveries[0].attempts + 1, group.health);
                    parcels.push(Parcel { id, deliveries, channel, recipient, body, attempt, health });
                }
            }
        }
        Ok(parcels)
    }
    fn record(&mut self, parcel: &Parcel, next: &Next) -> Result<bool> {
        let mut rows = self.0.lock().unwrap();
        rows.fails(StoreOperation::Record)?;
        for delivery in &next.deliveries {
            rows.set(delivery.id, |row| *row = delivery.clone());
        }
        for delivery in &next.fallback {
            let like = parcel.deliveries.iter().find(|sent| sent.intent == delivery.intent).unwrap();
            let item = DueItem { delivery: delivery.clone(), ..rows.items[&like.id].clone() };
            rows.items.entry(delivery.id).or_insert(item);
        }
        if !next.keep_body {
            rows.frozen.remove(&parcel.id);
        }
        rows.health.insert(parcel.channel.clone(), next.health.clone());
        Ok(true)
    }
    fn next_delivery(&mut self) -> Result<Option<At>> {
        let mut rows = self.0.lock().unwrap();
        rows.fails(StoreOperation::Read)?;
        let waits = |item: &&DueItem| !item.delivery.state.done() && item.delivery.state != DeliveryState::Leased;
        Ok(rows.items.values().filter(waits).map(|item| item.delivery.next_attempt_at).min())
    }
    fn load(&mut self, _each: &mut dyn FnMut(Stored)) -> Result<()> {
        unreachable!("the loop does not load")
    }
    fn commit(&mut self, _batch: &Batch) -> Result<()> {
        unreachable!("the loop does not commit")
    }
    fn waiting(&mut self, _now: At) -> Result<Vec<Waiting>> {
        unreachable!("the loop does not ask")
    }
    fn health(&mut self) -> Result<Vec<ChannelHealth>> {
        unreachable!("the loop does not ask")
    }
    fn deliveries(
        &mut self,
        _sought: &crate::keep::store::Sought,
    ) -> Result<(Vec<crate::keep::store::Remembered>, u32)> {
        unreachable!("the loop does not ask")
    }
    fn prune(&mut self, _before: At) -> Result<u32> {
        unreachable!("the loop does not prune")
    }
    fn census(&mut self) -> Result<Vec<(CollectorId, u32)>> {
        unreachable!("the loop does not ask")
    }
    fn last_write(&mut self) -> Result<Option<At>> {
        unreachable!("the loop does not ask")
    }
}

/// A receiver of webhooks: answers in turn with these statuses, the last one for ever.
#[derive(Clone)]
struct Receiver {
    seen: Arc<Mutex<Seen>>,
    url: url::Url,
}

#[derive(Default)]
struct Seen {
    /// `webhook-id` of each request, in order of arrival.
    ids: Vec<String>,
    /// Requests open now, and the most at once.
    open: usize,
    most: usize,
}

impl Receiver {
    async fn start(statuses: &'static [u16], slow: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap()).parse().unwrap();
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let shared = Arc::clone(&seen);
        let serve = async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let seen = Arc::clone(&shared);
                tokio::task::spawn_local(answer(stream, seen, statuses, slow));
            }
        };
        tokio::task::spawn_local(serve);
        Self { seen, url }
    }
    fn ids(&self) -> Vec<String> {
        self.seen.lock().unwrap().ids.clone()
    }
}

async fn answer(mut stream: tokio::net::TcpStream, seen: Arc<Mutex<Seen>>, statuses: &[u16], slow: Duration) {
    let mut request = Vec::new();
    while !whole(&request) {
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await {
            Ok(read) if read > 0 => request.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
    let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
    let id = text.lines().find_map(|line| line.strip_prefix("webhook-id: ")).unwrap_or("none").to_owned();
    let status = {
        let mut seen = seen.lock().unwrap();
        seen.ids.push(id);
        seen.open += 1;
        seen.most = seen.most.max(seen.open);
        *statuses.get(seen.ids.len() - 1).unwrap_or(statuses.last().unwrap())
    };
    tokio::time::sleep(slow).await;
    seen.lock().unwrap().open -= 1;
    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).and_then(|n| n.parse().ok());
    body.len() >= length.unwrap_or(0)
}

/// Everything around one loop.
struct Bench {
    memory: Memory,
    clock: Clock,
    ring: Arc<Notify>,
    health: mpsc::Receiver<ChannelHealth>,
    supervisor: Supervisor,
}

impl Bench {
    /// Starts the loop with these webhooks; the first is the fallback of all others.
    fn start(receivers: &[(&str, &Receiver)]) -> (Self, tokio::task::JoinHandle<()>) {
        let metrics = crate::base::metrics::Metrics::new("0", "0", "0");
        let supervisor = Supervisor::new(Arc::clone(&metrics));
        let (memory, clock, ring) = (Memory::default(), Clock::manual(at(0)), Arc::new(Notify::new()));
        let (told, health) = mpsc::channel(16);
        let first: ChannelId = receivers[0].0.into();
        let mut outlets = Outlets::default();
        let mut rules = BTreeMap::new();
        for (name, receiver) in receivers {
            let config = webhook::Config { url: receiver.url.clone(), secret: None };
            outlets.channels.insert((*name).into(), Channel::Webhook(config));
            let fallback = (first.as_str() != *name).then(|| first.clone());
            rules.insert((*name).into(), ChannelRules { fallback, ..ChannelRules::default() });
        }
        outlets.routes = Arc::new(Routes::compile(None, &BTreeMap::new(), rules).unwrap());
        let timeout = Duration::from_secs(5);
        let settings = Settings { tls: Tls::default(), proxy: Proxy::None, timeout, body_cap: 1 << 16 };
        let cx = OutboxCx {
            store: StoreHandle::start(Box::new(memory.clone()), &supervisor),
            outlets: Arc::new(ArcSwap::from_pointee(outlets)),
            compose: ComposeCx::default(),
            send: SendCx { client: Client::build(&settings).unwrap(), clock: clock.clone() },
            metrics,
            ring: Arc::clone(&ring),
            health: told,
            supervisor: supervisor.clone(),
        };
        let task = tokio::task::spawn_local(run(cx));
        (Self { memory, clock, ring, health, supervisor }, task)
    }
    /// A delivery about the slot `name`, due at `seconds`; rings.
    fn due(&self, channel: &str, name: &str, seconds: i64) -> DeliveryId {
        let episode = episode(name, FindingKind::Revoked, Severity::Critical);
        let intent = Intent {
            episode: episode.clone(),
            transition: Transition::Opened,
            seq: 1,
            at: at(seconds),
            introduction: false,
            digest: None,
            facts: facts(),
        };
        let id = ids::delivery(&intent.key(), channel, "");
        let delivery = Delivery {
            id,
            intent: intent.key(),
            channel: channel.into(),
            recipient: String::new(),
            severity: Severity::Critical,
            notify_at: at(seconds),
            deadline: at(seconds + 7 * 86_400),
            state: DeliveryState::Pending,
            attempts: 0,
            next_attempt_at: at(seconds),
            last_class: None,
            ambiguous: 0,
            fence: 0,
            fell_back: false,
        };
        let item = DueItem { delivery, intent, episode, told_before: false, newer_waits: false };
        self.memory.0.lock().unwrap().items.insert(id, item);
        self.ring.notify_one();
        id
    }
    fn state(&self, id: DeliveryId) -> DeliveryState {
        self.memory.0.lock().unwrap().items[&id].delivery.state
    }
    fn fail(&self, operations: &[StoreOperation]) {
        self.memory.0.lock().unwrap().failing.extend(operations);
    }
    /// Waits until a delivery stands so; `seconds` pass on the clock with each look.
    async fn until(&self, id: DeliveryId, state: DeliveryState, seconds: i64) {
        for _ in 0..500 {
            if self.state(id) == state {
                return;
            }
            self.clock.advance_to(self.clock.now() + chrono::TimeDelta::seconds(seconds));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("still {} instead of {state}", self.state(id));
    }
    async fn stop(self, task: tokio::task::JoinHandle<()>) {
        self.supervisor.soft.cancel();
        tokio::time::timeout(Duration::from_secs(5), task).await.unwrap().unwrap();
    }
}

async fn local(test: impl Future<Output = ()>) {
    tokio::task::LocalSet::new().run_until(test).await;
}

const AT_ONCE: Duration = Duration::ZERO;

#[tokio::test]
async fn what_is_due_is_sent_once_under_its_id() {
    local(async {
        let receiver = Receiver::start(&[200], AT_ONCE).await;
        let (bench, task) = Bench::start(&[("hook", &receiver)]);
        let id = bench.due("hook", "a", 0);
        bench.until(id, DeliveryState::Sent, 0).await;
        bench.ring.notify_one();
        let later = bench.due("hook", "b", 60);
        bench.until(later, DeliveryState::Sent, 5).await;
        assert!(bench.clock.now() >= at(60), "its time wakes the loop, not before");
        assert_eq!(receiver.ids(), [id.to_string(), later.to_string()]);
        bench.stop(task).await;
    })
    .await;
}

#[tokio::test]
async fn a_reader_gets_one_message_at_a_time_and_readers_do_not_wait_for_each_other() {
    local(async {
        let slow = Duration::from_millis(150);
        let (one, two) = (Receiver::start(&[200], slow).await, Receiver::start(&[200], slow).await);
        let (bench, task) = Bench::start(&[("one", &one), ("two", &two)]);
        let ids: Vec<_> = (0..3).map(|nth| bench.due("one", &format!("t{nth}"), -nth)).collect();
        let other = bench.due("two", "t", 0);
        for id in ids {
            bench.until(id, DeliveryState::Sent, 1).await;
        }
        bench.until(other, DeliveryState::Sent, 1).await;
        let most = one.seen.lock().unwrap().most;
        assert_eq!((most, one.ids().len()), (1, 3));
        bench.stop(task).await;
    })
    .await;
}

#[tokio::test]
async fn a_failing_store_loses_and_repeats_nothing() {
    local(async {
        let receiver = Receiver::start(&[200], AT_ONCE).await;
        let (bench, task) = Bench::start(&[("hook", &receiver)]);
        use StoreOperation::{Claim, Read, Record};
        bench.fail(&[Claim, Claim, Read, Record, Record, Record]);
        let id = bench.due("hook", "a", 0);
        bench.until(id, DeliveryState::Sent, 1).await;
        assert_eq!(receiver.ids(), [id.to_string()]);
        bench.stop(task).await;
    })
    .await;
}

#[tokio::test]
async fn a_broken_channel_is_reported_probed_and_healed() {
    local(async {
        let receiver = Receiver::start(&[410, 200], AT_ONCE).await;
        let (mut bench, task) = Bench::start(&[("hook", &receiver)]);
        let first = bench.due("hook", "a", 0);
        bench.until(first, DeliveryState::Blocked, 0).await;
        let health = bench.health.recv().await.unwrap();
        assert_eq!((health.up(), health.probe_at), (false, Some(at(900))));
        // A second message waits for the probe; both go once the first got through.
        let second = bench.due("hook", "b", 1);
        bench.clock.advance_to(at(899));
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(receiver.ids().len(), 1);
        bench.until(first, DeliveryState::Sent, 1).await;
        bench.until(second, DeliveryState::Sent, 1).await;
        assert!(bench.health.recv().await.unwrap().up());
        assert_eq!(receiver.ids(), [first.to_string(), first.to_string(), second.to_string()]);
        bench.stop(task).await;
    })
    .await;
}

#[tokio::test]
async fn after_an_hour_without_success_the_fallback_hears_of_a_critical_one() {
    local(async {
        let (good, bad) = (Receiver::start(&[200], AT_ONCE).await, Receiver::start(&[410], AT_ONCE).await);
        let (bench, task) = Bench::start(&[("good", &good), ("hook", &bad)]);
        let id = bench.due("hook", "a", 0);
        bench.until(id, DeliveryState::Blocked, 0).await;
        let told = {
            let rows = bench.memory.0.lock().unwrap();
            ids::delivery(&rows.items[&id].delivery.intent, "good", "")
        };
        for _ in 0..500 {
            if good.ids() == [told.to_string()] {
                break;
            }
            bench.clock.advance_to(bench.clock.now() + chrono::TimeDelta::seconds(60));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(good.ids(), [told.to_string()]);
        assert!(bench.clock.now() >= at(3600));
        bench.stop(task).await;
    })
    .await;
}

#[tokio::test]
async fn a_soft_stop_finishes_what_is_in_hand() {
    local(async {
        let receiver = Receiver::start(&[200], Duration::from_millis(300)).await;
        let (bench, task) = Bench::start(&[("hook", &receiver)]);
        let id = bench.due("hook", "a", 0);
        bench.until(id, DeliveryState::Leased, 0).await;
        let memory = bench.memory.clone();
        bench.stop(task).await;
        assert_eq!(memory.0.lock().unwrap().items[&id].delivery.state, DeliveryState::Sent);
    })
    .await;
}

#[tokio::test]
async fn messages_of_a_channel_that_is_gone_are_cancelled() {
    local(async {
        let receiver = Receiver::start(&[200], AT_ONCE).await;
        let (bench, task) = Bench::start(&[("hook", &receiver)]);
        let id = bench.due("gone", "a", 0);
        bench.until(id, DeliveryState::Cancelled, 0).await;
        assert_eq!(receiver.ids(), [""; 0]);
        bench.stop(task).await;
    })
    .await;
}
