//! IO: one walk. Pages go out as they are read, then the end; a walk never fails, it tells what it could not read.
//!
//! Decides nothing about tokens: the frontier says what to ask, reading says what an answer means.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::definition::Source;
use super::pace::Pace;
use super::scope::Scope;
use super::{Collector, declared, files};
use crate::base::metrics::Metrics;
use crate::base::secret::fingerprint::Fingerprints;
use crate::base::time::clock::{Clock, Stopwatch};
use crate::domain::At;
use crate::domain::key::{GenerationId, SightId};
use crate::domain::observation::{Coverage, Observation, WalkEnd, WalkNo, Walked};
use crate::domain::reason::FailureReason;
use crate::domain::text::Text;

mod exchange;
mod hide;
mod http;
pub mod memory;
mod notes;
mod probes;
mod report;
pub mod sight;
pub mod trace;

pub(super) use hide::bounded;
use memory::Memory;
pub(super) use report::{Report, with_missed};
use trace::Traced;

/// What a walk works with; the poller keeps pace and memory from walk to walk.
pub struct WalkCx {
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
    pub fingerprints: Fingerprints,
    pub pace: Arc<Pace>,
    pub memory: Arc<Memory>,
    /// Number of this walk.
    pub walk: WalkNo,
    /// Soft stop: the requests in flight end, nothing more is asked, and no end is told, for it is no failure.
    pub stop: CancellationToken,
    /// Note what is decided about each answer, for people who debug a collector.
    pub notes: bool,
}

/// One whole round; what it did, unless it was stopped.
pub async fn walk(collector: &Collector, cx: &WalkCx, out: &mpsc::Sender<Walked>) -> Option<Traced> {
    run(collector, cx, out, None).await
}

/// Asks for single generations by id (semantics 3.3, `confirm`). Their end judges no absence.
pub async fn confirm(
    collector: &Collector,
    cx: &WalkCx,
    ids: &[GenerationId],
    out: &mpsc::Sender<Walked>,
) -> Option<Traced> {
    run(collector, cx, out, Some(ids.to_vec())).await
}

async fn run(
    collector: &Collector,
    cx: &WalkCx,
    out: &mpsc::Sender<Walked>,
    ids: Option<Vec<GenerationId>>,
) -> Option<Traced> {
    let (started_at, watch) = (cx.clock.now(), Stopwatch::start());
    let confirm = ids.is_some();
    let mut report = Report::new(cx, out);
    let seen = sight::sight(collector, &cx.fingerprints);
    let sight = match &seen {
        Ok(sight) => *sight,
        // Under which sight is unknown; the last known one keeps the facts of this collector where they are.
        Err(_) => cx.memory.sight().unwrap_or(SightId(0)),
    };
    let (coverage, detail) = match seen {
        Err(error) => {
            cx.metrics.collector_error(&collector.id, FailureReason::LoginRefused);
            (Coverage::Failed { reason: FailureReason::LoginRefused }, Some(format!("login: {error}").as_str().into()))
        }
        Ok(_) => {
            cx.memory.see(sight);
            match collector.definition.origin {
                Source::Declared | Source::Files if confirm => (Coverage::Whole, None),
                Source::Declared => declared::walk(collector, cx.walk, sight, started_at, &mut report).await,
                Source::Files => files::walk(collector, cx, sight, &mut report).await,
                Source::Http => http::walk(collector, cx, sight, &mut report, ids).await,
            }
        }
    };
    if cx.stop.is_cancelled() {
        return None;
    }
    if !confirm {
        note(collector, cx, coverage, detail.as_ref());
    }
    let trace = std::mem::take(&mut report.trace).end(started_at, watch.elapsed(), (coverage, detail.clone()));
    let end = WalkEnd {
        collector: collector.id.clone(),
        sight,
        walk: cx.walk,
        started_at,
        ended_at: cx.clock.now(),
        duration_ms: Some(trace.poll.duration_ms),
        coverage,
        detail,
        ratelimit_remaining: report.remaining,
        confirm,
    };
    report.end(end).await;
    Some(trace)
}

/// How much was read, and the first thing that went wrong.
pub(super) type Ended = (Coverage, Option<Text>);

/// Remembers how a round ended, and logs what changed: a failure once, its recovery once.
fn note(collector: &Collector, cx: &WalkCx, coverage: Coverage, detail: Option<&Text>) {
    let before = cx.memory.last().and_then(|(coverage, _)| coverage.reason());
    let detail_text = detail.map_or("", Text::as_str);
    match (before, coverage.reason()) {
        (was, Some(reason)) if was != Some(reason) => {
            tracing::warn!(collector = %collector.id, %reason, detail = detail_text, "a collector cannot read all of its issuer; known facts are kept");
        }
        (Some(_), None) => tracing::info!(collector = %collector.id, "a collector reads all of its issuer again"),
        _ => {}
    }
    cx.memory.ended(coverage, detail.cloned());
}

/// A page that no request yielded.
fn page(
    scope: &Scope,
    listing: &str,
    taken_at: At,
    ends: Coverage,
    records: Vec<crate::domain::observation::Record>,
) -> Observation {
    Observation {
        collector: scope.collector.clone(),
        sight: scope.sight,
        walk: scope.walk,
        listing: listing.into(),
        ends: Some(ends),
        taken_at,
        issuer_clock: None,
        records,
        listed: Vec::new(),
        gone: Vec::new(),
        rejects: Vec::new(),
        left_out: Vec::new(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
