//! Time passed, or a slice of due slots is left: judge what is due.

use super::judged::Cause;
use super::observed::subject_of;
use super::{Deciding, SETTLING, SLICE, World};
use crate::domain::episode::{Closing, Subject};
use crate::domain::finding::Standing;
use crate::domain::key::ChannelId;
use crate::domain::observation::Origin;
use crate::domain::token::Slot;
use crate::judge::evaluate::rules::{CollectorRules, Governed};

impl World {
    pub(super) fn due(&self, cx: &mut Deciding<'_>) {
        let keys = self.inventory.due(cx.now, SLICE);
        for key in &keys {
            let Some(mut slot) = self.slot(key) else { continue };
            let stored = self.regoverning && self.regovern(&mut slot);
            match self.rules.collector(&key.collector) {
                None => {
                    self.dormant(&slot, cx);
                    continue;
                }
                // Also what the configuration lost while nobody ran; nothing is written down before the first round.
                Some(rules) if unnamed(&slot, rules) && !self.settling(&self.status_in(cx.decision, &slot), cx.now) => {
                    self.leave(&slot, Closing::Reclassified, cx);
                    cx.decision.batch.removed.push(key.clone());
                    continue;
                }
                Some(_) => {}
            }
            self.judge(&slot, Cause::default(), cx);
            match stored {
                true => cx.decision.batch.slots.push(slot),
                false if self.regoverning => cx.decision.governed.push(slot),
                false => {}
            }
        }
        cx.decision.settled = self.regoverning && keys.len() < SLICE;
        self.due_channels(cx);
        if keys.is_empty() {
            self.digests(cx);
        }
    }

    /// Matches the rules in force; true if something stored changed (since when its schedule applies).
    pub(crate) fn regovern(&self, slot: &mut Slot) -> bool {
        let rules = self.rules.collector(&slot.key.collector);
        let governed = self.rules.govern(&subject_of(slot, &rules));
        let before = slot.scheduled_since;
        self.governed(slot, governed);
        slot.scheduled_since != before
    }

    /// Gives a slot what policies give it, and remembers since when a schedule applies (semantics 5.2).
    pub(crate) fn governed(&self, slot: &mut Slot, governed: Governed) {
        slot.policy = governed.policy;
        slot.team = governed.team;
        let scheduled = self.rules.policy(slot.policy).schedule.is_some();
        slot.scheduled_since = match (scheduled, slot.scheduled_since) {
            (true, None) => Some(slot.first_seen.max(self.started_at)),
            (true, since) => since,
            (false, _) => None,
        };
    }

    /// A slot whose collector left the configuration: out of sight, kept for an undo (semantics 9.5).
    fn dormant(&self, slot: &Slot, cx: &mut Deciding<'_>) {
        // While a start settles nothing is decided that would have to be written down.
        let settled = self.started_at + chrono::TimeDelta::seconds(SETTLING);
        let early = !self.regoverning && cx.now < settled;
        if !early {
            self.leave(slot, Closing::Reclassified, cx);
        }
        let never = Standing { next_change: early.then_some(settled), ..Standing::UNJUDGED };
        cx.decision.judged.push((slot.key.as_ref().clone(), never));
    }

    fn due_channels(&self, cx: &mut Deciding<'_>) {
        for (id, due) in &self.channel_due {
            if *due <= cx.now
                && let Some(health) = self.channels.get(id)
            {
                self.channel(health, cx);
            }
        }
        // A channel that left the configuration takes its findings with it.
        // Subjects are ordered: tokens before channels.
        for (subject, episodes) in self.episodes.range(Subject::Channel(ChannelId::from(""))..) {
            let Subject::Channel(id) = subject else { continue };
            if !self.routes.channels().contains_key(id) && episodes.iter().any(|episode| episode.open()) {
                self.channel_gone(id, cx);
            }
        }
    }
}

/// A token that the configuration named and no longer names (semantics 9.5). Files come and go by their own listing.
fn unnamed(slot: &Slot, rules: &CollectorRules) -> bool {
    let Some(names) = &rules.explicit else { return false };
    let named = matches!(slot.origin, Origin::Inspect | Origin::Declared);
    named && !names.iter().any(|name| name == slot.key.name())
}
