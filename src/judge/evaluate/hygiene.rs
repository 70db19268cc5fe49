//! never_expires, too_long_lived, over_scoped, unmanaged, unowned: what is wrong without a date.
//! Knows one slot and its policy; who is told is decided elsewhere.

use super::case::Case;
use super::rotation::never;
use super::watch::shift;
use crate::domain::finding::{Finding, FindingKind, Severity, Why};
use crate::domain::token::Generation;

/// `never_expires`: silent where tokens cannot expire and a schedule gives them a deadline.
pub(super) fn never_expires(case: &Case<'_>, current: &Generation) -> Option<Finding> {
    let cannot = case.collector.is_some_and(|collector| !collector.tells_expiry);
    if !never(current) || cannot && case.policy.schedule.is_some() {
        return None;
    }
    let quiet = !case.managed() || case.token.own_login();
    let severity = if quiet { Severity::Info } else { Severity::Warning };
    let severity = allowed(case, FindingKind::NeverExpires, severity)?;
    Some(case.finding(FindingKind::NeverExpires, severity, Why::Plain, Some(current)))
}

/// `too_long_lived`: issued for longer than allowed, or older (semantics 5.7). An age grows, so the reason gives the
/// limit that it has passed.
pub(super) fn too_long_lived(case: &Case<'_>, current: &Generation) -> Option<Finding> {
    let most = case.policy.max_lifetime?;
    let lifetime = current.lifetime().filter(|&seconds| !current.sliding() && seconds > most);
    let why = match lifetime {
        Some(is) => Why::Lifetime { is, allowed: most, at_least: false },
        None => {
            let (anchor, _) = case.anchor(current.issued, Some(current.first_seen));
            if !case.watch.reached(shift(anchor, most.saturating_add(1))) {
                return None;
            }
            Why::Lifetime { is: most, allowed: most, at_least: true }
        }
    };
    let severity = allowed(case, FindingKind::TooLongLived, Severity::Warning)?;
    Some(case.finding(FindingKind::TooLongLived, severity, why, Some(current)))
}

/// `over_scoped`: holds a scope outside the policy's list.
pub(super) fn over_scoped(case: &Case<'_>, current: &Generation) -> Option<Finding> {
    let allow = case.policy.scopes_allow.as_ref()?;
    let is_outside = |scope: &&crate::domain::text::Text| !allow.iter().any(|allowed| allowed == scope.as_str());
    current.scopes.iter().find(is_outside)?;
    let severity = allowed(case, FindingKind::OverScoped, Severity::Warning)?;
    let outside = current.scopes.iter().filter(is_outside).cloned().collect();
    Some(case.finding(FindingKind::OverScoped, severity, Why::Scopes { outside }, Some(current)))
}

/// `unmanaged`: nobody wrote a policy that matches it, while policies are written.
pub(super) fn unmanaged(case: &Case<'_>) -> Option<Finding> {
    let open = !case.managed() && !case.policy.matched && case.rules.any_policy();
    open.then(|| case.finding(FindingKind::Unmanaged, Severity::Info, Why::Plain, None))
}

/// `unowned`: managed, and nobody's, while teams are named. (That no route would carry it is added by the world.)
pub(super) fn unowned(case: &Case<'_>) -> Option<Finding> {
    let open = case.managed() && case.token.team.is_none() && case.rules.any_team();
    open.then(|| case.finding(FindingKind::Unowned, Severity::Info, Why::Plain, None))
}

/// Severity under the policy's dated exceptions (semantics 8): none while one holds, warning after it.
fn allowed(case: &Case<'_>, kind: FindingKind, severity: Severity) -> Option<Severity> {
    match case.policy.allow.iter().find(|(allowed, ..)| *allowed == kind) {
        None => Some(severity),
        Some((_, until, _)) => case.watch.reached(*until).then_some(Severity::Warning),
    }
}
