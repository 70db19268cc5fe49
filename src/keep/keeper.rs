//! The single writer: mailbox → World::decide → Store::commit → World::apply → ring. Memory is never ahead of the disk.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::base::metrics::Metrics;
use crate::base::time::clock::Clock;
use crate::domain::At;
use crate::domain::collector::ChannelHealth;
use crate::domain::key::CollectorId;
use crate::domain::observation::{Walked, Wish};
use crate::domain::reason::StoreOperation;
use crate::judge::evaluate::almanac::Almanac;
use crate::judge::evaluate::rules::Rules;
use crate::judge::tell::route::Routes;
use crate::judge::world::{Decision, Event, World};
use crate::keep::store::handle::StoreHandle;

/// Pause before a failed commit is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// The evaluator's heartbeat moves at least this often.
const HEARTBEAT: i64 = 60;

/// What the keeper is told besides walks.
pub enum Command {
    Reconfigured(Arc<Rules>, Arc<Routes>),
    Channel(ChannelHealth),
}

/// Who is rung after a change.
#[derive(Clone, Default)]
pub struct Rings {
    /// Memory changed: the metrics page.
    pub changed: Arc<Notify>,
    /// Something may be due for delivery.
    pub deliver: Arc<Notify>,
}

pub struct Keeper {
    pub world: Arc<RwLock<World>>,
    pub store: StoreHandle,
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
    pub rings: Rings,
    pub asks: mpsc::Sender<(CollectorId, Wish)>,
    pub stop: CancellationToken,
}

/// The two ways in; bounded, so that a store in trouble makes pollers wait.
pub struct Mailbox {
    pub walked: mpsc::Receiver<Walked>,
    pub commands: mpsc::Receiver<Command>,
}

impl Keeper {
    /// Runs until `stop`, then empties the mailbox and returns.
    pub async fn run(self, mut mailbox: Mailbox) {
        let mut almanac = Almanac::default();
        let mut latest = self.clock.now();
        let mut judged = true;
        loop {
            let due = self.next_wake(latest);
            // Between two pages of a long walk what is due is judged: a full mailbox must not hold time back.
            if !judged && due <= self.clock.now() {
                judged = true;
                self.handle(Event::Due, &mut almanac, &mut latest).await;
                continue;
            }
            let event = tokio::select! {
                biased;
                command = mailbox.commands.recv() => match command {
                    Some(command) => event_of(command),
                    None => break,
                },
                walked = mailbox.walked.recv() => match walked {
                    Some(walked) => Event::Walked(walked),
                    None => break,
                },
                () = self.clock.until(due) => Event::Due,
                () = self.stop.cancelled() => break,
            };
            judged = matches!(event, Event::Due);
            self.handle(event, &mut almanac, &mut latest).await;
        }
        self.empty(mailbox, &mut almanac, &mut latest).await;
    }

    /// What was already in the mailbox is taken in before the store closes.
    async fn empty(&self, mut mailbox: Mailbox, almanac: &mut Almanac, latest: &mut At) {
        mailbox.walked.close();
        while let Ok(walked) = mailbox.walked.try_recv() {
            self.handle(Event::Walked(walked), almanac, latest).await;
        }
        while let Ok(command) = mailbox.commands.try_recv() {
            self.handle(event_of(command), almanac, latest).await;
        }
    }

    /// The next instant with work, or the next heartbeat.
    fn next_wake(&self, latest: At) -> At {
        let heartbeat = latest + chrono::TimeDelta::seconds(HEARTBEAT);
        let due = read(&self.world).next_due();
        due.map_or(heartbeat, |due| due.min(heartbeat))
    }

    async fn handle(&self, event: Event, almanac: &mut Almanac, latest: &mut At) {
        // A clock that steps back a little stands still for judging (semantics 11.1).
        *latest = self.clock.now().max(*latest);
        loop {
            let decision = read(&self.world).decide(&event, almanac, *latest);
            if self.commit(&decision).await {
                self.take_in(decision, *latest);
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(AGAIN) => {}
                () = self.stop.cancelled() => return,
            }
            *latest = self.clock.now().max(*latest);
        }
    }

    async fn commit(&self, decision: &Decision) -> bool {
        if decision.batch.is_empty() {
            return true;
        }
        let batch = decision.batch.clone();
        match self.store.call(move |store| store.commit(&batch)).await {
            Ok(()) => true,
            Err(error) => {
                self.metrics.store_error(StoreOperation::Commit);
                tracing::error!(%error, "could not write to the store; nothing is lost, trying again in 1 s");
                false
            }
        }
    }

    fn take_in(&self, mut decision: Decision, now: At) {
        let changed = !decision.judged.is_empty() || !decision.batch.is_empty() || decision.rules.is_some();
        let deliver = !decision.batch.deliveries.is_empty();
        let asks = std::mem::take(&mut decision.asks);
        self.world.write().unwrap_or_else(std::sync::PoisonError::into_inner).apply(decision);
        self.metrics.evaluated(now);
        for ask in asks {
            // A full queue means that the poller is busy asking already.
            let _ = self.asks.try_send(ask);
        }
        if changed {
            self.rings.changed.notify_one();
        }
        if deliver {
            self.rings.deliver.notify_one();
        }
    }
}

fn event_of(command: Command) -> Event {
    match command {
        Command::Reconfigured(rules, routes) => Event::Reconfigured(rules, routes),
        Command::Channel(health) => Event::Channel(health),
    }
}

fn read(world: &RwLock<World>) -> std::sync::RwLockReadGuard<'_, World> {
    world.read().unwrap_or_else(std::sync::PoisonError::into_inner)
}
