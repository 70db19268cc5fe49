//! Messages as people see them: to whom, when, how it went, and the health of the channels they take. Pure: the store's
//! rows are an argument.

use std::collections::BTreeMap;

use super::explanation::{NotFound, find};
use super::filter::{Wrong, closed, named, no_such};
use super::shapes::{ChannelRow, Deliveries, DeliveryRow, ToldRow};
use super::tokens::Paging;
use crate::deliver::message::words;
use crate::domain::At;
use crate::domain::delivery::DeliveryState;
use crate::domain::episode::{Subject, Transition};
use crate::domain::finding::{FindingKind, Rung, Severity};
use crate::domain::key::ChannelId;
use crate::judge::world::World;
use crate::keep::store::{Remembered, Sought, Waiting};

/// What the store told of its messages.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub rows: Vec<Remembered>,
    pub matching: usize,
    pub offset: usize,
    pub waiting: Vec<Waiting>,
}

/// The words that narrow a list of messages, with what each asks for.
pub const WORDS: &[(&str, &str)] = &[
    ("channel", "Name of the channel; globs"),
    ("state", "State of the message: pending, retrying, blocked, sent, dead, superseded, cancelled"),
    ("token", "The label `token`, or the code of a finding; for a channel's own failure its name"),
    ("finding", "Kind of the finding that it tells; globs"),
    ("severity", "Severity that it was told with"),
];

/// A question to the store, from names and values.
pub fn sought<'p>(
    world: &World,
    pairs: impl IntoIterator<Item = (&'p str, &'p str)>,
    paging: Paging,
) -> Result<Sought, Wrong> {
    let most = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let mut sought = Sought { offset: most(paging.offset), limit: most(paging.limit), ..Sought::default() };
    let mut wrong = Vec::new();
    for (word, value) in pairs {
        match word {
            "channel" => {
                let all: Vec<_> = world.routes().channels().keys().map(|id| (id.as_str(), id.clone())).collect();
                sought.channels.extend(closed(word, value, &all, &mut wrong));
            }
            "state" => {
                let all = named(DeliveryState::ALL, state);
                sought.states.extend(closed(word, value, &all, &mut wrong));
            }
            "finding" => {
                let all = named(FindingKind::ALL, FindingKind::as_str);
                sought.findings.extend(closed(word, value, &all, &mut wrong));
            }
            "severity" => {
                let all = named(Severity::ALL, Severity::as_str);
                sought.severities.extend(closed(word, value, &all, &mut wrong));
            }
            "token" => match subject(world, value) {
                Ok(subject) => sought.subjects.push(subject),
                Err(NotFound(sentence)) => wrong.push(sentence),
            },
            _ => {
                let known: Vec<_> = WORDS.iter().map(|(word, _)| *word).collect();
                wrong.push(no_such("filter", word, &known));
            }
        }
    }
    if wrong.is_empty() { Ok(sought) } else { Err(Wrong(wrong)) }
}

fn subject(world: &World, text: &str) -> Result<Subject, NotFound> {
    match world.routes().channels().keys().find(|id| id.as_str() == text) {
        Some(channel) => Ok(Subject::Channel(channel.clone())),
        None => find(world, text).map(Subject::Token),
    }
}

impl Deliveries {
    pub fn of(world: &World, told: &Told, now: At) -> Self {
        Self {
            now,
            channels: channels(world, &told.waiting),
            matching: told.matching,
            offset: told.offset,
            deliveries: told.rows.iter().map(DeliveryRow::of).collect(),
        }
    }
}

/// Every configured channel by name.
pub fn channels(world: &World, waiting: &[Waiting]) -> Vec<ChannelRow> {
    let mut rows: BTreeMap<&ChannelId, ChannelRow> = BTreeMap::new();
    for id in world.routes().channels().keys() {
        let health = world.channels().get(id);
        let broken = health.and_then(|health| health.broken);
        let row = ChannelRow {
            channel: id.to_string(),
            up: broken.is_none(),
            broken_since: broken.map(|(since, _)| since),
            class: broken.map(|(_, class)| class.to_string()),
            waiting: 0,
            dead: health.map_or(0, |health| health.dead),
            oldest_due: None,
        };
        rows.insert(id, row);
    }
    for of in waiting {
        let Some(row) = rows.get_mut(&of.channel) else { continue };
        match of.state {
            DeliveryState::Dead => row.dead = of.count,
            _ => row.waiting += of.count,
        }
        row.oldest_due = [row.oldest_due, of.oldest_due].into_iter().flatten().min();
    }
    rows.into_values().collect()
}

impl DeliveryRow {
    pub fn of(row: &Remembered) -> Self {
        let (delivery, intent) = (&row.delivery, &row.intent);
        Self {
            id: delivery.id.to_string(),
            due: delivery.notify_at,
            changed_at: row.changed_at,
            channel: delivery.channel.to_string(),
            recipient: delivery.recipient.clone(),
            token: intent.facts.token.clone(),
            finding: intent.episode.kind,
            severity: delivery.severity,
            what: what(&intent.transition, intent.episode.rung.as_ref()),
            state: state(delivery.state).into(),
            attempts: delivery.attempts,
            class: delivery.last_class.map(|class| class.to_string()),
            evidence: row.evidence.clone(),
            code: intent.episode.id.code(),
        }
    }
}

impl ToldRow {
    /// `at`: when it was taken by the receiver, else when it became due.
    pub fn of(row: &Remembered) -> Self {
        let delivery = &row.delivery;
        let sent = delivery.state == DeliveryState::Sent;
        Self {
            at: if sent { row.changed_at } else { delivery.notify_at },
            channel: delivery.channel.to_string(),
            recipient: delivery.recipient.clone(),
            finding: row.intent.episode.kind,
            what: what(&row.intent.transition, row.intent.episode.rung.as_ref()),
            state: state(delivery.state).into(),
            code: row.intent.episode.id.code(),
        }
    }
}

/// A lease is an inner matter of the outbox: it waits.
fn state(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Leased => DeliveryState::Pending.as_str(),
        other => other.as_str(),
    }
}

/// `opened`, `7d`, `raised to critical`, `reminder 2`, `closed: rotated`.
pub fn what(transition: &Transition, rung: Option<&Rung>) -> String {
    match transition {
        Transition::Opened => rung.map_or_else(|| "opened".into(), words::entry),
        Transition::Rung(rung) => words::entry(rung),
        Transition::Raised(severity) => format!("raised to {severity}"),
        Transition::Reminder(nth) => format!("reminder {nth}"),
        Transition::Reassigned => "to a new reader".into(),
        Transition::Closed(how) => format!("closed: {how}"),
    }
}
