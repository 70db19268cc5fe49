//! Slots, generations and standings as rows of small numbers, and back. Instants are seconds in a `u32`, 0 is none.
//! What does not fit, or is rare, goes to a sparse place beside the row; nothing is ever rounded.

use chrono::DateTime;

use super::super::intern::{Ending, Manner, No, Pools, Shape, Verdict};
use crate::domain::At;
use crate::domain::finding::{FindingSet, SafeUntil, Standing};
use crate::domain::key::GenerationId;
use crate::domain::text::Text;
use crate::domain::token::{End, Ended, Expiry, Flow, Generation, LastUsed, Slot};

fn seconds(at: At) -> Option<u32> {
    let whole = at.timestamp_subsec_nanos() == 0;
    u32::try_from(at.timestamp()).ok().filter(|&seconds| whole && seconds > 0)
}

fn optional(at: Option<At>) -> Option<u32> {
    at.map_or(Some(0), seconds)
}

fn instant(seconds: u32) -> Option<At> {
    (seconds > 0).then(|| DateTime::from_timestamp(i64::from(seconds), 0)).flatten()
}

/// The parts of a slot that every slot has.
#[derive(Clone, Copy, Default)]
pub struct SlotRow {
    place_path: No,
    listing: No,
    manner: No,
    owner: No,
    facts: No,
    first_seen: u32,
    observed: u32,
    scheduled: u32,
    rotated: u32,
}

/// The parts of a slot that few have.
#[derive(Default)]
pub struct Odd {
    /// The label, where it is not what collector, place path and key give.
    label: Option<Box<str>>,
    /// The name, where it is not the key's.
    name: Option<Text>,
    turned_back: Option<GenerationId>,
    flow: Option<Flow>,
    /// Instants that a row cannot hold: first seen, observed, scheduled, rotated.
    far: Option<(At, At, Option<At>, Option<At>)>,
}

impl SlotRow {
    /// `plain_label`: what collector, place path and key give.
    pub fn pack(slot: &Slot, plain_label: &str, pools: &mut Pools) -> (Self, Option<Odd>) {
        let manner = Manner { origin: slot.origin, person: slot.person, policy: slot.policy, team: slot.team.clone() };
        let mut row = Self {
            place_path: pools.texts.hold(&slot.place_path),
            listing: pools.listings.hold(&slot.listing),
            manner: pools.manners.hold(&manner),
            owner: slot.owner.as_ref().map_or(0, |owner| pools.texts.hold(owner)),
            facts: if slot.facts.is_empty() { 0 } else { pools.facts.hold(&slot.facts) },
            ..Self::default()
        };
        let mut odd = Odd {
            label: (slot.label != plain_label).then(|| slot.label.as_ref().into()),
            name: (slot.name.as_str() != slot.key.name()).then(|| slot.name.clone()),
            turned_back: slot.turned_back.clone(),
            flow: slot.flow.clone(),
            far: None,
        };
        if !row.set_instants(slot) {
            odd.far = Some((slot.first_seen, slot.observed, slot.scheduled_since, slot.rotated_at));
        }
        let any = odd.label.is_some()
            || odd.name.is_some()
            || odd.turned_back.is_some()
            || odd.flow.is_some()
            || odd.far.is_some();
        (row, any.then_some(odd))
    }
    fn set_instants(&mut self, slot: &Slot) -> bool {
        let (Some(first_seen), Some(observed), Some(scheduled), Some(rotated)) = (
            seconds(slot.first_seen),
            seconds(slot.observed),
            optional(slot.scheduled_since),
            optional(slot.rotated_at),
        ) else {
            return false;
        };
        (self.first_seen, self.observed, self.scheduled, self.rotated) = (first_seen, observed, scheduled, rotated);
        true
    }
    pub fn release(&self, pools: &mut Pools) {
        pools.texts.release(self.place_path);
        pools.listings.release(self.listing);
        pools.manners.release(self.manner);
        pools.texts.release(self.owner);
        pools.facts.release(self.facts);
    }
    pub fn manner<'p>(&self, pools: &'p Pools) -> &'p Manner {
        pools.manners.get(self.manner).expect("a row holds its manner until it is released")
    }
    pub fn place_path(&self, pools: &Pools) -> Text {
        pools.texts.get(self.place_path).cloned().unwrap_or_default()
    }
    pub fn listing(&self, pools: &Pools) -> crate::domain::key::ListingKey {
        pools.listings.get(self.listing).cloned().expect("a row holds its listing until it is released")
    }
    pub fn owner(&self, pools: &Pools) -> Option<Text> {
        pools.texts.get(self.owner).cloned()
    }
    pub fn facts(&self, pools: &Pools) -> Vec<(Text, Text)> {
        pools.facts.get(self.facts).cloned().unwrap_or_default()
    }
    /// First seen, observed, scheduled since, rotated at.
    pub fn instants(&self, odd: Option<&Odd>) -> (At, At, Option<At>, Option<At>) {
        if let Some(far) = odd.and_then(|odd| odd.far) {
            return far;
        }
        let always = |seconds| instant(seconds).unwrap_or_default();
        (always(self.first_seen), always(self.observed), instant(self.scheduled), instant(self.rotated))
    }
}

impl Odd {
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }
    pub fn name(&self) -> Option<Text> {
        self.name.clone()
    }
    pub fn turned_back(&self) -> Option<GenerationId> {
        self.turned_back.clone()
    }
    pub fn flow(&self) -> Option<Flow> {
        self.flow.clone()
    }
}

/// The parts of a generation that every generation has.
#[derive(Clone, Copy, Default)]
pub struct GenerationRow {
    issued: u32,
    first_seen: u32,
    expires: u32,
    last_used: u32,
    renewed: u32,
    link: No,
    shape: No,
}

/// The parts of a generation that few have.
#[derive(Default)]
pub struct Rest {
    starts: Option<At>,
    hard_stop: Option<At>,
    ended: Option<Ended>,
    dead_rounds: u8,
    unread_since: Option<At>,
    absent_since: Option<At>,
    absent_rounds: u8,
    value: Option<GenerationId>,
}

pub enum Extra {
    Rest(Rest),
    /// An instant does not fit its row: kept as it is.
    Whole(Box<Generation>),
}

impl GenerationRow {
    pub fn pack(generation: &Generation, pools: &mut Pools) -> (Self, Option<Extra>) {
        let Some(mut row) = Self::instants(generation) else {
            return (Self::default(), Some(Extra::Whole(Box::new(generation.clone()))));
        };
        row.shape = pools.shapes.hold(&shape(generation));
        row.link = generation.link.as_ref().map_or(0, |link| pools.texts.hold(link));
        let g = generation;
        let plain = g.starts.is_none()
            && g.hard_stop.is_none()
            && g.ended.is_none()
            && (g.dead_rounds, g.absent_rounds) == (0, 0)
            && g.unread_since.is_none()
            && g.absent_since.is_none()
            && (g.value.is_none() || g.value.as_ref() == Some(&g.id));
        let extra = (!plain).then(|| {
            Extra::Rest(Rest {
                starts: g.starts,
                hard_stop: g.hard_stop,
                ended: g.ended.clone(),
                dead_rounds: g.dead_rounds,
                unread_since: g.unread_since,
                absent_since: g.absent_since,
                absent_rounds: g.absent_rounds,
                value: g.value.clone().filter(|value| *value != g.id),
            })
        });
        (row, extra)
    }
    fn instants(g: &Generation) -> Option<Self> {
        if let Expiry::At(end) = g.expires {
            u32::try_from((end.late - end.instant).num_seconds()).ok()?;
            seconds(end.late)?;
        }
        Some(Self {
            issued: optional(g.issued)?,
            first_seen: seconds(g.first_seen)?,
            expires: optional(g.expires.at())?,
            last_used: optional(g.last_used.map(|used| used.at))?,
            renewed: optional(g.renewed)?,
            link: 0,
            shape: 0,
        })
    }
    pub fn release(&self, pools: &mut Pools) {
        pools.shapes.release(self.shape);
        pools.texts.release(self.link);
    }
    pub fn unpack(&self, id: &str, extra: Option<&Extra>, pools: &Pools) -> Generation {
        let rest = match extra {
            Some(Extra::Whole(generation)) => return (**generation).clone(),
            Some(Extra::Rest(rest)) => rest,
            None => &REST,
        };
        let shape = pools.shapes.get(self.shape).expect("a row holds its shape until it is released");
        let id = GenerationId::from(id);
        Generation {
            issued: instant(self.issued),
            first_seen: instant(self.first_seen).unwrap_or_default(),
            starts: rest.starts,
            expires: self.expiry(shape),
            hard_stop: rest.hard_stop,
            period: shape.period,
            granted: shape.granted,
            renewable: shape.renewable,
            renewed: instant(self.renewed),
            moved_later: shape.moved_later,
            last_used: instant(self.last_used).map(|at| LastUsed { at, granularity: shape.granularity }),
            good_sight: shape.good_sight,
            ended: rest.ended.clone(),
            dead_rounds: rest.dead_rounds,
            was_usable: shape.was_usable,
            doubt: shape.doubt,
            scopes: shape.scopes.clone(),
            unread_since: rest.unread_since,
            absent_since: rest.absent_since,
            absent_rounds: rest.absent_rounds,
            value: if shape.value_is_id { Some(id.clone()) } else { rest.value.clone() },
            link: pools.texts.get(self.link).cloned(),
            id,
        }
    }
    fn expiry(&self, shape: &Shape) -> Expiry {
        match (shape.ending, instant(self.expires)) {
            (Ending::At(kind), Some(instant)) => {
                let late = instant + chrono::TimeDelta::seconds(i64::from(shape.width));
                Expiry::At(End { instant, late, kind })
            }
            (Ending::Unknown(why), _) => Expiry::Unknown(why),
            _ => Expiry::Never,
        }
    }
}

const REST: Rest = Rest {
    starts: None,
    hard_stop: None,
    ended: None,
    dead_rounds: 0,
    unread_since: None,
    absent_since: None,
    absent_rounds: 0,
    value: None,
};

fn shape(g: &Generation) -> Shape {
    let (ending, width) = match g.expires {
        Expiry::At(end) => (Ending::At(end.kind), (end.late - end.instant).num_seconds().max(0)),
        Expiry::Never => (Ending::Never, 0),
        Expiry::Unknown(why) => (Ending::Unknown(why), 0),
    };
    Shape {
        ending,
        width: u32::try_from(width).unwrap_or(u32::MAX),
        period: g.period,
        granted: g.granted,
        renewable: g.renewable,
        moved_later: g.moved_later,
        granularity: g.last_used.map_or(0, |used| used.granularity),
        good_sight: g.good_sight,
        was_usable: g.was_usable,
        doubt: g.doubt,
        scopes: g.scopes.clone(),
        value_is_id: g.value.as_ref() == Some(&g.id),
    }
}

/// A standing without its `next_change`, which stands in the agenda's column.
#[derive(Clone, Copy, Default)]
pub struct StandingRow {
    expiry: u32,
    rotation_due: u32,
    deadline: u32,
    safe_until: u32,
    /// 0: not judged yet.
    verdict: No,
}

impl StandingRow {
    /// The row, and the standing itself if an instant does not fit.
    pub fn pack(standing: &Standing, pools: &mut Pools) -> (Self, Option<Standing>) {
        let verdict = pools.verdicts.hold(&Verdict {
            findings: standing.findings.0,
            state: standing.state,
            never: standing.never,
            reason: standing.deadline.map(|(_, reason)| reason),
            safe_for_ever: match standing.safe_until {
                SafeUntil::At(_) => Some(false),
                SafeUntil::Never => Some(true),
                SafeUntil::Unknown => None,
            },
            usable: standing.usable,
        });
        let safe = match standing.safe_until {
            SafeUntil::At(at) => seconds(at),
            _ => Some(0),
        };
        let packed = (
            optional(standing.expiry),
            optional(standing.rotation_due),
            optional(standing.deadline.map(|(at, _)| at)),
            safe,
        );
        match packed {
            (Some(expiry), Some(rotation_due), Some(deadline), Some(safe_until)) => {
                (Self { expiry, rotation_due, deadline, safe_until, verdict }, None)
            }
            _ => (Self { verdict, ..Self::default() }, Some(*standing)),
        }
    }
    pub fn release(&self, pools: &mut Pools) {
        pools.verdicts.release(self.verdict);
    }
    pub fn judged(&self) -> bool {
        self.verdict != 0
    }
    pub fn unpack(&self, far: Option<&Standing>, next_change: Option<At>, pools: &Pools) -> Standing {
        if let Some(far) = far {
            return Standing { next_change, ..*far };
        }
        let Some(verdict) = pools.verdicts.get(self.verdict) else { return Standing::UNJUDGED };
        Standing {
            findings: FindingSet(verdict.findings),
            state: verdict.state,
            expiry: instant(self.expiry),
            never: verdict.never,
            rotation_due: instant(self.rotation_due),
            deadline: instant(self.deadline).zip(verdict.reason),
            next_change,
            safe_until: match (verdict.safe_for_ever, instant(self.safe_until)) {
                (Some(true), _) => SafeUntil::Never,
                (Some(false), Some(at)) => SafeUntil::At(at),
                _ => SafeUntil::Unknown,
            },
            usable: verdict.usable,
        }
    }
}
