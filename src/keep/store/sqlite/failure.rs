//! What went wrong in SQLite → a sentence that says what to do.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::domain::reason::StoreOperation;
use crate::keep::store::StoreError;
use crate::keep::store::rows::Damaged;

/// Trouble inside a call, before it is told with file and operation.
#[derive(Debug)]
pub enum Failure {
    Sql(rusqlite::Error),
    Damaged(Damaged),
    /// A delivery without its intent, by key.
    NoIntent(String),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}
impl From<Damaged> for Failure {
    fn from(damaged: Damaged) -> Self {
        Self::Damaged(damaged)
    }
}

/// For a store that is open.
pub fn told(failure: &Failure, operation: StoreOperation, path: &Path) -> StoreError {
    let shown = path.display();
    let error = match failure {
        Failure::Sql(error) => error,
        Failure::Damaged(Damaged(column)) => {
            return StoreError::Unusable(format!(
                "the store {shown} holds a value that cannot be, in the column {column}: {WHEN_DAMAGED}"
            ));
        }
        Failure::NoIntent(key) => {
            let detail = format!("a delivery for the intent {key}, which is not in the store {shown}, is not written");
            return StoreError::Failed { operation, detail };
        }
    };
    let detail = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            return StoreError::Unusable(format!("the store {shown} is damaged: {WHEN_DAMAGED}"));
        }
        Some(ErrorCode::DiskFull) => {
            format!("the disk of {shown} is full: free some space, nothing is lost and the write is tried again")
        }
        Some(ErrorCode::ReadOnly) => format!("the store {shown} is read-only: make it and its folder writable"),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            format!("another program holds the store {shown}: end it, the write is tried again")
        }
        Some(ErrorCode::SystemIoFailure) => {
            format!("the disk of {shown} fails ({error}): look at the system's log, the write is tried again")
        }
        _ => format!("the store {shown}: {error}"),
    };
    StoreError::Failed { operation, detail }
}

/// While opening: everything is a reason not to start.
pub fn opening(error: &rusqlite::Error, path: &Path) -> StoreError {
    let shown = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StoreError::Unusable(format!(
            "{shown} is no store of forewarn (no SQLite file), or it is damaged: name another file, or restore this one from a backup"
        )),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => StoreError::Unusable(format!(
            "the store {shown} cannot be opened: its folder must exist and this user must be able to write there"
        )),
        _ => match told(&Failure::Sql(rusqlite::Error::SqliteFailure(code(error), None)), StoreOperation::Load, path) {
            StoreError::Failed { detail, .. } => StoreError::Unusable(detail),
            other => other,
        },
    }
}

fn code(error: &rusqlite::Error) -> rusqlite::ffi::Error {
    error.sqlite_error().copied().unwrap_or(rusqlite::ffi::Error { code: ErrorCode::Unknown, extended_code: 0 })
}

const WHEN_DAMAGED: &str = "restore it from a backup, or move it away and forewarn starts as on its first run";
