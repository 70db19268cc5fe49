//! What must survive: slots, episodes, intents, deliveries, channels. A trait, because there are several backends and a
//! double that fails at the n-th call; synchronous, because transactions are.

use crate::domain::At;
use crate::domain::change::Batch;
use crate::domain::collector::{ChannelHealth, CollectorStatus};
use crate::domain::delivery::{Class, Delivery, DeliveryState, Intent};
use crate::domain::episode::{Episode, Subject};
use crate::domain::finding::{FindingKind, Severity};
use crate::domain::key::{ChannelId, CollectorId, DeliveryId, EpisodeId};
use crate::domain::reason::StoreOperation;
use crate::domain::token::Slot;

pub mod handle;
pub mod rows;
pub mod sqlite;

/// One thing that `load` gives back. Slots come first, in key order, then collectors, episodes, channels.
#[derive(Clone, Debug)]
pub enum Stored {
    Slot(Slot),
    Collector(CollectorStatus),
    /// Open ones, and those closed in the last 30 days or with an open successor.
    Episode(Episode),
    Channel(ChannelHealth),
    /// Every digest that was due until then was made.
    Digested(At),
    /// Where messages of an episode were sent, accepted or left ambiguous (channels.md 5.7).
    ToldTo {
        episode: EpisodeId,
        channel: ChannelId,
        recipient: String,
    },
}

/// Due deliveries for one reader that fell due at one instant: one message (semantics 9.2).
#[derive(Clone, Debug)]
pub struct DueGroup {
    pub channel: ChannelId,
    pub recipient: String,
    pub items: Vec<DueItem>,
    pub health: ChannelHealth,
    /// Body frozen by an earlier attempt that may have left; sent again unchanged.
    pub frozen: Option<String>,
}

#[derive(Clone, Debug)]
pub struct DueItem {
    pub delivery: Delivery,
    pub intent: Intent,
    /// The episode as it is now.
    pub episode: Episode,
    /// Something of this episode was told to this reader before (sent, accepted or ambiguous).
    pub told_before: bool,
    /// A later intent of the same episode is waiting for this reader.
    pub newer_waits: bool,
}

/// What to do with a group; decided by a pure function inside the transaction.
#[derive(Clone, Debug)]
pub enum Claim {
    /// Send these (by index) with this rendered body; the others as told.
    Send {
        items: Vec<usize>,
        body: String,
        drop: Vec<(usize, DeliveryState)>,
    },
    /// Nothing of it is true any more.
    Drop(Vec<(usize, DeliveryState)>),
    Wait(At),
}

/// What a sender gets: rows leased, body frozen.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// Stands for the message: id of the first delivery. `webhook-id`, left part of `Message-ID`.
    pub id: DeliveryId,
    pub deliveries: Vec<Delivery>,
    pub channel: ChannelId,
    pub recipient: String,
    /// What `Claim::Send` rendered: the channel's own payload.
    pub body: String,
    pub attempt: u32,
    pub health: ChannelHealth,
}

/// Outcome of an attempt as rows; computed by `deliver::outbox::step`.
#[derive(Clone, Debug)]
pub struct Next {
    pub at: At,
    /// New state of each delivery of the parcel, in its order.
    pub deliveries: Vec<Delivery>,
    pub health: ChannelHealth,
    pub class: Class,
    /// Deliveries of the same intents to the fallback channel.
    pub fallback: Vec<Delivery>,
    /// Keep the frozen body for the next attempt (bytes may have left).
    pub keep_body: bool,
    pub evidence: String,
}

/// Which deliveries somebody asks for; lists mean any, empty ones everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sought {
    pub channels: Vec<ChannelId>,
    pub states: Vec<DeliveryState>,
    pub subjects: Vec<Subject>,
    pub findings: Vec<FindingKind>,
    pub severities: Vec<Severity>,
    pub episodes: Vec<EpisodeId>,
    pub offset: u32,
    pub limit: u32,
}

/// A delivery with what it tells, and how it went.
#[derive(Clone, Debug, PartialEq)]
pub struct Remembered {
    pub delivery: Delivery,
    pub intent: Intent,
    /// When its state last changed.
    pub changed_at: At,
    /// The receiver's word at the last attempt; no secret.
    pub evidence: Option<String>,
}

/// A delivery as `list`-like commands and metrics see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub channel: ChannelId,
    pub state: DeliveryState,
    pub count: u32,
    /// Earliest `notify_at` among those due.
    pub oldest_due: Option<At>,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process holds the lock.
    #[error("{0}")]
    Locked(String),
    /// The file is no store of ours, of a newer version, or damaged; says what to do.
    #[error("{0}")]
    Unusable(String),
    /// Disk full, read-only, I/O.
    #[error("{operation}: {detail}")]
    Failed { operation: StoreOperation, detail: String },
}

pub type Result<T> = std::result::Result<T, StoreError>;

pub trait Store: Send {
    /// Everything remembered, for the start.
    fn load(&mut self, each: &mut dyn FnMut(Stored)) -> Result<()>;
    /// One transaction, durable (`synchronous=FULL`) where a message hangs on it. A delivery whose id exists is left alone.
    fn commit(&mut self, batch: &Batch) -> Result<()>;
    /// Leases due groups (expired leases count as due again, marked ambiguous); `fresh` decides each inside the transaction.
    fn claim(&mut self, now: At, most: usize, fresh: &mut dyn FnMut(&DueGroup) -> Claim) -> Result<Vec<Parcel>>;
    /// Writes an outcome, guarded by the fence; a late success still counts. False: somebody else has it.
    fn record(&mut self, parcel: &Parcel, next: &Next) -> Result<bool>;
    /// When the next delivery may be due; `None`: nothing waits.
    fn next_delivery(&mut self) -> Result<Option<At>>;
    fn waiting(&mut self, now: At) -> Result<Vec<Waiting>>;
    fn health(&mut self) -> Result<Vec<ChannelHealth>>;
    /// Deliveries by when they changed last, newest first, and how many there are in all.
    fn deliveries(&mut self, sought: &Sought) -> Result<(Vec<Remembered>, u32)>;
    /// Forgets what ended before: done deliveries, closed episodes.
    fn prune(&mut self, before: At) -> Result<u32>;
    /// Collectors that have slots here, with counts (for `check-config`: "this forgets 412 tokens").
    fn census(&mut self) -> Result<Vec<(CollectorId, u32)>>;
    /// Last write, for the clock guard.
    fn last_write(&mut self) -> Result<Option<At>>;
}
