//! One finding from opening to closing; what messages and acknowledgements hang on (semantics 9).

use serde::{Deserialize, Serialize};

use super::At;
use super::finding::{Finding, FindingKind, Rung, Severity};
use super::key::{ChannelId, EpisodeId, GenerationId, TeamId, TokenKey};
use super::reason::closed_list;

/// Whom an episode is about. A collector's own findings belong to the slot `forewarn/<collector>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    Token(TokenKey),
    Channel(ChannelId),
}

closed_list! {
    /// How an episode closed (semantics 9).
    Closing {
        Rotated = "rotated",
        Extended = "extended",
        Recovered = "recovered",
        Fixed = "fixed",
        Removed = "removed",
        Accepted = "accepted",
        Superseded = "superseded",
        Reclassified = "reclassified",
        Abandoned = "abandoned",
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EpisodeState {
    Open,
    Closed { how: Closing, at: At },
}

/// The stored finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Episode {
    pub id: EpisodeId,
    pub subject: Subject,
    pub kind: FindingKind,
    pub generation: Option<GenerationId>,
    /// How many earlier episodes this subject, kind and generation had (semantics 9.1).
    pub nth: u32,
    pub since: At,
    /// As last judged; severity only rises within an episode (7.5).
    pub finding: Finding,
    pub severity: Severity,
    /// The most urgent rung told.
    pub rung: Option<Rung>,
    /// When something of it was last told; `None`: nothing yet (an info finding, or an introduction to come).
    pub told: Option<At>,
    /// Reminders told so far (semantics 9.3).
    pub reminders: u32,
    /// To whom it was told, so that a new reader is told once (semantics 9.5).
    pub team: Option<TeamId>,
    pub state: EpisodeState,
    /// Number of the last intent of it, rising.
    pub seq: u32,
    /// Opened again and again: told as flapping, stays open until 24 h quiet (semantics 9.3).
    pub flapping: bool,
    /// While it flaps: since when the finding is quiet.
    pub quiet_since: Option<At>,
}

impl Episode {
    pub fn open(&self) -> bool {
        matches!(self.state, EpisodeState::Open)
    }
    /// Shared by all time and ended episodes of one generation (semantics 9.2): thread and incident key.
    pub fn thread(&self) -> String {
        match (&self.subject, &self.generation) {
            (Subject::Token(key), Some(generation)) => format!("{}/{}/{}", key.collector, key.slot(), generation),
            (Subject::Token(key), None) => format!("{}/{}", key.collector, key.slot()),
            (Subject::Channel(channel), _) => format!("channel/{channel}"),
        }
    }
}

/// The reason to speak.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transition {
    Opened,
    Rung(Rung),
    Raised(Severity),
    /// Nth reminder.
    Reminder(u32),
    /// Told once to a new reader after a change of configuration (semantics 9.5).
    Reassigned,
    Closed(Closing),
}

impl Transition {
    /// Part of the delivery's identity.
    pub fn as_key(&self) -> String {
        match self {
            Transition::Opened => "opened".into(),
            Transition::Rung(rung) => format!("rung:{}", rung.before),
            Transition::Raised(severity) => format!("raised:{severity}"),
            Transition::Reminder(nth) => format!("reminder:{nth}"),
            Transition::Reassigned => "reassigned".into(),
            Transition::Closed(how) => format!("closed:{how}"),
        }
    }
    pub fn is_closing(&self) -> bool {
        matches!(self, Transition::Closed(_))
    }
}
