//! The inference table (semantics 1.3 to 3.7): a known slot + what a round says → the slot as it is now, and the news.
//! It must not know how slots are kept, what rules say, or what time it is.
//!
//! A generation is handed in at most once a round: rounds in a row are counted here.

use crate::domain::At;
use crate::domain::key::{CollectorId, GenerationId, SightId, TokenKey};
use crate::domain::observation::Record;
use crate::domain::token::{EndedHow, Slot};

mod absence;
mod facts;
pub mod flow;
pub mod label;
mod life;
mod listed;
mod order;
pub mod step;

use flow::Minted;

/// What a round is judged under.
#[derive(Clone, Debug)]
pub struct Terms {
    pub now: At,
    pub taken_at: At,
    pub sight: SightId,
    /// What the definition says an absence means (`absent: revoked` for Vault, else vanished).
    pub absent: EndedHow,
    pub listing: crate::domain::key::ListingKey,
    /// Seconds our clock and the issuer's differ (semantics 3.3, 4.3).
    pub clock_difference: i64,
    /// A policy matches (for 3.6) and whether the slot is managed.
    pub matched: bool,
    /// Not needed: the good sight kept with each generation says what may be concluded from memory.
    pub facts_age: bool,
}

/// What happened to a slot in one step; drives episodes and messages.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    FirstSeen,
    /// A new head in a slot that had one (semantics 1.8).
    Rotated {
        before: GenerationId,
    },
    Ended {
        generation: GenerationId,
        how: EndedHow,
    },
    /// Ended findings close as recovered (two good rounds).
    Returned {
        generation: GenerationId,
    },
    Extended,
    TurnedBack,
    Renamed,
}

/// Result of one step.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The slot as it is now, if anything worth storing changed; `None`: only "seen again".
    pub slot: Option<Slot>,
    pub news: Vec<News>,
    /// History (semantics 3.6): counted, not stored.
    pub history: bool,
    /// Generations to be confirmed by id at once (absent for the first time).
    pub confirm: Vec<GenerationId>,
    /// Another round is wanted soon (a first `never_active`, a first good one after an end): seconds.
    pub again: bool,
}

/// One record of a page. `known` is the slot that holds its generation or its key (`Inventory::known`); its
/// `observed` should be the last round that saw it, for "seen working 08:46".
pub fn record(known: Option<&Slot>, key: &TokenKey, label: &str, record: &Record, terms: &Terms) -> Outcome {
    if let Some(known) = known.filter(|slot| slot.flow.is_some()) {
        return flow::one_more(known, record, terms);
    }
    let mut step = step::Step::begin(known, key, label, record, terms);
    if step.slot.explicit() {
        listed::held(&mut step, record, terms);
    } else {
        listed::listed(&mut step, record, terms);
    }
    step.end(Some(record), terms)
}

/// A slot's generations that a complete listing did not hold (or whose parent is gone twice). `present`: generations
/// of it that were seen or listed in this walk. `confirmed`: asked by id and unknown to the issuer.
pub fn absent(known: &Slot, present: &[GenerationId], confirmed: &[GenerationId], terms: &Terms) -> Outcome {
    absence::absent(known, present, confirmed, terms)
}

/// The answer of a confirming look: these generations were asked by id and are unknown to the issuer. Nothing is said
/// of the slot's others.
pub fn confirmed_gone(known: &Slot, gone: &[GenerationId], terms: &Terms) -> Outcome {
    let others = known.generations.iter().map(|g| g.id.clone()).filter(|id| !gone.contains(id));
    absence::absent(known, &others.collect::<Vec<_>>(), gone, terms)
}

/// Generations that stand in the listing but could not be read: facts age.
pub fn unread(known: &Slot, generation: &str, terms: &Terms) -> Outcome {
    absence::unread(known, generation, terms)
}

/// The label of a new slot (semantics 1.2): `collector/place path/name`; `taken` tells whether another slot has it.
pub fn label(collector: &CollectorId, record: &Record, key: &TokenKey, taken: &dyn Fn(&str) -> bool) -> String {
    label::label(collector, record, key, taken)
}

/// The slot of a flow (semantics 1.10) after a whole walk: no generations, only count, newest issued, latest end.
pub fn flow(known: Option<&Slot>, key: &TokenKey, label: &str, minted: &Minted, terms: &Terms) -> Outcome {
    flow::walked(known, key, label, minted, terms)
}

/// Whether a slot holds so many short-lived usable generations that it is a flow (semantics 1.10). `record` asks this
/// itself after each generation it adds.
pub fn is_flow(slot: &Slot, now: At) -> bool {
    flow::is_flow(slot, now)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;
    use crate::domain::observation::{Life, Origin};
    use crate::domain::text::Text;
    use crate::domain::token::{End, Expiry, Generation, WhyUnknown};

    /// Seconds after the start of every scene.
    pub fn at(seconds: i64) -> At {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }
    pub const DAY: i64 = 86_400;
    pub const HOUR: i64 = 3_600;

    /// An exact end.
    pub fn ends(seconds: i64) -> Expiry {
        Expiry::At(End::hard(at(seconds)))
    }

    pub fn record_of(origin: Origin, generation: &str, life: Life) -> Record {
        Record {
            origin,
            kind: "project".into(),
            person: false,
            place: "42".into(),
            place_path: "platform/renovate".into(),
            name: "deploy".into(),
            generation: generation.into(),
            owner: None,
            issued: None,
            starts: None,
            expires: Expiry::Unknown(WhyUnknown::NotTold),
            hard_stop: None,
            period: None,
            granted: None,
            renewable: false,
            renewed: None,
            last_used: None,
            scopes: Vec::new(),
            life,
            life_word: None,
            dynamic: None,
            facts: Vec::new(),
            uses_left: None,
            link: None,
            value: None,
            doubt: None,
        }
    }

    /// One slot, round after round; time passes by a minute a round.
    pub struct Scene {
        pub slot: Option<Slot>,
        pub terms: Terms,
        pub origin: Origin,
        pub last: Outcome,
        pub news: Vec<News>,
    }

    impl Scene {
        pub fn new(origin: Origin) -> Self {
            let terms = Terms {
                now: at(0),
                taken_at: at(0),
                sight: SightId(1),
                absent: EndedHow::Vanished,
                listing: "projects/42/access_tokens".into(),
                clock_difference: 0,
                matched: true,
                facts_age: true,
            };
            Self { slot: None, terms, origin, last: Outcome::default(), news: Vec::new() }
        }
        pub fn go_to(&mut self, seconds: i64) -> &mut Self {
            (self.terms.now, self.terms.taken_at) = (at(seconds), at(seconds));
            self
        }
        fn took(&mut self, outcome: Outcome) -> &mut Self {
            self.slot = outcome.slot.clone().or(self.slot.take());
            self.news.extend(outcome.news.clone());
            self.last = outcome;
            let now = self.terms.taken_at + TimeDelta::minutes(1);
            (self.terms.now, self.terms.taken_at) = (now, now);
            self
        }
        pub fn key(&self) -> TokenKey {
            TokenKey::new("gitlab".into(), "project", "42", "deploy")
        }
        pub fn hear(&mut self, record: &Record) -> &mut Self {
            let outcome =
                super::record(self.slot.as_ref(), &self.key(), "gitlab/platform/renovate/deploy", record, &self.terms);
            self.took(outcome)
        }
        /// A round that says this of this generation.
        pub fn says(&mut self, generation: &str, life: Life, expires: Expiry) -> &mut Self {
            let record = Record { expires, ..record_of(self.origin, generation, life) };
            self.hear(&record)
        }
        pub fn misses(&mut self, present: &[&str]) -> &mut Self {
            let present: Vec<GenerationId> = present.iter().map(|&id| id.into()).collect();
            let slot = self.slot.clone().expect("a slot to miss");
            let outcome = absent(&slot, &present, &[], &self.terms);
            self.took(outcome)
        }
        pub fn confirms(&mut self, gone: &[&str]) -> &mut Self {
            let gone: Vec<GenerationId> = gone.iter().map(|&id| id.into()).collect();
            let slot = self.slot.clone().expect("a slot to confirm");
            let outcome = confirmed_gone(&slot, &gone, &self.terms);
            self.took(outcome)
        }
        pub fn generation(&self, id: &str) -> &Generation {
            let slot = self.slot.as_ref().expect("a slot");
            slot.generations.iter().find(|g| *g.id == *id).expect("the generation")
        }
        pub fn how(&self, id: &str) -> Option<EndedHow> {
            self.generation(id).ended.as_ref().map(|ended| ended.how)
        }
        pub fn ids(&self) -> Vec<&str> {
            let slot = self.slot.as_ref().expect("a slot");
            slot.generations.iter().map(|g| &*g.id).collect()
        }
        pub fn head(&self) -> &str {
            &self.slot.as_ref().and_then(Slot::head).expect("a head").id
        }
        pub fn unchanged(&self) -> bool {
            self.last.slot.is_none() && self.last.news.is_empty()
        }
    }

    #[test]
    fn rule_1_2_label_is_readable_and_unique() {
        let record = record_of(Origin::Inventory, "1", Life::Active);
        let (gitlab, key) = (CollectorId::from("gitlab"), Scene::new(Origin::Inventory).key());
        let free = label(&gitlab, &record, &key, &|_| false);
        assert_eq!(free, "gitlab/platform/renovate/deploy");
        let second = label(&gitlab, &record, &key, &|text| text == free);
        assert_eq!(
            (second.len(), &second[..free.len()], &second[free.len()..=free.len()]),
            (free.len() + 5, &*free, "~")
        );
        assert!(second[free.len() + 1..].chars().all(|c| c.is_ascii_hexdigit()));
        let third = label(&gitlab, &record, &key, &|text| text == free || text == second);
        assert!(third != second && third.len() == second.len());
        let placeless = Record { place_path: Text::default(), ..record.clone() };
        assert_eq!(label(&gitlab, &placeless, &key, &|_| false), "gitlab/deploy");
        let own = Record { origin: Origin::OwnLogin, ..record.clone() };
        assert_eq!(label(&gitlab, &own, &key, &|_| false), "forewarn/gitlab");
        let long = Record { name: Text::new(&"ä".repeat(400)), ..record };
        let cut = label(&gitlab, &long, &key, &|text| !text.contains('~'));
        assert!(cut.len() <= 200 && cut.contains('~'));
    }

    #[test]
    fn rule_1_4_a_rename_changes_the_name_not_the_slot() {
        let mut scene = Scene::new(Origin::Inventory);
        scene.says("1", Life::Active, ends(30 * DAY));
        let renamed = Record {
            name: "deploy-v2".into(),
            expires: ends(30 * DAY),
            ..record_of(Origin::Inventory, "1", Life::Active)
        };
        scene.hear(&renamed);
        assert_eq!(scene.last.news, [News::Renamed]);
        let slot = scene.slot.clone().unwrap();
        assert_eq!(
            (slot.name.as_str(), slot.key.name(), &*slot.label),
            ("deploy-v2", "deploy", "gitlab/platform/renovate/deploy")
        );
        assert!(scene.hear(&renamed).unchanged());
    }

    #[test]
    fn rule_1_4_two_values_of_one_slot_do_not_take_turns_in_naming_it() {
        let mut scene = Scene::new(Origin::Inventory);
        let old =
            Record { name: "old".into(), issued: Some(at(-9)), ..record_of(Origin::Inventory, "1", Life::Active) };
        let new = Record { issued: Some(at(-5)), ..record_of(Origin::Inventory, "2", Life::Active) };
        scene.hear(&old).hear(&new);
        assert_eq!(scene.slot.as_ref().unwrap().name.as_str(), "deploy");
        assert!(scene.hear(&old).unchanged());
        assert!(scene.hear(&new).unchanged());
    }
}
