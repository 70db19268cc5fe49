//! What is wrong, or will be: findings, their severity, the deadline, and one token's assessment.

use serde::{Deserialize, Serialize};

use super::At;
use super::key::{GenerationId, PipelineId};
use super::reason::closed_list;
use super::text::Text;

closed_list! {
    /// The closed list of semantics 8; the label `finding`.
    FindingKind {
        ExpiresSoon = "expires_soon",
        ExpiresBeforeRotation = "expires_before_rotation",
        BreaksDeploy = "breaks_deploy",
        Expired = "expired",
        Revoked = "revoked",
        Vanished = "vanished",
        RotationDue = "rotation_due",
        RotationMissed = "rotation_missed",
        NotInjected = "not_injected",
        OldGenerationAlive = "old_generation_alive",
        NeverExpires = "never_expires",
        TooLongLived = "too_long_lived",
        Unused = "unused",
        OverScoped = "over_scoped",
        Unmanaged = "unmanaged",
        Unowned = "unowned",
        StaticCopy = "static_copy",
        Unverified = "unverified",
        TiedToPerson = "tied_to_person",
        Reused = "reused",
        CollectorFailing = "collector_failing",
        ChannelFailing = "channel_failing",
    }
}

impl FindingKind {
    /// `expired`, `revoked`, `vanished`: of these only one is open (semantics 8).
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Expired | Self::Revoked | Self::Vanished)
    }
    /// Findings whose episode identity leaves out the generation (semantics 9.1).
    pub fn outlives_generation(self) -> bool {
        matches!(
            self,
            Self::Unmanaged | Self::Unowned | Self::Unverified | Self::CollectorFailing | Self::ChannelFailing
        )
    }
    /// Time findings, which a rotation closes as `rotated` (semantics 1.8).
    pub fn is_time(self) -> bool {
        matches!(
            self,
            Self::ExpiresSoon
                | Self::ExpiresBeforeRotation
                | Self::BreaksDeploy
                | Self::RotationDue
                | Self::RotationMissed
        )
    }
}

closed_list! {
    /// The label `severity`. Ordered: info < warning < critical.
    Severity { Info = "info", Warning = "warning", Critical = "critical" }
}

impl Severity {
    /// One step lower, never below info (semantics 7.6).
    pub fn lowered(self) -> Self {
        match self {
            Self::Critical => Self::Warning,
            _ => Self::Info,
        }
    }
}

/// One step of a ladder: an entry before the end, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// Seconds before the end; the smaller, the more urgent.
    pub before: u32,
    /// Instant at which the rung is reached.
    pub at: At,
    /// Written as a fraction of the lifetime: numerator over 60 (1/3 = 20, 1/6 = 10, 1/15 = 4), else 0.
    pub sixtieths: u8,
}

/// Why a finding stands; enough to say it in words, never a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum Why {
    /// Nothing more to say than the kind and its date.
    Plain,
    /// A date alone concluded it (semantics 4.5).
    PastItsDate,
    /// The issuer's explicit word: `revoked`, `blocked`, `disabled`, `expired`.
    Flag {
        word: Text,
    },
    /// Concluded from an answer that does not say how: `inactive`, `absent`.
    Concluded {
        word: Text,
    },
    /// Rotation counted from the first sight, because the issuer tells no issue date (semantics 5.1).
    CountedFromFirstSight {
        occurrences_missed: u32,
    },
    Schedule {
        occurrences_missed: u32,
    },
    /// Late only against the schedule: ends this many seconds before the rotation is due.
    BeforeRotation {
        rotation: At,
    },
    /// An older generation was used after the new one was there.
    OlderUsed {
        used: At,
        older: u32,
        ends: Option<At>,
    },
    /// An inspect slot holds an earlier value again.
    TurnedBack,
    OlderAlive {
        count: u32,
        ends: Option<At>,
        use_known: bool,
    },
    /// Lives longer than allowed; seconds. `at_least`: its age is counted from first sight.
    Lifetime {
        is: i64,
        allowed: i64,
        at_least: bool,
    },
    Scopes {
        outside: Vec<Text>,
    },
    Doubt {
        doubt: super::observation::Doubt,
    },
    /// Facts older than the limit, last read then; `was_to_end` when its end has passed unseen (semantics 4.5).
    Stale {
        since: At,
        was_to_end: Option<At>,
    },
    /// No route would carry a critical finding of it.
    NoRoute,
    Login {
        reason: super::reason::FailureReason,
        since: At,
    },
    Unread {
        reason: super::reason::FailureReason,
        since: At,
    },
    /// Listings with known slots that were not read for three rounds.
    Partial {
        listings: u32,
        reason: super::reason::FailureReason,
    },
    Breaker {
        class: super::delivery::Class,
        dead: u32,
    },
    IdleRemoval {
        at: At,
    },
}

/// One thing that is wrong now, about one token, collector or channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub kind: FindingKind,
    pub severity: Severity,
    /// The instant it is about: an end, a rotation; `None` for findings without a date.
    pub due: Option<At>,
    pub rung: Option<Rung>,
    /// The ladder in force, most distant first, seconds before `due`; empty without one.
    pub ladder: Vec<Rung>,
    pub why: Why,
    /// The generation it is judged on; part of the episode's identity unless the kind outlives generations.
    pub generation: Option<GenerationId>,
    pub breaks: Vec<PipelineId>,
}

impl Finding {
    pub fn new(kind: FindingKind, severity: Severity, why: Why) -> Self {
        Self { kind, severity, due: None, rung: None, ladder: Vec::new(), why, generation: None, breaks: Vec::new() }
    }
}

closed_list! {
    /// Which part of the deadline came first (semantics 6, 12.4).
    DeadlineReason {
        Expiry = "expiry",
        Run = "run",
        OldGeneration = "old_generation",
        IdleRemoval = "idle_removal",
        MaxAge = "max_age",
        Rotation = "rotation",
        Ended = "ended",
    }
}

closed_list! {
    /// The label `state` of a token: the first that fits (semantics 12.4).
    TokenState {
        Revoked = "revoked",
        Vanished = "vanished",
        Expired = "expired",
        Unverified = "unverified",
        Dynamic = "dynamic",
        Ending = "ending",
        Never = "never",
        Unknown = "unknown",
        Ok = "ok",
    }
}

/// What one token's facts, rules and the clock lead to.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    pub findings: Vec<Finding>,
    pub state: TokenState,
    pub expiry: Option<At>,
    pub never: bool,
    pub rotation_due: Option<At>,
    pub deadline: Option<(At, DeadlineReason)>,
    /// Earliest instant at which judging again may lead to something else; may be early, never late.
    pub next_change: Option<At>,
    /// Earliest end that its pipelines are safe until; past if no generation is usable (semantics 12.5).
    pub safe_until: SafeUntil,
    pub usable: bool,
}

/// A token's part in `forewarn_pipeline_safe_until_timestamp_seconds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SafeUntil {
    At(At),
    Never,
    Unknown,
}

/// Open findings of a slot with their severities: what metrics and pages read. Two bits a kind: 0 = not open.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct FindingSet(pub u64);

impl FindingSet {
    pub fn set(&mut self, kind: FindingKind, severity: Severity) {
        let shift = 2 * kind as u32;
        self.0 = (self.0 & !(3 << shift)) | ((severity as u64 + 1) << shift);
    }
    pub fn get(self, kind: FindingKind) -> Option<Severity> {
        match (self.0 >> (2 * kind as u32)) & 3 {
            1 => Some(Severity::Info),
            2 => Some(Severity::Warning),
            3 => Some(Severity::Critical),
            _ => None,
        }
    }
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
    pub fn iter(self) -> impl Iterator<Item = (FindingKind, Severity)> {
        FindingKind::ALL.iter().filter_map(move |&kind| self.get(kind).map(|severity| (kind, severity)))
    }
}

/// What stays of an assessment in memory, beside the slot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    pub findings: FindingSet,
    pub state: TokenState,
    pub expiry: Option<At>,
    pub never: bool,
    pub rotation_due: Option<At>,
    pub deadline: Option<(At, DeadlineReason)>,
    pub next_change: Option<At>,
    pub safe_until: SafeUntil,
    pub usable: bool,
}

impl Standing {
    /// Before the first judgement.
    pub const UNJUDGED: Standing = Standing {
        findings: FindingSet(0),
        state: TokenState::Unknown,
        expiry: None,
        never: false,
        rotation_due: None,
        deadline: None,
        next_change: None,
        safe_until: SafeUntil::Unknown,
        usable: true,
    };
}

impl From<&Assessment> for Standing {
    fn from(a: &Assessment) -> Self {
        let mut findings = FindingSet::default();
        for finding in &a.findings {
            findings.set(finding.kind, finding.severity);
        }
        Self {
            findings,
            state: a.state,
            expiry: a.expiry,
            never: a.never,
            rotation_due: a.rotation_due,
            deadline: a.deadline,
            next_change: a.next_change,
            safe_until: a.safe_until,
            usable: a.usable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_gives_back_what_was_put_in() {
        let mut set = FindingSet::default();
        for (nth, &kind) in FindingKind::ALL.iter().enumerate() {
            set.set(kind, Severity::ALL[nth % 3]);
        }
        let all: Vec<_> = set.iter().collect();
        assert_eq!(all.len(), FindingKind::ALL.len());
        for (nth, (kind, severity)) in all.into_iter().enumerate() {
            assert_eq!((kind, severity), (FindingKind::ALL[nth], Severity::ALL[nth % 3]));
        }
    }
}
