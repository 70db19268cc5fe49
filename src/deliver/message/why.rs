//! Why a finding stands, in words: a predicate that follows the name, or a remark for the small print.
//!
//! Both matches are whole, so that a new reason cannot be forgotten; each reason speaks in exactly one of the two.

use super::words;
use crate::domain::At;
use crate::domain::delivery::{Class, Facts};
use crate::domain::finding::Why;
use crate::domain::observation::Doubt;
use crate::domain::reason::FailureReason;

/// What is said of the token itself: `was used with an older value …`. `None`: the kind alone says it.
pub fn predicate(why: &Why, facts: &Facts, now: At) -> Option<String> {
    let text = match why {
        Why::Plain
        | Why::PastItsDate
        | Why::Flag { .. }
        | Why::Concluded { .. }
        | Why::CountedFromFirstSight { .. }
        | Why::Schedule { .. }
        | Why::BeforeRotation { .. } => return None,
        Why::OlderUsed { used, older, ends } => older_used(*used, *older, *ends, now),
        Why::TurnedBack => "holds an earlier value again; the newer one is not in use here".into(),
        Why::OlderAlive { count, ends, use_known } => older_alive(*count, *ends, *use_known, now),
        Why::Lifetime { is, allowed, at_least } => {
            let least = if *at_least { "at least " } else { "" };
            format!("lives {least}{}; allowed are {}", words::about(*is), words::about(*allowed))
        }
        Why::Scopes { outside } => match outside.as_slice() {
            [] => "holds more than its policy allows".into(),
            some => format!("holds more than its policy allows: {}", cut_list(some)),
        },
        Why::Doubt { doubt } => doubted(*doubt, facts),
        Why::Stale { since, was_to_end } => stale(*since, *was_to_end, now),
        Why::NoRoute => "would go unheard: no route carries a critical finding of it".into(),
        Why::Login { reason, since } | Why::Unread { reason, since } => {
            let since = format!("since {} ({})", words::clock(*since, now), words::span((now - *since).num_seconds()));
            format!("cannot read {} {since}: {}{}", host(facts), failure(*reason), detail(facts))
        }
        Why::Partial { listings, reason } => {
            let listings = words::count(*listings as usize, "listing");
            format!(
                "could not read {listings} of {} for three rounds: {}{}",
                host(facts),
                failure(*reason),
                detail(facts)
            )
        }
        Why::Breaker { class, dead } => breaker(*class, *dead, facts),
        Why::IdleRemoval { at } => format!(
            "is removed by {} for idleness {}, {}",
            issuer(facts),
            words::full(*at, now),
            words::relative(*at, now)
        ),
    };
    Some(text)
}

/// What the small print says of how it is known. `None`: nothing, or the headline said it.
pub fn remark(why: &Why, facts: &Facts, now: At) -> Option<String> {
    let text = match why {
        Why::Plain
        | Why::OlderUsed { .. }
        | Why::TurnedBack
        | Why::OlderAlive { .. }
        | Why::Lifetime { .. }
        | Why::Scopes { .. }
        | Why::Doubt { .. }
        | Why::Stale { .. }
        | Why::NoRoute
        | Why::Login { .. }
        | Why::Unread { .. }
        | Why::Partial { .. }
        | Why::Breaker { .. }
        | Why::IdleRemoval { .. } => return None,
        Why::PastItsDate => "concluded from its date".into(),
        Why::Flag { word } if word.is_empty() => format!("{} says so", issuer(facts)),
        Why::Flag { word } => format!("{} calls it {word}", issuer(facts)),
        Why::Concluded { .. } => "the issuer does not say who or why".into(),
        Why::CountedFromFirstSight { occurrences_missed } => {
            let missed = missed(*occurrences_missed).map(|m| format!("; {m}")).unwrap_or_default();
            format!("counted from first sight, the issuer tells no date of issue{missed}")
        }
        Why::Schedule { occurrences_missed } => return missed(*occurrences_missed),
        Why::BeforeRotation { rotation } => format!("its rotation is due {}", words::short(*rotation, now)),
    };
    Some(text)
}

fn missed(occurrences: u32) -> Option<String> {
    (occurrences > 1).then(|| format!("{occurrences} rotations missed"))
}

fn older_used(used: At, older: u32, ends: Option<At>, now: At) -> String {
    let whose = if older > 1 { format!("one of {older} older values") } else { "its old value".into() };
    let end = match ends {
        Some(end) => format!("the old one ends {}, {}", words::full(end, now), words::relative(end, now)),
        None => "when the old one ends is not known".into(),
    };
    format!("was used with {whose} ({}), after the new one was there; {end}", words::clock(used, now))
}

fn older_alive(count: u32, ends: Option<At>, use_known: bool, now: At) -> String {
    let end = ends.map(|end| format!("{}, {}", words::full(end, now), words::relative(end, now)));
    let alive = match (count, end) {
        (0 | 1, Some(end)) => format!("was rotated, but its old value works until {end}"),
        (0 | 1, None) => "was rotated, but its old value still works; when it ends is not known".into(),
        (n, Some(end)) => format!("was rotated, but {n} older values still work, the first until {end}"),
        (n, None) => format!("was rotated, but {n} older values still work; when they end is not known"),
    };
    let it = if count > 1 { "them" } else { "it" };
    let using = if use_known {
        format!("no use of {it} was seen since")
    } else {
        format!("whether something uses {it} is not known")
    };
    format!("{alive}; {using}")
}

fn doubted(doubt: Doubt, facts: &Facts) -> String {
    let issuer = issuer(facts);
    match doubt {
        Doubt::NeverActive => format!("was never active for {issuer}: a wrong or dead value, or the wrong issuer"),
        Doubt::OutOfSight => {
            "is out of sight: seen under an earlier login or scope, and not under the present one".into()
        }
        Doubt::UseLimited => "cannot be asked without using it up; whether it works is not known".into(),
        Doubt::Unreadable => format!("got an answer from {issuer} that does not tell whether or when it ends"),
    }
}

fn stale(since: At, was_to_end: Option<At>, now: At) -> String {
    let read = format!("not read since {}", words::clock(since, now));
    match was_to_end {
        Some(end) => format!("was to end {}, {read}: whether it still works is not known", words::full(end, now)),
        None => format!("was {read}: whether it still works is not known"),
    }
}

fn breaker(class: Class, dead: u32, facts: &Facts) -> String {
    let what = match class {
        Class::Ok => "gave messages up, though it takes others",
        Class::Retry => "cannot be reached, or fails again and again",
        Class::Throttled => "takes messages too slowly",
        Class::Broken => "refuses every message",
        Class::Recipient => "does not know a recipient",
        Class::Refused => "refuses what a message says",
        Class::Ambiguous => "does not say whether it takes messages",
    };
    let given_up = match dead {
        0 => String::new(),
        n => format!("; {} given up", words::count(n as usize, "message")),
    };
    format!("{what}{}{given_up}", detail(facts))
}

/// A failure in words, after a colon.
pub fn failure(reason: FailureReason) -> &'static str {
    match reason {
        FailureReason::LoginRefused => "its own login is refused",
        FailureReason::Forbidden => "its own login lacks a right",
        FailureReason::NotFound => "what it asks for is not there",
        FailureReason::RateLimited => "it is asked to wait",
        FailureReason::Http4xx => "its requests are refused",
        FailureReason::Http5xx => "the issuer fails",
        FailureReason::Timeout => "no answer in time",
        FailureReason::Connect => "no connection",
        FailureReason::Tls => "no trusted TLS connection",
        FailureReason::TooLarge => "an answer is too large",
        FailureReason::Decode => "an answer cannot be understood",
    }
}

/// The failure of a collector as a subject says it: `own login refused (401)`, `3 listings unread, own login lacks a right`.
pub fn cause(why: &Why, facts: &Facts) -> Option<String> {
    let (unread, reason) = match why {
        Why::Login { reason, .. } | Why::Unread { reason, .. } => (None, *reason),
        Why::Partial { listings, reason } => (Some(*listings), *reason),
        _ => return None,
    };
    let unread = unread.map(|n| format!("{} unread, ", words::count(n as usize, "listing"))).unwrap_or_default();
    let short = match reason {
        FailureReason::LoginRefused => "own login refused",
        FailureReason::Forbidden => "own login lacks a right",
        FailureReason::NotFound => "what it asks for is not there",
        FailureReason::RateLimited => "asked to wait",
        FailureReason::Http4xx => "requests refused",
        FailureReason::Http5xx => "the issuer fails",
        FailureReason::Timeout => "no answer in time",
        FailureReason::Connect => "no connection",
        FailureReason::Tls => "no trusted TLS",
        FailureReason::TooLarge => "answer too large",
        FailureReason::Decode => "answer not understood",
    };
    Some(format!("{unread}{short}{}", detail(facts)))
}

/// Since when a collector does not read.
pub fn unread_since(why: &Why) -> Option<At> {
    match why {
        Why::Login { since, .. } | Why::Unread { since, .. } => Some(*since),
        _ => None,
    }
}

/// Detail in parentheses, where there is a short one.
fn detail(facts: &Facts) -> String {
    match &facts.detail {
        Some(detail) if !detail.is_empty() => format!(" ({detail})"),
        _ => String::new(),
    }
}

/// By its title: `GitLab`.
pub fn issuer(facts: &Facts) -> &str {
    if !facts.issuer_title.is_empty() {
        return facts.issuer_title.as_str();
    }
    if facts.issuer.is_empty() { "the issuer" } else { facts.issuer.as_str() }
}

fn host(facts: &Facts) -> &str {
    if facts.host.is_empty() { issuer(facts) } else { facts.host.as_str() }
}

pub fn cut_list(names: &[crate::domain::text::Text]) -> String {
    const MOST: usize = 8;
    let shown: Vec<_> = names.iter().take(MOST).map(|name| name.as_str()).collect();
    match names.len().saturating_sub(MOST) {
        0 => words::list(&shown),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
