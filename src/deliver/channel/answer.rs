//! What an HTTP answer means for a delivery, as far as all receivers agree (channels.md 5.6): status → class, waiting time.
//!
//! An address may itself be a secret and a proxy may echo it: no body is quoted here, and the client hides paths.

use chrono::DateTime;
use url::Url;

use super::SendCx;
use crate::base::http::{Failure, Request, Response, send};
use crate::domain::delivery::{Class, SendError};
use crate::domain::reason::FailureReason;
use crate::domain::text::Text;

/// Longest wait taken over from a receiver, seconds; the outbox caps it further.
const LONGEST_WAIT: i64 = 86_400;

/// `Retry-After` in seconds, from now on (RFC 9110, 10.2.3: a number or a date).
pub fn retry_after(response: &Response) -> Option<u32> {
    let text = response.header("retry-after")?.trim();
    let seconds = match text.parse::<i64>() {
        Ok(seconds) => seconds,
        Err(_) => (DateTime::parse_from_rfc2822(text).ok()?.to_utc() - response.received_at).num_seconds(),
    };
    u32::try_from(seconds.clamp(0, LONGEST_WAIT)).ok()
}

/// The class of a status that is no success; the same for every HTTP receiver unless it says more.
pub fn class_of(status: u16, after: Option<u32>) -> Class {
    match status {
        429 => Class::Throttled,
        502..=504 if after.is_some() => Class::Throttled,
        408 | 425 | 500..=599 => Class::Retry,
        300..=399 | 401 | 403 | 404 | 410 => Class::Broken,
        400..=499 => Class::Refused,
        _ => Class::Ambiguous,
    }
}

/// The reason that goes with a status.
pub fn reason_of(status: u16) -> FailureReason {
    match status {
        401 => FailureReason::LoginRefused,
        403 => FailureReason::Forbidden,
        404 | 410 => FailureReason::NotFound,
        429 => FailureReason::RateLimited,
        408 => FailureReason::Timeout,
        500..=599 => FailureReason::Http5xx,
        400..=499 => FailureReason::Http4xx,
        _ => FailureReason::Decode,
    }
}

/// An answer that was no success.
pub fn refused(response: &Response, class: Class, word: &str) -> SendError {
    let detail = if word.is_empty() { response.status.to_string() } else { format!("{} {word}", response.status) };
    SendError {
        class,
        reason: reason_of(response.status),
        after: retry_after(response),
        suspect: None,
        detail: Text::new(&detail),
    }
}

/// No answer. `idempotent`: the receiver takes a repeat for the same message.
pub fn unanswered(failure: &Failure, idempotent: Idempotent) -> SendError {
    let class = match (failure.unsent, idempotent) {
        (true, _) | (false, Idempotent::Yes) => Class::Retry,
        (false, Idempotent::No) => Class::Ambiguous,
    };
    let sent = if failure.unsent { "nothing was sent" } else { "it may have arrived" };
    SendError {
        class,
        reason: failure.reason,
        after: None,
        suspect: None,
        detail: Text::new(&format!("{sent}: {}", failure.detail)),
    }
}

/// POSTs a frozen body once. A redirect is a failure even where the client followed it: another page may say 200.
pub async fn post(cx: &SendCx, url: Url, headers: Vec<(String, String)>, body: &str) -> Result<Response, Unposted> {
    let asked = url.clone();
    let request = Request { method: "POST".into(), headers, body: Some(body.as_bytes().to_vec()), ..Request::get(url) };
    let client = cx.client.clone().hide_paths();
    let response = send::send(&client, request, &cx.clock).await.map_err(Unposted::Unanswered)?;
    if response.url != asked {
        return Err(Unposted::Redirected);
    }
    Ok(response)
}

/// Why there is no answer to judge.
pub enum Unposted {
    Unanswered(Failure),
    Redirected,
}

impl Unposted {
    pub fn into_error(self, idempotent: Idempotent) -> SendError {
        match self {
            Self::Unanswered(failure) => unanswered(&failure, idempotent),
            Self::Redirected => SendError {
                class: Class::Broken,
                reason: FailureReason::NotFound,
                after: None,
                suspect: None,
                detail: "redirected; give the channel the final URL".into(),
            },
        }
    }
}

/// Whether a receiver takes a repeat for the same message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Idempotent {
    Yes,
    No,
}

/// The outer time limit ran out.
pub fn too_slow(idempotent: Idempotent) -> SendError {
    let failure = Failure { reason: FailureReason::Timeout, unsent: false, detail: "no answer in time".into() };
    unanswered(&failure, idempotent)
}

/// A secret that cannot be read now: the file may be in the middle of a change.
pub fn no_secret(error: &crate::base::secret::read::SecretError) -> SendError {
    SendError {
        class: Class::Retry,
        reason: FailureReason::LoginRefused,
        after: None,
        suspect: None,
        detail: Text::new(&error.to_string()),
    }
}

/// A setting or secret that no repeat can mend.
pub fn unusable(sentence: &str) -> SendError {
    SendError {
        class: Class::Broken,
        reason: FailureReason::LoginRefused,
        after: None,
        suspect: None,
        detail: sentence.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, headers: &[(&str, &str)]) -> Response {
        Response {
            status,
            headers: headers.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect(),
            body: bytes::Bytes::new(),
            url: "https://hooks.example.com/".parse().unwrap(),
            received_at: "2026-11-24T09:40:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn waiting_times_are_numbers_or_dates_and_bounded() {
        let table = [
            ("30", Some(30)),
            ("0", Some(0)),
            ("-5", Some(0)),
            ("99999999", Some(86_400)),
            ("Tue, 24 Nov 2026 09:41:00 GMT", Some(60)),
            ("Tue, 24 Nov 2026 09:00:00 GMT", Some(0)),
            ("soon", None),
            ("", None),
        ];
        for (text, seconds) in table {
            assert_eq!(retry_after(&response(429, &[("retry-after", text)])), seconds, "{text}");
        }
        assert_eq!(retry_after(&response(429, &[])), None);
    }

    #[test]
    fn every_status_has_its_class() {
        let table = [
            (301, None, Class::Broken),
            (307, None, Class::Broken),
            (400, None, Class::Refused),
            (401, None, Class::Broken),
            (403, None, Class::Broken),
            (404, None, Class::Broken),
            (408, None, Class::Retry),
            (410, None, Class::Broken),
            (413, None, Class::Refused),
            (422, None, Class::Refused),
            (425, None, Class::Retry),
            (429, None, Class::Throttled),
            (429, Some(5), Class::Throttled),
            (418, None, Class::Refused),
            (500, None, Class::Retry),
            (500, Some(5), Class::Retry),
            (503, None, Class::Retry),
            (503, Some(5), Class::Throttled),
            (599, None, Class::Retry),
            (101, None, Class::Ambiguous),
        ];
        for (status, after, class) in table {
            assert_eq!(class_of(status, after), class, "{status} {after:?}");
        }
    }

    #[test]
    fn only_what_certainly_did_not_leave_is_repeated_freely() {
        let failure =
            |unsent| Failure { reason: FailureReason::Timeout, unsent, detail: "POST https://hooks/…: reset".into() };
        assert_eq!(unanswered(&failure(true), Idempotent::No).class, Class::Retry);
        assert_eq!(unanswered(&failure(false), Idempotent::No).class, Class::Ambiguous);
        assert_eq!(unanswered(&failure(false), Idempotent::Yes).class, Class::Retry);
        assert_eq!(
            unanswered(&failure(true), Idempotent::No).to_string(),
            "timeout: nothing was sent: POST https://hooks/…: reset"
        );
    }
}
