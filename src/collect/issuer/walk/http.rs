//! The loop over an issuer's HTTP interface: asks side by side up to the limit, pages told as they are read.
//!
//! Gives an issuer up for this round when it cannot be reached, or asks to wait longer than a round can.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::exchange::{Exchange, Told};
use super::hide::Hide;
use super::report::Report;
use super::{Ended, WalkCx, page, probes, sight};
use crate::collect::issuer::Collector;
use crate::collect::issuer::definition::request::Mode;
use crate::collect::issuer::frontier::Frontier;
use crate::collect::issuer::pace::REPEATS;
use crate::collect::issuer::scope::{self, Scope, Task};
use crate::domain::key::{GenerationId, SightId};
use crate::domain::observation::{Coverage, Observation};
use crate::domain::reason::FailureReason;

/// Asks in a row that did not reach the issuer, after which it is left alone for this round.
const UNREACHABLE: u32 = 10;

/// A walk over HTTP.
pub async fn walk(
    collector: &Collector,
    cx: &WalkCx,
    sight: SightId,
    report: &mut Report<'_>,
    ids: Option<Vec<GenerationId>>,
) -> Ended {
    let round = ids.is_none();
    let held = if round { probes::read(collector, cx) } else { probes::Held::default() };
    let login = collector.login.value().ok().flatten().map(|value| cx.fingerprints.of(value.expose().as_bytes()));
    let scope = Arc::new(Scope {
        collector: collector.id.clone(),
        definition: collector.definition.clone(),
        url: collector.settings.url.clone().or_else(|| collector.definition.url.clone()),
        settings: scope::settings(&collector.definition, &collector.settings),
        probes: held.probes.clone(),
        login: login.clone(),
        slots_by_id: collector.settings.slots_by_id,
        sight,
        walk: cx.walk,
    });
    let task = ids.map_or_else(
        || Task::Round {
            inventory: collector.settings.walks,
            own_login: login.is_some() && collector.definition.can(Mode::OwnLogin),
        },
        Task::Confirm,
    );
    let Some(client) = &collector.client else {
        return (
            Coverage::Failed { reason: FailureReason::Connect },
            Some("this collector has no client; write its url".into()),
        );
    };
    let exchange = Exchange {
        collector,
        cx,
        client,
        scope: scope.clone(),
        values: &held.values,
        repeats: AtomicU32::new(REPEATS),
        hide: Hide::new(collector, &held.values),
    };
    let ended = asks(&exchange, &task, report).await;
    let ended = held.missed(cx, &scope, ended, report).await;
    if let Some(login) = login.filter(|_| round) {
        tell_login(exchange.collector, &login, &scope, &ended, report).await;
    }
    if round && !report.asked && held.silent {
        // Every value is one that is not asked now: nothing was learnt, so the last word stands.
        return cx.memory.last().unwrap_or(ended);
    }
    ended
}

/// The own login's record, where no request of this issuer tells about it, or none has answered since the start: its
/// slot exists from the first round.
async fn tell_login(
    collector: &Collector,
    login: &GenerationId,
    scope: &Scope,
    ended: &Ended,
    report: &mut Report<'_>,
) {
    let told = report.cx.memory.login_told(report.login);
    let worked = report.asked && !matches!(ended.0, Coverage::Failed { .. });
    let now = report.cx.clock.now();
    if !collector.definition.can(Mode::OwnLogin) {
        let records = vec![sight::own_login(collector, login, worked)];
        report.page(page(scope, "own_login", now, Coverage::Whole, records)).await;
    } else if !told {
        let records = vec![sight::own_login(collector, login, false)];
        report.page(Observation { ends: None, ..page(scope, "own_login", now, Coverage::Whole, records) }).await;
    }
}

/// The loop: up to the limit side by side, until there is nothing left to ask.
async fn asks(exchange: &Exchange<'_>, task: &Task, report: &mut Report<'_>) -> Ended {
    let cx = exchange.cx;
    let mut frontier = Frontier::new(exchange.scope.clone(), task);
    let mut flights = FuturesUnordered::new();
    let mut unreachable = 0;
    let mut given_up = None;
    loop {
        while flights.len() < cx.pace.concurrency() && given_up.is_none() && !cx.stop.is_cancelled() {
            let Some(ask) = frontier.next() else { break };
            flights.push(exchange.ask(ask));
        }
        let Some(told) = flights.next().await else { break };
        unreachable = if told.unreachable { unreachable + 1 } else { 0 };
        if told.hold {
            given_up = Some(FailureReason::RateLimited);
        } else if unreachable >= UNREACHABLE {
            given_up = given_up.or(told.answer.reason);
        }
        taken_in(exchange, &told, report);
        report.trace.rejects(&exchange.request(&told.ask).name, &told.answer.rejects);
        let Told { ask, answer, tries, .. } = told;
        tries.into_iter().for_each(|tried| report.trace.request(tried));
        for page in frontier.answered(&ask, answer) {
            report.page(page).await;
        }
    }
    if cx.stop.is_cancelled() {
        return (frontier.coverage(), None);
    }
    if !frontier.finished() {
        for page in frontier.abandon(given_up.unwrap_or(FailureReason::Timeout)) {
            report.page(page).await;
        }
    }
    report.remaining = frontier.ratelimit_remaining();
    (frontier.coverage(), frontier.detail())
}

/// Counts an answer and remembers what it says about asking again.
fn taken_in(exchange: &Exchange<'_>, told: &Told, report: &mut Report<'_>) {
    let cx = exchange.cx;
    report.asked = true;
    let request = exchange.request(&told.ask);
    // Where several URLs stand for one, an earlier one that does not answer is no failure.
    let last = told.ask.url + 1 >= request.urls.len();
    if let Some(reason) = told.answer.reason.filter(|_| last) {
        cx.metrics.collector_error(&exchange.collector.id, reason);
    }
    if let Some(probe) = told.ask.probe.and_then(|probe| exchange.scope.probes.get(probe)) {
        cx.memory.answered(&probe.value, told.answer.asks, told.answer.received_at);
    }
}
