//! A page of a listing: each record finds its slot, its policy and its conclusion.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::judged::Cause;
use super::mass::Round;
use super::walks::{Delta, FlowSeen};
use super::{Deciding, World};
use crate::domain::At;
use crate::domain::finding::Standing;
use crate::domain::key::{CollectorId, TokenKey};
use crate::domain::observation::{Observation, Origin, Record, Wish};
use crate::domain::reason::LeftOut;
use crate::domain::text::Text;
use crate::domain::token::Slot;
use crate::judge::evaluate::rules::{CollectorRules, Governed, Subject};
use crate::judge::inventory::infer::{self, News, Outcome, Terms};

/// Kind of a collector's own login.
pub const LOGIN: &str = "login";
/// Kind of a flow (semantics 1.10).
pub const FLOW: &str = "flow";

/// Slots touched by a page, with what happened to them; later records of the page see earlier ones.
#[derive(Default)]
pub(crate) struct Touched {
    pub slots: BTreeMap<TokenKey, (Slot, Vec<News>, bool)>,
    /// Labels given to new slots of the page.
    pub labels: HashMap<String, TokenKey>,
    /// Ended ones that a whole listing does not hold any more.
    pub unlisted: BTreeSet<TokenKey>,
}

impl World {
    pub(super) fn page(&self, page: &Observation, cx: &mut Deciding<'_>) {
        let Some(rules) = self.rules.collector(&page.collector) else { return };
        if self.foreign_sight(page) {
            return;
        }
        let mut delta = Delta::new(page.collector.clone(), page.walk, page.sight);
        delta.add.clock_difference = page.issuer_clock.map(|clock| clock.num_seconds());
        if let Some(coverage) = page.ends {
            delta.add.listings.insert(page.listing.clone(), coverage);
        }
        delta.add.gone.extend(page.gone.iter().cloned());
        for &(reason, count) in &page.left_out {
            *delta.add.left_out.entry(reason).or_default() += count;
        }
        let terms = self.terms(page, rules, cx.now);
        let mut look = Look { rules, terms, touched: Touched::default(), delta };
        for record in &page.records {
            self.record(record, &mut look, cx);
        }
        for generation in &page.listed {
            self.listed(generation, &mut look, cx);
        }
        let round = Round { collector: &page.collector, walk: page.walk, confirm: false };
        self.hold_mass(&mut look.touched, round, &mut look.delta, cx);
        cx.decision.walk = Some(look.delta);
        let strange = self.collectors.get(&page.collector).is_some_and(|status| status.sight != Some(page.sight));
        self.settle(look.touched, strange, cx);
    }

    /// A round begun under another sight than the one it would be judged by is discarded (semantics 3.1).
    fn foreign_sight(&self, page: &Observation) -> bool {
        self.walks
            .get(&page.collector)
            .is_some_and(|walk| walk.walk == page.walk && walk.sight.is_some_and(|sight| sight != page.sight))
    }

    pub(super) fn terms(&self, page: &Observation, rules: &CollectorRules, now: At) -> Terms {
        let remembered = self.collectors.get(&page.collector).and_then(|status| status.clock_difference).unwrap_or(0);
        Terms {
            now,
            taken_at: page.taken_at,
            sight: page.sight,
            absent: rules.absent,
            listing: page.listing.clone(),
            clock_difference: page.issuer_clock.map_or(remembered, |clock| clock.num_seconds()),
            matched: false,
            facts_age: rules.stale_after.is_some(),
        }
    }

    fn record(&self, record: &Record, look: &mut Look<'_>, cx: &mut Deciding<'_>) {
        let rules = look.rules;
        self.give_way(record, rules, cx);
        if self.is_own_login(record, rules, &look.touched) || self.is_bot(record, rules) {
            return;
        }
        let (key, label) = self.place(record, rules, &look.touched);
        let subject = subject(record, rules, &label);
        if record.origin == Origin::Inventory && self.rules.ignores(&subject) {
            *look.delta.add.left_out.entry(LeftOut::Ignored).or_default() += 1;
            return;
        }
        let governed = self.rules.govern(&subject);
        if record.dynamic.is_some() {
            self.minted(record, subject, governed.matched, look);
            return;
        }
        let known = look.known(&key).or_else(|| self.slot(&key));
        if known.is_none() && !self.in_scope(record, rules, &governed, &mut look.delta) {
            return;
        }
        let terms = Terms { matched: governed.matched, ..look.terms.clone() };
        let outcome = infer::record(known.as_ref(), &key, &label, record, &terms);
        self.take(outcome, Found { key, known, governed, generation: record.generation.clone() }, look, cx);
    }

    /// A token minted per job adds to its flow where a policy watches it; else it is only counted (semantics 2.2).
    fn minted(&self, record: &Record, subject: Subject<'_>, matched: bool, look: &mut Look<'_>) {
        let Some(flow) = &record.dynamic else { return };
        let as_flow = Subject { kind: FLOW, name: flow.name.as_str(), place: flow.place.as_str(), ..subject };
        if !matched && !self.rules.govern(&as_flow).matched {
            look.delta.add.dynamic += 1;
            return;
        }
        let seen = look.delta.add.flows.entry(flow.clone()).or_insert_with(|| FlowSeen::new(record.clone()));
        seen.minted.add(record, look.terms.taken_at);
    }

    /// Semantics 2.1, 2.5: machine kinds, whatever a policy matches, and the kinds that the collector adds.
    fn in_scope(&self, record: &Record, rules: &CollectorRules, governed: &Governed, delta: &mut Delta) -> bool {
        let explicit = record.origin != Origin::Inventory;
        let left_out = if explicit || governed.matched {
            None
        } else if record.person && !rules.kinds.iter().any(|kind| kind == record.kind.as_str()) {
            Some(LeftOut::Person)
        } else if self.inventory.count(&rules.id) + self.added(rules) + delta.add.added >= rules.max_tokens {
            Some(LeftOut::OverLimit)
        } else {
            None
        };
        match left_out {
            Some(reason) => {
                *delta.add.left_out.entry(reason).or_default() += 1;
                false
            }
            None => true,
        }
    }

    fn added(&self, rules: &CollectorRules) -> usize {
        self.walks.get(&rules.id).map_or(0, |walk| walk.added)
    }

    /// The slot that a record belongs to: the one that holds its generation (semantics 1.4), else by its key, with a
    /// policy's `slot:` in place of its name (1.9).
    fn place(&self, record: &Record, rules: &CollectorRules, touched: &Touched) -> (TokenKey, String) {
        let key = TokenKey::new(rules.id.clone(), record.kind.as_str(), record.place.as_str(), record.name.as_str());
        let known = self.inventory.known(&key, &record.generation, record.origin);
        let holder = known.or_else(|| self.elsewhere(record, rules));
        if let Some(key) = holder {
            let label = self.label_of(&key, touched).unwrap_or_default();
            return (key, label);
        }
        let label = self.new_label(record, &key, touched);
        let governed = self.rules.govern(&subject(record, rules, &label));
        let Some(joined) = governed.slot else { return (key, label) };
        let key = TokenKey::new(rules.id.clone(), record.kind.as_str(), record.place.as_str(), &joined);
        let joined = Record { name: joined.as_str().into(), ..record.clone() };
        let label = self.new_label(&joined, &key, touched);
        (key, label)
    }

    /// A collector's own login takes the place of its inventory's slot for the same token (semantics 1.11).
    fn give_way(&self, record: &Record, rules: &CollectorRules, cx: &mut Deciding<'_>) {
        match record.origin {
            Origin::OwnLogin => {}
            Origin::Inventory if !record.person => return self.bot_gives_way(record, rules, cx),
            _ => return,
        }
        for id in issuer_ids(&record.facts, record.issued) {
            let Some(key) = self.inventory.holder(&rules.id, &id) else { continue };
            let Some(slot) = self.slot(&key).filter(|slot| slot.origin == Origin::Inventory) else { continue };
            if slot.generations.len() == 1 && slot.generations.iter().all(|g| g.issued == record.issued) {
                self.leave(&slot, crate::domain::episode::Closing::Reclassified, cx);
                cx.decision.batch.removed.push(key);
            }
        }
    }

    /// A machine's token that its issuer lists among people's, too (a bot's): one token, in the place that is no
    /// person's (semantics 1.11).
    fn is_bot(&self, record: &Record, rules: &CollectorRules) -> bool {
        let holder = self.inventory.holder(&rules.id, &record.generation).filter(|_| record.person);
        let slot = holder.and_then(|key| self.inventory.get(&key).map(|slot| slot.person));
        slot == Some(false)
    }

    /// The same, met first among people's.
    fn bot_gives_way(&self, record: &Record, rules: &CollectorRules, cx: &mut Deciding<'_>) {
        let Some(key) = self.inventory.holder(&rules.id, &record.generation) else { return };
        let Some(slot) = self.slot(&key).filter(|slot| slot.person && slot.generations.len() == 1) else { return };
        self.leave(&slot, crate::domain::episode::Closing::Reclassified, cx);
        cx.decision.batch.removed.push(key);
    }

    /// Whether an inventory met the collector's own login: one token, one slot (semantics 1.11).
    fn is_own_login(&self, record: &Record, rules: &CollectorRules, touched: &Touched) -> bool {
        if record.origin != Origin::Inventory || record.issued.is_none() {
            return false;
        }
        let key = own_login(&rules.id);
        let known = touched.slots.get(&key).map(|(slot, ..)| slot.clone()).or_else(|| self.slot(&key));
        known.is_some_and(|slot| {
            let issued = slot.head().and_then(|head| head.issued);
            issued == record.issued && issuer_ids(&slot.facts, issued).iter().any(|id| **id == *record.generation)
        })
    }

    fn label_of(&self, key: &TokenKey, touched: &Touched) -> Option<String> {
        touched
            .slots
            .get(key)
            .map(|(slot, ..)| slot.label.to_string())
            .or_else(|| self.inventory.get(key).map(|token| token.label.to_string()))
    }

    fn new_label(&self, record: &Record, key: &TokenKey, touched: &Touched) -> String {
        self.label_of(key, touched).unwrap_or_else(|| {
            let taken = |text: &str| {
                self.inventory.labelled(text).is_some_and(|other| other != *key)
                    || touched.labels.get(text).is_some_and(|other| other != key)
            };
            infer::label(&key.collector, record, key, &taken)
        })
    }

    /// The same issuer id at the same issuer URL, seen by another collector, is one token (semantics 1.11).
    fn elsewhere(&self, record: &Record, rules: &CollectorRules) -> Option<TokenKey> {
        if record.origin != Origin::Inventory || rules.url.is_empty() {
            return None;
        }
        self.rules
            .collectors()
            .filter(|other| other.id != rules.id && other.issuer == rules.issuer && other.url == rules.url)
            .find_map(|other| self.inventory.holder(&other.id, &record.generation))
    }

    fn listed(&self, generation: &str, look: &mut Look<'_>, cx: &mut Deciding<'_>) {
        let Some(key) = self.inventory.holder(&look.rules.id, generation) else { return };
        let Some(known) = look.known(&key).or_else(|| self.slot(&key)) else { return };
        let governed = self.rules.govern(&subject_of(&known, &Some(look.rules)));
        let outcome = infer::unread(&known, generation, &look.terms);
        let found = Found { key, known: Some(known), governed, generation: generation.into() };
        self.take(outcome, found, look, cx);
    }

    fn take(&self, outcome: Outcome, found: Found, look: &mut Look<'_>, cx: &mut Deciding<'_>) {
        let Found { key, known, governed, generation } = found;
        let Look { touched, delta, .. } = look;
        if outcome.history {
            // It is no generation of the slot: that it is listed says nothing about those that are.
            *delta.add.left_out.entry(LeftOut::History).or_default() += 1;
            return;
        }
        if known.is_none() && outcome.slot.is_some() {
            delta.add.added += 1;
        }
        let seen_before = touched.slots.contains_key(&key) || self.inventory.seen_in(&key) == delta.add.walk;
        cx.decision.seen.push((key.clone(), delta.add.walk));
        if outcome.slot.as_ref().or(known.as_ref()).is_some_and(|slot| slot.generations.len() > 1) {
            let present = delta.add.present.entry(key.clone()).or_default();
            present.insert(generation);
            // The one that was alone until now was not noted when this walk saw it.
            let alone = known.as_ref().filter(|slot| seen_before && slot.generations.len() == 1);
            present.extend(alone.map(|slot| slot.generations[0].id.clone()));
        }
        let changed = outcome.slot.is_some();
        if let Some(mut slot) = outcome.slot {
            self.governed(&mut slot, governed);
            let news = touched.slots.remove(&key).map(|(_, news, _)| news).unwrap_or_default();
            if known.is_none() {
                touched.labels.insert(slot.label.to_string(), key.clone());
            }
            touched.slots.insert(key.clone(), (slot, [news, outcome.news].concat(), true));
        } else if let Some(slot) = known {
            touched.slots.entry(key.clone()).or_insert((slot, Vec::new(), false));
        }
        if outcome.again && changed {
            cx.ask(&key.collector, Wish::Round { by: cx.now + chrono::TimeDelta::seconds(2) });
        }
        if !outcome.confirm.is_empty() {
            cx.ask(&key.collector, Wish::Confirm(outcome.confirm));
        }
    }

    /// Judges what was touched; a slot that was only seen again is judged only if that may change something. `silent`: the
    /// first round under a new sight, whose end introduces what it found (semantics 10).
    pub(crate) fn settle(&self, touched: Touched, silent: bool, cx: &mut Deciding<'_>) {
        for (key, (slot, news, changed)) in touched.slots {
            let mut slot = slot;
            slot.observed = cx.now;
            let quiet = |s: Standing| s.findings.is_empty() && s.next_change.is_none_or(|at| at > cx.now);
            if !changed && self.inventory.standing(&key).is_some_and(quiet) {
                continue;
            }
            self.judge(&slot, Cause { silent, ..Cause::news(&news) }, cx);
            if changed {
                cx.decision.batch.slots.push(slot);
            }
        }
    }
}

/// A page while it is read.
struct Look<'e> {
    rules: &'e CollectorRules,
    terms: Terms,
    touched: Touched,
    delta: Delta,
}

impl Look<'_> {
    /// A slot as earlier records of the page have left it.
    fn known(&self, key: &TokenKey) -> Option<Slot> {
        self.touched.slots.get(key).map(|(slot, ..)| slot.clone())
    }
}

struct Found {
    key: TokenKey,
    known: Option<Slot>,
    governed: Governed,
    generation: crate::domain::key::GenerationId,
}

/// Key of the slot `forewarn/<collector>`.
pub fn own_login(collector: &CollectorId) -> TokenKey {
    TokenKey::new(collector.clone(), LOGIN, "", &format!("forewarn/{collector}"))
}

/// How an inventory would name the generation that an explicit token told as its id.
fn issuer_ids(facts: &[(Text, Text)], issued: Option<At>) -> Vec<String> {
    let Some((_, id)) = facts.iter().find(|(name, _)| name.as_str() == "id") else { return Vec::new() };
    let dated = issued.map(|issued| format!("{id}@{}", issued.timestamp()));
    dated.into_iter().chain([id.to_string()]).collect()
}

/// What policies are matched against, from a record.
fn subject<'a>(record: &'a Record, rules: &'a CollectorRules, label: &'a str) -> Subject<'a> {
    Subject {
        collector: &rules.id,
        issuer: rules.issuer.as_str(),
        kind: record.kind.as_str(),
        token: label,
        place: match record.place_path.is_empty() {
            true => record.place.as_str(),
            false => record.place_path.as_str(),
        },
        name: record.name.as_str(),
        scopes: &record.scopes,
        facts: &record.facts,
        own_login: record.origin == Origin::OwnLogin,
        explicit: record.origin != Origin::Inventory,
    }
}

/// The same, from a slot.
pub(crate) fn subject_of<'a>(
    slot: &'a crate::domain::token::Token<'_>,
    rules: &Option<&'a CollectorRules>,
) -> Subject<'a> {
    let scopes = slot.generations.last().map_or(&[][..], |generation| &generation.scopes);
    Subject {
        collector: &slot.key.collector,
        issuer: rules.map_or("", |rules| rules.issuer.as_str()),
        kind: slot.key.kind(),
        token: &slot.label,
        place: match slot.place_path.is_empty() {
            true => slot.key.place(),
            false => slot.place_path.as_str(),
        },
        name: slot.name.as_str(),
        scopes,
        facts: &slot.facts,
        own_login: slot.own_login(),
        explicit: slot.explicit(),
    }
}
