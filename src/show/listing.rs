//! Tokens as people read them: the most urgent first, when each ends, why it stands there, what it breaks. The page, the
//! command `list` and the table at the start show these rows. Pure.

use std::cmp::Reverse;

use crate::deliver::message::words;
use crate::domain::At;
use crate::domain::finding::{DeadlineReason, FindingKind, Severity, TokenState};
use crate::judge::world::view::TokenLine;

/// One row, ready to print; nothing escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Somebody has to do something: an open finding at warning or above.
    pub needs_someone: bool,
    pub severity: Option<Severity>,
    /// `in 6 days`, `12 days ago`, `never`, `unknown`.
    pub relative: String,
    /// `Mon 30 Nov 14:20 UTC`; empty where there is no date.
    pub absolute: String,
    pub token: String,
    pub why: String,
    pub breaks: String,
    pub team: String,
}

/// Rows in the order of urgency: ended first, then by deadline, then those without one.
pub fn rows(mut lines: Vec<TokenLine>, now: At) -> Vec<Row> {
    lines.sort_by(|a, b| Urgency::of(a).cmp(&Urgency::of(b)).then_with(|| a.token.cmp(&b.token)));
    lines.iter().map(|line| row(line, now)).collect()
}

/// `3 of 412 tokens need someone`.
pub fn headline(rows: &[Row]) -> String {
    headline_of(rows.iter().filter(|row| row.needs_someone).count(), rows.len())
}

/// The same, counted already.
pub fn headline_of(need: usize, watched: usize) -> String {
    match (need, watched) {
        (0, 0) => "no tokens are known yet".into(),
        (0, n) => format!("all {} are quiet", words::count(n, "token")),
        (need, n) => {
            format!("{need} of {} {} someone", words::count(n, "token"), if need == 1 { "needs" } else { "need" })
        }
    }
}

/// What the order of urgency looks at; the smaller, the more urgent. Ties are broken by the label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Urgency(u8, At);

impl Urgency {
    pub fn new(state: TokenState, critical: bool, deadline: Option<At>) -> Self {
        let class = match state {
            TokenState::Revoked | TokenState::Vanished | TokenState::Expired => 0,
            _ if critical => 1,
            _ if deadline.is_some() => 2,
            TokenState::Unverified | TokenState::Unknown => 3,
            _ => 4,
        };
        Self(class, deadline.unwrap_or(At::MAX_UTC))
    }
    fn of(line: &TokenLine) -> Self {
        let critical = line.findings.iter().any(|finding| finding.severity == Severity::Critical);
        Self::new(line.state, critical, line.deadline)
    }
}

/// The words of one line.
pub fn row(line: &TokenLine, now: At) -> Row {
    let severity = line.findings.iter().map(|finding| finding.severity).max();
    let (relative, absolute) = ends(line, now);
    Row {
        needs_someone: severity >= Some(Severity::Warning),
        severity,
        relative,
        absolute,
        token: line.token.clone(),
        why: why(line, now),
        breaks: if line.pipelines.is_empty() { "not said".into() } else { line.pipelines.join(", ") },
        team: line.team.clone().unwrap_or_default(),
    }
}

fn ends(line: &TokenLine, now: At) -> (String, String) {
    let said = |at: At| (words::nearly(at, now), words::short(at, now));
    match (line.state, line.ended_at, line.deadline) {
        (TokenState::Revoked | TokenState::Vanished, Some(at), _) => {
            (format!("{} {}", line.state, words::nearly(at, now)), String::new())
        }
        (TokenState::Expired, ..) => said(line.was_to_end.or(line.ended_at).unwrap_or(now)),
        (_, _, Some(at)) => said(at),
        _ if line.never_expires => ("never".into(), String::new()),
        (TokenState::Dynamic, ..) => ("per job".into(), String::new()),
        _ => line.expires.map_or_else(|| ("unknown".into(), String::new()), said),
    }
}

fn why(line: &TokenLine, now: At) -> String {
    // Of equally severe ones the first in the list of findings: what is about time stands before hygiene.
    let worst = line.findings.iter().max_by_key(|finding| (finding.severity, Reverse(finding.finding)));
    match (line.state, line.was_to_end) {
        (TokenState::Revoked | TokenState::Vanished, Some(end)) => {
            return format!("was good until {}", words::day(end));
        }
        (TokenState::Revoked | TokenState::Vanished, None) => return "had no end of its own".into(),
        (TokenState::Expired, _) => return "has expired".into(),
        _ => {}
    }
    match worst.map(|finding| finding.finding) {
        Some(FindingKind::RotationMissed) => format!("rotation missed{}", scheduled(line)),
        Some(FindingKind::RotationDue) => format!("rotation is due{}", scheduled(line)),
        Some(FindingKind::ExpiresBeforeRotation) => before_rotation(line),
        Some(FindingKind::NotInjected) => "an older value is still in use".into(),
        Some(FindingKind::OldGenerationAlive) => "the value before it still works".into(),
        Some(FindingKind::Unverified) => format!("not verified; last read {}", words::nearly(line.read_at, now)),
        Some(FindingKind::CollectorFailing) => "its collector cannot read the issuer".into(),
        // The date beside it is the rotation's.
        Some(FindingKind::NeverExpires) => match (line.deadline_reason, line.deadline) {
            (Some(DeadlineReason::Rotation), Some(at)) if at <= now => {
                format!("rotation is due{}, never expires", scheduled(line))
            }
            (Some(DeadlineReason::Rotation), _) => format!("rotation{}, never expires", scheduled(line)),
            _ => "never expires".into(),
        },
        Some(FindingKind::TooLongLived) => "lives longer than its policy allows".into(),
        Some(FindingKind::OverScoped) => "holds more scopes than its policy allows".into(),
        _ => plain(line),
    }
}

fn plain(line: &TokenLine) -> String {
    match line.deadline_reason {
        Some(DeadlineReason::Rotation) => format!("rotation{}", scheduled(line)),
        Some(DeadlineReason::MaxAge) => "reaches its allowed age".into(),
        Some(DeadlineReason::OldGeneration) => "the value before it ends".into(),
        Some(DeadlineReason::Expiry) if line.rotation_due > line.expires && line.expires.is_some() => {
            before_rotation(line)
        }
        Some(_) => "expires".into(),
        None if line.never_expires => "never expires".into(),
        None => "its issuer tells no end".into(),
    }
}

fn scheduled(line: &TokenLine) -> String {
    line.schedule_text.as_ref().map(|text| format!(" ({text})")).unwrap_or_default()
}

fn before_rotation(line: &TokenLine) -> String {
    match (line.expires, line.rotation_due) {
        (Some(end), Some(due)) if due > end => {
            format!("{} before its rotation", words::about((due - end).num_seconds()))
        }
        _ => "ends before its rotation".into(),
    }
}
