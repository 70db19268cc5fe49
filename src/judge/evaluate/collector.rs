//! collector_failing and channel_failing (semantics 8): what is wrong with the watch itself.
//! Knows what is remembered about a collector or a channel, no token.

use super::Covered;
use super::watch::{Watch, shift};
use crate::domain::At;
use crate::domain::collector::{ChannelHealth, CollectorStatus};
use crate::domain::delivery::Class;
use crate::domain::finding::{Finding, FindingKind, Severity, Why};
use crate::domain::reason::FailureReason;

const DAY: i64 = 86_400;
/// Rounds until a refused login, or a listing that cannot be read, is told.
const REFUSED: u32 = 2;
const UNREAD: u32 = 3;
/// Good rounds that close it.
const GOOD: u32 = 2;

/// Since when and why nothing can be read, if that is so for long enough to be told.
fn failing(status: &CollectorStatus, watch: &Watch) -> Option<(At, Why)> {
    if status.good_rounds >= GOOD {
        return None;
    }
    let since = status.failing_since?;
    if status.refused_rounds >= REFUSED {
        let reason = status.failure.unwrap_or(FailureReason::LoginRefused);
        return Some((since, Why::Login { reason, since }));
    }
    let told_from = shift(since, (3 * i64::from(status.every)).max(300));
    // A first good round does not close it, but neither may it open one that was not open yet.
    let open = match status.last_success.filter(|_| status.good_rounds > 0) {
        Some(success) => success >= told_from,
        None => watch.reached(told_from),
    };
    let reason = status.failure.unwrap_or(FailureReason::Connect);
    open.then_some((since, Why::Unread { reason, since }))
}

/// Whether the collector's own finding already says that its tokens are not read. `partial` is info, told to nobody,
/// so it mutes nothing.
pub(super) fn blind(status: &CollectorStatus, watch: &Watch) -> bool {
    failing(status, watch).is_some()
}

/// `collector_failing` and, through the watch, when to judge again.
pub(super) fn collector_failing(status: &CollectorStatus, covered: Covered, watch: &Watch) -> Option<Finding> {
    let (severity, why) = match failing(status, watch) {
        Some((since, why)) => {
            let long = watch.reached(shift(since, DAY));
            // A deadline that had passed before is no news of this failure.
            let near = covered.earliest_deadline.filter(|&deadline| deadline > since);
            let near = near.is_some_and(|deadline| watch.reached(shift(deadline, -DAY)));
            (if long || near { Severity::Critical } else { Severity::Warning }, why)
        }
        None => {
            let missed = || status.unread.values().filter(|unread| unread.rounds >= UNREAD && unread.held > 0);
            let reason = missed().next()?.reason;
            (Severity::Info, Why::Partial { listings: missed().count() as u32, reason })
        }
    };
    Some(Finding::new(FindingKind::CollectorFailing, severity, why))
}

/// `channel_failing`: its breaker is open, or a message is dead.
pub(super) fn channel_failing(health: &ChannelHealth, watch: &Watch) -> Option<Finding> {
    let (severity, class) = match health.broken {
        Some((since, class)) if watch.reached(shift(since, 3600)) => (Severity::Critical, class),
        Some((_, class)) => (Severity::Warning, class),
        // A message that died while the breaker stayed closed was refused for what it is.
        None if health.dead > 0 => (Severity::Warning, Class::Refused),
        None => return None,
    };
    Some(Finding::new(FindingKind::ChannelFailing, severity, Why::Breaker { class, dead: health.dead }))
}
