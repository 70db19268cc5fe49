//! Messages about several tokens: a head with counts, then one line each, most urgent first, cut at twenty.

use super::head::Head;
use super::{Line, OneLiner, SUBJECT_PREFIX, Span, parts, words};
use crate::domain::At;
use crate::domain::delivery::Intent;
use crate::domain::finding::{FindingKind, Severity};

/// Lines of a list; the rest is a number.
pub const MOST: usize = 20;

/// One token of a list: its most urgent intent, already headed.
pub struct Item<'a> {
    pub intent: &'a Intent,
    pub head: Head,
    /// Further findings of the same token.
    pub others: usize,
}

/// Head, lines and one-liners of a list.
pub struct Listing {
    pub subject: String,
    pub headline: Vec<Span>,
    pub lines: Vec<Line>,
    pub one_liners: Vec<OneLiner>,
}

pub fn listing(items: &[Item<'_>], now: At) -> Listing {
    let title = title(items, now);
    let (told, counted): (Vec<_>, Vec<_>) = items.iter().partition(|item| !is_counted(item.intent));
    let mut lines: Vec<Line> = told.iter().take(MOST).map(|item| Line { lead: None, text: line(item, now) }).collect();
    if told.len() > MOST {
        lines.push(words_line(format!("and {} more", told.len() - MOST)));
    }
    let counted = counted_lines(&counted);
    let mut one_liners = vec![OneLiner { severity: worst(items), text: title.clone() }];
    one_liners.extend(told.iter().take(MOST).map(|item| one_liner(item.intent, &item.head, now)));
    if told.len() > MOST {
        one_liners.push(OneLiner { severity: worst(items), text: format!("and {} more", told.len() - MOST) });
    }
    one_liners.extend(counted.iter().map(|text| OneLiner { severity: Severity::Info, text: text.clone() }));
    lines.extend(counted.into_iter().map(words_line));
    Listing { subject: format!("{SUBJECT_PREFIX}{title}"), headline: vec![Span::Plain(title)], lines, one_liners }
}

/// The whole of one token's message on one line.
pub fn one_liner(intent: &Intent, head: &Head, now: At) -> OneLiner {
    let mut text = format!("{}.", super::plain(&head.brief));
    let severity = intent.episode.severity;
    if intent.transition.is_closing() {
        return OneLiner { severity: Severity::Info, text: format!("{}: {text}", head.mark) };
    }
    if let Some(breaks) = parts::breaks_tail(intent, now) {
        let at_once = parts::is_broken(intent) && parts::run_ahead(intent, now).is_none();
        text.push_str(&format!(" {}{}.", words::capital(&breaks), if at_once { " now" } else { "" }));
    } else if parts::breaks(intent.episode.kind) {
        text.push_str(" Breaks: not said.");
    }
    if let Some((at, _)) = &intent.facts.next {
        text.push_str(&format!(" Next: {}.", words::soon(*at, now)));
    }
    let how = intent.facts.rotate.as_str().trim().trim_end_matches('.');
    if intent.episode.kind.is_ended() && !how.is_empty() {
        text.push_str(&format!(" {how}."));
    }
    OneLiner { severity, text }
}

fn title(items: &[Item<'_>], now: At) -> String {
    let introduction = items.iter().any(|item| item.intent.introduction);
    if introduction {
        let told = items.iter().filter(|item| !is_counted(item.intent)).count();
        return words::capital(&introduction_title(items, told));
    }
    let closed = items.iter().filter(|item| item.intent.transition.is_closing()).count();
    let open: Vec<_> = items.iter().filter(|item| !is_counted(item.intent) && !is_closed(item)).collect();
    let tail = tail(items, &open, closed, now);
    let title = match open.as_slice() {
        [] if closed == 0 => format!("{} without a policy or a team", words::count(items.len(), "token")),
        [] => format!("{} closed", words::count(closed, "finding")),
        // One that needs someone is told as if it came alone.
        [one] => return alone(one, closed, now),
        several => {
            let names: Vec<&str> = several.iter().map(|item| item.intent.facts.token.as_str()).collect();
            let title = format!("{} {}{}", words::count(several.len(), "token"), need(several.len()), counts(items));
            let named = format!("{title}: {}", words::list(&names));
            let short = named.chars().count() + tail.chars().count() <= PHONE;
            if names.len() <= NAMED && short { named } else { title }
        }
    };
    format!("{title}{tail}")
}

/// What closed, and what breaks or ends first.
fn tail(items: &[Item<'_>], open: &[&Item<'_>], closed: usize, now: At) -> String {
    let closed = if closed > 0 && !open.is_empty() { format!(", {closed} closed") } else { String::new() };
    let ahead = open.iter().filter_map(|item| parts::run_ahead(item.intent, now)).min_by_key(|(_, at)| *at);
    let broken = open.iter().find(|item| parts::is_broken(item.intent) && parts::pipeline_names(item.intent).is_some());
    let first = match (ahead, broken.and_then(|item| parts::breaks_tail(item.intent, now))) {
        (Some((pipeline, at)), _) => format!("; breaks {pipeline} {}", words::today(at, now)),
        (None, Some(breaks)) => format!("; {breaks} now"),
        (None, None) => match first_due(items, now) {
            Some(first) => format!("; first {}", words::short(first, now)),
            None => String::new(),
        },
    };
    format!("{closed}{first}")
}

/// So many tokens are named in the title itself, if a phone shows all of it.
const NAMED: usize = 3;
const PHONE: usize = 150;

fn is_closed(item: &Item<'_>) -> bool {
    item.intent.transition.is_closing()
}

fn alone(item: &Item<'_>, closed: usize, now: At) -> String {
    let breaks = parts::breaks_tail(item.intent, now).map(|breaks| format!(", {breaks}")).unwrap_or_default();
    match closed {
        0 => format!("{}{breaks}", item.head.subject),
        closed => format!("{}{breaks}, and {closed} closed", item.head.subject),
    }
}

fn need(tokens: usize) -> &'static str {
    if tokens == 1 { "needs someone" } else { "need someone" }
}

/// `first look at collector gitlab: 412 tokens watched, 3 need someone: 1 critical, 2 warning`.
fn introduction_title(items: &[Item<'_>], told: usize) -> String {
    let looked = looked_at(items.iter().map(|item| item.intent));
    let watched = items.iter().find_map(|item| item.intent.facts.covers).map(|(tokens, _)| tokens as usize);
    let counts = counts(items);
    match watched {
        Some(watched) if told == 0 => {
            format!("{looked}: {} watched, none needs someone", words::count(watched, "token"))
        }
        Some(watched) => format!("{looked}: {} watched, {told} {}{counts}", words::count(watched, "token"), need(told)),
        None if told == 0 => format!("{looked}: no token needs someone"),
        None => format!("{looked}: {} {}{counts}", words::count(told, "token"), need(told)),
    }
}

/// `first look at collector gitlab`.
pub fn looked_at<'a>(intents: impl Iterator<Item = &'a Intent>) -> String {
    let mut collectors: Vec<&str> = intents.filter_map(|intent| intent.facts.collector.as_deref()).collect();
    collectors.sort_unstable();
    collectors.dedup();
    match collectors.as_slice() {
        [] => "first look".into(),
        [one] => format!("first look at collector {one}"),
        some if some.len() <= 3 => format!("first look at collectors {}", words::list(some)),
        many => format!("first look at {} collectors", many.len()),
    }
}

/// `: 2 critical, 3 warning`; nothing when there is only one severity to tell.
fn counts(items: &[Item<'_>]) -> String {
    let of = |severity| {
        let counts = |item: &&Item<'_>| {
            !item.intent.transition.is_closing() && !is_counted(item.intent) && item.intent.episode.severity == severity
        };
        items.iter().filter(counts).count()
    };
    let told: Vec<_> = [Severity::Critical, Severity::Warning, Severity::Info]
        .into_iter()
        .map(|severity| (of(severity), severity))
        .filter(|(n, _)| *n > 0)
        .map(|(n, severity)| format!("{n} {severity}"))
        .collect();
    if told.is_empty() { String::new() } else { format!(" ({})", told.join(", ")) }
}

/// The next instant ahead at which one of them ends.
fn first_due(items: &[Item<'_>], now: At) -> Option<At> {
    let open = items.iter().filter(|item| !item.intent.transition.is_closing());
    open.filter_map(|item| item.intent.episode.finding.due).filter(|due| *due > now).min()
}

fn line(item: &Item<'_>, now: At) -> Vec<Span> {
    let mut spans = vec![Span::Strong(marker(item)), Span::Plain(" ".into())];
    spans.extend(item.head.brief.iter().cloned());
    let intent = item.intent;
    if !intent.transition.is_closing() {
        let mut tail = Vec::new();
        tail.extend(parts::breaks_tail(intent, now));
        tail.extend(intent.facts.team.as_ref().map(|team| format!("team {team}")));
        if item.others > 0 {
            tail.push(format!("and {}", words::count(item.others, "more finding")));
        }
        spans.extend((!tail.is_empty()).then(|| Span::Plain(format!("; {}", tail.join("; ")))));
    }
    spans.extend([Span::Apart, Span::Plain(intent.episode.id.code())]);
    spans
}

fn marker(item: &Item<'_>) -> String {
    if item.intent.transition.is_closing() { item.head.mark.clone() } else { item.intent.episode.severity.to_string() }
}

/// Semantics 2.4: told as one line a collector with a count.
fn is_counted(intent: &Intent) -> bool {
    matches!(intent.episode.kind, FindingKind::Unmanaged | FindingKind::Unowned)
        && !intent.transition.is_closing()
        && intent.episode.severity == Severity::Info
}

fn counted_lines(items: &[&Item<'_>]) -> Vec<String> {
    let mut counts = std::collections::BTreeMap::<(&str, FindingKind), usize>::new();
    for item in items {
        let collector = item.intent.facts.collector.as_deref().unwrap_or("no collector");
        *counts.entry((collector, item.intent.episode.kind)).or_default() += 1;
    }
    let words = |kind| if kind == FindingKind::Unowned { "without a team" } else { "without a policy" };
    counts.into_iter().map(|((of, kind), n)| format!("{} of {of} {}", words::count(n, "token"), words(kind))).collect()
}

fn words_line(text: String) -> Line {
    Line { lead: None, text: vec![Span::Plain(text)] }
}

fn worst(items: &[Item<'_>]) -> Severity {
    let open = items.iter().filter(|item| !item.intent.transition.is_closing());
    open.map(|item| item.intent.episode.severity).max().unwrap_or(Severity::Info)
}
