//! `list`: tokens, most urgent first, from a running server or from the store of a configuration.

use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use super::output::{complain, say};
use super::{ListArguments, ListFormat, table};
use crate::app::remember;
use crate::base::http::client::{Client, Proxy, Settings, Tls};
use crate::base::http::{Request, send};
use crate::base::time::clock::Clock;
use crate::config::{self, Loading};
use crate::deliver::message::words;
use crate::domain::At;
use crate::show::answers::shapes::Tokens;
use crate::show::listing::{self, Row};
use crate::show::web::api::{CollectorLine, Listing};

/// Largest answer of a server, bytes: a page of tokens stays far below it.
const CAP: usize = 64 << 20;
/// Most rows that a server gives at a time.
const PAGE: usize = 1000;

pub fn run(arguments: &ListArguments) -> u8 {
    let now = Clock::System.now();
    let listing = match (&arguments.server, &arguments.config) {
        (Some(server), _) => ask(server),
        (None, config) => {
            let path = config.clone().unwrap_or_else(|| "forewarn.yml".into());
            read(&path, arguments, now)
        }
    };
    match listing {
        Ok(listing) => {
            show(listing, arguments, now);
            0
        }
        Err((code, text)) => {
            complain(text.trim_end());
            code
        }
    }
}

type Failed = (u8, String);

fn read(path: &Path, arguments: &ListArguments, now: At) -> Result<Listing, Failed> {
    let loading = Loading { definitions: arguments.issuers.clone(), external_url: true };
    let setup = config::load(path, &loading).map_err(|failed| (2, failed.render()))?.setup;
    if !setup.store.path.exists() {
        let text = format!("there is no store at {} yet; `forewarn serve` makes it", setup.store.path.display());
        return Err((1, text));
    }
    let world = remember::read_only(&setup.store.path, &setup, now).map_err(|error| (1, error.to_string()))?;
    Ok(Listing::of(&world, now))
}

fn ask(server: &url::Url) -> Result<Listing, Failed> {
    let failed = |text: String| (1, format!("cannot ask {}: {text}", server.origin().ascii_serialization()));
    let settings =
        Settings { tls: Tls::default(), proxy: Proxy::Environment, timeout: Duration::from_secs(30), body_cap: CAP };
    let client = Client::build(&settings).map_err(|error| failed(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed(error.to_string()))?;
    let page = |offset: usize| -> Result<Tokens, Failed> {
        let path = format!("api/v1/tokens?limit={PAGE}&offset={offset}");
        let url = server.join(&path).map_err(|error| failed(error.to_string()))?;
        let sent = runtime.block_on(send::send(&client, Request::get(url), &Clock::System));
        let response = sent.map_err(|failure| failed(failure.to_string()))?;
        if response.status != 200 {
            return Err(failed(format!("it answers {}", response.status)));
        }
        serde_json::from_slice(&response.body)
            .map_err(|error| failed(format!("its answer is not a list of tokens: {error}")))
    };
    let mut all = page(0)?;
    while all.tokens.len() < all.matching {
        let next = page(all.tokens.len())?;
        if next.tokens.is_empty() {
            break;
        }
        all.tokens.extend(next.tokens);
    }
    Ok(listing_of(all))
}

fn listing_of(tokens: Tokens) -> Listing {
    let collectors = tokens.collectors.into_iter().map(|row| CollectorLine {
        collector: row.collector,
        issuer: row.issuer,
        ages: row.ages,
        last_success: row.last_success,
        failure: row.failure,
        failing_since: row.failing_since,
    });
    let collectors = collectors.collect();
    Listing { now: tokens.now, collectors, tokens: tokens.tokens.into_iter().map(|row| row.line).collect() }
}

fn show(listing: Listing, arguments: &ListArguments, now: At) {
    match arguments.format {
        ListFormat::Json => {
            let mut text = serde_json::to_string_pretty(&listing).unwrap_or_default();
            text.push('\n');
            say(&text);
        }
        ListFormat::Csv => say(&csv(&listing)),
        ListFormat::Table => say(&people(listing, arguments.all, now)),
    }
}

fn people(listing: Listing, all: bool, now: At) -> String {
    let freshness = freshness(&listing, now);
    let rows = listing::rows(listing.tokens, now);
    let mut text = format!("{} · {freshness}\n\n", listing::headline(&rows));
    let shown: Vec<Row> = rows.iter().filter(|row| all || row.needs_someone).cloned().collect();
    let quiet = rows.len() - shown.len();
    if !shown.is_empty() {
        let width = std::io::stdout().is_terminal().then(table::terminal_width).flatten();
        text.push_str(&table::tokens(&shown, width));
        text.push('\n');
    }
    if quiet > 0 {
        let are = if quiet == 1 { "is" } else { "are" };
        text.push_str(&format!("{quiet} {are} quiet: --all · --format table|json|csv\n"));
    }
    text
}

/// `vault was last read 3 h ago, the others within 11 min`.
fn freshness(listing: &Listing, now: At) -> String {
    let stale: Vec<String> = listing
        .collectors
        .iter()
        .filter(|collector| collector.failing_since.is_some() || collector.last_success.is_none())
        .map(|collector| match collector.last_success {
            Some(at) => format!("{} was last read {}", collector.collector, words::nearly(at, now)),
            None => format!("{} was never read", collector.collector),
        })
        .collect();
    // Facts that do not age make nobody wait.
    let ageing = listing.collectors.iter().filter(|c| c.failing_since.is_none() && c.ages);
    let oldest = ageing.filter_map(|c| c.last_success).min();
    match (stale.is_empty(), oldest) {
        (true, Some(at)) => format!("read {}", words::nearly(at, now)),
        (true, None) => format!("{} read", words::count(listing.collectors.len(), "collector")),
        (false, Some(at)) => {
            format!("{}, the others within {}", stale.join(", "), words::about((now - at).num_seconds()))
        }
        (false, None) => stale.join(", "),
    }
}

fn csv(listing: &Listing) -> String {
    let head = [
        "token",
        "collector",
        "kind",
        "state",
        "team",
        "schedule",
        "pipelines",
        "expires",
        "rotation_due",
        "deadline",
        "findings",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let time = |at: Option<At>| at.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)).unwrap_or_default();
    for line in &listing.tokens {
        let findings: Vec<String> = line.findings.iter().map(|f| format!("{}:{}", f.finding, f.severity)).collect();
        rows.push(vec![
            line.token.clone(),
            line.collector.clone(),
            line.kind.clone(),
            line.state.to_string(),
            line.team.clone().unwrap_or_default(),
            line.schedule.clone().unwrap_or_default(),
            line.pipelines.join(" "),
            if line.never_expires { "never".into() } else { time(line.expires) },
            time(line.rotation_due),
            time(line.deadline),
            findings.join(" "),
        ]);
    }
    table::csv(&rows)
}
