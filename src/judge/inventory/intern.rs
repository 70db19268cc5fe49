//! Values shared by many slots, kept once and counted, so that what nobody uses any more is let go.
//! A slot holds a number instead. Knows nothing of slots; [`Pools`] lists which values are shared.

use std::hash::{BuildHasher, Hash};

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use crate::domain::finding::{DeadlineReason, TokenState};
use crate::domain::key::{ListingKey, PolicyNo, SightId, TeamId};
use crate::domain::observation::{Doubt, Origin};
use crate::domain::text::Text;
use crate::domain::token::{ExpiryKind, WhyUnknown};

/// Number of a shared value; 0 is "none".
pub type No = u32;

struct Held<T> {
    value: T,
    users: u32,
}

/// Values of one type, each once, with the number of their users.
pub struct Pool<T> {
    held: Vec<Option<Held<T>>>,
    free: Vec<No>,
    index: HashTable<No>,
    hash: RandomState,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { held: Vec::new(), free: Vec::new(), index: HashTable::new(), hash: RandomState::default() }
    }
}

impl<T: Clone + Eq + Hash> Pool<T> {
    /// One user more of this value.
    pub fn hold(&mut self, value: &T) -> No {
        let hash = self.hash.hash_one(value);
        let known = self.index.find(hash, |&no| self.get(no) == Some(value)).copied();
        let no = match known {
            Some(no) => no,
            None => self.add(value.clone(), hash),
        };
        if let Some(held) = &mut self.held[no as usize - 1] {
            held.users += 1;
        }
        no
    }
    /// One user less; the last one lets the value go.
    pub fn release(&mut self, no: No) {
        let Some(held) = self.slot(no) else { return };
        held.users -= 1;
        if held.users > 0 {
            return;
        }
        if let Some(gone) = self.held[no as usize - 1].take() {
            let hash = self.hash.hash_one(&gone.value);
            if let Ok(entry) = self.index.find_entry(hash, |&other| other == no) {
                entry.remove();
            }
            self.free.push(no);
        }
    }
    pub fn get(&self, no: No) -> Option<&T> {
        let at = (no as usize).checked_sub(1)?;
        self.held.get(at)?.as_ref().map(|held| &held.value)
    }
    fn slot(&mut self, no: No) -> Option<&mut Held<T>> {
        let at = (no as usize).checked_sub(1)?;
        self.held.get_mut(at)?.as_mut()
    }
    fn add(&mut self, value: T, hash: u64) -> No {
        let held = Some(Held { value, users: 0 });
        let no = match self.free.pop() {
            Some(no) => {
                self.held[no as usize - 1] = held;
                no
            }
            None => {
                self.held.push(held);
                self.held.len() as No
            }
        };
        let Self { held, index, hash: state, .. } = self;
        index.insert_unique(hash, no, |&no| held[no as usize - 1].as_ref().map_or(0, |h| state.hash_one(&h.value)));
        no
    }
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.index.len()
    }
}

/// What kind of end a generation has, without its instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    At(ExpiryKind),
    Never,
    Unknown(WhyUnknown),
}

/// The facts of a generation that are no instants: few combinations fill a fleet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    pub ending: Ending,
    /// Seconds from the early edge of the end to the late one.
    pub width: u32,
    pub period: Option<u32>,
    pub granted: Option<u32>,
    pub renewable: bool,
    pub moved_later: u8,
    /// Granularity of the last use.
    pub granularity: u32,
    pub good_sight: Option<SightId>,
    pub was_usable: bool,
    pub doubt: Option<Doubt>,
    pub scopes: Vec<Text>,
    /// The keyed hash of the value is its id, as in inspect slots.
    pub value_is_id: bool,
}

/// How a slot is watched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Manner {
    pub origin: Origin,
    pub person: bool,
    pub policy: PolicyNo,
    pub team: Option<TeamId>,
}

/// A standing without its instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Verdict {
    pub findings: u64,
    pub state: TokenState,
    pub never: bool,
    pub reason: Option<DeadlineReason>,
    /// `Some(true)`: safe for ever; `Some(false)`: until an instant; `None`: not known.
    pub safe_for_ever: Option<bool>,
    pub usable: bool,
}

/// Everything that slots share.
#[derive(Default)]
pub struct Pools {
    pub texts: Pool<Text>,
    pub listings: Pool<ListingKey>,
    pub facts: Pool<Vec<(Text, Text)>>,
    pub shapes: Pool<Shape>,
    pub manners: Pool<Manner>,
    pub verdicts: Pool<Verdict>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_lives_as_long_as_its_users() {
        let mut pool = Pool::default();
        let (a, b) = (pool.hold(&Text::new("a")), pool.hold(&Text::new("b")));
        assert_eq!(pool.hold(&Text::new("a")), a);
        assert_ne!(a, b);
        pool.release(a);
        assert_eq!(pool.get(a), Some(&Text::new("a")));
        pool.release(a);
        assert_eq!((pool.get(a), pool.len()), (None, 1));
        let c = pool.hold(&Text::new("c"));
        assert_eq!((c, pool.get(c)), (a, Some(&Text::new("c"))), "its number is used again");
        assert_eq!(pool.get(0), None);
    }
}
