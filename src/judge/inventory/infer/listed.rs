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
        step.slot.generations.to_mut().retain(|g| !(usable && found_ended(g, now)));
    }
    order::sort(step.slot.generations.to_mut());
}

/// Found ended at its first sight, in this very page.
pub fn found_ended(g: &Generation, now: At) -> bool {
    g.first_seen == now && g.ended.as_ref().is_some_and(|ended| ended.first_sight)
}

fn first_sight_of_ended(step: &mut Step<'_>, mut g: Generation, record: &Record, terms: &Terms) {
    let now = terms.taken_at;
    let observed = &mut step.slot.observed;
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
    *observed = now;
    step.news.push(News::Ended { generation: g.id.clone(), how });
    // Of several that are found ended in one page, only the newest is told.
    generations.retain(|known| !found_ended(known, now));
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::record;
    use super::super::tests::{DAY, HOUR, Scene, at, ends, record_of};
    use super::*;
    use crate::domain::observation::Doubt;
    use crate::domain::token::{Expiry, LastUsed, Slot, WhyUnknown};

    const UNTOLD: Expiry = Expiry::Unknown(WhyUnknown::NotTold);

    fn issued(id: &str, issued: i64, end: Expiry) -> Record {
        Record { issued: Some(at(issued)), expires: end, ..record_of(Origin::Inventory, id, Life::Active) }
    }

    #[test]
    fn rule_1_6_order_is_by_issue_then_end_then_id() {
        let mut scene = Scene::new(Origin::Inventory);
        let none = Record { issued: None, ..issued("seen", 0, ends(DAY)) };
        let all = [
            issued("new", 90, ends(DAY)),
            issued("b", -50, ends(2 * DAY)),
            issued("a", -50, ends(2 * DAY)),
            issued("short", -50, ends(DAY)),
            issued("for-ever", -50, Expiry::Never),
            issued("untold", -50, UNTOLD),
            none,
        ];
        for record in &all {
            scene.go_to(0).hear(record);
        }
        assert_eq!(scene.ids(), ["untold", "short", "a", "b", "for-ever", "seen", "new"]);
        assert_eq!(scene.head(), "new");
    }

    #[test]
    fn rule_1_8_a_new_head_is_a_rotation_and_the_old_one_is_watched_on() {
        let mut scene = Scene::new(Origin::Inventory);
        scene.hear(&issued("1", -90, ends(DAY)));
        scene.hear(&issued("2", 30, ends(90 * DAY)));
        assert_eq!(scene.last.news, [News::Rotated { before: "1".into() }]);
        let slot = scene.slot.clone().unwrap();
        assert_eq!(slot.rotated_at, Some(at(60)));
        assert_eq!(slot.older(at(HOUR)).map(|g| &*g.id).collect::<Vec<_>>(), ["1"], "rule 1.9");
        scene.hear(&issued("0", -900, ends(DAY)));
        assert_eq!(scene.last.news, [], "an older one is no new head");
        assert_eq!((scene.ids(), scene.slot.as_ref().unwrap().rotated_at), (vec!["0", "1", "2"], Some(at(60))));
    }

    #[test]
    fn rule_1_6_what_has_not_started_is_no_head_yet() {
        let mut scene = Scene::new(Origin::Inventory);
        scene.hear(&issued("1", -90, ends(DAY)));
        let early = Record { starts: Some(at(HOUR)), ..issued("2", 0, ends(9 * DAY)) };
        scene.hear(&early);
        assert_eq!((scene.head(), scene.last.news.len()), ("1", 0));
        scene.go_to(HOUR).hear(&early);
        assert_eq!((scene.head(), &scene.last.news), ("2", &vec![News::Rotated { before: "1".into() }]));
    }

    #[test]
    fn rule_1_8_rotation_after_an_end() {
        let mut scene = Scene::new(Origin::Inventory);
        scene.hear(&issued("1", -90, ends(DAY))).misses(&[]).misses(&[]);
        scene.hear(&issued("2", 100, ends(90 * DAY)));
        assert_eq!(scene.last.news, [News::Rotated { before: "1".into() }]);
    }

    #[test]
    fn rule_3_6_first_sight_of_an_ended_token_in_an_inventory() {
        let used = Some(LastUsed { at: at(-DAY), granularity: DAY as u32 });
        let with = |life, expires, last_used| Record { last_used, expires, ..record_of(Origin::Inventory, "1", life) };
        let table = [
            (with(Life::Expired, ends(-DAY), None), Some(EndedHow::Expired)),
            (with(Life::Expired, ends(-8 * DAY), None), None),
            (with(Life::Active, ends(-DAY), None), Some(EndedHow::Expired)),
            (with(Life::Active, ends(-8 * DAY), used), None),
            (with(Life::Inactive, ends(-DAY), None), Some(EndedHow::Expired)),
            (with(Life::Inactive, UNTOLD, used), None),
            (with(Life::Revoked, ends(30 * DAY), None), None),
            (with(Life::Revoked, ends(30 * DAY), used), Some(EndedHow::Revoked)),
            (with(Life::Revoked, ends(-DAY), None), Some(EndedHow::Expired)),
            (with(Life::Disabled, UNTOLD, used), Some(EndedHow::Revoked)),
        ];
        for (record, how) in table {
            let mut scene = Scene::new(Origin::Inventory);
            scene.hear(&record);
            assert_eq!((scene.last.history, scene.slot.is_none()), (how.is_none(), how.is_none()), "{record:?}");
            if let Some(how) = how {
                assert_eq!(scene.news, [News::FirstSeen, News::Ended { generation: "1".into(), how }]);
                assert!(scene.generation("1").ended.as_ref().unwrap().first_sight);
                assert!(scene.hear(&record).unchanged());
            }
            let mut unmatched = Scene::new(Origin::Inventory);
            unmatched.terms.matched = false;
            assert!(unmatched.hear(&record).last.history, "no policy matches");
            let mut usable = Scene::new(Origin::Inventory);
            usable.hear(&issued("0", -99 * DAY, ends(DAY))).hear(&record);
            assert!(usable.last.history && usable.last.slot.is_none(), "the slot has a usable one");
        }
    }

    #[test]
    fn rule_3_6_first_sight_of_an_ended_explicit_token() {
        let mut scene = Scene::new(Origin::Inspect);
        scene.says("h1", Life::Inactive, ends(-300 * DAY));
        assert_eq!((scene.how("h1"), scene.last.again), (Some(EndedHow::Expired), false));
        let ended = scene.generation("h1").ended.clone().unwrap();
        assert_eq!((ended.first_sight, ended.at), (false, at(-300 * DAY)));
        let mut flagged = Scene::new(Origin::Inspect);
        flagged.says("h1", Life::Revoked, UNTOLD);
        assert_eq!(flagged.how("h1"), Some(EndedHow::Revoked));
        let mut passed = Scene::new(Origin::Declared);
        passed.says("typed", Life::Unsaid, ends(-DAY));
        assert!(passed.slot.as_ref().unwrap().current(at(0)).is_none() && passed.generation("typed").was_usable);
    }

    #[test]
    fn rule_1_5_a_new_value_counts_when_it_is_called_active() {
        let mut scene = Scene::new(Origin::Inspect);
        scene.says("h1", Life::Active, ends(DAY)).says("h2", Life::Inactive, UNTOLD);
        let slot = scene.slot.clone().unwrap();
        assert_eq!((scene.head(), slot.pending().map(|g| &*g.id), scene.last.news.len()), ("h1", Some("h2"), 0));
        scene.says("h2", Life::Inactive, UNTOLD);
        assert_eq!(scene.generation("h2").doubt, Some(Doubt::NeverActive));
        assert_eq!(scene.slot.as_ref().unwrap().current(at(HOUR)).map(|g| &*g.id), Some("h1"));
        scene.says("h2", Life::Active, ends(9 * DAY));
        assert_eq!((scene.head(), &scene.last.news), ("h2", &vec![News::Rotated { before: "h1".into() }]));
        let slot = scene.slot.clone().unwrap();
        assert_eq!((slot.pending(), slot.older(at(HOUR)).count()), (None, 0), "earlier values are not watched");
        scene.says("h2", Life::Inactive, UNTOLD);
        assert!(scene.slot.as_ref().unwrap().current(at(HOUR)).is_none(), "no earlier value stands in");
    }

    #[test]
    fn rule_1_5_a_value_that_never_was_good_leaves_no_trace() {
        let mut scene = Scene::new(Origin::Inspect);
        scene.says("h1", Life::Active, ends(DAY)).says("h2", Life::Unsaid, UNTOLD).says("h1", Life::Active, ends(DAY));
        assert_eq!((scene.ids(), scene.slot.as_ref().unwrap().turned_back.clone()), (vec!["h1"], None));
        assert_eq!(scene.news, [News::FirstSeen]);
    }

    #[test]
    fn rule_1_5_a_value_turns_back() {
        let mut scene = Scene::new(Origin::Inspect);
        // The dates do not matter: the older value is issued later.
        let first = Record { issued: Some(at(50)), ..record_of(Origin::Inspect, "h1", Life::Active) };
        let second = Record { issued: Some(at(-50)), ..record_of(Origin::Inspect, "h2", Life::Active) };
        scene.hear(&first).hear(&second);
        assert_eq!((scene.head(), &scene.last.news), ("h2", &vec![News::Rotated { before: "h1".into() }]));
        scene.hear(&first);
        assert_eq!((scene.head(), &scene.last.news), ("h1", &vec![News::TurnedBack]));
        assert_eq!(scene.slot.as_ref().unwrap().turned_back.as_deref(), Some("h1"));
        assert!(scene.hear(&first).unchanged());
        scene.hear(&second);
        assert_eq!((scene.head(), scene.last.news.len()), ("h2", 0), "put right, not rotated");
        assert_eq!(scene.slot.as_ref().unwrap().turned_back, None);
        scene.hear(&first).says("h3", Life::Active, UNTOLD);
        assert_eq!(scene.last.news, [News::Rotated { before: "h1".into() }]);
        assert_eq!(scene.slot.as_ref().unwrap().turned_back, None);
    }

    #[test]
    fn a_poll_that_read_no_value_ages_what_is_known() {
        let mut scene = Scene::new(Origin::OwnLogin);
        scene.says("", Life::Unsaid, UNTOLD);
        assert_eq!((scene.ids().len(), &scene.news), (0, &vec![News::FirstSeen]), "the slot always exists");
        scene.says("h1", Life::Active, ends(DAY)).says("", Life::Unsaid, UNTOLD);
        assert_eq!((scene.ids(), scene.generation("h1").unread_since), (vec!["h1"], Some(at(120))));
    }

    #[test]
    fn old_generations_are_forgotten_oldest_first_but_never_a_usable_one() {
        let mut scene = Scene::new(Origin::Inventory);
        for nth in 0..30 {
            let id = format!("{nth:02}");
            scene.hear(&issued(&id, nth * 60, ends(90 * DAY)));
            if nth % 2 == 0 {
                let dead = Record { life: Life::Revoked, ..issued(&id, nth * 60, ends(90 * DAY)) };
                scene.hear(&dead);
            }
        }
        let slot = scene.slot.clone().unwrap();
        let usable = slot.generations.iter().filter(|g| g.usable(at(HOUR))).count();
        assert_eq!((usable, scene.ids().last()), (15, Some(&"29")));
        let ended: Vec<_> = scene.ids().into_iter().filter(|id| scene.how(id).is_some()).collect();
        assert_eq!(ended.last(), Some(&"28"), "the one before the head stays");
        assert!((1..=6).contains(&ended.len()) && !ended.contains(&"00"), "{ended:?}");
        let mut inspected = Scene::new(Origin::Inspect);
        for nth in 0..30 {
            inspected.says(&format!("h{nth:02}"), Life::Active, UNTOLD);
        }
        assert_eq!((inspected.ids().len(), inspected.ids()[0]), (order::MOST, "h10"));
    }

    fn page(known: Option<&Slot>, records: &[Record]) -> Option<Slot> {
        let mut scene = Scene::new(Origin::Inventory);
        scene.go_to(if known.is_some() { 2 * HOUR } else { HOUR });
        let mut slot = known.cloned();
        for one in records {
            let outcome = record(slot.as_ref(), &scene.key(), "label", one, &scene.terms);
            slot = outcome.slot.clone().or(slot);
        }
        slot
    }

    fn any_record(id: usize, lives: usize) -> impl Strategy<Value = Record> {
        // What was seen good and dies in the very page in which another is found dead is left out: it is told a
        // round later in one of the two orders.
        (-9i64..9, 0..lives, -9i64..20, 0usize..3).prop_map(move |(issued, life, days, name)| Record {
            // Told once and for ever: it is part of the identity (1.4).
            issued: (issued != 0).then(|| at(issued * 600 + id as i64)),
            life: [Life::Active, Life::Unsaid, Life::Active, Life::Revoked, Life::Expired, Life::Inactive][life],
            expires: if days == 0 { Expiry::Never } else { ends(days * DAY) },
            name: ["deploy", "renamed", "third"][name].into(),
            last_used: Some(LastUsed { at: at(0), granularity: 1 }),
            ..record_of(Origin::Inventory, &format!("g{id}"), Life::Active)
        })
    }

    proptest! {
        /// The order of records within a page does not matter.
        #[test]
        fn rule_3_3_order_within_a_page(
            known in proptest::collection::vec(any::<bool>(), 3),
            first in (any_record(0, 1), any_record(1, 1), any_record(2, 1)),
            second in (any_record(0, 2), any_record(1, 2), any_record(2, 2)),
            new in (any_record(3, 6), any_record(4, 6)),
            order in Just((0usize..5).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let first = [first.0, first.1, first.2];
            let mut second = [second.0, second.1, second.2];
            second.iter_mut().zip(&first).for_each(|(later, first)| {
                (later.issued, later.expires) = (first.issued, first.expires);
            });
            let before = first.into_iter().zip(&known).filter(|(_, known)| **known).map(|(record, _)| record);
            let slot = page(None, &before.collect::<Vec<_>>());
            let [a, b, c] = second;
            let records = [a, b, c, new.0, new.1];
            let shuffled: Vec<_> = order.iter().map(|&at| records[at].clone()).collect();
            let (mut one, mut other) = (page(slot.as_ref(), &records), page(slot.as_ref(), &shuffled));
            // When it was read last is no fact, and not written for its own sake.
            [&mut one, &mut other].into_iter().flatten().for_each(|slot| slot.observed = at(0));
            // What is found ended may give its name to the slot until the next round.
            let dead = |r: &Record| r.life == Life::Revoked || r.life == Life::Expired || r.life == Life::Inactive;
            if records.iter().any(|r| dead(r) || r.expires.late().is_some_and(|late| late < at(2 * HOUR))) {
                [&mut one, &mut other].into_iter().flatten().for_each(|slot| slot.name = "".into());
            }
            let (one, other) = (format!("{one:#?}"), format!("{other:#?}"));
            let differ: Vec<_> = one.lines().zip(other.lines()).filter(|(a, b)| a != b).collect();
            prop_assert!(one == other, "{differ:?}");
        }
    }
}
