//! Where forewarn stands in the world: the path prefix that its routes carry, the origin that people reach it under.
//! Links inside the pages are relative, so only the router and the check of origins need to know.

/// Prefix and origin, valid by construction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// Empty, or `/forewarn`: a leading slash, none at the end.
    prefix: String,
    /// `https://ops.example.com`, out of the external URL.
    origin: Option<String>,
}

/// Why a text is no prefix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "--web.route-prefix {0:?}: write a path of letters, digits, `-`, `_`, `.` and `/`, for example /forewarn, or / for none"
)]
pub struct PrefixError(String);

impl Site {
    /// `external` without a slash at its end. Without a prefix of its own, a site takes the path of its external URL.
    pub fn new(prefix: Option<&str>, external: Option<&str>) -> Result<Self, PrefixError> {
        let (origin, path) = external.map(parted).unzip();
        let prefix = prefix.unwrap_or(path.unwrap_or_default());
        let trimmed = prefix.trim_matches('/');
        let fine = |part: &str| {
            let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
            !part.is_empty() && part.chars().all(known) && part != "." && part != ".."
        };
        match trimmed {
            "" => Ok(Self { prefix: String::new(), origin: origin.map(str::to_owned) }),
            _ if trimmed.split('/').all(fine) => {
                Ok(Self { prefix: format!("/{trimmed}"), origin: origin.map(str::to_owned) })
            }
            _ => Err(PrefixError(prefix.to_owned())),
        }
    }
    /// Empty, or `/forewarn`.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }
    /// From a page to the start page: `./`, `../../`; `path` is the raw path of the request, with the prefix or without.
    pub fn root(&self, path: &str) -> String {
        let inner = path.strip_prefix(self.prefix.as_str()).filter(|rest| rest.starts_with('/')).unwrap_or(path);
        match inner.matches('/').count() {
            // The prefix itself, without a slash at its end: its folder is one above.
            _ if inner == self.prefix && !inner.is_empty() => {
                format!("{}/", inner.rsplit('/').next().unwrap_or_default())
            }
            0 | 1 => "./".to_owned(),
            n => "../".repeat(n - 1),
        }
    }
}

/// Origin and path of a URL that has been read as one.
fn parted(url: &str) -> (&str, &str) {
    let authority = url.find("://").map_or(0, |at| at + 3);
    match url[authority..].find('/') {
        Some(at) => url.split_at(authority + at),
        None => (url, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(prefix: Option<&str>, external: Option<&str>) -> Result<String, PrefixError> {
        Site::new(prefix, external).map(|site| site.prefix)
    }

    #[test]
    fn the_prefix_defaults_to_the_path_of_the_external_url() {
        assert_eq!(prefix(None, None).as_deref(), Ok(""));
        assert_eq!(prefix(None, Some("https://ops.example.com")).as_deref(), Ok(""));
        assert_eq!(prefix(None, Some("https://ops.example.com/forewarn")).as_deref(), Ok("/forewarn"));
        assert_eq!(prefix(Some("/"), Some("https://ops.example.com/forewarn")).as_deref(), Ok(""));
        assert_eq!(prefix(Some("a/b/"), None).as_deref(), Ok("/a/b"));
        for wrong in ["/a b", "/{x}", "/a//b", "/..", "/a?b", "/*"] {
            assert!(prefix(Some(wrong), None).is_err(), "{wrong}");
        }
        let site = Site::new(None, Some("https://ops.example.com:8443/forewarn")).unwrap();
        assert_eq!(site.origin(), Some("https://ops.example.com:8443"));
    }

    #[test]
    fn every_page_finds_the_start_page() {
        let plain = Site::default();
        for (path, root) in
            [("/", "./"), ("/tokens", "./"), ("/t/a/b", "../../"), ("/c/vault", "../"), ("/tokens/", "../")]
        {
            assert_eq!(plain.root(path), root, "{path}");
        }
        let below = Site::new(Some("/ops/forewarn"), None).unwrap();
        for (path, root) in [
            ("/ops/forewarn", "forewarn/"),
            ("/ops/forewarn/", "./"),
            ("/ops/forewarn/tokens", "./"),
            ("/ops/forewarn/t/a/b", "../../"),
            ("/t/a/b", "../../"),
        ] {
            assert_eq!(below.root(path), root, "{path}");
        }
    }
}
