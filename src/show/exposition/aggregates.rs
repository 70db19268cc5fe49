//! The small families: counts by state and finding, pipelines, collectors, deliveries. Sums are kept per leaf, so that a
//! change costs one leaf and a scrape a few hundred lines.

use std::collections::BTreeMap;

use super::families::{escaped, header, line};
use crate::domain::At;
use crate::domain::collector::{ChannelHealth, CollectorStatus};
use crate::domain::delivery::DeliveryState;
use crate::domain::finding::{FindingKind, SafeUntil, Severity, Standing, TokenState};
use crate::domain::key::{ChannelId, CollectorId, PipelineId};
use crate::domain::reason::{HoldReason, LeftOut};
use crate::domain::token::Token;
use crate::judge::evaluate::rules::Rules;
use crate::judge::world::view::PipelineState;

/// What one leaf adds to the sums.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    pub states: BTreeMap<(CollectorId, TokenState), u32>,
    pub findings: BTreeMap<(String, FindingKind, Severity), u32>,
    pub pipelines: BTreeMap<PipelineId, PipelineSum>,
}

/// A pipeline as its tokens make it (semantics 12.5).
#[derive(Clone, Debug, Default)]
pub struct PipelineSum {
    pub tokens: u32,
    pub earliest_end: Option<At>,
    pub never: u32,
    pub broken: u32,
    pub at_risk: u32,
    pub unsure: u32,
}

impl Sums {
    pub fn add(&mut self, token: &Token<'_>, standing: &Standing, rules: &Rules) {
        *self.states.entry((token.key.collector.clone(), standing.state)).or_default() += 1;
        let team = token.team.as_ref().map_or("", |team| team.as_str());
        for (finding, severity) in standing.findings.iter() {
            *self.findings.entry((team.to_owned(), finding, severity)).or_default() += 1;
        }
        for pipeline in &rules.policy(token.policy).pipelines {
            self.pipelines.entry(pipeline.clone()).or_default().add(standing);
        }
    }

    pub fn join(&mut self, other: &Sums) {
        join(&mut self.states, &other.states, |sum, count| *sum += count);
        join(&mut self.findings, &other.findings, |sum, count| *sum += count);
        join(&mut self.pipelines, &other.pipelines, PipelineSum::join);
    }
}

/// Keys are few and come again with every leaf: only a new one is copied.
fn join<K: Ord + Clone, V: Default>(all: &mut BTreeMap<K, V>, other: &BTreeMap<K, V>, add: impl Fn(&mut V, &V)) {
    for (key, value) in other {
        match all.get_mut(key) {
            Some(sum) => add(sum, value),
            None => add(all.entry(key.clone()).or_default(), value),
        }
    }
}

impl PipelineSum {
    pub fn add(&mut self, standing: &Standing) {
        self.tokens += 1;
        match standing.safe_until {
            SafeUntil::At(at) => self.earliest_end = Some(self.earliest_end.map_or(at, |known| known.min(at))),
            SafeUntil::Never => self.never += 1,
            SafeUntil::Unknown => self.unsure += 1,
        }
        let critical_copy = standing.findings.get(FindingKind::NotInjected) == Some(Severity::Critical);
        let breaks = standing.findings.get(FindingKind::BreaksDeploy).is_some();
        self.broken += u32::from(!standing.usable);
        self.at_risk += u32::from(critical_copy || breaks);
        self.unsure += u32::from(standing.state == TokenState::Unverified);
    }

    fn join(&mut self, other: &PipelineSum) {
        self.tokens += other.tokens;
        self.earliest_end = [self.earliest_end, other.earliest_end].into_iter().flatten().min();
        self.never += other.never;
        self.broken += other.broken;
        self.at_risk += other.at_risk;
        self.unsure += other.unsure;
    }

    pub fn state(&self) -> PipelineState {
        if self.broken > 0 {
            PipelineState::Broken
        } else if self.at_risk > 0 {
            PipelineState::AtRisk
        } else if self.tokens == 0 || self.unsure > 0 {
            PipelineState::Unknown
        } else {
            PipelineState::Safe
        }
    }
}

/// Deliveries that are not done, as the store last told.
#[derive(Clone, Debug, Default)]
pub struct Undone {
    pub states: BTreeMap<(ChannelId, DeliveryState), u32>,
    pub oldest_due: BTreeMap<ChannelId, At>,
}

/// The families that follow from tokens.
pub fn render_sums(out: &mut String, sums: &Sums, rules: &Rules, dynamic: &BTreeMap<CollectorId, u32>) {
    header(out, "forewarn_tokens", "gauge", "Number of watched tokens by state.");
    for collector in rules.collectors() {
        for &state in TokenState::ALL {
            let extra = if state == TokenState::Dynamic { dynamic.get(&collector.id).copied().unwrap_or(0) } else { 0 };
            let count = sums.states.get(&(collector.id.clone(), state)).copied().unwrap_or(0) + extra;
            let labels = format!("collector=\"{}\",state=\"{state}\"", escaped(collector.id.as_str()));
            line(out, "forewarn_tokens", &labels, &count.to_string());
        }
    }
    render_findings(out, sums);
    render_pipelines(out, sums, rules);
}

fn render_findings(out: &mut String, sums: &Sums) {
    header(out, "forewarn_findings", "gauge", "Number of open findings by team, finding and severity.");
    for &finding in FindingKind::ALL {
        for &severity in Severity::ALL {
            let count = sums.findings.get(&(String::new(), finding, severity)).copied().unwrap_or(0);
            let labels = format!("team=\"\",finding=\"{finding}\",severity=\"{severity}\"");
            line(out, "forewarn_findings", &labels, &count.to_string());
        }
    }
    for ((team, finding, severity), count) in sums.findings.iter().filter(|((team, ..), _)| !team.is_empty()) {
        let labels = format!("team=\"{}\",finding=\"{finding}\",severity=\"{severity}\"", escaped(team));
        line(out, "forewarn_findings", &labels, &count.to_string());
    }
}

fn render_pipelines(out: &mut String, sums: &Sums, rules: &Rules) {
    let none = PipelineSum::default();
    let all: Vec<(String, &PipelineSum)> = rules
        .pipelines()
        .keys()
        .map(|id| (format!("pipeline=\"{}\"", escaped(id.as_str())), sums.pipelines.get(id).unwrap_or(&none)))
        .collect();
    if all.is_empty() {
        return;
    }
    let name = "forewarn_pipeline_safe_until_timestamp_seconds";
    if all.iter().any(|(_, sum)| safe_until(sum).is_some()) {
        header(out, name, "gauge", "Earliest end among the tokens of the pipeline, past if one has ended.");
    }
    for (labels, sum) in &all {
        if let Some(value) = safe_until(sum) {
            line(out, name, labels, &value);
        }
    }
    header(out, "forewarn_pipeline_state", "gauge", "State of the pipeline: 1 for the one that holds.");
    for (labels, sum) in &all {
        for &state in PipelineState::ALL {
            let holds = if sum.state() == state { "1" } else { "0" };
            line(out, "forewarn_pipeline_state", &format!("{labels},state=\"{state}\""), holds);
        }
    }
    header(out, "forewarn_pipeline_tokens", "gauge", "Number of tokens that the pipeline uses.");
    for (labels, sum) in &all {
        line(out, "forewarn_pipeline_tokens", labels, &sum.tokens.to_string());
    }
}

/// Of pipelines with a cron; as of the scrape, because it moves with time alone.
pub fn render_next_runs(out: &mut String, rules: &Rules, now: At) {
    let name = "forewarn_pipeline_next_run_timestamp_seconds";
    let next = |id: &PipelineId| Some((id.clone(), rules.next_run(id, now)?));
    let runs: Vec<_> = rules.pipelines().keys().filter_map(next).collect();
    if !runs.is_empty() {
        header(out, name, "gauge", "Start of the next scheduled run of the pipeline.");
    }
    for (id, at) in runs {
        line(out, name, &format!("pipeline=\"{}\"", escaped(id.as_str())), &at.timestamp().to_string());
    }
}

fn safe_until(sum: &PipelineSum) -> Option<String> {
    match sum.earliest_end {
        Some(at) => Some(at.timestamp().to_string()),
        None if sum.tokens > 0 && sum.never == sum.tokens => Some("+Inf".into()),
        None => None,
    }
}

/// The families of collectors.
pub fn render_collectors(out: &mut String, collectors: &[CollectorStatus], held: &dyn Fn(&CollectorId) -> usize) {
    let mut gauge = |name: &str, help: &str, value: &dyn Fn(&CollectorStatus) -> Option<String>| {
        let rows: Vec<_> = collectors.iter().filter_map(|status| value(status).map(|value| (status, value))).collect();
        if rows.is_empty() {
            return;
        }
        header(out, name, "gauge", help);
        for (status, value) in rows {
            line(out, name, &format!("collector=\"{}\"", escaped(status.id.as_str())), &value);
        }
    };
    gauge("forewarn_collector_up", "Whether the last poll of the collector could read its issuer.", &|status| {
        let up = status.last_success.is_some() && status.last_success == status.last_walk;
        Some(u8::from(up).to_string())
    });
    gauge("forewarn_collector_interval_seconds", "Configured time between polls.", &|status| {
        Some(status.every.to_string())
    });
    gauge(
        "forewarn_collector_last_success_timestamp_seconds",
        "End of the last poll that read the issuer, whole or in part.",
        &|status| status.last_success.map(|at| at.timestamp().to_string()),
    );
    gauge("forewarn_collector_last_duration_seconds", "How long the last poll took.", &|status| {
        status.last_duration_ms.map(|ms| (f64::from(ms) / 1000.0).to_string())
    });
    gauge("forewarn_collector_tokens", "Number of tokens the collector holds.", &|status| {
        status.last_success.map(|_| held(&status.id).to_string())
    });
    gauge(
        "forewarn_collector_coverage_ratio",
        "Share of the configured inventory that the last poll could read, 0 to 1.",
        &|status| status.last_success.and(status.coverage).map(|coverage| coverage.ratio().to_string()),
    );
    gauge(
        "forewarn_collector_clock_difference_seconds",
        "How far the clock of the issuer is ahead of ours.",
        &|status| status.clock_difference.map(|seconds| seconds.to_string()),
    );
    gauge("forewarn_collector_ratelimit_remaining", "Requests left in the issuer's present window.", &|status| {
        status.ratelimit_remaining.map(|left| left.to_string())
    });
    render_collector_lists(out, collectors);
}

fn render_collector_lists(out: &mut String, collectors: &[CollectorStatus]) {
    if collectors.is_empty() {
        return;
    }
    header(out, "forewarn_collector_info", "gauge", "One per configured collector; always 1.");
    for status in collectors {
        let id = escaped(status.id.as_str());
        let labels = format!("collector=\"{id}\",issuer=\"{}\"", escaped(status.issuer.as_str()));
        line(out, "forewarn_collector_info", &labels, "1");
    }
    header(out, "forewarn_collector_left_out", "gauge", "Records of the last poll that are not watched, by reason.");
    for status in collectors {
        for &reason in LeftOut::ALL {
            let labels = format!("collector=\"{}\",reason=\"{reason}\"", escaped(status.id.as_str()));
            let count = status.left_out.get(&reason).copied().unwrap_or(0);
            line(out, "forewarn_collector_left_out", &labels, &count.to_string());
        }
    }
}

/// Whether judging is held, and why (semantics 11.4).
pub fn render_held(out: &mut String, held: &[(HoldReason, At)]) {
    header(
        out,
        "forewarn_evaluation_held",
        "gauge",
        "Whether judging is held for a second look: clock or mass_change.",
    );
    for &reason in HoldReason::ALL {
        let stands = held.iter().any(|(other, _)| *other == reason);
        line(out, "forewarn_evaluation_held", &format!("reason=\"{reason}\""), if stands { "1" } else { "0" });
    }
}

/// The families of channels and deliveries.
pub fn render_delivery(out: &mut String, channels: &[(ChannelId, Option<ChannelHealth>)], undone: &Undone) {
    if channels.is_empty() {
        return;
    }
    header(out, "forewarn_deliveries", "gauge", "Deliveries that are not done, by state.");
    for (id, _) in channels {
        for state in DeliveryState::LABELS {
            let labels = format!("channel=\"{}\",state=\"{state}\"", escaped(id.as_str()));
            let count = undone.states.get(&(id.clone(), state)).copied().unwrap_or(0);
            line(out, "forewarn_deliveries", &labels, &count.to_string());
        }
    }
    let name = "forewarn_delivery_oldest_due_timestamp_seconds";
    let due: Vec<_> = channels.iter().filter_map(|(id, _)| undone.oldest_due.get(id).map(|at| (id, at))).collect();
    if !due.is_empty() {
        header(
            out,
            name,
            "gauge",
            "When the oldest undelivered message became due; deferred and digest items count from their slot.",
        );
    }
    for (id, at) in due {
        line(out, name, &format!("channel=\"{}\"", escaped(id.as_str())), &at.timestamp().to_string());
    }
    header(out, "forewarn_channel_up", "gauge", "Whether the channel accepts messages: 0 while its breaker is open.");
    for (id, health) in channels {
        let up = u8::from(health.as_ref().is_none_or(ChannelHealth::up));
        line(out, "forewarn_channel_up", &format!("channel=\"{}\"", escaped(id.as_str())), &up.to_string());
    }
}
