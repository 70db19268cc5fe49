//! Every watched slot, in leaves per collector, sorted by key; looked up and iterated as [`Token`].

use crate::domain::At;
use crate::domain::finding::Standing;
use crate::domain::key::{CollectorId, TokenKey};
use crate::domain::observation::WalkNo;
use crate::domain::token::{Slot, Token};

pub mod agenda;
pub mod infer;
pub mod intern;
pub mod leaf;

/// Stable identity of a leaf while it lives; a split makes a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeafId(pub u64);

/// All slots.
#[derive(Default)]
pub struct Inventory {
    _private: (),
}

impl Inventory {
    pub fn new() -> Self {
        todo!()
    }
    pub fn get(&self, _key: &TokenKey) -> Option<Token<'_>> {
        todo!()
    }
    pub fn standing(&self, _key: &TokenKey) -> Option<Standing> {
        todo!()
    }
    /// The walk that last saw it, 0 for none in this process.
    pub fn seen_in(&self, _key: &TokenKey) -> WalkNo {
        todo!()
    }
    /// Inserts or replaces the whole slot; its standing stays (UNJUDGED for a new one).
    pub fn put(&mut self, _slot: Slot) {
        todo!()
    }
    pub fn judged(&mut self, _key: &TokenKey, _standing: Standing) {
        todo!()
    }
    pub fn seen(&mut self, _key: &TokenKey, _walk: WalkNo) {
        todo!()
    }
    pub fn remove(&mut self, _key: &TokenKey) {
        todo!()
    }
    /// Slot that holds this generation of this collector (semantics 1.4).
    pub fn holder(&self, _collector: &CollectorId, _generation: &str) -> Option<TokenKey> {
        todo!()
    }
    /// Slot with this label (semantics 1.2).
    pub fn labelled(&self, _label: &str) -> Option<TokenKey> {
        todo!()
    }
    pub fn len(&self) -> usize {
        todo!()
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    pub fn count(&self, _collector: &CollectorId) -> usize {
        todo!()
    }
    /// Slots in key order, of one collector or of all.
    pub fn each(&self, _collector: Option<&CollectorId>, _f: &mut dyn FnMut(&Token<'_>, &Standing)) {
        todo!()
    }
    /// Keys of one collector after `from` (exclusive), in key order, at most `most`: walking in slices.
    pub fn keys_after(&self, _collector: Option<&CollectorId>, _from: Option<&TokenKey>, _most: usize) -> Vec<TokenKey> {
        todo!()
    }
    /// Keys of a collector whose slot was not seen in this walk.
    pub fn unseen(&self, _collector: &CollectorId, _walk: WalkNo) -> Vec<TokenKey> {
        todo!()
    }
    /// Earliest `next_change`; unjudged slots are due at once (`At::MIN_UTC`).
    pub fn next_due(&self) -> Option<At> {
        todo!()
    }
    /// Keys due at `now`, at most `most`.
    pub fn due(&self, _now: At, _most: usize) -> Vec<TokenKey> {
        todo!()
    }
    /// Marks every slot (of one collector, or all) due at once: rules changed.
    pub fn mark_due(&mut self, _collector: Option<&CollectorId>) {
        todo!()
    }
    /// Leaves in page order with a number that rises with every change of facts or standing.
    pub fn leaves(&self) -> Vec<(LeafId, u64)> {
        todo!()
    }
    /// Slots of one leaf in order; nothing if it is gone.
    pub fn leaf(&self, _leaf: LeafId, _f: &mut dyn FnMut(&Token<'_>, &Standing)) {
        todo!()
    }
}
