//! The leaves in page order: by collector, then by key. Finds the leaf of a key, splits what grows too large, joins
//! what became small. Knows nothing of what slots mean.

use std::collections::BTreeMap;

use super::LeafId;
use super::leaf::{Leaf, MOST};
use crate::domain::key::{CollectorId, TokenKey};

/// Bits of a [`LeafId`] that are the leaf's number; the others make it unique for ever.
const NUMBER: u32 = 24;

struct Shelved {
    id: LeafId,
    leaf: Leaf,
}

#[derive(Default)]
pub struct Shelves {
    leaves: Vec<Option<Shelved>>,
    free: Vec<usize>,
    order: BTreeMap<CollectorId, Vec<u32>>,
    made: u64,
}

/// What became of the leaves when one was split or joined: slots went from one to the other.
pub struct Moved {
    pub from: usize,
    pub to: usize,
    /// First slot of `to` that came from `from`.
    pub first: usize,
}

impl Shelves {
    pub fn leaf(&self, no: usize) -> &Leaf {
        &self.shelved(no).leaf
    }
    pub fn leaf_mut(&mut self, no: usize) -> &mut Leaf {
        &mut self.leaves[no].as_mut().expect("a leaf number is used only while its leaf lives").leaf
    }
    fn shelved(&self, no: usize) -> &Shelved {
        self.leaves[no].as_ref().expect("a leaf number is used only while its leaf lives")
    }
    pub fn id(&self, no: usize) -> LeafId {
        self.shelved(no).id
    }
    pub fn by_id(&self, id: LeafId) -> Option<&Leaf> {
        let no = (id.0 & ((1 << NUMBER) - 1)) as usize;
        self.leaves.get(no)?.as_ref().filter(|shelved| shelved.id == id).map(|shelved| &shelved.leaf)
    }
    /// Leaf numbers in page order, of one collector or of all.
    pub fn numbers<'a>(&'a self, collector: Option<&CollectorId>) -> impl Iterator<Item = usize> + use<'a> {
        let one = collector.map(|id| self.order.get(id).map_or(&[][..], Vec::as_slice));
        let all = if collector.is_none() { Some(self.order.values()) } else { None };
        one.into_iter().flatten().chain(all.into_iter().flatten().flatten()).map(|&no| no as usize)
    }
    pub fn find(&self, key: &TokenKey) -> Option<(usize, usize)> {
        let no = self.leaf_for(key)?;
        self.leaf(no).search(key.slot()).ok().map(|at| (no, at))
    }
    /// The leaf in which a key stands or would stand.
    pub fn leaf_for(&self, key: &TokenKey) -> Option<usize> {
        let order = self.order.get(&key.collector)?;
        let after = order.partition_point(|&no| self.leaf(no as usize).first() <= key.slot());
        order.get(after.saturating_sub(1)).map(|&no| no as usize)
    }
    /// Opens a place for a new key; its leaf may be over full afterwards: [`Shelves::split`].
    pub fn open(&mut self, key: &TokenKey) -> (usize, usize) {
        let no = match self.leaf_for(key) {
            Some(no) => no,
            None => {
                let no = self.shelve(Leaf::new(key.collector.clone(), 0));
                self.order.insert(key.collector.clone(), vec![no as u32]);
                no
            }
        };
        let leaf = self.leaf_mut(no);
        let (Ok(at) | Err(at)) = leaf.search(key.slot());
        leaf.open(at, key.slot());
        (no, at)
    }
    fn shelve(&mut self, leaf: Leaf) -> usize {
        let no = self.free.pop().unwrap_or_else(|| {
            self.leaves.push(None);
            self.leaves.len() - 1
        });
        self.made += 1;
        self.leaves[no] = Some(Shelved { id: LeafId((self.made << NUMBER) | no as u64), leaf });
        no
    }
    /// Splits a leaf that is over full.
    pub fn split(&mut self, no: usize, revision: u64) -> Option<Moved> {
        let leaf = self.leaf_mut(no);
        if leaf.len() <= MOST {
            return None;
        }
        let middle = leaf.len() / 2;
        let upper = leaf.split_off(middle, revision);
        let collector = upper.collector.clone();
        let to = self.shelve(upper);
        let order = self.order.entry(collector).or_default();
        let place = order.iter().position(|&other| other as usize == no).map_or(order.len(), |place| place + 1);
        order.insert(place, to as u32);
        Some(Moved { from: no, to, first: 0 })
    }
    /// Joins a small leaf with a small neighbour, or drops an empty one. `Moved` tells of slots that went.
    pub fn join(&mut self, no: usize, revision: u64) -> Option<Moved> {
        let leaf = self.leaf(no);
        let (length, collector) = (leaf.len(), leaf.collector.clone());
        if length >= MOST / 4 {
            return None;
        }
        let order = self.order.get(&collector)?;
        let place = order.iter().position(|&other| other as usize == no)?;
        if length == 0 {
            self.drop(&collector, place);
            return None;
        }
        let fits = |place: usize| order.get(place).is_some_and(|&n| self.leaf(n as usize).len() + length <= MOST / 2);
        let lower = if fits(place + 1) {
            place
        } else if place > 0 && fits(place - 1) {
            place - 1
        } else {
            return None;
        };
        let (to, from) = (order[lower] as usize, order[lower + 1] as usize);
        let next = self.drop(&collector, lower + 1)?;
        let kept = self.leaf_mut(to);
        let first = kept.len();
        kept.append(next);
        kept.revision = revision;
        Some(Moved { from, to, first })
    }
    fn drop(&mut self, collector: &CollectorId, place: usize) -> Option<Leaf> {
        let order = self.order.get_mut(collector)?;
        let no = order.remove(place) as usize;
        if order.is_empty() {
            self.order.remove(collector);
        }
        self.free.push(no);
        self.leaves[no].take().map(|shelved| shelved.leaf)
    }
    /// Whether this leaf number is in use.
    pub fn lives(&self, no: usize) -> bool {
        self.leaves.get(no).is_some_and(Option::is_some)
    }
}
