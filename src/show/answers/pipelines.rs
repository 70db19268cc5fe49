//! Pipelines: the first state that fits (semantics 12.5), until when they are safe, and the token that decides it. Pure.

use std::collections::BTreeMap;

use super::filter::Filter;
use super::shapes::{PipelineRow, Pipelines};
use crate::deliver::message::words;
use crate::domain::At;
use crate::domain::finding::{FindingKind, SafeUntil, Severity, Standing, TokenState};
use crate::domain::key::PipelineId;
use crate::domain::token::Token;
use crate::judge::evaluate::rules::pipeline::Pipeline;
use crate::judge::world::World;
use crate::judge::world::view::PipelineState;
use crate::show::exposition::aggregates::PipelineSum;

/// A pipeline while its tokens are looked at.
#[derive(Default)]
struct Met {
    sum: PipelineSum,
    /// The token that speaks loudest for each state, in the order of [`PipelineState::ALL`].
    worst: BTreeMap<PipelineState, Witness>,
}

#[derive(Clone)]
struct Witness {
    token: String,
    state: TokenState,
    /// Its end, past or ahead.
    end: Option<At>,
    not_injected: bool,
}

impl Pipelines {
    pub fn of(world: &World, filter: &Filter, now: At) -> Self {
        let asking = filter.within(world);
        let mut met: BTreeMap<PipelineId, Met> = BTreeMap::new();
        world.watched(&mut |token, standing| {
            let policy = world.rules().policy(token.policy);
            if policy.pipelines.is_empty() || !asking.fits(token, standing) {
                return;
            }
            for pipeline in &policy.pipelines {
                met.entry(pipeline.clone()).or_default().add(token, standing);
            }
        });
        let rows = world.rules().pipelines().iter().map(|(id, pipeline)| {
            let next_run = world.next_run(id, now);
            match met.get(id) {
                Some(met) => met.row(pipeline, next_run, now),
                None => Met::default().row(pipeline, next_run, now),
            }
        });
        let mut pipelines: Vec<_> = rows.collect();
        pipelines.sort_by(|a, b| {
            (a.state, a.safe_until.unwrap_or(At::MAX_UTC)).cmp(&(b.state, b.safe_until.unwrap_or(At::MAX_UTC)))
        });
        Self { now, pipelines }
    }
}

/// What one token says of its pipelines, by the same marks as the metric.
fn speaks_for(standing: &Standing) -> PipelineState {
    let mut one = PipelineSum::default();
    one.add(standing);
    one.state()
}

impl Met {
    fn add(&mut self, token: &Token<'_>, standing: &Standing) {
        self.sum.add(standing);
        let end = match standing.safe_until {
            SafeUntil::At(at) => Some(at),
            _ => None,
        };
        let not_injected = standing.findings.get(FindingKind::NotInjected) == Some(Severity::Critical);
        let state = speaks_for(standing);
        let sooner = |known: &Witness| {
            (end.unwrap_or(At::MAX_UTC), token.label.as_ref())
                < (known.end.unwrap_or(At::MAX_UTC), known.token.as_str())
        };
        if self.worst.get(&state).is_none_or(sooner) {
            let witness = Witness { token: token.label.to_string(), state: standing.state, end, not_injected };
            self.worst.insert(state, witness);
        }
    }

    fn row(&self, pipeline: &Pipeline, next_run: Option<At>, now: At) -> PipelineRow {
        let state = self.sum.state();
        let tokens = self.sum.tokens as usize;
        let witness = self.worst.get(&state);
        let mut text = text(state, witness, &self.sum, now);
        if let Some(run) = next_run.filter(|_| matches!(state, PipelineState::Broken | PipelineState::AtRisk)) {
            text += &format!("; next run {}, {}", words::clock(run, now), words::nearly(run, now));
        }
        PipelineRow {
            pipeline: pipeline.id.to_string(),
            state,
            environment: pipeline.environment.clone(),
            url: pipeline.url.clone(),
            tokens,
            safe_until: self.sum.earliest_end,
            never_ends: tokens > 0 && self.sum.never == self.sum.tokens,
            next_run,
            text,
            token: witness.map(|witness| witness.token.clone()),
        }
    }
}

fn text(state: PipelineState, witness: Option<&Witness>, sum: &PipelineSum, now: At) -> String {
    let Some(witness) = witness else { return "not known: no token of it is known".into() };
    let token = &witness.token;
    match state {
        PipelineState::Broken => match witness.state {
            TokenState::Revoked => format!("{token} was revoked"),
            TokenState::Vanished => format!("{token} is gone"),
            TokenState::Expired => match witness.end {
                Some(end) => format!("{token} expired {}", words::nearly(end, now)),
                None => format!("{token} has expired"),
            },
            _ => format!("{token} does not work"),
        },
        PipelineState::AtRisk if witness.not_injected => format!("an older value of {token} is still in use"),
        PipelineState::AtRisk => match witness.end {
            Some(end) => format!("{token} ends {}, before a run that needs it is over", words::short(end, now)),
            None => format!("{token} ends before a run that needs it is over"),
        },
        PipelineState::Unknown => match witness.state {
            TokenState::Unverified => format!("not known: {token} could not be verified"),
            _ => format!("not known: the issuer of {token} tells no end"),
        },
        PipelineState::Safe => match sum.earliest_end {
            Some(end) => format!("safe until {}", until(end, now)),
            None => "safe: its tokens never expire".into(),
        },
    }
}

/// `30 Nov 14:20`, `1 Mar 2027`.
fn until(end: At, now: At) -> String {
    const CLOCK_MATTERS: i64 = 30;
    if (end - now).num_days() < CLOCK_MATTERS { end.format("%-d %b %H:%M").to_string() } else { words::day(end) }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn rule_12_5_the_first_state_that_fits_and_who_decides_it() {
        let pipelines = Pipelines::of(&sample::world(), &Filter::default(), sample::now());
        let say = |row: &PipelineRow| format!("{} {} {}: {}", row.state, row.pipeline, row.tokens, row.text);
        let rows: Vec<_> = pipelines.pipelines.iter().map(say).collect();
        insta::assert_snapshot!(rows.join("\n"), @r#"
        broken deploy-prod 2: keycloak/ci/deploy-bot was revoked
        unknown images 0: not known: no token of it is known
        unknown nightly 1: not known: aws/ci-deploy could not be verified
        "#);
        let narrowed = Filter::words(&["name=renovate"]).unwrap();
        let narrowed = Pipelines::of(&sample::world(), &narrowed, sample::now());
        let deploy = narrowed.pipelines.iter().find(|row| row.pipeline == "deploy-prod").unwrap();
        assert_eq!((deploy.tokens, deploy.state), (1, PipelineState::Safe));
        assert_eq!(deploy.text, "safe until 1 Dec 00:00");
    }
}
