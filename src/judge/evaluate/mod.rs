//! One token's assessment: what is wrong, its state, its deadline, and when to judge again.
//! Here the families of findings come together: who is silent while another speaks (semantics 8), which state fits
//! first (12.4). Knows no clock but its argument, and nobody who listens.

use crate::domain::At;
use crate::domain::collector::{ChannelHealth, CollectorStatus};
use crate::domain::finding::{Assessment, Finding, FindingKind, SafeUntil, TokenState};
use crate::domain::token::{Flow, Generation, Token};

pub mod almanac;
mod case;
mod collector;
mod deadline;
mod expiry;
mod hygiene;
mod ladder;
mod rotation;
pub mod rules;
#[cfg(test)]
mod trial;
mod watch;

use almanac::Almanac;
use case::{Case, Fate, Heads};
use rotation::Plan;
use watch::Watch;

/// Judges one token at `now` (semantics 5 to 8, 12.4). Pure: the same arguments, the same answer.
pub fn assess(
    token: &Token<'_>,
    collector: &CollectorStatus,
    rules: &rules::Rules,
    almanac: &mut Almanac,
    now: At,
) -> Assessment {
    let case = Case::new(token, collector, rules, now);
    if let Some(flow) = &token.flow {
        return assess_flow(&case, flow, almanac);
    }
    let heads = case.heads();
    let shown = heads.current.or(heads.head);
    if case.policy.unwatched {
        return unwatched(&case, &heads, shown);
    }
    let plan = case.plan(shown, almanac);
    let ending = expiry::ended(&case, &heads, almanac);
    let over = ending.is_some() && heads.current.is_none();
    let doubt = if over { None } else { expiry::unverified(&case, &heads) };
    let (at, doubtful) = (ending.as_ref().map(|ending| (ending.at, ending.state)), doubt.is_some());

    let mut findings = Vec::new();
    findings.extend(ending.and_then(|ending| ending.finding));
    findings.extend(doubt.filter(|doubt| !doubt.told_by_collector).map(|doubt| doubt.finding));
    if let Some(current) = heads.current {
        ahead(&case, current, plan.as_ref(), &mut findings);
    }
    older(&case, &heads, &mut findings);
    ownership(&case, over, &mut findings);

    let old_end = open(&findings, FindingKind::NotInjected).and_then(|finding| finding.due);
    let ends = deadline::Ends::new(&case, &heads, at.map(|(at, _)| at));
    let state = match at {
        Some((_, state)) => state,
        None if doubtful => TokenState::Unverified,
        None if open(&findings, FindingKind::ExpiresSoon).is_some() => TokenState::Ending,
        None => by_expiry(shown),
    };
    Assessment {
        findings,
        state,
        deadline: ends.deadline(plan.as_ref(), old_end),
        safe_until: ends.safe_until(heads.current),
        usable: heads.current.is_some() || shown.is_none(),
        rotation_due: plan.map(|plan| plan.due),
        ..facts(&case, shown)
    }
}

fn open(findings: &[Finding], kind: FindingKind) -> Option<&Finding> {
    findings.iter().find(|finding| finding.kind == kind)
}

/// Looking ahead, on the current generation (semantics 1.7).
fn ahead(case: &Case<'_>, current: &Generation, plan: Option<&Plan>, findings: &mut Vec<Finding>) {
    let soon = expiry::soon(case, current, plan);
    if let Some(plan) = plan {
        if soon.is_none() {
            findings.extend(rotation::too_late(case, plan, current));
        }
        findings.extend(rotation::schedule(case, plan, Some(current)));
    }
    findings.extend(soon);
    findings.extend(hygiene::never_expires(case, current));
    findings.extend(hygiene::too_long_lived(case, current));
    findings.extend(hygiene::over_scoped(case, current));
}

/// What older generations still do (semantics 1.9).
fn older(case: &Case<'_>, heads: &Heads<'_>, findings: &mut Vec<Finding>) {
    let used = rotation::not_injected(case, heads);
    let alive = if used.is_none() { rotation::old_alive(case, heads) } else { None };
    findings.extend(used.or(alive));
}

fn ownership(case: &Case<'_>, over: bool, findings: &mut Vec<Finding>) {
    let unmanaged = if over { None } else { hygiene::unmanaged(case) };
    let unowned = if unmanaged.is_none() { hygiene::unowned(case) } else { None };
    findings.extend(unmanaged.or(unowned));
}

/// A flow has one finding (semantics 1.10).
fn assess_flow(case: &Case<'_>, flow: &Flow, almanac: &mut Almanac) -> Assessment {
    let plan = case.flow_plan(flow, almanac).filter(|_| !case.policy.unwatched);
    let findings = plan.iter().filter_map(|plan| rotation::schedule(case, plan, None)).collect();
    Assessment {
        findings,
        state: TokenState::Dynamic,
        deadline: plan.as_ref().map(deadline::by_rotation),
        rotation_due: plan.map(|plan| plan.due),
        ..facts(case, None)
    }
}

/// `watch: false`: known and counted; its state follows from its facts alone.
fn unwatched(case: &Case<'_>, heads: &Heads<'_>, shown: Option<&Generation>) -> Assessment {
    let state = match heads.fate {
        Fate::Concluded(ended) => expiry::state(ended.how),
        Fate::Passed { .. } => TokenState::Expired,
        _ => by_expiry(shown),
    };
    Assessment { state, ..facts(case, shown) }
}

fn by_expiry(shown: Option<&Generation>) -> TokenState {
    match shown {
        Some(generation) if rotation::never(generation) => TokenState::Never,
        Some(generation) if generation.end().is_some() => TokenState::Ok,
        _ => TokenState::Unknown,
    }
}

/// What is shown of a token whatever is judged; `next_change` from all that was asked so far.
fn facts(case: &Case<'_>, shown: Option<&Generation>) -> Assessment {
    Assessment {
        findings: Vec::new(),
        state: TokenState::Unknown,
        expiry: shown.and_then(Generation::end),
        never: shown.is_some_and(rotation::never),
        rotation_due: None,
        deadline: None,
        next_change: case.watch.next(),
        safe_until: SafeUntil::Unknown,
        usable: true,
    }
}

/// What the world adds for a collector's own findings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Covered {
    /// Tokens it holds.
    pub tokens: u32,
    /// The earliest deadline among them that is not past.
    pub earliest_deadline: Option<At>,
}

/// `collector_failing` (semantics 8), and when to judge again.
pub fn assess_collector(
    status: &CollectorStatus,
    covered: Covered,
    _rules: &rules::Rules,
    now: At,
) -> (Option<Finding>, Option<At>) {
    let watch = Watch::new(now);
    let finding = collector::collector_failing(status, covered, &watch);
    (finding, watch.next())
}

/// `channel_failing` (semantics 8), and when to judge again.
pub fn assess_channel(health: &ChannelHealth, now: At) -> (Option<Finding>, Option<At>) {
    let watch = Watch::new(now);
    let finding = collector::channel_failing(health, &watch);
    (finding, watch.next())
}
