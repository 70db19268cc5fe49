//! What a message will need, gathered when the transition happens.

use super::World;
use crate::domain::At;
use crate::domain::delivery::{Before, Facts};
use crate::domain::episode::Episode;
use crate::domain::finding::{Assessment, FindingKind};
use crate::domain::text::Text;
use crate::domain::token::{Expiry, Generation, Token};
use crate::judge::evaluate::rules::Policy;
use crate::judge::tell::{Traits, episodes};

impl World {
    /// Everything about one episode of one slot.
    pub(crate) fn facts(&self, slot: &Token<'_>, episode: &Episode, assessment: &Assessment, now: At) -> Facts {
        let mut facts = self.identity_facts(slot);
        let about = self.about(slot, episode, now);
        if let Some(generation) = about {
            facts.ends = generation.end();
            facts.date_only = matches!(generation.expires, Expiry::At(end) if end.date_only());
            facts.never = generation.expires == Expiry::Never;
            facts.issued = generation.issued;
            facts.last_used = generation.last_used;
            facts.link = generation.link.clone();
            facts.seen_good = generation.ended.as_ref().and_then(|ended| ended.seen_good);
        }
        let ends = episode.finding.due.filter(|_| episode.kind == FindingKind::BreaksDeploy).or(facts.ends);
        facts.first_run = ends.and_then(|end| self.rules.first_run_of(&facts.pipelines, end));
        facts.next_run = self.rules.next_run_of(&facts.pipelines, now);
        facts.rotation_due = assessment.rotation_due;
        facts.rotated_at = slot.rotated_at;
        facts.before = before(slot, about, now);
        facts.read_at = Some(slot.observed);
        facts.next = next(episode, now);
        if slot.own_login() {
            let rules = self.rules.collector(&slot.key.collector);
            facts.login = rules.and_then(|rules| Some((rules.login.clone()?, rules.least.clone())));
        }
        if slot.own_login() && episode.kind == FindingKind::CollectorFailing {
            self.add_collector_facts(slot, now, &mut facts);
        }
        facts
    }

    /// Who and what the slot is; independent of any finding.
    pub(crate) fn identity_facts(&self, slot: &Token<'_>) -> Facts {
        let policy: std::sync::Arc<Policy> = self.rules.policy(slot.policy);
        let collector = self.rules.collector(&slot.key.collector);
        Facts {
            token: slot.label.to_string(),
            collector: Some(slot.key.collector.to_string()),
            issuer: collector.map(|rules| rules.issuer.clone()).unwrap_or_default(),
            issuer_title: collector.map(|rules| rules.title.clone()).unwrap_or_default(),
            host: collector.map(|rules| rules.host.clone()).unwrap_or_default(),
            kind: slot.key.kind().into(),
            managed: slot.explicit()
                || slot.team.is_some()
                || policy.schedule.is_some()
                || !policy.pipelines.is_empty(),
            own_login: slot.own_login(),
            explicit: slot.explicit(),
            team: slot.team.clone(),
            owner: slot.owner.clone(),
            schedule: policy.schedule.as_ref().map(|schedule| schedule.id.clone()),
            schedule_text: policy.schedule.as_ref().map(|schedule| schedule.text.as_str().into()),
            by_hand: policy.schedule.as_ref().is_none_or(|schedule| schedule.by_hand),
            pipelines: policy.pipelines.clone(),
            runbook: policy.runbook.clone(),
            rotate: collector.map(|rules| rules.rotate.clone()).unwrap_or_default(),
            ..Facts::default()
        }
    }

    /// What routes may match besides the facts.
    pub(crate) fn traits(slot: &Token<'_>) -> Traits {
        Traits {
            place: if slot.place_path.is_empty() { slot.key.place().into() } else { slot.place_path.clone() },
            name: slot.name.clone(),
            scopes: slot.generations.last().map(|generation| generation.scopes.clone()).unwrap_or_default(),
            facts: slot.facts.clone(),
        }
    }

    /// The generation a message speaks of: after a rotation the new one, else the one of the episode.
    fn about<'t>(&self, slot: &'t Token<'_>, episode: &Episode, now: At) -> Option<&'t Generation> {
        if !episode.open() {
            return slot.current(now).or_else(|| slot.head());
        }
        let own = episode.generation.as_ref();
        let of_episode = slot.generations.iter().find(|generation| Some(&generation.id) == own);
        of_episode.or_else(|| slot.current(now)).or_else(|| slot.head())
    }

    fn add_collector_facts(&self, slot: &Token<'_>, now: At, facts: &mut Facts) {
        facts.covers = Some(self.covers(slot, now));
        let status = self.collectors.get(&slot.key.collector);
        facts.detail = status.and_then(|status| status.failure_detail.clone());
        facts.read_at = status.and_then(|status| status.last_success);
    }

    /// Tokens that a collector watches, and those of them with a deadline within 7 days.
    pub(crate) fn covers(&self, slot: &Token<'_>, now: At) -> (u32, u32) {
        let soon = now + chrono::TimeDelta::days(7);
        let (mut tokens, mut ending) = (0, 0);
        self.inventory.each(Some(&slot.key.collector), &mut |token, standing| {
            if !token.own_login() {
                tokens += 1;
                ending += u32::from(standing.deadline.is_some_and(|(at, _)| now < at && at < soon));
            }
        });
        (tokens, ending)
    }
}

/// What the newest value replaced, for the closing of a rotation (semantics 1.8).
fn before(slot: &Token<'_>, about: Option<&Generation>, now: At) -> Option<Before> {
    let newest = about?;
    let at = slot.generations.iter().position(|generation| generation.id == newest.id)?;
    let old = slot.generations[..at].iter().rev().find(|generation| generation.was_usable)?;
    let ended = old.ended.as_ref().map(|ended| ended.word.clone());
    let past = old.end().filter(|end| *end <= now).map(|_| "expired".into());
    Some(Before {
        ends: old.end(),
        never: old.expires == Expiry::Never,
        ended: ended.or(past),
        use_known: old.last_used.is_some(),
        issued: old.issued,
    })
}

/// When something more is told of an open episode: its next rung, its end, else its next reminder.
fn next(episode: &Episode, now: At) -> Option<(At, Text)> {
    if !episode.open() {
        return None;
    }
    let rung = episode.finding.ladder.iter().map(|rung| rung.at).filter(|at| *at > now).min();
    let end = episode.finding.due.filter(|due| *due > now && !episode.kind.is_ended());
    let at = rung.or(end).or_else(|| episodes::next_reminder(episode));
    at.map(|at| (at, Text::default()))
}
