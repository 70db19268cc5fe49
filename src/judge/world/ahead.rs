//! What will be said of a token if nothing changes: the same judging and the same episodes, led forward in time on a copy.
//! Changes nothing.

use super::World;
use crate::domain::At;
use crate::domain::collector::CollectorStatus;
use crate::domain::delivery::Facts;
use crate::domain::episode::{Episode, Subject, Transition};
use crate::domain::finding::{Finding, FindingKind, Severity, TokenState, Why};
use crate::domain::key::ChannelId;
use crate::domain::token::Token;
use crate::judge::evaluate::almanac::Almanac;
use crate::judge::evaluate::arithmetic::{self, Rotation};
use crate::judge::evaluate::assess;
use crate::judge::tell::Told;
use crate::judge::tell::episodes::{self, Happened, StepCx};

/// One word to come.
#[derive(Clone, Debug)]
pub struct ToCome {
    pub at: At,
    pub episode: Episode,
    pub transition: Transition,
    /// Channels in the order of the routes, each once; empty: nobody hears of it.
    pub channels: Vec<ChannelId>,
}

/// Instants looked at, at most: what never says anything must not be followed for ever.
const STEPS: usize = 300;

impl World {
    /// The next words about a token, at most `most`, as if every poll read the same again.
    pub fn to_come(&self, token: &Token<'_>, most: usize, now: At) -> Vec<ToCome> {
        let mut almanac = Almanac::default();
        let mut slot = self.slot(&token.key).unwrap_or_else(|| token.clone().into_owned());
        let mut status = self.status(token);
        let doubted = self.inventory.standing(&token.key).is_some_and(|s| s.state == TokenState::Unverified);
        if !doubted {
            // Read again in time, so never stale.
            status.stale_after = None;
            slot.generations.to_mut().iter_mut().for_each(|generation| generation.unread_since = None);
        }
        let subject = Subject::Token(token.key.as_ref().clone());
        let mut known: Vec<Episode> = self.episodes.get(&subject).cloned().unwrap_or_default();
        let (mut at, mut found) = (now, Vec::new());
        for _ in 0..STEPS {
            if !doubted {
                slot.observed = slot.observed.max(at);
            }
            let mut assessment = assess(&slot, &status, &self.rules, &mut almanac, at);
            assessment.findings.extend(added(&known));
            let happened = Happened::default();
            let cx =
                StepCx { subject: &subject, happened: &happened, team: slot.team.as_ref(), silent: false, now: at };
            for (episode, transition) in episodes::step(&known, &assessment.findings, &cx) {
                if let Some(transition) = transition.filter(|_| at > now) {
                    let channels = self.channels_for(&slot, &episode, &transition);
                    found.push(ToCome { at, episode: episode.clone(), transition, channels });
                }
                match known.iter_mut().find(|known| known.id == episode.id) {
                    Some(known) => *known = episode,
                    None => known.push(episode),
                }
            }
            let reminders = known.iter().filter(|episode| episode.open()).filter_map(episodes::next_reminder);
            let next = reminders.chain(assessment.next_change).filter(|next| *next > at).min();
            match next {
                Some(next) if found.len() < most => at = next,
                _ => break,
            }
        }
        found.truncate(most);
        found
    }

    /// The rotation that is due after the present value, with what it is counted from.
    pub fn rotation(&self, token: &Token<'_>, now: At) -> Option<Rotation> {
        arithmetic::rotation(token, &self.status(token), &self.rules, &mut Almanac::default(), now)
    }

    /// What a message about an open episode would be made from now.
    pub fn explained(&self, token: &Token<'_>, episode: &Episode, now: At) -> Facts {
        let assessment = assess(token, &self.status(token), &self.rules, &mut Almanac::default(), now);
        let mut facts = self.facts(token, episode, &assessment, now);
        facts.read_at = Some(self.read_at(token));
        facts
    }

    fn status(&self, token: &Token<'_>) -> CollectorStatus {
        let id = &token.key.collector;
        self.collectors().find(|status| status.id == *id).unwrap_or_else(|| {
            let rules = self.rules.collector(id);
            let (issuer, every) = rules.map(|rules| (rules.issuer.clone(), rules.every)).unwrap_or_default();
            CollectorStatus::new(id.clone(), issuer, every, None)
        })
    }

    fn channels_for(&self, token: &Token<'_>, episode: &Episode, transition: &Transition) -> Vec<ChannelId> {
        if episode.severity < Severity::Warning {
            return Vec::new();
        }
        let told = Told {
            episode: episode.clone(),
            transition: transition.clone(),
            facts: self.identity_facts(token),
            introduction: false,
            told_to: self.told_to(episode.id).to_vec(),
            traits: Self::traits(token),
        };
        let mut channels: Vec<ChannelId> = Vec::new();
        for (channel, _) in self.routes.pick(&told) {
            if !channels.contains(&channel) {
                channels.push(channel);
            }
        }
        channels
    }
}

/// Findings that stand for reasons outside the slot: they go on standing.
fn added(known: &[Episode]) -> impl Iterator<Item = Finding> {
    let outside =
        |episode: &&Episode| episode.kind == FindingKind::CollectorFailing || episode.finding.why == Why::NoRoute;
    known.iter().filter(|episode| episode.open()).filter(outside).map(|episode| episode.finding.clone())
}
