//! Generic webhook with a Standard Webhooks signature (specification 1.0.0).
//!
//! `webhook-id` is the same in every attempt, so a receiver knows a repeat. The secret is `whsec_` and base64 as the
//! specification has it; without that prefix its bytes are taken as they are.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ring::hmac;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{self, Idempotent};
use super::{Outgoing, SendCx, fit};
use crate::base::http::Response;
use crate::base::secret::{Secret, SecretRef, read};
use crate::deliver::message::Message;
use crate::domain::At;
use crate::domain::delivery::{Class, Receipt, SendError, Suspect};
use crate::domain::spelling::Link;

/// A URL of yours that is told by POST.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Webhook")]
pub struct Section {
    /// Where it goes.
    #[schemars(with = "Link", example = &"https://hooks.example.com/forewarn")]
    pub url: String,
    /// The key of the signature: `whsec_` and base64, or any text.
    pub secret: Option<SecretRef>,
}

/// A checked section.
#[derive(Clone, Debug)]
pub struct Config {
    pub url: url::Url,
    pub secret: Option<SecretRef>,
}

/// Receivers may refuse more (the specification advises less than 20 KB).
const MOST: usize = 20_000;

/// From its section; mistakes as (path, sentence).
pub fn build(section: &Section) -> Result<Config, (String, String)> {
    let mistake = |sentence: String| Err(("webhook.url".to_owned(), sentence));
    let Ok(url) = section.url.parse::<url::Url>() else {
        return mistake("this is not a URL. Write https://host/path".into());
    };
    if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
        return mistake(format!(
            "a webhook is asked by https or http, not by {}. Write https://host/path",
            url.scheme()
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return mistake(
            "a user or password stands in this URL (not shown). Take it out; sign with `secret` instead".into(),
        );
    }
    Ok(Config { url, secret: section.secret.clone() })
}

/// `{ type, timestamp, data }`; items that do not fit are counted under `data.more`.
pub fn payload(message: &Message, now: At) -> Value {
    let mut body = json!({
        "type": format!("forewarn.{}", message.event),
        "timestamp": now,
        "data": message.data,
    });
    shrink(&mut body);
    body
}

fn shrink(body: &mut Value) {
    let mut more = 0;
    while body.to_string().len() > MOST - 40 {
        let Some(items) = body["data"]["items"].as_array_mut() else { return };
        let keep = items.len() / 2;
        if items.len() <= 1 {
            items.iter_mut().for_each(shorten);
            break;
        }
        more += items.len() - keep;
        items.truncate(keep);
    }
    if more > 0 {
        body["data"]["more"] = json!(more);
    }
}

/// One item alone cannot be dropped: its texts are cut.
fn shorten(item: &mut Value) {
    match item {
        Value::String(text) => *text = fit::cut_bytes(text, 200),
        Value::Array(list) => {
            list.truncate(20);
            list.iter_mut().for_each(shorten);
        }
        Value::Object(map) => map.values_mut().for_each(shorten),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// One attempt; the receiver knows a repeat by its id.
pub async fn send(config: &Config, cx: &SendCx, outgoing: &Outgoing<'_>) -> Result<Receipt, SendError> {
    let id = outgoing.id.to_string();
    let timestamp = cx.clock.now().timestamp().to_string();
    let mut headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("webhook-id".into(), id.clone()),
        ("webhook-timestamp".into(), timestamp.clone()),
    ];
    if let Some(at) = &config.secret {
        let secret = read::read(at).map_err(|error| answer::no_secret(&error))?;
        let signature = sign(&secret, &id, &timestamp, outgoing.body)
            .ok_or_else(|| answer::unusable("what follows `whsec_` in the secret is not base64"))?;
        headers.push(("webhook-signature".into(), signature));
    }
    match answer::post(cx, config.url.clone(), headers, outgoing.body).await {
        Ok(response) => judge(&response),
        Err(unposted) => Err(unposted.into_error(Idempotent::Yes)),
    }
}

/// `v1,BASE64` of HMAC-SHA256 over `id.timestamp.body`; `None`: the secret is not what it claims to be.
fn sign(secret: &Secret, id: &str, timestamp: &str, body: &str) -> Option<String> {
    let text = secret.expose().trim();
    let key = match text.strip_prefix("whsec_") {
        Some(coded) => STANDARD.decode(coded).or_else(|_| STANDARD_NO_PAD.decode(coded)).ok()?,
        None => text.as_bytes().to_vec(),
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let tag = hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(tag)))
}

fn judge(response: &Response) -> Result<Receipt, SendError> {
    match response.status {
        200..=299 => Ok(Receipt { evidence: response.status.to_string().as_str().into() }),
        // A receiver that is being set up says these for a while.
        401 | 403 | 404 => {
            Err(SendError { suspect: Some(Suspect::Address), ..answer::refused(response, Class::Retry, "") })
        }
        status => {
            let class = answer::class_of(status, answer::retry_after(response));
            Err(answer::refused(response, class, ""))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16) -> Response {
        Response {
            status,
            headers: vec![],
            body: bytes::Bytes::from_static(b"{}"),
            url: "https://hooks.example.com/".parse().unwrap(),
            received_at: "2026-11-24T09:40:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn the_signature_is_the_one_of_the_specifications_example() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into());
        let signature = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", r#"{"test": 2432232314}"#).unwrap();
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn secrets_without_the_prefix_are_bytes_and_bad_base64_is_told() {
        let of = |text: &str| sign(&Secret::new(text.into()), "a", "1", "b");
        assert!(of("plain words").is_some());
        assert_eq!(of("whsec_!!!"), None);
        assert_eq!(of("whsec_YWJj"), of("abc"));
        assert_eq!(of("whsec_YQ"), of("a"));
    }

    #[test]
    fn answers_have_their_classes() {
        for status in [200, 202, 204] {
            assert!(judge(&response(status)).is_ok());
        }
        let table = [
            (301, Class::Broken),
            (308, Class::Broken),
            (400, Class::Refused),
            (401, Class::Retry),
            (404, Class::Retry),
            (410, Class::Broken),
            (413, Class::Refused),
            (429, Class::Throttled),
            (500, Class::Retry),
            (503, Class::Retry),
        ];
        for (status, class) in table {
            assert_eq!(judge(&response(status)).unwrap_err().class, class, "{status}");
        }
    }

    #[test]
    fn bad_urls_get_sentences_and_never_show_a_password() {
        for (url, part) in [
            ("hooks.example.com", "not a URL"),
            ("ftp://hooks.example.com/x", "not by ftp"),
            ("https://user:hunter2@hooks.example.com/", "Take it out"),
        ] {
            let (path, sentence) = build(&Section { url: url.into(), secret: None }).unwrap_err();
            assert_eq!(path, "webhook.url");
            assert!(sentence.contains(part) && !sentence.contains("hunter2"), "{sentence}");
        }
        assert!(build(&Section { url: "http://127.0.0.1:9100/hook?a=b".into(), secret: None }).is_ok());
    }

    #[test]
    fn a_body_stays_below_twenty_kilobytes_and_counts_what_it_leaves_out() {
        let mut message = super::super::test_message("hook", "2026-11-24T09:40:00Z".parse().unwrap());
        message.data = json!({ "items": (0..500).map(|n| json!({ "token": format!("{n}{}", "ä".repeat(100)) })).collect::<Vec<_>>() });
        let body = payload(&message, "2026-11-24T09:40:00Z".parse().unwrap());
        assert!(body.to_string().len() < MOST);
        let kept = body["data"]["items"].as_array().unwrap().len();
        assert_eq!(kept as u64 + body["data"]["more"].as_u64().unwrap(), 500);
        message.data = json!({ "items": [{ "token": "ä".repeat(100_000) }] });
        assert!(payload(&message, "2026-11-24T09:40:00Z".parse().unwrap()).to_string().len() < MOST);
    }
}
