//! Keyed hashes of values, so that a rotated value is recognised without being kept (semantics 9.7).

use std::path::Path;
use std::sync::Arc;

use super::read::SecretError;
use crate::domain::key::GenerationId;

/// Hashes with the key beside the store. Hashes start with the key's id, so hashes of another key never compare equal.
#[derive(Clone)]
pub struct Fingerprints {
    _key: Arc<ring::hmac::Key>,
    _id: Arc<str>,
}

impl Fingerprints {
    /// Opens the key file (mode 0600), or makes it.
    pub fn open(_path: &Path) -> Result<Self, SecretError> {
        todo!()
    }
    /// From given key bytes; tests and offline commands.
    pub fn from_key(_key: &[u8]) -> Self {
        todo!()
    }
    /// `KEYID:32 hex digits` of HMAC-SHA-256, cut to 16 bytes.
    pub fn of(&self, _value: &[u8]) -> GenerationId {
        todo!()
    }
    /// The same cut to a number: sights.
    pub fn number(&self, _value: &[u8]) -> i64 {
        todo!()
    }
    /// Marks hashes of this key.
    pub fn key_id(&self) -> &str {
        todo!()
    }
}
