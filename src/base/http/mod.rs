//! One bounded HTTP exchange: plain request and response structs, a client per destination, a send that never leaks.

use crate::domain::At;
use crate::domain::reason::FailureReason;
use crate::domain::text::Text;

pub mod client;
pub mod send;
mod tls;

/// A request before a login dresses it. Header values that carry credentials are marked sensitive by the login.
#[derive(Clone)]
pub struct Request {
    /// `GET`, `POST`, `LIST`, …
    pub method: String,
    pub url: url::Url,
    pub headers: Vec<(String, String)>,
    pub body: Option<Vec<u8>>,
    /// Set by the login; never logged, never in an error.
    pub secret_headers: Vec<(String, crate::base::secret::Secret)>,
}

impl Request {
    pub fn get(url: url::Url) -> Self {
        Self { method: "GET".into(), url, headers: Vec::new(), body: None, secret_headers: Vec::new() }
    }
}

/// Neither headers nor body: an inspected value or a client secret stands in them.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("method", &self.method).field("path", &self.url.path()).finish_non_exhaustive()
    }
}

/// An answer whose body was read whole, below the cap (after decompression).
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: bytes::Bytes,
    /// Final URL, for relative links.
    pub url: url::Url,
    pub received_at: At,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

/// No usable answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Failure {
    pub reason: FailureReason,
    /// Certainly nothing reached the other side (DNS, connect, TLS): a repeat cannot double anything.
    pub unsent: bool,
    /// Method, redacted URL and cause; bounded, no secret.
    pub detail: Text,
}

#[cfg(test)]
mod tests;
