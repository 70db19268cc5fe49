//! What is decided inside a claim, for each group of due deliveries: is its channel still there, is its reader free, may
//! a broken channel be probed, is it still true; and the rendering. Runs on the store's thread; sends nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;

use super::{Outlets, fresh};
use crate::deliver::channel::Channel;
use crate::deliver::message::{ComposeCx, Message, Span, compose, plain};
use crate::domain::At;
use crate::domain::delivery::{Class, DeliveryState, Intent};
use crate::judge::tell::route::Reader;
use crate::keep::store::{Claim, DueGroup};

/// A reader whose last message is still on its way is looked at again after this.
const BUSY_WAIT: TimeDelta = TimeDelta::seconds(1);
/// A broken channel has one probe at a time.
const PROBE_WAIT: TimeDelta = TimeDelta::seconds(5);

/// One claim's view: readers taken by it are busy for the groups that follow.
pub(super) struct Desk {
    pub(super) outlets: Arc<Outlets>,
    pub(super) compose: ComposeCx,
    pub(super) busy: BTreeSet<Reader>,
    pub(super) now: At,
}

impl Desk {
    pub(super) fn decide(&mut self, group: &DueGroup) -> Claim {
        let outlets = Arc::clone(&self.outlets);
        let Some(channel) = outlets.channels.get(&group.channel) else {
            tracing::warn!(channel.name = %group.channel, deliveries = group.items.len(),
                "cancelled messages of a channel that the configuration no longer has");
            return cancel(group);
        };
        let recipients = channel.recipients();
        if !recipients.is_empty() && !recipients.contains(&group.recipient) {
            tracing::warn!(channel.name = %group.channel, deliveries = group.items.len(),
                "cancelled messages to an address that the channel no longer has");
            return cancel(group);
        }
        let reader = (group.channel.clone(), group.recipient.clone());
        if self.busy.contains(&reader) {
            return Claim::Wait(self.now + BUSY_WAIT);
        }
        if group.health.broken.is_some() && self.busy.iter().any(|(busy, _)| *busy == group.channel) {
            return Claim::Wait(self.now + PROBE_WAIT);
        }
        let claim = fresh::fresh(group, self.now, &|intents| self.render(group, channel, intents));
        if matches!(claim, Claim::Send { .. }) {
            self.busy.insert(reader);
        }
        claim
    }

    fn render(&self, group: &DueGroup, channel: &Channel, intents: &[Intent]) -> String {
        let mut message = compose(intents, self.now, &self.compose);
        let sent = |intent: &str| intents.iter().any(|sent| sent.key() == intent);
        let mut of_them = group.items.iter().filter(|item| sent(&item.delivery.intent)).map(|item| &item.delivery);
        if of_them.clone().any(|delivery| delivery.last_class == Some(Class::Refused)) {
            message = minimal(message);
        }
        let id = of_them.next().map_or(group.items[0].delivery.id, |first| first.id);
        channel.payload(&message, id, self.now)
    }
}

fn cancel(group: &DueGroup) -> Claim {
    Claim::Drop((0..group.items.len()).map(|nth| (nth, DeliveryState::Cancelled)).collect())
}

/// The receiver refused the content: the first line alone, without any dress, says what matters.
fn minimal(mut message: Message) -> Message {
    message.headline = vec![Span::Plain(plain(&message.headline))];
    message.groups.clear();
    message.lines.clear();
    message
}
