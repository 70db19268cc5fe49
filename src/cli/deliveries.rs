//! `deliveries`: messages told and failed, newest first, and which channels do not take them.

use clap::Args;

use super::list::{Format, json};
use super::output::{Screen, say};
use super::print::{csv, table, width};
use super::source::{Source, SourceArguments};
use crate::deliver::message::words;
use crate::show::answers::shapes::{ChannelRow, Deliveries, DeliveryRow};

/// Messages shown unless told.
const USUAL: usize = 50;

const EXAMPLES: &str = "\
Examples:
  forewarn deliveries                           the last messages, newest first
  forewarn deliveries --channel chat            those of one channel
  forewarn deliveries --state dead,retrying     what did not arrive

States: pending, retrying, blocked, sent, ambiguous, dead, superseded.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct DeliveriesArguments {
    /// Channels of the configuration; default: all
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub channel: Vec<String>,
    /// States of a message; default: all
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    pub state: Vec<String>,
    /// Most messages shown
    #[arg(long, value_name = "N", default_value_t = USUAL)]
    pub limit: usize,
    /// How it is written
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
    #[command(flatten)]
    pub source: SourceArguments,
}

pub fn run(arguments: &DeliveriesArguments) -> u8 {
    let asked = Source::open(&arguments.source)
        .and_then(|mut source| source.deliveries(&arguments.channel, &arguments.state, arguments.limit));
    match asked {
        Ok(deliveries) => {
            say(&match arguments.format {
                Format::Json => json(&deliveries),
                Format::Csv => csv::deliveries(&deliveries.deliveries),
                Format::Table => people(&deliveries, Screen::of_stdout()),
            });
            0
        }
        Err(failed) => failed.say(),
    }
}

pub fn people(deliveries: &Deliveries, screen: Screen) -> String {
    let mut text = headline(deliveries);
    for channel in deliveries.channels.iter().filter(|channel| !channel.up || channel.dead > 0) {
        text.push_str(&trouble(channel, deliveries.now));
    }
    if deliveries.deliveries.is_empty() {
        return text;
    }
    let rows: Vec<Vec<String>> = deliveries.deliveries.iter().map(|row| cells(row, deliveries.now, screen)).collect();
    text.push('\n');
    text.push_str(&table::rows(&["WHEN", "CHANNEL", "TOKEN", "WHAT", "STATE", "EVIDENCE"], &rows, screen));
    let more = deliveries.matching.saturating_sub(deliveries.offset + deliveries.deliveries.len());
    if more > 0 {
        text.push_str(&format!("\n{more} more: --limit · --channel · --state · --format table|json|csv\n"));
    }
    text
}

fn headline(deliveries: &Deliveries) -> String {
    let dead = deliveries.channels.iter().filter(|channel| channel.dead > 0 || !channel.up).count();
    let health = match (deliveries.channels.len(), dead) {
        (0, _) => "no channel is configured".to_owned(),
        (_, 0) => "every channel takes messages".into(),
        (all, dead) => format!("{dead} of {} in trouble", words::count(all, "channel")),
    };
    format!("{} · {health}\n", words::count(deliveries.matching, "message"))
}

/// `chat: does not take messages since …`.
fn trouble(channel: &ChannelRow, now: crate::domain::At) -> String {
    let name = width::inert(&channel.channel);
    let mut parts = Vec::new();
    if let Some(since) = channel.broken_since {
        let class = channel.class.as_ref().map(|class| format!(" ({})", width::inert(class))).unwrap_or_default();
        parts.push(format!("takes no messages since {}{class}", words::clock(since, now)));
    }
    if channel.waiting > 0 {
        parts.push(format!("{} waiting", channel.waiting));
    }
    if channel.dead > 0 {
        parts.push(format!("{} given up", channel.dead));
    }
    format!("{name}: {}\n", parts.join(", "))
}

/// Room for a name where the terminal is narrow.
const NAME: usize = 28;

fn cells(row: &DeliveryRow, now: crate::domain::At, screen: Screen) -> Vec<String> {
    let whom = match row.recipient.as_str() {
        "" => row.channel.clone(),
        address => format!("{} {address}", row.channel),
    };
    let tries = if row.attempts > 1 { format!(" after {} tries", row.attempts) } else { String::new() };
    let state = match &row.class {
        Some(class) if row.state != "sent" => format!("{}{tries}, {class}", row.state),
        _ => format!("{}{tries}", row.state),
    };
    let name = width::inert(&row.token);
    let name = if screen.width.is_some() { width::cut_path(&name, NAME) } else { name };
    [
        words::clock(row.changed_at, now),
        whom,
        name,
        format!("{} {}", row.finding, row.what),
        state,
        row.evidence.clone().unwrap_or_default(),
    ]
    .map(|cell| width::inert(&cell))
    .to_vec()
}
