//! The only place that reads a clock. Everything below `app` takes `now` as an argument.

use std::sync::Arc;
use std::time::Duration;

use chrono::{SubsecRound, Utc};
use tokio::sync::watch;

use crate::domain::At;

/// Longest sleep of the system's clock before it looks at the wall again: a jumping clock is noticed within it.
const LOOK: Duration = Duration::from_secs(30);

/// Counts a machine's sleep where the system has such a clock.
#[cfg(target_os = "linux")]
const BOOT: rustix::time::ClockId = rustix::time::ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const BOOT: rustix::time::ClockId = rustix::time::ClockId::Monotonic;

/// Where `now` comes from. `Manual` is moved by tests and simulations.
#[derive(Clone, Debug)]
pub enum Clock {
    System,
    Manual(Arc<watch::Sender<At>>),
}

impl Clock {
    pub fn manual(start: At) -> Self {
        Self::Manual(Arc::new(watch::Sender::new(start.trunc_subsecs(0))))
    }
    /// Now, in whole seconds, rounded down.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn now(&self) -> At {
        match self {
            Self::System => Utc::now().trunc_subsecs(0),
            Self::Manual(at) => *at.borrow(),
        }
    }
    /// Returns as soon as `now()` ≥ `at`; a manual clock wakes when it is moved there.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub async fn until(&self, at: At) {
        match self {
            Self::System => {
                while let Ok(left) = (at - Utc::now()).to_std()
                    && !left.is_zero()
                {
                    tokio::time::sleep(left.min(LOOK)).await;
                }
            }
            Self::Manual(now) => {
                // The sender lives in `self`, so the channel cannot close while we wait.
                let _ = now.subscribe().wait_for(|now| *now >= at).await;
            }
        }
    }
    /// Time since an unspecified instant, by the clock that no one sets and that counts a machine's sleep.
    pub fn boot(&self) -> Duration {
        match self {
            Self::System => {
                let now = rustix::time::clock_gettime(BOOT);
                let nanos = u32::try_from(now.tv_nsec).unwrap_or(0);
                Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), nanos)
            }
            Self::Manual(at) => Duration::from_secs(u64::try_from(at.borrow().timestamp()).unwrap_or(0)),
        }
    }
    /// Moves a manual clock, also backwards; no effect on the system's.
    pub fn advance_to(&self, at: At) {
        if let Self::Manual(now) = self {
            now.send_replace(at.trunc_subsecs(0));
        }
    }
}

/// Time spent on work, by the monotonic clock; for pacing, never for facts.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::{DateTime, TimeDelta, Timelike};

    use super::*;

    fn at(seconds: i64) -> At {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn now_is_whole_seconds() {
        assert_eq!(Clock::System.now().nanosecond(), 0);
        let clock = Clock::manual(at(5) + TimeDelta::milliseconds(700));
        assert_eq!(clock.now(), at(5));
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "how late it returned is what is tested")]
    async fn the_system_clock_returns_when_the_instant_is_there() {
        let clock = Clock::System;
        let goal = clock.now() + TimeDelta::seconds(2);
        clock.until(goal).await;
        let late = Utc::now() - goal;
        assert!(clock.now() >= goal);
        assert!(late < TimeDelta::milliseconds(500), "returned {late} late");
        clock.until(At::MIN_UTC).await;
    }

    #[tokio::test]
    async fn the_system_clock_waits_for_the_far_future_without_overflow() {
        let wait = tokio::time::timeout(Duration::from_millis(20), async { Clock::System.until(At::MAX_UTC).await });
        assert!(wait.await.is_err());
    }

    #[tokio::test]
    async fn a_manual_clock_wakes_who_waits() {
        let clock = Clock::manual(at(100));
        clock.until(at(100)).await;
        let waiter = { clock.clone() };
        let waits = async move { waiter.until(at(200)).await };
        tokio::pin!(waits);
        clock.advance_to(at(199));
        assert!(tokio::time::timeout(Duration::from_millis(10), &mut waits).await.is_err());
        clock.advance_to(at(200));
        waits.await;
        assert_eq!(clock.now(), at(200));
    }
}
