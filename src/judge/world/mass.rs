//! Many endings in one round are held for a second look (semantics 11.3): an issuer that forgets everything for a minute,
//! or answers from the wrong tenant, must not ring for every token. Ends that pass by time alone are never held.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::observed::Touched;
use super::walks::Delta;
use super::{Deciding, Decision, World};
use crate::domain::At;
use crate::domain::key::{CollectorId, TokenKey};
use crate::domain::observation::{Origin, WalkNo, Wish};
use crate::domain::token::Slot;
use crate::judge::inventory::infer::News;

/// A collector whose endings wait for the next round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MassHold {
    pub since: At,
    /// The round that brought them.
    pub walk: WalkNo,
}

/// The round that decides comes at least this much later, seconds.
pub const SECOND_LOOK: i64 = 30;

/// Of so many endings, more than this share (percent) are held.
const MANY: usize = 10;
const SHARE: usize = 20;

/// Expiries that moved earlier by more than this count as endings, days.
const EARLIER: i64 = 1;

/// The round in which endings were concluded.
#[derive(Clone, Copy)]
pub(crate) struct Round<'a> {
    pub collector: &'a CollectorId,
    pub walk: WalkNo,
    /// A confirming look: never the second look of a round.
    pub confirm: bool,
}

impl World {
    /// Collectors whose endings wait for their next round.
    pub fn mass_held(&self) -> impl Iterator<Item = &CollectorId> {
        self.mass.keys()
    }

    /// Our clock is not believed since `now` by it.
    pub fn hold_clock(&mut self, now: At) {
        self.clock_held = Some(now);
    }

    /// Takes endings out of `touched` while they are held; their slots stay as they were.
    pub(crate) fn hold_mass(&self, touched: &mut Touched, round: Round<'_>, delta: &mut Delta, cx: &mut Deciding<'_>) {
        let hit: BTreeSet<TokenKey> = touched
            .slots
            .iter()
            .filter(|(_, (slot, news, _))| self.is_hit(slot, news))
            .map(|(key, _)| key.clone())
            .collect();
        if hit.is_empty() {
            return;
        }
        let before = self.walks.get(round.collector).filter(|walk| walk.walk == round.walk);
        let usable = before.and_then(|walk| walk.usable).unwrap_or_else(|| self.usable(round.collector));
        let earlier = before.map_or(0, |walk| walk.hit);
        delta.add.usable = Some(usable);
        delta.add.hit = hit.len();
        let held = self.mass.get(round.collector);
        if held.is_some_and(|held| decides(held, round, cx.now))
            || !(held.is_some() || is_mass(earlier + hit.len(), usable))
        {
            return;
        }
        touched.slots.retain(|key, _| !hit.contains(key));
        touched.unlisted.retain(|key| !hit.contains(key));
        let hold = held.copied().unwrap_or(MassHold { since: cx.now, walk: round.walk });
        cx.decision.mass = Some((round.collector.clone(), Some(hold)));
        cx.ask(round.collector, Wish::Round { by: hold.since + TimeDelta::seconds(SECOND_LOOK) });
    }

    /// A round that read its issuer has decided: what it says counts, and the hold is over.
    pub(crate) fn release_mass(&self, round: Round<'_>, decision: &mut Decision, now: At) {
        let held = self.mass.get(round.collector);
        if held.is_some_and(|held| decides(held, round, now)) {
            decision.mass = Some((round.collector.clone(), None));
        }
    }

    /// An answer ended a token that was usable, or moved its end earlier.
    fn is_hit(&self, slot: &Slot, news: &[News]) -> bool {
        if matches!(slot.origin, Origin::OwnLogin | Origin::Declared) {
            return false;
        }
        if !self.inventory.standing(&slot.key).is_some_and(|standing| standing.usable) {
            return false;
        }
        if news.iter().any(|piece| matches!(piece, News::Ended { .. })) {
            return true;
        }
        let Some(known) = self.inventory.get(&slot.key) else { return false };
        slot.generations.iter().any(|generation| {
            let was = known.generations.iter().find(|other| other.id == generation.id).and_then(|other| other.end());
            was.zip(generation.end()).is_some_and(|(was, is)| was - is > TimeDelta::days(EARLIER))
        })
    }

    fn usable(&self, collector: &CollectorId) -> usize {
        let mut count = 0;
        self.inventory.each(Some(collector), &mut |token, standing| {
            let counts = standing.usable && token.flow.is_none() && !token.generations.is_empty();
            count += usize::from(counts && !matches!(token.origin, Origin::OwnLogin | Origin::Declared));
        });
        count
    }
}

/// All of at least two, or at least ten and more than a fifth.
fn is_mass(hit: usize, usable: usize) -> bool {
    (usable >= 2 && hit >= usable) || (hit >= MANY && hit * 100 > usable * SHARE)
}

fn decides(held: &MassHold, round: Round<'_>, now: At) -> bool {
    !round.confirm && round.walk > held.walk && now >= held.since + TimeDelta::seconds(SECOND_LOOK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_11_3_what_many_means() {
        // Hit, of so many usable → held.
        let table = [
            (1, 1, false),
            (1, 2, false),
            (2, 2, true),
            (3, 3, true),
            (8, 9, false),
            (9, 9, true),
            (10, 49, true),
            (10, 50, false),
            (11, 50, true),
            (9, 10, false),
            (200, 1000, false),
            (201, 1000, true),
        ];
        for (hit, usable, held) in table {
            assert_eq!(is_mass(hit, usable), held, "{hit} of {usable}");
        }
    }

    #[test]
    fn rule_11_3_the_next_round_decides_thirty_seconds_later() {
        let at = |seconds: i64| At::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
        let held = MassHold { since: at(0), walk: 7 };
        let id = CollectorId::from("vault");
        let round = |walk, confirm| Round { collector: &id, walk, confirm };
        assert!(!decides(&held, round(7, false), at(60)), "its own round does not");
        assert!(!decides(&held, round(8, false), at(29)), "too early");
        assert!(!decides(&held, round(8, true), at(60)), "a look at single ids is no round");
        assert!(decides(&held, round(8, false), at(30)));
    }
}
