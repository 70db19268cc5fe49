//! One file of this machine: bounded, regular, or a reason why not. Paths as parts of listing keys.

use std::path::Path;

use crate::domain::reason::FailureReason;

/// Largest file read, bytes.
pub const MOST: u64 = 1 << 20;

/// A path as part of a listing's key, where `>` separates.
pub fn part(path: &str) -> String {
    path.replace('%', "%25").replace('>', "%3E").replace(char::is_control, "\u{FFFD}")
}

/// A regular file of bearable size: a device or a pipe would never end.
pub fn read(path: &Path) -> Result<Vec<u8>, (FailureReason, String)> {
    use std::io::Read;
    let told = |error: std::io::Error| (reason(&error), error.to_string());
    let meta = std::fs::metadata(path).map_err(told)?;
    if !meta.is_file() {
        return Err((FailureReason::Decode, "not a regular file".into()));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(told)?.take(MOST + 1).read_to_end(&mut bytes).map_err(told)?;
    if bytes.len() as u64 > MOST {
        return Err((FailureReason::TooLarge, format!("larger than {MOST} bytes")));
    }
    Ok(bytes)
}

pub fn reason(error: &std::io::Error) -> FailureReason {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => FailureReason::Forbidden,
        _ => FailureReason::NotFound,
    }
}
