//! Episodes, intents and deliveries as they arise, and how a delivery stands in its row.

use rusqlite::{Connection, params, params_from_iter};

use super::{Failure, Outcome};
use crate::domain::At;
use crate::domain::delivery::{Class, Delivery, DeliveryState};
use crate::domain::episode::{Episode, EpisodeState};
use crate::domain::finding::Severity;
use crate::domain::key::DeliveryId;
use crate::keep::store::Batch;
use crate::keep::store::rows::{self, Cell, Columns, Cursor};

/// Columns of [`delivery`], of the table `d`.
pub const DELIVERY: [&str; 14] = [
    "d.id",
    "d.intent",
    "d.channel",
    "d.recipient",
    "d.severity",
    "d.notify_at",
    "d.deadline",
    "d.state",
    "d.attempts",
    "d.next_attempt_at",
    "d.last_class",
    "d.ambiguous",
    "d.fence",
    "d.fell_back",
];

pub fn write(conn: &Connection, batch: &Batch) -> Outcome<()> {
    for episode in &batch.episodes {
        put_episode(conn, episode)?;
    }
    for intent in &batch.intents {
        let put = "INSERT INTO intents (key, episode, seq, at, facts) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (key) DO NOTHING";
        conn.prepare_cached(put)?.execute(params![
            intent.key(),
            intent.episode.id.to_string(),
            intent.seq,
            intent.at.timestamp(),
            rows::json(intent)
        ])?;
    }
    batch.deliveries.iter().try_for_each(|delivery| put_delivery(conn, delivery, batch.at))
}

fn put_episode(conn: &Connection, episode: &Episode) -> Outcome<()> {
    let closed = match episode.state {
        EpisodeState::Open => None,
        EpisodeState::Closed { at, .. } => Some(at.timestamp()),
    };
    if closed.is_none() {
        begin_again(conn, &episode.id.to_string())?;
    }
    let put = "INSERT OR REPLACE INTO episodes (id, subject, kind, generation, nth, closed_at, facts)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    conn.prepare_cached(put)?.execute(params![
        episode.id.to_string(),
        rows::json(&episode.subject),
        episode.kind.as_str(),
        episode.generation.as_deref().unwrap_or(""),
        episode.nth,
        closed,
        rows::json(episode)
    ])?;
    Ok(())
}

/// An episode that is closed here and open now was forgotten by memory in between, so that its number begins at 0 again
/// and its ids are those of the earlier one (semantics 9.1): what was told then must not silence what is told now.
fn begin_again(conn: &Connection, episode: &str) -> Outcome<()> {
    let over = "SELECT EXISTS (SELECT 1 FROM episodes WHERE id = ?1 AND closed_at IS NOT NULL)";
    if !conn.prepare_cached(over)?.query_row([episode], |row| row.get(0))? {
        return Ok(());
    }
    for forget in [
        "DELETE FROM deliveries WHERE episode = ?1",
        "DELETE FROM intents WHERE episode = ?1",
        "DELETE FROM told WHERE episode = ?1",
    ] {
        conn.prepare_cached(forget)?.execute([episode])?;
    }
    Ok(())
}

/// Whose id exists is left alone: the same fact for the same reader has the same id.
pub fn put_delivery(conn: &Connection, delivery: &Delivery, at: At) -> Outcome<()> {
    let put = "INSERT INTO deliveries (id, intent, channel, recipient, severity, notify_at, deadline, state, attempts,
            next_attempt_at, last_class, ambiguous, fence, fell_back, episode, seq, done, changed_at)
        SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, i.episode, i.seq, ?15, ?16
        FROM intents i WHERE i.key = ?2
        ON CONFLICT (id) DO NOTHING";
    let mut cells = cells(delivery).to_vec();
    cells.extend([rows::flag(delivery.state.done()), rows::time(at)]);
    if conn.prepare_cached(put)?.execute(params_from_iter(cells))? == 1 {
        return Ok(());
    }
    let known = "SELECT EXISTS (SELECT 1 FROM intents WHERE key = ?1)";
    match conn.prepare_cached(known)?.query_row([&delivery.intent], |row| row.get(0))? {
        true => Ok(()),
        false => Err(Failure::NoIntent(delivery.intent.clone())),
    }
}

fn cells(of: &Delivery) -> [Cell<'_>; 14] {
    [
        Cell::Text(of.id.to_string().into()),
        rows::text(&of.intent),
        rows::text(of.channel.as_str()),
        rows::text(&of.recipient),
        rows::text(of.severity.as_str()),
        rows::time(of.notify_at),
        rows::time(of.deadline),
        rows::text(of.state.as_str()),
        rows::number(of.attempts),
        rows::time(of.next_attempt_at),
        rows::maybe_text(of.last_class.map(Class::as_str)),
        rows::number(of.ambiguous),
        rows::number(of.fence),
        rows::flag(of.fell_back),
    ]
}

pub fn delivery(row: &dyn Columns) -> Outcome<Delivery> {
    let mut at = Cursor::new(row, &DELIVERY);
    Ok(Delivery {
        id: at.word(DeliveryId::parse)?,
        intent: at.text()?.to_owned(),
        channel: at.text()?.into(),
        recipient: at.text()?.to_owned(),
        severity: at.word(Severity::parse)?,
        notify_at: at.time()?,
        deadline: at.time()?,
        state: at.word(DeliveryState::parse)?,
        attempts: at.number()?,
        next_attempt_at: at.time()?,
        last_class: at.maybe_text().and_then(Class::parse),
        ambiguous: at.number()?,
        fence: at.number()?,
        fell_back: at.flag()?,
    })
}
