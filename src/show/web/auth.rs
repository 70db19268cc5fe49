//! Users of the web-config file: HTTP Basic against bcrypt hashes, as the Prometheus exporter toolkit does it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use tokio::sync::Semaphore;

use super::Web;
use crate::base::secret::fingerprint::Fingerprints;

/// Checked against for unknown users, so that the time taken tells nothing. Hash of a random text, cost 10.
const NOBODY: &str = "$2b$10$xZ9hQpXBrj0ZTHIjVDw9.ONmV7YyBSl5YtZ2wAqZbKqDTsR2bTqyS";

/// Successful checks kept, so that a scrape every few seconds costs one bcrypt in all.
const REMEMBERED: usize = 256;

/// Users and the checks that succeeded. Made anew when the file is read again.
pub struct Users {
    hashes: BTreeMap<String, String>,
    passed: Mutex<HashSet<String>>,
    keys: Fingerprints,
    at_once: Semaphore,
}

impl Users {
    /// User → bcrypt hash; nobody: everything is open.
    pub fn new(hashes: BTreeMap<String, String>, keys: Fingerprints) -> Self {
        Self { hashes, passed: Mutex::new(HashSet::new()), keys, at_once: Semaphore::new(2) }
    }

    async fn admits(&self, user: &str, password: &str) -> bool {
        let hash = self.hashes.get(user).map_or(NOBODY, String::as_str).to_owned();
        let mark = self.keys.of(format!("{user}\0{password}\0{hash}").as_bytes()).to_string();
        if self.passed().contains(&mark) {
            return true;
        }
        let Ok(_permit) = self.at_once.acquire().await else { return false };
        let password = password.to_owned();
        // A check costs tens of milliseconds of CPU by design.
        let checked = tokio::task::spawn_blocking(move || bcrypt::non_truncating_verify(password, &hash));
        let admitted = matches!(checked.await, Ok(Ok(true))) && self.hashes.contains_key(user);
        if admitted {
            let mut passed = self.passed();
            if passed.len() >= REMEMBERED {
                passed.clear();
            }
            passed.insert(mark);
        }
        admitted
    }

    fn passed(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.passed.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Refuses requests without a known user, if there are users.
pub async fn require(State(web): State<Web>, request: Request, next: Next) -> Response {
    let users = web.users.load_full();
    if users.hashes.is_empty() {
        return next.run(request).await;
    }
    match credentials(&request) {
        Some((user, password)) if users.admits(&user, &password).await => next.run(request).await,
        _ => refused(),
    }
}

fn credentials(request: &Request) -> Option<(String, String)> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

fn refused() -> Response {
    let mut response = (StatusCode::UNAUTHORIZED, "a user and a password are needed\n").into_response();
    let ask = HeaderValue::from_static("Basic realm=\"forewarn\", charset=\"UTF-8\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, ask);
    response
}
