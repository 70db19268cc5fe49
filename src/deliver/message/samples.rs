//! Intents of the messages in surfaces 5, for the tests of this room and of the channels. "Now" is Tue 24 Nov 2026.

use crate::domain::At;
use crate::domain::delivery::{Before, Class, CopyFact, Facts, Intent};
use crate::domain::episode::{Closing, Episode, EpisodeState, Subject, Transition};
use crate::domain::finding::{Finding, FindingKind, Rung, Severity, Why};
use crate::domain::key::{EpisodeId, TeamId, TokenKey};
use crate::domain::observation::Doubt;
use crate::domain::reason::FailureReason;
use crate::domain::text::Text;
use crate::domain::token::LastUsed;

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

fn title(issuer: &str) -> &str {
    match issuer {
        "gitlab" => "GitLab",
        "keycloak" => "Keycloak",
        "vault" => "Vault",
        other => other,
    }
}

fn copy(place: &str, name: &str, replaced: Option<&str>) -> CopyFact {
    CopyFact { place: place.into(), name: name.into(), replaced: replaced.map(at) }
}

pub fn facts(token: &str) -> Facts {
    let collector = token.split('/').next().map(str::to_owned);
    Facts {
        token: token.into(),
        issuer: collector.as_deref().unwrap_or("").into(),
        issuer_title: title(collector.as_deref().unwrap_or("")).into(),
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
    facts.first_run = Some(("deploy-prod".into(), at("2026-12-01 02:00")));
    facts.next_run = Some(("deploy-prod".into(), at("2026-11-24 12:00")));
    facts.copies = vec![copy("github example/shop", "RENOVATE_TOKEN", Some("2026-09-02 14:10"))];
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
    facts.next_run = Some(("deploy-prod".into(), at("2026-11-24 12:00")));
    facts.copies = vec![copy("github example/shop", "DEPLOY_BOT", None), copy("vault ci/deploy", "token", None)];
    facts.told_too = Some(("oncall".into(), "a run is ahead".into()));
    intent
}

/// Surfaces 5, "Closed: rotated".
pub fn rotated() -> Intent {
    let mut intent = expires_soon();
    intent.transition = Transition::Closed(Closing::Rotated);
    renew(&mut intent);
    intent
}

/// A new value took the place of the old one, which the issuer revoked.
pub fn renew(intent: &mut Intent) {
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
    facts.rotated_at = Some(at("2026-11-25 09:40"));
    facts.copies = vec![copy("github example/shop", "RENOVATE_TOKEN", Some("2026-11-25 09:44"))];
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
    facts.login = Some(("file gitlab-read".into(), "role Owner, scope read_api".into()));
    facts.runbook = Some("https://wiki.example.com/forewarn-login".into());
    intent
}

/// Surfaces 5, "Digest of six"; made on Mon 30 Nov at 08:00.
pub fn digest_of_six() -> Vec<Intent> {
    let quiet = |token: &str, kind, severity| {
        let mut one = intent(token, kind, severity, "AAAA");
        one.episode.told = None;
        one
    };
    let mut nightly = quiet("github/nightly-bot", FindingKind::ExpiresSoon, Severity::Info);
    nightly.episode.finding.due = Some(at("2026-12-04 08:00"));
    nightly.facts.pipelines = vec!["nightly".into()];
    let mut aws = quiet("aws/ci-deploy", FindingKind::RotationDue, Severity::Info);
    aws.episode.finding.due = Some(at("2026-12-14 10:00"));
    aws.facts.schedule_text = Some("every 90d".into());
    let mut frozen = quiet("gitlab/platform/deploy-eu", FindingKind::ExpiresSoon, Severity::Info);
    frozen.episode.finding.due = Some(at("2026-12-22 00:00"));
    frozen.facts.freeze = Some((at("2026-12-18 00:00"), "year end".into()));
    let legacy = quiet("vault/ci-legacy", FindingKind::NeverExpires, Severity::Warning);
    let mut mirror = quiet("gitlab/platform/old-mirror", FindingKind::Unused, Severity::Info);
    mirror.facts.last_used = Some(LastUsed { at: at("2026-04-30 08:00"), granularity: 600 });
    vec![mirror, legacy, frozen, aws, nightly, expires_soon()]
}

/// What fell quiet before it.
pub const QUIET: &[(Closing, u32)] = &[(Closing::Rotated, 1), (Closing::Accepted, 1)];

/// How severe, why and when a likely case of a finding is.
fn likely(kind: FindingKind) -> (Severity, Why, Option<At>) {
    let later = Some(at("2026-12-01 00:00"));
    match kind {
        FindingKind::ExpiresBeforeRotation => {
            (Severity::Warning, Why::BeforeRotation { rotation: at("2026-12-01 14:10") }, later)
        }
        FindingKind::BreaksDeploy => (Severity::Warning, Why::Plain, Some(at("2026-11-25 02:30"))),
        FindingKind::Expired => (Severity::Critical, Why::PastItsDate, Some(at("2026-11-24 09:00"))),
        FindingKind::Vanished => (Severity::Critical, Why::Concluded { word: "absent".into() }, None),
        FindingKind::RotationDue => (Severity::Warning, Why::Schedule { occurrences_missed: 0 }, later),
        FindingKind::RotationMissed => {
            (Severity::Warning, Why::Schedule { occurrences_missed: 1 }, Some(at("2026-11-12 00:00")))
        }
        FindingKind::NotInjected => {
            (Severity::Warning, Why::OlderUsed { used: at("2026-11-24 08:00"), older: 1, ends: later }, later)
        }
        FindingKind::OldGenerationAlive => {
            (Severity::Warning, Why::OlderAlive { count: 1, ends: later, use_known: false }, later)
        }
        FindingKind::TooLongLived => {
            let day = 86_400;
            (Severity::Warning, Why::Lifetime { is: 400 * day, allowed: 365 * day, at_least: true }, None)
        }
        FindingKind::Unused => (Severity::Info, Why::Plain, None),
        FindingKind::OverScoped => {
            (Severity::Warning, Why::Scopes { outside: vec!["api".into(), "sudo".into()] }, None)
        }
        FindingKind::Unowned => (Severity::Warning, Why::NoRoute, None),
        FindingKind::Unverified => {
            let since = at("2026-11-24 06:28");
            (Severity::Warning, Why::Stale { since, was_to_end: None }, None)
        }
        FindingKind::ChannelFailing => (Severity::Warning, Why::Breaker { class: Class::Broken, dead: 1 }, None),
        FindingKind::NeverExpires | FindingKind::Unmanaged | FindingKind::StaticCopy => {
            (Severity::Info, Why::Plain, None)
        }
        FindingKind::TiedToPerson | FindingKind::Reused => (Severity::Info, Why::Plain, None),
        FindingKind::ExpiresSoon | FindingKind::Revoked | FindingKind::CollectorFailing => {
            (Severity::Warning, Why::Plain, later)
        }
    }
}

/// A likely case of each finding.
pub fn of_kind(kind: FindingKind) -> Intent {
    match kind {
        FindingKind::ExpiresSoon => return expires_soon(),
        FindingKind::Revoked => return revoked(),
        FindingKind::CollectorFailing => return blind(),
        _ => {}
    }
    let (severity, why, due) = likely(kind);
    let mut one = expires_soon();
    let base = intent("gitlab/platform/renovate", kind, severity, "R7K2");
    one.episode = Episode { kind, severity, ..base.episode };
    one.episode.finding.why = why;
    one.episode.finding.due = due;
    if kind == FindingKind::RotationDue {
        one.episode.finding.ladder = ladder(at("2026-12-01 00:00"), &[14, 7, 3, 1]);
        one.episode.finding.rung = Some(one.episode.finding.ladder[1]);
    }
    if kind == FindingKind::ChannelFailing {
        one.episode.subject = Subject::Channel("chat".into());
        one.facts = Facts {
            token: "chat".into(),
            team: Some("sre".into()),
            detail: Some("404 no_service".into()),
            ..Facts::default()
        };
    }
    let facts = &mut one.facts;
    facts.schedule_text = Some("every 90d".into());
    facts.rotate = "Rotate it in the group's settings under Access tokens.".into();
    facts.runbook = None;
    facts.last_used = Some(LastUsed { at: at("2026-04-24 09:00"), granularity: 600 });
    if kind == FindingKind::Unverified {
        facts.read_at = Some(at("2026-11-24 06:28"));
    }
    facts.rotation_due = due.filter(|_| kind != FindingKind::ExpiresBeforeRotation);
    facts.never = kind == FindingKind::NeverExpires;
    facts.ends = if facts.never { None } else { due.or(facts.ends) };
    facts.next = matches!(severity, Severity::Warning | Severity::Critical)
        .then(|| (at("2026-11-25 09:01"), "".into()))
        .filter(|_| due.is_some() || severity == Severity::Critical);
    if kind == FindingKind::BreaksDeploy {
        facts.first_run = Some(("deploy-prod".into(), at("2026-11-25 02:00")));
    }
    one
}

/// Whatever strangers may write, everywhere they may write it.
pub fn stuff(one: &mut Intent, text: &str) {
    let facts = &mut one.facts;
    let bounded = Text::new(text);
    facts.token = format!("gitlab/{text}");
    facts.collector = Some(text.to_owned());
    facts.team = Some(TeamId::from(text));
    for field in [&mut facts.issuer, &mut facts.issuer_title, &mut facts.host, &mut facts.kind, &mut facts.rotate] {
        *field = bounded.clone();
    }
    facts.owner = Some(bounded.clone());
    facts.schedule_text = Some(bounded.clone());
    facts.pipelines = vec![text.into(), text.into()];
    facts.runbook = Some(text.to_owned());
    facts.link = Some(bounded.clone());
    facts.detail = Some(bounded.clone());
    facts.copies = vec![CopyFact { place: bounded.clone(), name: bounded.clone(), replaced: None }];
    facts.told_too = Some((bounded.clone(), bounded.clone()));
    facts.freeze = Some((at("2026-11-30 00:00"), bounded.clone()));
    facts.login = Some((bounded.clone(), bounded.clone()));
    facts.first_run = Some((text.into(), at("2026-12-01 02:00")));
    facts.next_run = Some((text.into(), at("2026-11-25 02:00")));
    facts.next = facts.next.as_ref().map(|(at, _)| (*at, bounded));
}

/// Messages of more than one finding.
pub fn groups() -> Vec<(&'static str, Vec<Intent>)> {
    let introduced = |kind, token: &str| {
        let mut one = of_kind(kind);
        one.introduction = true;
        one.facts.covers = Some((412, 9));
        one.facts.token = token.into();
        one
    };
    let mut closed = rotated();
    closed.facts.token = "gitlab/platform/other".into();
    let mut nightly = expires_soon();
    nightly.facts.token = "github/nightly-bot".into();
    let first = [
        (FindingKind::ExpiresSoon, "gitlab/platform/renovate"),
        (FindingKind::Expired, "gitlab/shop/deploy-eu"),
        (FindingKind::Unmanaged, "gitlab/a"),
        (FindingKind::Unmanaged, "gitlab/b"),
        (FindingKind::NeverExpires, "gitlab/ci-legacy"),
    ];
    vec![
        (
            "two findings of one token",
            vec![of_kind(FindingKind::Revoked), {
                let mut one = of_kind(FindingKind::OverScoped);
                one.facts.token = "keycloak/ci/deploy-bot".into();
                one
            }],
        ),
        ("two tokens", vec![expires_soon(), revoked()]),
        ("one open, one closed", vec![expires_soon(), closed.clone()]),
        ("three tokens and a closing", vec![expires_soon(), nightly, revoked(), closed.clone()]),
        ("two closings", vec![rotated(), closed]),
        ("an introduction", first.iter().map(|(kind, token)| introduced(*kind, token)).collect()),
        ("an introduction of one", vec![introduced(FindingKind::ExpiresSoon, "gitlab/platform/renovate")]),
        (
            "only tokens without a policy",
            vec![introduced(FindingKind::Unmanaged, "gitlab/a"), introduced(FindingKind::Unmanaged, "gitlab/b")],
        ),
    ]
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
