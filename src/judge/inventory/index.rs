//! Which leaf holds a generation or a label: hashes and leaf numbers only, no copies of strings; the leaf itself
//! tells the slot. Two values with one hash are told apart there too.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

#[derive(Clone, Copy, PartialEq)]
struct Entry {
    hash: u32,
    leaf: u32,
}

/// One entry a value and leaf; a value that two slots of one leaf hold has two equal ones.
#[derive(Default)]
pub struct Index {
    entries: HashTable<Entry>,
}

/// The table wants all 64 bits well mixed; only 32 are kept, so they are spread again.
fn spread(entry: &Entry) -> u64 {
    u64::from(entry.hash).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}

impl Index {
    pub fn add(&mut self, hash: u32, leaf: usize) {
        let entry = Entry { hash, leaf: leaf as u32 };
        self.entries.insert_unique(spread(&entry), entry, spread);
    }
    pub fn remove(&mut self, hash: u32, leaf: usize) {
        let entry = Entry { hash, leaf: leaf as u32 };
        if let Ok(found) = self.entries.find_entry(spread(&entry), |other| *other == entry) {
            found.remove();
        }
        if self.entries.capacity() > 4 * self.entries.len() + 64 {
            self.entries.shrink_to(2 * self.entries.len(), spread);
        }
    }
    pub fn moved(&mut self, hash: u32, from: usize, to: usize) {
        let entry = Entry { hash, leaf: from as u32 };
        if let Some(found) = self.entries.find_mut(spread(&entry), |other| *other == entry) {
            found.leaf = to as u32;
        }
    }
    /// Leaves that may hold it, each once.
    pub fn leaves(&self, hash: u32) -> Vec<usize> {
        let wanted = Entry { hash, leaf: 0 };
        let found = self.entries.iter_hash(spread(&wanted)).filter(|entry| entry.hash == hash);
        let mut leaves: Vec<_> = found.map(|entry| entry.leaf as usize).collect();
        leaves.sort_unstable();
        leaves.dedup();
        leaves
    }
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.entries.allocation_size()
    }
}

/// Hashes with a seed of this process, so that no issuer can choose names that collide.
#[derive(Default)]
pub struct Hashing(RandomState);

impl Hashing {
    pub fn generation(&self, collector: &str, id: &str) -> u32 {
        self.0.hash_one((collector, id)) as u32
    }
    pub fn label(&self, label: &str) -> u32 {
        self.0.hash_one(label) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_entries_are_counted_and_moved_one_by_one() {
        let mut index = Index::default();
        for leaf in [1, 1, 2] {
            index.add(7, leaf);
        }
        index.add(8, 1);
        assert_eq!(index.leaves(7), [1, 2]);
        index.moved(7, 1, 3);
        assert_eq!(index.leaves(7), [1, 2, 3]);
        index.remove(7, 1);
        index.remove(7, 9);
        assert_eq!((index.leaves(7), index.leaves(8)), (vec![2, 3], vec![1]));
    }
}
