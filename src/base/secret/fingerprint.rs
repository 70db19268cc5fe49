//! Keyed hashes of values, so that a rotated value is recognised without being kept (semantics 9.7).
//! The key lies in a file beside the store: whoever has the store alone cannot test guesses against it.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::zeroize::Zeroizing;

use super::read::{SecretError, bytes};
use crate::domain::key::GenerationId;

/// Bytes of a key.
const KEY: usize = 32;

/// Hashes with the key beside the store. Hashes start with the key's id, so hashes of another key never compare equal.
#[derive(Clone)]
pub struct Fingerprints {
    key: Arc<hmac::Key>,
    id: Arc<str>,
}

impl Fingerprints {
    /// Opens the key file (mode 0600), or makes it.
    pub fn open(path: &Path) -> Result<Self, SecretError> {
        match std::fs::symlink_metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => make(path)?,
            // Everything else that is wrong is told by reading it.
            _ => {}
        }
        let key = bytes(path)?;
        if key.len() != KEY {
            return Err(SecretError(format!(
                "the key file {} does not hold {KEY} bytes: restore it, or remove it and a new key is made",
                path.display()
            )));
        }
        Ok(Self::from_key(&key))
    }
    /// From given key bytes; tests and offline commands.
    pub fn from_key(key: &[u8]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        let id = hex(&hmac::sign(&key, b"forewarn: the name of this key").as_ref()[..4]);
        Self { key: Arc::new(key), id: id.into() }
    }
    /// `KEYID:32 hex digits` of HMAC-SHA-256, cut to 16 bytes.
    pub fn of(&self, value: &[u8]) -> GenerationId {
        format!("{}:{}", self.id, hex(&hmac::sign(&self.key, value).as_ref()[..16])).into()
    }
    /// The same cut to a number: sights.
    pub fn number(&self, value: &[u8]) -> i64 {
        let tag = hmac::sign(&self.key, value);
        tag.as_ref()[..8].iter().fold(0, |number, byte| number << 8 | i64::from(*byte))
    }
    /// Marks hashes of this key.
    pub fn key_id(&self) -> &str {
        &self.id
    }
}

/// Writes a new key under another name first, so that no reader and no crash sees half of it.
fn make(path: &Path) -> Result<(), SecretError> {
    let failed = |error: &std::io::Error| {
        SecretError(format!(
            "the key file {} cannot be made: {error}; is its folder there and writable?",
            path.display()
        ))
    };
    let mut key = Zeroizing::new([0; KEY]);
    SystemRandom::new()
        .fill(&mut *key)
        .map_err(|_| SecretError("the system gives no random numbers, so no key can be made".into()))?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = Path::new(&beside);
    let mut options = OpenOptions::new();
    let mut file =
        options.write(true).create(true).truncate(true).mode(0o600).open(beside).map_err(|error| failed(&error))?;
    let written = file.write_all(&*key).and_then(|()| file.sync_all());
    // A link does not replace: if somebody else was faster, their key stands.
    let linked = written.and_then(|()| std::fs::hard_link(beside, path));
    let placed = match linked {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == ErrorKind::Unsupported => std::fs::rename(beside, path),
        other => other,
    };
    let _ = std::fs::remove_file(beside);
    placed.map_err(|error| failed(&error))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| failed(&error))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_file_is_made_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forewarn.key");
        let first = Fingerprints::open(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = Fingerprints::open(&path).unwrap();
        assert_eq!(first.of(b"s3cret"), again.of(b"s3cret"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn hashes_tell_values_apart_and_hold_none() {
        let prints = Fingerprints::from_key(b"key");
        let hash = prints.of(b"s3cret");
        assert_ne!(hash, prints.of(b"s3cret2"));
        assert_eq!(hash.len(), 8 + 1 + 32);
        assert!(hash.starts_with(prints.key_id()));
        assert_eq!(prints.number(b"x"), prints.number(b"x"));
        assert_ne!(prints.number(b"x"), prints.number(b"y"));
    }

    #[test]
    fn rule_9_7_hashes_of_another_key_never_compare_equal() {
        let (one, other) = (Fingerprints::from_key(b"one"), Fingerprints::from_key(b"other"));
        assert_ne!(one.key_id(), other.key_id());
        assert_ne!(one.of(b"s3cret"), other.of(b"s3cret"));
    }

    #[test]
    fn the_hash_is_hmac_sha_256() {
        // RFC 4231, test case 2.
        let prints = Fingerprints::from_key(b"Jefe");
        assert!(prints.of(b"what do ya want for nothing?").ends_with(":5bdcc146bf60754e6a042426089575c7"));
        assert_eq!(prints.number(b"what do ya want for nothing?"), 0x5bdc_c146_bf60_754e);
    }

    #[test]
    fn a_damaged_key_is_said_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forewarn.key");
        std::fs::write(&path, b"short").unwrap();
        let told = Fingerprints::open(&path).err().unwrap().0;
        assert!(told.ends_with("does not hold 32 bytes: restore it, or remove it and a new key is made"), "{told}");
        let told = Fingerprints::open(&folder.path().join("none/key")).err().unwrap().0;
        assert!(told.contains("cannot be made"), "{told}");
    }
}
