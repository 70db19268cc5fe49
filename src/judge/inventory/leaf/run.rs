//! The plain containers a leaf is made of: strings end to end, spans, and sparse places.
//! They know nothing of slots.

use std::ops::Range;

/// Makes room by an eighth, not by doubling: leaves grow slowly and there are many.
pub fn make_room<T>(column: &mut Vec<T>) {
    if column.len() == column.capacity() {
        column.reserve_exact(column.len() / 8 + 8);
    }
}

/// Ends of consecutive spans.
#[derive(Default)]
pub struct Spans {
    ends: Vec<u32>,
}

impl Spans {
    pub fn len(&self) -> usize {
        self.ends.len()
    }
    pub fn range(&self, at: usize) -> Range<usize> {
        let from = if at == 0 { 0 } else { self.ends[at - 1] };
        from as usize..self.ends[at] as usize
    }
    /// Start of the span at `at`, which may be one past the last.
    pub fn start(&self, at: usize) -> usize {
        if at == 0 { 0 } else { self.ends[at - 1] as usize }
    }
    /// The span that holds this place.
    pub fn owner(&self, place: usize) -> usize {
        self.ends.partition_point(|&end| end as usize <= place)
    }
    pub fn insert(&mut self, at: usize, length: usize) {
        let start = self.start(at) as u32;
        make_room(&mut self.ends);
        self.ends.insert(at, start);
        self.resize(at, length);
    }
    pub fn resize(&mut self, at: usize, length: usize) {
        let was = self.range(at).len();
        for end in &mut self.ends[at..] {
            *end = *end - was as u32 + length as u32;
        }
    }
    pub fn remove(&mut self, at: usize) {
        self.resize(at, 0);
        self.ends.remove(at);
    }
    pub fn split_off(&mut self, at: usize) -> Self {
        let base = self.start(at) as u32;
        let mut ends = self.ends.split_off(at);
        ends.iter_mut().for_each(|end| *end -= base);
        self.ends.shrink_to_fit();
        Self { ends }
    }
    pub fn append(&mut self, other: &Self) {
        let base = self.start(self.len()) as u32;
        self.ends.reserve_exact(other.len());
        self.ends.extend(other.ends.iter().map(|end| end + base));
    }
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.ends.capacity() * 4
    }
}

/// Strings end to end.
#[derive(Default)]
pub struct Run {
    text: String,
    spans: Spans,
}

impl Run {
    pub fn len(&self) -> usize {
        self.spans.len()
    }
    pub fn get(&self, at: usize) -> &str {
        &self.text[self.spans.range(at)]
    }
    pub fn insert(&mut self, at: usize, piece: &str) {
        if self.text.capacity() - self.text.len() < piece.len() {
            self.text.reserve_exact(piece.len() + self.text.len() / 8);
        }
        self.text.insert_str(self.spans.start(at), piece);
        self.spans.insert(at, piece.len());
    }
    pub fn remove(&mut self, at: usize) {
        self.text.drain(self.spans.range(at));
        self.spans.remove(at);
    }
    pub fn split_off(&mut self, at: usize) -> Self {
        let text = self.text.split_off(self.spans.start(at));
        self.text.shrink_to_fit();
        Self { text, spans: self.spans.split_off(at) }
    }
    pub fn append(&mut self, other: &Self) {
        self.text.reserve_exact(other.text.len());
        self.text.push_str(&other.text);
        self.spans.append(&other.spans);
    }
    /// Place of a piece in a sorted run, or where it belongs.
    pub fn search(&self, piece: &str) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.get(middle).cmp(piece) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(middle),
            }
        }
        Err(low)
    }
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.text.capacity() + self.spans.bytes()
    }
}

/// Values that few places have, sorted by place.
pub struct Sparse<T> {
    at: Vec<(u32, Box<T>)>,
}

impl<T> Default for Sparse<T> {
    fn default() -> Self {
        Self { at: Vec::new() }
    }
}

impl<T> Sparse<T> {
    fn place(&self, at: usize) -> Result<usize, usize> {
        self.at.binary_search_by_key(&(at as u32), |entry| entry.0)
    }
    pub fn get(&self, at: usize) -> Option<&T> {
        self.place(at).ok().map(|place| &*self.at[place].1)
    }
    pub fn set(&mut self, at: usize, value: Option<T>) {
        match (self.place(at), value) {
            (Ok(place), Some(value)) => *self.at[place].1 = value,
            (Err(place), Some(value)) => {
                make_room(&mut self.at);
                self.at.insert(place, (at as u32, Box::new(value)));
            }
            (Ok(place), None) => {
                self.at.remove(place);
            }
            (Err(_), None) => {}
        }
    }
    /// A new place at `at`: later ones move up.
    pub fn open(&mut self, at: usize) {
        let (Ok(from) | Err(from)) = self.place(at);
        self.at[from..].iter_mut().for_each(|entry| entry.0 += 1);
    }
    /// The place at `at` goes: later ones move down.
    pub fn close(&mut self, at: usize) {
        self.set(at, None);
        let (Ok(from) | Err(from)) = self.place(at);
        self.at[from..].iter_mut().for_each(|entry| entry.0 -= 1);
    }
    pub fn split_off(&mut self, at: usize) -> Self {
        let (Ok(from) | Err(from)) = self.place(at);
        let mut upper = self.at.split_off(from);
        upper.iter_mut().for_each(|entry| entry.0 -= at as u32);
        Self { at: upper }
    }
    pub fn append(&mut self, other: Self, base: usize) {
        self.at.extend(other.at.into_iter().map(|(at, value)| (at + base as u32, value)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A run and a sparse map against plain vectors: insert, remove, split, append.
        #[test]
        fn a_run_is_a_list_of_strings(steps in proptest::collection::vec((0usize..4, 0usize..50, "[a-cä]{0,5}"), 1..60)) {
            let (mut run, mut sparse) = (Run::default(), Sparse::default());
            let mut model: Vec<(String, Option<usize>)> = Vec::new();
            for (nth, (what, at, text)) in steps.into_iter().enumerate() {
                let at = at % (model.len() + 1);
                match what {
                    0 | 1 => {
                        run.insert(at, &text);
                        sparse.open(at);
                        let rare = (text.len() % 2 == 1).then_some(nth);
                        sparse.set(at, rare);
                        model.insert(at, (text, rare));
                    }
                    2 if at < model.len() => {
                        run.remove(at);
                        sparse.close(at);
                        model.remove(at);
                    }
                    _ => {
                        let (run_tail, sparse_tail) = (run.split_off(at), sparse.split_off(at));
                        prop_assert_eq!(run_tail.len(), model.len() - at);
                        run.append(&run_tail);
                        sparse.append(sparse_tail, at);
                    }
                }
                let got: Vec<_> = (0..run.len()).map(|at| (run.get(at).to_owned(), sparse.get(at).copied())).collect();
                prop_assert_eq!(&got, &model);
            }
        }
    }
}
