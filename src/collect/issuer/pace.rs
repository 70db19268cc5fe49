//! Rate, concurrency, Retry-After and backoff towards one issuer.
//!
//! Belongs to the poller and outlives walks and reloads, so that a reload never hurries an issuer that asked to wait.
//! Knows statuses and headers, not what an answer means.

use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use chrono::{DateTime, TimeDelta, Utc};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use super::definition::Limits;
use crate::base::http::Response;
use crate::base::time::clock::Clock;
use crate::domain::At;

/// How often one request is tried in a round.
pub const TRIES: usize = 3;
/// Repeats of one whole walk: a sick issuer is not asked three times for each of a thousand listings.
pub const REPEATS: u32 = 20;
/// Longest wait inside a round; a longer one ends the round and holds the next.
pub const PATIENCE: TimeDelta = TimeDelta::seconds(30);
/// Longest wait that an issuer can ask for.
const LONGEST: TimeDelta = TimeDelta::hours(1);
/// Pause after a throttled round whose issuer did not say how long.
pub const PAUSE: TimeDelta = TimeDelta::seconds(60);

/// The pace of one collector.
pub struct Pace {
    limiter: Option<DefaultDirectRateLimiter>,
    limits: Limits,
    /// Not before this instant: the issuer asked to wait.
    held: Mutex<Option<At>>,
}

impl Pace {
    /// The lower of the definition's and the configuration's concurrency counts.
    pub fn new(limits: Limits, concurrency: usize) -> Self {
        let limits = Limits { concurrency: limits.concurrency.min(concurrency).max(1), ..limits };
        Self { limiter: quota(limits.per_second).map(RateLimiter::direct), limits, held: Mutex::new(None) }
    }
    /// After a reload: the same pace if the limits are the same, else a new one that still waits as long.
    pub fn renewed(self: &std::sync::Arc<Self>, limits: Limits, concurrency: usize) -> std::sync::Arc<Self> {
        let new = Self::new(limits, concurrency);
        if new.limits == self.limits {
            return self.clone();
        }
        *new.lock() = *self.lock();
        std::sync::Arc::new(new)
    }
    /// Requests in flight.
    pub fn concurrency(&self) -> usize {
        self.limits.concurrency
    }
    /// Waits for the issuer's permission and for the rate.
    pub async fn turn(&self, clock: &Clock) {
        while let Some(at) = self.held_until().filter(|at| *at > clock.now()) {
            clock.until(at).await;
        }
        if let Some(limiter) = &self.limiter {
            limiter.until_ready().await;
        }
    }
    /// The issuer asked to wait until `at`.
    pub fn hold(&self, at: At) {
        let mut held = self.lock();
        *held = Some(held.map_or(at, |before| before.max(at)));
    }
    pub fn held_until(&self) -> Option<At> {
        *self.lock()
    }
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<At>> {
        self.held.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn quota(per_second: f64) -> Option<Quota> {
    if !(per_second.is_finite() && per_second > 0.0) {
        return None;
    }
    // A rate below one in an hour is a mistake in a definition, not a wish.
    let period = Duration::from_secs_f64((1.0 / per_second).min(3_600.0));
    let burst = NonZeroU32::new(per_second.ceil().clamp(1.0, 1_000.0) as u32)?;
    Some(Quota::with_period(period)?.allow_burst(burst))
}

/// Waits between the tries of one request: half a second to a second, then twice that.
pub fn backoff() -> ExponentialBackoff {
    ExponentialBuilder::new().with_jitter().with_min_delay(Duration::from_millis(500)).with_max_times(TRIES - 1).build()
}

/// How long the issuer asks to wait: `Retry-After` in seconds or as a date (RFC 9110 10.2.3), else the reset of a
/// request window in epoch seconds. At most an hour.
pub fn asked_to_wait(response: &Response) -> Option<At> {
    let now = response.received_at;
    let told = response.header("retry-after").and_then(|text| after(text.trim(), now));
    let reset = || {
        ["ratelimit-reset", "x-ratelimit-reset"]
            .iter()
            .filter_map(|name| response.header(name)?.trim().parse::<i64>().ok())
            .find_map(|epoch| DateTime::from_timestamp(epoch, 0).filter(|at| *at > now))
    };
    told.or_else(reset).map(|at| at.clamp(now, now + LONGEST))
}

fn after(text: &str, now: At) -> Option<At> {
    if let Ok(seconds) = text.parse::<u64>() {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX).min(LONGEST.num_seconds());
        return Some(now + TimeDelta::seconds(seconds));
    }
    DateTime::parse_from_rfc2822(text).ok().map(|date| date.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn at(seconds: i64) -> At {
        DateTime::from_timestamp(1_795_513_200 + seconds, 0).unwrap()
    }

    fn response(headers: &[(&str, &str)]) -> Response {
        Response {
            status: 429,
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: bytes::Bytes::new(),
            url: "http://127.0.0.1/".parse().unwrap(),
            received_at: at(0),
        }
    }

    #[test]
    fn the_wait_is_read_in_every_spelling_and_capped() {
        let date = (at(90)).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let epoch = at(45).timestamp().to_string();
        type Case<'a> = (&'a [(&'a str, &'a str)], Option<i64>);
        let cases: [Case<'_>; 9] = [
            (&[("retry-after", "7")], Some(7)),
            (&[("retry-after", " 0 ")], Some(0)),
            (&[("retry-after", &date)], Some(90)),
            (&[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")], Some(0)),
            (&[("retry-after", "99999999999999999999")], None),
            (&[("retry-after", "18446744073709551615")], Some(3600)),
            (&[("retry-after", "soon"), ("ratelimit-reset", &epoch)], Some(45)),
            (&[("x-ratelimit-reset", "30")], None),
            (&[], None),
        ];
        for (headers, seconds) in cases {
            assert_eq!(asked_to_wait(&response(headers)), seconds.map(at), "{headers:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_holds_over_a_minute() {
        let pace = Pace::new(Limits { per_second: 2.0, concurrency: 9 }, 4);
        assert_eq!(pace.concurrency(), 4);
        assert_eq!(Pace::new(Limits { per_second: 2.0, concurrency: 2 }, 4).concurrency(), 2);
        // governor reads the real clock: the burst passes at once, the next one waits half a second.
        for _ in 0..2 {
            pace.turn(&Clock::System).await;
        }
        assert!(tokio::time::timeout(Duration::from_millis(1), pace.turn(&Clock::System)).await.is_err());
    }

    #[tokio::test]
    async fn a_hold_delays_everyone_and_survives_new_limits() {
        let clock = Clock::manual(at(0));
        let pace = Arc::new(Pace::new(Limits { per_second: 1000.0, concurrency: 4 }, 4));
        pace.hold(at(20));
        pace.hold(at(10));
        let same = pace.renewed(Limits { per_second: 1000.0, concurrency: 4 }, 4);
        assert!(Arc::ptr_eq(&same, &pace));
        let pace = pace.renewed(Limits { per_second: 10.0, concurrency: 4 }, 4);
        clock.advance_to(at(19));
        assert!(tokio::time::timeout(Duration::from_millis(20), pace.turn(&clock)).await.is_err());
        clock.advance_to(at(20));
        pace.turn(&clock).await;
    }

    #[test]
    fn a_request_is_tried_three_times_within_seconds() {
        let waits: Vec<Duration> = backoff().collect();
        assert_eq!(waits.len() + 1, TRIES);
        assert!(waits.iter().sum::<Duration>() < Duration::from_secs(4), "{waits:?}");
    }
}
