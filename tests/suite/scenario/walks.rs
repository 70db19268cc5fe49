//! Random walks over a model issuer against a small oracle. The oracle is written from semantics 3 and knows nothing of
//! how it is concluded: it keeps what is true of each token and what could be read, and states what must never be said
//! and what must be said in time.

use std::collections::BTreeMap;

use forewarn::domain::At;
use forewarn::domain::observation::Life;
use forewarn::domain::reason::FailureReason;

use super::support::{Stage, dated, days, hours, minutes};

const POLICY: &str = "
pipelines: { deploy-prod: {} }
policies:
  - { match: { name: 'ci-*' }, team: platform, pipelines: [deploy-prod] }
";

/// Reproducible chance: a linear congruential generator, so that a seed alone repeats a walk.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }
}

/// What is true of one token, and what readable rounds have seen of it.
struct Truth {
    id: String,
    listing: String,
    expires: At,
    works: bool,
    /// Readable rounds in a row that saw it work; that did not.
    good: u32,
    dead: u32,
    /// Seen working by this login (semantics 3.1).
    known_good: bool,
}

struct Walk {
    seed: u64,
    step: u32,
    dice: Dice,
    stage: Stage,
    truths: BTreeMap<String, Truth>,
    made: u32,
    checked: u32,
}

const LISTINGS: [&str; 3] = ["groups>groups/1/tokens", "projects>projects/1/tokens", "projects>projects/2/tokens"];
const MOST: usize = 14;

impl Walk {
    fn new(seed: u64) -> Self {
        let mut stage = Stage::introduced(POLICY);
        for listing in LISTINGS {
            stage.vault().listings.insert(listing.into(), Vec::new());
        }
        Self { seed, step: 0, dice: Dice(seed), stage, truths: BTreeMap::new(), made: 0, checked: 0 }
    }

    fn id(&mut self) -> String {
        self.made += 1;
        format!("id-{}", self.made)
    }

    fn name(&mut self) -> Option<String> {
        let nth = usize::try_from(self.dice.roll(self.truths.len().max(1) as u64)).unwrap();
        self.truths.keys().nth(nth).cloned()
    }

    /// One thing happens at the issuer, to the way there, or nothing.
    fn happens(&mut self) {
        let now = self.stage.now;
        match self.dice.roll(12) {
            0 | 1 if self.truths.len() < MOST => self.created(),
            2 => self.rotated(),
            3 => self.ended(Some(Life::Revoked)),
            4 => self.ended(None),
            5 => self.ended(Some(Life::Inactive)),
            6 => {
                let listing = LISTINGS[usize::try_from(self.dice.roll(3)).unwrap()].to_owned();
                let unread = &mut self.stage.vault().unread;
                if !unread.remove(&listing) {
                    unread.insert(listing);
                }
            }
            7 => {
                let reasons = [
                    FailureReason::Http5xx,
                    FailureReason::RateLimited,
                    FailureReason::LoginRefused,
                    FailureReason::Decode,
                ];
                let reason = reasons[usize::try_from(self.dice.roll(4)).unwrap()];
                let fails = &mut self.stage.vault().fails;
                *fails = if fails.is_some() { None } else { Some(reason) };
            }
            8 => {
                if let Some(name) = self.name() {
                    let longer = now + days(i64::try_from(1 + self.dice.roll(90)).unwrap());
                    let truth = self.truths.get_mut(&name).unwrap();
                    if truth.works && truth.expires > now {
                        // Who could not read since knows the old end only.
                        (truth.expires, truth.good) = (longer, 0);
                        let id = truth.id.clone();
                        self.stage.vault().change(&id, |record| record.expires = dated("", "", now, longer).expires);
                    }
                }
            }
            9 if self.dice.one_in(4) => {
                self.stage.vault().sight += 1;
                self.truths.values_mut().for_each(|truth| truth.known_good = false);
            }
            _ => {}
        }
    }

    fn created(&mut self) {
        let (id, now) = (self.id(), self.stage.now);
        let name = format!("ci-{:03}", self.made);
        let listing = LISTINGS[usize::try_from(self.dice.roll(3)).unwrap()].to_owned();
        let expires = now + hours(i64::try_from(2 + self.dice.roll(24 * 60)).unwrap());
        self.stage.vault().put_in(&listing, dated(&name, &id, now, expires));
        self.truths.insert(name, Truth { id, listing, expires, works: true, good: 0, dead: 0, known_good: false });
    }

    /// A new value under the same name; the old one is gone, or goes on.
    fn rotated(&mut self) {
        let (Some(name), id, now) = (self.name(), self.id(), self.stage.now) else { return };
        let expires = now + days(i64::try_from(1 + self.dice.roll(60)).unwrap());
        let keeps_old = self.dice.one_in(3);
        let truth = self.truths.get_mut(&name).unwrap();
        let (old, listing) = (std::mem::replace(&mut truth.id, id.clone()), truth.listing.clone());
        (truth.expires, truth.works, truth.known_good, truth.good) = (expires, true, false, 0);
        let vault = self.stage.vault();
        if !keeps_old {
            vault.remove(&old);
        }
        vault.put_in(&listing, dated(&name, &id, now, expires));
    }

    /// `None`: it disappears from its listing; else the issuer says so.
    fn ended(&mut self, how: Option<Life>) {
        let Some(name) = self.name() else { return };
        let truth = self.truths.get_mut(&name).unwrap();
        if !truth.works {
            return;
        }
        truth.works = false;
        let id = truth.id.clone();
        match how {
            None => self.stage.vault().remove(&id),
            Some(life) => self.stage.vault().change(&id, |record| record.life = life),
        }
        // Older values under the name would go on; here the name means the newest alone.
        let names: Vec<String> = self
            .stage
            .vault()
            .listings
            .values()
            .flatten()
            .filter(|record| record.name.as_str() == name && *record.generation != *id)
            .map(|record| record.generation.to_string())
            .collect();
        names.iter().for_each(|old| self.stage.vault().remove(old));
    }

    /// Time passes; what readable rounds saw of each token is counted.
    fn passes(&mut self) {
        let span = if self.dice.one_in(10) { hours(6) } else { minutes(15) };
        self.stage.run(span);
        let now = self.stage.now;
        let (fails, unread) = (self.stage.vault().fails.is_some(), self.stage.vault().unread.clone());
        for truth in self.truths.values_mut() {
            if fails || unread.contains(&truth.listing) {
                continue;
            }
            if truth.works && truth.expires > now {
                (truth.good, truth.dead, truth.known_good) = (truth.good + 1, 0, true);
            } else {
                (truth.good, truth.dead) = (0, truth.dead + 1);
            }
        }
    }

    fn holds(&mut self) {
        let now = self.stage.now;
        let mut states = BTreeMap::new();
        self.stage.world.lines(&mut |line| _ = states.insert(line.token, line.state.to_string()));
        for (name, truth) in &self.truths {
            let state = states.get(&format!("vault/{name}")).map_or("not there", String::as_str);
            let ended = ["revoked", "vanished", "expired"].contains(&state);
            let at = format!(
                "seed {}, step {}, {name} ({}) at {now}: {state}; told:\n{}",
                self.seed,
                self.step,
                truth.id,
                self.stage.told.join("\n")
            );
            self.checked += 1;
            if truth.good >= 2 && truth.works && truth.expires > now {
                assert!(!ended, "it works and was read twice, and is called ended: {at}");
                assert_ne!(state, "not there", "it is listed, and not watched: {at}");
            }
            if truth.dead >= 4 && truth.known_good {
                assert!(ended, "four readable rounds saw it dead, and nobody says so: {at}");
            }
        }
    }

    fn goes(mut self, steps: u32) -> (u32, usize) {
        for step in 0..steps {
            self.step = step;
            self.happens();
            self.passes();
            self.holds();
            if self.dice.one_in(40) {
                self.stage.restart();
            }
        }
        (self.checked, self.stage.told.len())
    }
}

/// A figure of the run, for who runs it with `--nocapture`.
#[expect(clippy::disallowed_macros, reason = "a test speaks to whoever runs it")]
pub fn say(line: &str) {
    println!("{line}");
}

fn walks(seeds: std::ops::Range<u64>, steps: u32) {
    let (mut checked, mut told) = (0, 0);
    let count = seeds.end - seeds.start;
    for seed in seeds {
        let (looked, messages) = Walk::new(seed).goes(steps);
        checked += looked;
        told += messages;
    }
    say(&format!("{count} walks of {steps} steps: {checked} tokens looked at, {told} messages"));
    assert!(checked > steps && told > 0, "the walks do something");
}

#[test]
fn rule_3_whatever_happens_nothing_false_is_concluded_and_nothing_true_is_missed() {
    walks(1..13, 250);
}

#[test]
#[ignore = "a hundred thousand steps; `make soak`"]
fn soak_a_hundred_thousand_steps() {
    walks(1000..1400, 250);
}
