//! Rungs before an instant and their severities (semantics 7).
//! Knows entries and ends; whether a ladder applies at all is decided where it is asked for.

use super::rules::schedule::{MOST_STEPS, Step};
use super::watch::{Watch, shift};
use crate::domain::At;
use crate::domain::finding::{Rung, Severity};

const DAY: i64 = 86_400;
/// The default for long lives, and its three fractions in sixtieths: 1/3, 1/6, 1/15 (semantics 7.2).
const DEFAULT: [i64; 5] = [30 * DAY, 14 * DAY, 7 * DAY, 3 * DAY, DAY];
const FRACTIONS: [u8; 3] = [20, 10, 4];
/// From here on a life is long.
const LONG: i64 = 45 * DAY;

/// Entries, most distant first; without allocation, because most tokens stand on no rung.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ladder {
    entries: [Entry; MOST_STEPS],
    len: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    /// Seconds before the end; small, because a ladder is moved about for every token.
    before: u32,
    sixtieths: u8,
    severity: Severity,
    fraction: bool,
}

/// The rung at an instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reached {
    pub rung: Rung,
    pub severity: Severity,
}

impl Ladder {
    /// The ladder of a life of so many seconds. `written`: steps under `warn`; `scheduled`: a policy gives a schedule.
    pub fn new(written: Option<&[Step]>, lifetime: Option<i64>, scheduled: bool) -> Self {
        let lifetime = lifetime.filter(|&seconds| seconds > 0);
        let mut ladder = match written {
            Some(steps) => Self::written(steps, lifetime),
            None => Self::unwritten(lifetime, scheduled),
        };
        if written.is_some() && ladder.len == 0 {
            ladder = Self::unwritten(lifetime, true);
        }
        ladder.grade(written.is_some());
        ladder
    }
    /// One rung at 1/6 of the period (semantics 7.4).
    pub fn sliding(period: Option<i64>) -> Self {
        let mut ladder = Self::empty();
        if let Some(seconds) = period.filter(|&seconds| seconds > 0) {
            ladder.fraction(seconds, 10);
        }
        ladder.grade(false);
        ladder
    }
    fn empty() -> Self {
        Self {
            entries: [Entry { before: 0, sixtieths: 0, severity: Severity::Info, fraction: false }; MOST_STEPS],
            len: 0,
        }
    }
    fn written(steps: &[Step], lifetime: Option<i64>) -> Self {
        let mut ladder = Self::empty();
        for &step in steps {
            match (step, lifetime) {
                (Step::Before(seconds), _) if lifetime.is_none_or(|all| i64::from(seconds) < all) => {
                    ladder.push(seconds.into(), 0, false);
                }
                (Step::Percent(percent), Some(all)) if percent < 100 => {
                    let share = i64::from(percent) * 60;
                    let sixtieths = if share % 100 == 0 { (share / 100) as u8 } else { 0 };
                    ladder.push(all.saturating_mul(percent.into()) / 100, sixtieths, true);
                }
                _ => {}
            }
        }
        ladder.entries[..ladder.len].sort_by_key(|entry| std::cmp::Reverse(entry.before));
        ladder
    }
    fn unwritten(lifetime: Option<i64>, even_short: bool) -> Self {
        let mut ladder = Self::empty();
        match lifetime {
            Some(seconds) if seconds < DAY && !even_short => {}
            Some(seconds) if seconds < LONG => FRACTIONS.iter().for_each(|&part| ladder.fraction(seconds, part)),
            _ => {
                let most = lifetime.map_or(i64::MAX, |seconds| seconds / 3);
                DEFAULT.iter().filter(|&&before| before <= most).for_each(|&before| ladder.push(before, 0, false));
            }
        }
        ladder
    }
    fn fraction(&mut self, lifetime: i64, sixtieths: u8) {
        self.push(lifetime.saturating_mul(sixtieths.into()) / 60, sixtieths, true);
    }
    fn push(&mut self, before: i64, sixtieths: u8, fraction: bool) {
        let before = u32::try_from(before).unwrap_or(u32::MAX);
        if before > 0 && self.len < MOST_STEPS {
            self.entries[self.len] = Entry { before, sixtieths, severity: Severity::Info, fraction };
            self.len += 1;
        }
    }
    /// Semantics 7.5.
    fn grade(&mut self, written: bool) {
        let mut fractions_after = 0;
        for entry in self.entries[..self.len].iter_mut().rev() {
            entry.severity = match (entry.fraction, i64::from(entry.before), fractions_after) {
                (true, _, 0) => Severity::Critical,
                (true, _, 1) => Severity::Warning,
                (false, before, _) if before <= DAY => Severity::Critical,
                (false, before, _) if before <= 7 * DAY => Severity::Warning,
                _ => Severity::Info,
            };
            if written {
                entry.severity = entry.severity.max(Severity::Warning);
            }
            fractions_after += i32::from(entry.fraction);
        }
    }
    /// The smallest entry reached before `end` (semantics 7.1).
    pub fn reached(&self, end: At, watch: &Watch) -> Option<Reached> {
        let open = self.entries().take_while(|entry| watch.reached(entry.at(end))).last()?;
        Some(Reached { rung: open.rung(end), severity: open.severity })
    }
    /// All of it, most distant first.
    pub fn rungs(&self, end: At) -> Vec<Rung> {
        self.entries().map(|entry| entry.rung(end)).collect()
    }
    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries[..self.len].iter()
    }
}

impl Entry {
    fn at(&self, end: At) -> At {
        shift(end, -i64::from(self.before))
    }
    fn rung(&self, end: At) -> Rung {
        Rung { before: self.before, at: self.at(end), sixtieths: self.sixtieths }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Severity::{Critical, Info, Warning};

    fn steps(ladder: &Ladder) -> Vec<(i64, Severity)> {
        ladder.entries().map(|entry| (entry.before.into(), entry.severity)).collect()
    }
    fn days(list: &[i64]) -> Vec<Step> {
        list.iter().map(|&days| Step::Before((days * DAY) as u32)).collect()
    }

    #[test]
    fn rule_7_2_example_60s() {
        let ladder = Ladder::new(Some(&days(&[30, 7, 1])), Some(60), false);
        assert_eq!(steps(&ladder), [(20, Warning), (10, Warning), (4, Critical)]);
    }

    #[test]
    fn rule_7_2_defaults() {
        let table: &[(Option<i64>, &[i64])] = &[
            (None, &[30 * DAY, 14 * DAY, 7 * DAY, 3 * DAY, DAY]),
            (Some(0), &[30 * DAY, 14 * DAY, 7 * DAY, 3 * DAY, DAY]),
            (Some(365 * DAY), &[30 * DAY, 14 * DAY, 7 * DAY, 3 * DAY, DAY]),
            (Some(90 * DAY), &[30 * DAY, 14 * DAY, 7 * DAY, 3 * DAY, DAY]),
            (Some(89 * DAY), &[14 * DAY, 7 * DAY, 3 * DAY, DAY]),
            (Some(45 * DAY), &[14 * DAY, 7 * DAY, 3 * DAY, DAY]),
            (Some(45 * DAY - 60), &[15 * DAY - 20, (45 * DAY - 60) / 6, 3 * DAY - 4]),
            (Some(DAY), &[8 * 3600, 4 * 3600, 5760]),
            (Some(DAY - 1), &[]),
        ];
        for (lifetime, before) in table {
            let found: Vec<_> = steps(&Ladder::new(None, *lifetime, false)).into_iter().map(|step| step.0).collect();
            assert_eq!(found, *before, "{lifetime:?}");
        }
    }

    #[test]
    fn rule_7_2_a_schedule_gives_short_lives_a_ladder() {
        assert_eq!(steps(&Ladder::new(None, Some(3600), true)), [(1200, Info), (600, Warning), (240, Critical)]);
    }

    #[test]
    fn rule_7_2_entries_as_long_as_the_life_are_dropped() {
        let ladder = Ladder::new(Some(&days(&[1, 30, 7])), Some(7 * DAY), false);
        assert_eq!(steps(&ladder), [(DAY, Critical)]);
        assert_eq!(steps(&Ladder::new(Some(&days(&[30])), None, false)), [(30 * DAY, Warning)]);
    }

    #[test]
    fn rule_7_2_fractions_of_an_unknown_life_give_way_to_the_default() {
        let ladder = Ladder::new(Some(&[Step::Percent(10)]), None, false);
        assert_eq!(steps(&ladder).len(), 5);
        assert_eq!(steps(&ladder)[0], (30 * DAY, Warning));
    }

    #[test]
    fn rule_7_5_severities() {
        let default = Ladder::new(None, None, false);
        assert_eq!(
            steps(&default).iter().map(|step| step.1).collect::<Vec<_>>(),
            [Info, Info, Warning, Warning, Critical]
        );
        let mixed = [Step::Percent(50), Step::Before(86_400), Step::Percent(25), Step::Percent(1)];
        assert_eq!(
            steps(&Ladder::new(Some(&mixed), Some(100 * DAY), false)),
            [(50 * DAY, Warning), (25 * DAY, Warning), (DAY, Critical), (DAY, Critical)]
        );
    }

    #[test]
    fn rule_7_4_sliding_has_one_rung() {
        assert_eq!(steps(&Ladder::sliding(Some(3600))), [(600, Critical)]);
        assert_eq!(steps(&Ladder::sliding(None)), []);
    }

    #[test]
    fn rule_7_1_the_smallest_entry_reached() {
        let ladder = Ladder::new(Some(&days(&[30, 7, 1])), None, false);
        let end = shift(At::UNIX_EPOCH, 100 * DAY);
        let at = |seconds: i64| {
            let watch = Watch::new(shift(end, -seconds));
            (ladder.reached(end, &watch).map(|open| i64::from(open.rung.before)), watch.next())
        };
        assert_eq!(at(30 * DAY + 1), (None, Some(shift(end, -30 * DAY))));
        assert_eq!(at(30 * DAY), (Some(30 * DAY), Some(shift(end, -7 * DAY))));
        assert_eq!(at(2 * DAY), (Some(7 * DAY), Some(shift(end, -DAY))));
        assert_eq!(at(-5), (Some(DAY), None));
        assert_eq!(ladder.rungs(end).len(), 3);
    }
}
