//! The first line of an open finding: its mark, its sentence, and the same words for subjects and one-liners.
//!
//! One arm for each kind, whole, so that a new kind cannot be forgotten.

use super::{Span, why, words};
use crate::domain::At;
use crate::domain::delivery::{Facts, Intent};
use crate::domain::episode::{Subject, Transition};
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
    let mut head = of_kind(intent, now);
    // Semantics 9.3, 9.5: who reads only the first line must see why the same thing is told again.
    head = match intent.transition {
        Transition::Raised(severity) => head.told_again(&format!("now {severity}")),
        Transition::Reminder(nth) => head.told_again(&format!("reminder {nth}")),
        Transition::Reassigned => head.told_again("now yours"),
        Transition::Opened | Transition::Rung(_) | Transition::Closed(_) => head,
    };
    if intent.episode.flapping { head.told_again("comes and goes") } else { head }
}

fn of_kind(intent: &Intent, now: At) -> Head {
    let facts = &intent.facts;
    let finding = &intent.episode.finding;
    let kind = intent.episode.kind;
    let due = finding.due.or(facts.ends);
    let told = why::predicate(&finding.why, facts, now);
    let plain = |mark: &str, otherwise: &str| {
        let head = Head::plain(mark, who(intent), told.as_deref().unwrap_or(otherwise), false);
        // A subject has no room for the whole of a long reason.
        match &told {
            Some(told) if told.len() > ROOM => head.titled(&format!("{mark}: {} {otherwise}", title(intent))),
            _ => head,
        }
    };
    match kind {
        FindingKind::ExpiresSoon => expires(intent, due, frozen(facts), now),
        FindingKind::ExpiresBeforeRotation => expires(intent, due, before_rotation(intent, due), now),
        FindingKind::BreaksDeploy => expires(intent, due, Some(needed(facts, now)), now),
        FindingKind::Expired => expired(intent, due, now),
        FindingKind::Revoked => ended(intent, "Revoked", "no longer works", now),
        FindingKind::Vanished => ended(intent, "Gone", &format!("is no longer known to {}", why::issuer(facts)), now),
        FindingKind::RotationDue => rotation(intent, due, now),
        FindingKind::RotationMissed => rotation_missed(intent, due, now),
        FindingKind::NotInjected => {
            plain("Old value in use", &format!("is still used with its old value{}", old_end(&finding.why, now)))
        }
        FindingKind::OldGenerationAlive => plain(
            "Old value alive",
            &format!("was rotated, but its old value still works{}", old_end(&finding.why, now)),
        ),
        FindingKind::NeverExpires => plain("Never expires", "has no end, and no exception is written"),
        FindingKind::TooLongLived => plain("Lives too long", "lives longer than its policy allows"),
        FindingKind::Unused => plain("Unused", &unused(facts, now)),
        FindingKind::OverScoped => plain("Holds too much", "holds more than its policy allows"),
        FindingKind::Unmanaged => plain("No policy", "is watched, but no policy speaks of it"),
        FindingKind::Unowned => plain("No team", "has no team: nobody would be told"),
        FindingKind::StaticCopy => plain("Static copy", "is long-lived and lies in a place meant for static copies"),
        FindingKind::Unverified => plain("Not known", "could not be checked: whether it works is not known"),
        FindingKind::TiedToPerson => plain("Tied to a person", "serves a pipeline, but belongs to a person's account"),
        FindingKind::Reused => plain("Reused", "has a value that is used in more than one place"),
        FindingKind::CollectorFailing => blind(intent, told.as_deref()),
        FindingKind::ChannelFailing => {
            Head::plain("Channel down", who(intent), told.as_deref().unwrap_or("does not take messages"), true)
        }
    }
}

/// `was last used 24 Apr 2026, 214 days ago`.
fn unused(facts: &Facts, now: At) -> String {
    match facts.last_used {
        Some(used) => format!("was last used {}, {}", words::day(used.at), words::nearly(used.at, now)),
        None => "was not used for longer than its policy says".into(),
    }
}

/// `, which ends Tue 1 Dec 2026 00:00 UTC`.
fn old_end(why: &Why, now: At) -> String {
    match why {
        Why::OlderUsed { ends: Some(end), .. } => format!(", which ends {}", words::full(*end, now)),
        Why::OlderAlive { ends: Some(end), .. } => format!(" until {}", words::full(*end, now)),
        _ => String::new(),
    }
}

/// Bytes of a predicate that a subject has room for.
const ROOM: usize = 90;

/// [`who`] for a subject.
pub fn title(intent: &Intent) -> String {
    words::shortened(&super::plain(&who(intent)), 90)
}

/// `BLIND: collector gitlab, own login refused (401)`.
fn blind(intent: &Intent, told: Option<&str>) -> Head {
    let why = &intent.episode.finding.why;
    let mark = if matches!(why, Why::Partial { .. }) { "Partly blind" } else { "Blind" };
    let head = Head::plain(mark, who(intent), told.unwrap_or("cannot read its issuer"), true);
    let Some(cause) = why::cause(why, &intent.facts) else { return head };
    let mut brief = who(intent);
    brief.push(Span::Plain(format!(" is {}: {cause}", mark.to_lowercase())));
    Head { brief, ..head.titled(&format!("{}: {}, {cause}", mark.to_uppercase(), title(intent))) }
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

/// `inside "year end"`.
fn frozen(facts: &Facts) -> Option<String> {
    facts.freeze.as_ref().map(|(_, name)| format!("inside \"{name}\""))
}

/// `the run of Wed 25 Nov 02:00 UTC needs it`.
fn needed(facts: &Facts, now: At) -> String {
    match &facts.first_run {
        Some((_, at)) => format!("the run of {} needs it", words::short(*at, now)),
        None => "before the end of a run that needs it".into(),
    }
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
    head.subject = format!("EXPIRED: {}, {}", title(intent), words::full(due, now));
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
    head.subject = format!("{}: {}", mark.to_uppercase(), title(intent));
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
        let subject = format!("{mark}: {} {verb} {absolute}", words::shortened(&super::plain(&who), 90));
        let mut headline = who.clone();
        headline.push(Span::Plain(format!(" {verb} ")));
        headline.push(Span::Strong(absolute));
        let (near, clock) = (words::nearly(at, now), words::clock(at, now));
        let mut brief = who;
        // "good until in 3 min" is no English.
        brief.push(Span::Plain(match verb.ends_with(" until") {
            true => format!(" {verb} {clock}, {near}"),
            false => format!(" {verb} {near}, {clock}"),
        }));
        Self { mark, headline, relative: Some(words::relative(at, now)), subject, brief }
    }
    /// `NAME PREDICATE`; `loud`: the subject says the mark in capitals.
    pub fn plain(mark: &str, who: Vec<Span>, predicate: &str, loud: bool) -> Self {
        let spoken = if loud { mark.to_uppercase() } else { mark.to_owned() };
        let subject = format!("{spoken}: {} {predicate}", words::shortened(&super::plain(&who), 90));
        let mut headline = who;
        headline.push(Span::Plain(format!(" {predicate}")));
        Self { mark: mark.into(), brief: headline.clone(), headline, relative: None, subject }
    }
    /// `Revoked, reminder 2`: in the mark, in the subject, and behind a one-liner.
    fn told_again(mut self, why: &str) -> Self {
        // Subjects begin with the mark, some of them in capitals.
        let rest = self.subject.get(self.mark.len()..).unwrap_or_default();
        self.subject = format!("{}, {why}{rest}", &self.subject[..self.subject.len() - rest.len()]);
        self.mark = format!("{}, {why}", self.mark);
        self.brief.push(Span::Plain(format!(" ({why})")));
        self
    }
    fn titled(mut self, subject: &str) -> Self {
        self.subject = subject.into();
        self
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
