//! One exchange: time limit, body cap, same-origin redirects, redaction, status and cause → reason.
//!
//! A failure says method, origin and path, and the innermost cause. Never a query, userinfo, header or body: there the
//! secrets are. The outer layers of the client's own errors repeat the URL and are never quoted.

use std::error::Error;

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::client::Client;
use super::{Failure, Request, Response};
use crate::base::time::clock::Clock;
use crate::domain::reason::FailureReason;
use crate::domain::text::Text;

/// Sends and reads the whole answer. Any HTTP status is `Ok`; only transport, time limit and cap fail.
pub async fn send(client: &Client, request: Request, clock: &Clock) -> Result<Response, Failure> {
    let what = describe(client, &request);
    let built = build(client, request).map_err(|cause| failure(&what, FailureReason::Connect, true, cause))?;
    let mut response = client.inner.execute(built).await.map_err(|error| refused(&what, &error))?;
    let received_at = clock.now();
    let status = response.status().as_u16();
    let url = response.url().clone();
    let headers = headers(response.headers());
    if response.content_length().is_some_and(|told| told > client.body_cap as u64) {
        return Err(too_large(&what, client.body_cap));
    }
    let mut body = bytes::BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(&what, &error))? {
        if body.len() + chunk.len() > client.body_cap {
            return Err(too_large(&what, client.body_cap));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Response { status, headers, body: body.freeze(), url, received_at })
}

/// `GET https://host/path`; without the path where the URL itself may be the credential.
fn describe(client: &Client, request: &Request) -> String {
    let origin = request.url.origin().ascii_serialization();
    let path = if client.hides_paths || request.secret_headers.is_empty() && request.method != "GET" {
        "/…"
    } else {
        request.url.path()
    };
    format!("{} {origin}{path}", request.method)
}

fn build(client: &Client, request: Request) -> Result<reqwest::Request, String> {
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| "not an HTTP method".to_owned())?;
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let value = HeaderValue::from_str(value)
            .map_err(|_| format!("the value of header {name} holds characters that no header may carry"))?;
        headers.append(header_name(name)?, value);
    }
    for (name, secret) in &request.secret_headers {
        let mut value = HeaderValue::from_str(secret.expose()).map_err(|_| {
            format!(
                "the secret for header {name} holds characters that no header may carry; check its file for line breaks"
            )
        })?;
        value.set_sensitive(true);
        headers.insert(header_name(name)?, value);
    }
    let mut built = client.inner.request(method, request.url).headers(headers);
    if let Some(body) = request.body {
        built = built.body(body);
    }
    built.build().map_err(|error| cause(&error.without_url()))
}

fn header_name(name: &str) -> Result<HeaderName, String> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| "not a header name".to_owned())
}

fn headers(map: &HeaderMap) -> Vec<(String, String)> {
    map.iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

/// No answer came.
fn refused(what: &str, error: &reqwest::Error) -> Failure {
    let reason = if error.is_timeout() {
        FailureReason::Timeout
    } else if is_tls(error) {
        FailureReason::Tls
    } else {
        FailureReason::Connect
    };
    failure(what, reason, error.is_connect(), cause(error))
}

/// An answer began and did not end well.
fn broken(what: &str, error: &reqwest::Error) -> Failure {
    let reason = if error.is_timeout() {
        FailureReason::Timeout
    } else if is_tls(error) {
        FailureReason::Tls
    } else if chain(error).any(|layer| layer.downcast_ref::<std::io::Error>().is_some_and(is_garbled)) {
        FailureReason::Decode
    } else {
        FailureReason::Connect
    };
    failure(what, reason, false, format!("reading the answer: {}", cause(error)))
}

/// Decompression says so; a lost connection has other kinds.
fn is_garbled(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput | std::io::ErrorKind::Other
    )
}

fn too_large(what: &str, cap: usize) -> Failure {
    failure(what, FailureReason::TooLarge, false, format!("the answer is larger than {cap} bytes"))
}

fn failure(what: &str, reason: FailureReason, unsent: bool, cause: impl std::fmt::Display) -> Failure {
    Failure { reason, unsent, detail: Text::new(&format!("{what}: {cause}")) }
}

/// Every layer below the client's own, which name the URL.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&layer| below(layer))
}

fn below<'a>(layer: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    // An `io::Error` hides what it wraps from `source`.
    match layer.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => layer.source(),
    }
}

fn is_tls(error: &reqwest::Error) -> bool {
    chain(error).any(|layer| layer.is::<rustls::Error>())
}

/// The innermost cause that is not the client's own layer.
pub(super) fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return if error.is_connect() {
            "no connection within the time limit".into()
        } else {
            "no complete answer within the time limit".into()
        };
    }
    chain(error)
        .filter(|layer| !layer.is::<reqwest::Error>())
        .last()
        .map_or_else(|| "the request could not be made".into(), ToString::to_string)
}
