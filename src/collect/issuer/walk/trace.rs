//! What a walk did, request by request, for people who ask why. Bounded: beyond the bound failures come first.
//!
//! Holds paths, statuses and counts; no header, no query, no value.

use std::time::Duration;

use crate::domain::At;
use crate::domain::observation::Coverage;
use crate::domain::poll::{MOST_REJECTS, MOST_REQUESTS, Poll, PollReject, PollRequest};
use crate::domain::reason::{FailureReason, Reject};
use crate::domain::text::Text;

/// From here on only requests that failed are kept: of a thousand answers those are what people look for.
const ROUTINE: usize = MOST_REQUESTS * 3 / 4;
/// And from here on only what no request before it said.
const FAILURES: usize = MOST_REQUESTS * 9 / 10;

/// One request that was made, or that could not be.
#[derive(Debug)]
pub struct Tried {
    pub request: PollRequest,
    /// For `poll --debug`: what was decided, and why; no value.
    pub notes: Vec<Text>,
}

/// A finished walk as people see it.
#[derive(Debug)]
pub struct Traced {
    pub poll: Poll,
    /// In the order of `poll.requests`; empty unless they were asked for.
    pub notes: Vec<Vec<Text>>,
}

/// Gathers while the walk runs.
#[derive(Debug, Default)]
pub struct Trace {
    requests: Vec<Tried>,
    more_requests: u32,
    rejects: Vec<PollReject>,
    more_rejects: u32,
    records: u32,
}

impl Tried {
    pub fn new(request: &str, method: &str, path: Text) -> Self {
        let request = PollRequest {
            request: Text::new(request),
            method: Text::new(method),
            path,
            status: None,
            duration_ms: 0,
            records: 0,
            failure: None,
        };
        Self { request, notes: Vec::new() }
    }
    pub fn took(&mut self, span: Duration) {
        self.request.duration_ms = millis(span);
    }
    #[must_use]
    pub fn failed(mut self, reason: Option<FailureReason>) -> Self {
        self.request.failure = reason;
        self
    }
    #[must_use]
    pub fn records(mut self, count: usize) -> Self {
        self.request.records = counted(count);
        self
    }
}

impl Trace {
    pub fn request(&mut self, tried: Tried) {
        self.records = self.records.saturating_add(tried.request.records);
        let known = |seen: &Tried| {
            (&seen.request.request, seen.request.failure) == (&tried.request.request, tried.request.failure)
        };
        let most = match (self.requests.len() < ROUTINE, tried.request.failure) {
            (true, _) => ROUTINE,
            // The first of its kind is kept before the many that are like it.
            (false, _) if !self.requests.iter().any(known) => MOST_REQUESTS,
            (false, Some(_)) => FAILURES,
            (false, None) => ROUTINE,
        };
        match self.requests.len() < most {
            true => self.requests.push(tried),
            false => self.more_requests = self.more_requests.saturating_add(1),
        }
    }
    /// Records that no request brought: typed dates.
    pub fn typed(&mut self, records: usize) {
        self.records = self.records.saturating_add(counted(records));
    }
    pub fn rejects(&mut self, request: &str, rejects: &[Reject]) {
        let room = MOST_REJECTS.saturating_sub(self.rejects.len());
        let shown = rejects.iter().take(room).map(|reject| PollReject {
            request: Text::new(request),
            reason: reject.reason,
            detail: reject.detail.clone(),
        });
        self.rejects.extend(shown);
        self.more_rejects = self.more_rejects.saturating_add(counted(rejects.len().saturating_sub(room)));
    }
    /// The poll; its number is given by the book it goes into.
    pub fn end(self, started_at: At, took: Duration, (coverage, detail): (Coverage, Option<Text>)) -> Traced {
        let (requests, notes) = self.requests.into_iter().map(|tried| (tried.request, tried.notes)).unzip();
        let poll = Poll {
            number: 0,
            started_at,
            duration_ms: millis(took),
            records: self.records,
            coverage: coverage.ratio(),
            failure: coverage.reason(),
            detail,
            requests,
            more_requests: self.more_requests,
            rejects: self.rejects,
            more_rejects: self.more_rejects,
        };
        Traced { poll, notes }
    }
}

fn counted(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn millis(span: Duration) -> u32 {
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reason::RejectReason;

    #[test]
    fn beyond_the_bound_failures_are_kept_and_everything_is_counted() {
        let mut trace = Trace::default();
        for nth in 0..1_000 {
            let failed = (nth >= 300 && nth % 2 == 0).then_some(FailureReason::Http5xx);
            trace.request(Tried::new("tokens", "GET", Text::new("/x")).records(2).failed(failed));
        }
        trace.request(Tried::new("late", "GET", Text::new("/y")).records(1));
        let reject = Reject { reason: RejectReason::NoKey, detail: "`id` is missing".into() };
        trace.rejects("tokens", &vec![reject.clone(); 49]);
        trace.rejects("tokens", &vec![reject; 3]);
        let poll = trace.end(At::UNIX_EPOCH, Duration::from_millis(7), (Coverage::Whole, None)).poll;
        assert_eq!((poll.requests.len(), poll.more_requests, poll.records), (FAILURES + 1, 820, 2_001));
        assert_eq!(poll.requests.iter().filter(|request| request.failure.is_some()).count(), 30);
        assert_eq!(poll.requests.last().unwrap().request.as_str(), "late");
        assert_eq!((poll.rejects.len(), poll.more_rejects, poll.duration_ms), (MOST_REJECTS, 2, 7));
    }
}
