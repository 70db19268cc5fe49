//! One record and its slot: which generation it is, and what a first sight means (semantics 1.5, 1.6, 3.6).

use chrono::TimeDelta;

use super::step::Step;
use super::{News, Terms, facts, life, order};
use crate::domain::At;
use crate::domain::observation::{Life, Origin, Record};
use crate::domain::token::{Ended, EndedHow, Generation};

/// An end within this many days is news at first sight; an older one is history (semantics 3.6).
const NEWS_DAYS: i64 = 7;

/// A record of an inventory.
pub fn listed(step: &mut Step<'_>, record: &Record, terms: &Terms) {
    let known = step.slot.generations.iter().position(|g| g.id == record.generation);
    if let Some(at) = known {
        life::judge(step, at, record, terms);
    } else {
        let g = facts::fresh(record, terms);
        let dead = !matches!(record.life, Life::Active | Life::Unsaid) || order::past(&g, terms.taken_at);
        if dead {
            first_sight_of_ended(step, g, record, terms);
            return;
        }
        step.slot.generations.to_mut().push(g);
        let at = step.slot.generations.len() - 1;
        life::judge(step, at, record, terms);
        // Found ended in this same page: with a usable one beside it that is history, whichever was read first.
        let now = terms.taken_at;
        let usable = step.slot.generations[at].usable(now);
        let same_page = |g: &Generation| g.first_seen == now && g.ended.as_ref().is_some_and(|e| e.first_sight);
        step.slot.generations.to_mut().retain(|g| !(usable && same_page(g)));
    }
    order::sort(step.slot.generations.to_mut());
}

fn first_sight_of_ended(step: &mut Step<'_>, mut g: Generation, record: &Record, terms: &Terms) {
    let now = terms.taken_at;
    let generations = step.slot.generations.to_mut();
    let usable = generations.iter().any(|known| known.usable(now));
    let newest = order::head(generations).is_none_or(|head| order::newer(&g, &generations[head]));
    let recent = ended_lately(&g, record, terms);
    let Some((how, at)) = recent.filter(|_| terms.matched && !usable && newest) else {
        step.history = true;
        return;
    };
    let word = record.life_word.clone().unwrap_or_else(|| match record.life {
        Life::Active | Life::Unsaid => "expired".into(),
        life => life.as_str().into(),
    });
    g.ended = Some(Ended { how, at, word, seen_good: None, good_rounds: 0, first_sight: true });
    life::end_of_doubt(&mut g);
    step.news.push(News::Ended { generation: g.id.clone(), how });
    // Of several that are found ended, only the newest is told.
    generations.retain(|known| known.ended.as_ref().is_none_or(|ended| !ended.first_sight));
    generations.push(g);
    order::sort(generations);
}

/// How and when it ended, if that was surely within the last days.
fn ended_lately(g: &Generation, record: &Record, terms: &Terms) -> Option<(EndedHow, At)> {
    let now = terms.taken_at;
    let since = now - TimeDelta::days(NEWS_DAYS);
    if let Some(end) = g.end().filter(|_| facts::on_time(g, now, terms.clock_difference)) {
        return (end >= since).then_some((EndedHow::Expired, end.min(now)));
    }
    // No date to go by: a use, a renewal or its issue within those days proves that the end came after it.
    let alive = [record.last_used.map(|used| used.at), record.issued, record.renewed];
    let alive = alive.into_iter().flatten().any(|at| at >= since);
    match record.life {
        Life::Expired => alive.then_some((EndedHow::Expired, now)),
        Life::Revoked | Life::Disabled => alive.then_some((EndedHow::Revoked, now)),
        // It never was good here, and does not say that it ended.
        _ => None,
    }
}

/// A record about a value that the configuration names: the value held now stands last, whatever its age; earlier
/// ones are remembered, so that a value that turns back is known.
pub fn held(step: &mut Step<'_>, record: &Record, terms: &Terms) {
    if record.generation.is_empty() {
        no_value(step, record, terms);
        return;
    }
    let generations = step.slot.generations.to_mut();
    let known = generations.iter().position(|g| g.id == record.generation);
    let g = known.map_or_else(|| facts::fresh(record, terms), |at| generations.remove(at));
    // A value that nobody ever called good and that is held no more leaves no trace.
    generations.retain(|g| g.was_usable);
    generations.push(g);
    let at = generations.len() - 1;
    life::judge(step, at, record, terms);
    if step.slot.origin == Origin::Inspect {
        turn_back(step);
    }
}

/// The poll failed before a value was read, or the collector needs no login.
fn no_value(step: &mut Step<'_>, record: &Record, terms: &Terms) {
    if record.life != Life::Unsaid {
        step.slot.observed = terms.taken_at;
    } else if let Some(g) = step.slot.generations.to_mut().last_mut() {
        g.unread_since.get_or_insert(terms.taken_at);
    }
}

/// An earlier value is held again (semantics 1.5), until a newer one is.
fn turn_back(step: &mut Step<'_>) {
    let generations = &step.slot.generations;
    let Some(held) = generations.last() else { return };
    let back = held.was_usable && generations.iter().any(|g| g.was_usable && g.first_seen > held.first_seen);
    let turned_back = back.then(|| held.id.clone());
    if back && step.slot.turned_back != turned_back {
        step.news.push(News::TurnedBack);
    }
    step.slot.turned_back = turned_back;
}
