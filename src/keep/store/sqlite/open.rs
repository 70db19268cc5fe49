//! Opening: the lock that keeps a second process out, what kind of file it is, and migrations.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::failure::opening;
use super::schema::{APPLICATION, MIGRATIONS, VERSION};
use crate::keep::store::{Result, StoreError};

/// How long a statement waits for another program that holds the file (a backup, a shell).
const PATIENCE: Duration = Duration::from_secs(5);

pub fn writer(path: &Path) -> Result<(Connection, File)> {
    let path = &real(path);
    let lock = lock(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = Connection::open_with_flags(path, flags).map_err(|error| opening(&error, path))?;
    let version = inspect(&conn, path)?;
    prepare(&mut conn, version).map_err(|error| opening(&error, path))?;
    Ok((conn, lock))
}

pub fn reader(path: &Path) -> Result<Connection> {
    if !path.exists() {
        return Err(StoreError::Unusable(format!(
            "there is no store {}: does the server run with another one, or did it never run?",
            path.display()
        )));
    }
    let open = |name: &str, more: OpenFlags| {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
        Connection::open_with_flags(name, flags).map_err(|error| opening(&error, path))
    };
    let conn = open(&path.to_string_lossy(), OpenFlags::empty())?;
    let conn = match inspect(&conn, path) {
        Ok(VERSION) => return Ok(conn),
        Ok(version) => return Err(not_migrated(path, version)),
        // A reader shares memory beside the file with the writer. Where it may not make that and nobody writes, the file
        // stands still.
        Err(_) if !beside(path, "-wal").exists() => {
            let escaped = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
            open(&format!("file:{escaped}?immutable=1"), OpenFlags::SQLITE_OPEN_URI)?
        }
        Err(error) => return Err(error),
    };
    match inspect(&conn, path)? {
        VERSION => Ok(conn),
        version => Err(not_migrated(path, version)),
    }
}

fn not_migrated(path: &Path, version: i32) -> StoreError {
    StoreError::Unusable(format!(
        "the store {} has version {version}, this program reads version {VERSION}: start the server once, it brings the store up to date",
        path.display()
    ))
}

/// One lock for one file, whatever link leads to it.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Held as long as the file is open; the system lets go of it however the process ends.
fn lock(path: &Path) -> Result<File> {
    let (name, shown) = (beside(path, ".lock"), path.display());
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&name).map_err(|error| {
        StoreError::Unusable(match error.kind() {
            ErrorKind::NotFound => {
                format!("the folder of the store {shown} does not exist: make it, or correct the path")
            }
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => format!(
                "the folder of the store {shown} is not writable: give it to this user, or put the store elsewhere"
            ),
            _ => format!("the lock of the store, {}, cannot be opened: {error}", name.display()),
        })
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked(format!(
            "another process uses the store {shown} (it holds {}): stop that one first, or give this one a store of its own",
            name.display()
        ))),
        Err(TryLockError::Error(error)) => {
            Err(StoreError::Unusable(format!("the store {shown} cannot be locked ({error}): put it on a local disk")))
        }
    }
}

/// Whose file it is; its version, 0 for a new one. Changes nothing.
fn inspect(conn: &Connection, path: &Path) -> Result<i32> {
    let ask = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i32>(0)).map_err(|error| opening(&error, path));
    conn.busy_timeout(PATIENCE).map_err(|error| opening(&error, path))?;
    let (tables, application) = (ask("SELECT count(*) FROM sqlite_schema")?, ask("PRAGMA application_id")?);
    let version = ask("PRAGMA user_version")?;
    if application != APPLICATION && (tables > 0 || application != 0 || version != 0) {
        return Err(StoreError::Unusable(format!(
            "{} is the database of another program: name another file for the store",
            path.display()
        )));
    }
    if version > VERSION {
        return Err(StoreError::Unusable(format!(
            "the store {} was written by a newer forewarn (version {version} of the store, this one knows {VERSION}): run that release, or restore a backup from before it",
            path.display()
        )));
    }
    Ok(version)
}

fn prepare(conn: &mut Connection, version: i32) -> rusqlite::Result<()> {
    conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    conn.set_prepared_statement_cache_capacity(64);
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for migration in MIGRATIONS.iter().skip(usize::try_from(version).unwrap_or(0)) {
        tx.execute_batch(migration)?;
    }
    if version < VERSION {
        tx.pragma_update(None, "application_id", APPLICATION)?;
        tx.pragma_update(None, "user_version", VERSION)?;
    }
    // We hold the lock, so whoever leased these is dead: the next claim takes them up.
    tx.execute("UPDATE deliveries SET lease_until = 0 WHERE done = 0 AND state = 'leased'", [])?;
    tx.commit()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::{open, open_read_only};
    use super::*;
    use crate::keep::store::sqlite::samples::{Bench, at, full_slot, key, loaded, telling};
    use crate::keep::store::{Batch, Store};

    fn told(opened: Result<Box<dyn Store>>, path: &Path) -> String {
        opened.err().unwrap().to_string().replace(path.to_str().unwrap(), "PATH")
    }

    #[test]
    fn a_second_process_is_refused_in_words() {
        let bench = Bench::new();
        let error = open(&bench.path()).err().unwrap();
        assert!(matches!(error, StoreError::Locked(_)));
        assert_eq!(
            told(Err(error), &bench.path()),
            "another process uses the store PATH (it holds PATH.lock): stop that one first, or give this one a store of its own"
        );
        let link = bench.folder.path().join("link.db");
        std::os::unix::fs::symlink(bench.path(), &link).unwrap();
        assert!(matches!(open(&link).err().unwrap(), StoreError::Locked(_)), "by another name, too");
    }

    #[test]
    fn the_lock_goes_with_its_holder() {
        let mut bench = Bench::new();
        bench.store = None;
        assert!(open(&bench.path()).is_ok());
    }

    #[test]
    fn a_foreign_file_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.db");
        std::fs::write(&path, "shopping list".repeat(100)).unwrap();
        assert_eq!(
            told(open(&path), &path),
            "PATH is no store of forewarn (no SQLite file), or it is damaged: name another file, or restore this one from a backup"
        );
        std::fs::remove_file(&path).unwrap();
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE songs (name TEXT)").unwrap();
        let before = std::fs::read(&path).unwrap();
        assert_eq!(
            told(open(&path), &path),
            "PATH is the database of another program: name another file for the store"
        );
        assert_eq!(
            told(open_read_only(&path), &path),
            "PATH is the database of another program: name another file for the store"
        );
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_newer_version_is_refused() {
        let mut bench = Bench::new();
        bench.store = None;
        Connection::open(bench.path()).unwrap().pragma_update(None, "user_version", VERSION + 1).unwrap();
        let expected = format!(
            "the store PATH was written by a newer forewarn (version {} of the store, this one knows {VERSION}): run that release, or restore a backup from before it",
            VERSION + 1
        );
        assert_eq!(told(open(&bench.path()), &bench.path()), expected);
        assert_eq!(told(open_read_only(&bench.path()), &bench.path()), expected);
    }

    #[test]
    fn a_damaged_file_is_said_in_words() {
        let mut bench = Bench::new();
        let slots = (0..2_000).map(|nth| full_slot(key("a", &format!("{nth:05}")))).collect();
        bench.commit(&Batch { at: at(0), slots, ..Batch::default() });
        bench.store = None;
        let mut bytes = std::fs::read(bench.path()).unwrap();
        bytes[8_192..].chunks_mut(4_096).for_each(|page| page[..64].fill(0xaa));
        std::fs::write(bench.path(), bytes).unwrap();
        let trouble = match open(&bench.path()) {
            Err(error) => error,
            Ok(mut store) => store.load(&mut |_| ()).unwrap_err(),
        };
        assert!(matches!(trouble, StoreError::Unusable(_)), "{trouble:?}");
        let expected = "the store PATH is damaged: restore it from a backup, or move it away and forewarn starts as on its first run";
        assert_eq!(told(Err(trouble), &bench.path()), expected);
    }

    #[test]
    fn folders_that_are_missing_or_not_writable_are_said_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("none/forewarn.db");
        assert_eq!(
            told(open(&missing), &missing),
            "the folder of the store PATH does not exist: make it, or correct the path"
        );
        let path = folder.path().join("forewarn.db");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o500)).unwrap();
        // The superuser writes everywhere.
        if let opened @ Err(_) = open(&path) {
            assert_eq!(
                told(opened, &path),
                "the folder of the store PATH is not writable: give it to this user, or put the store elsewhere"
            );
        }
        let sys = Path::new("/proc/forewarn.db");
        assert!(matches!(open(sys).err().unwrap(), StoreError::Unusable(_)));
    }

    #[test]
    fn a_reader_sees_what_a_running_writer_committed() {
        let mut bench = Bench::new();
        let slot = full_slot(key("a", "x"));
        bench.commit(&Batch { at: at(0), slots: vec![slot.clone()], ..Batch::default() });
        let mut reader = open_read_only(&bench.path()).unwrap();
        assert_eq!(loaded(&mut *reader).slots, [slot]);
        bench.commit(&telling(1, &["chat"], at(0)));
        assert_eq!(loaded(&mut *reader).episodes.len(), 1);
        let refused = reader.commit(&telling(2, &["chat"], at(0))).unwrap_err().to_string();
        assert!(refused.starts_with("commit: the store") && refused.contains("read-only"), "{refused}");
    }

    #[test]
    fn a_reader_needs_no_writer_but_a_store() {
        let mut bench = Bench::new();
        bench.commit(&telling(1, &["chat"], at(0)));
        bench.store = None;
        assert_eq!(loaded(&mut *open_read_only(&bench.path()).unwrap()).episodes.len(), 1);
        let none = bench.folder.path().join("none.db");
        assert_eq!(
            told(open_read_only(&none), &none),
            "there is no store PATH: does the server run with another one, or did it never run?"
        );
        assert!(!none.exists());
    }

    #[test]
    fn a_file_on_a_medium_that_is_read_only_can_be_read() {
        let mut bench = Bench::new();
        bench.commit(&telling(1, &["chat"], at(0)));
        bench.store = None;
        let odd = bench.folder.path().join("odd ?#%20.db");
        std::fs::copy(bench.path(), &odd).unwrap();
        let escaped = odd.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let conn = Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags).unwrap();
        assert_eq!(inspect(&conn, &odd).unwrap(), VERSION);
        assert_eq!(loaded(&mut *open_read_only(&odd).unwrap()).episodes.len(), 1);
    }
}
