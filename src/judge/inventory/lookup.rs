//! Questions to the inventory: by generation, by label, in order, by what is due or unseen.
//! Changes nothing.

use super::{Inventory, LeafId, agenda};
use crate::domain::At;
use crate::domain::finding::Standing;
use crate::domain::key::{CollectorId, TokenKey};
use crate::domain::observation::{Origin, WalkNo};
use crate::domain::token::Token;

impl Inventory {
    /// Slot that holds this generation of this collector (semantics 1.4); of several the first in key order.
    /// A record's own slot is found by [`Inventory::known`].
    pub fn holder(&self, collector: &CollectorId, generation: &str) -> Option<TokenKey> {
        self.holders(collector, generation).into_iter().min()
    }
    /// The slot that a record with this key and generation belongs to: the one with its key if that holds the
    /// generation; for an inventory else the slot of the same kind that holds it (a rename, semantics 1.4); else
    /// the one with its key. A configured name never moves, and ids of another kind are another issuer's table.
    pub fn known(&self, key: &TokenKey, generation: &str, origin: Origin) -> Option<TokenKey> {
        let own = self.shelves.find(key);
        if origin == Origin::Inventory {
            let mut holders = self.holders(&key.collector, generation);
            if !holders.contains(key) {
                holders.retain(|holder| holder.kind() == key.kind() && self.origin(holder) == Some(origin));
                if let Some(holder) = holders.into_iter().min() {
                    return Some(holder);
                }
            }
        }
        own.map(|_| key.clone())
    }
    fn holders(&self, collector: &CollectorId, generation: &str) -> Vec<TokenKey> {
        let hash = self.hashing.generation(collector.as_str(), generation);
        let mut keys = Vec::new();
        for no in self.holders.leaves(hash) {
            let leaf = self.shelves.leaf(no);
            if leaf.collector == *collector {
                keys.extend(leaf.holding(hash, generation).map(|at| leaf.key(at)));
            }
        }
        keys
    }
    fn origin(&self, key: &TokenKey) -> Option<Origin> {
        self.shelves.find(key).map(|(no, at)| self.shelves.leaf(no).origin(at, &self.pools))
    }
    /// Slot with this label (semantics 1.2).
    pub fn labelled(&self, label: &str) -> Option<TokenKey> {
        let leaves = self.labels.leaves(self.hashing.label(label));
        let mut found = leaves.into_iter().filter_map(|no| {
            let leaf = self.shelves.leaf(no);
            (0..leaf.len()).find(|&at| leaf.label(at, &self.pools) == label).map(|at| leaf.key(at))
        });
        let first = found.next();
        found.chain(first).min()
    }
    pub fn count(&self, collector: &CollectorId) -> usize {
        self.shelves.numbers(Some(collector)).map(|no| self.shelves.leaf(no).len()).sum()
    }
    /// Slots in key order, of one collector or of all.
    pub fn each(&self, collector: Option<&CollectorId>, f: &mut dyn FnMut(&Token<'_>, &Standing)) {
        for no in self.shelves.numbers(collector) {
            self.leaf(self.shelves.id(no), f);
        }
    }
    /// Keys of one collector after `from` (exclusive), in key order, at most `most`: walking in slices.
    pub fn keys_after(&self, collector: Option<&CollectorId>, from: Option<&TokenKey>, most: usize) -> Vec<TokenKey> {
        let mut keys = Vec::new();
        for no in self.shelves.numbers(collector) {
            let leaf = self.shelves.leaf(no);
            let start = match from {
                Some(from) if leaf.collector < from.collector => leaf.len(),
                Some(from) if leaf.collector == from.collector => match leaf.search(from.slot()) {
                    Ok(at) => at + 1,
                    Err(at) => at,
                },
                _ => 0,
            };
            let left = most - keys.len();
            keys.extend((start..leaf.len()).take(left).map(|at| leaf.key(at)));
            if keys.len() == most {
                break;
            }
        }
        keys
    }
    /// Keys of a collector whose slot was not seen in this walk.
    pub fn unseen(&self, collector: &CollectorId, walk: WalkNo) -> Vec<TokenKey> {
        let mut keys = Vec::new();
        for no in self.shelves.numbers(Some(collector)) {
            let leaf = self.shelves.leaf(no);
            let unseen = leaf.seen().iter().enumerate().filter(|(_, seen)| **seen != walk);
            keys.extend(unseen.map(|(at, _)| leaf.key(at)));
        }
        keys
    }
    /// Keys due at `now`, at most `most`, in key order.
    pub fn due(&self, now: At, most: usize) -> Vec<TokenKey> {
        let mut keys = Vec::new();
        for no in self.shelves.numbers(None) {
            if !agenda::is_due(self.agenda.of(no), now) {
                continue;
            }
            let leaf = self.shelves.leaf(no);
            let due = leaf.due().iter().enumerate().filter(|(_, due)| agenda::is_due(**due, now));
            let left = most - keys.len();
            keys.extend(due.map(|(at, _)| leaf.key(at)).take(left));
            if keys.len() == most {
                break;
            }
        }
        keys
    }
    /// Leaves in page order with a number that rises with every change of facts or standing.
    pub fn leaves(&self) -> Vec<(LeafId, u64)> {
        self.shelves.numbers(None).map(|no| (self.shelves.id(no), self.shelves.leaf(no).revision)).collect()
    }
    /// Slots of one leaf in order; nothing if it is gone.
    pub fn leaf(&self, leaf: LeafId, f: &mut dyn FnMut(&Token<'_>, &Standing)) {
        let Some(leaf) = self.shelves.by_id(leaf) else { return };
        for at in 0..leaf.len() {
            f(&leaf.token(at, &self.pools), &leaf.standing(at, &self.pools));
        }
    }
}
