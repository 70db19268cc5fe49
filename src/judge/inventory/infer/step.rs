//! One step of inference: the slot before it, the slot it becomes, and what is told about the difference.

use std::borrow::Cow;

use super::{News, Outcome, Terms, flow, listed, order};
use crate::domain::key::{GenerationId, PolicyNo, TokenKey};
use crate::domain::observation::{Life, Origin, Record};
use crate::domain::text::Text;
use crate::domain::token::{Generation, Slot, Token};

pub struct Step<'a> {
    pub before: Option<&'a Slot>,
    pub slot: Slot,
    pub news: Vec<News>,
    pub confirm: Vec<GenerationId>,
    pub again: bool,
    pub history: bool,
    /// Generations whose expiry moved later.
    pub extended: Vec<GenerationId>,
}

impl<'a> Step<'a> {
    pub fn on(known: &'a Slot) -> Self {
        Self {
            before: Some(known),
            slot: known.clone(),
            news: Vec::new(),
            confirm: Vec::new(),
            again: false,
            history: false,
            extended: Vec::new(),
        }
    }
    pub fn begin(known: Option<&'a Slot>, key: &TokenKey, label: &str, record: &Record, terms: &Terms) -> Self {
        if let Some(known) = known {
            return Self::on(known);
        }
        let slot = Slot { place_path: record.place_path.clone(), ..empty(key, label, record.origin, terms) };
        Self {
            before: None,
            slot,
            news: vec![News::FirstSeen],
            confirm: Vec::new(),
            again: false,
            history: false,
            extended: Vec::new(),
        }
    }
    /// Compares, and says what is worth storing and telling.
    pub fn end(mut self, record: Option<&Record>, terms: &Terms) -> Outcome {
        if self.history {
            return Outcome { history: true, ..Outcome::default() };
        }
        if let Some(record) = record {
            self.describe(record, terms);
        }
        self.rotate(terms);
        self.extend(terms);
        if self.slot.origin == Origin::Inventory && flow::is_flow(&self.slot, terms.taken_at) {
            flow::turn_into(&mut self.slot, terms.taken_at);
            self.news.retain(|news| matches!(news, News::FirstSeen));
        }
        order::forget(&mut self.slot, terms.taken_at);
        let Self { before, slot, news, confirm, again, .. } = self;
        let changed = before.is_none_or(|before| !same(before, &slot)) || !news.is_empty();
        Outcome { slot: changed.then_some(slot), news, history: false, confirm, again }
    }
    /// What is true of the slot is what its newest value says: two values of one name must not take turns.
    fn describe(&mut self, record: &Record, terms: &Terms) {
        let generations = &self.slot.generations;
        let newest = order::head(generations).or(generations.len().checked_sub(1));
        let speaks = newest.is_none_or(|at| generations[at].id == record.generation) || self.slot.explicit();
        // What is found ended may still go with a usable one of the same page: it speaks from the next round on.
        let fleeting = newest.is_some_and(|at| listed::found_ended(&generations[at], terms.taken_at));
        if !speaks || (fleeting && self.before.is_some()) {
            return;
        }
        let slot = &mut self.slot;
        if !record.name.is_empty() && slot.name != record.name {
            slot.name = record.name.clone();
            if self.before.is_some() {
                self.news.push(News::Renamed);
            }
        }
        slot.listing = terms.listing.clone();
        slot.person = record.person;
        let told = record.life != Life::Unsaid;
        if told || !record.place_path.is_empty() {
            slot.place_path = record.place_path.clone();
        }
        if record.life == Life::Active || record.owner.is_some() {
            slot.owner.clone_from(&record.owner);
        }
        if record.life == Life::Active || !record.facts.is_empty() {
            slot.facts.clone_from(&record.facts);
        }
    }
    /// A new head in a slot that had one (semantics 1.8). An earlier head that is held again, or one that came dead,
    /// is none; nor are two that were first seen in one page, whichever was read first (9.6).
    fn rotate(&mut self, terms: &Terms) {
        let Some(before) = self.before else { return };
        let explicit = self.slot.explicit();
        let remembered = |g: &&Generation| g.was_usable && (explicit || g.first_seen < terms.taken_at);
        let Some(old) = before.generations.iter().rfind(remembered) else { return };
        let Some(at) = order::head(&self.slot.generations) else { return };
        let new = &self.slot.generations[at];
        let was_head_once = |g: &Generation| g.id == new.id && g.was_usable;
        let told = !explicit && self.slot.rotated_at == Some(terms.taken_at);
        if told || new.ended.is_some() || before.generations.iter().any(was_head_once) {
            return;
        }
        self.slot.rotated_at = Some(terms.taken_at);
        self.news.push(News::Rotated { before: old.id.clone() });
    }
    /// The expiry moved later on the value that is looked ahead from (semantics 7.3).
    fn extend(&mut self, terms: &Terms) {
        let head = self.slot.head().map(|g| &g.id);
        let current = self.slot.current(terms.taken_at).map(|g| &g.id);
        if self.extended.iter().any(|id| Some(id) == head || Some(id) == current) {
            self.news.push(News::Extended);
        }
    }
}

/// When facts were read is no fact: a round that says the same again writes nothing.
fn same(before: &Slot, after: &Slot) -> bool {
    before.generations == after.generations
        && (&before.name, &before.place_path, &before.owner, &before.facts)
            == (&after.name, &after.place_path, &after.owner, &after.facts)
        && (&before.listing, &before.flow, &before.turned_back, before.rotated_at, before.person)
            == (&after.listing, &after.flow, &after.turned_back, after.rotated_at, after.person)
}

/// A slot of which nothing is known but its key.
pub fn empty(key: &TokenKey, label: &str, origin: Origin, terms: &Terms) -> Slot {
    Token {
        key: Cow::Owned(key.clone()),
        label: Cow::Owned(label.to_owned()),
        origin,
        person: false,
        place_path: Text::default(),
        name: Text::new(key.name()),
        owner: None,
        facts: Vec::new(),
        first_seen: terms.taken_at,
        listing: terms.listing.clone(),
        flow: None,
        generations: Cow::Owned(Vec::new()),
        observed: terms.taken_at,
        scheduled_since: None,
        turned_back: None,
        rotated_at: None,
        policy: PolicyNo::default(),
        team: None,
    }
}
