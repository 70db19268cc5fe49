//! What a token in a file is called: its configured name, or its path below the fixed part of its pattern (semantics 1.3).

use std::path::Path;

/// Endings of files that tell nothing to a person who looks for one of them.
const ENDINGS: [&str; 6] = [".pem", ".crt", ".cer", ".der", ".jwt", ".token"];

pub(super) struct Named {
    pub(super) name: String,
    /// The whole path, so that two files never share a slot; empty for a value that was named.
    pub(super) place: String,
    /// Named in the configuration.
    pub(super) explicit: bool,
}

impl Named {
    /// A value under `inspect:`.
    pub(super) fn given(name: &str) -> Self {
        Self { name: name.to_owned(), place: String::new(), explicit: true }
    }
    /// A path without a wildcard.
    pub(super) fn plain(prefix: &Path, path: &Path) -> Self {
        Self { explicit: true, ..Self::under(prefix, path) }
    }
    /// A file that a pattern found.
    pub(super) fn under(prefix: &Path, path: &Path) -> Self {
        let below = path.strip_prefix(prefix).unwrap_or(path).display().to_string();
        let short = ENDINGS.iter().find_map(|ending| below.strip_suffix(ending));
        let name = short.filter(|name| !name.is_empty() && !name.ends_with('/')).unwrap_or(&below).to_owned();
        Self { name, place: path.display().to_string(), explicit: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_path_under_the_glob_and_its_place_the_whole_path() {
        for (path, name) in [
            ("/etc/ssl/certs/ssl-cert-snakeoil.pem", "ssl-cert-snakeoil"),
            ("/etc/ssl/certs/live/example.com/cert.pem", "live/example.com/cert"),
            ("/etc/ssl/certs/example.com", "example.com"),
            ("/etc/ssl/certs/.pem", ".pem"),
            ("/elsewhere/a.jwt", "/elsewhere/a"),
        ] {
            let named = Named::under(Path::new("/etc/ssl/certs/"), Path::new(path));
            assert_eq!((named.name.as_str(), named.place.as_str(), named.explicit), (name, path, false));
        }
        assert!(Named::plain(Path::new("/a/"), Path::new("/a/b.pem")).explicit);
        assert_eq!(Named::given("bot").place, "");
    }
}
