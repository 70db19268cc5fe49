//! References → secrets for every plug-in, read at use, so that a rotated file needs no reload.
//!
//! Environment and files are read by `base::secret`; references that need a network will be resolved here.

use crate::base::secret::{Secret, SecretRef, read};

use super::LoginError;

/// Reads now. The error names the variable or the file, never the value.
pub fn get(at: &SecretRef) -> Result<Secret, LoginError> {
    read::read(at).map_err(|error| LoginError(error.to_string()))
}

/// Where a secret lies, for a sentence.
pub fn place(at: &SecretRef) -> String {
    match at {
        SecretRef::Env(name) => format!("environment variable {name}"),
        SecretRef::File(path) => format!("file {}", path.display()),
    }
}
