//! From findings to episodes, and from transitions and routes to intents and deliveries.

use chrono::TimeDelta;

use crate::domain::At;
use crate::domain::delivery::{Delivery, DeliveryState, Facts, Intent};
use crate::domain::episode::{Episode, Transition};
use crate::domain::finding::Severity;
use crate::domain::text::Text;

pub mod closings;
pub mod digest;
pub mod episodes;
pub mod ids;
pub mod route;
pub mod trace;
mod written;

/// How long a message is tried; where something has ended or ends within a day, for longer (channels.md 5.6).
const TRIED: TimeDelta = TimeDelta::hours(72);
const TRIED_URGENT: TimeDelta = TimeDelta::days(7);
/// A message is not given up sooner, however near the next rung is: that one takes its place anyway.
const TRIED_LEAST: TimeDelta = TimeDelta::minutes(15);
const DAY: u32 = 86_400;

/// A transition worth telling, with what a message will need.
#[derive(Clone, Debug)]
pub struct Told {
    pub episode: Episode,
    pub transition: Transition,
    pub facts: Facts,
    /// Part of an introduction (semantics 10).
    pub introduction: bool,
    /// Readers that were told of this episode before. A closing goes to them, and to those by route, whose opening may
    /// be on its way; who heard nothing is left out at the claim. After a change of readers only new ones are told.
    pub told_to: Vec<route::Reader>,
    /// What routes may match besides the facts.
    pub traits: Traits,
}

/// Fields of a slot that routes may match and messages do not need; empty for channels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traits {
    pub place: Text,
    pub name: Text,
    pub scopes: Vec<Text>,
    /// What the issuer tells: `fact.<name>`.
    pub facts: Vec<(Text, Text)>,
}

/// Intents with their deliveries, one per channel and recipient; deterministic ids. `info` findings make none, nor does
/// what no route takes.
pub fn plan(told: &[Told], routes: &route::Routes, now: At) -> (Vec<Intent>, Vec<Delivery>) {
    let mut intents = Vec::new();
    let mut deliveries = Vec::new();
    for told in told.iter().filter(|told| told.episode.severity >= Severity::Warning) {
        let readers = readers(told, routes);
        if readers.is_empty() {
            continue;
        }
        let intent = Intent {
            episode: told.episode.clone(),
            transition: told.transition.clone(),
            seq: told.episode.seq,
            at: now,
            introduction: told.introduction,
            facts: told.facts.clone(),
            digest: None,
        };
        let key = intent.key();
        deliveries.extend(readers.into_iter().map(|reader| delivery(&key, told, reader, now)));
        intents.push(intent);
    }
    (intents, deliveries)
}

fn readers(told: &Told, routes: &route::Routes) -> Vec<route::Reader> {
    let mut picked = routes.pick(told);
    match told.transition {
        Transition::Closed(_) => {
            // Who reads of it in digests reads there that it is over.
            let later = if told.episode.severity < Severity::Critical { routes.pick_later(told) } else { Vec::new() };
            let known = |reader: &&route::Reader| routes.channels().contains_key(&reader.0) && !later.contains(reader);
            let mut before: Vec<_> = told.told_to.iter().filter(known).cloned().collect();
            picked.retain(|reader| !before.contains(reader));
            before.append(&mut picked);
            before
        }
        Transition::Reassigned => {
            picked.retain(|reader| !told.told_to.contains(reader));
            picked
        }
        _ => picked,
    }
}

fn delivery(intent: &str, told: &Told, (channel, recipient): route::Reader, now: At) -> Delivery {
    Delivery {
        id: ids::delivery(intent, channel.as_str(), &recipient),
        intent: intent.to_owned(),
        channel,
        recipient,
        severity: told.episode.severity,
        notify_at: now,
        deadline: deadline(&told.episode, now),
        state: DeliveryState::Pending,
        attempts: 0,
        next_attempt_at: now,
        last_class: None,
        ambiguous: 0,
        fence: 0,
        fell_back: false,
    }
}

/// The delivery of a digest's item: due at its slot; given up when the next digest, if any, takes its place.
pub fn later(
    intent: &Intent,
    (channel, recipient): &route::Reader,
    (slot, next): (At, Option<At>),
    now: At,
) -> Delivery {
    let key = intent.key();
    let latest = next.map_or(now + TRIED, |next| next.clamp(now + TRIED_LEAST, now + TRIED));
    Delivery {
        id: ids::delivery(&key, channel.as_str(), recipient),
        intent: key,
        channel: channel.clone(),
        recipient: recipient.clone(),
        severity: intent.episode.severity,
        notify_at: slot,
        deadline: latest,
        state: DeliveryState::Pending,
        attempts: 0,
        next_attempt_at: slot,
        last_class: None,
        ambiguous: 0,
        fence: 0,
        fell_back: false,
    }
}

fn deadline(episode: &Episode, now: At) -> At {
    let last_day = episode.rung.is_some_and(|rung| rung.before <= DAY && rung.sixtieths == 0);
    if episode.severity == Severity::Critical || episode.kind.is_ended() || last_day {
        return now + TRIED_URGENT;
    }
    let next = episode.finding.ladder.iter().map(|rung| rung.at).filter(|&at| at > now).min();
    next.map_or(now + TRIED, |next| next.clamp(now + TRIED_LEAST, now + TRIED))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::route::{ChannelRules, RouteSection, Routes, TeamSection};
    use super::*;
    use crate::domain::episode::{Closing, EpisodeState, Subject};
    use crate::domain::finding::{Finding, FindingKind, Rung, Why};
    use crate::domain::key::TokenKey;

    pub(crate) fn at(seconds: i64) -> At {
        At::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }
    /// A Vault token without team and pipelines.
    pub(crate) fn facts() -> Facts {
        serde_json::from_value(serde_json::json!({
            "token": "vault/ci", "collector": "vault", "issuer": "vault", "host": "", "kind": "service", "managed": true,
            "own_login": false, "explicit": false, "team": null, "owner": null, "schedule": null, "schedule_text": null,
            "by_hand": false, "pipelines": [], "runbook": null, "link": null, "rotate": "", "ends": null,
            "date_only": false, "never": false, "issued": null, "rotation_due": null, "rotated_at": null, "before": null,
            "read_at": null, "seen_good": null, "next": null, "last_used": null, "covers": null, "detail": null
        }))
        .unwrap()
    }
    /// An open episode of the slot `name`, told once.
    pub(crate) fn episode(name: &str, kind: FindingKind, severity: Severity) -> Episode {
        let subject = Subject::Token(TokenKey::new("vault".into(), "service", "root", name));
        Episode {
            id: ids::episode(&subject, kind, None, 0),
            subject,
            kind,
            generation: None,
            nth: 0,
            since: at(0),
            finding: Finding::new(kind, severity, Why::Plain),
            severity,
            rung: None,
            told: Some(at(0)),
            reminders: 0,
            team: None,
            state: EpisodeState::Open,
            seq: 1,
            flapping: false,
            quiet_since: None,
        }
    }
    pub(crate) fn told(kind: FindingKind, severity: Severity) -> Told {
        Told {
            episode: episode("ci", kind, severity),
            transition: Transition::Opened,
            facts: facts(),
            introduction: false,
            told_to: Vec::new(),
            traits: Traits::default(),
        }
    }
    /// Channels chat, mail (two addresses) and hook; chat falls back to mail.
    pub(crate) fn compile(routes: serde_json::Value, teams: serde_json::Value) -> Result<Routes, Vec<String>> {
        let routes: Option<Vec<RouteSection>> = serde_json::from_value(routes).unwrap();
        let teams: std::collections::BTreeMap<String, TeamSection> = serde_json::from_value(teams).unwrap();
        let recipients = vec!["a@example.com".to_owned(), "b@example.com".to_owned()];
        let channels = [
            ("chat".into(), ChannelRules { fallback: Some("mail".into()), ..ChannelRules::default() }),
            ("mail".into(), ChannelRules { recipients, fallback: None }),
            ("hook".into(), ChannelRules::default()),
        ];
        let say = |problem: crate::judge::evaluate::rules::Problem| format!("{}: {}", problem.path, problem.text);
        Routes::compile(routes.as_deref(), &teams, channels.into())
            .map_err(|problems| problems.into_iter().map(say).collect())
    }
    fn everywhere() -> Routes {
        compile(serde_json::Value::Null, serde_json::json!({})).unwrap()
    }
    fn to(deliveries: &[Delivery]) -> Vec<String> {
        deliveries.iter().map(|delivery| format!("{} {}", delivery.channel, delivery.recipient)).collect()
    }

    #[test]
    fn one_intent_and_a_delivery_a_reader() {
        let told = [told(FindingKind::Revoked, Severity::Critical)];
        let (intents, deliveries) = plan(&told, &everywhere(), at(9));
        assert_eq!((intents.len(), intents[0].seq, intents[0].at), (1, 1, at(9)));
        assert_eq!(to(&deliveries), ["chat ", "hook ", "mail a@example.com", "mail b@example.com"]);
        for delivery in &deliveries {
            let id = ids::delivery(&intents[0].key(), delivery.channel.as_str(), &delivery.recipient);
            assert_eq!((delivery.id, delivery.intent.as_str()), (id, intents[0].key().as_str()));
            assert_eq!(
                (delivery.notify_at, delivery.next_attempt_at, delivery.state),
                (at(9), at(9), DeliveryState::Pending)
            );
        }
        assert_eq!(plan(&told, &everywhere(), at(9)).1, deliveries, "the same again");
    }

    #[test]
    fn rule_9_3_info_makes_no_message() {
        let (intents, deliveries) = plan(&[told(FindingKind::Unused, Severity::Info)], &everywhere(), at(0));
        assert!(intents.is_empty() && deliveries.is_empty());
    }

    #[test]
    fn rule_9_3_a_closing_goes_to_who_was_told() {
        let routes = compile(serde_json::json!([{ "to": ["chat"] }]), serde_json::json!({})).unwrap();
        let told_to = vec![("mail".into(), "a@example.com".into()), ("gone".into(), String::new())];
        let transition = Transition::Closed(Closing::Rotated);
        let told = Told { told_to, transition, ..told(FindingKind::Revoked, Severity::Critical) };
        assert_eq!(to(&plan(&[told], &routes, at(0)).1), ["mail a@example.com", "chat "]);
    }

    #[test]
    fn rule_9_5_after_a_change_only_new_readers_are_told() {
        let told_to = vec![("chat".into(), String::new()), ("mail".into(), "a@example.com".into())];
        let mut told =
            Told { told_to, transition: Transition::Reassigned, ..told(FindingKind::Revoked, Severity::Critical) };
        assert_eq!(to(&plan(&[told.clone()], &everywhere(), at(0)).1), ["hook ", "mail b@example.com"]);
        told.told_to = everywhere().pick(&told);
        assert!(plan(&[told], &everywhere(), at(0)).0.is_empty());
    }

    #[test]
    fn a_message_is_tried_until_the_next_rung_or_three_days_or_a_week() {
        let mut soon = episode("ci", FindingKind::ExpiresSoon, Severity::Warning);
        assert_eq!(deadline(&soon, at(0)), at(72 * 3600));
        let rung = |before: u32, seconds: i64| Rung { before, at: at(seconds), sixtieths: 0 };
        soon.finding.ladder = vec![rung(7 * DAY, -10), rung(3 * DAY, 48 * 3600), rung(DAY, 96 * 3600)];
        assert_eq!(deadline(&soon, at(0)), at(48 * 3600));
        assert_eq!(deadline(&soon, at(48 * 3600)), at((48 + 48) * 3600));
        assert_eq!(deadline(&soon, at(48 * 3600 - 10)), at(48 * 3600 + 890), "not within seconds");
        soon.rung = Some(rung(DAY, 0));
        assert_eq!(deadline(&soon, at(0)), at(7 * 24 * 3600));
        assert_eq!(deadline(&episode("ci", FindingKind::Expired, Severity::Warning), at(0)), at(7 * 24 * 3600));
        assert_eq!(deadline(&episode("ci", FindingKind::NotInjected, Severity::Critical), at(0)), at(7 * 24 * 3600));
    }
}
