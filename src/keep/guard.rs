//! Whether our clock is to be believed (semantics 11.1, 11.2): pure. It compares the wall with the boot-time clock, with
//! the store's last write at start, and with what issuers say in their `Date`.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;

use crate::domain::At;

/// Wall and boot-time clock may part by so much, between two looks.
const APART: TimeDelta = TimeDelta::minutes(5);
/// At start: so long before, or after, the store's last write.
const BEFORE: TimeDelta = TimeDelta::minutes(5);
const AFTER: TimeDelta = TimeDelta::days(30);
/// An issuer within this agrees; two beyond it disagree.
const AGREES: TimeDelta = TimeDelta::minutes(2);
/// After this long our clock counts, whatever others say.
const PATIENCE: Duration = Duration::from_secs(600);

/// What one look or one word of an issuer leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// As before.
    Same,
    Held,
    Released,
}

/// One a process.
#[derive(Debug)]
pub struct Guard {
    /// Wall and boot-time clock at the last look.
    last: (At, Duration),
    /// Held since, by the boot-time clock.
    held: Option<Duration>,
    /// How far issuers' clocks are ahead of ours, by host; what they said before the last release is forgotten.
    issuers: BTreeMap<String, TimeDelta>,
    /// Our clock counts against their word, until one of them agrees.
    insists: bool,
}

impl Guard {
    /// At start. `last_write`: of the store, if it holds anything.
    pub fn new(wall: At, boot: Duration, last_write: Option<At>) -> Self {
        let strange = last_write.is_some_and(|written| wall < written - BEFORE || wall > written + AFTER);
        Self { last: (wall, boot), held: strange.then_some(boot), issuers: BTreeMap::new(), insists: false }
    }

    pub fn held(&self) -> bool {
        self.held.is_some()
    }

    /// Looks at both clocks.
    pub fn look(&mut self, wall: At, boot: Duration) -> Look {
        let (last_wall, last_boot) = std::mem::replace(&mut self.last, (wall, boot));
        let passed = TimeDelta::from_std(boot.saturating_sub(last_boot)).unwrap_or(TimeDelta::MAX);
        let apart = (wall - last_wall) - passed;
        if apart.abs() > APART {
            // A jump back to where we were ends a hold as well: by the word of an issuer, or by waiting.
            self.issuers.clear();
            self.insists = false;
            return self.hold(boot);
        }
        match self.held {
            Some(since) if boot.saturating_sub(since) >= PATIENCE => {
                self.insists = true;
                self.release()
            }
            _ => Look::Same,
        }
    }

    /// What an issuer says of the time: how far its clock is ahead of ours.
    pub fn heard(&mut self, host: &str, ahead: TimeDelta, boot: Duration) -> Look {
        if ahead.abs() <= AGREES {
            self.issuers.clear();
            self.insists = false;
            return if self.held() { self.release() } else { Look::Same };
        }
        self.issuers.insert(host.to_owned(), ahead);
        // Two that are wrong each in its own way prove nothing about ours.
        let agreed = self.issuers.values().filter(|other| (**other - ahead).abs() <= AGREES).count();
        if self.insists || self.held() || agreed < 2 { Look::Same } else { self.hold(boot) }
    }

    fn hold(&mut self, boot: Duration) -> Look {
        let before = self.held.replace(boot);
        if before.is_some() { Look::Same } else { Look::Held }
    }

    fn release(&mut self) -> Look {
        self.held = None;
        self.issuers.clear();
        Look::Released
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> At {
        At::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }
    fn boot(seconds: u64) -> Duration {
        Duration::from_secs(1_000 + seconds)
    }
    const DAY: i64 = 86_400;

    #[test]
    fn rule_11_1_at_start_the_last_write_is_the_witness() {
        let held = |now: i64| Guard::new(at(now), boot(0), Some(at(0))).held();
        assert_eq!(
            [held(-299), held(-301), held(0), held(30 * DAY), held(30 * DAY + 1)],
            [false, true, false, false, true]
        );
        assert!(!Guard::new(at(0), boot(0), None).held(), "an empty store witnesses nothing");
    }

    #[test]
    fn rule_11_1_wall_and_boot_clock_part() {
        for jump in [301, -301, 40 * DAY, -DAY] {
            let mut guard = Guard::new(at(0), boot(0), None);
            assert_eq!(guard.look(at(30), boot(30)), Look::Same);
            assert_eq!(guard.look(at(60 + jump), boot(60)), Look::Held, "{jump}");
            assert_eq!(guard.look(at(90 + jump), boot(90)), Look::Same, "the jump is told once");
            assert!(guard.held());
        }
        let mut guard = Guard::new(at(0), boot(0), None);
        for step in 1..100 {
            // A clock that is slewed, and one that slept with the machine.
            let wall = at(step * 3_600 + step * 200);
            assert_eq!(guard.look(wall, boot(3_600 * u64::try_from(step).unwrap())), Look::Same);
        }
    }

    #[test]
    fn rule_11_1_two_issuers_say_the_same_other_time() {
        let mut guard = Guard::new(at(0), boot(0), None);
        assert_eq!(guard.heard("a", TimeDelta::hours(1), boot(1)), Look::Same, "one may be wrong");
        assert_eq!(guard.heard("a", TimeDelta::hours(1), boot(2)), Look::Same, "twice the same one");
        assert_eq!(guard.heard("b", TimeDelta::hours(-3), boot(3)), Look::Same, "wrong in another way");
        assert_eq!(guard.heard("c", TimeDelta::minutes(61), boot(4)), Look::Held);
        assert_eq!(guard.heard("d", TimeDelta::seconds(120), boot(5)), Look::Released, "rule 11.2");
    }

    #[test]
    fn rule_11_2_after_ten_minutes_our_clock_counts() {
        let mut guard = Guard::new(at(40 * DAY), boot(0), Some(at(0)));
        for minute in 1..10 {
            assert_eq!(guard.look(at(40 * DAY + minute * 60), boot(60 * u64::try_from(minute).unwrap())), Look::Same);
            guard.heard("a", TimeDelta::days(-40), boot(60));
            guard.heard("b", TimeDelta::days(-40), boot(60));
        }
        assert_eq!(guard.look(at(40 * DAY + 600), boot(600)), Look::Released);
        guard.heard("a", TimeDelta::days(-40), boot(601));
        assert_eq!(guard.heard("b", TimeDelta::days(-40), boot(602)), Look::Same, "it insists");
        assert_eq!(guard.heard("b", TimeDelta::zero(), boot(603)), Look::Same);
        guard.heard("a", TimeDelta::days(-40), boot(604));
        assert_eq!(guard.heard("b", TimeDelta::days(-40), boot(605)), Look::Held, "since one agreed, they count again");
    }

    #[test]
    fn a_second_jump_begins_the_wait_anew() {
        let mut guard = Guard::new(at(0), boot(0), None);
        assert_eq!(guard.look(at(DAY), boot(30)), Look::Held);
        assert_eq!(guard.look(at(500), boot(500)), Look::Same, "back again: still held");
        assert_eq!(guard.look(at(700), boot(700)), Look::Same, "ten minutes from the second");
        assert_eq!(guard.look(at(1_100), boot(1_100)), Look::Released);
    }
}
