//! Bearer, header, basic and client secret: credentials that are sent as they are.
//!
//! Values go into `secret_headers`, which no log and no error shows, or into the form body of the token endpoint's kind.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::base::http::Request;
use crate::base::secret::{Secret, SecretRef};

use super::{LoginError, keyring};

const FORM: &str = "application/x-www-form-urlencoded";

/// One header, the value after `prefix`.
pub fn header(request: &mut Request, name: &str, prefix: &str, at: &SecretRef) -> Result<(), LoginError> {
    let value = keyring::get(at)?;
    if !value.expose().bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        let place = keyring::place(at);
        return Err(LoginError(format!(
            "the secret in {place} cannot be sent in a header: it holds a line break or a character beyond ASCII; write the bare value there"
        )));
    }
    request.secret_headers.push((name.to_owned(), Secret::new(format!("{prefix}{}", value.expose()))));
    Ok(())
}

/// `Authorization: Basic` (RFC 7617).
pub fn basic(request: &mut Request, username: &str, password: &SecretRef) -> Result<(), LoginError> {
    let password = keyring::get(password)?;
    authorize(request, &format!("{username}:{}", password.expose()));
    Ok(())
}

/// `client_secret_basic` (RFC 6749 2.3.1): id and secret form-encoded before they are joined.
pub fn client_basic(request: &mut Request, id: &str, secret: &SecretRef) -> Result<(), LoginError> {
    let secret = keyring::get(secret)?;
    authorize(request, &format!("{}:{}", encode(id), encode(secret.expose())));
    Ok(())
}

/// `client_secret_post`: id and secret as fields of the form.
pub fn client_post(request: &mut Request, id: &str, secret: &SecretRef) -> Result<(), LoginError> {
    let secret = keyring::get(secret)?;
    let mut body = request.body.take().unwrap_or_default();
    if !body.is_empty() {
        body.push(b'&');
    }
    body.extend_from_slice(format!("client_id={}&client_secret={}", encode(id), encode(secret.expose())).as_bytes());
    request.body = Some(body);
    if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        request.headers.push(("content-type".into(), FORM.into()));
    }
    Ok(())
}

fn authorize(request: &mut Request, pair: &str) {
    request.secret_headers.push(("authorization".into(), Secret::new(format!("Basic {}", STANDARD.encode(pair)))));
}

/// `application/x-www-form-urlencoded`.
fn encode(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => write!(out, "%{byte:02X}").expect("writing to a String cannot fail"),
        }
        out
    })
}
