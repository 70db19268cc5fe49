//! The embedded store: open, lock, migrate. One connection, WAL, durable commits.

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, Row, ToSql, TransactionBehavior};

use super::rows::{Cell, Columns};
use super::{Batch, Claim, DueGroup, Next, Parcel, Remembered, Result, Sought, Store, Stored, Waiting};
use crate::domain::At;
use crate::domain::collector::ChannelHealth;
use crate::domain::key::CollectorId;
use crate::domain::reason::StoreOperation;
use failure::Failure;

mod claim;
mod facts;
mod failure;
mod history;
mod open;
mod outbox;
mod reads;
mod record;
#[cfg(test)]
mod samples;
mod schema;

/// Opens or makes the file, refuses a second process in words, migrates.
pub fn open(path: &Path) -> Result<Box<dyn Store>> {
    let (conn, lock) = open::writer(path)?;
    Ok(Box::new(Sqlite { conn, path: path.to_owned(), durable: None, _lock: Some(lock) }))
}

/// Opens an existing store for reading only, beside a running server.
pub fn open_read_only(path: &Path) -> Result<Box<dyn Store>> {
    let conn = open::reader(path)?;
    Ok(Box::new(Sqlite { conn, path: path.to_owned(), durable: None, _lock: None }))
}

struct Sqlite {
    conn: Connection,
    path: PathBuf,
    /// Whether commits wait for the disk at the moment (`synchronous=FULL`); `None`: not set yet.
    durable: Option<bool>,
    _lock: Option<File>,
}

/// What a call inside a transaction gives.
type Outcome<T> = std::result::Result<T, Failure>;

impl Sqlite {
    /// One transaction that writes. `durable`: it is on the disk when this returns; else a loss of power may undo it,
    /// together with everything after it.
    fn write<T>(
        &mut self,
        operation: StoreOperation,
        durable: bool,
        at: At,
        work: impl FnOnce(&Connection) -> Outcome<T>,
    ) -> Result<T> {
        let all = || -> Outcome<T> {
            if self.durable != Some(durable) {
                self.conn.pragma_update(None, "synchronous", if durable { "FULL" } else { "NORMAL" })?;
                self.durable = Some(durable);
            }
            let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let before = tx.total_changes();
            let done = work(&tx)?;
            if tx.total_changes() != before {
                reads::wrote(&tx, at)?;
            }
            tx.commit()?;
            Ok(done)
        };
        all().map_err(|failure| failure::told(&failure, operation, &self.path))
    }
    /// One transaction that reads a consistent state.
    fn read<T>(&mut self, operation: StoreOperation, work: impl FnOnce(&Connection) -> Outcome<T>) -> Result<T> {
        let all = || -> Outcome<T> { work(&*self.conn.transaction()?) };
        all().map_err(|failure| failure::told(&failure, operation, &self.path))
    }
}

impl Store for Sqlite {
    fn load(&mut self, each: &mut dyn FnMut(Stored)) -> Result<()> {
        self.read(StoreOperation::Load, |conn| {
            facts::load(conn, each)?;
            reads::load(conn, each)
        })
    }
    fn commit(&mut self, batch: &Batch) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let tells = !(batch.episodes.is_empty() && batch.intents.is_empty() && batch.deliveries.is_empty());
        self.write(StoreOperation::Commit, tells, batch.at, |conn| {
            facts::write(conn, batch)?;
            if let Some(at) = batch.digested {
                reads::put_digested(conn, at)?;
            }
            outbox::write(conn, batch)
        })
    }
    fn claim(&mut self, now: At, most: usize, fresh: &mut dyn FnMut(&DueGroup) -> Claim) -> Result<Vec<Parcel>> {
        self.write(StoreOperation::Claim, true, now, |conn| claim::claim(conn, now, most, fresh))
    }
    fn record(&mut self, parcel: &Parcel, next: &Next) -> Result<bool> {
        self.write(StoreOperation::Record, true, next.at, |conn| record::record(conn, parcel, next))
    }
    fn next_delivery(&mut self) -> Result<Option<At>> {
        self.read(StoreOperation::Read, reads::next_delivery)
    }
    fn waiting(&mut self, now: At) -> Result<Vec<Waiting>> {
        self.read(StoreOperation::Read, |conn| reads::waiting(conn, now))
    }
    fn health(&mut self) -> Result<Vec<ChannelHealth>> {
        self.read(StoreOperation::Read, reads::health)
    }
    fn deliveries(&mut self, sought: &Sought) -> Result<(Vec<Remembered>, u32)> {
        self.read(StoreOperation::Read, |conn| history::deliveries(conn, sought))
    }
    fn prune(&mut self, before: At) -> Result<u32> {
        // A prune that is lost is made again; the time of the last write stays what it is.
        let at = self.last_write()?.unwrap_or(before);
        self.write(StoreOperation::Commit, false, at, |conn| record::prune(conn, before))
    }
    fn census(&mut self) -> Result<Vec<(CollectorId, u32)>> {
        self.read(StoreOperation::Read, reads::census)
    }
    fn last_write(&mut self) -> Result<Option<At>> {
        self.read(StoreOperation::Read, reads::last_write)
    }
}

impl ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Cell::Null => ToSqlOutput::Owned(Value::Null),
            Cell::Int(int) => ToSqlOutput::Owned(Value::Integer(*int)),
            Cell::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

impl Columns for Row<'_> {
    fn int(&self, nth: usize) -> Option<i64> {
        self.get_ref(nth).ok()?.as_i64().ok()
    }
    fn text(&self, nth: usize) -> Option<&str> {
        self.get_ref(nth).ok()?.as_str().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{at, full_slot, key, telling};
    use super::*;

    #[test]
    fn commits_that_tell_wait_for_the_disk_and_others_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forewarn.db");
        let (conn, lock) = open::writer(&path).unwrap();
        let mut store = Sqlite { conn, path, durable: None, _lock: Some(lock) };
        let synchronous =
            |store: &Sqlite| -> i64 { store.conn.query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap() };
        let (normal, full) = (1, 2);
        store.commit(&Batch { at: at(0), slots: vec![full_slot(key("a", "x"))], ..Batch::default() }).unwrap();
        assert_eq!(synchronous(&store), normal);
        store.commit(&telling(1, &["chat"], at(0))).unwrap();
        assert_eq!(synchronous(&store), full);
        store.prune(at(0)).unwrap();
        assert_eq!(synchronous(&store), normal);
        store.claim(at(0), 1, &mut |_| Claim::Wait(at(9))).unwrap();
        assert_eq!(synchronous(&store), full);
    }

    #[test]
    fn a_full_disk_loses_nothing_and_is_said_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forewarn.db");
        let (conn, lock) = open::writer(&path).unwrap();
        let mut store = Sqlite { conn, path: path.clone(), durable: None, _lock: Some(lock) };
        store.commit(&telling(1, &["chat"], at(0))).unwrap();
        let pages: i64 = store.conn.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        let limit = |store: &Sqlite, pages: i64| store.conn.pragma_update(None, "max_page_count", pages).unwrap();
        limit(&store, pages + 2);
        let many = (0..500).map(|nth| full_slot(key("a", &format!("{nth:04}")))).collect();
        let batch = Batch { slots: many, ..telling(2, &["chat"], at(0)) };
        let told = store.commit(&batch).unwrap_err().to_string().replace(path.to_str().unwrap(), "PATH");
        assert_eq!(
            told,
            "commit: the disk of PATH is full: free some space, nothing is lost and the write is tried again"
        );
        assert_eq!(store.census().unwrap(), [], "all or nothing");
        assert_eq!(super::samples::loaded(&mut store).episodes.len(), 1);
        limit(&store, 1_000_000);
        store.commit(&batch).unwrap();
        assert_eq!(store.census().unwrap(), [("a".into(), 500)]);
    }
}
