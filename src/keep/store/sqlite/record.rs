//! The outcome of an attempt, guarded by the fence, and the forgetting of what is long over.

use rusqlite::{Connection, params};

use super::{Outcome, outbox, reads};
use crate::domain::At;
use crate::domain::collector::ChannelHealth;
use crate::domain::delivery::{Class, Delivery, DeliveryState};
use crate::keep::store::rows;
use crate::keep::store::{Next, Parcel};

/// Longest evidence kept, bytes.
const EVIDENCE: usize = 1_000;

/// False: another claim has taken the deliveries since, and this was no success.
pub fn record(conn: &Connection, parcel: &Parcel, next: &Next) -> Outcome<bool> {
    let mut mine = true;
    for delivery in &parcel.deliveries {
        let fence = "SELECT fence FROM deliveries WHERE id = ?1";
        let found: Option<u32> =
            conn.prepare_cached(fence)?.query_map([delivery.id.to_string()], |row| row.get(0))?.next().transpose()?;
        mine &= found == Some(delivery.fence);
    }
    if !mine {
        return late(conn, parcel, next);
    }
    for delivery in &next.deliveries {
        put(conn, delivery, next)?;
        if delivery.state == DeliveryState::Sent || next.class == Class::Ambiguous {
            tell(conn, delivery)?;
        }
    }
    for delivery in &next.fallback {
        outbox::put_delivery(conn, delivery, next.at)?;
    }
    if !next.keep_body {
        conn.prepare_cached("UPDATE deliveries SET parcel = NULL WHERE done = 0 AND parcel = ?1")?
            .execute([parcel.id.to_string()])?;
    }
    reads::forget_bodies(conn)?;
    put_health(conn, parcel, next)?;
    Ok(true)
}

/// A success that comes too late still is one: whatever the other claim makes of it, the message is there. The raised
/// fence makes the other claim late in turn.
fn late(conn: &Connection, parcel: &Parcel, next: &Next) -> Outcome<bool> {
    if next.class != Class::Ok {
        return Ok(false);
    }
    for delivery in &parcel.deliveries {
        let sent =
            "UPDATE deliveries SET state = 'sent', done = 1, fence = fence + 1, last_class = 'ok', lease_until = NULL,
                parcel = NULL, evidence = ?2, changed_at = ?3
            WHERE id = ?1 AND done = 0";
        conn.prepare_cached(sent)?.execute(params![
            delivery.id.to_string(),
            evidence(&next.evidence),
            next.at.timestamp()
        ])?;
        tell(conn, delivery)?;
    }
    reads::forget_bodies(conn)?;
    Ok(true)
}

fn put(conn: &Connection, delivery: &Delivery, next: &Next) -> Outcome<()> {
    let put = "UPDATE deliveries SET state = ?2, done = ?3, attempts = ?4, next_attempt_at = ?5, last_class = ?6,
            ambiguous = ?7, fell_back = ?8, evidence = ?9, changed_at = ?10, lease_until = NULL,
            parcel = CASE WHEN ?3 THEN NULL ELSE parcel END
        WHERE id = ?1";
    conn.prepare_cached(put)?.execute(params![
        delivery.id.to_string(),
        delivery.state.as_str(),
        delivery.state.done(),
        delivery.attempts,
        delivery.next_attempt_at.timestamp(),
        delivery.last_class.map(Class::as_str),
        delivery.ambiguous,
        delivery.fell_back,
        evidence(&next.evidence),
        next.at.timestamp()
    ])?;
    Ok(())
}

fn evidence(text: &str) -> &str {
    &text[..text.floor_char_boundary(EVIDENCE)]
}

fn tell(conn: &Connection, delivery: &Delivery) -> Outcome<()> {
    let told = "INSERT OR IGNORE INTO told SELECT episode, channel, recipient FROM deliveries WHERE id = ?1";
    conn.prepare_cached(told)?.execute([delivery.id.to_string()])?;
    Ok(())
}

/// A channel that came back releases what was parked for it.
fn put_health(conn: &Connection, parcel: &Parcel, next: &Next) -> Outcome<()> {
    let before = "SELECT facts FROM channels WHERE id = ?1";
    let channel = next.health.id.as_str();
    let facts: Option<String> =
        conn.prepare_cached(before)?.query_map([channel], |row| row.get(0))?.next().transpose()?;
    let was: Option<ChannelHealth> = facts.and_then(|facts| serde_json::from_str(&facts).ok());
    let health = match &was {
        Some(was) => merged(was, &parcel.health, next),
        None => next.health.clone(),
    };
    if was.as_ref() != Some(&health) {
        let put = "INSERT OR REPLACE INTO channels (id, facts) VALUES (?1, ?2)";
        conn.prepare_cached(put)?.execute(params![channel, rows::json(&health)])?;
    }
    if health.up() && was.is_some_and(|was| !was.up()) {
        let release = "UPDATE deliveries SET next_attempt_at = ?2,
                state = CASE WHEN attempts > 0 THEN 'retrying' ELSE 'pending' END
            WHERE channel = ?1 AND done = 0 AND state = 'blocked' AND next_attempt_at > ?2";
        conn.prepare_cached(release)?.execute(params![channel, next.at.timestamp()])?;
    }
    Ok(())
}

/// Several messages of a channel may be in flight, each with the health it was claimed with (`seen`). A failure that was
/// judged before another one broke the channel must not make it whole again, nor forget what the other counted.
fn merged(was: &ChannelHealth, seen: &ChannelHealth, next: &Next) -> ChannelHealth {
    let new = &next.health;
    let answered = matches!(next.class, Class::Ok | Class::Recipient | Class::Refused);
    if was == seen || answered {
        let dead = if next.class == Class::Ok { new.dead } else { was.dead + new.dead.saturating_sub(seen.dead) };
        return ChannelHealth { dead, ..new.clone() };
    }
    ChannelHealth {
        id: new.id.clone(),
        failures_in_a_row: was.failures_in_a_row + new.failures_in_a_row.saturating_sub(seen.failures_in_a_row),
        broken: was.broken.or(new.broken),
        probe_at: was.probe_at.max(new.probe_at),
        throttled_until: was.throttled_until.max(new.throttled_until),
        dead: was.dead + new.dead.saturating_sub(seen.dead),
        refusals: was.refusals.max(new.refusals),
        policy: if was.policy.len() > new.policy.len() { was.policy.clone() } else { new.policy.clone() },
    }
}

/// Done deliveries and told intents that changed last before; episodes that closed before, unless one of them still
/// waits to be told or a later one of the same finding is open (its number counts them).
pub fn prune(conn: &Connection, before: At) -> Outcome<u32> {
    let before = before.timestamp();
    let deliveries = conn.execute("DELETE FROM deliveries WHERE done = 1 AND changed_at < ?1", [before])?;
    conn.execute(
        "DELETE FROM intents WHERE at < ?1 AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.intent = intents.key)",
        [before],
    )?;
    let episodes = conn.execute(
        "DELETE FROM episodes WHERE closed_at < ?1
            AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.episode = episodes.id AND d.done = 0)
            AND NOT EXISTS (SELECT 1 FROM episodes s WHERE s.subject = episodes.subject AND s.kind = episodes.kind
                AND s.generation = episodes.generation AND s.nth > episodes.nth AND s.closed_at IS NULL)",
        [before],
    )?;
    conn.execute("DELETE FROM told WHERE episode NOT IN (SELECT id FROM episodes)", [])?;
    reads::forget_bodies(conn)?;
    Ok(u32::try_from(deliveries + episodes).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::domain::episode::Episode;
    use crate::domain::key::EpisodeId;
    use crate::keep::store::sqlite::samples::{Bench, at, closed, episode, telling};
    use crate::keep::store::{Batch, Claim};

    fn tell_all(bench: &mut Bench, when: At) {
        let send = |items: usize| Claim::Send { items: (0..items).collect(), body: "b".into(), drop: vec![] };
        for parcel in bench.store().claim(when, 9, &mut |group| send(group.items.len())).unwrap() {
            let mut deliveries = parcel.deliveries.clone();
            deliveries.iter_mut().for_each(|delivery| delivery.state = DeliveryState::Sent);
            let health = ChannelHealth::new(parcel.channel.clone());
            let next = Next {
                at: when,
                deliveries,
                health,
                class: Class::Ok,
                fallback: vec![],
                keep_body: false,
                evidence: String::new(),
            };
            assert!(bench.store().record(&parcel, &next).unwrap());
        }
    }
    fn episodes(batch: Vec<Episode>) -> Batch {
        Batch { at: at(0), episodes: batch, ..Batch::default() }
    }
    fn left(bench: &mut Bench) -> Vec<u128> {
        bench.loaded().episodes.into_iter().map(|episode| episode.id.0).collect()
    }

    #[test]
    fn what_is_long_over_is_forgotten_and_nothing_else() {
        let mut bench = Bench::new();
        bench.commit(&telling(1, &["chat"], at(0)));
        bench.commit(&telling(2, &["chat"], at(0)));
        bench.commit(&telling(3, &["chat"], at(500)));
        tell_all(&mut bench, at(0));
        bench.commit(&episodes(vec![closed(1, at(10)), closed(3, at(10))]));
        // One episode closed and told, one open and told, one closed whose word still waits.
        assert_eq!(bench.store().prune(at(5)).unwrap(), 2, "two deliveries");
        assert_eq!(bench.store().prune(at(20)).unwrap(), 1, "the episode");
        assert_eq!(left(&mut bench), [2, 3]);
        let told = [(EpisodeId(2), "chat".into(), String::new())];
        assert_eq!(bench.loaded().told, told, "where an open episode was told stays known");
        assert_eq!(bench.peek::<i64>("SELECT count(*) FROM intents"), 1);
        tell_all(&mut bench, at(500));
        assert_eq!(bench.store().prune(at(501)).unwrap(), 2);
        assert_eq!(left(&mut bench), [2]);
        assert_eq!(bench.peek::<i64>("SELECT count(*) FROM bodies"), 0);
    }

    #[test]
    fn rule_9_1_an_episode_that_memory_forgot_is_told_anew() {
        let mut bench = Bench::new();
        bench.commit(&telling(1, &["chat"], at(0)));
        tell_all(&mut bench, at(0));
        bench.commit(&telling(1, &["chat"], at(1)));
        tell_all(&mut bench, at(1));
        let told = "SELECT count(*) FROM deliveries WHERE fence = 1";
        assert_eq!(bench.peek::<i64>(told), 1, "the same fact for the same reader is told once");
        bench.commit(&episodes(vec![closed(1, at(10))]));
        let season = 40 * 86_400;
        bench.commit(&telling(1, &["chat"], at(season)));
        assert_eq!(bench.peek::<i64>("SELECT count(*) FROM deliveries WHERE done = 0"), 1, "it waits to be told");
        tell_all(&mut bench, at(season));
        assert_eq!(bench.peek::<i64>("SELECT count(*) FROM deliveries WHERE state = 'sent'"), 1);
    }

    #[test]
    fn an_earlier_episode_stays_while_a_later_one_of_the_same_finding_is_open() {
        let mut bench = Bench::new();
        let later = Episode { id: EpisodeId(7), nth: 1, ..episode(1) };
        bench.commit(&episodes(vec![closed(1, at(10)), later, closed(2, at(10))]));
        assert_eq!(bench.store().prune(at(20)).unwrap(), 1);
        assert_eq!(left(&mut bench), [1, 7]);
    }

    #[test]
    fn rule_9_5_closed_episodes_are_loaded_for_thirty_days() {
        let mut bench = Bench::new();
        let days = |days: i64| at(0) - TimeDelta::days(days);
        let later = Episode { id: EpisodeId(7), nth: 1, ..episode(3) };
        bench.commit(&episodes(vec![closed(1, days(29)), closed(2, days(31)), closed(3, days(31)), later]));
        assert_eq!(left(&mut bench), [1, 3, 7]);
    }

    #[test]
    fn episodes_come_back_as_they_were_last_written() {
        let mut bench = Bench::new();
        bench.commit(&episodes(vec![episode(1)]));
        let changed = Episode { told: Some(at(3)), reminders: 2, flapping: true, ..episode(1) };
        bench.commit(&episodes(vec![changed.clone()]));
        bench.reopen();
        assert_eq!(bench.loaded().episodes, [changed]);
    }

    #[test]
    fn until_when_digests_were_made_is_remembered_with_their_items() {
        let mut bench = Bench::new();
        assert_eq!(bench.loaded().digested, None);
        bench.commit(&Batch { at: at(7), digested: Some(at(5)), ..Batch::default() });
        bench.commit(&telling(1, &["chat"], at(9)));
        bench.reopen();
        assert_eq!(bench.loaded().digested, Some(at(5)));
        bench.commit(&Batch { at: at(90), digested: Some(at(90)), ..Batch::default() });
        assert_eq!(bench.loaded().digested, Some(at(90)));
    }

    #[test]
    fn outcomes_side_by_side_do_not_undo_each_other() {
        let health = |failures, broken: Option<i64>, dead| ChannelHealth {
            failures_in_a_row: failures,
            broken: broken.map(|since| (at(since), Class::Broken)),
            probe_at: broken.map(|since| at(since + 900)),
            dead,
            ..ChannelHealth::new("mail".into())
        };
        let after = |was, seen, new: ChannelHealth, class| {
            let next = Next {
                at: at(9),
                deliveries: vec![],
                health: new,
                class,
                fallback: vec![],
                keep_body: false,
                evidence: String::new(),
            };
            merged(&was, &seen, &next)
        };
        let new = health(1, None, 0);
        assert_eq!(after(health(0, None, 0), health(0, None, 0), new.clone(), Class::Retry), new);
        // Another message broke the channel while this one was in flight.
        let broken = health(1, Some(5), 1);
        assert_eq!(after(broken.clone(), health(0, None, 0), new.clone(), Class::Retry), health(2, Some(5), 1));
        assert_eq!(after(broken.clone(), health(0, None, 0), health(0, None, 0), Class::Ok), health(0, None, 0));
        assert_eq!(after(broken.clone(), health(0, None, 0), health(0, None, 1), Class::Refused), health(0, None, 2));
        assert_eq!(
            after(health(2, None, 0), health(0, None, 0), health(1, Some(7), 0), Class::Broken),
            health(3, Some(7), 0)
        );
    }
}
