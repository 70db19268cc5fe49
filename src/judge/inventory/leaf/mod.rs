//! 500 to 1,000 slots of one collector, sorted by key: keys and ids as runs of bytes, everything else rows of small
//! numbers. A leaf is index, page order, judging order and timer in one; unseen outside this room.

use self::pack::{Extra, GenerationRow, Odd, SlotRow, StandingRow};
use self::run::{Run, Spans, Sparse, make_room};
use super::agenda;
use super::infer::label;
use super::intern::Pools;
use crate::domain::finding::Standing;
use crate::domain::key::{CollectorId, TokenKey};
use crate::domain::observation::WalkNo;
use crate::domain::token::Slot;

mod halves;
mod pack;
mod reads;
mod run;

/// Slots of a leaf when it splits; each half keeps the half.
pub const MOST: usize = 1_000;

pub struct Leaf {
    pub collector: CollectorId,
    /// Rises with every change of facts or standing that a reader could see.
    pub revision: u64,
    keys: Run,
    slots: Vec<SlotRow>,
    odd: Sparse<Odd>,
    /// Which rows of `generations` belong to a slot.
    spans: Spans,
    ids: Run,
    generations: Vec<GenerationRow>,
    extras: Sparse<Extra>,
    /// Hashes of the ids, beside them because looking for one scans the leaf.
    hashes: Vec<u32>,
    standings: Vec<StandingRow>,
    far: Sparse<Standing>,
    due: Vec<u32>,
    seen: Vec<WalkNo>,
}

impl Leaf {
    pub fn new(collector: CollectorId, revision: u64) -> Self {
        Self {
            collector,
            revision,
            keys: Run::default(),
            slots: Vec::new(),
            odd: Sparse::default(),
            spans: Spans::default(),
            ids: Run::default(),
            generations: Vec::new(),
            extras: Sparse::default(),
            hashes: Vec::new(),
            standings: Vec::new(),
            far: Sparse::default(),
            due: Vec::new(),
            seen: Vec::new(),
        }
    }
    pub fn len(&self) -> usize {
        self.slots.len()
    }
    pub fn first(&self) -> &str {
        if self.keys.len() == 0 { "" } else { self.keys.get(0) }
    }
    pub fn search(&self, slot: &str) -> Result<usize, usize> {
        self.keys.search(slot)
    }
    pub fn key(&self, at: usize) -> TokenKey {
        TokenKey::from_slot(self.collector.clone(), self.keys.get(at))
    }
    /// A new place for a slot, not judged yet; [`Leaf::fill`] follows.
    pub fn open(&mut self, at: usize, key: &str) {
        make_room(&mut self.slots);
        make_room(&mut self.standings);
        make_room(&mut self.due);
        make_room(&mut self.seen);
        self.keys.insert(at, key);
        self.slots.insert(at, SlotRow::default());
        self.odd.open(at);
        self.spans.insert(at, 0);
        self.standings.insert(at, StandingRow::default());
        self.far.open(at);
        self.due.insert(at, agenda::AT_ONCE);
        self.seen.insert(at, 0);
    }
    /// Writes the facts of a slot; `hashes` are those of its generations' ids.
    pub fn fill(&mut self, at: usize, slot: &Slot, hashes: &[u32], pools: &mut Pools) {
        let plain = label::readable(&self.collector, slot.origin, slot.place_path.as_str(), slot.key.name());
        let (row, odd) = SlotRow::pack(slot, &plain, pools);
        // Held before the old ones are released, so that what stays is not let go in between.
        let packed: Vec<_> = slot.generations.iter().map(|g| GenerationRow::pack(g, pools)).collect();
        self.clear(at, pools);
        self.slots[at] = row;
        self.odd.set(at, odd);
        let from = self.spans.start(at);
        for (nth, (row, extra)) in packed.into_iter().enumerate() {
            let place = from + nth;
            make_room(&mut self.generations);
            make_room(&mut self.hashes);
            self.generations.insert(place, row);
            self.hashes.insert(place, hashes[nth]);
            self.ids.insert(place, &slot.generations[nth].id);
            self.extras.open(place);
            self.extras.set(place, extra);
        }
        self.spans.resize(at, slot.generations.len());
    }
    /// Forgets the facts of a slot, not its place.
    fn clear(&mut self, at: usize, pools: &mut Pools) {
        self.slots[at].release(pools);
        let range = self.spans.range(at);
        for place in range.clone().rev() {
            self.generations[place].release(pools);
            self.ids.remove(place);
            self.extras.close(place);
        }
        self.generations.drain(range.clone());
        self.hashes.drain(range);
        self.spans.resize(at, 0);
    }
    pub fn remove(&mut self, at: usize, pools: &mut Pools) {
        self.clear(at, pools);
        self.standings[at].release(pools);
        self.keys.remove(at);
        self.slots.remove(at);
        self.odd.close(at);
        self.spans.remove(at);
        self.standings.remove(at);
        self.far.close(at);
        self.due.remove(at);
        self.seen.remove(at);
    }
    /// Whether a reader can see the difference.
    pub fn judge(&mut self, at: usize, standing: &Standing, pools: &mut Pools) -> bool {
        let before = self.standing(at, pools);
        self.due[at] = agenda::pack(standing.next_change);
        if self.standings[at].judged() && (Standing { next_change: standing.next_change, ..before }) == *standing {
            return false;
        }
        let (row, far) = StandingRow::pack(standing, pools);
        self.standings[at].release(pools);
        self.standings[at] = row;
        self.far.set(at, far);
        true
    }
    pub fn due(&self) -> &[u32] {
        &self.due
    }
    pub fn mark_due(&mut self) {
        self.due.fill(agenda::AT_ONCE);
    }
    pub fn seen(&self) -> &[WalkNo] {
        &self.seen
    }
    pub fn see(&mut self, at: usize, walk: WalkNo) {
        self.seen[at] = walk;
    }
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.keys.bytes()
            + self.ids.bytes()
            + self.spans.bytes()
            + self.slots.capacity() * size_of::<SlotRow>()
            + self.generations.capacity() * (size_of::<GenerationRow>())
            + self.standings.capacity() * size_of::<StandingRow>()
            + (self.hashes.capacity() + self.due.capacity() + self.seen.capacity()) * 4
    }
}
