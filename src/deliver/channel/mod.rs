//! The configured destinations; the one match over their kinds.
//!
//! A channel dresses a message, sends it once, and reads from the answer what became of it. It knows no store.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::http::client::Client;
use crate::base::time::clock::Clock;
use crate::deliver::message::{Line, Message, OneLiner, Span};
use crate::domain::At;
use crate::domain::delivery::{Receipt, SendError};
use crate::domain::finding::Severity;
use crate::domain::key::{ChannelId, DeliveryId};

mod answer;
pub mod email;
pub mod fit;
mod mail;
mod probe;
pub mod slack;
mod smtp;
pub mod stdout;
pub mod webhook;

/// Around every attempt, shorter than a lease.
const WHOLE: Duration = Duration::from_secs(40);

/// Where messages go: exactly one kind of destination.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    { "required": ["slack"] }, { "required": ["email"] }, { "required": ["webhook"] }, { "required": ["stdout"] },
]))]
pub struct ChannelSection {
    /// An incoming webhook of Slack.
    pub slack: Option<slack::Section>,
    /// Mail by SMTP, one message a recipient.
    pub email: Option<email::Section>,
    /// JSON to a URL of yours, signed as Standard Webhooks 1.0.0 where a secret is given.
    pub webhook: Option<webhook::Section>,
    /// Standard output, one line a message.
    pub stdout: Option<stdout::Section>,
    /// The channel that is told what this one cannot deliver.
    #[schemars(example = &"mail")]
    pub fallback: Option<String>,
}

#[derive(Clone, Debug)]
pub enum Channel {
    Slack(slack::Section),
    Email(email::Config),
    Webhook(webhook::Config),
    Stdout,
}

/// What sending needs from the process.
#[derive(Clone)]
pub struct SendCx {
    pub client: Client,
    pub clock: Clock,
}

/// A message ready for one channel: its own payload as text, frozen in the store.
#[derive(Clone, Debug)]
pub struct Outgoing<'a> {
    pub id: DeliveryId,
    pub recipient: &'a str,
    pub body: &'a str,
    pub attempt: u32,
}

impl Channel {
    /// From its section; every mistake as (path below the channel, sentence).
    pub fn build(id: &ChannelId, section: &ChannelSection) -> Result<Channel, Vec<(String, String)>> {
        let mut built = Vec::new();
        if let Some(slack) = &section.slack {
            built.push(("slack", Ok(Channel::Slack(slack.clone()))));
        }
        if let Some(email) = &section.email {
            built.push(("email", email::build(email).map(Channel::Email)));
        }
        if let Some(webhook) = &section.webhook {
            built.push(("webhook", webhook::build(webhook).map(Channel::Webhook).map_err(|mistake| vec![mistake])));
        }
        if section.stdout.is_some() {
            built.push(("stdout", Ok(Channel::Stdout)));
        }
        let kinds: Vec<_> = built.iter().map(|(kind, _)| *kind).collect();
        let several = (kinds.len() > 1).then(|| {
            let sentence = format!("channel {id} is {} at once. Give each a channel of its own", kinds.join(" and "));
            (kinds[1].to_owned(), sentence)
        });
        let mut mistakes: Vec<_> = several.into_iter().collect();
        let mut channel = None;
        for (_, result) in built {
            match result {
                Ok(good) => channel = Some(good),
                Err(more) => mistakes.extend(more),
            }
        }
        match channel {
            Some(channel) if mistakes.is_empty() => Ok(channel),
            None if mistakes.is_empty() => {
                let sentence = format!("channel {id} has no kind. Write one of slack, email, webhook, stdout");
                Err(vec![(String::new(), sentence)])
            }
            _ => Err(mistakes),
        }
    }
    /// Mail addresses; empty for channels without recipients.
    pub fn recipients(&self) -> Vec<String> {
        match self {
            Channel::Email(config) => config.recipients(),
            Channel::Slack(_) | Channel::Webhook(_) | Channel::Stdout => Vec::new(),
        }
    }
    /// The channel's payload for this message: JSON for Slack and webhook, the parts of a mail, a line.
    pub fn payload(&self, message: &Message, id: DeliveryId, now: At) -> String {
        match self {
            Channel::Slack(_) => slack::payload(message).to_string(),
            Channel::Email(config) => email::payload(config, message, id, now),
            Channel::Webhook(_) => webhook::payload(message, now).to_string(),
            Channel::Stdout => stdout::payload(message, now),
        }
    }
    /// One attempt under an outer time limit; the receiver's answer decides the class (channels.md 5.6).
    pub async fn send(&self, cx: &SendCx, outgoing: &Outgoing<'_>) -> Result<Receipt, SendError> {
        let limit = |repeat| move |_| Err(answer::too_slow(repeat));
        match self {
            Channel::Slack(section) => tokio::time::timeout(WHOLE, slack::send(section, cx, outgoing))
                .await
                .unwrap_or_else(limit(answer::Idempotent::No)),
            Channel::Webhook(config) => tokio::time::timeout(WHOLE, webhook::send(config, cx, outgoing))
                .await
                .unwrap_or_else(limit(answer::Idempotent::Yes)),
            Channel::Email(config) => email::send(config, outgoing).await,
            Channel::Stdout => stdout::send(outgoing.body).await,
        }
    }
    /// A test message for `send-test`.
    pub fn test_message(&self, now: At) -> Message {
        test_message(self.kind(), now)
    }
}

/// Says that it is a test in every part that a reader may see alone.
fn test_message(kind: &str, now: At) -> Message {
    let sentence = format!("forewarn can reach you here ({kind}); sent {} UTC", now.format("%a %-d %b %Y %H:%M"));
    Message {
        mark: "Test".into(),
        headline: vec![Span::Plain(sentence.clone())],
        lines: vec![Line { lead: Some("Do"), text: vec![Span::Plain("nothing: no token is concerned".into())] }],
        one_liners: vec![OneLiner { severity: Severity::Info, text: format!("Test: {sentence}.") }],
        event: "test".into(),
        data: serde_json::json!({ "items": [], "at": now }),
        ..Message::of(&format!("Test: {sentence}"), Severity::Info)
    }
}

#[cfg(test)]
mod gallery;
#[cfg(test)]
mod letters;
#[cfg(test)]
mod tests;
