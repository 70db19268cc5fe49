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

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::domain::finding::TokenState;

    fn labels(tokens: &Tokens) -> Vec<&str> {
        tokens.tokens.iter().map(|row| row.line.token.as_str()).collect()
    }

    #[test]
    fn the_most_urgent_first_in_the_words_of_the_list() {
        let tokens = Tokens::of(&sample::world(), &Filter::default(), Paging::ALL, sample::now());
        let say = |row: &TokenRow| {
            let row = [&row.ends, &row.ends_at, &row.line.token, &row.why, &row.breaks, &row.told];
            row.map(String::as_str).join(" | ").trim_end().to_owned()
        };
        let rows: Vec<_> = tokens.tokens.iter().filter(|row| row.line.collector != "forewarn").map(say).collect();
        insta::assert_snapshot!(rows.join("\n"), @r#"
        revoked 39 min ago |  | keycloak/ci/deploy-bot | was good until 1 Mar 2027 | deploy-prod | 09:01 chat, mail
        25 days ago | Fri 30 Oct 00:00 UTC | aws/ci-deploy | rotation missed (every 90d) | nightly | 06:15 chat
        in 7 days | Tue 1 Dec 00:00 UTC | gitlab/platform/renovate | 14 h before its rotation | deploy-prod | 06:15 chat
        in 97 days | Mon 1 Mar 00:00 UTC | gitlab/shop/label-<b>bot</b> | expires | not said |
        unknown |  | forewarn/aws | its collector cannot read the issuer | not said | 08:46 chat
        never |  | gitlab/platform/old-mirror | never expires | not said | 06:15 chat
        "#);
        assert_eq!((tokens.matching, tokens.watched), (tokens.tokens.len(), tokens.tokens.len()));
        assert_eq!(tokens.need_someone, tokens.tokens.iter().filter(|row| row.needs_someone).count());
        assert_eq!(tokens.tokens[0].line.state, TokenState::Revoked);
    }

    #[test]
    fn pages_together_are_the_whole_list_in_the_order_of_the_rows() {
        let mut stage = sample::Stage::new();
        let expiry = |nth: i64| {
            crate::domain::token::Expiry::At(crate::domain::token::End::hard(
                sample::now() + chrono::TimeDelta::hours((nth * 7919) % 5000 - 200),
            ))
        };
        let records: Vec<_> = (0..500)
            .map(|nth| sample::record("p", &format!("bot-{nth:03}"), "2026-01-01T00:00:00Z", expiry(nth / 2)))
            .collect();
        stage.round("gitlab", records, sample::now());
        let (world, now) = (stage.world, sample::now());
        let of = |offset, limit| Tokens::of(&world, &Filter::default(), Paging { offset, limit }, now);
        let all = of(0, usize::MAX);
        let mut lines = Vec::new();
        world.lines(&mut |line| lines.push(line));
        let expected: Vec<String> = listing::rows(lines, now).into_iter().map(|row| row.token).collect();
        assert_eq!(labels(&all), expected);
        let mut paged: Vec<String> = Vec::new();
        for offset in (0..all.matching + 64).step_by(64) {
            paged.extend(labels(&of(offset, 64)).into_iter().map(str::to_owned));
        }
        assert_eq!(paged, expected);
        assert!(of(all.matching, 10).tokens.is_empty() && of(usize::MAX, usize::MAX).tokens.is_empty());
    }
}
