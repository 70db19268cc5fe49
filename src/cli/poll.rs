//! `poll COLLECTOR`: one poll now, request by request: what was asked, what came, what was read, and why not more.
//!
//! By itself, with the configuration alone; nothing is written and nothing is told. Or by the running server.

use std::fmt::Write;
use std::time::Duration;

use clap::Args;

use super::output::{Screen, complain, say};
use super::print::{table, width};
use super::server::Server;
use super::source::{Failed, SourceArguments};
use crate::app::once::{self, Look};
use crate::base::time::clock::{Clock, Stopwatch};
use crate::collect::issuer::Collector;
use crate::config::{self, Loading};
use crate::deliver::message::words;
use crate::domain::At;
use crate::domain::observation::{Life, Record};
use crate::domain::poll::{Poll, PollRequest};
use crate::domain::text::Text;
use crate::domain::token::Expiry;
use crate::show::answers::filter::no_such;
use crate::show::answers::shapes::CollectorDetail;

const EXAMPLES: &str = "\
Examples:
  forewarn poll gitlab                         # ask now, in this process; nothing is stored or told
  forewarn poll gitlab --debug                 # with what was decided about each answer
  forewarn poll gitlab --server=URL            # let the running server ask, and show what it did

Exit code: 0 if all was read, 1 if not, 2 for a bad configuration or an unknown collector.";

/// Most tokens that are listed; the rest is counted.
const MOST: usize = 500;

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct PollArguments {
    /// Collector of the configuration
    #[arg(value_name = "COLLECTOR")]
    pub collector: String,
    /// What was decided about each answer: meaning, paging, waits, headers that matter
    #[arg(long)]
    pub debug: bool,
    #[command(flatten)]
    pub source: SourceArguments,
}

/// Longest wait for a server's poll, and the pause between two looks.
const PATIENCE: Duration = Duration::from_secs(600);
const PAUSE: Duration = Duration::from_millis(250);

pub fn run(arguments: &PollArguments) -> u8 {
    let source = &arguments.source;
    // A variable of the environment may stand beside a flag; the flag is the nearer wish.
    let shown = match (&source.config, &source.server.server) {
        (None, Some(url)) => Server::new(url, &source.server).and_then(|server| remote(&server, arguments)),
        _ => local(arguments),
    };
    match shown {
        Ok((text, poll)) => {
            say(&text);
            u8::from(poll.failure.is_some())
        }
        Err(failed) => failed.say(),
    }
}

/// Lets the server poll, and waits for what it did.
fn remote(server: &Server, arguments: &PollArguments) -> Result<(String, Poll), Failed> {
    if arguments.debug {
        complain("a server does not tell what was decided about each answer; poll with --config.file for that");
    }
    let name = arguments.collector.as_str();
    let newest = || -> Result<Option<Poll>, Failed> {
        let detail: CollectorDetail = server.get(&["api/v1/collectors", name], &[])?;
        Ok(detail.polls.into_iter().next())
    };
    let before = newest()?.map_or(0, |poll| poll.number);
    server.post(&["api/v1/collectors", name, "poll"])?;
    let watch = Stopwatch::start();
    while watch.elapsed() < PATIENCE {
        if let Some(poll) = newest()?.filter(|poll| poll.number > before) {
            return Ok((people(&poll, &[], None), poll));
        }
        std::thread::sleep(PAUSE);
    }
    Err(Failed::new(1, format!("{name} has not finished a poll within {} s", PATIENCE.as_secs())))
}

fn local(arguments: &PollArguments) -> Result<(String, Poll), Failed> {
    let path = arguments.source.config.clone().unwrap_or_else(|| "forewarn.yml".into());
    let loading = Loading { definitions: arguments.source.issuers.clone(), external_url: true, ..Loading::default() };
    let setup = config::load(&path, &loading).map_err(|failed| Failed::arguments(failed.render()))?.setup;
    let known: Vec<&str> = setup.collectors.iter().map(|collector| collector.id.as_str()).collect();
    let found = setup.collectors.iter().find(|collector| collector.id.as_str() == arguments.collector);
    let collector = found.ok_or_else(|| Failed::arguments(no_such("collector", &arguments.collector, &known)))?;
    let clock = Clock::System;
    let looked = once::block_on(once::poll(&setup, collector, &clock, arguments.debug));
    let Look { records, did } = looked.and_then(|looked| looked).map_err(|error| Failed::new(1, error))?;
    let told = Told { collector, records: &records, now: clock.now() };
    let text = people(&did.poll, if arguments.debug { &did.notes } else { &[] }, Some(&told));
    Ok((text, did.poll))
}

/// What only this process knows: the server does not tell the records of one poll.
struct Told<'a> {
    collector: &'a Collector,
    records: &'a [Record],
    now: At,
}

fn people(poll: &Poll, notes: &[Vec<Text>], told: Option<&Told<'_>>) -> String {
    let mut text = String::new();
    if let Some(told) = told {
        let url = told.collector.settings.url.as_ref().or(told.collector.definition.url.as_ref());
        let place = url.map_or(String::new(), |url| format!(" at {}", url.origin().ascii_serialization()));
        let _ = write!(text, "{} · {}{place} · ", told.collector.id, told.collector.definition.title);
    }
    let at = poll.started_at.format("%a %-d %b %H:%M:%S UTC");
    let _ = writeln!(text, "polled {at}, took {}", took(poll.duration_ms));
    let _ = writeln!(text, "{}\n", verdict(poll));
    requests(poll, &mut text);
    decisions(poll, notes, &mut text);
    rejects(poll, &mut text);
    if let Some(told) = told {
        tokens(told, &mut text);
    }
    text
}

/// `all of it was read: 12 tokens`; `67 % of it was read, 8 tokens: not found, 404 GET /projects/7`.
fn verdict(poll: &Poll) -> String {
    let tokens = words::count(poll.records as usize, "token");
    let Some(failure) = poll.failure else { return format!("all of it was read: {tokens}") };
    let why = failure.as_str().replace('_', " ");
    let detail = poll.detail.as_ref().map(|detail| format!(" ({})", width::inert(detail.as_str())));
    let detail = detail.unwrap_or_default();
    match poll.coverage > 0.0 {
        true => format!("{:.0} % of it was read, {tokens}; the rest was not: {why}{detail}", poll.coverage * 100.0),
        false => format!("it was not read: {why}{detail}"),
    }
}

fn requests(poll: &Poll, text: &mut String) {
    if poll.requests.is_empty() {
        text.push_str("nothing was asked\n\n");
        return;
    }
    let row = |(nth, asked): (usize, &PollRequest)| {
        vec![
            (nth + 1).to_string(),
            asked.request.to_string(),
            format!("{} {}", asked.method, asked.path),
            asked.status.map_or("-".into(), |status| status.to_string()),
            took(asked.duration_ms),
            asked.records.to_string(),
            asked.failure.map_or(String::new(), |failure| failure.as_str().replace('_', " ")),
        ]
    };
    let rows: Vec<Vec<String>> = poll.requests.iter().enumerate().map(row).collect();
    text.push_str(&table::rows(
        &["#", "REQUEST", "ASKED", "STATUS", "TIME", "TOKENS", "FAILURE"],
        &rows,
        Screen::of_stdout(),
    ));
    more(poll.more_requests, "request", text);
    text.push('\n');
}

fn decisions(poll: &Poll, notes: &[Vec<Text>], text: &mut String) {
    if notes.is_empty() {
        return;
    }
    text.push_str("what was decided\n");
    for (nth, (asked, notes)) in poll.requests.iter().zip(notes).enumerate() {
        let _ = writeln!(text, "  {}  {} {} {}", nth + 1, asked.request, asked.method, asked.path);
        for note in notes {
            let _ = writeln!(text, "       {}", width::inert(note.as_str()));
        }
    }
    text.push('\n');
}

fn rejects(poll: &Poll, text: &mut String) {
    if poll.rejects.is_empty() {
        return;
    }
    let row = |reject: &crate::domain::poll::PollReject| {
        vec![reject.request.to_string(), reject.reason.to_string(), reject.detail.to_string()]
    };
    let rows: Vec<Vec<String>> = poll.rejects.iter().map(row).collect();
    text.push_str(&table::rows(&["REJECTED FROM", "REASON", "DETAIL"], &rows, Screen::of_stdout()));
    more(poll.more_rejects, "reject", text);
    text.push('\n');
}

fn tokens(told: &Told<'_>, text: &mut String) {
    if told.records.is_empty() {
        text.push_str("no token was read\n");
        return;
    }
    let mut rows: Vec<Vec<String>> = told.records.iter().map(|record| token(record, told)).collect();
    rows.sort();
    let over = rows.len().saturating_sub(MOST);
    rows.truncate(MOST);
    text.push_str(&table::rows(&["TOKEN", "KIND", "ENDS"], &rows, Screen::of_stdout()));
    more(u32::try_from(over).unwrap_or(u32::MAX), "token", text);
}

fn token(record: &Record, told: &Told<'_>) -> Vec<String> {
    let id = told.collector.id.as_str();
    let parts = [id, record.place_path.as_str(), record.name.as_str()];
    let name: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    // A collector's own login is called by its collector alone.
    let name = if record.name.as_str().starts_with("forewarn/") { record.name.to_string() } else { name.join("/") };
    let kinds = &told.collector.definition.kinds;
    let kind = kinds.iter().find(|kind| kind.name == record.kind.as_str());
    let kind = kind.map_or_else(|| record.kind.to_string(), |kind| kind.title.clone());
    vec![name, kind, ends(record, told.now)]
}

fn ends(record: &Record, now: At) -> String {
    let state = match record.life {
        Life::Active | Life::Unsaid => String::new(),
        other => format!("{}; ", format!("{other:?}").to_lowercase()),
    };
    let end = match record.expires {
        Expiry::At(end) => format!("{}, {}", words::full(end.instant, now), words::nearly(end.instant, now)),
        Expiry::Never => "never".into(),
        Expiry::Unknown(_) => "not told".into(),
    };
    format!("{state}{end}")
}

fn more(count: u32, what: &str, text: &mut String) {
    if count > 0 {
        let _ = writeln!(text, "and {} more", words::count(count as usize, what));
    }
}

fn took(millis: u32) -> String {
    match millis {
        0..=999 => format!("{millis} ms"),
        _ => format!("{:.1} s", f64::from(millis) / 1000.0),
    }
}
