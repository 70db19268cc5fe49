//! The lines and sums of one leaf, and which tokens have series at all.

use super::aggregates::Sums;
use super::families::{Family, Labels};
use super::{Choice, Shown};
use crate::domain::At;
use crate::domain::finding::Standing;
use crate::domain::token::Token;
use crate::judge::inventory::LeafId;
use crate::judge::world::World;

/// What rendering reads.
pub struct RenderCx<'a> {
    pub world: &'a World,
    pub choice: &'a Choice,
    pub narrowed: bool,
    pub now: At,
}

/// Beyond `narrow_above` tokens, a deadline within this many days keeps a token's series.
const NARROW_DAYS: i64 = 90;

impl RenderCx<'_> {
    fn shows(&self, token: &Token<'_>, standing: &Standing) -> bool {
        if !self.world.shown(&token.key.collector) || World::silent(token, standing) {
            return false;
        }
        let near = || standing.deadline.is_some_and(|(at, _)| at < self.now + chrono::TimeDelta::days(NARROW_DAYS));
        match self.choice.tokens {
            Shown::None => false,
            Shown::Findings => !standing.findings.is_empty(),
            Shown::All if self.narrowed => !standing.findings.is_empty() || near(),
            Shown::All => true,
        }
    }

    pub fn leaf(&self, leaf: LeafId, family: &Family, out: &mut String) {
        let rules = self.world.rules();
        self.world.inventory.leaf(leaf, &mut |token, standing| {
            if self.shows(token, standing) {
                (family.lines)(out, &Labels::of(token), token, standing, rules);
            }
        });
    }

    pub fn sums(&self, leaf: LeafId) -> Sums {
        let mut sums = Sums::default();
        let rules = self.world.rules();
        self.world.inventory.leaf(leaf, &mut |token, standing| {
            if self.world.shown(&token.key.collector) && !World::silent(token, standing) {
                sums.add(token, standing, rules);
            }
        });
        sums
    }
}
