//! How it ended: rotated, extended, recovered … Each way its own honest sentence; none claims more than is known.

use super::head::{Head, who};
use super::{Line, Span, parts, why, words};
use crate::domain::At;
use crate::domain::delivery::{Before, Intent};
use crate::domain::episode::Closing;
use crate::domain::finding::FindingKind;

/// The head of a closing message.
pub fn head(intent: &Intent, how: Closing, now: At) -> Head {
    let mark = format!("Closed, {how}");
    if how == Closing::Extended {
        return Head::plain(&mark, who(intent), &extended(intent, now), false);
    }
    match (how, new_end(intent)) {
        (Closing::Rotated, Some(end)) => {
            let mut head = Head::dated(mark, who(intent), "is good until", end, now);
            let was = old_end(intent, now);
            for spans in [&mut head.headline, &mut head.brief] {
                spans.push(Span::Plain(was.clone()));
            }
            head.subject.push_str(&was);
            head
        }
        (Closing::Rotated, None) => Head::plain(&mark, who(intent), &rotated(intent, now), false),
        _ => Head::plain(&mark, who(intent), &sentence(intent, how, now), false),
    }
}

/// What stands below it.
pub fn lines(intent: &Intent, how: Closing, now: At) -> Vec<Line> {
    let mut lines = Vec::new();
    if how == Closing::Rotated {
        let copies = Span::Plain(format!("Copies: {}", copies(intent)));
        lines.push(Line { lead: None, text: vec![copies, Span::Apart, Span::Plain(old_value(intent, now))] });
        lines.push(parts::lead("Next", after_rotation(intent, now)));
    }
    lines
}

/// `1 of 1 replaced after the rotation`.
fn copies(intent: &Intent) -> String {
    let facts = &intent.facts;
    let all = facts.copies.len();
    let known = facts.copies.iter().filter(|copy| copy.replaced.is_some()).count();
    let new = |at: At| facts.rotated_at.is_none_or(|rotated| at >= rotated);
    let replaced = facts.copies.iter().filter_map(|copy| copy.replaced).filter(|at| new(*at)).count();
    match (all, known) {
        (0, _) => "not said".into(),
        (_, 0) => format!("{all} known; when they were replaced is not told"),
        (all, known) if known == all => format!("{replaced} of {all} replaced after the rotation"),
        (all, known) => {
            format!("{replaced} of {all} replaced after the rotation, of {} it is not told", all - known)
        }
    }
}

/// End of the value that is there now. The facts speak of it only if they also tell what was before.
fn new_end(intent: &Intent) -> Option<At> {
    intent.facts.before.as_ref().and(intent.facts.ends)
}

/// ` (was 1 Dec 2026)`.
fn old_end(intent: &Intent, now: At) -> String {
    let finding = &intent.episode.finding;
    let due =
        finding.due.filter(|_| !matches!(intent.episode.kind, FindingKind::RotationDue | FindingKind::RotationMissed));
    match &intent.facts.before {
        Some(Before { never: true, .. }) => " (was without an end)".into(),
        Some(Before { ends: Some(end), .. }) => format!(" (was {})", words::until(*end, now)),
        _ => match due {
            Some(due) => format!(" (was {})", words::until(due, now)),
            None => " (its old end was not known)".into(),
        },
    }
}

fn rotated(intent: &Intent, now: At) -> String {
    let was = old_end(intent, now);
    if intent.facts.never && intent.facts.before.is_some() {
        format!("was rotated; the new value never expires{was}")
    } else {
        format!("was rotated; when the new value ends is not known{was}")
    }
}

/// Semantics 1.8: always when the old value ends, and whether its use is known.
fn old_value(intent: &Intent, now: At) -> String {
    let Some(before) = &intent.facts.before else {
        return "old value: when it ends and whether it is used is not known".into();
    };
    if let Some(word) = &before.ended {
        let word = match word.as_str() {
            "absent" | "" => format!("no longer known to {}", why::issuer(&intent.facts)),
            "inactive" => "no longer active, by the issuer's word".into(),
            "expired" => "expired".into(),
            word => format!("{word} by the issuer"),
        };
        return format!("old value: {word}");
    }
    let end = match (before.never, before.ends) {
        (true, _) => "still works and never ends: revoke it".into(),
        (false, Some(end)) if end <= now => format!("ended {}", words::full(end, now)),
        (false, Some(end)) => format!("works until {}, {}", words::full(end, now), words::relative(end, now)),
        (false, None) => "when it ends is not known".into(),
    };
    let ended = before.ends.is_some_and(|end| end <= now) && !before.never;
    let using = match (ended, before.use_known) {
        (true, _) => "",
        (false, true) => "; its use is watched",
        (false, false) => "; whether something still uses it is not known",
    };
    format!("old value: {end}{using}")
}

/// `rotation due 22 Feb 2027 (quarterly), first reminder Fri 22 Jan`.
fn after_rotation(intent: &Intent, now: At) -> String {
    let facts = &intent.facts;
    let told = facts.next.as_ref().map(|(at, _)| words::soon(*at, now));
    let Some(due) = facts.rotation_due else {
        return match told {
            Some(told) => format!("first reminder {told}"),
            None => "no rotation is planned for it".into(),
        };
    };
    let schedule = facts.schedule.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    let told = told.map(|told| format!(", first reminder {told}")).unwrap_or_default();
    format!("rotation due {}{schedule}{told}", words::day(due))
}

fn extended(intent: &Intent, now: At) -> String {
    let facts = &intent.facts;
    let was = intent.episode.finding.due.map(|due| format!(" (was {})", words::full(due, now))).unwrap_or_default();
    match (facts.never, facts.ends) {
        (true, _) => format!("never expires now{was}"),
        (false, Some(end)) => format!("is good until {}{was}", words::full(end, now)),
        (false, None) => format!("was extended; until when is not known{was}"),
    }
}

fn sentence(intent: &Intent, how: Closing, now: At) -> String {
    match how {
        Closing::Rotated => rotated(intent, now),
        Closing::Extended => "was extended".into(),
        Closing::Recovered => recovered(intent),
        Closing::Fixed => match intent.episode.finding.due.filter(|due| *due <= now) {
            Some(ended) if intent.episode.kind == FindingKind::NotInjected => {
                format!(
                    "has no older value left: it ended {}; whatever still holds it fails now",
                    words::full(ended, now)
                )
            }
            _ => fixed(intent.episode.kind).into(),
        },
        Closing::Removed => "is gone, and nothing had used it: good".into(),
        Closing::Accepted => "may end: someone accepted it. Nothing more is said until it has a new value".into(),
        Closing::Superseded => "has another finding that says it better".into(),
        Closing::Reclassified => "is judged by another configuration now, under which this is no finding".into(),
        Closing::Abandoned => "ended and was not replaced for 30 days: nothing more is said of it".into(),
    }
}

/// What holds now; an exception closes a hygiene finding just as well.
fn fixed(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::BreaksDeploy => "no longer ends before a run that needs it",
        FindingKind::NotInjected => "is used with its new value only",
        FindingKind::OldGenerationAlive => "has no older value left that works",
        FindingKind::NeverExpires => "has an end now, or an exception",
        FindingKind::TooLongLived => "lives no longer than its policy allows, or has an exception",
        FindingKind::Unused => "is used again, or has an exception",
        FindingKind::OverScoped => "holds no more than its policy allows, or has an exception",
        FindingKind::Unmanaged => "has a policy now",
        FindingKind::Unowned => "has a team and a route now",
        FindingKind::StaticCopy => "is no long-lived static copy any more, or has an exception",
        FindingKind::TiedToPerson => "no longer depends on a person's account",
        FindingKind::Reused => "has a value of its own in each place",
        FindingKind::ExpiresSoon
        | FindingKind::ExpiresBeforeRotation
        | FindingKind::Expired
        | FindingKind::Revoked
        | FindingKind::Vanished
        | FindingKind::RotationDue
        | FindingKind::RotationMissed
        | FindingKind::Unverified
        | FindingKind::CollectorFailing
        | FindingKind::ChannelFailing => "is as it should be again",
    }
}

fn recovered(intent: &Intent) -> String {
    let facts = &intent.facts;
    match intent.episode.kind {
        FindingKind::CollectorFailing => {
            let host = if facts.host.is_empty() { "its issuer" } else { facts.host.as_str() };
            format!("reads {host} again")
        }
        FindingKind::ChannelFailing => "takes messages again".into(),
        FindingKind::Unverified => "was read again, and works".into(),
        _ => format!("works again, by the word of {}", why::issuer(facts)),
    }
}
