//! What the loop has in hand: claims, messages on their way, outcomes to record. Work runs side by side inside one task,
//! so that nothing is left behind when the loop ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;

use super::{OutboxCx, Outlets, desk, step};
use crate::deliver::channel::{Channel, Outgoing};
use crate::domain::At;
use crate::domain::collector::ChannelHealth;
use crate::domain::delivery::{DeliveryState, Receipt, SendError};
use crate::domain::key::ChannelId;
use crate::domain::reason::StoreOperation;
use crate::judge::tell::route::Reader;
use crate::keep::store::{Next, Parcel, StoreError};

/// Messages on their way at once.
const MOST: usize = 8;
/// The loop looks at the store at least this often, whatever it was told about the next delivery.
const LOOK: TimeDelta = TimeDelta::minutes(1);
/// Between tries of a store that fails.
const PAUSE: TimeDelta = TimeDelta::seconds(2);

/// A piece of work that ended.
enum Done {
    Answered(Box<Parcel>, Result<Receipt, SendError>),
    Recorded(Reader),
}

pub(super) struct Outbox {
    cx: Arc<OutboxCx>,
    work: FuturesUnordered<BoxFuture<'static, Done>>,
    /// Readers with a message on its way or not yet recorded.
    busy: BTreeSet<Reader>,
    /// As of the last outcome: several parcels of one channel may be on their way.
    health: BTreeMap<ChannelId, ChannelHealth>,
}

impl Outbox {
    pub(super) fn new(cx: Arc<OutboxCx>) -> Self {
        Self { cx, work: FuturesUnordered::new(), busy: BTreeSet::new(), health: BTreeMap::new() }
    }
    pub(super) fn on_their_way(&self) -> usize {
        self.busy.len()
    }
    /// Until the soft stop, and what is in hand then.
    pub(super) async fn serve(&mut self) {
        let cx = Arc::clone(&self.cx);
        let (soft, clock) = (&cx.supervisor.soft, &cx.send.clock);
        loop {
            let stopping = soft.is_cancelled();
            if stopping && self.work.is_empty() {
                return;
            }
            let again = if stopping || self.work.len() >= MOST { None } else { Some(self.claim().await) };
            tokio::select! {
                Some(done) = self.work.next(), if !self.work.is_empty() => self.take(done),
                () = cx.ring.notified(), if !stopping => {}
                () = clock.until(again.unwrap_or_default()), if again.is_some() => {}
                () = soft.cancelled(), if !stopping => {}
            }
        }
    }

    /// Takes what is due and begins to send it; when to look again.
    async fn claim(&mut self) -> At {
        let now = self.cx.send.clock.now();
        let outlets = self.cx.outlets.load_full();
        let busy = self.busy.clone();
        let mut desk = desk::Desk { outlets: Arc::clone(&outlets), compose: self.cx.compose.clone(), busy, now };
        let room = MOST.saturating_sub(self.work.len());
        let claimed = self.cx.store.call(move |store| store.claim(now, room, &mut |group| desk.decide(group))).await;
        match claimed {
            Ok(parcels) => parcels.into_iter().for_each(|parcel| self.begin(parcel, &outlets, now)),
            Err(error) => {
                self.cx.store_failed(StoreOperation::Claim, &error);
                return now + PAUSE;
            }
        }
        match self.cx.store.call(|store| store.next_delivery()).await {
            Ok(next) => next.map_or(now + LOOK, |next| next.clamp(now + TimeDelta::seconds(1), now + LOOK)),
            Err(error) => {
                self.cx.store_failed(StoreOperation::Read, &error);
                now + PAUSE
            }
        }
    }

    fn begin(&mut self, mut parcel: Parcel, outlets: &Outlets, now: At) {
        // The desk cancels what has no channel, so this finds one.
        let Some(channel) = outlets.channels.get(&parcel.channel).cloned() else { return };
        self.busy.insert((parcel.channel.clone(), parcel.recipient.clone()));
        self.refresh(&mut parcel);
        let fallback = outlets.routes.fallback_readers(&parcel.channel);
        let idempotent = drops_copies(&channel);
        if let Some(next) = step::settle(&parcel, &step::StepCx { fallback: &fallback, idempotent, jitter: 0, now }) {
            return self.record(parcel, next);
        }
        let cx = Arc::clone(&self.cx);
        self.work.push(Box::pin(async move {
            let Parcel { id, recipient, body, attempt, .. } = &parcel;
            let outgoing = Outgoing { id: *id, recipient, body, attempt: *attempt };
            let outcome = channel.send(&cx.send, &outgoing).await;
            Done::Answered(Box::new(parcel), outcome)
        }));
    }

    fn take(&mut self, done: Done) {
        match done {
            Done::Recorded(reader) => {
                self.busy.remove(&reader);
            }
            Done::Answered(mut parcel, outcome) => {
                self.refresh(&mut parcel);
                let outlets = self.cx.outlets.load_full();
                let fallback = outlets.routes.fallback_readers(&parcel.channel);
                let idempotent = outlets.channels.get(&parcel.channel).is_some_and(drops_copies);
                let now = self.cx.send.clock.now();
                let cx = step::StepCx { fallback: &fallback, idempotent, jitter: jitter(&parcel), now };
                let next = step::step(&parcel, &outcome, &cx);
                self.cx.metrics.attempt(&parcel.channel, next.class);
                say(&parcel, &next, &outcome);
                self.record(*parcel, next);
            }
        }
    }

    fn refresh(&self, parcel: &mut Parcel) {
        if let Some(health) = self.health.get(&parcel.channel) {
            parcel.health = health.clone();
        }
    }

    /// Writes an outcome until the store takes it, then tells the keeper how the channel is.
    fn record(&mut self, parcel: Parcel, next: Next) {
        let changed = (next.health != parcel.health).then(|| next.health.clone());
        self.health.insert(parcel.channel.clone(), next.health.clone());
        let cx = Arc::clone(&self.cx);
        self.work.push(Box::pin(async move {
            let reader = (parcel.channel.clone(), parcel.recipient.clone());
            let rows = Arc::new((parcel, next));
            loop {
                let row = Arc::clone(&rows);
                match cx.store.call(move |store| store.record(&row.0, &row.1)).await {
                    Ok(true) => break,
                    Ok(false) => {
                        tracing::info!(channel.name = %reader.0, delivery.id = %rows.0.id, "recorded by somebody else");
                        break;
                    }
                    Err(error) => cx.store_failed(StoreOperation::Record, &error),
                }
                cx.send.clock.until(cx.send.clock.now() + PAUSE).await;
            }
            if let Some(health) = changed {
                // Without a keeper the process is ending, and the store has it.
                let _ = cx.health.send(health).await;
            }
            Done::Recorded(reader)
        }));
    }
}

impl OutboxCx {
    fn store_failed(&self, operation: StoreOperation, error: &StoreError) {
        self.metrics.store_error(operation);
        tracing::error!(%operation, %error, "the store failed while sending, trying again");
    }
}

/// Standard Webhooks: a receiver drops a second message with the same id.
fn drops_copies(channel: &Channel) -> bool {
    matches!(channel, Channel::Webhook(_))
}

/// Spreads attempts without chance: ids are digests, and each attempt reads other bits of it.
fn jitter(parcel: &Parcel) -> u32 {
    parcel.id.0.rotate_right(parcel.attempt.wrapping_mul(29) % 128) as u32
}

fn say(parcel: &Parcel, next: &Next, outcome: &Result<Receipt, SendError>) {
    let (channel, id, messages) = (&parcel.channel, parcel.id, parcel.deliveries.len());
    match outcome {
        Ok(_) => tracing::info!(channel.name = %channel, delivery.id = %id, messages, evidence = next.evidence, "sent"),
        Err(error) => {
            let dead = next.deliveries.iter().filter(|delivery| delivery.state == DeliveryState::Dead).count();
            tracing::warn!(channel.name = %channel, delivery.id = %id, messages, dead, fallback = next.fallback.len(),
                class = %error.class, %error, "not sent");
        }
    }
}
