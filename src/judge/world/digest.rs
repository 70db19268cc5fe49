//! Digests that are due: what stands open for a reader at a slot, and what fell quiet since the one before (semantics
//! 9.3). Makes items; their words and their order in the message are made elsewhere.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::{Deciding, SETTLING, World};
use crate::domain::At;
use crate::domain::delivery::{Delivery, DigestItem, Facts, Intent};
use crate::domain::episode::{Closing, Episode, EpisodeState, Subject, Transition};
use crate::domain::finding::{FindingKind, Severity};
use crate::domain::key::TokenKey;
use crate::domain::token::Token;
use crate::judge::evaluate;
use crate::judge::tell::digest::Slots;
use crate::judge::tell::route::Reader;
use crate::judge::tell::{self};

/// Most items of one digest; a reader sees twenty, and the number of the others.
const MOST: usize = 1_000;

/// A slot that is due, and the one before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Slot {
    at: At,
    before: At,
}

/// An episode for one reader, the most urgent first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Item {
    closed: bool,
    counted: bool,
    severity: std::cmp::Reverse<Severity>,
    /// Those without a date come last.
    due: (bool, Option<At>),
    key: TokenKey,
    episode: usize,
}

type Digests = BTreeMap<(Slot, Reader), Vec<Item>>;

impl World {
    /// When the next digest is due. After a start it waits until what happened in the meantime is known.
    pub(super) fn next_digest(&self) -> Option<At> {
        let settled = self.started_at + TimeDelta::seconds(SETTLING);
        let since = self.digested.unwrap_or(self.started_at);
        let next = self.routes.slots().filter_map(|slots| slots.next_after(since)).min()?;
        Some(if self.digested.is_none() { settled } else { next.max(settled) })
    }

    /// Digests of all slots since the last one: of a route that missed several only the last, once.
    pub(super) fn digests(&self, cx: &mut Deciding<'_>) {
        if self.regoverning || self.next_digest().is_none_or(|next| next > cx.now) {
            return;
        }
        // What began before anybody remembered a digest is remembered from now on.
        let since = self.digested.unwrap_or(self.started_at);
        cx.decision.batch.digested = Some(cx.now);
        let mut digests = Digests::new();
        for (subject, episodes) in &self.episodes {
            let Subject::Token(key) = subject else { continue };
            if let Some(token) = self.inventory.get(key).filter(|token| self.introduced(token)) {
                self.collect_items(&token, episodes, (since, cx.now), &mut digests);
            }
        }
        for ((slot, reader), items) in digests {
            self.digest(slot, &reader, items, cx);
        }
    }

    fn introduced(&self, token: &Token<'_>) -> bool {
        let collector = &token.key.collector;
        self.shown(collector) && self.collectors.get(collector).is_some_and(|status| status.introduced)
    }

    /// Whose digests an episode stands in: an open one of any severity, or one that a digest told of and that is over.
    fn collect_items(&self, token: &Token<'_>, episodes: &[Episode], (since, now): (At, At), digests: &mut Digests) {
        let (facts, traits) = (self.identity_facts(token), Self::traits(token));
        let due = |slots: &Slots| slots.last(now).filter(|&at| at > since);
        for (nth, episode) in episodes.iter().enumerate() {
            let closed = match episode.state {
                EpisodeState::Open => None,
                // A critical closing was told at once, as all of it was.
                EpisodeState::Closed { how: Closing::Superseded, .. } => continue,
                EpisodeState::Closed { .. } if episode.severity == Severity::Critical => continue,
                EpisodeState::Closed { at, .. } => Some(at),
            };
            let mut slots: Vec<Slot> = self.routes.slots().filter_map(|slots| slot(slots, due(slots)?)).collect();
            slots.sort_unstable();
            slots.dedup();
            for slot in slots {
                let of_slot = |slots: &Slots| due(slots) == Some(slot.at);
                if closed.is_some_and(|at| at <= slot.before) {
                    continue;
                }
                for reader in self.routes.digested(episode, &facts, &traits, &of_slot) {
                    let told = self.told_to.get(&episode.id).is_some_and(|readers| readers.contains(&reader));
                    if closed.is_none() || told {
                        digests.entry((slot, reader)).or_default().push(item(&token.key, nth, episode));
                    }
                }
            }
        }
    }

    fn digest(&self, slot: Slot, reader: &Reader, mut items: Vec<Item>, cx: &mut Deciding<'_>) {
        items.sort_unstable();
        let (open, closed): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| !item.closed);
        let left_out = u32::try_from(open.len().saturating_sub(MOST)).unwrap_or(u32::MAX);
        for item in open.into_iter().take(MOST).chain(closed.into_iter().take(MOST)) {
            let subject = Subject::Token(item.key);
            let Some(episode) = self.episodes.get(&subject).and_then(|list| list.get(item.episode)) else { continue };
            let Some(intent) = self.digest_intent(episode, (slot, reader, left_out), cx) else { continue };
            cx.decision.batch.deliveries.push(self.digest_delivery(&intent, (slot, reader), cx.now));
            cx.decision.batch.intents.push(intent);
        }
    }

    fn digest_intent(
        &self,
        episode: &Episode,
        (slot, (channel, recipient), left_out): (Slot, &Reader, u32),
        cx: &mut Deciding<'_>,
    ) -> Option<Intent> {
        let Subject::Token(key) = &episode.subject else { return None };
        let token = self.slot(key)?;
        let transition = match episode.state {
            EpisodeState::Open => Transition::Opened,
            EpisodeState::Closed { how, .. } => Transition::Closed(how),
        };
        let facts = match transition {
            Transition::Closed(_) => self.identity_facts(&token),
            _ => self.open_facts(&token, episode, cx),
        };
        let digest =
            Some(DigestItem { slot: slot.at, channel: channel.clone(), recipient: recipient.clone(), left_out });
        let episode = episode.clone();
        Some(Intent { seq: episode.seq, episode, transition, at: cx.now, introduction: false, facts, digest })
    }

    fn open_facts(&self, token: &Token<'_>, episode: &Episode, cx: &mut Deciding<'_>) -> Facts {
        let status = self.collectors.get(&token.key.collector);
        let Some(status) = status else { return self.identity_facts(token) };
        let assessment = evaluate::assess(token, status, &self.rules, cx.almanac, cx.now);
        self.facts(token, episode, &assessment, cx.now)
    }

    /// Due at its slot, and given up when the next one is due.
    fn digest_delivery(&self, intent: &Intent, (slot, reader): (Slot, &Reader), now: At) -> Delivery {
        let next = self.routes.slots().filter_map(|slots| slots.next_after(now)).min();
        tell::later(intent, reader, (slot.at, next), now)
    }
}

fn slot(slots: &Slots, at: At) -> Option<Slot> {
    Some(Slot { at, before: slots.last(at - TimeDelta::seconds(1))? })
}

fn item(key: &TokenKey, nth: usize, episode: &Episode) -> Item {
    Item {
        closed: !episode.open(),
        counted: matches!(episode.kind, FindingKind::Unmanaged | FindingKind::Unowned),
        severity: std::cmp::Reverse(episode.severity),
        due: (episode.finding.due.is_none(), episode.finding.due),
        key: key.clone(),
        episode: nth,
    }
}
