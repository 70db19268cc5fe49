//! The first line of an open finding: its mark, its sentence, and the same words for subjects and one-liners.
//!
//! One arm for each kind, whole, so that a new kind cannot be forgotten.

use super::{Span, why, words};
use crate::domain::At;
use crate::domain::delivery::Intent;
use crate::domain::episode::Subject;
use crate::domain::finding::{FindingKind, Why};

/// What the first line is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// `7 days`, `Revoked`.
    pub mark: String,
    pub headline: Vec<Span>,
    pub relative: Option<String>,
    /// After the prefix, before what breaks: `7 days: gitlab/… expires Tue 1 Dec 2026 00:00 UTC`.
    pub subject: String,
    /// One-liners and lists: relative first, then the date as short as it may be.
    pub brief: Vec<Span>,
}

/// The name a message speaks of: `gitlab/platform/renovate`, ``collector `gitlab` ``, ``channel `chat` ``.
pub fn who(intent: &Intent) -> Vec<Span> {
    let facts = &intent.facts;
    if let Subject::Channel(channel) = &intent.episode.subject {
        return vec![Span::Plain("channel ".into()), Span::Name(channel.to_string())];
    }
    if intent.episode.kind == FindingKind::CollectorFailing {
        let name = facts.collector.clone().unwrap_or_else(|| facts.token.clone());
        return vec![Span::Plain("collector ".into()), Span::Name(name)];
    }
    vec![Span::Name(facts.token.clone())]
}

/// The head of an opening, a rung, a rise, a reminder: of what stands, as of `now`.
pub fn open(intent: &Intent, now: At) -> Head {
    let facts = &intent.facts;
    let finding = &intent.episode.finding;
    let kind = intent.episode.kind;
    let due = finding.due.or(facts.ends);
    let told = why::predicate(&finding.why, facts, now);
    let plain =
        |mark: &str, otherwise: &str| Head::plain(mark, who(intent), told.as_deref().unwrap_or(otherwise), false);
    match kind {
        FindingKind::ExpiresSoon => expires(intent, due, None, now),
        FindingKind::ExpiresBeforeRotation => expires(intent, due, before_rotation(intent, due), now),
        FindingKind::BreaksDeploy => expires(intent, due, Some("before the end of a run that needs it".into()), now),
        FindingKind::Expired => expired(intent, due, now),
        FindingKind::Revoked => ended(intent, "Revoked", "no longer works", now),
        FindingKind::Vanished => ended(intent, "Gone", &format!("is no longer known to {}", why::issuer(facts)), now),
        FindingKind::RotationDue => rotation(intent, due, now),
        FindingKind::RotationMissed => rotation_missed(intent, due, now),
        FindingKind::NotInjected => plain("Old value in use", "is still used with its old value"),
        FindingKind::OldGenerationAlive => plain("Old value alive", "was rotated, but its old value still works"),
        FindingKind::NeverExpires => plain("Never expires", "never expires"),
        FindingKind::TooLongLived => plain("Lives too long", "lives longer than its policy allows"),
        FindingKind::Unused => plain("Unused", "was not used for longer than its policy says"),
        FindingKind::OverScoped => plain("Holds too much", "holds more than its policy allows"),
        FindingKind::Unmanaged => plain("No policy", "is watched, but no policy speaks of it"),
        FindingKind::Unowned => plain("No team", "has no team: nobody would be told"),
        FindingKind::StaticCopy => plain("Static copy", "is long-lived and lies in a place meant for static copies"),
        FindingKind::Unverified => plain("Not known", "could not be checked: whether it works is not known"),
        FindingKind::TiedToPerson => plain("Tied to a person", "serves a pipeline, but belongs to a person's account"),
        FindingKind::Reused => plain("Reused", "has a value that is used in more than one place"),
        FindingKind::CollectorFailing => {
            let partial = matches!(finding.why, Why::Partial { .. });
            let mark = if partial { "Partly blind" } else { "Blind" };
            let otherwise = "cannot read its issuer";
            Head::plain(mark, who(intent), told.as_deref().unwrap_or(otherwise), true)
        }
        FindingKind::ChannelFailing => {
            Head::plain("Channel down", who(intent), told.as_deref().unwrap_or("does not take messages"), true)
        }
    }
}

fn expires(intent: &Intent, due: Option<At>, tail: Option<String>, now: At) -> Head {
    let Some(due) = due else {
        return Head::plain("Ends soon", who(intent), "ends soon; when exactly is not known", false);
    };
    if due <= now {
        return Head::dated("At its end".into(), who(intent), "was to expire", due, now).spoken_relative().tail(tail);
    }
    let mark = words::ahead(due, intent.episode.finding.rung.as_ref(), now);
    Head::dated(mark, who(intent), "expires", due, now).tail(tail)
}

/// `14 h before its rotation is due`.
fn before_rotation(intent: &Intent, due: Option<At>) -> Option<String> {
    let rotation = match intent.episode.finding.why {
        Why::BeforeRotation { rotation } => Some(rotation),
        _ => intent.facts.rotation_due,
    };
    Some(match (rotation, due) {
        (Some(rotation), Some(due)) if rotation > due => {
            format!("{} before its rotation is due", words::about((rotation - due).num_seconds()))
        }
        _ => "before its rotation is due".into(),
    })
}

fn expired(intent: &Intent, due: Option<At>, now: At) -> Head {
    let Some(due) = due else {
        return Head::plain("Expired", who(intent), "has expired; when is not known", true);
    };
    let mut head = Head::dated("Expired".into(), who(intent), "expired", due, now).spoken_relative();
    head.subject = format!("EXPIRED: {}, {}", super::plain(&who(intent)), words::full(due, now));
    if (0..60).contains(&(now - due).num_seconds()) {
        head.brief = who(intent);
        head.brief.push(Span::Plain(" has expired".into()));
    }
    head
}

fn ended(intent: &Intent, mark: &str, verb: &str, now: At) -> Head {
    let facts = &intent.facts;
    let good = if facts.never {
        "it had no end".to_owned()
    } else {
        match facts.ends {
            Some(end) if end <= now => format!("its end was {}", words::until(end, now)),
            Some(end) => format!("it was good until {}", words::until(end, now)),
            None => "how long it was good is not known".into(),
        }
    };
    let mut head = Head::plain(mark, who(intent), &format!("{verb}; {good}"), true);
    head.subject = format!("{}: {}", mark.to_uppercase(), super::plain(&who(intent)));
    head
}

fn rotation(intent: &Intent, due: Option<At>, now: At) -> Head {
    let schedule = schedule(intent);
    let Some(due) = intent.facts.rotation_due.or(due) else {
        return Head::plain("Rotation", who(intent), &format!("is to be rotated{schedule}"), false);
    };
    if due <= now {
        let verb = format!("was due for rotation{schedule}");
        return Head::dated("Rotation due".into(), who(intent), &verb, due, now).spoken_relative();
    }
    let mark = format!("Rotation in {}", words::ahead(due, intent.episode.finding.rung.as_ref(), now));
    Head::dated(mark, who(intent), &format!("is due for rotation{schedule}"), due, now)
}

fn rotation_missed(intent: &Intent, due: Option<At>, now: At) -> Head {
    let schedule = schedule(intent);
    match intent.facts.rotation_due.or(due) {
        Some(due) => {
            let verb = format!("was to be rotated{schedule}");
            Head::dated("Rotation missed".into(), who(intent), &verb, due, now).spoken_relative()
        }
        None => Head::plain("Rotation missed", who(intent), &format!("was not rotated{schedule}"), false),
    }
}

/// ` (every 90d)`.
fn schedule(intent: &Intent) -> String {
    intent.facts.schedule_text.as_ref().map(|text| format!(" ({text})")).unwrap_or_default()
}

impl Head {
    /// `NAME expires ABSOLUTE`, and the relative time for whoever says it behind.
    pub fn dated(mark: String, who: Vec<Span>, verb: &str, at: At, now: At) -> Self {
        let absolute = words::full(at, now);
        let subject = format!("{mark}: {} {verb} {absolute}", super::plain(&who));
        let mut headline = who.clone();
        headline.push(Span::Plain(format!(" {verb} ")));
        headline.push(Span::Strong(absolute));
        let mut brief = who;
        brief.push(Span::Plain(format!(" {verb} {}, {}", words::nearly(at, now), words::clock(at, now))));
        Self { mark, headline, relative: Some(words::relative(at, now)), subject, brief }
    }
    /// `NAME PREDICATE`; `loud`: the subject says the mark in capitals.
    pub fn plain(mark: &str, who: Vec<Span>, predicate: &str, loud: bool) -> Self {
        let spoken = if loud { mark.to_uppercase() } else { mark.to_owned() };
        let subject = format!("{spoken}: {} {predicate}", super::plain(&who));
        let mut headline = who;
        headline.push(Span::Plain(format!(" {predicate}")));
        Self { mark: mark.into(), brief: headline.clone(), headline, relative: None, subject }
    }
    /// For marks that do not count the time themselves: the headline does.
    fn spoken_relative(mut self) -> Self {
        if let Some(relative) = self.relative.take() {
            self.headline.push(Span::Plain(format!(", {relative}")));
        }
        self
    }
    fn tail(mut self, tail: Option<String>) -> Self {
        if let Some(tail) = tail {
            self.headline.push(Span::Plain(format!(" ({tail})")));
            self.brief.push(Span::Plain(format!(" ({tail})")));
            self.subject = format!("{} ({tail})", self.subject);
        }
        self
    }
}
