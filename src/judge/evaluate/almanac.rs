//! Memo of cron occurrences per expression and day; pure, droppable at any time.
//! Knows when an expression strikes, not what for.

use std::collections::HashMap;

use super::watch::shift;
use crate::base::time::cron::Cron;
use crate::domain::At;

const DAY: i64 = 86_400;
/// Bounds: a reload leaves old expressions behind, and a day of a hasty one is not worth keeping.
const MOST_EXPRESSIONS: usize = 256;
const MOST_DAYS: usize = 10_000;
const MOST_A_DAY: usize = 64;

/// Droppable memory of occurrences.
#[derive(Debug, Default)]
pub struct Almanac {
    memos: Vec<Memo>,
}

/// Keeps its expression, so that its address stands for it.
#[derive(Debug)]
struct Memo {
    cron: Cron,
    /// By day since 1970: the last occurrence at or before its start, those within it, two after it. `None`: too many.
    days: HashMap<i64, Option<Box<[At]>>>,
}

/// Occurrences around an instant: the last at or before it, and the two after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Around {
    previous: Option<At>,
    next: Option<At>,
    second: Option<At>,
}

impl Almanac {
    /// The occurrence that a rotation at `anchor` leaves due (semantics 5.2): the first P with midpoint(previous(P), P)
    /// at or after it. Occurrences before `since` do not count.
    pub(super) fn due(&mut self, cron: &Cron, anchor: At, since: Option<At>) -> Option<At> {
        let around = self.around(cron, anchor);
        let next = around.next?;
        let serves = |previous: At| (next - anchor) < (anchor - previous);
        let due = if around.previous.is_some_and(serves) { around.second? } else { next };
        match since {
            Some(since) if due < since => self.next_after(cron, shift(since, -1)),
            _ => Some(due),
        }
    }
    /// First occurrence after `at`.
    pub(super) fn next_after(&mut self, cron: &Cron, at: At) -> Option<At> {
        self.around(cron, at).next
    }
    fn around(&mut self, cron: &Cron, at: At) -> Around {
        let days = self.days(cron);
        let day = at.timestamp().div_euclid(DAY);
        if days.len() >= MOST_DAYS && !days.contains_key(&day) {
            days.clear();
        }
        match days.entry(day).or_insert_with(|| one_day(cron, day)) {
            Some(list) => {
                let after = list.partition_point(|&occurrence| occurrence <= at);
                Around {
                    previous: after.checked_sub(1).map(|nth| list[nth]),
                    next: list.get(after).copied(),
                    second: list.get(after + 1).copied(),
                }
            }
            None => {
                let next = cron.next_after(at);
                Around { previous: cron.previous(at), next, second: next.and_then(|next| cron.next_after(next)) }
            }
        }
    }
    fn days(&mut self, cron: &Cron) -> &mut HashMap<i64, Option<Box<[At]>>> {
        let known = self.memos.iter().position(|memo| memo.cron.same(cron));
        let nth = known.unwrap_or_else(|| {
            if self.memos.len() >= MOST_EXPRESSIONS {
                self.memos.clear();
            }
            self.memos.push(Memo { cron: cron.clone(), days: HashMap::new() });
            self.memos.len() - 1
        });
        &mut self.memos[nth].days
    }
}

fn one_day(cron: &Cron, day: i64) -> Option<Box<[At]>> {
    let start = shift(At::UNIX_EPOCH, day.saturating_mul(DAY));
    let end = shift(start, DAY);
    let mut list: Vec<At> = cron.previous(start).into_iter().collect();
    let mut last = start;
    let mut beyond = 0;
    while beyond < 2 {
        let Some(next) = cron.next_after(last) else { break };
        if list.len() >= MOST_A_DAY {
            return None;
        }
        list.push(next);
        beyond += i32::from(next >= end);
        last = next;
    }
    Some(list.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::zone::Zone;

    fn at(text: &str) -> At {
        text.parse().unwrap()
    }
    fn cron(cron: &str, zone: &str) -> Cron {
        Cron::parse(cron, &Zone::parse(zone).unwrap()).unwrap()
    }

    #[test]
    fn rule_5_2_a_rotation_serves_the_nearer_occurrence() {
        let cron = cron("0 0 1 * *", "UTC");
        let mut almanac = Almanac::default();
        let table = [
            ("2026-11-02T00:00:00Z", "2026-12-01T00:00:00Z"),
            ("2026-11-16T00:00:00Z", "2026-12-01T00:00:00Z"),
            ("2026-11-16T00:00:01Z", "2027-01-01T00:00:00Z"),
            ("2026-11-30T23:59:59Z", "2027-01-01T00:00:00Z"),
            ("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ];
        for (anchor, due) in table {
            assert_eq!(almanac.due(&cron, at(anchor), None), Some(at(due)), "{anchor}");
        }
    }

    #[test]
    fn rule_5_2_occurrences_before_the_schedule_do_not_count() {
        let cron = cron("0 0 1 * *", "UTC");
        let mut almanac = Almanac::default();
        let mut due = |since| almanac.due(&cron, at("2024-01-05T00:00:00Z"), Some(at(since)));
        assert_eq!(due("2026-11-24T09:40:00Z"), Some(at("2026-12-01T00:00:00Z")));
        assert_eq!(due("2026-12-01T00:00:00Z"), Some(at("2026-12-01T00:00:00Z")));
        assert_eq!(due("2024-01-20T00:00:00Z"), Some(at("2024-02-01T00:00:00Z")));
    }

    #[test]
    fn the_memo_agrees_with_the_schedule() {
        let anchors = || (0..400).map(|nth| shift(at("2026-03-20T00:00:00Z"), nth * 9_973));
        for (text, zone) in
            [("0 10 * * MON#1", "Europe/Berlin"), ("*/5 * * * *", "UTC"), ("30 2 * * *", "Europe/Berlin")]
        {
            let cron = cron(text, zone);
            let mut almanac = Almanac::default();
            for anchor in anchors() {
                let next = cron.next_after(anchor);
                let direct = Around {
                    previous: cron.previous(anchor),
                    next,
                    second: next.and_then(|next| cron.next_after(next)),
                };
                assert_eq!(almanac.around(&cron, anchor), direct, "{text} at {anchor}");
            }
        }
    }

    #[test]
    fn another_expression_has_its_own_memory() {
        let mut almanac = Almanac::default();
        let anchor = at("2026-11-02T00:00:00Z");
        for nth in 0..600 {
            let day = nth % 28 + 1;
            let cron = cron(&format!("0 0 {day} * *"), "UTC");
            assert_eq!(
                almanac.due(&cron, anchor, Some(anchor)).map(|due| due.to_string()[8..10].parse()),
                Some(Ok(day))
            );
        }
        assert!(almanac.memos.len() <= MOST_EXPRESSIONS);
    }
}
