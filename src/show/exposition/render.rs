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
    /// Whether a token is one for the sums.
    fn counts(&self, token: &Token<'_>, standing: &Standing) -> bool {
        self.world.shown(&token.key.collector) && !World::silent(token, standing)
    }

    /// Whether one that counts has series of its own. An own login always has: the alert about it is one of health, and
    /// holds whatever `metrics.tokens` says.
    fn shows(&self, token: &Token<'_>, standing: &Standing) -> bool {
        let near = || standing.deadline.is_some_and(|(at, _)| at < self.now + chrono::TimeDelta::days(NARROW_DAYS));
        match self.choice.tokens {
            _ if token.key.kind() == "login" => true,
            Shown::None => false,
            Shown::Findings => !standing.findings.is_empty(),
            Shown::All if self.narrowed => !standing.findings.is_empty() || near(),
            Shown::All => true,
        }
    }

    /// One leaf in every family, and what it adds to the sums: one look at each token.
    pub fn leaf(&self, leaf: LeafId, families: &[&Family]) -> (Vec<String>, Sums) {
        let (mut texts, mut sums) = (vec![String::new(); families.len()], Sums::default());
        let rules = self.world.rules();
        self.world.inventory.leaf(leaf, &mut |token, standing| {
            if !self.counts(token, standing) {
                return;
            }
            sums.add(token, standing, rules);
            if self.shows(token, standing) {
                let labels = Labels::of(token);
                for (family, out) in families.iter().zip(&mut texts) {
                    (family.lines)(out, &labels, token, standing, rules);
                }
            }
        });
        (texts, sums)
    }
}
