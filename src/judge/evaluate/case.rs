//! What one judgement looks at: the slot, its rules, its clock, and the fate of each generation by time.
//! Knows facts and ends; what is wrong with them is said by the families of findings.

use std::sync::Arc;

use super::almanac::Almanac;
use super::rotation::Plan;
use super::rules::{CollectorRules, Policy, Rules};
use super::watch::{Watch, shift};
use crate::domain::At;
use crate::domain::collector::CollectorStatus;
use crate::domain::finding::{Finding, FindingKind, Severity, Why};
use crate::domain::observation::{Doubt, Origin};
use crate::domain::token::{Ended, Expiry, Flow, Generation, Token};

pub(super) const DAY: i64 = 86_400;

pub(super) struct Case<'a> {
    pub token: &'a Token<'a>,
    pub status: &'a CollectorStatus,
    pub rules: &'a Rules,
    pub collector: Option<&'a CollectorRules>,
    pub policy: Arc<Policy>,
    pub watch: Watch,
}

/// The generations that findings hang on (semantics 1.6, 1.7).
pub(super) struct Heads<'a> {
    /// Newest that was ever usable, or simply the newest.
    pub head: Option<&'a Generation>,
    pub fate: Fate<'a>,
    /// Newest usable now.
    pub current: Option<&'a Generation>,
    /// Where the head stands among the generations.
    pub at: usize,
}

/// What became of a generation, by conclusion or by time (semantics 4.2, 4.5).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fate<'a> {
    /// Usable: not ended, or its end is being looked at.
    Alive,
    /// Not before its start, or never seen good.
    NotYet,
    Concluded(&'a Ended),
    /// Its date passed, and what was read of it was fresh then.
    Passed {
        end: At,
    },
    /// It was to end then, and nothing was read since: it may have been renewed.
    Lost {
        end: At,
        since: At,
    },
}

impl Fate<'_> {
    /// Usable now, or until its date.
    fn was_usable(self, generation: &Generation) -> bool {
        matches!(self, Fate::Alive | Fate::Passed { .. } | Fate::Lost { .. })
            && generation.doubt != Some(Doubt::NeverActive)
    }
}

impl<'a> Case<'a> {
    pub fn new(token: &'a Token<'a>, status: &'a CollectorStatus, rules: &'a Rules, now: At) -> Self {
        let collector = rules.collector(&token.key.collector);
        Self { token, status, rules, collector, policy: rules.policy(token.policy), watch: Watch::new(now) }
    }
    /// Explicit, or given a team, a schedule or pipelines.
    pub fn managed(&self) -> bool {
        self.token.explicit()
            || self.token.team.is_some()
            || self.policy.schedule.is_some()
            || !self.policy.pipelines.is_empty()
    }
    /// Severity as it may stand here: nothing above warning for the unmanaged (semantics 2.4).
    pub fn capped(&self, severity: Severity) -> Severity {
        if self.managed() { severity } else { severity.min(Severity::Warning) }
    }
    pub fn finding(&self, kind: FindingKind, severity: Severity, why: Why, on: Option<&Generation>) -> Finding {
        let mut finding = Finding::new(kind, self.capped(severity), why);
        finding.generation = on.map(|generation| generation.id.clone());
        finding.breaks = self.policy.pipelines.clone();
        finding
    }
    pub fn heads(&self) -> Heads<'a> {
        if self.token.explicit() { self.held() } else { self.listed() }
    }
    /// An explicit slot holds one value: one that nobody called active yet does not count, and no earlier one stands in
    /// for one that ended (semantics 1.5).
    fn held(&self) -> Heads<'a> {
        let generations = &self.token.generations;
        let ever = generations.iter().rposition(|generation| generation.was_usable);
        let at = ever.unwrap_or(generations.len().saturating_sub(1));
        let head = generations.get(at);
        let fate = head.map_or(Fate::NotYet, |head| self.fate(head));
        Heads { head, fate, current: head.filter(|_| fate == Fate::Alive), at }
    }
    fn listed(&self) -> Heads<'a> {
        let generations = &self.token.generations;
        let mut found: Option<(usize, Fate<'a>)> = None;
        let mut current = None;
        for (nth, generation) in generations.iter().enumerate().rev() {
            let fate = self.fate(generation);
            if found.is_none() && (generation.was_usable || fate.was_usable(generation)) {
                found = Some((nth, fate));
            }
            if fate == Fate::Alive {
                current = Some(generation);
                break;
            }
        }
        let last = generations.len().saturating_sub(1);
        let (at, fate) =
            found.unwrap_or_else(|| (last, generations.last().map_or(Fate::NotYet, |last| self.fate(last))));
        Heads { head: generations.get(at), fate, current, at }
    }
    /// Usable generations older than the head, oldest first (semantics 1.9); none in an explicit slot, whose earlier
    /// values are remembered but not watched: they cannot be asked (1.5).
    pub fn older<'s>(&'s self, heads: &Heads<'_>) -> impl Iterator<Item = &'s Generation> {
        let until = if self.token.explicit() { 0 } else { heads.at };
        self.token.generations[..until].iter().filter(|generation| self.fate(generation) == Fate::Alive)
    }
    /// When facts of a generation were last read.
    pub fn read(&self, generation: &Generation) -> At {
        generation.unread_since.map_or(self.token.observed, |since| since.min(self.token.observed))
    }
    /// Age at which they are stale, seconds (semantics 4.7). What never ages does so while its file is unreadable.
    fn limit(&self, generation: &Generation) -> Option<i64> {
        let unreadable = generation.unread_since.map(|_| (3 * i64::from(self.status.every)).max(3600));
        self.status.stale_after.map(i64::from).or(unreadable)
    }
    /// Instant from which the facts of a generation are too old.
    pub fn stale_from(&self, generation: &Generation) -> Option<At> {
        self.limit(generation).map(|limit| shift(self.read(generation), limit))
    }
    pub fn fate(&self, generation: &'a Generation) -> Fate<'a> {
        if let Some(ended) = &generation.ended {
            return Fate::Concluded(ended);
        }
        let by_stop = generation.hard_stop.map_or(Fate::Alive, |stop| self.fixed(generation, stop, stop));
        let by_expiry = match generation.expires {
            Expiry::At(end) if generation.sliding() || generation.renewable => self.moving(generation, end.instant),
            Expiry::At(end) => self.fixed(generation, end.instant, end.late),
            _ => Fate::Alive,
        };
        match (by_stop, by_expiry) {
            (passed @ Fate::Passed { .. }, _) | (_, passed @ Fate::Passed { .. }) => passed,
            (lost @ Fate::Lost { .. }, _) | (_, lost @ Fate::Lost { .. }) => lost,
            _ if generation.doubt == Some(Doubt::NeverActive) => Fate::NotYet,
            _ if generation.starts.is_some_and(|starts| !self.watch.reached(starts)) => Fate::NotYet,
            _ => Fate::Alive,
        }
    }
    /// An end that does not move: without asking, if facts were fresh then (semantics 4.5). Of a date without a time
    /// the whole day must pass if the issuer called it active within it (4.2); so the round after its early edge is
    /// waited for, as long as for an end that may have moved.
    fn fixed(&self, generation: &Generation, early: At, late: At) -> Fate<'a> {
        let read = self.read(generation);
        let asked = early != late && self.token.origin != Origin::Declared && self.status.stale_after.is_some();
        let edge = match asked {
            true if read > early => late,
            true => shift(early, self.patience()).min(late),
            false => early,
        };
        if !self.watch.reached(edge) {
            return Fate::Alive;
        }
        let stale = self.stale_from(generation).is_some_and(|stale| stale <= if read > early { edge } else { early });
        if stale || generation.doubt == Some(Doubt::OutOfSight) {
            return Fate::Lost { end: early, since: read };
        }
        Fate::Passed { end: early }
    }
    /// How long the round after an end is waited for, seconds (semantics 4.5).
    fn patience(&self) -> i64 {
        (2 * i64::from(self.status.every)).max(300)
    }
    /// An end that may have been moved: only a round after it tells (semantics 4.5).
    fn moving(&self, generation: &Generation, end: At) -> Fate<'a> {
        let read = self.read(generation);
        if !self.watch.reached(end) {
            return Fate::Alive;
        }
        if read > end && generation.doubt != Some(Doubt::OutOfSight) {
            return Fate::Passed { end };
        }
        let stale = self.stale_from(generation).is_some_and(|stale| stale <= end);
        if stale || self.watch.reached(shift(end, self.patience())) {
            return Fate::Lost { end, since: read };
        }
        Fate::Alive
    }
    /// The rotation that is due after this generation, if a schedule applies.
    pub fn plan(&self, generation: Option<&Generation>, almanac: &mut Almanac) -> Option<Plan> {
        let schedule = self.policy.schedule.as_ref()?;
        let issued = generation.and_then(|generation| generation.issued);
        let (anchor, first_sight) = self.anchor(issued, generation.map(|generation| generation.first_seen));
        Plan::new(schedule, anchor, first_sight, self.token.scheduled_since, almanac)
    }
    /// The same for a flow: from its newest token on (semantics 1.10).
    pub fn flow_plan(&self, flow: &Flow, almanac: &mut Almanac) -> Option<Plan> {
        let schedule = self.policy.schedule.as_ref()?;
        let anchor = flow.newest_issued.unwrap_or(self.token.first_seen);
        Plan::new(schedule, anchor, flow.newest_issued.is_none(), self.token.scheduled_since, almanac)
    }
    /// Where rotation and age count from, and whether that is only the first sight (semantics 5.1). A date that someone
    /// wrote down gives way to a later rotation that was seen.
    pub fn anchor(&self, issued: Option<At>, first_seen: Option<At>) -> (At, bool) {
        let written = self.policy.rotated;
        if let Some(issued) = issued {
            // Where the issuer cannot show a rotation, the evidence is the edited date (semantics 5.4).
            let shows = self.collector.is_none_or(|collector| collector.shows_rotation);
            return (if shows { issued } else { written.map_or(issued, |date| date.max(issued)) }, false);
        }
        match written.max(self.token.rotated_at) {
            Some(at) => (at, false),
            None => (first_seen.unwrap_or(self.token.first_seen), true),
        }
    }
}
