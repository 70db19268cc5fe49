//! A slot of a leaf as it is seen outside: borrowed where it can be, built on the stack.

use std::borrow::Cow;

use super::Leaf;
use super::pack::Odd;
use crate::domain::finding::Standing;
use crate::domain::observation::Origin;
use crate::domain::token::Token;
use crate::judge::inventory::agenda;
use crate::judge::inventory::infer::label;
use crate::judge::inventory::intern::Pools;

impl Leaf {
    /// The view that everyone outside sees.
    pub fn token(&self, at: usize, pools: &Pools) -> Token<'_> {
        let (row, odd) = (&self.slots[at], self.odd.get(at));
        let (first_seen, observed, scheduled_since, rotated_at) = row.instants(odd);
        let manner = row.manner(pools);
        let key = self.key(at);
        let place_path = row.place_path(pools);
        let label = self.label(at, pools);
        let generations = self
            .spans
            .range(at)
            .map(|place| self.generations[place].unpack(self.ids.get(place), self.extras.get(place), pools));
        Token {
            label,
            origin: manner.origin,
            person: manner.person,
            place_path,
            name: odd.and_then(Odd::name).unwrap_or_else(|| key.name().into()),
            owner: row.owner(pools),
            facts: row.facts(pools),
            first_seen,
            listing: row.listing(pools),
            flow: odd.and_then(Odd::flow),
            generations: Cow::Owned(generations.collect()),
            observed,
            scheduled_since,
            turned_back: odd.and_then(Odd::turned_back),
            rotated_at,
            policy: manner.policy,
            team: manner.team.clone(),
            key: Cow::Owned(key),
        }
    }
    pub fn origin(&self, at: usize, pools: &Pools) -> Origin {
        self.slots[at].manner(pools).origin
    }
    pub fn label(&self, at: usize, pools: &Pools) -> Cow<'_, str> {
        if let Some(label) = self.odd.get(at).and_then(Odd::label) {
            return Cow::Borrowed(label);
        }
        let (row, key) = (&self.slots[at], self.key(at));
        let (origin, place_path) = (row.manner(pools).origin, row.place_path(pools));
        Cow::Owned(label::readable(&self.collector, origin, place_path.as_str(), key.name()))
    }
    /// Slots that hold this generation.
    pub fn holding(&self, hash: u32, id: &str) -> impl Iterator<Item = usize> {
        let places = self.hashes.iter().enumerate().filter(move |(_, known)| **known == hash);
        let places = places.map(|(place, _)| place).filter(move |&place| self.ids.get(place) == id);
        places.map(|place| self.spans.owner(place))
    }
    /// Hashes of the generations of a slot.
    pub fn hashes(&self, at: usize) -> &[u32] {
        &self.hashes[self.spans.range(at)]
    }
    pub fn standing(&self, at: usize, pools: &Pools) -> Standing {
        self.standings[at].unpack(self.far.get(at), agenda::unpack(self.due[at]), pools)
    }
}
