//! What a poller remembers between walks: values that are not asked each round, and the last sight and coverage.
//!
//! Values are known by keyed hash, so a new value in the same file is asked at once. Lost at a restart: a dead value is
//! then asked a few times more.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;

use crate::collect::issuer::read::Asks;
use crate::domain::At;
use crate::domain::key::{GenerationId, SightId};
use crate::domain::observation::Coverage;
use crate::domain::text::Text;

/// Rounds in which a dead value is still asked: conclusions need two (semantics 3.3), a hold one more (11.3).
const LOOKS: u8 = 3;

/// Shared by the walks of one poller, which never run side by side.
#[derive(Default)]
pub struct Memory(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    looks: HashMap<GenerationId, Look>,
    sight: Option<SightId>,
    last: Option<(Coverage, Option<Text>)>,
    login_told: bool,
}

enum Look {
    Never,
    Dead { looks: u8, next: At },
}

impl Memory {
    /// Whether this value is asked in a round at `now` (semantics 3.4).
    pub fn asks(&self, value: &GenerationId, now: At) -> bool {
        match self.lock().looks.get(value) {
            None => true,
            Some(Look::Never) => false,
            Some(Look::Dead { looks, next }) => *looks < LOOKS || *next <= now,
        }
    }
    /// Takes in what the answer about a value said.
    pub fn answered(&self, value: &GenerationId, asks: Asks, now: At) {
        let mut inner = self.lock();
        let look = match asks {
            Asks::EachRound => {
                inner.looks.remove(value);
                return;
            }
            Asks::Never => Look::Never,
            Asks::Hourly => {
                let before = match inner.looks.get(value) {
                    Some(Look::Dead { looks, .. }) => *looks,
                    _ => 0,
                };
                Look::Dead { looks: before.saturating_add(1), next: now + TimeDelta::hours(1) }
            }
        };
        inner.looks.insert(value.clone(), look);
    }
    /// Forgets values that no place holds any more.
    pub fn keep(&self, values: &[GenerationId]) {
        self.lock().looks.retain(|value, _| values.contains(value));
    }
    pub fn sight(&self) -> Option<SightId> {
        self.lock().sight
    }
    pub fn see(&self, sight: SightId) {
        self.lock().sight = Some(sight);
    }
    /// How the last round that asked anything ended.
    pub fn last(&self) -> Option<(Coverage, Option<Text>)> {
        self.lock().last.clone()
    }
    pub fn ended(&self, coverage: Coverage, detail: Option<Text>) {
        self.lock().last = Some((coverage, detail));
    }
    /// Whether the issuer ever told about the own login; `now`: it did in this round.
    pub fn login_told(&self, now: bool) -> bool {
        let mut inner = self.lock();
        inner.login_told |= now;
        inner.login_told
    }
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn at(seconds: i64) -> At {
        DateTime::from_timestamp(1_795_513_200 + seconds, 0).unwrap()
    }

    #[test]
    fn rule_3_4_a_dead_value_is_asked_hourly_and_a_new_one_at_once() {
        let memory = Memory::default();
        let (dead, new): (GenerationId, GenerationId) = ("k:1".into(), "k:2".into());
        for round in 0..3 {
            assert!(memory.asks(&dead, at(round * 60)), "round {round}");
            memory.answered(&dead, Asks::Hourly, at(round * 60));
        }
        assert!(!memory.asks(&dead, at(180)));
        assert!(memory.asks(&new, at(180)));
        assert!(memory.asks(&dead, at(120 + 3600)));
        memory.answered(&dead, Asks::Hourly, at(120 + 3600));
        assert!(!memory.asks(&dead, at(120 + 3660)));
        memory.answered(&dead, Asks::EachRound, at(120 + 7200));
        assert!(memory.asks(&dead, at(120 + 7201)));
    }

    #[test]
    fn rule_3_4_a_use_limited_value_is_never_asked_again() {
        let memory = Memory::default();
        let value: GenerationId = "k:1".into();
        memory.answered(&value, Asks::Never, at(0));
        assert!(!memory.asks(&value, at(1_000_000)));
        memory.keep(&["k:2".into()]);
        assert!(memory.asks(&value, at(1_000_000)));
    }
}
