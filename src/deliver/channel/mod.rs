//! The configured destinations; the one match over their kinds.

use serde::Deserialize;

use crate::base::http::client::Client;
use crate::base::time::clock::Clock;
use crate::deliver::message::Message;
use crate::domain::delivery::{Receipt, SendError};
use crate::domain::key::ChannelId;

pub mod email;
pub mod fit;
pub mod slack;
pub mod stdout;
pub mod webhook;

/// One entry of `channels:`; exactly one kind.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelSection {
    pub slack: Option<slack::Section>,
    pub email: Option<email::Section>,
    pub webhook: Option<webhook::Section>,
    pub stdout: Option<stdout::Section>,
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
    pub id: crate::domain::key::DeliveryId,
    pub recipient: &'a str,
    pub body: &'a str,
    pub attempt: u32,
}

impl Channel {
    /// From its section; every mistake as (path below the channel, sentence).
    pub fn build(_id: &ChannelId, _section: &ChannelSection) -> Result<Channel, Vec<(String, String)>> {
        todo!()
    }
    /// Mail addresses; empty for channels without recipients.
    pub fn recipients(&self) -> Vec<String> {
        todo!()
    }
    /// The channel's payload for this message: JSON for Slack and webhook, the parts of a mail, a line.
    pub fn payload(&self, _message: &Message, _id: crate::domain::key::DeliveryId, _now: crate::domain::At) -> String {
        todo!()
    }
    /// One attempt under an outer time limit; the receiver's answer decides the class (channels.md 5.6).
    pub async fn send(&self, _cx: &SendCx, _outgoing: &Outgoing<'_>) -> Result<Receipt, SendError> {
        todo!()
    }
    /// A test message for `send-test`.
    pub fn test_message(&self, _now: crate::domain::At) -> Message {
        todo!()
    }
}
