//! Questions: what waits and until when, health of channels, counts, and the rest of what is loaded at the start.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::Outcome;
use crate::domain::At;
use crate::domain::collector::ChannelHealth;
use crate::domain::delivery::DeliveryState;
use crate::domain::key::{ChannelId, CollectorId, EpisodeId};
use crate::keep::store::rows::{Cursor, Damaged};
use crate::keep::store::{Stored, Waiting};

/// Closed episodes younger than this are loaded: a mistake in the configuration can be undone for so long (semantics 9.5).
const REMEMBERED: i64 = 30 * 86_400;

/// Episodes, channels, and where episodes were told. The store has no clock: 30 days count from its last write.
pub fn load(conn: &Connection, each: &mut dyn FnMut(Stored)) -> Outcome<()> {
    let since = last_write(conn)?.map_or(i64::MIN, |at| at.timestamp() - REMEMBERED);
    let alive = "(e.closed_at IS NULL OR e.closed_at >= ?1 OR EXISTS (SELECT 1 FROM episodes s
        WHERE s.subject = e.subject AND s.kind = e.kind AND s.generation = e.generation AND s.nth > e.nth
        AND s.closed_at IS NULL))";
    let mut episodes = conn.prepare(&format!("SELECT e.facts FROM episodes e WHERE {alive} ORDER BY e.id"))?;
    let mut rows = episodes.query([since])?;
    while let Some(row) = rows.next()? {
        each(Stored::Episode(Cursor::new(row, &["episodes.facts"]).json()?));
    }
    if let Some(at) = digested(conn)? {
        each(Stored::Digested(at));
    }
    for health in health(conn)? {
        each(Stored::Channel(health));
    }
    let mut told = conn.prepare(&format!(
        "SELECT t.episode, t.channel, t.recipient FROM told t JOIN episodes e ON e.id = t.episode WHERE {alive}
        ORDER BY t.episode, t.channel, t.recipient"
    ))?;
    let mut rows = told.query([since])?;
    while let Some(row) = rows.next()? {
        let mut at = Cursor::new(row, &["told.episode", "told.channel", "told.recipient"]);
        let episode = at.word(EpisodeId::parse)?;
        each(Stored::ToldTo { episode, channel: at.text()?.into(), recipient: at.text()?.to_owned() });
    }
    Ok(())
}

pub fn health(conn: &Connection) -> Outcome<Vec<ChannelHealth>> {
    let mut channels = conn.prepare_cached("SELECT facts FROM channels ORDER BY id")?;
    let mut rows = channels.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(Cursor::new(row, &["channels.facts"]).json()?);
    }
    Ok(found)
}

/// Earliest instant at which a claim may find something: due and not held up by what is in flight to the same reader;
/// else when that lease runs out.
pub fn next_delivery(conn: &Connection) -> Outcome<Option<At>> {
    let broken: Vec<ChannelHealth> = health(conn)?.into_iter().filter(|health| !health.up()).collect();
    let mut readers = conn.prepare_cached(
        "SELECT channel, min(CASE WHEN state <> 'leased' THEN max(notify_at, next_attempt_at) END),
            max(CASE WHEN state = 'leased' THEN lease_until END)
        FROM deliveries WHERE done = 0 GROUP BY channel, recipient",
    )?;
    let rows = readers.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let rows: Vec<(String, Option<i64>, Option<i64>)> = rows.collect::<rusqlite::Result<_>>()?;
    let mut earliest: Option<i64> = None;
    for (channel, due, lease) in &rows {
        let mut at = lease.or(*due);
        if due.is_some() && lease.is_none() && broken.iter().any(|health| health.id.as_str() == channel) {
            // A broken channel carries one message at a time; its outcome is asked about again.
            let probe = rows.iter().filter(|(other, ..)| other == channel).filter_map(|(_, _, lease)| *lease).max();
            at = probe.or(at);
        }
        earliest = [earliest, at].into_iter().flatten().min();
    }
    let seconds = earliest.map(|seconds| At::from_timestamp(seconds, 0).ok_or(Damaged("deliveries.next_attempt_at")));
    Ok(seconds.transpose()?)
}

/// Deliveries that are not done, by channel and state; a lease counts as pending. Dead ones since the channel's last
/// success.
pub fn waiting(conn: &Connection, now: At) -> Outcome<Vec<Waiting>> {
    let mut found: BTreeMap<(ChannelId, DeliveryState), (u32, Option<i64>)> = BTreeMap::new();
    let mut open = conn.prepare_cached(
        "SELECT channel, state, count(*), min(CASE WHEN notify_at <= ?1 THEN notify_at END)
        FROM deliveries WHERE done = 0 GROUP BY channel, state",
    )?;
    let mut rows = open.query([now.timestamp()])?;
    while let Some(row) = rows.next()? {
        let mut at = Cursor::new(row, &["deliveries.channel", "deliveries.state", "count", "deliveries.notify_at"]);
        let (channel, state) = (at.text()?.into(), at.word(DeliveryState::parse)?);
        let state = if state == DeliveryState::Leased { DeliveryState::Pending } else { state };
        let (count, oldest) = (at.number::<u32>()?, at.maybe_int());
        let entry = found.entry((channel, state)).or_default();
        entry.0 += count;
        entry.1 = [entry.1, oldest].into_iter().flatten().min();
    }
    for health in health(conn)?.into_iter().filter(|health| health.dead > 0) {
        found.insert((health.id, DeliveryState::Dead), (health.dead, None));
    }
    let waiting = found.into_iter().map(|((channel, state), (count, oldest))| {
        let oldest_due = oldest.and_then(|seconds| At::from_timestamp(seconds, 0));
        Waiting { channel, state, count, oldest_due }
    });
    Ok(waiting.collect())
}

pub fn census(conn: &Connection) -> Outcome<Vec<(CollectorId, u32)>> {
    let mut counts =
        conn.prepare_cached("SELECT collector, count(*) FROM slots GROUP BY collector ORDER BY collector")?;
    let found = counts.query_map([], |row| Ok((row.get::<_, String>(0)?.as_str().into(), row.get(1)?)))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

const LAST_WRITE: &str = "last_write";
const DIGESTED: &str = "digested";

pub fn last_write(conn: &Connection) -> Outcome<Option<At>> {
    instant(conn, LAST_WRITE)
}

pub fn wrote(conn: &Connection, at: At) -> Outcome<()> {
    put(conn, LAST_WRITE, at)
}

/// Until when digests were made.
pub fn digested(conn: &Connection) -> Outcome<Option<At>> {
    instant(conn, DIGESTED)
}

pub fn put_digested(conn: &Connection, at: At) -> Outcome<()> {
    put(conn, DIGESTED, at)
}

fn instant(conn: &Connection, name: &str) -> Outcome<Option<At>> {
    let ask = "SELECT value FROM meta WHERE name = ?1";
    let seconds: Option<i64> = conn.prepare_cached(ask)?.query_row([name], |row| row.get(0)).optional()?;
    Ok(seconds.map(|seconds| At::from_timestamp(seconds, 0).ok_or(Damaged("meta.value"))).transpose()?)
}

fn put(conn: &Connection, name: &str, at: At) -> Outcome<()> {
    let put = "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)";
    conn.prepare_cached(put)?.execute(params![name, at.timestamp()])?;
    Ok(())
}

/// Bodies of which nothing waits any more.
pub fn forget_bodies(conn: &Connection) -> Outcome<()> {
    let forget =
        "DELETE FROM bodies WHERE parcel NOT IN (SELECT parcel FROM deliveries WHERE done = 0 AND parcel IS NOT NULL)";
    conn.prepare_cached(forget)?.execute([])?;
    Ok(())
}
