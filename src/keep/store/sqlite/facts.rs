//! Slots with their generations, and collectors: what an issuer told. Written in key order and only where a row changed;
//! loaded as a stream, two cursors side by side.

use std::borrow::Cow;

use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, Row, params, params_from_iter};

use super::{Failure, Outcome};
use crate::domain::key::TokenKey;
use crate::domain::token::Slot;
use crate::keep::store::rows::{self, Cell, Columns, GENERATION, SLOT, Shared};
use crate::keep::store::{Batch, Stored};

pub fn write(conn: &Connection, batch: &Batch) -> Outcome<()> {
    for key in &batch.removed {
        let key = params![key.collector.as_str(), key.slot()];
        conn.prepare_cached("DELETE FROM generations WHERE collector = ?1 AND slot = ?2")?.execute(key)?;
        conn.prepare_cached("DELETE FROM slots WHERE collector = ?1 AND slot = ?2")?.execute(key)?;
    }
    // In key order both trees grow at their end; in random order the first write takes five times as long.
    let mut slots: Vec<&Slot> = batch.slots.iter().collect();
    slots.sort_by(|a, b| a.key.cmp(&b.key));
    if !slots.is_empty() {
        let mut table = Statements::prepare(conn)?;
        slots.into_iter().try_for_each(|slot| table.put(slot))?;
    }
    for status in &batch.collectors {
        let put =
            "INSERT INTO collectors (id, facts) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET facts = excluded.facts";
        conn.prepare_cached(put)?.execute(params![status.id.as_str(), rows::json(status)])?;
    }
    Ok(())
}

struct Statements<'c> {
    slot: CachedStatement<'c>,
    put_slot: CachedStatement<'c>,
    generations: CachedStatement<'c>,
    put_generation: CachedStatement<'c>,
    cut: CachedStatement<'c>,
}

impl<'c> Statements<'c> {
    fn prepare(conn: &'c Connection) -> Outcome<Self> {
        Ok(Self {
            slot: conn.prepare_cached(&select("slots", &SLOT, "WHERE collector = ?1 AND slot = ?2"))?,
            put_slot: conn.prepare_cached(&replace("slots", &SLOT))?,
            generations: conn.prepare_cached(&select(
                "generations",
                &GENERATION,
                "WHERE collector = ?1 AND slot = ?2 ORDER BY nth",
            ))?,
            put_generation: conn.prepare_cached(&replace("generations", &GENERATION))?,
            cut: conn.prepare_cached("DELETE FROM generations WHERE collector = ?1 AND slot = ?2 AND nth >= ?3")?,
        })
    }
    /// Replaces the slot and its generations; rows that say the same stay untouched.
    fn put(&mut self, slot: &Slot) -> Outcome<()> {
        let key: &TokenKey = &slot.key;
        let cells = rows::slot_cells(slot);
        let known = {
            let mut rows = self.slot.query(params![key.collector.as_str(), key.slot()])?;
            rows.next()?.map(|row| same(row, &cells))
        };
        if known != Some(true) {
            self.put_slot.execute(params_from_iter(&cells))?;
        }
        let generations = slot.generations.iter().enumerate();
        let cells: Vec<_> = generations.map(|(nth, generation)| rows::generation_cells(key, nth, generation)).collect();
        let (held, stale) = if known.is_some() { self.compare(key, &cells)? } else { (0, vec![true; cells.len()]) };
        for (cells, _) in cells.iter().zip(&stale).filter(|(_, stale)| **stale) {
            self.put_generation.execute(params_from_iter(cells))?;
        }
        if held > cells.len() {
            let left = Cell::Int(i64::try_from(cells.len()).unwrap_or(i64::MAX));
            self.cut.execute(params![key.collector.as_str(), key.slot(), left])?;
        }
        Ok(())
    }
    /// How many generations are stored, and which of the given ones differ from what is.
    fn compare(&mut self, key: &TokenKey, cells: &[[Cell<'_>; 29]]) -> Outcome<(usize, Vec<bool>)> {
        let mut stale = vec![true; cells.len()];
        let mut held = 0;
        let mut rows = self.generations.query(params![key.collector.as_str(), key.slot()])?;
        while let Some(row) = rows.next()? {
            if let Some(cells) = cells.get(held) {
                stale[held] = !same(row, cells);
            }
            held += 1;
        }
        Ok((held, stale))
    }
}

fn same(row: &Row<'_>, cells: &[Cell<'_>]) -> bool {
    cells.iter().enumerate().all(|(nth, cell)| match (row.get_ref(nth), cell) {
        (Ok(ValueRef::Null), Cell::Null) => true,
        (Ok(ValueRef::Integer(stored)), Cell::Int(new)) => stored == *new,
        (Ok(ValueRef::Text(stored)), Cell::Text(new)) => stored == new.as_bytes(),
        _ => false,
    })
}

fn select(table: &str, columns: &[&str], rest: &str) -> String {
    format!("SELECT {} FROM {table} {rest}", columns.join(", "))
}

fn replace(table: &str, columns: &[&str]) -> String {
    let marks = vec!["?"; columns.len()].join(", ");
    format!("INSERT OR REPLACE INTO {table} ({}) VALUES ({marks})", columns.join(", "))
}

pub fn load(conn: &Connection, each: &mut dyn FnMut(Stored)) -> Outcome<()> {
    let mut slots = conn.prepare(&select("slots", &SLOT, "ORDER BY collector, slot"))?;
    let mut generations = conn.prepare(&select("generations", &GENERATION, "ORDER BY collector, slot, nth"))?;
    let (mut slots, mut generations) = (slots.query([])?, generations.query([])?);
    let mut generation = generations.next()?;
    let mut shared = Shared::default();
    while let Some(row) = slots.next()? {
        let mut slot = rows::slot(row, &mut shared)?;
        let mut held = Vec::with_capacity(1);
        while let Some(row) = generation {
            if !belongs(row, &slot.key)? {
                break;
            }
            held.push(rows::generation(row)?);
            generation = generations.next()?;
        }
        slot.generations = Cow::Owned(held);
        each(Stored::Slot(slot));
    }
    let mut collectors = conn.prepare("SELECT facts FROM collectors ORDER BY id")?;
    let mut found = collectors.query([])?;
    while let Some(row) = found.next()? {
        each(Stored::Collector(rows::Cursor::new(row, &["collectors.facts"]).json()?));
    }
    Ok(())
}

/// Generations without a slot cannot be: both are written in one transaction.
fn belongs(row: &Row<'_>, key: &TokenKey) -> Outcome<bool> {
    let stands = (row.text(0).unwrap_or(""), row.text(1).unwrap_or(""));
    match stands.cmp(&(key.collector.as_str(), key.slot())) {
        std::cmp::Ordering::Equal => Ok(true),
        std::cmp::Ordering::Greater => Ok(false),
        std::cmp::Ordering::Less => Err(Failure::Damaged(rows::Damaged("generations.slot"))),
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::At;
    use crate::domain::collector::{CollectorStatus, Unread};
    use crate::domain::observation::Coverage;
    use crate::domain::reason::{FailureReason, LeftOut};
    use crate::domain::token::{End, Expiry, ExpiryKind, Generation, WhyUnknown};
    use crate::keep::store::Batch;
    use crate::keep::store::sqlite::samples::{Bench, at, full, full_slot, key, plain, slot};

    fn slots(slots: Vec<crate::domain::token::Slot>) -> Batch {
        Batch { at: at(0), slots, ..Batch::default() }
    }

    #[test]
    fn slots_come_back_whole_and_in_key_order() {
        let mut bench = Bench::new();
        let (first, last) = (full_slot(key("a", "x")), slot(key("b", "y"), vec![]));
        bench.commit(&slots(vec![last.clone(), slot(key("b", "x"), vec![plain("p")]), first.clone()]));
        bench.reopen();
        assert_eq!(bench.loaded().slots, [first, slot(key("b", "x"), vec![plain("p")]), last]);
    }

    #[test]
    fn every_kind_of_expiry_comes_back() {
        let mut bench = Bench::new();
        let date = |kind| Expiry::At(End { instant: at(10), late: at(86_410), kind });
        let all = [
            Expiry::Never,
            Expiry::Unknown(WhyUnknown::NotTold),
            Expiry::Unknown(WhyUnknown::Unreadable),
            Expiry::At(End::hard(at(10))),
            date(ExpiryKind::Hard),
            date(ExpiryKind::Deletion),
        ];
        let generations = all.map(|expires| Generation { expires, ..plain("g") }).to_vec();
        let whole = slot(key("a", "x"), generations);
        bench.commit(&slots(vec![whole.clone()]));
        assert_eq!(bench.loaded().slots, [whole]);
    }

    #[test]
    fn what_did_not_change_is_not_written() {
        let mut bench = Bench::new();
        let generations = vec![plain("a"), plain("b"), plain("c")];
        bench.commit(&slots(vec![slot(key("a", "x"), generations.clone())]));
        let frames = |bench: &Bench| std::fs::metadata(format!("{}-wal", bench.path().display())).unwrap().len();
        // A row rewritten with the same content would give a larger journal.
        let before = frames(&bench);
        bench.commit(&Batch { at: at(50), ..slots(vec![slot(key("a", "x"), generations.clone())]) });
        assert_eq!(frames(&bench), before);
        assert_eq!(bench.store().last_write().unwrap(), Some(at(0)));
        bench.commit(&slots(vec![slot(key("a", "x"), vec![plain("a"), full("b"), plain("c")])]));
        assert!(frames(&bench) > before);
    }

    #[test]
    fn only_the_generation_that_changed_is_written() {
        let mut bench = Bench::new();
        bench.commit(&slots(vec![slot(key("a", "x"), vec![plain("a"), plain("b"), plain("c")])]));
        let spy = rusqlite::Connection::open(bench.path()).unwrap();
        spy.execute_batch(
            "CREATE TABLE spy (nth INTEGER);
            CREATE TRIGGER spying AFTER INSERT ON generations BEGIN INSERT INTO spy VALUES (new.nth); END;",
        )
        .unwrap();
        bench.commit(&slots(vec![slot(key("a", "x"), vec![plain("a"), full("b"), plain("c")])]));
        assert_eq!(bench.peek::<String>("SELECT group_concat(nth) FROM spy"), "1");
    }

    #[test]
    fn generations_come_and_go() {
        let mut bench = Bench::new();
        for ids in [&["a", "b", "c"][..], &["b", "c", "d", "e"], &["e"], &[]] {
            let whole = slot(key("a", "x"), ids.iter().map(|id| plain(id)).collect());
            bench.commit(&slots(vec![whole.clone(), slot(key("a", "y"), vec![plain("z")])]));
            assert_eq!(bench.loaded().slots[0], whole);
            assert_eq!(bench.loaded().slots[1].generations[0].id, "z".into());
        }
    }

    #[test]
    fn removed_slots_are_gone_with_their_generations() {
        let mut bench = Bench::new();
        bench.commit(&slots(vec![full_slot(key("a", "x")), full_slot(key("a", "y"))]));
        bench.commit(&Batch { at: at(0), removed: vec![key("a", "x")], ..Batch::default() });
        assert_eq!(bench.loaded().slots, [full_slot(key("a", "y"))]);
        assert_eq!(bench.peek::<i64>("SELECT count(*) FROM generations"), 2);
        assert_eq!(bench.store().census().unwrap(), [("a".into(), 1)]);
    }

    #[test]
    fn collectors_come_back_whole() {
        let mut bench = Bench::new();
        let mut status = CollectorStatus::new("vault".into(), "vault".into(), 60, None);
        status.coverage = Some(Coverage::Partial { read: 3, missed: 1, reason: FailureReason::Http5xx });
        status.left_out.insert(LeftOut::Person, 7);
        let unread = Unread { since: at(1), rounds: 2, reason: FailureReason::Forbidden, held: 3 };
        status.unread.insert("groups>groups/7/projects".into(), unread);
        status.clock_difference = Some(-3);
        status.last_walk = Some(At::UNIX_EPOCH);
        bench.commit(&Batch { at: at(0), collectors: vec![status.clone()], ..Batch::default() });
        status.introduced = true;
        bench.commit(&Batch { at: at(0), collectors: vec![status.clone()], ..Batch::default() });
        bench.reopen();
        assert_eq!(bench.loaded().collectors, [status]);
    }

    #[test]
    fn a_damaged_value_is_named_with_what_to_do() {
        let mut bench = Bench::new();
        bench.commit(&slots(vec![full_slot(key("a", "x"))]));
        let other = rusqlite::Connection::open(bench.path()).unwrap();
        other.execute("UPDATE generations SET expiry = 'soon' WHERE nth = 0", []).unwrap();
        let told = bench.store().load(&mut |_| ()).unwrap_err().to_string();
        assert_eq!(
            told.replace(bench.path().to_str().unwrap(), "PATH"),
            "the store PATH holds a value that cannot be, in the column expiry: restore it from a backup, or move it away and forewarn starts as on its first run"
        );
    }
}
