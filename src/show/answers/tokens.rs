//! The list of tokens, most urgent first, one page at a time: all are looked at, only the rows of the page are worded.
//! Pure.

use chrono::TimeDelta;

use super::filter::{Filter, needs_someone};
use super::shapes::{Said, TokenRow, Tokens};
use super::{collectors, told};
use crate::deliver::message::words;
use crate::domain::At;
use crate::domain::finding::{SafeUntil, Severity, Standing};
use crate::domain::key::{CollectorId, PipelineId, TokenKey};
use crate::domain::reason::HoldReason;
use crate::domain::token::Token;
use crate::judge::world::World;
use crate::show::listing::{self, Urgency};

/// A run this near is named by its hour alone.
const SOON: TimeDelta = TimeDelta::hours(24);

/// Which rows of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    pub offset: usize,
    pub limit: usize,
}

impl Paging {
    /// Rows unless told, and at most, over HTTP.
    pub const USUAL: usize = 100;
    pub const MOST: usize = 10_000;
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
        let held = world.held().into_iter().map(|(reason, since)| waits(world, reason, since, now)).collect();
        Self { now, watched, need_someone, matching, offset: paging.offset, tokens, collectors, held }
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
            breaks: breaks(world, token, standing, now),
            told: told::last(world, &token.key, now),
            line,
        }
    }
}

/// A hold in a sentence.
fn waits(world: &World, reason: HoldReason, since: At, now: At) -> Said {
    let why = match reason {
        HoldReason::Clock => {
            "the clock of this machine jumped; it goes on when an issuer's clock agrees, or after 10 min".to_owned()
        }
        HoldReason::MassChange => {
            let collectors: Vec<_> = world.mass_held().map(CollectorId::as_str).collect();
            format!("many tokens ended in one round of {}; the next round decides", collectors.join(", "))
        }
    };
    let text = format!("judging is held since {}: {why}", words::short(since, now));
    Said { what: reason.to_string(), text, at: Some(since) }
}

/// `deploy-prod 12:00`: the pipelines, and the start of the run within a day that fails without a replacement.
fn breaks(world: &World, token: &Token<'_>, standing: &Standing, now: At) -> String {
    let pipelines = &world.rules().policy(token.policy).pipelines;
    if pipelines.is_empty() {
        return "not said".into();
    }
    let run = match standing.safe_until {
        _ if !standing.usable => world.next_run_of(token, now),
        SafeUntil::At(end) => world.first_run_of(token, end.max(now)),
        _ => None,
    };
    let soon = run.filter(|(_, start)| *start - now <= SOON);
    let named = |pipeline: &PipelineId| match &soon {
        Some((failing, start)) if failing == pipeline => format!("{pipeline} {}", start.format("%H:%M")),
        _ => pipeline.to_string(),
    };
    pipelines.iter().map(named).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::domain::finding::{FindingKind, TokenState};

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
    fn what_breaks_within_a_day_is_named_with_its_run() {
        let runs = |cron: &str| serde_json::json!({ "runs": { "cron": cron, "zone": "UTC" }, "lasts": "1h" });
        let breaks = |cron: &str, label: &str, now: At| {
            let world = sample::world_with(serde_json::json!({ "deploy-prod": runs(cron), "nightly": {} }));
            let all = Tokens::of(&world, &Filter::default(), Paging::ALL, now).tokens;
            all.into_iter().find(|row| row.line.token == label).unwrap().breaks
        };
        let (bot, renovate, now) = ("keycloak/ci/deploy-bot", "gitlab/platform/renovate", sample::now());
        assert_eq!(breaks("0 2,12 * * *", bot, now), "deploy-prod 12:00");
        assert_eq!(breaks("0 12 26 * *", bot, now), "deploy-prod", "no run within a day");
        assert_eq!(breaks("0 2,12 * * *", renovate, now), "deploy-prod", "the runs of the next day find it alive");
        let eve = sample::at("2026-11-30T13:00:00Z");
        assert_eq!(breaks("0 2,12 * * *", renovate, eve), "deploy-prod 02:00", "it ends at midnight");
    }

    #[test]
    fn rule_11_4_a_hold_is_a_line() {
        let mut world = sample::world();
        assert!(Tokens::of(&world, &Filter::default(), Paging::ALL, sample::now()).held.is_empty());
        world.hold_clock(sample::now());
        let held = Tokens::of(&world, &Filter::default(), Paging::ALL, sample::now()).held;
        insta::assert_snapshot!(held[0].text, @"judging is held since Tue 24 Nov 09:40 UTC: the clock of this machine jumped; it goes on when an issuer's clock agrees, or after 10 min");
    }

    #[test]
    fn a_token_without_an_end_says_that_the_date_is_its_rotation() {
        let tokens = Tokens::of(&sample::world(), &Filter::default(), Paging::ALL, sample::now()).tokens;
        let mut line = tokens.into_iter().find(|row| row.line.token == "aws/ci-deploy").unwrap().line;
        line.findings.retain(|finding| finding.finding == FindingKind::NeverExpires);
        assert_eq!(line.findings.len(), 1);
        assert_eq!(listing::row(&line, sample::now()).why, "rotation is due (every 90d), never expires");
        line.deadline = Some(sample::now() + TimeDelta::days(3));
        assert_eq!(listing::row(&line, sample::now()).why, "rotation (every 90d), never expires");
        (line.deadline, line.deadline_reason) = (None, None);
        assert_eq!(listing::row(&line, sample::now()).why, "never expires");
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
