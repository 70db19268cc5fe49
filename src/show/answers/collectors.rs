//! Collectors as people see them: how fresh, how whole, what fails and in whose words; one of them with its last polls.
//! Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::shapes::{CollectorDetail, CollectorRow, Collectors};
use crate::deliver::message::{why, words};
use crate::domain::At;
use crate::domain::collector::CollectorStatus;
use crate::domain::key::CollectorId;
use crate::domain::poll::Poll;
use crate::domain::token::Token;
use crate::judge::world::World;

/// Watched tokens by collector.
#[derive(Default)]
pub struct Held(BTreeMap<CollectorId, usize>);

impl Held {
    /// Its own login is no token of the issuer's users.
    pub fn count(&mut self, token: &Token<'_>) {
        if token.own_login() {
            return;
        }
        match self.0.get_mut(&token.key.collector) {
            Some(count) => *count += 1,
            None => {
                self.0.insert(token.key.collector.clone(), 1);
            }
        }
    }
    pub fn of(world: &World) -> Self {
        let mut held = Self::default();
        world.watched(&mut |token, _| held.count(token));
        held
    }
}

/// One row a configured collector, by name.
pub fn rows(world: &World, held: &Held, now: At) -> Vec<CollectorRow> {
    world.collectors().map(|status| row(world, &status, held, now)).collect()
}

impl Collectors {
    pub fn of(world: &World, now: At) -> Self {
        Self { now, collectors: rows(world, &Held::of(world), now) }
    }
}

impl CollectorDetail {
    /// `None`: no such collector is configured.
    pub fn of(world: &World, id: &CollectorId, polls: &[Arc<Poll>], now: At) -> Option<Self> {
        let status = world.collectors().find(|status| status.id == *id)?;
        let row = row(world, &status, &Held::of(world), now);
        Some(Self { now, row, polls: polls.iter().map(|poll| poll.as_ref().clone()).collect() })
    }
}

fn row(world: &World, status: &CollectorStatus, held: &Held, now: At) -> CollectorRow {
    let rules = world.rules().collector(&status.id);
    let stale = match (status.stale_after, status.last_success) {
        (Some(limit), Some(at)) => (now - at).num_seconds() >= i64::from(limit),
        _ => false,
    };
    CollectorRow {
        collector: status.id.to_string(),
        issuer: status.issuer.to_string(),
        host: rules.map(|rules| rules.host.to_string()).unwrap_or_default(),
        fresh: status.failing_since.is_none() && status.last_success.is_some() && !stale,
        ages: status.stale_after.is_some(),
        every_seconds: status.every,
        tokens: held.0.get(&status.id).copied().unwrap_or(0),
        last_success: status.last_success,
        last_poll: status.last_walk,
        last_duration_ms: status.last_duration_ms,
        coverage: status.coverage.map(|coverage| coverage.ratio()),
        failure: status.failure.map(|reason| reason.to_string()),
        failing_since: status.failing_since,
        failure_detail: status.failure_detail.as_ref().map(ToString::to_string),
        ratelimit_remaining: status.ratelimit_remaining,
        clock_difference_seconds: status.clock_difference,
        left_out: status.left_out.iter().filter(|(_, n)| **n > 0).map(|(r, n)| (r.to_string(), *n)).collect(),
        dynamic: status.dynamic,
        text: text(status, now),
    }
}

/// `read 4 min ago`; `last read 3 h ago, 503 (sealed)`; `never read, no connection`.
fn text(status: &CollectorStatus, now: At) -> String {
    let failure = status.failure.map(|reason| match &status.failure_detail {
        Some(detail) if !detail.is_empty() => detail.to_string(),
        _ => why::failure(reason).to_owned(),
    });
    match (status.last_success, failure) {
        (Some(at), None) => format!("read {}", words::nearly(at, now)),
        (Some(at), Some(failure)) if status.failing_since.is_some() => {
            format!("last read {}, {failure}", words::nearly(at, now))
        }
        (Some(at), Some(failure)) => format!("read {}, not whole: {failure}", words::nearly(at, now)),
        (None, Some(failure)) => format!("never read, {failure}"),
        (None, None) if status.last_walk.is_some() => "never read".into(),
        (None, None) => "not polled yet".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn each_says_how_fresh_it_is_and_what_fails() {
        let collectors = Collectors::of(&sample::world(), sample::now());
        let say = |row: &CollectorRow| {
            format!("{} {} {} fresh={}: {}", row.collector, row.host, row.tokens, row.fresh, row.text)
        };
        let rows: Vec<_> = collectors.collectors.iter().map(say).collect();
        insta::assert_snapshot!(rows.join("\n"), @r#"
        aws aws.example.com 1 fresh=false: last read 3 h ago, 503 GET /v1/x (sealed)
        gitlab gitlab.example.com 3 fresh=true: read 4 min ago
        keycloak sso.example.com 1 fresh=true: read 39 min ago
        "#);
        assert!(CollectorDetail::of(&sample::world(), &"nobody".into(), &[], sample::now()).is_none());
        assert!(CollectorDetail::of(&sample::world(), &"aws".into(), &[], sample::now()).is_some());
    }
}
