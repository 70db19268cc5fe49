//! URLs as a configuration may write them: HTTP, no user, no query. No sentence repeats the URL: it may hold a password.

use url::{Host, Url};

/// Checks a base URL of an issuer.
pub fn parse(text: &str) -> Result<Url, String> {
    let url = link(text)?;
    if url.query().is_some() {
        return Err("no query in this URL; leave out everything from `?` on".into());
    }
    if url.fragment().is_some() {
        return Err("no fragment in this URL; leave out everything from `#` on".into());
    }
    Ok(url)
}

/// Checks a URL that people will follow; query and fragment are allowed.
pub fn link(text: &str) -> Result<Url, String> {
    if text.contains("${") {
        return Err("`${…}` is not expanded; use a folder and one file per site".into());
    }
    let url = Url::parse(text).map_err(|error| format!("is not a URL ({error}); write https://HOST"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("a URL begins with https:// or http:// and names a host".into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("no user or password in a URL; for an issuer, write them under `login:`".into());
    }
    Ok(url)
}

/// Whether it leads to this machine alone.
pub fn loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_urls_pass() {
        for good in ["https://gitlab.example.com", "http://127.0.0.1:8200", "https://sso.example.com/realms/ci"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("gitlab.example.com", "is not a URL"),
            ("ftp://x", "begins with https://"),
            ("mailto:a@b", "begins with https://"),
            ("https://me:hunter2@x", "no user"),
            ("https://me@x", "no user"),
            ("https://x?token=hunter2", "no query"),
            ("https://x/#a", "no fragment"),
            ("https://${HOST}", "not expanded"),
        ] {
            let told = parse(bad).unwrap_err();
            assert!(told.contains(why) && !told.contains("hunter2"), "{bad}: {told}");
        }
        assert!(link("https://wiki.example.com/rotate?page=1#top").is_ok());
        assert!(link("wiki.example.com/rotate").is_err());
    }

    #[test]
    fn loopback_is_this_machine_alone() {
        for (text, expected) in [
            ("http://127.0.0.1:1", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:1", true),
            ("http://localhost", true),
            ("http://localhost.example.com", false),
            ("http://10.0.0.1", false),
            ("http://0.0.0.0", false),
        ] {
            assert_eq!(loopback(&Url::parse(text).unwrap()), expected, "{text}");
        }
    }
}
