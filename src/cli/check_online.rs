//! `check-config --online`: every collector logs in and reads once, every channel is reached; rights held against rights
//! needed. Nothing is written, nothing is sent to anybody.

use std::path::Path;
use std::time::Duration;

use super::output::{Screen, complain, say};
use super::print::{table, width};
use crate::app::once::{self, Look};
use crate::app::tasks::channel_client;
use crate::base::time::clock::Clock;
use crate::collect::issuer::Collector;
use crate::collect::issuer::definition::Source;
use crate::collect::issuer::definition::request::{Mode, Request, Required};
use crate::config::setup::Setup;
use crate::config::{self, Loading};
use crate::deliver::channel::SendCx;
use crate::domain::observation::Origin;
use crate::domain::poll::PollRequest;
use crate::domain::reason::FailureReason;

/// Longest wait for one channel.
const LIMIT: Duration = Duration::from_secs(45);

/// The configuration was found good a moment ago. 0 if all is well, 1 if something is missing.
pub fn run(path: &Path, loading: &Loading) -> u8 {
    let setup = match config::load(path, loading) {
        Ok(config) => config.setup,
        Err(failed) => {
            complain(failed.render().trim_end());
            return 2;
        }
    };
    let done = once::block_on(async {
        let looks = once::polls(&setup, &Clock::System).await;
        (looks, channels(&setup).await)
    });
    let (looks, channels) = match done {
        Ok(done) => done,
        Err(error) => {
            complain(&error.to_string());
            return 1;
        }
    };
    let mut rights = Vec::new();
    for (collector, look) in setup.collectors.iter().zip(looks) {
        match look {
            Ok(look) => rights.extend(held(collector, &look)),
            Err(error) => rights.push(Right::new(collector, "", "everything", Held::Unknown(error.to_string()))),
        }
    }
    let well = rights.iter().all(Right::well) && channels.iter().all(|(well, _)| *well);
    say(&shown(&rights, &channels));
    u8::from(!well)
}

fn shown(rights: &[Right], channels: &[(bool, Vec<String>)]) -> String {
    let screen = Screen::of_stdout();
    let mut text = String::from("\n");
    if !rights.is_empty() {
        let rows: Vec<Vec<String>> = rights.iter().map(Right::row).collect();
        text.push_str(&table::rows(&["COLLECTOR", "FOR", "HELD", "RIGHT NEEDED"], &rows, screen));
        text.push('\n');
    }
    if !channels.is_empty() {
        let rows: Vec<Vec<String>> = channels.iter().map(|(_, row)| row.clone()).collect();
        text.push_str(&table::rows(&["CHANNEL", "KIND", "REACHED", "WHAT WAS SEEN"], &rows, screen));
        text.push('\n');
    }
    let missing = rights.iter().filter(|right| !right.well()).count();
    let lost = channels.iter().filter(|(well, _)| !well).count();
    text.push_str(&match (missing, lost) {
        (0, 0) => "all is well: every right that is needed is held, every channel is reached\n".to_owned(),
        (missing, 0) => format!("missing or not known: {missing} of the rights above\n"),
        (0, lost) => format!("not reached: {lost} of the channels above\n"),
        (missing, lost) => {
            format!("missing or not known: {missing} of the rights; not reached: {lost} of the channels\n")
        }
    });
    text
}

/// A right, what it is needed for, and whether it is held.
struct Right {
    collector: String,
    needed: String,
    by: String,
    held: Held,
}

enum Held {
    Yes(String),
    No(String),
    /// Refused, and the definition says that it may be.
    NotRequired(String),
    /// No answer that says yes or no.
    Unknown(String),
    /// Nothing led to this request, so nothing can be said.
    NotAsked,
}

impl Right {
    fn new(collector: &Collector, needed: &str, by: &str, held: Held) -> Self {
        Self { collector: collector.id.to_string(), needed: needed.to_owned(), by: by.to_owned(), held }
    }
    fn well(&self) -> bool {
        matches!(self.held, Held::Yes(_) | Held::NotRequired(_) | Held::NotAsked)
    }
    fn row(&self) -> Vec<String> {
        let held = match &self.held {
            Held::Yes(more) if more.is_empty() => "yes".to_owned(),
            Held::Yes(more) => format!("yes: {more}"),
            Held::No(why) => format!("NO: {why}"),
            Held::NotRequired(why) => format!("no, not required: {why}"),
            Held::Unknown(why) => format!("NOT KNOWN: {why}"),
            Held::NotAsked => "not known: there was nothing to ask for".to_owned(),
        };
        [&self.collector, &self.by, &held, &self.needed].map(|cell| width::inert(cell)).to_vec()
    }
}

/// The rights of one collector, as one read of its issuer shows them.
fn held(collector: &Collector, look: &Look) -> Vec<Right> {
    let (poll, definition) = (&look.did.poll, &collector.definition);
    let mut rights = Vec::new();
    match definition.origin {
        Source::Declared => return vec![Right::new(collector, "none", "typed dates", Held::Yes(String::new()))],
        Source::Files => {
            let held = match (poll.failure, &poll.detail) {
                (None, _) => Held::Yes(String::new()),
                (Some(reason), detail) => Held::No(why(reason, detail.as_ref().map_or("", |text| text.as_str()))),
            };
            return vec![Right::new(collector, &definition.least, "files", held)];
        }
        Source::Http => {}
    }
    rights.push(login(collector, look));
    for request in definition.requests.iter().filter(|request| !request.urls.is_empty()) {
        let asked: Vec<&PollRequest> =
            poll.requests.iter().filter(|asked| asked.request.as_str() == request.name).collect();
        let waits = request.mode == Mode::Inventory && collector.settings.walks && !request.each.is_empty();
        if request.mode == Mode::Confirm || asked.is_empty() && !waits {
            continue;
        }
        let needed = request.needs.as_deref().unwrap_or(&definition.least);
        rights.push(Right::new(collector, needed, &request.name, of(request, &asked, poll.failure.is_none())));
    }
    // Whatever else kept the poll from being whole is no right, and is not well either.
    if let Some(reason) = poll.failure.filter(|_| rights.iter().all(Right::well)) {
        let detail = poll.detail.as_ref().map_or("", |text| text.as_str());
        rights.push(Right::new(collector, "", "the whole poll", Held::Unknown(why(reason, detail))));
    }
    rights
}

/// Whether the login is taken at all, and what it says it holds.
fn login(collector: &Collector, look: &Look) -> Right {
    let poll = &look.did.poll;
    let own = look.records.iter().find(|record| record.origin == Origin::OwnLogin);
    let scopes: Vec<&str> = own.iter().flat_map(|record| &record.scopes).map(|scope| scope.as_str()).collect();
    let holds = if scopes.is_empty() { String::new() } else { format!("it holds {}", scopes.join(", ")) };
    let answered = poll.requests.iter().any(|asked| asked.status.is_some());
    let detail = poll.detail.as_ref().map_or("", |text| text.as_str());
    let held = match poll.failure {
        Some(reason @ FailureReason::LoginRefused) => Held::No(why(reason, detail)),
        Some(reason) if !answered => Held::Unknown(why(reason, detail)),
        _ => Held::Yes(holds),
    };
    Right::new(collector, "a login that is accepted", "every request", held)
}

/// One request was perhaps asked for many items: one refusal is a right that is missing.
fn of(request: &Request, asked: &[&PollRequest], whole: bool) -> Held {
    if asked.is_empty() {
        return Held::NotAsked;
    }
    // A failure that was tried again and answered is none; what stands last for a path is what counts.
    let last = |one: &&&PollRequest| {
        asked.iter().rev().find(|other| other.path == one.path).is_some_and(|other| std::ptr::eq(*other, **one))
    };
    let standing: Vec<&&PollRequest> = asked.iter().filter(last).collect();
    let Some(failed) = standing.iter().find_map(|asked| Some((asked, asked.failure?))) else {
        return Held::Yes(String::new());
    };
    let (first, reason) = failed;
    // Where several URLs stand for one, the first that answers is enough.
    if request.urls.len() > 1 && standing.iter().any(|asked| asked.failure.is_none()) {
        return Held::Yes(String::new());
    }
    let status = first.status.map_or(String::new(), |status| format!("{status} "));
    let text = why(reason, &format!("{status}{} {}", first.method, first.path));
    match (reason, &request.required) {
        (FailureReason::Forbidden | FailureReason::NotFound, Required::Never) => Held::NotRequired(text),
        // Whether it was required the poll has judged already.
        (FailureReason::Forbidden | FailureReason::NotFound, Required::If(_)) if whole => Held::NotRequired(text),
        (FailureReason::Forbidden | FailureReason::NotFound | FailureReason::LoginRefused, _) => Held::No(text),
        _ => Held::Unknown(text),
    }
}

fn why(reason: FailureReason, detail: &str) -> String {
    let reason = reason.as_str().replace('_', " ");
    if detail.is_empty() { reason } else { format!("{reason} ({detail})") }
}

/// Whether each channel was reached, with its row.
async fn channels(setup: &Setup) -> Vec<(bool, Vec<String>)> {
    let client = match channel_client() {
        Ok(client) => client,
        Err(error) => return vec![(false, vec!["all".into(), String::new(), "NO".into(), error.to_string()])],
    };
    let cx = SendCx { client, clock: Clock::System };
    let mut rows = Vec::new();
    for (id, channel) in &setup.channels {
        let (well, told) = match tokio::time::timeout(LIMIT, channel.probe(&cx)).await {
            Ok(Ok(seen)) => (true, seen),
            Ok(Err(error)) => (false, format!("{}: {}", error.reason.as_str().replace('_', " "), error.detail)),
            Err(_) => (false, format!("no answer within {} s", LIMIT.as_secs())),
        };
        let reached = if well { "yes" } else { "NO" };
        rows.push((well, vec![id.to_string(), channel.kind().into(), reached.into(), width::inert(&told)]));
    }
    rows
}
