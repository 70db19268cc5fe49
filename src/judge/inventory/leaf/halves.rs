//! A leaf that grew too large becomes two, and two small neighbours one; nothing else knows of it.

use super::Leaf;

impl Leaf {
    pub fn split_off(&mut self, at: usize, revision: u64) -> Self {
        let places = self.spans.start(at);
        let upper = Self {
            collector: self.collector.clone(),
            revision,
            keys: self.keys.split_off(at),
            slots: split_column(&mut self.slots, at),
            odd: self.odd.split_off(at),
            spans: self.spans.split_off(at),
            ids: self.ids.split_off(places),
            generations: split_column(&mut self.generations, places),
            extras: self.extras.split_off(places),
            hashes: split_column(&mut self.hashes, places),
            standings: split_column(&mut self.standings, at),
            far: self.far.split_off(at),
            due: split_column(&mut self.due, at),
            seen: split_column(&mut self.seen, at),
        };
        self.revision = revision;
        upper
    }
    /// Takes in the leaf that follows it.
    pub fn append(&mut self, next: Self) {
        let (slots, places) = (self.len(), self.generations.len());
        self.keys.append(&next.keys);
        self.slots.extend(next.slots);
        self.odd.append(next.odd, slots);
        self.spans.append(&next.spans);
        self.ids.append(&next.ids);
        self.generations.extend(next.generations);
        self.extras.append(next.extras, places);
        self.hashes.extend(next.hashes);
        self.standings.extend(next.standings);
        self.far.append(next.far, slots);
        self.due.extend(next.due);
        self.seen.extend(next.seen);
    }
}

fn split_column<T>(column: &mut Vec<T>, at: usize) -> Vec<T> {
    let upper = column.split_off(at);
    column.shrink_to_fit();
    upper
}
