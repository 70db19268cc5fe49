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

#[cfg(test)]
mod tests {
    use super::super::trial::{DAY, HOUR, Trial, t, told};
    use super::super::{assess_channel, assess_collector};
    use super::*;
    use crate::domain::collector::Unread;

    fn status(change: impl FnOnce(&mut CollectorStatus)) -> CollectorStatus {
        let mut status = CollectorStatus::new("gitlab".into(), "gitlab".into(), 900, Some(3600));
        change(&mut status);
        status
    }
    fn judge(status: &CollectorStatus, earliest: Option<i64>, now: i64) -> (String, Option<At>) {
        let covered = Covered { tokens: 40, earliest_deadline: earliest.map(t) };
        let (finding, next) = assess_collector(status, covered, &Trial::unmanaged(vec![]).rules, t(now));
        (told(finding.as_slice()), next)
    }
    fn failing(status: &mut CollectorStatus) {
        status.failing_since = Some(t(0));
        status.failure = Some(FailureReason::Http5xx);
    }

    #[test]
    fn rule_8_no_good_round_for_three_intervals() {
        let status = status(failing);
        assert_eq!(judge(&status, None, 2699), (String::new(), Some(t(2700))));
        assert_eq!(judge(&status, None, 2700), ("collector_failing warning".into(), Some(t(DAY))));
        assert_eq!(judge(&status, None, DAY), ("collector_failing critical".into(), None));
        let finding = assess_collector(&status, Covered::default(), &Trial::unmanaged(vec![]).rules, t(HOUR)).0;
        assert_eq!(finding.unwrap().why, Why::Unread { reason: FailureReason::Http5xx, since: t(0) });
    }

    #[test]
    fn rule_8_five_minutes_at_least() {
        let mut quick = status(failing);
        quick.every = 2;
        assert_eq!(judge(&quick, None, 299).0, "");
        assert_eq!(judge(&quick, None, 300).0, "collector_failing warning");
        assert_eq!(judge(&status(|_| {}), None, 9 * DAY), (String::new(), None), "nothing failed yet");
    }

    #[test]
    fn rule_8_a_login_refused_twice() {
        let refused = |rounds| {
            status(|status| {
                failing(status);
                status.failure = Some(FailureReason::LoginRefused);
                status.refused_rounds = rounds;
            })
        };
        assert_eq!(judge(&refused(1), None, 1).0, "");
        assert_eq!(judge(&refused(2), None, 1).0, "collector_failing warning");
    }

    #[test]
    fn rule_8_critical_when_a_covered_deadline_is_near() {
        let status = status(failing);
        assert_eq!(judge(&status, Some(DAY + HOUR), HOUR - 1).0, "collector_failing warning");
        assert_eq!(judge(&status, Some(DAY + HOUR), HOUR).0, "collector_failing critical");
        assert_eq!(judge(&status, Some(-DAY), HOUR).0, "collector_failing warning", "past before the failure");
    }

    #[test]
    fn rule_8_two_good_rounds_close_it() {
        let good = |rounds, success| {
            status(|status| {
                failing(status);
                status.good_rounds = rounds;
                status.last_success = Some(t(success));
            })
        };
        assert_eq!(judge(&good(1, 3000), None, 3000).0, "collector_failing warning");
        assert_eq!(judge(&good(2, 3900), None, 3900).0, "");
        assert_eq!(judge(&good(1, 900), None, 3000).0, "", "one good round in time: it never opened");
    }

    #[test]
    fn rule_8_partial_is_info() {
        let unread = |rounds, held| {
            let listing = Unread { since: t(0), rounds, reason: FailureReason::Forbidden, held };
            status(|status| status.unread = [("projects/42".into(), listing)].into())
        };
        assert_eq!(judge(&unread(2, 5), None, 9 * DAY).0, "");
        assert_eq!(judge(&unread(3, 0), None, 9 * DAY).0, "");
        assert_eq!(judge(&unread(3, 5), Some(0), 9 * DAY).0, "collector_failing info");
    }

    #[test]
    fn rule_8_a_channel() {
        let mut health = ChannelHealth::new("chat".into());
        let judge = |health: &ChannelHealth, now| {
            let (finding, next) = assess_channel(health, t(now));
            (told(finding.as_slice()), next)
        };
        assert_eq!(judge(&health, 0), (String::new(), None));
        health.dead = 1;
        assert_eq!(judge(&health, 9 * HOUR), ("channel_failing warning".into(), None));
        health.broken = Some((t(0), Class::Broken));
        assert_eq!(judge(&health, HOUR - 1), ("channel_failing warning".into(), Some(t(HOUR))));
        assert_eq!(judge(&health, HOUR), ("channel_failing critical".into(), None));
    }
}
