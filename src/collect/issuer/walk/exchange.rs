//! One ask of a walk, from the request to its meaning: build, dress, pace, send, read; a few tries if it is worth them.
//!
//! Never fails: what went wrong is an answer too. Reading runs a jq program, on a blocking thread: a program that never
//! ends holds up its own poller and nobody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::WalkCx;
use super::hide::Hide;
use super::notes;
use super::trace::Tried;
use crate::base::http::{Response, client::Client, send};
use crate::base::secret::Secret;
use crate::base::time::clock::Stopwatch;
use crate::collect::issuer::definition::answer::Meaning;
use crate::collect::issuer::definition::request::{Request, Sends};
use crate::collect::issuer::frontier::Ask;
use crate::collect::issuer::pace::{self, PATIENCE, PAUSE};
use crate::collect::issuer::read::{self, Answer};
use crate::collect::issuer::scope::Scope;
use crate::collect::issuer::{Collector, build};
use crate::domain::At;
use crate::domain::reason::FailureReason;
use crate::domain::text::Text;

/// How long a request in flight may take after the stop.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// Before a refused self-inspection is believed (semantics 3.4).
const SECOND_LOOK: Duration = Duration::from_secs(1);

/// What the asks of one walk share.
pub struct Exchange<'a> {
    pub collector: &'a Collector,
    pub cx: &'a WalkCx,
    pub client: &'a Client,
    pub scope: Arc<Scope>,
    /// The values of `Scope::probes`, in the same order; they live as long as the walk.
    pub values: &'a [Secret],
    /// Repeats left in this walk.
    pub repeats: AtomicU32,
    /// Values that are shown to nobody.
    pub hide: Hide,
}

/// An answer, and whether the issuer could not be reached at all or asked to wait longer than a round can.
pub struct Told {
    pub ask: Ask,
    pub answer: Answer,
    pub unreachable: bool,
    pub hold: bool,
    /// The requests it took.
    pub tries: Vec<Tried>,
}

/// One try.
struct Try {
    answer: Answer,
    unreachable: bool,
    /// Worth another try.
    passing: bool,
    /// The issuer's own word on when.
    wait_until: Option<At>,
}

impl Exchange<'_> {
    /// The definition's request that is asked.
    pub fn request(&self, ask: &Ask) -> &Request {
        &self.scope.definition.requests[ask.request]
    }
    /// Asks until there is an answer to take in.
    pub async fn ask(&self, ask: Ask) -> Told {
        let mut tries = Vec::new();
        let told = self.until_told(ask, &mut tries).await;
        Told { tries, ..told }
    }

    async fn until_told(&self, mut ask: Ask, tries: &mut Vec<Tried>) -> Told {
        let mut backoff = pace::backoff();
        loop {
            if let Some(told) = self.held(&ask) {
                return told;
            }
            let Try { answer, unreachable, passing, wait_until } = self.once(&ask, tries).await;
            let told =
                |ask: Ask, answer: Answer, hold: bool| Told { ask, answer, unreachable, hold, tries: Vec::new() };
            if answer.ask_again && ask.attempt == 0 {
                ask.attempt += 1;
                self.note(tries, || notes::again(SECOND_LOOK));
                if self.sleep(SECOND_LOOK).await {
                    continue;
                }
                // Stopped before the second look: the first one alone is believed by nobody.
                return told(ask, self.failed(FailureReason::Timeout, "stopped").answer, false);
            }
            if !passing {
                return told(ask, answer, false);
            }
            let throttled = answer.meaning == Meaning::Throttled;
            let wait = wait_until.map(|at| at - answer.received_at);
            let pause = if throttled && wait.is_some_and(|wait| wait > PATIENCE) {
                None
            } else {
                backoff.next().filter(|_| self.may_repeat())
            };
            let Some(pause) = pause else {
                if throttled {
                    self.hold(wait_until);
                    self.note(tries, || notes::held(self.cx.pace.held_until()));
                }
                return told(ask, answer, throttled);
            };
            let wait = wait.and_then(|wait| wait.min(PATIENCE).to_std().ok()).unwrap_or_default();
            self.note(tries, || notes::again(pause.max(wait)));
            if !self.sleep(pause.max(wait)).await {
                return told(ask, answer, false);
            }
        }
    }

    /// More about the last try, where people want to know.
    fn note(&self, tries: &mut [Tried], note: impl FnOnce() -> String) {
        if let Some(last) = tries.last_mut().filter(|_| self.cx.notes) {
            last.notes.push(self.hide.text(&note()));
        }
    }

    /// A wait that another ask was told is not sat out inside a round.
    fn held(&self, ask: &Ask) -> Option<Told> {
        let now = self.cx.clock.now();
        self.cx.pace.held_until().filter(|until| *until > now + PATIENCE)?;
        let answer = Answer::failed(FailureReason::RateLimited, Text::new("not asked: the issuer asked to wait"), now);
        Some(Told { ask: ask.clone(), answer, unreachable: false, hold: true, tries: Vec::new() })
    }

    /// One request, and what it was, for those who ask later.
    async fn once(&self, ask: &Ask, tries: &mut Vec<Tried>) -> Try {
        let request = self.request(ask);
        let mut tried = Tried::new(&request.name, &request.method, Text::default());
        let mut done = self.attempt(ask, &mut tried).await;
        done.answer.detail = done.answer.detail.map(|detail| self.hide.text(detail.as_str()));
        tries.push(tried.records(done.answer.records.len()).failed(done.answer.reason));
        self.note(tries, || notes::meaning(&done.answer));
        done
    }

    async fn attempt(&self, ask: &Ask, tried: &mut Tried) -> Try {
        let request = self.request(ask);
        let value = ask.probe.and_then(|probe| self.values.get(probe));
        let mut built = match build::request(&self.scope, ask, value) {
            Ok(built) => built,
            Err(error) => return self.failed(FailureReason::Decode, &error.to_string()),
        };
        if request.sends == Sends::Login
            && let Err(error) = self.collector.login.dress(&mut built)
        {
            return self.failed(FailureReason::LoginRefused, &error.to_string());
        }
        let hide = self.hide.with(&built);
        tried.request.path = hide.path(built.url.path());
        tokio::select! {
            () = self.cx.pace.turn(&self.cx.clock) => {}
            () = self.cx.stop.cancelled() => return self.failed(FailureReason::Timeout, "stopped"),
        }
        let watch = Stopwatch::start();
        let sent = tokio::select! {
            sent = send::send(self.client, built, &self.cx.clock) => sent,
            () = self.out_of_patience() => return self.failed(FailureReason::Timeout, "stopped"),
        };
        tried.took(watch.elapsed());
        match sent {
            Ok(response) => {
                tried.request.status = Some(response.status);
                let came = self.cx.notes.then(|| notes::came(&response));
                let done = self.read(ask, response).await;
                let came = came.into_iter().flat_map(|came| came.shown(&done.answer));
                tried.notes.extend(came.map(|note| hide.text(&note)));
                done
            }
            Err(failure) => {
                let unreachable = !matches!(failure.reason, FailureReason::Decode | FailureReason::TooLarge);
                let answer = Answer::failed(failure.reason, failure.detail, self.cx.clock.now());
                Try { answer, unreachable, passing: failure.reason == FailureReason::Connect, wait_until: None }
            }
        }
    }

    fn failed(&self, reason: FailureReason, detail: &str) -> Try {
        let answer = Answer::failed(reason, Text::new(detail), self.cx.clock.now());
        Try { answer, unreachable: false, passing: false, wait_until: None }
    }

    async fn read(&self, ask: &Ask, response: Response) -> Try {
        self.cx.metrics.request(&self.collector.id, response.status);
        let status = response.status;
        let wait_until = pace::asked_to_wait(&response);
        let (scope, asked, received_at) = (self.scope.clone(), ask.clone(), response.received_at);
        let read = tokio::task::spawn_blocking(move || read::answer(&scope, &asked, &response)).await;
        let panicked = || Answer::failed(FailureReason::Decode, Text::new("reading the answer panicked"), received_at);
        let answer = read.unwrap_or_else(|_| panicked());
        let passing = answer.meaning == Meaning::Throttled || status >= 500 && answer.meaning == Meaning::Unable;
        Try { answer, unreachable: false, passing, wait_until: wait_until.filter(|_| passing) }
    }

    fn may_repeat(&self) -> bool {
        self.repeats.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }
    /// Holds this round's rest and the next round.
    fn hold(&self, until: Option<At>) {
        // Instants are whole seconds, rounded down: one more, so that the issuer's wait is never cut.
        let at = until.map_or_else(|| self.cx.clock.now() + PAUSE, |at| at + chrono::TimeDelta::seconds(1));
        self.cx.pace.hold(at);
    }
    /// After the stop a request may end, but not for as long as its own limit: it only reads, so cutting it harms nobody.
    async fn out_of_patience(&self) {
        self.cx.stop.cancelled().await;
        tokio::time::sleep(LAST_WAIT).await;
    }
    /// False if the stop came first.
    async fn sleep(&self, span: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(span) => true,
            () = self.cx.stop.cancelled() => false,
        }
    }
}
