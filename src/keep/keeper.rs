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
use crate::keep::guard::{Guard, Look};
use crate::keep::store::handle::StoreHandle;

/// Pause before a failed commit is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Both clocks are compared at least this often.
const LOOK: Duration = Duration::from_secs(30);

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
    /// Of the store, as it was opened: a witness of the time.
    pub last_write: Option<At>,
    pub stop: CancellationToken,
}

/// The two ways in; bounded, so that a store in trouble makes pollers wait.
pub struct Mailbox {
    pub walked: mpsc::Receiver<Walked>,
    pub commands: mpsc::Receiver<Command>,
}

/// What the keeper carries from event to event.
struct Turn {
    almanac: Almanac,
    /// The instant last judged at; it stands still where the clock steps back a little (semantics 11.1).
    latest: At,
    guard: Guard,
}

impl Keeper {
    /// Runs until `stop`, then empties the mailbox and returns.
    pub async fn run(self, mut mailbox: Mailbox) {
        let mut turn = self.begin();
        let mut judged = true;
        loop {
            let look = turn.guard.look(self.clock.now(), self.clock.boot());
            self.seen(look, &mut turn).await;
            let due = self.next_wake(turn.latest);
            let held = turn.guard.held();
            // Between two pages of a long walk what is due is judged: a full mailbox must not hold time back.
            if !held && !judged && due <= self.clock.now() {
                judged = true;
                self.handle(Event::Due, &mut turn).await;
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
                () = self.clock.until(due), if !held => Event::Due,
                () = tokio::time::sleep(LOOK) => continue,
                () = self.stop.cancelled() => break,
            };
            judged = matches!(event, Event::Due);
            self.take(event, &mut turn).await;
        }
        self.empty(mailbox, &mut turn).await;
    }

    fn begin(&self) -> Turn {
        let now = self.clock.now();
        let guard = Guard::new(now, self.clock.boot(), self.last_write);
        // A world under a clock that is not believed was judged at the last write.
        let latest = self.last_write.filter(|_| guard.held()).unwrap_or(now);
        let turn = Turn { almanac: Almanac::default(), latest, guard };
        if turn.guard.held() {
            self.hold(now);
        }
        turn
    }

    /// What was already in the mailbox is taken in before the store closes.
    async fn empty(&self, mut mailbox: Mailbox, turn: &mut Turn) {
        mailbox.walked.close();
        while let Ok(walked) = mailbox.walked.try_recv() {
            self.take(Event::Walked(walked), turn).await;
        }
        while let Ok(command) = mailbox.commands.try_recv() {
            self.take(event_of(command), turn).await;
        }
    }

    /// One event. What walks bring while our clock is not believed is dropped: the release asks every collector again.
    async fn take(&self, event: Event, turn: &mut Turn) {
        if let Event::Walked(Walked::Page(page)) = &event
            && let Some(ahead) = page.issuer_clock
        {
            let host = read(&self.world).rules().collector(&page.collector).map(|rules| rules.host.to_string());
            let look = turn.guard.heard(&host.unwrap_or_default(), ahead, self.clock.boot());
            self.seen(look, turn).await;
        }
        if !turn.guard.held() || !matches!(event, Event::Walked(_) | Event::Due) {
            self.handle(event, turn).await;
        }
    }

    /// Begins and ends a hold (semantics 11.1, 11.2).
    async fn seen(&self, look: Look, turn: &mut Turn) {
        let now = self.clock.now();
        match look {
            Look::Held => self.hold(now),
            Look::Released => {
                tracing::info!(%now, "the clock is believed again; every collector polls now");
                turn.latest = now;
                self.handle(Event::ClockTrusted, turn).await;
                let all: Vec<_> = read(&self.world).collectors().map(|status| status.id).collect();
                for collector in all {
                    let _ = self.asks.try_send((collector, Wish::Round { by: now }));
                }
            }
            // A hold is no silence of the evaluator (semantics 14.1).
            Look::Same if turn.guard.held() => self.metrics.evaluated(now),
            Look::Same => {}
        }
    }

    fn hold(&self, now: At) {
        tracing::error!(
            %now, last_write = ?self.last_write,
            "the clock of this machine jumped; nothing is judged until an issuer agrees with it, or for 10 min: check its time synchronisation"
        );
        self.write().hold_clock(now);
        self.metrics.evaluated(now);
        self.rings.changed.notify_one();
    }

    /// The next instant with work, or the next heartbeat.
    fn next_wake(&self, latest: At) -> At {
        let heartbeat = latest + chrono::TimeDelta::seconds(HEARTBEAT);
        let due = read(&self.world).next_due();
        due.map_or(heartbeat, |due| due.min(heartbeat))
    }

    async fn handle(&self, event: Event, turn: &mut Turn) {
        loop {
            // A clock that steps back a little stands still for judging (semantics 11.1).
            if !turn.guard.held() {
                turn.latest = self.clock.now().max(turn.latest);
            }
            let decision = read(&self.world).decide(&event, &mut turn.almanac, turn.latest);
            if self.commit(&decision).await {
                self.take_in(decision, turn.latest);
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(AGAIN) => {}
                () = self.stop.cancelled() => return,
            }
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
        self.write().apply(decision);
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

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, World> {
        self.world.write().unwrap_or_else(std::sync::PoisonError::into_inner)
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
