//! Answers as surfaces.md samples them, for the tests of what the commands print. "Now" is Tue 24 Nov 2026, 09:40 UTC.

use crate::domain::At;
use crate::domain::finding::{FindingKind, Severity, TokenState};
use crate::judge::world::view::{FindingLine, TokenLine};
use crate::show::answers::shapes::{CollectorRow, TokenRow, Tokens};

pub fn at(text: &str) -> At {
    text.parse().expect("an instant")
}

pub fn now() -> At {
    at("2026-11-24T09:40:00Z")
}

/// What a terminal without colours shows.
pub fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

/// `ends|date|token|why|breaks|team`, an open finding if a severity is given.
pub fn row(text: &str, severity: Option<Severity>) -> TokenRow {
    let cells: Vec<&str> = text.split('|').collect();
    let [ends, ends_at, token, why, breaks, team] = cells[..] else { panic!("six cells: {text}") };
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let finding = |severity| FindingLine { finding: FindingKind::ExpiresSoon, severity, since: None, code: None };
    let line = TokenLine {
        token: token.into(),
        collector: token.split('/').next().unwrap_or_default().into(),
        kind: "project".into(),
        state: TokenState::Ok,
        team: some(team),
        schedule: None,
        schedule_text: None,
        pipelines: breaks.split(' ').take(usize::from(breaks != "not said")).map(str::to_owned).collect(),
        expires: None,
        never_expires: false,
        rotation_due: None,
        deadline: None,
        deadline_reason: None,
        findings: severity.map(finding).into_iter().collect(),
        read_at: now(),
        ended_at: None,
        ended_word: None,
        was_to_end: None,
    };
    TokenRow {
        line,
        needs_someone: severity >= Some(Severity::Warning),
        severity,
        ends: ends.into(),
        ends_at: ends_at.into(),
        why: why.into(),
        breaks: breaks.into(),
        told: String::new(),
    }
}

/// The three that need someone in the sample of `list`.
pub fn urgent() -> Vec<TokenRow> {
    vec![
        row(
            "revoked 40 min ago||keycloak/ci/deploy-bot|was good until 1 Mar 2027|deploy-prod 12:00|identity",
            Some(Severity::Critical),
        ),
        row(
            "in 7 days|Tue 1 Dec 00:00 UTC|gitlab/platform/renovate|14 h before its rotation|deploy-prod|platform",
            Some(Severity::Warning),
        ),
        row("12 days ago|Thu 12 Nov|aws/ci-deploy|rotation missed (every 90d)|not said|cloud", Some(Severity::Warning)),
    ]
}

pub fn collector(name: &str, read: &str, failing: bool) -> CollectorRow {
    CollectorRow {
        collector: name.into(),
        issuer: name.into(),
        host: String::new(),
        fresh: !failing,
        ages: true,
        every_seconds: 900,
        tokens: 0,
        last_success: Some(at(read)),
        last_poll: Some(at(read)),
        last_duration_ms: None,
        coverage: Some(1.0),
        failure: failing.then(|| "http_5xx".into()),
        failing_since: failing.then(|| at(read)),
        failure_detail: None,
        ratelimit_remaining: None,
        clock_difference_seconds: None,
        left_out: Vec::new(),
        dynamic: 0,
        text: "last read 3 h ago, 503 (sealed)".into(),
    }
}

/// The sample of `list`: 412 watched, three shown, one collector silent.
pub fn tokens(rows: Vec<TokenRow>) -> Tokens {
    Tokens {
        now: now(),
        watched: 412,
        need_someone: 3,
        matching: rows.len(),
        offset: 0,
        tokens: rows,
        collectors: vec![
            collector("vault", "2026-11-24T06:28:00Z", true),
            collector("gitlab", "2026-11-24T09:29:00Z", false),
            collector("keycloak", "2026-11-24T09:36:00Z", false),
        ],
        held: Vec::new(),
    }
}
