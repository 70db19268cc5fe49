//! What was not there: generations that a complete listing did not hold, and those that could not be read
//! (semantics 3.2, 3.3, 3.5).

use super::step::Step;
use super::{Outcome, Terms, facts, life};
use crate::domain::key::GenerationId;
use crate::domain::observation::Doubt;
use crate::domain::token::{EndedHow, Slot};

pub fn absent(known: &Slot, present: &[GenerationId], confirmed: &[GenerationId], terms: &Terms) -> Outcome {
    // What the configuration names is not known from a listing; of a flow no single token is.
    if known.explicit() || known.flow.is_some() {
        return Outcome::default();
    }
    let mut step = Step::on(known);
    for at in 0..step.slot.generations.len() {
        if !present.contains(&step.slot.generations[at].id) {
            miss(&mut step, at, confirmed, terms);
        }
    }
    step.end(None, terms)
}

fn miss(step: &mut Step<'_>, at: usize, confirmed: &[GenerationId], terms: &Terms) {
    let g = &mut step.slot.generations.to_mut()[at];
    if let Some(ended) = &mut g.ended {
        ended.good_rounds = 0;
        return;
    }
    let good = g.good_sight == Some(terms.sight);
    let since = *g.absent_since.get_or_insert(terms.taken_at);
    // Counted no further than it matters, so that a long absence is written once.
    g.absent_rounds = g.absent_rounds.saturating_add(1).min(2);
    if g.absent_rounds < 2 && !confirmed.contains(&g.id) {
        if good {
            step.confirm.push(g.id.clone());
        }
        return;
    }
    if !good {
        g.absent_rounds = 2;
        g.doubt = Some(Doubt::OutOfSight);
        return;
    }
    // In time is judged where it was missed first: its end may have passed between the two listings.
    let how = if facts::on_time(g, since, terms.clock_difference) { EndedHow::Expired } else { terms.absent };
    life::conclude(step, at, how, "absent".into(), terms);
}

/// It stands in the listing, so it is not absent; what is known of it ages.
pub fn unread(known: &Slot, generation: &str, terms: &Terms) -> Outcome {
    let mut step = Step::on(known);
    if let Some(g) = step.slot.generations.to_mut().iter_mut().find(|g| *g.id == *generation) {
        g.unread_since.get_or_insert(terms.taken_at);
        (g.absent_since, g.absent_rounds) = (None, 0);
    }
    step.end(None, terms)
}
