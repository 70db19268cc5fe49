//! What a walk under way has brought so far: which listings were read, what was left out, which flows were seen.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::key::{CollectorId, GenerationId, ListingKey, SightId, TokenKey};
use crate::domain::observation::{Coverage, FlowKey, Record, WalkNo};
use crate::domain::reason::LeftOut;
use crate::judge::inventory::infer::flow::Minted;

/// A walk of one collector, from its first page to its end.
#[derive(Clone, Debug, Default)]
pub struct OpenWalk {
    pub walk: WalkNo,
    pub sight: Option<SightId>,
    pub listings: BTreeMap<ListingKey, Coverage>,
    /// Of slots with several generations: which ones this walk saw or found listed.
    pub present: BTreeMap<TokenKey, BTreeSet<GenerationId>>,
    /// Asked by id and unknown to the issuer.
    pub gone: BTreeSet<GenerationId>,
    pub flows: BTreeMap<FlowKey, FlowSeen>,
    pub left_out: BTreeMap<LeftOut, u32>,
    /// Dynamic records that no policy watches.
    pub dynamic: u32,
    pub clock_difference: Option<i64>,
    /// New slots so far, against `max_tokens`.
    pub added: usize,
    /// Tokens that answers of this walk have ended, and how many were usable before (semantics 11.3).
    pub hit: usize,
    pub usable: Option<usize>,
    /// Walks finished since the start of the process.
    pub finished: u32,
}

/// A flow's records of one walk, and one of them, for the label of a new slot (semantics 1.10).
#[derive(Clone, Debug)]
pub struct FlowSeen {
    pub minted: Minted,
    pub one: Record,
}

impl FlowSeen {
    pub fn new(one: Record) -> Self {
        Self { minted: Minted::default(), one }
    }
    fn join(&mut self, other: FlowSeen) {
        self.minted.count += other.minted.count;
        self.minted.newest_issued = self.minted.newest_issued.max(other.minted.newest_issued);
        self.minted.latest_end = self.minted.latest_end.max(other.minted.latest_end);
    }
}

/// What one page, or an end, adds to the walk under way.
#[derive(Clone, Debug)]
pub struct Delta {
    pub collector: CollectorId,
    /// The walk is over: forget what it brought.
    pub over: bool,
    pub add: OpenWalk,
}

impl Delta {
    pub fn new(collector: CollectorId, walk: WalkNo, sight: SightId) -> Self {
        Self { collector, over: false, add: OpenWalk { walk, sight: Some(sight), ..OpenWalk::default() } }
    }
}

impl OpenWalk {
    /// Takes in what a page brought; a page of another walk starts afresh.
    pub fn take(&mut self, delta: Delta) {
        if delta.over {
            *self = OpenWalk { finished: self.finished + u32::from(!delta.add.gone_only()), ..OpenWalk::default() };
            return;
        }
        if self.walk != delta.add.walk {
            *self = OpenWalk {
                finished: self.finished,
                walk: delta.add.walk,
                sight: delta.add.sight,
                ..OpenWalk::default()
            };
        }
        let add = delta.add;
        for (listing, coverage) in add.listings {
            self.listings.insert(listing, coverage);
        }
        for (key, ids) in add.present {
            self.present.entry(key).or_default().extend(ids);
        }
        self.gone.extend(add.gone);
        for (key, flow) in add.flows {
            match self.flows.entry(key) {
                Entry::Occupied(mut known) => known.get_mut().join(flow),
                Entry::Vacant(new) => {
                    new.insert(flow);
                }
            }
        }
        for (reason, count) in add.left_out {
            *self.left_out.entry(reason).or_default() += count;
        }
        self.dynamic += add.dynamic;
        self.added += add.added;
        self.hit += add.hit;
        self.usable = self.usable.or(add.usable);
        self.clock_difference = add.clock_difference.or(self.clock_difference);
    }

    /// A confirming look: nothing but single generations.
    fn gone_only(&self) -> bool {
        self.walk == CONFIRM
    }

    /// How far the listing of a slot was read in this walk; a listing that nobody announced any more is judged by its
    /// nearest parent that was read (semantics 3.2).
    pub fn coverage_of(&self, listing: &ListingKey, whole_walk: Coverage) -> Coverage {
        let mut at = Some(listing.clone());
        while let Some(key) = at {
            if let Some(&coverage) = self.listings.get(&key) {
                return coverage;
            }
            at = key.parent();
        }
        whole_walk
    }
}

/// The walk number of a confirming look; never a whole round.
pub const CONFIRM: WalkNo = 0;
