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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{DAY, HOUR, Scene, at, ends, record_of};
    use super::*;
    use crate::domain::key::SightId;
    use crate::domain::observation::{Life, Origin, Record};
    use crate::domain::token::{Expiry, WhyUnknown};
    use EndedHow::{Expired, Revoked, Vanished};

    const UNTOLD: Expiry = Expiry::Unknown(WhyUnknown::NotTold);

    fn good(end: i64) -> Scene {
        let mut scene = Scene::new(Origin::Inventory);
        scene.says("1", Life::Active, ends(end));
        scene
    }

    #[test]
    fn rule_3_3_absent_twice() {
        for means in [Revoked, Vanished] {
            for (before, how) in [(HOUR, means), (250, Expired), (0, Expired), (-DAY, Expired)] {
                let mut scene = good(DAY);
                scene.terms.absent = means;
                scene.go_to(DAY - before).misses(&[]);
                assert_eq!((scene.how("1"), scene.last.confirm.clone()), (None, vec!["1".into()]));
                assert_eq!(scene.generation("1").absent_since, Some(at(DAY - before)));
                scene.misses(&[]);
                assert_eq!((scene.how("1"), &scene.last.confirm), (Some(how), &Vec::new()), "{before} s before");
                assert_eq!(scene.generation("1").ended.as_ref().unwrap().word.as_str(), "absent");
                assert!(scene.misses(&[]).unchanged());
            }
        }
    }

    #[test]
    fn rule_3_3_absent_once_and_back() {
        let mut scene = good(DAY);
        scene.misses(&[]).misses(&["1"]).says("1", Life::Active, ends(DAY));
        assert_eq!((scene.generation("1").absent_since, scene.generation("1").absent_rounds), (None, 0));
        scene.misses(&[]);
        assert_eq!(scene.how("1"), None, "not twice in a row");
    }

    #[test]
    fn rule_3_3_an_incomplete_listing_between_is_no_round() {
        let mut scene = good(DAY);
        // 403, 5xx on the listing: nobody calls anything absent.
        scene.misses(&[]).go_to(HOUR).misses(&[]);
        assert_eq!(scene.how("1"), Some(Vanished));
    }

    #[test]
    fn rule_3_3_absent_once_and_confirmed_by_id() {
        let mut scene = good(DAY);
        scene.terms.absent = Revoked;
        scene.misses(&[]).confirms(&["1"]);
        assert_eq!(scene.how("1"), Some(Revoked));
        let mut two = good(DAY);
        let other = Record { issued: Some(at(-50)), ..record_of(Origin::Inventory, "0", Life::Active) };
        two.hear(&other).misses(&[]).confirms(&["1"]);
        assert_eq!((two.how("1"), two.how("0")), (Some(Vanished), None), "nothing was said of the other");
        assert_eq!(two.generation("0").absent_rounds, 1);
    }

    #[test]
    fn rule_3_3_missed_before_its_end_is_no_expiry() {
        let mut scene = good(DAY);
        scene.go_to(DAY - HOUR).misses(&[]).go_to(DAY + HOUR).misses(&[]);
        assert_eq!(scene.how("1"), Some(Vanished));
    }

    #[test]
    fn rule_3_5_absent_under_another_sight_is_out_of_sight() {
        let mut scene = good(DAY);
        scene.terms.sight = SightId(2);
        scene.misses(&[]);
        assert_eq!((scene.last.confirm.len(), scene.generation("1").doubt), (0, None));
        scene.misses(&[]);
        assert_eq!((scene.how("1"), scene.generation("1").doubt), (None, Some(Doubt::OutOfSight)));
        assert!(scene.misses(&[]).unchanged(), "told once, written once");
        assert!(scene.slot.as_ref().unwrap().current(at(HOUR)).is_some(), "facts are kept");
        scene.terms.sight = SightId(1);
        scene.says("1", Life::Active, ends(DAY));
        assert_eq!(scene.generation("1").doubt, None);
    }

    #[test]
    fn rule_1_8_the_old_value_of_a_rotation_goes_without_a_word_about_the_new() {
        let mut scene = good(DAY);
        let next = Record { issued: Some(at(30)), ..record_of(Origin::Inventory, "2", Life::Active) };
        scene.hear(&next).misses(&["2"]).misses(&["2"]);
        assert_eq!((scene.how("1"), scene.how("2"), scene.head()), (Some(Vanished), None, "2"));
    }

    #[test]
    fn rule_3_2_explicit_slots_are_not_judged_by_a_listing() {
        for origin in [Origin::Inspect, Origin::Declared, Origin::OwnLogin] {
            let mut scene = Scene::new(origin);
            scene.says("1", Life::Active, ends(DAY)).misses(&[]);
            assert!(scene.unchanged());
        }
    }

    #[test]
    fn rule_4_7_listed_but_unread_ages() {
        let mut scene = good(DAY);
        scene.misses(&[]);
        let slot = scene.slot.clone().unwrap();
        let outcome = unread(&slot, "1", &scene.terms);
        let g = &outcome.slot.as_ref().unwrap().generations[0];
        assert_eq!((g.unread_since, g.absent_rounds, g.absent_since), (Some(at(120)), 0, None));
        assert!(unread(outcome.slot.as_ref().unwrap(), "1", &scene.terms).slot.is_none());
        assert!(unread(&slot, "9", &scene.terms).slot.is_none());
    }

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Round {
        Usable,
        /// The listing could not be read.
        Failed,
        /// It is listed, and nothing is said about it.
        Listed,
        Inactive,
        Expired,
        Revoked,
        Gone,
    }
    use Round as R;

    const END: i64 = 40 * HOUR;

    /// What a token that ends at `END` is by the history of its rounds (instant, what was said, sight): the table of
    /// 3.3 read backwards, without any memory between rounds but the end concluded last and when.
    fn oracle(rounds: &[(i64, R, i64)], ended: Option<EndedHow>) -> (Option<EndedHow>, Option<Doubt>) {
        let said = |from: R| move |round: &&(i64, R, i64)| round.1 == from;
        let (now, round, sight) = rounds[rounds.len() - 1];
        // Rounds that say something, latest first; a listing that still shows what ended says it is there, no more.
        let told: Vec<_> = rounds.iter().rev().filter(|r| r.1 != R::Failed).collect();
        let good = |r: &(i64, R, i64)| r.1 == R::Usable && r.0 < END;
        let last_good = told.iter().find(|r| good(r));
        let good_here = last_good.is_some_and(|r| r.2 == sight);
        if let Some(how) = ended {
            let verdicts = told.iter().filter(|r| good(r) || !matches!(r.1, R::Usable | R::Listed));
            let recovered = round == R::Usable && verdicts.take_while(|r| good(r)).count() >= 2;
            return (Some(how).filter(|_| !recovered), None);
        }
        let punctual = |at: i64| at >= END - 300;
        let concluded = match round {
            R::Expired => Some(Expired),
            R::Revoked if punctual(now) => Some(Expired),
            R::Revoked => Some(Revoked),
            R::Inactive if good_here => Some(if punctual(now) { Expired } else { Revoked }),
            R::Gone if good_here => {
                let streak: Vec<_> = told.iter().take_while(|r| r.1 == R::Gone).collect();
                let missed = streak.last().map_or(now, |r| r.0);
                (streak.len() >= 2).then_some(if punctual(missed) { Expired } else { Vanished })
            }
            _ => None,
        };
        if concluded.is_some() {
            return (concluded, None);
        }
        let since_good: Vec<_> = told.iter().take_while(|r| !good(r)).collect();
        let doubted = |at: usize| {
            let streak = since_good[at..].iter().take_while(|r| r.1 == R::Gone).count() >= 2;
            let dead = since_good[at..].iter().copied().copied().filter(said(R::Inactive)).count() >= 2;
            (streak && since_good[at].2 != last_good.map_or(0, |r| r.2)) || (dead && since_good[at].1 == R::Inactive)
        };
        let doubt = (0..since_good.len()).any(doubted);
        (None, doubt.then_some(Doubt::OutOfSight))
    }

    fn rounds() -> impl Strategy<Value = Vec<(i64, R, i64)>> {
        let kind = prop_oneof![
            4 => Just(R::Usable), 2 => Just(R::Failed), 2 => Just(R::Listed), 3 => Just(R::Inactive),
            1 => Just(R::Expired), 1 => Just(R::Revoked), 3 => Just(R::Gone),
        ];
        let sight = prop_oneof![6 => Just(1i64), 1 => Just(2i64)];
        proptest::collection::vec((1i64..4 * HOUR, kind, sight), 1..25)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]
        /// Whatever the rounds say in whatever order, the conclusion is the table's.
        #[test]
        fn rule_3_3_against_the_table(rounds in rounds()) {
            let mut scene = Scene::new(Origin::Inventory);
            scene.says("1", Life::Active, ends(END));
            let mut history = vec![(0, R::Usable, 1)];
            let (mut now, mut ended) = (0, None);
            for (pause, round, sight) in rounds {
                now += pause;
                scene.terms.sight = SightId(sight);
                scene.go_to(now);
                match round {
                    R::Usable => scene.says("1", Life::Active, ends(END)),
                    R::Failed => &mut scene,
                    R::Listed => scene.says("1", Life::Unsaid, UNTOLD),
                    R::Inactive => scene.says("1", Life::Inactive, UNTOLD),
                    R::Expired => scene.says("1", Life::Expired, UNTOLD),
                    R::Revoked => scene.says("1", Life::Revoked, UNTOLD),
                    R::Gone => scene.misses(&[]),
                };
                history.push((now, round, sight));
                let (how, doubt) = oracle(&history, ended);
                if scene.how("1").is_some() && ended.is_some() && scene.how("1") != how {
                    // A flag that explains better: only ever from vanished.
                    prop_assert!(matches!(round, R::Expired | R::Revoked) && how == Some(Vanished), "{history:?}");
                } else {
                    prop_assert_eq!((scene.how("1"), scene.generation("1").doubt), (how, doubt), "{:?}", &history);
                }
                ended = scene.how("1");
            }
        }
    }
}
