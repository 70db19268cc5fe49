//! Secrets from the moment of reading: no Display, no Serialize, wiped on drop. References to them are data.

use std::path::PathBuf;

use serde::Deserialize;

pub mod fingerprint;
pub mod read;

/// A secret value. `expose` is called only where the value leaves for a socket or a hash.
#[derive(Clone)]
pub struct Secret(secrecy::SecretString);

impl Secret {
    pub fn new(value: String) -> Self {
        Self(value.into())
    }
    pub fn expose(&self) -> &str {
        use secrecy::ExposeSecret;
        self.0.expose_secret()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// Where a secret lies: `{ env: NAME }` or `{ file: PATH }`. A literal is refused, and never quoted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SecretRef {
    Env(String),
    File(PathBuf),
}
