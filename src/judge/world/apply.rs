//! Memory takes in what was committed. Cannot fail.

use super::{Decision, World};
use crate::domain::At;
use crate::domain::collector::{ChannelHealth, CollectorStatus};
use crate::domain::episode::Episode;
use crate::domain::key::{ChannelId, EpisodeId};
use crate::domain::token::Slot;

/// Closed episodes are remembered this long: for their number and for flapping (semantics 9.1, 9.3).
const REMEMBERED: i64 = 30;

impl World {
    /// Takes a committed decision in.
    pub fn apply(&mut self, decision: Decision) {
        let Decision { batch, judged, seen, governed, walk, channel, rules, settled, mark_due, mass, anew, .. } =
            decision;
        let at = batch.at;
        for slot in batch.slots.into_iter().chain(governed) {
            self.inventory.put(slot);
        }
        for (key, walk) in seen {
            self.inventory.seen(&key, walk);
        }
        for (key, standing) in judged {
            self.inventory.judged(&key, standing);
        }
        for key in &batch.removed {
            self.inventory.remove(key);
        }
        for status in batch.collectors {
            self.collectors.insert(status.id.clone(), status);
        }
        for episode in batch.episodes {
            self.remember_episode(episode, at);
        }
        let by_intent: std::collections::BTreeMap<String, EpisodeId> =
            batch.intents.iter().map(|intent| (intent.key(), intent.episode.id)).collect();
        for delivery in &batch.deliveries {
            if let Some(&episode) = by_intent.get(&delivery.intent) {
                self.remember_told(episode, delivery.channel.clone(), delivery.recipient.clone());
            }
        }
        self.digested = batch.digested.or(self.digested);
        if let Some(delta) = walk {
            self.walks.entry(delta.collector.clone()).or_default().take(delta);
        }
        if let Some((health, due)) = channel {
            match due {
                Some(due) => self.channel_due.insert(health.id.clone(), due),
                None => self.channel_due.remove(&health.id),
            };
            self.channels.insert(health.id.clone(), health);
        }
        if settled {
            self.regoverning = false;
        }
        if let Some((rules, routes)) = rules {
            self.rules = rules;
            self.routes = routes;
            self.regoverning = true;
            self.inventory.mark_due(None);
        }
        match mass {
            Some((collector, Some(hold))) => _ = self.mass.insert(collector, hold),
            Some((collector, None)) => _ = self.mass.remove(&collector),
            None => {}
        }
        if anew {
            self.started_at = at;
            self.clock_held = None;
            self.inventory.mark_due(None);
        }
        if let Some(collector) = mark_due {
            self.inventory.mark_due(Some(&collector));
        }
    }

    /// At start, from the store.
    pub fn remember_slot(&mut self, mut slot: Slot) {
        self.regovern(&mut slot);
        self.inventory.put(slot);
    }
    pub fn remember_digested(&mut self, at: At) {
        self.digested = Some(at);
    }
    pub fn remember_collector(&mut self, status: CollectorStatus) {
        self.collectors.insert(status.id.clone(), status);
    }
    pub fn remember_channel(&mut self, health: ChannelHealth) {
        self.channel_due.insert(health.id.clone(), self.started_at);
        self.channels.insert(health.id.clone(), health);
    }
    pub fn remember_told(&mut self, episode: EpisodeId, channel: ChannelId, recipient: String) {
        let readers = self.told_to.entry(episode).or_default();
        if !readers.iter().any(|(c, r)| *c == channel && *r == recipient) {
            readers.push((channel, recipient));
        }
    }
    pub fn remember_episode(&mut self, episode: Episode, now: At) {
        let list = self.episodes.entry(episode.subject.clone()).or_default();
        match list.iter_mut().find(|known| known.id == episode.id) {
            Some(known) => *known = episode,
            None => list.push(episode),
        }
        let old = now - chrono::TimeDelta::days(REMEMBERED);
        let told_to = &mut self.told_to;
        list.retain(|episode| match &episode.state {
            crate::domain::episode::EpisodeState::Closed { at, .. } if *at < old => {
                told_to.remove(&episode.id);
                false
            }
            _ => true,
        });
    }
}
