//! What a round says about one generation's life → what is concluded (semantics 3.3, row by row).

use super::step::Step;
use super::{News, Terms, facts, order};
use crate::domain::observation::{Doubt, Life, Origin, Record};
use crate::domain::text::Text;
use crate::domain::token::{Ended, EndedHow, Generation, Slot};

/// Words of ends that were concluded and not told; a flag that is told later explains them better.
const UNSAID: [&str; 2] = ["inactive", "absent"];

/// Takes a record's facts and its verdict into the generation at `at`.
pub fn judge(step: &mut Step<'_>, at: usize, record: &Record, terms: &Terms) {
    let told = facts::tells(record);
    let later = facts::take(&mut step.slot.generations.to_mut()[at], record, terms.taken_at);
    let g = &mut step.slot.generations.to_mut()[at];
    // It stands in the listing, whatever is said about it.
    (g.absent_since, g.absent_rounds) = (None, 0);
    let life = match record.life {
        // What someone typed is good until its date: there is nobody to ask.
        Life::Unsaid if record.origin == Origin::Declared => Life::Active,
        life => life,
    };
    if life != Life::Unsaid || told {
        g.unread_since = None;
        step.slot.observed = terms.taken_at;
    }
    match life {
        Life::Active => active(step, at, record, terms),
        Life::Unsaid => unsaid(&mut step.slot, at, record, terms, told),
        Life::Inactive => inactive(step, at, record, terms),
        Life::Expired | Life::Revoked | Life::Disabled => flagged(step, at, record, terms),
    }
    if later && step.slot.generations[at].ended.is_none() {
        step.extended.push(step.slot.generations[at].id.clone());
    }
}

/// Rows "usable".
fn active(step: &mut Step<'_>, at: usize, record: &Record, terms: &Terms) {
    let explicit = step.slot.explicit();
    let g = &mut step.slot.generations.to_mut()[at];
    let past = order::past(g, terms.taken_at);
    // A listing may hold what ended long ago without a word; about a value that was asked for, active is a verdict.
    if past && !explicit {
        return;
    }
    g.good_sight = Some(terms.sight);
    g.dead_rounds = 0;
    g.doubt = record.doubt;
    g.was_usable |= g.starts.is_none_or(|starts| starts <= terms.taken_at);
    if past {
        return;
    }
    let Some(ended) = &mut g.ended else { return };
    ended.good_rounds = ended.good_rounds.saturating_add(1);
    if ended.good_rounds < 2 {
        step.again = true;
        return;
    }
    g.ended = None;
    step.news.push(News::Returned { generation: g.id.clone() });
}

/// No verdict: facts stay and age.
fn unsaid(slot: &mut Slot, at: usize, record: &Record, terms: &Terms, told: bool) {
    let g = &mut slot.generations.to_mut()[at];
    if record.doubt.is_some() {
        g.doubt = record.doubt;
    } else if !told {
        g.unread_since.get_or_insert(terms.taken_at);
    }
}

/// Rows "`active:false`, 401 for the token itself, `ended` predicate".
fn inactive(step: &mut Step<'_>, at: usize, record: &Record, terms: &Terms) {
    let explicit = step.slot.explicit();
    let g = &mut step.slot.generations.to_mut()[at];
    if let Some(ended) = &mut g.ended {
        ended.good_rounds = 0;
        return;
    }
    let its_date_passed = explicit && g.end().is_some_and(|end| end <= terms.taken_at);
    if g.good_sight == Some(terms.sight) || its_date_passed {
        let on_time = facts::on_time(g, terms.taken_at, terms.clock_difference);
        let how = if on_time { EndedHow::Expired } else { EndedHow::Revoked };
        let word = record.life_word.clone().unwrap_or_else(|| "inactive".into());
        conclude(step, at, how, word, terms);
        return;
    }
    g.dead_rounds = g.dead_rounds.saturating_add(1).min(2);
    if g.dead_rounds < 2 {
        step.again = true;
        return;
    }
    // Good under another sight: it is this sight that never saw it good (3.5), and its dates still count.
    g.doubt = Some(if g.good_sight.is_some() { Doubt::OutOfSight } else { Doubt::NeverActive });
}

/// Rows "issuer's explicit flag".
fn flagged(step: &mut Step<'_>, at: usize, record: &Record, terms: &Terms) {
    let g = &mut step.slot.generations.to_mut()[at];
    let word = record.life_word.clone().unwrap_or_else(|| record.life.as_str().into());
    let judged_at = g.ended.as_ref().map_or(terms.taken_at, |ended| ended.at);
    let on_time = facts::on_time(g, judged_at, terms.clock_difference);
    let expired = record.life == Life::Expired || on_time;
    let how = if expired { EndedHow::Expired } else { EndedHow::Revoked };
    // Time makes an expiry of every early end: a flag must fit the instant of the end to explain it better.
    let fits = record.life != Life::Expired || on_time || g.end().is_none();
    let Some(ended) = &mut g.ended else {
        conclude(step, at, how, word, terms);
        return;
    };
    ended.good_rounds = 0;
    if ended.how != how && fits && UNSAID.contains(&ended.word.as_str()) {
        (ended.how, ended.word) = (how, word);
        step.news.push(News::Ended { generation: g.id.clone(), how });
    }
}

/// Writes down an end.
pub fn conclude(step: &mut Step<'_>, at: usize, how: EndedHow, word: Text, terms: &Terms) {
    let seen_good = step.before.map(|before| before.observed);
    let g = &mut step.slot.generations.to_mut()[at];
    let own_date = g.end().filter(|&end| how == EndedHow::Expired && end <= terms.taken_at);
    g.ended = Some(Ended {
        how,
        at: own_date.unwrap_or(terms.taken_at),
        word,
        seen_good: seen_good.filter(|_| g.good_sight.is_some()),
        good_rounds: 0,
        first_sight: false,
    });
    end_of_doubt(g);
    step.news.push(News::Ended { generation: g.id.clone(), how });
}

/// What ended was good once, and is in no doubt any more.
pub fn end_of_doubt(g: &mut Generation) {
    (g.doubt, g.dead_rounds, g.unread_since) = (None, 0, None);
    (g.absent_since, g.absent_rounds) = (None, 0);
    g.was_usable = true;
}

#[cfg(test)]
mod tests {
    use super::super::tests::{DAY, HOUR, Scene, at, ends, record_of};
    use super::*;
    use crate::domain::key::SightId;
    use crate::domain::token::{End, Expiry, ExpiryKind, WhyUnknown};
    use EndedHow::{Expired, Revoked};

    const UNTOLD: Expiry = Expiry::Unknown(WhyUnknown::NotTold);
    const ORIGINS: [Origin; 2] = [Origin::Inventory, Origin::Inspect];

    fn good(origin: Origin, end: i64) -> Scene {
        let mut scene = Scene::new(origin);
        scene.says("1", Life::Active, ends(end));
        scene
    }

    #[test]
    fn rule_3_3_no_answer_is_no_word() {
        for origin in ORIGINS {
            let mut scene = good(origin, DAY);
            let observed = scene.slot.as_ref().unwrap().observed;
            for _ in 0..4 {
                scene.says("1", Life::Unsaid, UNTOLD);
            }
            assert_eq!(scene.how("1"), None);
            assert_eq!(scene.generation("1").unread_since, Some(at(60)), "its facts age");
            assert_eq!(scene.slot.as_ref().unwrap().observed, observed);
            assert_eq!((scene.generation("1").doubt, scene.generation("1").expires), (None, ends(DAY)));
            scene.says("1", Life::Active, ends(DAY));
            assert_eq!(scene.generation("1").unread_since, None);
        }
    }

    #[test]
    fn rule_3_3_flags() {
        // Flag, minutes before the end → conclusion.
        let table = [
            (Life::Expired, 600, Expired),
            (Life::Expired, 0, Expired),
            (Life::Revoked, 600, Revoked),
            (Life::Revoked, 4, Expired),
            (Life::Revoked, -10, Expired),
            (Life::Disabled, 600, Revoked),
            (Life::Disabled, 0, Expired),
        ];
        for (life, minutes, how) in table {
            for (origin, sight) in ORIGINS.into_iter().flat_map(|origin| [(origin, 1), (origin, 2)]) {
                let mut scene = good(origin, DAY);
                scene.terms.sight = SightId(sight);
                scene.go_to(DAY - minutes * 60);
                let record = Record { life_word: Some("blocked".into()), ..record_of(origin, "1", life) };
                scene.hear(&record);
                assert_eq!(scene.how("1"), Some(how), "{life} {minutes}");
                assert_eq!(scene.last.news, [News::Ended { generation: "1".into(), how }]);
                let ended = scene.generation("1").ended.clone().unwrap();
                assert_eq!((ended.word.as_str(), ended.seen_good), ("blocked", Some(at(0))));
                scene.go_to(DAY + HOUR);
                assert!(scene.hear(&record).unchanged(), "time does not make an expiry of it");
            }
        }
    }

    #[test]
    fn rule_3_3_inactive_after_good() {
        for origin in ORIGINS {
            for (before, how) in [(HOUR, Revoked), (200, Expired), (0, Expired), (-HOUR, Expired)] {
                let mut scene = good(origin, DAY);
                scene.go_to(DAY - before).says("1", Life::Inactive, UNTOLD);
                assert_eq!(scene.how("1"), Some(how), "at once, {before} s before its end");
                let ended = scene.generation("1").ended.clone().unwrap();
                let date = if how == Expired && before <= 0 { at(DAY) } else { at(DAY - before) };
                assert_eq!((ended.word.as_str(), ended.at, ended.first_sight), ("inactive", date, false));
                assert!(scene.says("1", Life::Inactive, UNTOLD).unchanged());
            }
        }
    }

    #[test]
    fn rule_3_3_the_end_that_a_dead_answer_tells_does_not_make_it_punctual() {
        let mut scene = good(Origin::Inspect, DAY);
        scene.go_to(HOUR).says("1", Life::Revoked, ends(HOUR));
        assert_eq!((scene.how("1"), scene.generation("1").expires), (Some(Revoked), ends(DAY)));
        let mut renewed = good(Origin::Inspect, HOUR);
        renewed.go_to(HOUR + 60).says("1", Life::Revoked, ends(DAY));
        assert_eq!(renewed.how("1"), Some(Revoked), "renewed unseen, then revoked");
    }

    #[test]
    fn rule_3_3_inactive_never_good() {
        let mut scene = Scene::new(Origin::Inspect);
        scene.says("1", Life::Inactive, UNTOLD);
        assert_eq!((scene.generation("1").doubt, scene.last.again), (None, true));
        scene.says("1", Life::Inactive, UNTOLD);
        assert_eq!(scene.generation("1").doubt, Some(Doubt::NeverActive));
        assert_eq!((scene.how("1"), scene.news.clone()), (None, vec![News::FirstSeen]));
        assert!(scene.says("1", Life::Inactive, UNTOLD).unchanged());
        scene.says("1", Life::Active, ends(DAY));
        assert_eq!((scene.generation("1").doubt, scene.generation("1").dead_rounds), (None, 0));
        scene.says("1", Life::Inactive, UNTOLD);
        assert_eq!(scene.how("1"), Some(Revoked));
    }

    #[test]
    fn rule_3_1_inactive_under_another_sight() {
        for origin in ORIGINS {
            let mut scene = good(origin, DAY);
            scene.terms.sight = SightId(2);
            scene.says("1", Life::Inactive, UNTOLD);
            assert_eq!((scene.generation("1").doubt, scene.generation("1").good_sight), (None, Some(SightId(1))));
            scene.says("1", Life::Inactive, UNTOLD);
            assert_eq!((scene.how("1"), scene.generation("1").doubt), (None, Some(Doubt::OutOfSight)));
            assert!(scene.slot.as_ref().unwrap().current(at(HOUR)).is_some(), "rule 3.5: its dates still count");
            scene.says("1", Life::Active, ends(DAY));
            assert_eq!((scene.generation("1").doubt, scene.generation("1").good_sight), (None, Some(SightId(2))));
            scene.says("1", Life::Inactive, UNTOLD);
            assert_eq!(scene.how("1"), Some(Revoked));
        }
    }

    #[test]
    fn rule_3_3_recovered_after_two_good_rounds_in_a_row() {
        for origin in ORIGINS {
            let mut scene = good(origin, DAY);
            scene.says("1", Life::Inactive, UNTOLD).says("1", Life::Active, ends(DAY));
            assert_eq!((scene.how("1"), scene.last.again), (Some(Revoked), true));
            scene.says("1", Life::Inactive, UNTOLD).says("1", Life::Active, ends(DAY));
            assert_eq!(scene.how("1"), Some(Revoked), "not in a row");
            scene.says("1", Life::Active, ends(DAY));
            assert_eq!((scene.how("1"), &scene.last.news), (None, &vec![News::Returned { generation: "1".into() }]));
            assert!(scene.says("1", Life::Active, ends(DAY)).unchanged());
        }
    }

    #[test]
    fn rule_3_3_listed_past_its_end_is_not_good() {
        let mut scene = good(Origin::Inventory, HOUR);
        scene.go_to(HOUR + 60).says("1", Life::Expired, UNTOLD);
        scene.says("1", Life::Active, ends(HOUR)).says("1", Life::Active, ends(HOUR)).says(
            "1",
            Life::Active,
            ends(HOUR),
        );
        assert_eq!(scene.how("1"), Some(Expired));
    }

    #[test]
    fn rule_3_3_a_flag_explains_better_than_an_absence() {
        let mut scene = good(Origin::Inventory, DAY);
        scene.misses(&[]).misses(&[]);
        assert_eq!(scene.how("1"), Some(EndedHow::Vanished));
        scene.says("1", Life::Revoked, ends(DAY));
        assert_eq!(scene.how("1"), Some(Revoked));
        scene.go_to(2 * DAY).says("1", Life::Expired, ends(DAY));
        assert_eq!(scene.how("1"), Some(Revoked), "it ended a day before its date");
    }

    #[test]
    fn rule_4_2_active_on_its_last_day() {
        let day = Expiry::At(End { instant: at(DAY), late: at(2 * DAY - 1), kind: ExpiryKind::Hard });
        let mut scene = Scene::new(Origin::Inventory);
        scene.says("1", Life::Active, day).go_to(DAY + HOUR).says("1", Life::Active, day);
        assert!(scene.slot.as_ref().unwrap().current(at(DAY + HOUR)).is_some());
        scene.says("1", Life::Inactive, UNTOLD);
        assert_eq!(scene.how("1"), Some(Expired));
    }

    #[test]
    fn rule_3_4_use_limited_is_a_doubt_and_no_word() {
        for doubt in [Doubt::UseLimited, Doubt::Unreadable] {
            let mut scene = Scene::new(Origin::Inspect);
            let record = Record { doubt: Some(doubt), ..record_of(Origin::Inspect, "1", Life::Unsaid) };
            scene.hear(&record);
            assert_eq!((scene.generation("1").doubt, scene.how("1")), (Some(doubt), None));
            assert!(scene.hear(&record).unchanged());
            scene.says("1", Life::Active, ends(DAY));
            assert_eq!(scene.generation("1").doubt, None);
        }
    }

    #[test]
    fn declared_dates_are_good_until_they_pass() {
        let mut scene = Scene::new(Origin::Declared);
        scene.says("2030", Life::Unsaid, ends(DAY));
        assert!(scene.generation("2030").was_usable);
        scene.says("2031", Life::Unsaid, ends(9 * DAY));
        assert_eq!(scene.last.news, [News::Rotated { before: "2030".into() }]);
        assert!(scene.says("2031", Life::Unsaid, ends(9 * DAY)).unchanged());
    }
}
