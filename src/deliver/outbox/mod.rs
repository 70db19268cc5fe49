//! The loop: claim → send → record; bounded in flight, one message at a time for each reader. It alone joins store and
//! channels; what is true and what follows from an outcome is decided in `fresh` and `step`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{Notify, mpsc};

use crate::base::metrics::Metrics;
use crate::base::supervise::Supervisor;
use crate::deliver::channel::{Channel, SendCx};
use crate::deliver::message::ComposeCx;
use crate::domain::collector::ChannelHealth;
use crate::domain::key::ChannelId;
use crate::judge::tell::route::Routes;
use crate::keep::store::handle::StoreHandle;

mod desk;
pub mod fresh;
pub mod step;
#[cfg(test)]
mod tests;
mod work;

/// Where messages can go; swapped whole at a reload.
#[derive(Clone, Debug, Default)]
pub struct Outlets {
    pub channels: BTreeMap<ChannelId, Channel>,
    /// For fallbacks.
    pub routes: Arc<Routes>,
}

/// Everything the loop works with.
pub struct OutboxCx {
    pub store: StoreHandle,
    pub outlets: Arc<ArcSwap<Outlets>>,
    pub compose: ComposeCx,
    pub send: SendCx,
    pub metrics: Arc<Metrics>,
    /// Rung (`notify_one`) after each commit that holds deliveries.
    pub ring: Arc<Notify>,
    /// To the keeper: a channel's health changed and is stored.
    pub health: mpsc::Sender<ChannelHealth>,
    pub supervisor: Supervisor,
}

/// Sends what is due until the soft stop, then finishes what is in hand. What a hard stop cuts off stays leased and is
/// sent again by the next process.
pub async fn run(cx: OutboxCx) {
    let hard = cx.supervisor.hard.clone();
    let mut outbox = work::Outbox::new(Arc::new(cx));
    tokio::select! {
        () = outbox.serve() => {}
        () = hard.cancelled() => {
            tracing::warn!(messages = outbox.on_their_way(), "stopped with messages on their way: they may be sent twice");
        }
    }
}
