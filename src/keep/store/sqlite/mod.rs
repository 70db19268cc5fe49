//! The embedded store: open, lock, migrate. One connection, WAL, durable commits.

use std::path::Path;

use super::{Result, Store};

/// Opens or makes the file, refuses a second process in words, migrates.
pub fn open(_path: &Path) -> Result<Box<dyn Store>> {
    todo!()
}

/// Opens an existing store for reading only, beside a running server.
pub fn open_read_only(_path: &Path) -> Result<Box<dyn Store>> {
    todo!()
}
