//! `deliveries`: messages told and failed, newest first, and which channels do not take them.

use clap::Args;

use super::list::{Format, json};
use super::output::{Screen, say};
use super::print::{csv, table, width};
use super::source::{Source, SourceArguments};
use crate::deliver::message::words;
use crate::show::answers::shapes::{ChannelRow, Deliveries, DeliveryRow};

/// Messages shown unless told, and at most.
const USUAL: u64 = 50;
const MOST: u64 = 1_000;

const EXAMPLES: &str = "\
Examples:
  forewarn deliveries                          # the last messages, newest first
  forewarn deliveries --channel CHANNEL        # those to one channel
  forewarn deliveries --state dead,retrying    # what did not arrive

States: pending, retrying, blocked, sent, dead, superseded, cancelled.";

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
    #[arg(long, value_name = "N", default_value_t = USUAL, value_parser = clap::value_parser!(u64).range(1..=MOST))]
    pub limit: u64,
    /// How it is written
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
    #[command(flatten)]
    pub source: SourceArguments,
}

pub fn run(arguments: &DeliveriesArguments) -> u8 {
    let channels = arguments.channel.iter().map(|name| ("channel", name.as_str()));
    let states = arguments.state.iter().map(|state| ("state", state.as_str()));
    let words: Vec<(&str, &str)> = channels.chain(states).collect();
    let most = usize::try_from(arguments.limit).unwrap_or(usize::MAX);
    let asked = Source::open(&arguments.source).and_then(|mut source| source.deliveries(&words, most));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::print::samples::{at, now, plain};
    use crate::domain::finding::{FindingKind, Severity};

    fn row(channel: &str, recipient: &str, state: &str, evidence: &str) -> DeliveryRow {
        DeliveryRow {
            id: "d".into(),
            due: now(),
            changed_at: at("2026-11-24T09:01:00Z"),
            channel: channel.into(),
            recipient: recipient.into(),
            token: "gitlab/platform/renovate".into(),
            finding: FindingKind::ExpiresSoon,
            severity: Severity::Warning,
            what: "7d".into(),
            state: state.into(),
            attempts: 3,
            class: Some("broken".into()),
            evidence: Some(evidence.into()),
            code: "R7K2".into(),
        }
    }
    fn channel(name: &str, broken: bool) -> ChannelRow {
        ChannelRow {
            channel: name.into(),
            up: !broken,
            broken_since: broken.then(|| at("2026-11-24T05:40:00Z")),
            class: broken.then(|| "broken".into()),
            waiting: u32::from(broken) * 4,
            dead: u32::from(broken),
            oldest_due: None,
        }
    }

    #[test]
    fn what_did_not_arrive_is_said_first() {
        let deliveries = Deliveries {
            now: now(),
            channels: vec![channel("chat", false), channel("mail", true)],
            matching: 9,
            offset: 0,
            deliveries: vec![
                row("mail", "ops@example.com", "dead", "550 no such user \u{1b}[2J"),
                row("chat", "", "sent", "200 ok"),
            ],
        };
        insta::assert_snapshot!(plain(&people(&deliveries, Screen::default())), @r"
        9 messages · 1 of 2 channels in trouble
        mail: takes no messages since 05:40 UTC (broken), 4 waiting, 1 given up

        WHEN       CHANNEL               TOKEN                     WHAT             STATE                       EVIDENCE
        09:01 UTC  mail ops@example.com  gitlab/platform/renovate  expires_soon 7d  dead after 3 tries, broken  550 no such user �[2J
        09:01 UTC  chat                  gitlab/platform/renovate  expires_soon 7d  sent after 3 tries          200 ok

        7 more: --limit · --channel · --state · --format table|json|csv
        ");
        insta::assert_snapshot!(plain(&people(&deliveries, Screen { width: Some(100) })), @r"
        9 messages · 1 of 2 channels in trouble
        mail: takes no messages since 05:40 UTC (broken), 4 waiting, 1 given up

        09:01 UTC  mail ops@example.com
            gitlab/platform/renovate · expires_soon 7d · dead after 3 tries, broken · 550 no such user �[2J
        09:01 UTC  chat
            gitlab/platform/renovate · expires_soon 7d · sent after 3 tries · 200 ok

        7 more: --limit · --channel · --state · --format table|json|csv
        ");
        assert!(!people(&deliveries, Screen::default()).contains("\u{1b}[2J"));
        let none = Deliveries { channels: Vec::new(), matching: 0, deliveries: Vec::new(), ..deliveries };
        insta::assert_snapshot!(plain(&people(&none, Screen::default())), @r"
        0 messages · no channel is configured
        ");
    }
}
