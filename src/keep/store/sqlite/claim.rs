//! The claim: which groups are due, in the order of their readers. One group at a time for one reader; a body stays frozen
//! until its outcome is recorded. Knows no rule of freshness: `fresh` decides, inside the transaction.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use rusqlite::{Connection, Row, ToSql, params};

use super::outbox::{DELIVERY, delivery};
use super::{Failure, Outcome, reads};
use crate::domain::At;
use crate::domain::collector::ChannelHealth;
use crate::domain::delivery::{DeliveryState, Intent};
use crate::domain::key::{ChannelId, DeliveryId};
use crate::keep::store::rows::{self, Columns};
use crate::keep::store::{Claim, DueGroup, DueItem, Parcel};

/// A send that has not come back for so long is taken for lost: longer than the longest send.
const LEASE: TimeDelta = TimeDelta::seconds(90);

pub fn claim(
    conn: &Connection,
    now: At,
    most: usize,
    fresh: &mut dyn FnMut(&DueGroup) -> Claim,
) -> Outcome<Vec<Parcel>> {
    lapse(conn, now)?;
    let health: BTreeMap<ChannelId, ChannelHealth> =
        reads::health(conn)?.into_iter().map(|health| (health.id.clone(), health)).collect();
    let mut busy = Busy::read(conn)?;
    let mut parcels = Vec::new();
    for (channel, recipient) in due_readers(conn, now)? {
        if parcels.len() >= most {
            break;
        }
        let health = health.get(&channel).cloned().unwrap_or_else(|| ChannelHealth::new(channel.clone()));
        let probe = health.broken.is_some() && health.probe_at.is_none_or(|at| at <= now);
        if busy.has(&channel, &recipient, probe) {
            continue;
        }
        let reader = Reader { channel, recipient, health };
        if let Some(parcel) = claim_of(conn, &reader, now, fresh)? {
            busy.add(&reader.channel, &reader.recipient);
            parcels.push(parcel);
        }
    }
    Ok(parcels)
}

struct Reader {
    channel: ChannelId,
    recipient: String,
    health: ChannelHealth,
}

/// Who has something in flight. A broken channel is probed with one message at a time, whoever its reader.
#[derive(Default)]
struct Busy {
    readers: BTreeSet<(ChannelId, String)>,
    channels: BTreeSet<ChannelId>,
}

impl Busy {
    fn read(conn: &Connection) -> Outcome<Self> {
        let mut busy = Self::default();
        let mut leased = conn
            .prepare_cached("SELECT DISTINCT channel, recipient FROM deliveries WHERE done = 0 AND state = 'leased'")?;
        let mut rows = leased.query([])?;
        while let Some(row) = rows.next()? {
            busy.add(&row.get::<_, String>(0)?.as_str().into(), &row.get::<_, String>(1)?);
        }
        Ok(busy)
    }
    fn add(&mut self, channel: &ChannelId, recipient: &str) {
        self.channels.insert(channel.clone());
        self.readers.insert((channel.clone(), recipient.to_owned()));
    }
    fn has(&self, channel: &ChannelId, recipient: &str, probe: bool) -> bool {
        probe && self.channels.contains(channel) || self.readers.contains(&(channel.clone(), recipient.to_owned()))
    }
}

/// Leases that ran out, or lie in the future of a clock that went back: the message may have left, nobody knows. It
/// counts as told, but not as an ambiguous answer: nobody saw one (channels.md 5.6).
fn lapse(conn: &Connection, now: At) -> Outcome<()> {
    let (now, far) = (now.timestamp(), (now + LEASE).timestamp());
    let lapsed = "done = 0 AND state = 'leased' AND (lease_until <= ?1 OR lease_until > ?2)";
    let told = format!("INSERT OR IGNORE INTO told SELECT episode, channel, recipient FROM deliveries WHERE {lapsed}");
    conn.prepare_cached(&told)?.execute([now, far])?;
    let back = format!(
        "UPDATE deliveries SET state = 'retrying', last_class = 'ambiguous', lease_until = NULL, changed_at = ?1 WHERE {lapsed}"
    );
    conn.prepare_cached(&back)?.execute([now, far])?;
    Ok(())
}

/// Readers with something due, longest waiting first.
fn due_readers(conn: &Connection, now: At) -> Outcome<Vec<(ChannelId, String)>> {
    let mut due = conn.prepare_cached(
        "SELECT channel, recipient FROM deliveries
        WHERE done = 0 AND state <> 'leased' AND notify_at <= ?1 AND next_attempt_at <= ?1
        GROUP BY channel, recipient ORDER BY min(notify_at), channel, recipient",
    )?;
    let found = due.query_map([now.timestamp()], |row| Ok((row.get::<_, String>(0)?.as_str().into(), row.get(1)?)))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// The reader's groups, oldest first, until one is to be sent.
fn claim_of(
    conn: &Connection,
    reader: &Reader,
    now: At,
    fresh: &mut dyn FnMut(&DueGroup) -> Claim,
) -> Outcome<Option<Parcel>> {
    while let Some((group, parcel)) = oldest_group(conn, reader, now)? {
        match fresh(&group) {
            Claim::Send { items, body, drop } => {
                give_up(conn, &group, &drop, now)?;
                let items: Vec<&DueItem> = items.iter().filter_map(|nth| group.items.get(*nth)).collect();
                return lease(conn, &group, &Leased { items, body, parcel }, now);
            }
            Claim::Drop(drop) => {
                give_up(conn, &group, &drop, now)?;
                if drop.len() < group.items.len() {
                    return Ok(None);
                }
            }
            Claim::Wait(until) => put_off(conn, &group, until.max(now + TimeDelta::seconds(1)), now)?,
        }
    }
    Ok(None)
}

/// Deliveries of one instant; those whose body is frozen together form a group of their own.
fn oldest_group(conn: &Connection, reader: &Reader, now: At) -> Outcome<Option<(DueGroup, Option<DeliveryId>)>> {
    let due = "done = 0 AND state <> 'leased' AND channel = ?1 AND recipient = ?2 AND next_attempt_at <= ?3";
    let first = format!(
        "SELECT notify_at, parcel FROM deliveries WHERE {due} AND notify_at <= ?3
        ORDER BY notify_at, parcel IS NULL, parcel LIMIT 1"
    );
    let mut first = conn.prepare_cached(&first)?;
    let mut found = first.query(params![reader.channel.as_str(), reader.recipient, now.timestamp()])?;
    let Some(row) = found.next()? else { return Ok(None) };
    let (notify_at, parcel): (i64, Option<String>) = (row.get(0)?, row.get(1)?);
    // A frozen body goes again whole, whenever its deliveries were due.
    let which =
        if parcel.is_some() { "d.parcel = ?4 AND ?5 IS NOT NULL" } else { "d.notify_at = ?5 AND d.parcel IS ?4" };
    let items = due_items(
        conn,
        &format!("d.done = 0 AND d.state <> 'leased' AND {which}"),
        params![reader.channel.as_str(), reader.recipient, now.timestamp(), parcel, notify_at],
    )?;
    let frozen = match &parcel {
        None => None,
        Some(parcel) => {
            let mut body = conn.prepare_cached("SELECT body FROM bodies WHERE parcel = ?1")?;
            body.query_map([parcel], |row| row.get(0))?.next().transpose()?
        }
    };
    let parcel = parcel.as_deref().and_then(DeliveryId::parse);
    let (channel, recipient, health) = (reader.channel.clone(), reader.recipient.clone(), reader.health.clone());
    Ok(Some((DueGroup { channel, recipient, items, health, frozen }, parcel)))
}

/// `?1` channel, `?2` recipient, `?3` now; `which` uses the others.
fn due_items(conn: &Connection, which: &str, values: &[&dyn ToSql]) -> Outcome<Vec<DueItem>> {
    // What waits for a later slot is not newer yet; what was sent in the meantime is.
    let sql = format!(
        "SELECT {}, i.facts, e.facts,
            EXISTS (SELECT 1 FROM told t
                WHERE t.episode = d.episode AND t.channel = d.channel AND t.recipient = d.recipient),
            EXISTS (SELECT 1 FROM deliveries n
                WHERE n.episode = d.episode AND n.channel = d.channel AND n.recipient = d.recipient AND n.seq > d.seq
                AND (n.state = 'sent' OR n.done = 0 AND n.notify_at <= ?3))
        FROM deliveries d JOIN intents i ON i.key = d.intent LEFT JOIN episodes e ON e.id = d.episode
        WHERE d.channel = ?1 AND d.recipient = ?2 AND {which} AND (d.next_attempt_at <= ?3 OR d.parcel IS NOT NULL)
        ORDER BY d.episode, d.seq, d.id",
        DELIVERY.join(", ")
    );
    let mut items = conn.prepare_cached(&sql)?;
    let mut found = items.query(values)?;
    let mut due = Vec::new();
    while let Some(row) = found.next()? {
        due.push(due_item(row)?);
    }
    Ok(due)
}

fn due_item(row: &Row<'_>) -> Outcome<DueItem> {
    let delivery = delivery(row)?;
    let intent: Intent = parsed(row.text(14), "intents.facts")?;
    let episode = match row.text(15) {
        None => intent.episode.clone(),
        facts => parsed(facts, "episodes.facts")?,
    };
    Ok(DueItem { delivery, intent, episode, told_before: row.get(16)?, newer_waits: row.get(17)? })
}

fn parsed<T: serde::de::DeserializeOwned>(json: Option<&str>, column: &'static str) -> Outcome<T> {
    let damaged = Failure::Damaged(rows::Damaged(column));
    json.and_then(|json| serde_json::from_str(json).ok()).ok_or(damaged)
}

struct Leased<'a> {
    items: Vec<&'a DueItem>,
    body: String,
    /// The message keeps its name while its body is frozen.
    parcel: Option<DeliveryId>,
}

fn lease(conn: &Connection, group: &DueGroup, leased: &Leased<'_>, now: At) -> Outcome<Option<Parcel>> {
    let Some(first) = leased.items.first() else { return Ok(None) };
    let id = leased.parcel.unwrap_or(first.delivery.id);
    let name = id.to_string();
    let mut deliveries = Vec::with_capacity(leased.items.len());
    for item in &leased.items {
        let mut delivery = item.delivery.clone();
        delivery.state = DeliveryState::Leased;
        delivery.fence += 1;
        let take = "UPDATE deliveries SET state = 'leased', fence = ?2, lease_until = ?3, parcel = ?4, changed_at = ?5
            WHERE id = ?1";
        conn.prepare_cached(take)?.execute(params![
            delivery.id.to_string(),
            delivery.fence,
            (now + LEASE).timestamp(),
            name,
            now.timestamp()
        ])?;
        deliveries.push(delivery);
    }
    conn.prepare_cached("INSERT OR REPLACE INTO bodies (parcel, body) VALUES (?1, ?2)")?
        .execute(params![name, leased.body])?;
    Ok(Some(Parcel {
        id,
        attempt: deliveries.iter().map(|delivery| delivery.attempts).max().unwrap_or(0) + 1,
        deliveries,
        channel: group.channel.clone(),
        recipient: group.recipient.clone(),
        body: leased.body.clone(),
        health: group.health.clone(),
    }))
}

fn give_up(conn: &Connection, group: &DueGroup, drop: &[(usize, DeliveryState)], now: At) -> Outcome<()> {
    for (nth, state) in drop {
        let Some(item) = group.items.get(*nth) else { continue };
        let end = "UPDATE deliveries SET state = ?2, done = ?3, parcel = NULL, changed_at = ?4 WHERE id = ?1";
        conn.prepare_cached(end)?.execute(params![
            item.delivery.id.to_string(),
            state.as_str(),
            state.done(),
            now.timestamp()
        ])?;
    }
    if group.frozen.is_some() { reads::forget_bodies(conn) } else { Ok(()) }
}

/// Parked while the channel is broken, else just later.
fn put_off(conn: &Connection, group: &DueGroup, until: At, now: At) -> Outcome<()> {
    for item in &group.items {
        let state = if group.health.up() { item.delivery.state } else { DeliveryState::Blocked };
        let wait = "UPDATE deliveries SET state = ?2, next_attempt_at = ?3, changed_at = ?4 WHERE id = ?1";
        conn.prepare_cached(wait)?.execute(params![
            item.delivery.id.to_string(),
            state.as_str(),
            until.timestamp(),
            now.timestamp()
        ])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::delivery::Class;
    use crate::keep::store::sqlite::samples::{Bench, at, closed, delivery, episode, intent, telling};
    use crate::keep::store::{Batch, Next};

    /// Sends everything; the body lists the ids of the intents' episodes.
    fn send(group: &DueGroup) -> Claim {
        let ids: Vec<String> = group.items.iter().map(|item| item.delivery.id.0.to_string()).collect();
        let body = group.frozen.clone().unwrap_or_else(|| ids.join("+"));
        Claim::Send { items: (0..group.items.len()).collect(), body, drop: vec![] }
    }
    fn claim(bench: &mut Bench, seconds: i64) -> Vec<Parcel> {
        bench.store().claim(at(seconds), 100, &mut send).unwrap()
    }
    fn bodies(parcels: &[Parcel]) -> Vec<(&str, &str, &str)> {
        parcels.iter().map(|p| (p.channel.as_str(), p.recipient.as_str(), p.body.as_str())).collect()
    }
    fn outcome(parcel: &Parcel, class: Class, state: DeliveryState, next: i64) -> Next {
        let deliveries = parcel.deliveries.iter().cloned().map(|mut delivery| {
            delivery.state = state;
            delivery.attempts += 1;
            delivery.last_class = Some(class);
            delivery.next_attempt_at = at(next);
            delivery
        });
        Next {
            at: at(next),
            deliveries: deliveries.collect(),
            health: ChannelHealth::new(parcel.channel.clone()),
            class,
            fallback: vec![],
            keep_body: class == Class::Ambiguous,
            evidence: "200 ok".into(),
        }
    }
    fn sent(parcel: &Parcel, seconds: i64) -> Next {
        outcome(parcel, Class::Ok, DeliveryState::Sent, seconds)
    }

    #[test]
    fn what_falls_due_for_one_reader_at_one_instant_is_one_group() {
        let mut bench = Bench::new();
        bench.commit(&telling(1, &["chat", "mail/a", "mail/b"], at(0)));
        bench.commit(&telling(2, &["chat"], at(0)));
        bench.commit(&telling(3, &["chat"], at(5)));
        assert_eq!(claim(&mut bench, -1).len(), 0, "before anything is due");
        let parcels = claim(&mut bench, 10);
        assert_eq!(bodies(&parcels), [("chat", "", "100+200"), ("mail", "a", "101"), ("mail", "b", "102")]);
        assert_eq!((parcels[0].id, parcels[0].attempt, parcels[0].deliveries[1].fence), (DeliveryId(100), 1, 1));
        // Serial for one reader: the next group waits for the outcome.
        assert_eq!(claim(&mut bench, 11).len(), 0);
        assert!(bench.store().record(&parcels[0], &sent(&parcels[0], 12)).unwrap());
        assert_eq!(bodies(&claim(&mut bench, 12)), [("chat", "", "300")]);
    }

    #[test]
    fn no_more_than_asked_for_are_claimed() {
        let mut bench = Bench::new();
        bench.commit(&telling(1, &["a", "b", "c"], at(0)));
        let parcels = bench.store().claim(at(0), 2, &mut send).unwrap();
        assert_eq!(bodies(&parcels), [("a", "", "100"), ("b", "", "101")]);
        assert_eq!(bodies(&claim(&mut bench, 0)), [("c", "", "102")]);
    }

    #[test]
    fn a_delivery_whose_id_exists_is_left_alone() {
        let mut bench = Bench::new();
        bench.commit(&telling(1, &["chat"], at(0)));
        let parcel = claim(&mut bench, 0).remove(0);
        bench.store().record(&parcel, &sent(&parcel, 1)).unwrap();
        bench.commit(&telling(1, &["chat"], at(0)));
        assert_eq!(claim(&mut bench, 2).len(), 0, "told once");
    }

    #[test]
    fn a_delivery_without_its_intent_is_refused_and_nothing_is_written() {
        let mut bench = Bench::new();
        let batch = Batch { intents: vec![], ..telling(1, &["chat"], at(0)) };
        let told = bench.store().commit(&batch).unwrap_err().to_string();
        assert!(told.starts_with("commit: a delivery for the intent"), "{told}");
        assert_eq!(bench.loaded().episodes, []);
    }

    #[test]
    fn a_lease_that_ran_out_is_claimed_again_with_the_same_body_and_name() {
        let mut bench = Bench::new();
        bench.commit(&telling(1, &["chat"], at(0)));
        let first = claim(&mut bench, 0).remove(0);
        assert_eq!(bench.store().next_delivery().unwrap(), Some(at(90)));
        assert_eq!(claim(&mut bench, 89).len(), 0);
        // Meanwhile something else became due at the same instant; the frozen body does not hold it.
        bench.commit(&telling(2, &["chat"], at(0)));
        let mut group = None;
        let again = bench.store().claim(at(90), 9, &mut |due| {
            group.get_or_insert_with(|| due.clone());
            send(due)
        });
        let (again, group) = (again.unwrap(), group.unwrap());
        assert_eq!(bodies(&again), [("chat", "", "100")]);
        assert_eq!(group.frozen.as_deref(), Some("100"));
        assert!(group.items[0].told_before, "it may have arrived");
        let due = &group.items[0].delivery;
        assert_eq!((due.last_class, due.ambiguous, due.state), (Some(Class::Ambiguous), 0, DeliveryState::Retrying));
        assert_eq!((again[0].id, again[0].deliveries[0].fence), (first.id, 2));
        // The first sender comes back: too late for a failure.
        assert!(!bench.store().record(&first, &outcome(&first, Class::Retry, DeliveryState::Retrying, 95)).unwrap());
        assert!(bench.store().record(&again[0], &sent(&again[0], 96)).unwrap());
        assert_eq!(bodies(&claim(&mut bench, 96)), [("chat", "", "200")]);
        assert_eq!(bench.peek::<i64>("SELECT count(*) FROM bodies"), 1);
    }

    #[test]
    fn a_late_success_counts_and_the_other_claim_cannot_undo_it() {
        let mut bench = Bench::new();
        bench.commit(&telling(1, &["chat"], at(0)));
        let first = claim(&mut bench, 0).remove(0);
        let second = claim(&mut bench, 90).remove(0);
        assert!(bench.store().record(&first, &sent(&first, 91)).unwrap());
        assert!(!bench.store().record(&second, &outcome(&second, Class::Retry, DeliveryState::Retrying, 92)).unwrap());
        assert_eq!(claim(&mut bench, 1_000).len(), 0);
        assert_eq!(bench.peek::<String>("SELECT state FROM deliveries"), "sent");
    }

    #[test]
    fn a_kill_between_claim_and_record_loses_nothing() {
        let mut bench = Bench::new();
        bench.commit(&telling(1, &["chat"], at(0)));
        let first = claim(&mut bench, 0).remove(0);
        bench.reopen();
        assert_eq!(bench.store().next_delivery().unwrap(), Some(At::UNIX_EPOCH), "the dead process holds no lease");
        let again = claim(&mut bench, 1);
        assert_eq!(bodies(&again), [("chat", "", "100")]);
        assert_eq!(again[0].id, first.id);
        bench.store().record(&again[0], &sent(&again[0], 2)).unwrap();
        bench.reopen();
        assert_eq!((claim(&mut bench, 999).len(), bench.store().next_delivery().unwrap()), (0, None));
        assert_eq!(bench.loaded().told, [(crate::domain::key::EpisodeId(1), "chat".into(), String::new())]);
    }

    #[test]
    fn a_clock_that_went_back_does_not_hold_a_lease_for_ever() {
        let mut bench = Bench::new();
        bench.commit(&telling(1, &["chat"], at(-90_000)));
        claim(&mut bench, 0);
        assert_eq!(claim(&mut bench, -86_400).len(), 1);
    }

    #[test]
    fn a_retry_waits_for_its_time_and_is_rendered_afresh_unless_the_body_is_kept() {
        let mut bench = Bench::new();
        bench.commit(&telling(1, &["chat"], at(0)));
        let first = claim(&mut bench, 0).remove(0);
        bench.store().record(&first, &outcome(&first, Class::Retry, DeliveryState::Retrying, 30)).unwrap();
        assert_eq!(bench.store().next_delivery().unwrap(), Some(at(30)));
        assert_eq!(claim(&mut bench, 29).len(), 0);
        let mut frozen = vec![];
        let mut look = |group: &DueGroup| {
            frozen.push(group.frozen.clone());
            Claim::Send { items: vec![0], body: "afresh".into(), drop: vec![] }
        };
        let second = bench.store().claim(at(30), 9, &mut look).unwrap().remove(0);
        assert_eq!(second.attempt, 2);
        bench.store().record(&second, &outcome(&second, Class::Ambiguous, DeliveryState::Retrying, 60)).unwrap();
        let mut look = |group: &DueGroup| {
            frozen.push(group.frozen.clone());
            send(group)
        };
        assert_eq!(bodies(&bench.store().claim(at(60), 9, &mut look).unwrap()), [("chat", "", "afresh")]);
        assert_eq!(frozen, [None, Some("afresh".into())]);
    }

    #[test]
    fn what_is_dropped_is_done_and_what_waits_comes_later() {
        let mut bench = Bench::new();
        bench.commit(&telling(1, &["chat"], at(0)));
        bench.commit(&telling(2, &["chat"], at(0)));
        bench.commit(&telling(3, &["chat"], at(1)));
        let mut asked = 0;
        let parcels = bench.store().claim(at(5), 9, &mut |group| {
            asked += 1;
            match group.items.len() {
                2 => Claim::Drop(vec![(0, DeliveryState::Superseded), (1, DeliveryState::Cancelled)]),
                _ => Claim::Wait(at(100)),
            }
        });
        assert_eq!((parcels.unwrap().len(), asked), (0, 2));
        assert_eq!(bench.peek::<String>("SELECT group_concat(state) FROM deliveries"), "superseded,cancelled,pending");
        assert_eq!(bench.store().next_delivery().unwrap(), Some(at(100)));
        assert_eq!(bodies(&claim(&mut bench, 100)), [("chat", "", "300")]);
    }

    #[test]
    fn waiting_until_now_does_not_spin() {
        let mut bench = Bench::new();
        bench.commit(&telling(1, &["chat"], at(0)));
        bench.store().claim(at(5), 9, &mut |_| Claim::Wait(at(0))).unwrap();
        assert_eq!(bench.store().next_delivery().unwrap(), Some(at(6)));
    }

    #[test]
    fn an_item_carries_its_episode_as_it_is_now_and_what_its_reader_heard() {
        let mut bench = Bench::new();
        bench.commit(&telling(1, &["chat", "mail/a"], at(0)));
        let parcels = claim(&mut bench, 0);
        bench.store().record(&parcels[0], &sent(&parcels[0], 1)).unwrap();
        bench.store().record(&parcels[1], &outcome(&parcels[1], Class::Retry, DeliveryState::Retrying, 10)).unwrap();
        let over = closed(1, at(5));
        let closing = intent(&over, 2);
        let deliveries = vec![delivery(110, &closing, "chat", at(10)), delivery(111, &closing, "mail/a", at(10))];
        bench.commit(&Batch {
            at: at(5),
            episodes: vec![over.clone()],
            intents: vec![closing],
            deliveries,
            ..Batch::default()
        });
        let mut seen = vec![];
        bench
            .store()
            .claim(at(10), 9, &mut |group| {
                for item in &group.items {
                    assert_eq!(item.episode, over);
                    seen.push((item.delivery.id.0, item.told_before, item.newer_waits));
                }
                Claim::Wait(at(20))
            })
            .unwrap();
        seen.sort_unstable();
        assert_eq!(seen, [(101, false, true), (110, true, false), (111, false, false)]);
    }

    #[test]
    fn what_was_sent_in_the_meantime_is_newer_and_what_waits_for_a_later_slot_is_not() {
        let mut bench = Bench::new();
        bench.commit(&telling(1, &["chat"], at(0)));
        let first = claim(&mut bench, 0).remove(0);
        bench.store().record(&first, &outcome(&first, Class::Retry, DeliveryState::Retrying, 100)).unwrap();
        let rung = intent(&episode(1), 2);
        let more = delivery(110, &rung, "chat", at(200));
        bench.commit(&Batch { at: at(5), intents: vec![rung], deliveries: vec![more], ..Batch::default() });
        let newer = |bench: &mut Bench, seconds: i64| {
            let mut seen = vec![];
            let mut look = |group: &DueGroup| {
                seen.extend(group.items.iter().map(|item| (item.delivery.id.0, item.newer_waits)));
                if group.items[0].newer_waits || seconds < 200 { Claim::Wait(at(seconds + 50)) } else { send(group) }
            };
            let parcels = bench.store().claim(at(seconds), 9, &mut look).unwrap();
            for parcel in &parcels {
                bench.store().record(parcel, &sent(parcel, seconds)).unwrap();
            }
            seen
        };
        assert_eq!(newer(&mut bench, 100), [(100, false)]);
        assert_eq!(newer(&mut bench, 200), [(100, true), (110, false)]);
        assert_eq!(newer(&mut bench, 250), [(100, true)]);
    }

    #[test]
    fn a_broken_channel_is_probed_with_one_message_and_released_when_it_is_back() {
        let mut bench = Bench::new();
        bench.commit(&telling(1, &["mail/a"], at(0)));
        let first = claim(&mut bench, 0).remove(0);
        let mut broke = outcome(&first, Class::Broken, DeliveryState::Blocked, 900);
        broke.health.broken = Some((at(1), Class::Broken));
        broke.health.probe_at = Some(at(900));
        bench.store().record(&first, &broke).unwrap();
        bench.commit(&telling(2, &["mail/b", "mail/c"], at(10)));
        bench.store().claim(at(10), 9, &mut |_| Claim::Wait(at(4_000))).unwrap();
        assert_eq!(bench.peek::<String>("SELECT group_concat(DISTINCT state) FROM deliveries"), "blocked");
        assert_eq!(bench.store().next_delivery().unwrap(), Some(at(900)));
        bench.commit(&telling(3, &["mail/d"], at(20)));
        let probe = claim(&mut bench, 900);
        assert_eq!(bodies(&probe), [("mail", "a", "100")]);
        assert_eq!(claim(&mut bench, 901).len(), 0, "one probe at a time");
        assert_eq!(bench.store().next_delivery().unwrap(), Some(at(990)));
        bench.store().record(&probe[0], &sent(&probe[0], 902)).unwrap();
        assert_eq!(bodies(&claim(&mut bench, 902)), [("mail", "b", "200"), ("mail", "c", "201"), ("mail", "d", "300")]);
    }

    #[test]
    fn fallbacks_are_written_with_the_outcome() {
        let mut bench = Bench::new();
        bench.commit(&telling(1, &["chat"], at(0)));
        let parcel = claim(&mut bench, 0).remove(0);
        let mut dead = outcome(&parcel, Class::Refused, DeliveryState::Dead, 1);
        dead.health.dead = 1;
        dead.fallback = vec![delivery(900, &intent(&episode(1), 1), "mail/ops", at(1))];
        dead.evidence = "ä".repeat(1_000);
        bench.store().record(&parcel, &dead).unwrap();
        assert_eq!(bodies(&claim(&mut bench, 1)), [("mail", "ops", "900")]);
        assert_eq!(bench.peek::<i64>("SELECT length(evidence) FROM deliveries WHERE state = 'dead'"), 500);
        let waiting: Vec<_> = bench
            .store()
            .waiting(at(1))
            .unwrap()
            .into_iter()
            .map(|w| (w.channel.to_string(), w.state, w.count, w.oldest_due))
            .collect();
        assert_eq!(
            waiting,
            [("chat".into(), DeliveryState::Dead, 1, None), ("mail".into(), DeliveryState::Pending, 1, Some(at(1)))]
        );
        assert_eq!(bench.store().health().unwrap().len(), 1);
        assert_eq!(bench.loaded().channels, ["chat"]);
    }

    #[test]
    fn a_claim_that_finds_nothing_writes_nothing() {
        let mut bench = Bench::new();
        bench.commit(&telling(1, &["chat"], at(50)));
        claim(&mut bench, 10);
        assert_eq!(bench.store().last_write().unwrap(), Some(at(0)));
    }

    /// What may happen to an outbox, in any order.
    #[derive(Clone, Debug)]
    enum Step {
        Tell { reader: usize, in_seconds: i64 },
        Claim,
        Record { nth: usize, class: Class, again_in: i64 },
        Pass(i64),
        Kill,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let class = prop_oneof![Just(Class::Ok), Just(Class::Retry), Just(Class::Ambiguous)];
        let step = prop_oneof![
            3 => (0usize..4, 0i64..40).prop_map(|(reader, in_seconds)| Step::Tell { reader, in_seconds }),
            4 => Just(Step::Claim),
            3 => (0usize..4, class, 0i64..60).prop_map(|(nth, class, again_in)| Step::Record { nth, class, again_in }),
            2 => (1i64..120).prop_map(Step::Pass),
            1 => Just(Step::Kill),
        ];
        proptest::collection::vec(step, 1..40)
    }

    fn state_after(class: Class) -> DeliveryState {
        if class == Class::Ok { DeliveryState::Sent } else { DeliveryState::Retrying }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn whatever_happens_each_reader_gets_one_at_a_time_and_everything_arrives(steps in steps()) {
            const READERS: [&str; 4] = ["chat", "mail/a", "mail/b", "hook"];
            let mut bench = Bench::new();
            let (mut now, mut told) = (0i64, 0u128);
            // Parcels that a living sender holds, with the end of their lease.
            let mut held: Vec<(Parcel, i64)> = vec![];
            let mut frozen: BTreeMap<DeliveryId, String> = BTreeMap::new();
            // Told for good, if only by a success that came late.
            let mut arrived: BTreeSet<DeliveryId> = BTreeSet::new();
            for step in steps {
                match step {
                    Step::Tell { reader, in_seconds } => {
                        told += 1;
                        bench.commit(&telling(told, &[READERS[reader]], at(now + in_seconds)));
                    }
                    Step::Claim => {
                        for parcel in claim(&mut bench, now) {
                            let busy = held.iter().any(|(other, until)| *until > now && !arrived.contains(&other.id)
                                && (&other.channel, &other.recipient) == (&parcel.channel, &parcel.recipient));
                            prop_assert!(!busy, "a second message to a reader in flight");
                            if let Some(body) = frozen.insert(parcel.id, parcel.body.clone()) {
                                prop_assert_eq!(&body, &parcel.body, "one name, one body");
                            }
                            held.push((parcel, now + 90));
                        }
                    }
                    Step::Record { nth, class, again_in } if !held.is_empty() => {
                        let (parcel, until) = held.remove(nth % held.len());
                        let next = Next { at: at(now), ..outcome(&parcel, class, state_after(class), now + again_in) };
                        let mine = bench.store().record(&parcel, &next).unwrap();
                        let settled = arrived.contains(&parcel.id);
                        prop_assert!(mine || until <= now || settled, "an outcome within its lease counts");
                        if class == Class::Ok {
                            arrived.insert(parcel.id);
                        }
                        if mine && class != Class::Ambiguous {
                            frozen.remove(&parcel.id);
                        }
                    }
                    Step::Record { .. } => {}
                    Step::Pass(seconds) => now += seconds,
                    Step::Kill => {
                        bench.reopen();
                        held.clear();
                    }
                }
            }
            // In the end, with a receiver that takes everything, next_delivery leads through all of it.
            for _ in 0..1_000 {
                let Some(next) = bench.store().next_delivery().unwrap() else { break };
                now = now.max((next - at(0)).num_seconds());
                for parcel in claim(&mut bench, now) {
                    prop_assert!(bench.store().record(&parcel, &sent(&parcel, now)).unwrap());
                }
            }
            prop_assert_eq!(bench.peek::<i64>("SELECT count(*) FROM deliveries WHERE state = 'sent'"), i64::try_from(told).unwrap());
            prop_assert_eq!(bench.peek::<i64>("SELECT count(*) FROM bodies"), 0);
        }
    }
}
