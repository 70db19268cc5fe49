//! The list of tokens, most urgent first, one page at a time: all are looked at, only the rows of the page are worded.
//! Pure.

use super::filter::{Filter, needs_someone};
use super::shapes::{TokenRow, Tokens};
use super::{collectors, told};
use crate::domain::At;
use crate::domain::finding::{Severity, Standing};
use crate::domain::key::TokenKey;
use crate::domain::token::Token;
use crate::judge::world::World;
use crate::show::listing::{self, Urgency};

/// Which rows of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    pub offset: usize,
    pub limit: usize,
}

impl Paging {
    /// Rows unless told, and at most, over HTTP.
    pub const USUAL: usize = 100;
    pub const MOST: usize = 1000;
    pub const ALL: Paging = Paging { offset: 0, limit: usize::MAX };
}

/// What is kept of a token that the filter lets through, until it is known which are shown.
struct Ranked {
    urgency: Urgency,
    label: String,
    key: TokenKey,
}

impl Tokens {
    pub fn of(world: &World, filter: &Filter, paging: Paging, now: At) -> Self {
        let asking = filter.within(world);
        let (mut ranked, mut watched, mut need_someone) = (Vec::new(), 0, 0);
        let mut held = collectors::Held::default();
        world.watched(&mut |token, standing| {
            watched += 1;
            need_someone += usize::from(needs_someone(standing));
            held.count(token);
            if asking.fits(token, standing) {
                ranked.push(Ranked::new(token, standing));
            }
        });
        let matching = ranked.len();
        let shown = shown(ranked, paging);
        let rows = shown.iter().filter_map(|ranked| row_of(world, &ranked.key, now));
        let tokens = rows.collect();
        let collectors = collectors::rows(world, &held, now);
        Self { now, watched, need_someone, matching, offset: paging.offset, tokens, collectors }
    }
    /// `3 of 412 tokens need someone`.
    pub fn headline(&self) -> String {
        listing::headline_of(self.need_someone, self.watched)
    }
}

impl Ranked {
    fn new(token: &Token<'_>, standing: &Standing) -> Self {
        Self { urgency: urgency(standing), label: token.label.to_string(), key: token.key.as_ref().clone() }
    }
    fn order(&self) -> (Urgency, &str) {
        (self.urgency, &self.label)
    }
}

fn urgency(standing: &Standing) -> Urgency {
    let critical = standing.findings.iter().any(|(_, severity)| severity == Severity::Critical);
    Urgency::new(standing.state, critical, standing.deadline.map(|(at, _)| at))
}

/// The page, in order; what lies before and behind it is not sorted.
fn shown(mut ranked: Vec<Ranked>, paging: Paging) -> Vec<Ranked> {
    let from = paging.offset.min(ranked.len());
    let to = paging.offset.saturating_add(paging.limit).min(ranked.len());
    if to < ranked.len() {
        ranked.select_nth_unstable_by(to, |a, b| a.order().cmp(&b.order()));
        ranked.truncate(to);
    }
    if from > 0 && from < ranked.len() {
        ranked.select_nth_unstable_by(from, |a, b| a.order().cmp(&b.order()));
    }
    let mut page = ranked.split_off(from);
    page.sort_unstable_by(|a, b| a.order().cmp(&b.order()));
    page
}

fn row_of(world: &World, key: &TokenKey, now: At) -> Option<TokenRow> {
    let (token, standing) = (world.inventory.get(key)?, world.inventory.standing(key)?);
    Some(TokenRow::of(world, &token, &standing, now))
}

impl TokenRow {
    pub fn of(world: &World, token: &Token<'_>, standing: &Standing, now: At) -> Self {
        let line = world.line(token, standing);
        let row = listing::row(&line, now);
        Self {
            needs_someone: row.needs_someone,
            severity: row.severity,
            ends: row.relative,
            ends_at: row.absolute,
            why: row.why,
            breaks: row.breaks,
            told: told::last(world, &token.key, now),
            line,
        }
    }
}
