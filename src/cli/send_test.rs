//! `send-test CHANNEL`: one message through one channel, and what the receiver said.

use std::time::Duration;

use super::SendTestArguments;
use super::output::{complain, say};
use crate::app::tasks::channel_client;
use crate::base::time::clock::Clock;
use crate::config::{self, Loading};
use crate::deliver::channel::{Channel, Outgoing, SendCx};
use crate::domain::key::ChannelId;
use crate::judge::tell::ids;

/// Longest wait for a receiver; channels have limits of their own below it.
const LIMIT: Duration = Duration::from_secs(60);

pub fn run(arguments: &SendTestArguments) -> u8 {
    let loading = Loading { definitions: arguments.config.issuers.clone(), external_url: true, ..Loading::default() };
    let setup = match config::load(&arguments.config.config, &loading) {
        Ok(config) => config.setup,
        Err(failed) => {
            complain(failed.render().trim_end());
            return 2;
        }
    };
    let id = ChannelId::from(arguments.channel.as_str());
    let Some(channel) = setup.channels.get(&id) else {
        let known: Vec<&str> = setup.channels.keys().map(ChannelId::as_str).collect();
        complain(&format!("there is no channel {:?}; the configuration has: {}", id.as_str(), known.join(", ")));
        return 2;
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("cannot start: {error}"));
            return 1;
        }
    };
    runtime.block_on(send(&id, channel))
}

async fn send(id: &ChannelId, channel: &Channel) -> u8 {
    let client = match channel_client() {
        Ok(client) => client,
        Err(error) => {
            complain(&error.to_string());
            return 1;
        }
    };
    let cx = SendCx { client, clock: Clock::System };
    let now = Clock::System.now();
    let recipients = match channel.recipients() {
        none if none.is_empty() => vec![String::new()],
        some => some,
    };
    let mut failed = false;
    for recipient in recipients {
        let delivery = ids::delivery(&format!("test:{}", now.timestamp()), id.as_str(), &recipient);
        let body = channel.payload(&channel.test_message(now), delivery, now);
        let outgoing = Outgoing { id: delivery, recipient: &recipient, body: &body, attempt: 1 };
        let whom = if recipient.is_empty() { id.to_string() } else { format!("{id} ({recipient})") };
        match tokio::time::timeout(LIMIT, channel.send(&cx, &outgoing)).await {
            Ok(Ok(receipt)) => say(&format!("{whom}: taken, {}\n", receipt.evidence)),
            Ok(Err(error)) => {
                failed = true;
                complain(&format!("{whom}: not taken ({}): {}", error.class, error.detail));
            }
            Err(_) => {
                failed = true;
                complain(&format!("{whom}: no answer within {} s", LIMIT.as_secs()));
            }
        }
    }
    u8::from(failed)
}
