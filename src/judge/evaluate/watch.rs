//! The clock of one judgement: every comparison of `now` goes through it and leaves behind when its answer turns.
//! So `next_change` is exact by construction; nothing here knows what is compared, and nobody sees `now` itself.

use std::cell::Cell;

use chrono::TimeDelta;

use crate::domain::At;

/// `now`, and the earliest instant asked for that is still ahead.
pub(super) struct Watch {
    now: At,
    next: Cell<Option<At>>,
}

impl Watch {
    pub fn new(now: At) -> Self {
        Self { now, next: Cell::new(None) }
    }
    /// Whether `now` ≥ `at`; if not, `at` may change the answer.
    pub fn reached(&self, at: At) -> bool {
        if at <= self.now {
            return true;
        }
        if self.next.get().is_none_or(|next| at < next) {
            self.next.set(Some(at));
        }
        false
    }
    pub fn next(&self) -> Option<At> {
        self.next.get()
    }
}

/// Seconds later (or earlier, if negative); the ends of time hold, because issuers tell any year.
pub(super) fn shift(at: At, seconds: i64) -> At {
    let edge = if seconds < 0 { At::MIN_UTC } else { At::MAX_UTC };
    TimeDelta::try_seconds(seconds).and_then(|by| at.checked_add_signed(by)).unwrap_or(edge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_turn_ahead_is_kept() {
        let now = At::UNIX_EPOCH;
        let watch = Watch::new(now);
        assert!(watch.reached(now) && watch.reached(shift(now, -5)));
        assert_eq!(watch.next(), None);
        assert!(!watch.reached(shift(now, 9)) && !watch.reached(shift(now, 3)) && !watch.reached(shift(now, 5)));
        assert_eq!(watch.next(), Some(shift(now, 3)));
    }

    #[test]
    fn time_has_ends() {
        assert_eq!(shift(At::MAX_UTC, 1), At::MAX_UTC);
        assert_eq!(shift(At::MIN_UTC, -1), At::MIN_UTC);
        assert_eq!(shift(At::UNIX_EPOCH, i64::MIN), At::MIN_UTC);
    }
}
