//! Every watched slot, in leaves per collector, sorted by key; looked up and iterated as [`Token`].
//! A slot is seen outside only as that view, built on the stack; it must not know what its facts mean.

use crate::domain::At;
use crate::domain::finding::Standing;
use crate::domain::key::{CollectorId, TokenKey};
use crate::domain::observation::WalkNo;
use crate::domain::token::{Slot, Token};

use agenda::Agenda;
use index::{Hashing, Index};
use intern::Pools;
use shelves::{Moved, Shelves};

mod agenda;
mod index;
pub mod infer;
mod intern;
mod leaf;
mod lookup;
mod shelves;

/// Stable identity of a leaf while it lives; a split makes a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeafId(pub u64);

/// All slots.
#[derive(Default)]
pub struct Inventory {
    shelves: Shelves,
    pools: Pools,
    agenda: Agenda,
    holders: Index,
    labels: Index,
    hashing: Hashing,
    len: usize,
    /// Last revision given to a leaf.
    revision: u64,
}

impl Inventory {
    pub fn new() -> Self {
        Self::default()
    }
    pub fn get(&self, key: &TokenKey) -> Option<Token<'_>> {
        let (leaf, at) = self.shelves.find(key)?;
        Some(self.shelves.leaf(leaf).token(at, &self.pools))
    }
    /// `next_change` of a slot that is due at once (not judged yet, or marked) is `None`.
    pub fn standing(&self, key: &TokenKey) -> Option<Standing> {
        let (leaf, at) = self.shelves.find(key)?;
        Some(self.shelves.leaf(leaf).standing(at, &self.pools))
    }
    /// The walk that last saw it, 0 for none in this process.
    pub fn seen_in(&self, key: &TokenKey) -> WalkNo {
        self.shelves.find(key).map_or(0, |(leaf, at)| self.shelves.leaf(leaf).seen()[at])
    }
    /// Inserts or replaces the whole slot; its standing stays (UNJUDGED for a new one).
    pub fn put(&mut self, slot: Slot) {
        let (no, at) = match self.shelves.find(&slot.key) {
            Some((no, at)) => {
                self.unindex(no, at);
                (no, at)
            }
            None => {
                self.len += 1;
                self.shelves.open(&slot.key)
            }
        };
        let collector = slot.key.collector.as_str();
        let hashes: Vec<_> = slot.generations.iter().map(|g| self.hashing.generation(collector, &g.id)).collect();
        self.shelves.leaf_mut(no).fill(at, &slot, &hashes, &mut self.pools);
        hashes.into_iter().for_each(|hash| self.holders.add(hash, no));
        self.labels.add(self.hashing.label(&slot.label), no);
        self.touched(no);
        if let Some(moved) = self.shelves.split(no, self.revision) {
            self.reindex(&moved);
        }
    }
    /// Takes the result of judging. Only what a reader can see raises the leaf's revision: `next_change` does not.
    pub fn judged(&mut self, key: &TokenKey, standing: Standing) {
        let Some((no, at)) = self.shelves.find(key) else { return };
        let leaf = self.shelves.leaf_mut(no);
        let was = leaf.due()[at];
        let changed = leaf.judge(at, &standing, &mut self.pools);
        let is = leaf.due()[at];
        let earliest = self.agenda.of(no);
        if is <= earliest {
            self.agenda.set(no, is);
        } else if was == earliest {
            self.retime(no);
        }
        if changed {
            self.revise(no);
        }
    }
    pub fn seen(&mut self, key: &TokenKey, walk: WalkNo) {
        if let Some((no, at)) = self.shelves.find(key) {
            self.shelves.leaf_mut(no).see(at, walk);
        }
    }
    pub fn remove(&mut self, key: &TokenKey) {
        let Some((no, at)) = self.shelves.find(key) else { return };
        self.unindex(no, at);
        self.shelves.leaf_mut(no).remove(at, &mut self.pools);
        self.len -= 1;
        self.touched(no);
        if let Some(moved) = self.shelves.join(no, self.revision) {
            self.reindex(&moved);
        }
        if !self.shelves.lives(no) {
            self.agenda.set(no, agenda::NEVER);
        }
    }
    pub fn len(&self) -> usize {
        self.len
    }
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// Earliest `next_change`; unjudged slots are due at once (`At::MIN_UTC`).
    pub fn next_due(&self) -> Option<At> {
        self.agenda.next()
    }
    /// Marks every slot (of one collector, or all) due at once: rules changed.
    pub fn mark_due(&mut self, collector: Option<&CollectorId>) {
        let numbers: Vec<_> = self.shelves.numbers(collector).collect();
        for no in numbers {
            self.shelves.leaf_mut(no).mark_due();
            self.agenda.set(no, agenda::AT_ONCE);
        }
    }
    /// Forgets what points at a slot whose facts are about to change.
    fn unindex(&mut self, no: usize, at: usize) {
        let leaf = self.shelves.leaf(no);
        leaf.hashes(at).iter().for_each(|&hash| self.holders.remove(hash, no));
        let label = leaf.label(at, &self.pools);
        self.labels.remove(self.hashing.label(&label), no);
    }
    /// Follows slots that went from one leaf to another.
    fn reindex(&mut self, moved: &Moved) {
        let leaf = self.shelves.leaf(moved.to);
        for at in moved.first..leaf.len() {
            leaf.hashes(at).iter().for_each(|&hash| self.holders.moved(hash, moved.from, moved.to));
            let label = leaf.label(at, &self.pools);
            self.labels.moved(self.hashing.label(&label), moved.from, moved.to);
        }
        for no in [moved.from, moved.to] {
            self.retime(no);
        }
    }
    /// The earliest of a leaf, after its column changed.
    fn retime(&mut self, no: usize) {
        let lives = self.shelves.lives(no);
        let earliest = if lives { self.shelves.leaf(no).due().iter().copied().min() } else { None };
        self.agenda.set(no, earliest.unwrap_or(agenda::NEVER));
    }
    fn revise(&mut self, no: usize) {
        self.revision += 1;
        self.shelves.leaf_mut(no).revision = self.revision;
    }
    fn touched(&mut self, no: usize) {
        self.revise(no);
        self.retime(no);
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::collections::BTreeMap;

    use chrono::{DateTime, TimeDelta};
    use proptest::prelude::*;

    use super::*;
    use crate::domain::finding::{DeadlineReason, FindingSet, SafeUntil, TokenState};
    use crate::domain::key::{PolicyNo, SightId};
    use crate::domain::observation::{Doubt, Origin};
    use crate::domain::text::Text;
    use crate::domain::token::{End, Ended, EndedHow, Expiry, ExpiryKind, Flow, Generation, LastUsed, WhyUnknown};

    fn at(seconds: i64) -> At {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    /// Small numbers from one seed, so that a slot is a function of it.
    struct Dice(u64);
    impl Dice {
        fn roll(&mut self, sides: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % sides
        }
        fn one_in(&mut self, sides: u64) -> bool {
            self.roll(sides) == 0
        }
        fn instant(&mut self) -> At {
            match self.roll(40) {
                0 => At::MAX_UTC,
                1 => at(-5),
                2 => at(1_790_000_000) + TimeDelta::milliseconds(3),
                3 => at(5_000_000_000),
                _ => at(1_790_000_000 + self.roll(1_000_000) as i64),
            }
        }
        fn maybe(&mut self) -> Option<At> {
            (!self.one_in(3)).then(|| self.instant())
        }
    }

    fn expiry(dice: &mut Dice) -> Expiry {
        let instant = dice.instant();
        let width = if dice.one_in(3) { 86_399 } else { 0 };
        match dice.roll(5) {
            0 => Expiry::Never,
            1 => Expiry::Unknown(WhyUnknown::Unreadable),
            2 => Expiry::At(End { instant, late: instant, kind: ExpiryKind::Sliding }),
            _ => Expiry::At(End {
                instant,
                late: instant.checked_add_signed(TimeDelta::seconds(width)).unwrap_or(instant),
                kind: ExpiryKind::Hard,
            }),
        }
    }

    fn generation(dice: &mut Dice) -> Generation {
        let id: crate::domain::key::GenerationId = format!("id-{}", dice.roll(60)).into();
        Generation {
            issued: dice.maybe(),
            first_seen: dice.instant(),
            starts: if dice.one_in(6) { dice.maybe() } else { None },
            expires: expiry(dice),
            hard_stop: if dice.one_in(6) { dice.maybe() } else { None },
            period: dice.one_in(4).then_some(3600),
            granted: dice.one_in(4).then_some(60),
            renewable: dice.one_in(2),
            renewed: if dice.one_in(4) { dice.maybe() } else { None },
            moved_later: dice.roll(3) as u8,
            last_used: dice.maybe().map(|at| LastUsed { at, granularity: 86_400 }),
            good_sight: dice.one_in(2).then(|| SightId(dice.roll(3) as i64 - 1)),
            ended: dice.one_in(6).then(|| Ended {
                how: EndedHow::Revoked,
                at: dice.instant(),
                word: "blocked".into(),
                seen_good: dice.maybe(),
                good_rounds: 1,
                first_sight: dice.one_in(2),
            }),
            dead_rounds: u8::from(dice.one_in(6)),
            was_usable: dice.one_in(2),
            doubt: dice.one_in(4).then_some(Doubt::OutOfSight),
            scopes: (0..dice.roll(3)).map(|nth| Text::new(&format!("scope{nth}"))).collect(),
            unread_since: if dice.one_in(6) { dice.maybe() } else { None },
            absent_since: if dice.one_in(6) { dice.maybe() } else { None },
            absent_rounds: u8::from(dice.one_in(6)),
            value: match dice.roll(4) {
                0 => Some(id.clone()),
                1 => Some("hash".into()),
                _ => None,
            },
            link: dice.one_in(3).then(|| "https://git.example/7".into()),
            id,
        }
    }

    fn key(dice: &mut Dice) -> TokenKey {
        let collector = format!("c{}", dice.roll(3));
        TokenKey::new(
            collector.as_str().into(),
            ["project", "group"][dice.roll(2) as usize],
            "p",
            &format!("n{}", dice.roll(900)),
        )
    }

    fn slot(key: TokenKey, dice: &mut Dice) -> Slot {
        let name = if dice.one_in(5) { "renamed".into() } else { Text::new(key.name()) };
        let place_path = Text::new(["", "platform/renovate"][dice.roll(2) as usize]);
        let origin = Origin::ALL[dice.roll(4) as usize];
        let plain = infer::label::readable(&key.collector, origin, place_path.as_str(), key.name());
        Token {
            label: Cow::Owned(if dice.one_in(5) { format!("{plain}~0a1b") } else { plain }),
            origin,
            person: dice.one_in(2),
            place_path,
            name,
            owner: dice.one_in(2).then(|| Text::new(&format!("owner{}", dice.roll(9)))),
            facts: (0..dice.roll(2)).map(|_| ("a".into(), "b".into())).collect(),
            first_seen: dice.instant(),
            listing: "groups>groups/7/projects".into(),
            flow: dice.one_in(9).then(Flow::default),
            generations: Cow::Owned((0..dice.roll(4)).map(|_| generation(dice)).collect()),
            observed: dice.instant(),
            scheduled_since: dice.maybe(),
            turned_back: dice.one_in(9).then(|| "id-1".into()),
            rotated_at: dice.maybe(),
            policy: PolicyNo(dice.roll(3) as u32),
            team: dice.one_in(2).then(|| "platform".into()),
            key: Cow::Owned(key),
        }
    }

    fn standing(dice: &mut Dice) -> Standing {
        Standing {
            findings: FindingSet(dice.roll(4)),
            state: TokenState::ALL[dice.roll(9) as usize],
            expiry: dice.maybe(),
            never: dice.one_in(2),
            rotation_due: dice.maybe(),
            deadline: dice.maybe().map(|at| (at, DeadlineReason::Rotation)),
            next_change: (!dice.one_in(3)).then(|| at(1_790_000_000 + dice.roll(1000) as i64)),
            safe_until: match dice.roll(3) {
                0 => SafeUntil::Never,
                1 => SafeUntil::Unknown,
                _ => SafeUntil::At(dice.instant()),
            },
            usable: dice.one_in(2),
        }
    }

    /// What the inventory must be like: plain, slow, obvious.
    #[derive(Clone)]
    struct Row {
        slot: Slot,
        standing: Standing,
        at_once: bool,
        walk: WalkNo,
    }
    type Model = BTreeMap<TokenKey, Row>;

    fn step(inventory: &mut Inventory, model: &mut Model, what: u64, seed: u64) {
        let mut dice = Dice(seed);
        let key = key(&mut dice);
        match what {
            0..=3 => {
                let slot = slot(key.clone(), &mut dice);
                let row = Row { slot: slot.clone(), standing: Standing::UNJUDGED, at_once: true, walk: 0 };
                model.entry(key).and_modify(|row| row.slot = slot.clone()).or_insert(row);
                inventory.put(slot);
            }
            4 | 5 => {
                let standing = standing(&mut dice);
                if let Some(row) = model.get_mut(&key) {
                    (row.standing, row.at_once) = (standing, false);
                }
                inventory.judged(&key, standing);
            }
            6 => {
                inventory.remove(&key);
                model.remove(&key);
            }
            7 => {
                inventory.seen(&key, 9);
                model.entry(key).and_modify(|row| row.walk = 9);
            }
            _ => {
                let one = dice.one_in(2).then_some(&key.collector);
                inventory.mark_due(one);
                for (key, row) in model.iter_mut().filter(|(k, _)| one.is_none_or(|one| *one == k.collector)) {
                    (row.at_once, row.standing.next_change) = (true, None);
                    assert_eq!(inventory.standing(key), Some(row.standing));
                }
            }
        }
    }

    fn due(model: &Model, now: At) -> Vec<TokenKey> {
        let due = |row: &Row| row.at_once || row.standing.next_change.is_some_and(|next| next <= now);
        model.iter().filter(|(_, row)| due(row)).map(|(key, _)| key.clone()).collect()
    }

    fn compare(inventory: &Inventory, model: &Model) {
        assert_eq!(inventory.len(), model.len());
        let mut got = Vec::new();
        inventory.each(None, &mut |token, standing| got.push((token.clone().into_owned(), *standing)));
        let want: Vec<_> = model.values().map(|row| (row.slot.clone(), row.standing)).collect();
        assert_eq!(got, want, "each token reads back as it was put, in key order");
        let now = at(1_790_000_500);
        assert_eq!(inventory.due(now, usize::MAX), due(model, now));
        let next = model.values().filter_map(|r| if r.at_once { Some(At::MIN_UTC) } else { r.standing.next_change });
        assert_eq!(inventory.next_due(), next.min());
        let keys: Vec<_> = model.keys().cloned().collect();
        assert_eq!(
            inventory.keys_after(None, keys.get(3), 700),
            keys.iter().skip(if keys.len() > 3 { 4 } else { 0 }).take(700).cloned().collect::<Vec<_>>()
        );
        let c1 = CollectorId::from("c1");
        let of_c1 = model.iter().filter(|(key, _)| key.collector == c1);
        let unseen: Vec<_> = of_c1.clone().filter(|(_, row)| row.walk != 9).map(|(key, _)| key.clone()).collect();
        assert_eq!(inventory.unseen(&c1, 9), unseen);
        assert_eq!(inventory.count(&c1), of_c1.count());
        let leaves = inventory.leaves();
        let mut by_leaf = Vec::new();
        for &(leaf, _) in &leaves {
            let mut size = 0;
            inventory.leaf(leaf, &mut |token, _| {
                by_leaf.push(token.key.clone().into_owned());
                size += 1;
            });
            assert!((1..=leaf::MOST).contains(&size));
        }
        assert_eq!(by_leaf, keys);
        compare_lookups(inventory, model);
    }

    fn compare_lookups(inventory: &Inventory, model: &Model) {
        for (key, row) in model.iter().step_by(17) {
            assert_eq!(inventory.get(key).map(Token::into_owned).as_ref(), Some(&row.slot));
            assert_eq!((inventory.standing(key), inventory.seen_in(key)), (Some(row.standing), row.walk));
            let same = |r: &&Row| r.slot.label == row.slot.label;
            let labelled = model.values().filter(same).map(|r| r.slot.key.clone().into_owned()).min();
            assert_eq!(inventory.labelled(&row.slot.label), labelled);
        }
        for (nth, collector) in (0..61).flat_map(|nth| ["c0", "c2"].map(|c| (nth, CollectorId::from(c)))) {
            let id = format!("id-{nth}");
            let holds =
                |row: &&Row| row.slot.key.collector == collector && row.slot.generations.iter().any(|g| *g.id == *id);
            let holder = model.values().filter(holds).map(|row| row.slot.key.clone().into_owned()).min();
            assert_eq!(inventory.holder(&collector, &id), holder);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
        #[test]
        fn it_answers_like_a_sorted_map(rounds in proptest::collection::vec((0u64..12, 1usize..1500, any::<u64>()), 1..7)) {
            let (mut inventory, mut model) = (Inventory::new(), Model::new());
            for (what, count, seed) in rounds {
                let mut dice = Dice(seed);
                for _ in 0..count {
                    // One kind of step is frequent in a round, so that leaves fill, split, drain and join.
                    let what = if dice.one_in(3) { dice.roll(8) } else { what.min(8 + dice.roll(300) / 299) };
                    let seed = dice.roll(u64::MAX);
                    step(&mut inventory, &mut model, if what == 8 && !dice.one_in(300) { 3 } else { what }, seed);
                }
                compare(&inventory, &model);
            }
            model.keys().for_each(|key| inventory.remove(key));
            compare(&inventory, &Model::new());
            let Pools { texts, listings, facts, shapes, manners, verdicts } = &inventory.pools;
            let left = [texts.len(), listings.len(), facts.len(), shapes.len(), manners.len(), verdicts.len()];
            prop_assert_eq!(left, [0; 6], "nothing shared outlives its users");
            prop_assert!(inventory.holders.is_empty() && inventory.labels.is_empty());
        }
    }

    #[test]
    fn a_revision_rises_with_what_a_reader_can_see() {
        let mut inventory = Inventory::new();
        let mut dice = Dice(1);
        let key = TokenKey::new("c".into(), "project", "7", "a");
        inventory.put(slot(key.clone(), &mut dice));
        let first = inventory.leaves()[0].1;
        let standing = Standing { next_change: Some(at(5)), ..standing(&mut dice) };
        inventory.judged(&key, standing);
        let judged = inventory.leaves()[0].1;
        assert!(judged > first);
        inventory.judged(&key, Standing { next_change: Some(at(9)), ..standing });
        inventory.seen(&key, 3);
        inventory.mark_due(None);
        assert_eq!(inventory.leaves()[0].1, judged, "a timer is not seen");
        inventory.put(slot(key.clone(), &mut dice));
        let put = inventory.leaves()[0].1;
        assert!(put > judged);
        inventory.put(slot(TokenKey::new("c".into(), "project", "7", "b"), &mut dice));
        inventory.remove(&key);
        assert!(inventory.leaves()[0].1 > put);
    }

    /// Budgets 6: what a slot with one plain generation costs beside its key and its id.
    #[test]
    fn a_plain_slot_is_small() {
        let mut inventory = Inventory::new();
        let collector = CollectorId::from("gitlab");
        let names =
            |nth: usize| (format!("{}", nth / 500), format!("deploy-bot-{nth:06}"), format!("{nth}@1790000000"));
        for nth in 0..6_000 {
            let (place, name, id) = names(nth);
            let mut dice = Dice(3);
            let key = TokenKey::new(collector.clone(), "project", &place, &name);
            let now = at(1_790_000_000 + nth as i64);
            let plain = Generation {
                id: id.as_str().into(),
                issued: Some(now),
                first_seen: now,
                starts: None,
                expires: Expiry::At(End {
                    instant: now,
                    late: now + TimeDelta::seconds(86_399),
                    kind: ExpiryKind::Hard,
                }),
                hard_stop: None,
                period: None,
                granted: None,
                renewed: None,
                last_used: Some(LastUsed { at: now, granularity: 600 }),
                ended: None,
                dead_rounds: 0,
                unread_since: None,
                absent_since: None,
                absent_rounds: 0,
                value: None,
                ..generation(&mut dice)
            };
            let mut slot = slot(key.clone(), &mut dice);
            slot.place_path = Text::new(&format!("platform/{place}"));
            slot.label = infer::label::readable(&collector, slot.origin, slot.place_path.as_str(), &name).into();
            (slot.name, slot.flow, slot.turned_back) = (Text::new(&name), None, None);
            (slot.first_seen, slot.observed, slot.scheduled_since, slot.rotated_at) = (now, now, Some(now), None);
            slot.generations = Cow::Owned(vec![plain]);
            inventory.put(slot);
            inventory.judged(&key, Standing { next_change: Some(now), ..Standing::UNJUDGED });
        }
        let leaves: usize = inventory.shelves.numbers(None).map(|no| inventory.shelves.leaf(no).bytes()).sum();
        let all = leaves + inventory.holders.bytes() + inventory.labels.bytes();
        let strings: usize = (0..6_000)
            .map(|nth| {
                let (place, name, id) = names(nth);
                "project".len() + place.len() + name.len() + 2 + id.len()
            })
            .sum();
        let each = (all - strings) / 6_000;
        assert!(each <= 140, "{each} bytes a token beside its key and id");
    }
}
