//! The order of generations (semantics 1.6), the head among them, and how many are remembered.

use crate::domain::At;
use crate::domain::token::{Expiry, Generation, Slot};

/// Generations kept in a slot; usable ones are never dropped, however many.
pub const MOST: usize = 20;
/// Ended ones kept beside the head and the one before it: issuers list them for ever, nobody judges them.
pub const MOST_ENDED: usize = 4;

/// `issued`, else first seen; ties: later expiry, then id.
fn rank(g: &Generation) -> (At, (u8, Option<At>), &str) {
    let ends = match g.expires {
        Expiry::Unknown(_) => (0, None),
        Expiry::At(end) => (1, Some(end.instant)),
        Expiry::Never => (2, None),
    };
    (g.issued.unwrap_or(g.first_seen), ends, &g.id)
}

pub fn newer(a: &Generation, b: &Generation) -> bool {
    rank(a) > rank(b)
}

pub fn sort(generations: &mut [Generation]) {
    generations.sort_by(|a, b| rank(a).cmp(&rank(b)));
}

/// Newest generation that was ever usable; unlike `Token::head` nothing stands in for it.
pub fn head(generations: &[Generation]) -> Option<usize> {
    generations.iter().rposition(|g| g.was_usable)
}

pub fn past(g: &Generation, at: At) -> bool {
    g.expires.late().is_some_and(|late| late <= at) || g.hard_stop.is_some_and(|stop| stop <= at)
}

/// Drops what is remembered beyond the limits, oldest first; never the head, the one before it, or one in use.
pub fn forget(slot: &mut Slot, now: At) {
    let explicit = slot.explicit();
    let generations = slot.generations.to_mut();
    let over = |generations: &[Generation]| {
        let dead = generations.iter().filter(|g| dispensable(g, now)).count();
        generations.len() > MOST || (!explicit && dead > MOST_ENDED + 2)
    };
    while over(generations) {
        let kept_from = head(generations).unwrap_or(generations.len() - 1).saturating_sub(1);
        let oldest = generations[..kept_from].iter().position(|g| explicit || dispensable(g, now));
        let Some(oldest) = oldest else { return };
        generations.remove(oldest);
    }
}

fn dispensable(g: &Generation, now: At) -> bool {
    g.ended.is_some() || past(g, now)
}
