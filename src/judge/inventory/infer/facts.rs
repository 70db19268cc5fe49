//! Facts of one generation, taken from a record (semantics 4.1 to 4.4, 4.6): what is told replaces what was, what is
//! not told stays, and what only jitters is not rewritten.

use chrono::TimeDelta;

use super::Terms;
use crate::domain::At;
use crate::domain::observation::{Life, Origin, Record};
use crate::domain::token::{End, Expiry, ExpiryKind, Generation};

/// Re-anchoring of a relative lifetime within this many seconds is no change (semantics 4.3).
const JITTER: i64 = 5;

/// A generation seen for the first time: nothing concluded yet.
pub fn fresh(record: &Record, terms: &Terms) -> Generation {
    Generation {
        id: record.generation.clone(),
        issued: record.issued,
        first_seen: terms.taken_at,
        starts: record.starts,
        expires: record.expires,
        hard_stop: record.hard_stop,
        period: record.period,
        granted: record.granted,
        renewable: record.renewable,
        renewed: record.renewed,
        moved_later: 0,
        last_used: record.last_used.filter(|_| uses_mean_something(record.origin)),
        good_sight: None,
        ended: None,
        dead_rounds: 0,
        was_usable: false,
        doubt: record.doubt,
        scopes: record.scopes.clone(),
        unread_since: None,
        absent_since: None,
        absent_rounds: 0,
        value: record.value.clone(),
        link: record.link.clone(),
    }
}

/// Our own asking is a use (semantics 4.6).
fn uses_mean_something(origin: Origin) -> bool {
    matches!(origin, Origin::Inventory | Origin::Declared)
}

/// Whether the record tells anything beside that it exists.
pub fn tells(record: &Record) -> bool {
    !matches!(record.expires, Expiry::Unknown(_))
        || record.issued.is_some()
        || record.last_used.is_some()
        || record.hard_stop.is_some()
        || !record.scopes.is_empty()
        || !record.facts.is_empty()
}

/// Takes what the record tells; says whether the expiry moved later.
pub fn take(g: &mut Generation, record: &Record, taken_at: At) -> bool {
    let active = record.life == Life::Active;
    let later = take_expiry(g, record, taken_at);
    g.issued = steady(g.issued, record.issued);
    g.starts = steady(g.starts, record.starts);
    g.hard_stop = steady(g.hard_stop, record.hard_stop);
    g.renewed = steady(g.renewed, record.renewed);
    g.period = record.period.or(g.period);
    g.granted = record.granted.or(g.granted);
    if uses_mean_something(record.origin) {
        g.last_used = record.last_used.or(g.last_used);
    }
    if active {
        g.renewable = record.renewable;
    }
    if active || !record.scopes.is_empty() {
        g.scopes.clone_from(&record.scopes);
    }
    if record.value.is_some() {
        g.value.clone_from(&record.value);
    }
    if record.link.is_some() {
        g.link.clone_from(&record.link);
    }
    later
}

fn steady(known: Option<At>, told: Option<At>) -> Option<At> {
    match (known, told) {
        (Some(known), Some(told)) if near(known, told) => Some(known),
        (known, told) => told.or(known),
    }
}

fn near(a: At, b: At) -> bool {
    (a - b).abs() <= TimeDelta::seconds(JITTER)
}

fn take_expiry(g: &mut Generation, record: &Record, taken_at: At) -> bool {
    // A dead answer may carry the instant of its death as expiry: the remembered end tells whether it came in time.
    let dead = !matches!(record.life, Life::Active | Life::Unsaid);
    match (g.expires, record.expires) {
        (Expiry::At(known), Expiry::At(told)) => take_end(g, known, told, dead),
        (Expiry::At(known), Expiry::Unknown(_)) => {
            // It lives on past the end that was told once: that end is no fact any more.
            if record.life == Life::Active && known.late <= taken_at {
                g.expires = record.expires;
            }
            false
        }
        (Expiry::Never, Expiry::Unknown(_)) => false,
        (Expiry::At(_), Expiry::Never) => {
            g.expires = Expiry::Never;
            !dead
        }
        (Expiry::Never, Expiry::At(_)) if dead => false,
        (_, told) => {
            g.expires = told;
            false
        }
    }
}

fn take_end(g: &mut Generation, known: End, told: End, dead: bool) -> bool {
    let same = if known.date_only() || told.date_only() {
        (known.instant, known.late) == (told.instant, told.late)
    } else {
        near(known.instant, told.instant)
    };
    if same {
        g.expires = Expiry::At(End { kind: told.kind, ..known });
        return false;
    }
    let later = told.instant > known.instant;
    if dead && !later {
        return false;
    }
    g.expires = Expiry::At(told);
    if later && told.kind != ExpiryKind::Sliding {
        g.moved_later = g.moved_later.saturating_add(1);
    }
    later
}

/// "Ended on time" (semantics 3.3): the remembered end had passed at `at`, or was less than the tolerance ahead; of a
/// date without time any instant of that day.
pub fn on_time(g: &Generation, at: At, clock_difference: i64) -> bool {
    let ends = [g.expires.at(), g.hard_stop];
    ends.into_iter().flatten().any(|end| {
        // Issuers that tell no lifetime: what we saw of it is a lower bound.
        let lifetime = g.lifetime().unwrap_or_else(|| (end - g.first_seen).num_seconds()).max(0);
        let tolerance = (lifetime / 60).min(300).max(clock_difference.abs());
        end <= at || (end - at).num_seconds() < tolerance
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{DAY, HOUR, Scene, at, ends, record_of};
    use super::super::{News, Terms};
    use super::*;
    use crate::domain::token::{LastUsed, WhyUnknown};

    const UNTOLD: Expiry = Expiry::Unknown(WhyUnknown::NotTold);

    fn sliding(seconds: i64) -> Expiry {
        Expiry::At(End { kind: ExpiryKind::Sliding, ..End::hard(at(seconds)) })
    }

    fn day(from: i64) -> Expiry {
        Expiry::At(End { instant: at(from), late: at(from + DAY - 1), kind: ExpiryKind::Hard })
    }

    #[test]
    fn rule_4_3_jitter_is_not_written_and_does_not_creep() {
        let mut scene = Scene::new(Origin::Inventory);
        scene.says("1", Life::Active, sliding(HOUR));
        for drift in [1, 3, 5, -5, 4] {
            assert!(scene.says("1", Life::Active, sliding(HOUR + drift)).unchanged(), "{drift}");
        }
        scene.says("1", Life::Active, sliding(HOUR + 6));
        assert_eq!(scene.last.news, [News::Extended]);
        assert_eq!(scene.generation("1").expires, sliding(HOUR + 6));
    }

    #[test]
    fn rule_4_4_twice_later_is_sliding() {
        let mut scene = Scene::new(Origin::Inventory);
        scene.says("1", Life::Active, ends(HOUR)).says("1", Life::Active, ends(2 * HOUR));
        assert_eq!((scene.generation("1").moved_later, scene.generation("1").sliding()), (1, false));
        scene.says("1", Life::Active, ends(90 * 60));
        assert_eq!(scene.last.news, [], "earlier is no extension");
        scene.says("1", Life::Active, ends(3 * HOUR));
        assert!(scene.generation("1").sliding());
    }

    /// What is known × what is told while active → what is known then, and whether that extends it.
    #[test]
    fn rule_4_1_what_is_not_told_stays() {
        let table = [
            (ends(HOUR), UNTOLD, ends(HOUR), false),
            (ends(HOUR), Expiry::Unknown(WhyUnknown::Unreadable), ends(HOUR), false),
            (ends(HOUR), Expiry::Never, Expiry::Never, true),
            (ends(2 * HOUR), ends(HOUR), ends(HOUR), false),
            (Expiry::Never, UNTOLD, Expiry::Never, false),
            (Expiry::Never, ends(HOUR), ends(HOUR), false),
            (UNTOLD, ends(HOUR), ends(HOUR), false),
            (UNTOLD, Expiry::Never, Expiry::Never, false),
            (day(HOUR), day(HOUR + 2), day(HOUR + 2), true),
            (ends(HOUR), sliding(HOUR + 1), sliding(HOUR), false),
        ];
        for (known, told, then, extended) in table {
            let mut scene = Scene::new(Origin::Inventory);
            scene.says("1", Life::Active, known).says("1", Life::Active, told);
            assert_eq!(scene.generation("1").expires, then, "{known:?} + {told:?}");
            assert_eq!(scene.last.news.contains(&News::Extended), extended, "{known:?} + {told:?}");
        }
    }

    #[test]
    fn rule_4_1_a_value_that_outlives_an_end_told_once_has_none() {
        let mut scene = Scene::new(Origin::Inspect);
        scene.says("1", Life::Active, ends(HOUR)).go_to(HOUR + 1).says("1", Life::Active, UNTOLD);
        assert_eq!(scene.generation("1").expires, UNTOLD);
    }

    #[test]
    fn rule_1_5_use_and_scopes_are_facts_not_generations() {
        let mut scene = Scene::new(Origin::Inventory);
        scene.says("1", Life::Active, ends(DAY));
        let used = LastUsed { at: at(30), granularity: 60 };
        let record = Record {
            last_used: Some(used),
            scopes: vec!["api".into()],
            renewed: Some(at(40)),
            expires: ends(DAY),
            ..record_of(Origin::Inventory, "1", Life::Active)
        };
        scene.hear(&record);
        assert!(scene.last.slot.is_some() && scene.last.news.is_empty());
        assert_eq!((scene.ids(), scene.generation("1").last_used), (vec!["1"], Some(used)));
        assert!(scene.hear(&record).unchanged());
    }

    #[test]
    fn rule_4_6_our_own_asking_is_no_use() {
        let mut scene = Scene::new(Origin::Inspect);
        let used = LastUsed { at: at(0), granularity: 1 };
        let record = Record { last_used: Some(used), ..record_of(Origin::Inspect, "h1", Life::Active) };
        scene.hear(&record).hear(&record);
        assert_eq!(scene.generation("h1").last_used, None);
    }

    #[test]
    fn rule_3_3_on_time() {
        let terms = Scene::new(Origin::Inventory).terms;
        // Lifetime, seconds before the end, clock difference → on time.
        let table = [
            (60, 0, 0, true),
            (60, 1, 0, false),
            (3600, 59, 0, true),
            (3600, 60, 0, false),
            (90 * DAY, 299, 0, true),
            (90 * DAY, 300, 0, false),
            (60, 29, 30, true),
            (60, 29, -30, true),
            (60, 30, 30, false),
        ];
        for (lifetime, before, difference, expected) in table {
            let record = Record {
                issued: Some(at(0)),
                expires: ends(lifetime),
                ..record_of(Origin::Inventory, "1", Life::Active)
            };
            let g = fresh(&record, &terms);
            assert_eq!(on_time(&g, at(lifetime - before), difference), expected, "{lifetime} {before} {difference}");
        }
        let dated = fresh(&Record { expires: day(DAY), ..record_of(Origin::Inventory, "1", Life::Active) }, &terms);
        assert!(on_time(&dated, at(DAY + 7 * HOUR), 0), "any instant of that day");
        assert!(!on_time(&dated, at(DAY - HOUR), 0));
        let stopped = fresh(
            &Record {
                hard_stop: Some(at(60)),
                expires: sliding(DAY),
                ..record_of(Origin::Inventory, "1", Life::Active)
            },
            &Terms { taken_at: at(0), ..terms },
        );
        assert!(on_time(&stopped, at(60), 0), "the hard stop is an end too");
    }
}
