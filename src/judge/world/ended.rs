//! The end of a walk: what was absent, how the collector fares, and the introduction of a first round.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::judged::{Cause, untold};
use super::mass::Round;
use super::observed::{FLOW, Touched, own_login, subject_of};
use super::walks::{CONFIRM, Delta, OpenWalk};
use super::{Deciding, Decision, World};
use crate::domain::At;
use crate::domain::collector::CollectorStatus;
use crate::domain::episode::Subject;
use crate::domain::key::{GenerationId, ListingKey, PolicyNo, TokenKey};
use crate::domain::observation::{Coverage, Origin, Record, WalkEnd, Wish};
use crate::domain::text::Text;
use crate::domain::token::Slot;
use crate::judge::evaluate::rules::CollectorRules;
use crate::judge::inventory::infer::flow::Minted;
use crate::judge::inventory::infer::{self, Outcome, Terms};
use crate::judge::tell::Told;
use crate::judge::tell::episodes;

impl World {
    pub(super) fn walk_end(&self, end: &WalkEnd, cx: &mut Deciding<'_>) {
        let Some(rules) = self.rules.collector(&end.collector) else { return };
        let walk = self.walks.get(&end.collector).filter(|walk| walk.walk == end.walk).cloned().unwrap_or_default();
        let mut over =
            Delta::new(end.collector.clone(), if end.confirm { CONFIRM } else { end.walk.max(1) }, end.sight);
        over.over = true;
        let round = Round { collector: &end.collector, walk: end.walk, confirm: end.confirm };
        let mut look = Look { walk: &walk, end, rules, touched: Touched::default(), confirm: Vec::new() };
        if end.confirm {
            self.confirmed(&mut look, cx.now);
            self.hold_mass(&mut look.touched, round, &mut over, cx);
            cx.decision.walk = Some(over);
            self.settle(look.touched, false, cx);
            return;
        }
        let first = self.walks.get(&end.collector).is_none_or(|walk| walk.finished == 0);
        let status = self.status_after(end, rules, &walk, cx.now);
        let again = self.reads_again(&status, cx.now);
        let introduce = !status.introduced && status.last_success.is_some();
        cx.decision.batch.collectors.push(CollectorStatus { introduced: status.introduced || introduce, ..status });
        self.absences(&mut look, cx.now);
        self.flows(&mut look, cx.now);
        self.hold_mass(&mut look.touched, round, &mut over, cx);
        cx.decision.walk = Some(over);
        if !matches!(end.coverage, Coverage::Failed { .. }) {
            self.release_mass(round, cx.decision, cx.now);
        }
        self.ask_again(std::mem::take(&mut look.confirm), rules, cx);
        self.settle_end(look.touched, rules, introduce, cx);
        if introduce {
            self.introduce(rules, cx);
        }
        if first || again {
            cx.decision.mark_due = Some(end.collector.clone());
        }
        self.bring_forward(rules, cx);
    }

    /// Slots that this walk did not see, judged in the listing that held them (semantics 3.2).
    fn absences(&self, look: &mut Look<'_>, now: At) {
        let Look { walk, end, .. } = *look;
        if matches!(end.coverage, Coverage::Failed { .. }) && walk.listings.is_empty() {
            return;
        }
        let unseen = self.inventory.unseen(&end.collector, end.walk).into_iter().map(|key| (key, true));
        let gone: Vec<GenerationId> = walk.gone.iter().cloned().collect();
        for (key, unlisted) in unseen.chain(walk.present.keys().map(|key| (key.clone(), false))) {
            let Some(slot) = self.slot(&key) else { continue };
            let judged_by_listing = slot.origin == Origin::Inventory && slot.flow.is_none();
            if !judged_by_listing || !walk.coverage_of(&slot.listing, end.coverage).is_whole() {
                continue;
            }
            let present: Vec<GenerationId> = walk.present.get(&key).into_iter().flatten().cloned().collect();
            let outcome = infer::absent(&slot, &present, &gone, &self.end_terms(look, now, &slot));
            if unlisted && slot.generations.iter().all(|generation| !generation.usable(now)) {
                look.touched.unlisted.insert(key.clone());
                look.touched.slots.entry(key.clone()).or_insert((slot.clone(), Vec::new(), false));
            }
            self.take_end(outcome, key, &slot, look);
        }
    }

    fn end_terms(&self, look: &Look<'_>, now: At, slot: &Slot) -> Terms {
        let governed = self.rules.govern(&subject_of(slot, &Some(look.rules)));
        Terms {
            now,
            taken_at: look.end.ended_at,
            sight: look.end.sight,
            absent: look.rules.absent,
            listing: slot.listing.clone(),
            clock_difference: look.walk.clock_difference.unwrap_or(0),
            matched: governed.matched,
            facts_age: look.rules.stale_after.is_some(),
        }
    }

    /// What was asked by id at once, after a first absence.
    fn confirmed(&self, look: &mut Look<'_>, now: At) {
        let gone: Vec<GenerationId> = look.walk.gone.iter().cloned().collect();
        let mut keys = BTreeSet::new();
        keys.extend(gone.iter().filter_map(|generation| self.inventory.holder(&look.end.collector, generation)));
        for key in keys {
            let Some(slot) = self.slot(&key) else { continue };
            let outcome = infer::confirmed_gone(&slot, &gone, &self.end_terms(look, now, &slot));
            self.take_end(outcome, key, &slot, look);
        }
    }

    fn take_end(&self, outcome: Outcome, key: TokenKey, known: &Slot, look: &mut Look<'_>) {
        look.confirm.extend(outcome.confirm);
        let Some(mut slot) = outcome.slot else { return };
        let governed = self.rules.govern(&subject_of(known, &Some(look.rules)));
        self.governed(&mut slot, governed);
        look.touched.slots.insert(key, (slot, outcome.news, true));
    }

    /// A first absence is settled at once: by id where the issuer can be asked, else by a round of its own.
    fn ask_again(&self, confirm: Vec<GenerationId>, rules: &CollectorRules, cx: &mut Deciding<'_>) {
        if confirm.is_empty() {
            return;
        }
        let wish = match rules.confirms {
            true => Wish::Confirm(confirm),
            false => Wish::Round { by: cx.now + chrono::TimeDelta::seconds(2) },
        };
        cx.ask(&rules.id, wish);
    }

    /// Flows that a policy watches become slots; those not seen in this walk count nothing (semantics 1.10, 2.2).
    fn flows(&self, look: &mut Look<'_>, now: At) {
        let (walk, rules) = (look.walk, look.rules);
        for (flow, seen) in &walk.flows {
            let key = TokenKey::new(rules.id.clone(), FLOW, flow.place.as_str(), flow.name.as_str());
            let one = Record { name: flow.name.clone(), ..seen.one.clone() };
            let taken = |text: &str| self.inventory.labelled(text).is_some_and(|other| other != key);
            let known = self.slot(&key);
            let label = match &known {
                Some(slot) => slot.label.to_string(),
                None => infer::label(&rules.id, &one, &key, &taken),
            };
            self.flow((key, &label), known, &seen.minted, (look, now));
        }
        let idle = self.inventory.unseen(&rules.id, look.end.walk).into_iter().filter(|key| key.kind() == FLOW);
        for key in idle.collect::<Vec<_>>() {
            let Some(known) = self.slot(&key).filter(|_| !look.touched.slots.contains_key(&key)) else { continue };
            if walk.coverage_of(&known.listing, look.end.coverage).is_whole() {
                let label = known.label.to_string();
                self.flow((key, &label), Some(known), &Minted::default(), (look, now));
            }
        }
    }

    fn flow(
        &self,
        (key, label): (TokenKey, &str),
        known: Option<Slot>,
        minted: &Minted,
        (look, now): (&mut Look<'_>, At),
    ) {
        let blank = known.clone().unwrap_or_else(|| blank(&key, label, look.end.ended_at));
        let terms = self.end_terms(look, now, &blank);
        let Some(mut slot) = infer::flow(known.as_ref(), &key, label, minted, &terms).slot else { return };
        let governed = self.rules.govern(&subject_of(&slot.clone(), &Some(look.rules)));
        self.governed(&mut slot, governed);
        slot.observed = look.end.ended_at;
        look.touched.slots.insert(key, (slot, Vec::new(), true));
    }

    fn settle_end(&self, mut touched: Touched, rules: &CollectorRules, introduce: bool, cx: &mut Deciding<'_>) {
        let own = self.own_slot(rules, cx.now);
        let own_changed = self.inventory.get(&own.key).is_none();
        touched.slots.entry(own.key.as_ref().clone()).or_insert((own, Vec::new(), own_changed));
        for (key, (mut slot, news, changed)) in touched.slots {
            slot.observed = self.observed_in(cx.decision, &slot);
            let cause = Cause { silent: introduce, ..Cause::news(&news) };
            self.judge(&slot, cause, cx);
            if touched.unlisted.contains(&key) && self.forgettable(&slot, cx.decision, cx.almanac, cx.now) {
                cx.decision.batch.removed.push(key);
            } else if changed {
                cx.decision.batch.slots.push(slot);
            }
        }
    }

    /// The slot `forewarn/<collector>` always exists (semantics 8).
    fn own_slot(&self, rules: &CollectorRules, now: At) -> Slot {
        let key = own_login(&rules.id);
        self.slot(&key).unwrap_or_else(|| {
            let label = infer::label::readable(&rules.id, Origin::OwnLogin, "", "");
            Slot { origin: Origin::OwnLogin, ..blank(&key, &label, now) }
        })
    }

    /// One message a channel for what a first round found (semantics 10).
    fn introduce(&self, rules: &CollectorRules, cx: &mut Deciding<'_>) {
        let changed: BTreeSet<_> = cx.decision.batch.episodes.iter().map(|episode| episode.id).collect();
        let kept = self
            .episodes
            .iter()
            .filter(|(subject, _)| matches!(subject, Subject::Token(key) if key.collector == rules.id));
        let mut open: Vec<_> = kept.flat_map(|(_, list)| list).filter(|e| !changed.contains(&e.id)).cloned().collect();
        open.extend(cx.decision.batch.episodes.iter().cloned());
        open.retain(untold);
        if open.is_empty() {
            return;
        }
        let pending: BTreeMap<TokenKey, Slot> =
            cx.decision.batch.slots.iter().map(|slot| (slot.key.as_ref().clone(), slot.clone())).collect();
        // One count for all: it walks the whole inventory.
        let covers = self.covers(&self.own_slot(rules, cx.now), cx.now);
        for (episode, transition) in episodes::introduce(&open, cx.now) {
            let Subject::Token(key) = episode.subject.clone() else { continue };
            let Some(slot) = pending.get(&key).cloned().or_else(|| self.slot(&key)) else { continue };
            let status = self.status_in(cx.decision, &slot);
            let assessment = crate::judge::evaluate::assess(&slot, &status, &self.rules, cx.almanac, cx.now);
            let mut facts = self.facts(&slot, &episode, &assessment, cx.now);
            facts.covers = facts.covers.or(Some(covers));
            cx.decision.keep(episode.clone());
            cx.decision.told.push(Told {
                episode,
                transition,
                facts,
                introduction: true,
                told_to: Vec::new(),
                traits: Self::traits(&slot),
            });
        }
    }

    /// Rounds are brought forward so that facts are fresh when a managed slot ends (semantics 4.5).
    fn bring_forward(&self, rules: &CollectorRules, cx: &mut Deciding<'_>) {
        let every = chrono::TimeDelta::seconds(i64::from(rules.every));
        if every <= chrono::TimeDelta::minutes(5) {
            return;
        }
        let mut by: Option<At> = None;
        self.inventory.each(Some(&rules.id), &mut |token, standing| {
            let Some(end) = standing.expiry else { return };
            let policy = self.rules.policy(token.policy);
            let managed =
                token.explicit() || token.team.is_some() || policy.schedule.is_some() || !policy.pipelines.is_empty();
            let before = end - chrono::TimeDelta::minutes(2);
            let after = end + chrono::TimeDelta::seconds(5);
            let wanted = if before > cx.now { before } else { after };
            if managed && wanted > cx.now && wanted < cx.now + every {
                by = Some(by.map_or(wanted, |known| known.min(wanted)));
            }
        });
        if let Some(by) = by {
            cx.decision.asks.push((rules.id.clone(), Wish::Round { by }));
        }
    }

    /// When facts of a slot were last read: by its listing, else by its collector's last round.
    pub(crate) fn observed(&self, slot: &Slot) -> At {
        observed(slot, self.collectors.get(&slot.key.collector))
    }

    pub(crate) fn observed_in(&self, decision: &Decision, slot: &Slot) -> At {
        let id = &slot.key.collector;
        let changed = decision.batch.collectors.iter().find(|status| status.id == *id);
        observed(slot, changed.or_else(|| self.collectors.get(id)))
    }
}

/// The end of a walk while it is judged.
struct Look<'e> {
    walk: &'e OpenWalk,
    end: &'e WalkEnd,
    rules: &'e CollectorRules,
    touched: Touched,
    /// Absent for the first time.
    confirm: Vec<GenerationId>,
}

/// A slot of which nothing is known yet but its name.
fn blank(key: &TokenKey, label: &str, at: At) -> Slot {
    Slot {
        key: Cow::Owned(key.clone()),
        label: Cow::Owned(label.to_owned()),
        origin: Origin::Inventory,
        person: false,
        place_path: Text::default(),
        name: key.name().into(),
        owner: None,
        facts: Vec::new(),
        first_seen: at,
        listing: ListingKey::from(""),
        flow: None,
        generations: Cow::Owned(Vec::new()),
        observed: at,
        scheduled_since: None,
        turned_back: None,
        rotated_at: None,
        policy: PolicyNo::default(),
        team: None,
    }
}

fn observed(slot: &Slot, status: Option<&CollectorStatus>) -> At {
    let Some(status) = status else { return slot.observed };
    let newest = slot.generations.last();
    if newest.is_some_and(|generation| generation.absent_since.is_some()) {
        // A listing that did not hold it says nothing new of it.
        return slot.observed;
    }
    let unread = newest.and_then(|generation| generation.unread_since);
    let listing = status.unread.get(&slot.listing).map(|unread| unread.since);
    match (unread, listing) {
        (Some(since), _) | (None, Some(since)) => since.max(slot.observed.min(since)),
        (None, None) => status.last_success.map_or(slot.observed, |at| at.max(slot.observed)),
    }
}
