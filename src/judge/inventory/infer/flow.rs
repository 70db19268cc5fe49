//! Flows (semantics 1.10): tokens minted per job under one key, watched as one. No generations are kept.

use std::borrow::Cow;

use super::step::{Step, empty};
use super::{News, Outcome, Terms};
use crate::domain::At;
use crate::domain::key::TokenKey;
use crate::domain::observation::{Life, Origin, Record};
use crate::domain::text::Text;
use crate::domain::token::{Flow, Slot};

/// More usable generations than this, each living under a day, are a flow.
const MOST_SHORT: usize = 10;
const SHORT: i64 = 86_400;

/// Dynamic records of one key, summed over one walk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Minted {
    /// Live ones.
    pub count: u32,
    pub newest_issued: Option<At>,
    pub latest_end: Option<At>,
    pub place_path: Text,
}

impl Minted {
    /// Takes one more record of the key.
    pub fn add(&mut self, record: &Record, taken_at: At) {
        if self.place_path.is_empty() {
            self.place_path = record.place_path.clone();
        }
        self.newest_issued = self.newest_issued.max(record.issued);
        let live = matches!(record.life, Life::Active | Life::Unsaid);
        if live && record.expires.late().is_none_or(|late| taken_at < late) {
            self.count += 1;
            self.latest_end = self.latest_end.max(record.expires.at());
        }
    }
}

pub fn is_flow(slot: &Slot, now: At) -> bool {
    let short = |lifetime: i64| lifetime < SHORT;
    let mut usable = slot.generations.iter().filter(|g| g.usable(now));
    let count = usable.clone().count();
    count > MOST_SHORT && usable.all(|g| g.lifetime().is_some_and(short))
}

/// It stays a flow from now on.
pub fn turn_into(slot: &mut Slot, now: At) {
    let usable = slot.generations.iter().filter(|g| g.usable(now));
    let flow = Flow {
        count: u32::try_from(usable.clone().count()).unwrap_or(u32::MAX),
        newest_issued: slot.generations.iter().filter_map(|g| g.issued).max(),
        latest_end: usable.filter_map(|g| g.expires.at()).max(),
    };
    slot.flow = Some(flow);
    slot.generations = Cow::Owned(Vec::new());
    (slot.rotated_at, slot.turned_back) = (None, None);
}

/// A record of a slot that has become a flow; the count waits for the end of the walk.
pub fn one_more(known: &Slot, record: &Record, terms: &Terms) -> Outcome {
    let mut step = Step::on(known);
    step.slot.observed = terms.taken_at;
    if let Some(flow) = &mut step.slot.flow {
        flow.newest_issued = flow.newest_issued.max(record.issued);
        if record.life == Life::Active {
            flow.latest_end = flow.latest_end.max(record.expires.at());
        }
    }
    step.end(None, terms)
}

/// What a whole walk saw of a flow.
pub fn walked(known: Option<&Slot>, key: &TokenKey, label: &str, minted: &Minted, terms: &Terms) -> Outcome {
    let new = empty(key, label, Origin::Inventory, terms);
    let mut step = Step::on(known.unwrap_or(&new));
    let slot = &mut step.slot;
    let before = slot.flow.take().unwrap_or_default();
    slot.flow = Some(Flow {
        count: minted.count,
        newest_issued: before.newest_issued.max(minted.newest_issued),
        latest_end: if minted.count > 0 { minted.latest_end } else { before.latest_end },
    });
    slot.generations = Cow::Owned(Vec::new());
    slot.listing = terms.listing.clone();
    slot.observed = terms.taken_at;
    if !minted.place_path.is_empty() {
        slot.place_path = minted.place_path.clone();
    }
    if known.is_none() {
        step.news.push(News::FirstSeen);
    }
    step.end(None, terms)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{DAY, HOUR, Scene, at, ends, record_of};
    use super::super::{flow, is_flow};
    use super::*;

    fn job(nth: i64, life: Life) -> Record {
        Record {
            issued: Some(at(nth * 60)),
            expires: ends(nth * 60 + HOUR),
            ..record_of(Origin::Inventory, &format!("job{nth}"), life)
        }
    }

    #[test]
    fn rule_1_10_more_than_ten_short_ones_are_a_flow_and_stay_one() {
        let mut scene = Scene::new(Origin::Inventory);
        for nth in 0..10 {
            scene.hear(&job(nth, Life::Active));
        }
        assert!(scene.slot.as_ref().unwrap().flow.is_none());
        scene.hear(&job(10, Life::Active));
        let slot = scene.slot.clone().unwrap();
        let flow = Flow { count: 11, newest_issued: Some(at(600)), latest_end: Some(at(600 + HOUR)) };
        assert_eq!((slot.flow, slot.generations.len(), slot.rotated_at), (Some(flow), 0, None));
        assert_eq!(scene.last.news, [], "a flow never rotates");
        assert!(scene.hear(&job(4, Life::Active)).unchanged());
        scene.hear(&job(20, Life::Active));
        let flow = scene.slot.as_ref().unwrap().flow.clone().unwrap();
        assert_eq!((flow.newest_issued, flow.latest_end), (Some(at(1200)), Some(at(1200 + HOUR))));
        for life in [Life::Revoked, Life::Expired, Life::Inactive] {
            assert!(scene.hear(&job(20, life)).unchanged(), "a job's token that ends is no incident");
        }
        assert!(scene.misses(&[]).unchanged());
    }

    #[test]
    fn rule_1_10_long_lived_ones_are_never_a_flow() {
        let mut scene = Scene::new(Origin::Inventory);
        for nth in 0..15 {
            scene.hear(&Record { expires: ends(nth * 60 + DAY), ..job(nth, Life::Active) });
        }
        let slot = scene.slot.clone().unwrap();
        assert!(slot.flow.is_none() && slot.generations.len() == 15 && !is_flow(&slot, at(HOUR)));
    }

    #[test]
    fn rule_1_10_a_flow_keeps_count_newest_and_latest() {
        let scene = Scene::new(Origin::Inventory);
        let mut minted = Minted::default();
        [job(1, Life::Active), job(9, Life::Active), job(30, Life::Revoked)]
            .iter()
            .for_each(|r| minted.add(r, at(600)));
        let key = TokenKey::new("vault".into(), "flow", "auth/userpass", "ci");
        let outcome = flow(None, &key, "vault/auth/userpass/ci", &minted, &scene.terms);
        assert_eq!(outcome.news, [News::FirstSeen]);
        let slot = outcome.slot.unwrap();
        let kept = Flow { count: 2, newest_issued: Some(at(1800)), latest_end: Some(at(540 + HOUR)) };
        assert_eq!((slot.flow.clone(), slot.key.kind()), (Some(kept), "flow"));
        assert!(flow(Some(&slot), &key, "", &minted, &scene.terms).slot.is_none());
        let none = flow(Some(&slot), &key, "", &Minted::default(), &scene.terms).slot.unwrap().flow.unwrap();
        assert_eq!((none.count, none.newest_issued), (0, Some(at(1800))), "the newest issue is remembered");
    }
}
