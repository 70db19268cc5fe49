//! Who changes next: the minimum of each leaf's column of instants, so that asking is one short scan.
//! Instants are seconds since 1970 in a `u32`; measured against heaps and wheels in the budgets.

use chrono::DateTime;

use crate::domain::At;

/// Due at once: not judged yet, or the rules changed.
pub const AT_ONCE: u32 = 0;
/// Nothing to come.
pub const NEVER: u32 = u32::MAX;

/// An instant as the column keeps it; may be early, never late.
pub fn pack(next: Option<At>) -> u32 {
    match next {
        None => NEVER,
        Some(at) => u32::try_from(at.timestamp().max(1)).unwrap_or(NEVER - 1).min(NEVER - 1),
    }
}

pub fn unpack(due: u32) -> Option<At> {
    match due {
        AT_ONCE | NEVER => None,
        seconds => DateTime::from_timestamp(i64::from(seconds), 0),
    }
}

/// Whether a column's entry is due.
pub fn is_due(due: u32, now: At) -> bool {
    due == AT_ONCE || (due != NEVER && i64::from(due) <= now.timestamp())
}

/// The earliest entry of every leaf, by the leaf's number.
#[derive(Default)]
pub struct Agenda {
    earliest: Vec<u32>,
}

impl Agenda {
    pub fn set(&mut self, leaf: usize, earliest: u32) {
        if self.earliest.len() <= leaf {
            self.earliest.resize(leaf + 1, NEVER);
        }
        self.earliest[leaf] = earliest;
    }
    pub fn of(&self, leaf: usize) -> u32 {
        self.earliest.get(leaf).copied().unwrap_or(NEVER)
    }
    /// `At::MIN_UTC` if something is due at once.
    pub fn next(&self) -> Option<At> {
        match self.earliest.iter().copied().min().unwrap_or(NEVER) {
            NEVER => None,
            AT_ONCE => Some(At::MIN_UTC),
            seconds => DateTime::from_timestamp(i64::from(seconds), 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_may_be_early_and_is_never_late() {
        for seconds in [i64::MIN / 1_000_000, -1, 0, 1, 1_800_000_000, i64::from(u32::MAX), 9_000_000_000] {
            let at = DateTime::from_timestamp(seconds.max(-8_000_000_000), 0).unwrap();
            assert!(is_due(pack(Some(at)), at.max(DateTime::from_timestamp(1, 0).unwrap())), "{at}");
        }
        assert!(!is_due(NEVER, At::MAX_UTC));
        assert!(is_due(AT_ONCE, At::MIN_UTC));
    }
}
