//! Environment and secret files; nobody else reads them. What was read is wiped from every buffer on the way.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use secrecy::zeroize::Zeroizing;

use super::{Secret, SecretRef};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SecretError(pub String);

/// Longest secret file read, bytes.
pub const MOST: u64 = 1 << 20;

/// Reads now; trailing newline removed, empty refused. Errors name the variable or file, never the value.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn read(at: &SecretRef) -> Result<Secret, SecretError> {
    match at {
        SecretRef::Env(name) => {
            let value = std::env::var_os(name).ok_or_else(|| {
                SecretError(format!("the environment variable {name} is not set: set it, or name another"))
            })?;
            cleaned(&Zeroizing::new(value.into_encoded_bytes()), &format!("the environment variable {name}"))
        }
        SecretRef::File(path) => cleaned(&bytes(path)?, &format!("the secret file {}", path.display())),
    }
}

/// A regular file of at most [`MOST`] bytes.
pub(super) fn bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let failed = |error: &std::io::Error| {
        let shown = path.display();
        SecretError(match error.kind() {
            ErrorKind::NotFound => format!("the secret file {shown} does not exist: make it, or correct its path"),
            ErrorKind::PermissionDenied => {
                format!("the secret file {shown} may not be read by this user: correct its owner or mode")
            }
            _ => format!("the secret file {shown} cannot be read: {error}"),
        })
    };
    // Asked first, because opening a pipe would wait for its other end.
    let kind = std::fs::metadata(path).map_err(|error| failed(&error))?;
    if !kind.is_file() {
        let is = if kind.is_dir() { "a folder" } else { "no regular file" };
        return Err(SecretError(format!(
            "the secret file {} is {is}: name a file that holds the secret",
            path.display()
        )));
    }
    // Room for everything from the start: a buffer that grows leaves copies behind.
    let room = usize::try_from(kind.len().min(MOST) + 64).unwrap_or(0);
    let mut held = Zeroizing::new(Vec::with_capacity(room));
    let file = File::open(path).map_err(|error| failed(&error))?;
    file.take(MOST + 1).read_to_end(&mut held).map_err(|error| failed(&error))?;
    if held.len() as u64 > MOST {
        return Err(SecretError(format!(
            "the secret file {} is larger than 1 MiB: is it the right one?",
            path.display()
        )));
    }
    Ok(held)
}

fn cleaned(raw: &[u8], what: &str) -> Result<Secret, SecretError> {
    let text = std::str::from_utf8(raw).map_err(|_| SecretError(format!("{what} does not hold text (UTF-8)")))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(SecretError(format!("{what} is empty: put the secret there")));
    }
    Ok(Secret::new(String::from(text)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;

    fn told(path: &Path) -> String {
        read(&SecretRef::File(path.into())).unwrap_err().0.replace(path.to_str().unwrap(), "PATH")
    }

    fn file(folder: &tempfile::TempDir, content: &[u8]) -> PathBuf {
        let path = folder.path().join("secret");
        std::fs::write(&path, content).unwrap();
        path
    }

    #[test]
    fn a_file_without_its_newline() {
        let folder = tempfile::tempdir().unwrap();
        for content in ["s3cret", "s3cret\n", "s3cret\r\n"] {
            let path = file(&folder, content.as_bytes());
            assert_eq!(read(&SecretRef::File(path)).unwrap().expose(), "s3cret");
        }
        let path = file(&folder, b" two words \n");
        assert_eq!(read(&SecretRef::File(path)).unwrap().expose(), " two words ");
    }

    #[test]
    fn every_trouble_is_said_in_words() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            told(&folder.path().join("none")),
            "the secret file PATH does not exist: make it, or correct its path"
        );
        assert_eq!(told(folder.path()), "the secret file PATH is a folder: name a file that holds the secret");
        assert_eq!(
            told(Path::new("/dev/zero")),
            "the secret file PATH is no regular file: name a file that holds the secret"
        );
        assert_eq!(told(&file(&folder, b"")), "the secret file PATH is empty: put the secret there");
        assert_eq!(told(&file(&folder, b"\n")), "the secret file PATH is empty: put the secret there");
        assert_eq!(told(&file(&folder, b"\xff\xfe")), "the secret file PATH does not hold text (UTF-8)");
        let most = vec![b'x'; usize::try_from(MOST).unwrap()];
        assert!(read(&SecretRef::File(file(&folder, &most))).is_ok());
        assert_eq!(
            told(&file(&folder, &[&most[..], b"x"].concat())),
            "the secret file PATH is larger than 1 MiB: is it the right one?"
        );
    }

    #[test]
    fn an_unreadable_file_is_said_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, b"s3cret");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o0)).unwrap();
        // The superuser may read everything.
        if File::open(&path).is_err() {
            assert_eq!(told(&path), "the secret file PATH may not be read by this user: correct its owner or mode");
        }
    }

    #[test]
    fn the_environment() {
        // Set by cargo for every test.
        let name = "CARGO_PKG_NAME";
        assert_eq!(read(&SecretRef::Env(name.into())).unwrap().expose(), "forewarn");
        assert_eq!(
            read(&SecretRef::Env("FOREWARN_NOT_SET".into())).unwrap_err().0,
            "the environment variable FOREWARN_NOT_SET is not set: set it, or name another"
        );
    }
}
