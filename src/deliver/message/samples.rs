//! Intents of the messages in surfaces 5, for the tests of this room and of the channels. "Now" is Tue 24 Nov 2026.

use crate::domain::At;
use crate::domain::delivery::{Before, Class, Facts, Intent};
use crate::domain::episode::{Closing, Episode, EpisodeState, Subject, Transition};
use crate::domain::finding::{Finding, FindingKind, Rung, Severity, Why};
use crate::domain::key::{EpisodeId, TokenKey};
use crate::domain::observation::Doubt;
use crate::domain::reason::FailureReason;

pub fn at(text: &str) -> At {
    let text = if text.len() == "2026-11-24 09:00".len() { format!("{text}:00") } else { text.into() };
    format!("{}Z", text.replace(' ', "T")).parse().unwrap()
}

/// An id whose code is `code`.
pub fn id(code: &str) -> EpisodeId {
    const ALPHABET: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let bits = code.chars().fold(0u128, |bits, c| bits << 5 | ALPHABET.find(c).unwrap() as u128);
    EpisodeId(bits << 108)
}

pub fn facts(token: &str) -> Facts {
    let collector = token.split('/').next().map(str::to_owned);
    Facts {
        token: token.into(),
        issuer: collector.as_deref().unwrap_or("").into(),
        collector,
        host: "gitlab.example.com".into(),
        kind: "group".into(),
        managed: true,
        ..Facts::default()
    }
}

pub fn intent(token: &str, kind: FindingKind, severity: Severity, code: &str) -> Intent {
    let since = at("2026-11-24 09:00");
    let key = TokenKey::new(token.split('/').next().unwrap().into(), "group", "42", token);
    Intent {
        episode: Episode {
            id: id(code),
            subject: Subject::Token(key),
            kind,
            generation: Some("8841".into()),
            nth: 0,
            since,
            finding: Finding::new(kind, severity, Why::Plain),
            severity,
            rung: None,
            told: Some(since),
            reminders: 0,
            team: None,
            state: EpisodeState::Open,
            seq: 1,
            flapping: false,
            quiet_since: None,
        },
        transition: Transition::Opened,
        seq: 1,
        at: since,
        introduction: false,
        digest: None,
        facts: facts(token),
    }
}

pub fn ladder(end: At, days: &[u32]) -> Vec<Rung> {
    let rung = |&d| Rung { before: d * 86_400, at: end - chrono::TimeDelta::days(i64::from(d)), sixtieths: 0 };
    days.iter().map(rung).collect()
}

/// Surfaces 5, "Expires soon, 7-day step"; told at 09:00.
pub fn expires_soon() -> Intent {
    let mut intent = intent("gitlab/platform/renovate", FindingKind::ExpiresSoon, Severity::Warning, "R7K2");
    let end = at("2026-12-01 00:00");
    let ladder = ladder(end, &[14, 7, 3, 1]);
    intent.transition = Transition::Rung(ladder[1]);
    intent.episode.finding.due = Some(end);
    intent.episode.finding.rung = Some(ladder[1]);
    intent.episode.finding.ladder = ladder;
    let facts = &mut intent.facts;
    facts.ends = Some(end);
    facts.team = Some("platform".into());
    facts.schedule = Some("quarterly".into());
    facts.by_hand = true;
    facts.rotated_at = Some(at("2026-09-02 14:10"));
    facts.pipelines = vec!["deploy-prod".into()];
    facts.runbook = Some("https://wiki.example.com/rotate-gitlab-token".into());
    facts.link = Some("https://gitlab.example.com/groups/platform/-/settings/access_tokens".into());
    facts.read_at = Some(at("2026-11-24 08:56"));
    facts.next = Some((at("2026-11-27 09:00"), "the 3-day step falls on a Saturday".into()));
    intent
}

/// Surfaces 5, "Revoked, deploy in three hours"; concluded and told at 09:01.
pub fn revoked() -> Intent {
    let mut intent = intent("keycloak/ci/deploy-bot", FindingKind::Revoked, Severity::Critical, "M2Q9");
    intent.at = at("2026-11-24 09:01");
    intent.episode.since = intent.at;
    intent.episode.finding.why = Why::Concluded { word: "inactive".into() };
    let facts = &mut intent.facts;
    facts.ends = Some(at("2027-03-01 00:00"));
    facts.team = Some("identity".into());
    facts.pipelines = vec!["deploy-prod".into()];
    facts.runbook = Some("https://wiki.example.com/deploy-bot".into());
    facts.link = Some("https://sso.example.com/admin/ci".into());
    facts.seen_good = Some(at("2026-11-24 08:46"));
    facts.next = Some((at("2026-11-25 09:01"), "".into()));
    intent
}

/// Surfaces 5, "Closed: rotated".
pub fn rotated() -> Intent {
    let mut intent = expires_soon();
    intent.transition = Transition::Closed(Closing::Rotated);
    let facts = &mut intent.facts;
    facts.before = Some(Before {
        ends: facts.ends,
        never: false,
        ended: Some("revoked".into()),
        use_known: true,
        issued: Some(at("2026-09-02 14:10")),
    });
    facts.ends = Some(at("2027-03-01 00:00"));
    facts.rotation_due = Some(at("2027-02-22 14:10"));
    facts.next = Some((at("2027-01-22 00:00"), "the 30-day step".into()));
    intent
}

/// Surfaces 5, "A collector fails; forty tokens behind it"; told at 09:01.
pub fn blind() -> Intent {
    let mut intent = intent("forewarn/gitlab", FindingKind::CollectorFailing, Severity::Warning, "C1D4");
    intent.episode.generation = None;
    intent.episode.finding.why = Why::Login { reason: FailureReason::LoginRefused, since: at("2026-11-24 07:46") };
    let facts = &mut intent.facts;
    facts.collector = Some("gitlab".into());
    facts.issuer = "gitlab".into();
    facts.own_login = true;
    facts.team = Some("sre".into());
    facts.covers = Some((40, 2));
    facts.read_at = Some(at("2026-11-24 07:31"));
    facts.detail = Some("401".into());
    facts.runbook = Some("https://wiki.example.com/forewarn-login".into());
    intent
}

/// One of each reason, for sweeps.
pub fn whys() -> Vec<Why> {
    let then = at("2026-11-24 08:00");
    let later = Some(at("2026-12-01 00:00"));
    vec![
        Why::Plain,
        Why::PastItsDate,
        Why::Flag { word: "blocked".into() },
        Why::Concluded { word: "absent".into() },
        Why::CountedFromFirstSight { occurrences_missed: 2 },
        Why::Schedule { occurrences_missed: 3 },
        Why::BeforeRotation { rotation: at("2026-12-01 14:00") },
        Why::OlderUsed { used: then, older: 2, ends: later },
        Why::TurnedBack,
        Why::OlderAlive { count: 2, ends: later, use_known: false },
        Why::Lifetime { is: 400 * 86_400, allowed: 365 * 86_400, at_least: true },
        Why::Scopes { outside: vec!["api".into(), "sudo".into()] },
        Why::Doubt { doubt: Doubt::NeverActive },
        Why::Doubt { doubt: Doubt::OutOfSight },
        Why::Doubt { doubt: Doubt::UseLimited },
        Why::Doubt { doubt: Doubt::Unreadable },
        Why::Stale { since: then, was_to_end: Some(then) },
        Why::Stale { since: then, was_to_end: None },
        Why::NoRoute,
        Why::Login { reason: FailureReason::Connect, since: then },
        Why::Unread { reason: FailureReason::Timeout, since: then },
        Why::Partial { listings: 3, reason: FailureReason::Forbidden },
        Why::Breaker { class: Class::Broken, dead: 2 },
        Why::IdleRemoval { at: at("2026-12-01 00:00") },
    ]
}
