//! Everything that is known, and what follows from an event. `decide` reads, `apply` takes in; between the two the
//! keeper commits, so that memory is never ahead of the disk. A server, a simulation and the tests drive the same World.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::domain::At;
use crate::domain::change::Batch;
use crate::domain::collector::{ChannelHealth, CollectorStatus};
use crate::domain::episode::{Episode, Subject};
use crate::domain::finding::Standing;
use crate::domain::key::{ChannelId, CollectorId, EpisodeId, TokenKey};
use crate::domain::observation::{WalkNo, Walked, Wish};
use crate::domain::token::Slot;
use crate::judge::evaluate::almanac::Almanac;
use crate::judge::evaluate::rules::Rules;
use crate::judge::inventory::Inventory;
use crate::judge::tell::route::Routes;

pub mod ahead;
pub mod apply;
pub mod command;
pub mod digest;
pub mod due;
pub mod ended;
pub mod facts;
pub mod fares;
pub mod judged;
pub mod mass;
pub mod observed;
pub mod view;
pub mod walks;

/// Most slots judged in one decision; what is left stays due.
pub const SLICE: usize = 10_000;

/// After a start, episodes wait for the first round of their collector, at most this long (seconds): what happened
/// while nobody looked is told as it is now, not as it was.
pub const SETTLING: i64 = 30;

pub struct World {
    pub inventory: Inventory,
    pub(crate) collectors: BTreeMap<CollectorId, CollectorStatus>,
    /// What the walk under way has brought so far.
    pub(crate) walks: BTreeMap<CollectorId, walks::OpenWalk>,
    pub(crate) episodes: BTreeMap<Subject, Vec<Episode>>,
    /// Readers for whom something of an episode was planned.
    pub(crate) told_to: BTreeMap<EpisodeId, Vec<(ChannelId, String)>>,
    pub(crate) channels: BTreeMap<ChannelId, ChannelHealth>,
    pub(crate) channel_due: BTreeMap<ChannelId, At>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) routes: Arc<Routes>,
    pub(crate) started_at: At,
    /// Collectors whose endings wait for a second look (semantics 11.3); memory only, a restart looks twice again.
    pub(crate) mass: BTreeMap<CollectorId, mass::MassHold>,
    /// Since when our clock is not believed (semantics 11.1).
    pub(crate) clock_held: Option<At>,
    /// Every digest that was due until then is made.
    pub(crate) digested: Option<At>,
    /// Rules changed and not every slot was matched again yet.
    pub(crate) regoverning: bool,
}

/// What may happen.
#[derive(Clone)]
pub enum Event {
    Walked(Walked),
    /// Something is due, or a slice of due slots is left.
    Due,
    Reconfigured(Arc<Rules>, Arc<Routes>),
    Channel(ChannelHealth),
    /// Our clock is believed again (semantics 11.2): everything is judged anew, as after a start.
    ClockTrusted,
}

/// What follows from an event: what is written, and what memory takes in after that.
#[derive(Clone, Default)]
pub struct Decision {
    pub batch: Batch,
    pub judged: Vec<(TokenKey, Standing)>,
    pub seen: Vec<(TokenKey, WalkNo)>,
    /// Slots whose policy or team changed, and nothing that is stored.
    pub governed: Vec<Slot>,
    pub walk: Option<walks::Delta>,
    pub channel: Option<(ChannelHealth, Option<At>)>,
    pub rules: Option<(Arc<Rules>, Arc<Routes>)>,
    /// Every due slot was judged after a change of rules.
    pub settled: bool,
    /// Mark every slot of this collector due (its first round after a start).
    pub mark_due: Option<CollectorId>,
    pub mass: Option<(CollectorId, Option<mass::MassHold>)>,
    /// Judge everything as after a start.
    pub anew: bool,
    /// After the commit the keeper hands these to the pollers.
    pub asks: Vec<(CollectorId, Wish)>,
    /// Where the episodes of a subject stand in the batch: a slice of thousands stays linear.
    pub(crate) at: HashMap<Subject, Vec<usize>>,
    /// Collectors whose own slot was judged in this decision: whether `collector_failing` stands for them now.
    pub(crate) blind: BTreeMap<CollectorId, bool>,
    /// Transitions to be told; filled while deciding.
    pub(crate) told: Vec<crate::judge::tell::Told>,
}

/// One decision while it is made.
pub(crate) struct Deciding<'d> {
    pub almanac: &'d mut Almanac,
    pub now: At,
    pub decision: &'d mut Decision,
}

impl Decision {
    /// Takes an episode in, in place of what this decision has of it already.
    pub(crate) fn keep(&mut self, episode: Episode) {
        let places = self.at.entry(episode.subject.clone()).or_default();
        match places.iter().find(|place| self.batch.episodes[**place].id == episode.id) {
            Some(&place) => self.batch.episodes[place] = episode,
            None => {
                places.push(self.batch.episodes.len());
                self.batch.episodes.push(episode);
            }
        }
    }
    /// What this decision has changed of a subject's episodes.
    pub(crate) fn episodes_of(&self, subject: &Subject) -> impl Iterator<Item = &Episode> {
        self.at.get(subject).into_iter().flatten().map(|place| &self.batch.episodes[*place])
    }
}

impl Deciding<'_> {
    /// After the commit the poller is asked for this.
    pub fn ask(&mut self, collector: &CollectorId, wish: Wish) {
        self.decision.asks.push((collector.clone(), wish));
    }
}

impl World {
    pub fn new(rules: Arc<Rules>, routes: Arc<Routes>, started_at: At) -> Self {
        Self {
            inventory: Inventory::new(),
            collectors: BTreeMap::new(),
            walks: BTreeMap::new(),
            episodes: BTreeMap::new(),
            told_to: BTreeMap::new(),
            channels: BTreeMap::new(),
            channel_due: BTreeMap::new(),
            rules,
            routes,
            started_at,
            mass: BTreeMap::new(),
            clock_held: None,
            digested: None,
            regoverning: false,
        }
    }

    /// What follows from `event`; changes nothing.
    pub fn decide(&self, event: &Event, almanac: &mut Almanac, now: At) -> Decision {
        let mut decision = Decision { batch: Batch { at: now, ..Batch::default() }, ..Decision::default() };
        let mut cx = Deciding { almanac, now, decision: &mut decision };
        match event {
            Event::Walked(Walked::Page(page)) => self.page(page, &mut cx),
            Event::Walked(Walked::End(end)) => self.walk_end(end, &mut cx),
            Event::Due => self.due(&mut cx),
            Event::Reconfigured(rules, routes) => self.reconfigured(rules, routes, &mut cx),
            Event::Channel(health) => self.channel(health, &mut cx),
            Event::ClockTrusted => cx.decision.anew = true,
        }
        self.plan(&mut cx);
        decision
    }

    /// Turns what was collected in `told` into intents and deliveries.
    fn plan(&self, cx: &mut Deciding<'_>) {
        if cx.decision.told.is_empty() {
            return;
        }
        let told = std::mem::take(&mut cx.decision.told);
        let (intents, deliveries) = crate::judge::tell::plan(&told, &self.routes, cx.now);
        cx.decision.batch.intents.extend(intents);
        cx.decision.batch.deliveries.extend(deliveries);
    }

    /// Earliest instant at which `Event::Due` has work.
    pub fn next_due(&self) -> Option<At> {
        let channels = self.channel_due.values().min().copied();
        [self.inventory.next_due(), channels, self.next_digest()].into_iter().flatten().min()
    }

    /// The slot as it is, owned, with facts' age filled in.
    pub(crate) fn slot(&self, key: &TokenKey) -> Option<Slot> {
        let mut slot = self.inventory.get(key)?.into_owned();
        slot.observed = self.observed(&slot);
        Some(slot)
    }
}

#[cfg(test)]
mod tests;
