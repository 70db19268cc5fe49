//! From a group of intents to one message: which of them heads it, what the others become.
//!
//! One token: its most severe finding whole, the others as lines. Several: a list. Closings never head an open finding.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::head::{self, Head};
use super::listing::{self, Item};
use super::{ComposeCx, Line, Message, SUBJECT_PREFIX, Span, closing, parts};
use crate::domain::At;
use crate::domain::delivery::Intent;
use crate::domain::episode::Transition;
use crate::domain::finding::Severity;

/// One message for one reader, headed by the most severe. Relative times are as of `now`.
pub fn compose(group: &[Intent], now: At, cx: &ComposeCx) -> Message {
    let mut order: Vec<&Intent> = group.iter().collect();
    order.sort_by_key(|intent| urgency(intent));
    let mut tokens: Vec<Vec<&Intent>> = Vec::new();
    for intent in &order {
        match tokens.iter_mut().find(|of| of[0].facts.token == intent.facts.token) {
            Some(of) => of.push(intent),
            None => tokens.push(vec![intent]),
        }
    }
    let mut message = match tokens.as_slice() {
        [] => nothing(),
        [one] => token(one, now, cx),
        _ => several(&tokens, now),
    };
    message.data = data(&order);
    message
}

/// Open before closed, severe before mild, early before late; then stable by name.
fn urgency(intent: &Intent) -> (bool, Reverse<Severity>, At, String, crate::domain::finding::FindingKind) {
    let due = intent.episode.finding.due.unwrap_or(At::MAX_UTC);
    let severity = Reverse(intent.episode.severity);
    (intent.transition.is_closing(), severity, due, intent.facts.token.clone(), intent.episode.kind)
}

/// The head of an intent, whatever its transition.
fn head_of(intent: &Intent, now: At) -> Head {
    match intent.transition {
        Transition::Closed(how) => closing::head(intent, how, now),
        Transition::Opened
        | Transition::Rung(_)
        | Transition::Raised(_)
        | Transition::Reminder(_)
        | Transition::Reassigned => head::open(intent, now),
    }
}

/// All there is to say about one token.
fn token(intents: &[&Intent], now: At, cx: &ComposeCx) -> Message {
    let first = intents[0];
    let head = head_of(first, now);
    let mut lines = match first.transition {
        Transition::Closed(how) => closing::lines(first, how, now),
        _ => parts::lines(first, now),
    };
    lines.extend(others(&head, &intents[1..], now));
    if first.introduction {
        let looked = listing::looked_at(intents.iter().copied());
        lines.push(Line { lead: None, text: vec![Span::Plain(format!("This is from the {looked}"))] });
    }
    let closed = first.transition.is_closing();
    Message {
        subject: subject(first, &head),
        mark: head.mark.clone(),
        relative: head.relative.clone().filter(|_| !closed),
        headline: head.headline.clone(),
        lines,
        small_print: if closed { vec![first.episode.id.code()] } else { parts::small_print(first, now) },
        page: parts::page(first, cx),
        one_liners: vec![listing::one_liner(first, &head, now)],
        severity: if closed { Severity::Info } else { first.episode.severity },
        closing: closed,
        thread: first.episode.thread(),
        reply_to_subject: closed.then(|| earlier_subject(first)),
        event: event(first),
        data: Value::Null,
    }
}

fn subject(intent: &Intent, head: &Head) -> String {
    match parts::breaks_tail(intent) {
        Some(tail) if !intent.transition.is_closing() => format!("{SUBJECT_PREFIX}{}, {tail}", head.subject),
        _ => format!("{SUBJECT_PREFIX}{}", head.subject),
    }
}

/// The subject of what was last told of this episode, so that a closing joins its thread.
fn earlier_subject(intent: &Intent) -> String {
    let told = intent.episode.told.unwrap_or(intent.episode.since);
    let mut then = intent.clone();
    then.transition = Transition::Opened;
    subject(&then, &head::open(&then, told))
}

/// Further findings of the same token: one line each, said once.
fn others(head: &Head, intents: &[&Intent], now: At) -> Vec<Line> {
    let mut said = vec![super::plain(&head.headline)];
    let mut lines = Vec::new();
    for intent in intents {
        let other = head_of(intent, now);
        let text = super::plain(&other.headline);
        if said.contains(&text) {
            continue;
        }
        said.push(text);
        let mut spans = vec![Span::Plain("Also: ".into()), Span::Strong(other.mark), Span::Plain(" · ".into())];
        spans.extend(other.headline);
        spans.push(Span::Plain(format!(" · {}", intent.episode.id.code())));
        lines.push(Line { lead: None, text: spans });
    }
    lines
}

fn several(tokens: &[Vec<&Intent>], now: At) -> Message {
    let items: Vec<Item<'_>> = tokens
        .iter()
        .map(|of| Item { intent: of[0], head: head_of(of[0], now), others: of.len() - 1 })
        .collect();
    let listing = listing::listing(&items, now);
    let closed = items.iter().all(|item| item.intent.transition.is_closing());
    let severity = listing.one_liners[0].severity;
    let introduction = items.iter().any(|item| item.intent.introduction);
    Message {
        subject: listing.subject,
        mark: String::new(),
        headline: listing.headline,
        relative: None,
        lines: listing.lines,
        small_print: Vec::new(),
        page: None,
        one_liners: listing.one_liners,
        severity,
        closing: closed,
        thread: String::new(),
        reply_to_subject: None,
        event: if introduction { "introduction".into() } else { "several".into() },
        data: Value::Null,
    }
}

/// A group without intents is nobody's wish; it still gets words instead of a panic.
fn nothing() -> Message {
    Message {
        subject: format!("{SUBJECT_PREFIX}nothing to tell"),
        mark: String::new(),
        headline: vec![Span::Plain("nothing to tell".into())],
        relative: None,
        lines: Vec::new(),
        small_print: Vec::new(),
        page: None,
        one_liners: Vec::new(),
        severity: Severity::Info,
        closing: false,
        thread: String::new(),
        reply_to_subject: None,
        event: "several".into(),
        data: Value::Null,
    }
}

fn event(intent: &Intent) -> String {
    format!("{}.{}", intent.episode.kind, transition_name(&intent.transition))
}

fn transition_name(transition: &Transition) -> &'static str {
    match transition {
        Transition::Opened => "opened",
        Transition::Rung(_) => "rung",
        Transition::Raised(_) => "raised",
        Transition::Reminder(_) => "reminder",
        Transition::Reassigned => "reassigned",
        Transition::Closed(_) => "closed",
    }
}

/// One object an intent, absolute times only: a frozen body stays true however late it is sent.
fn data(intents: &[&Intent]) -> Value {
    json!({ "items": intents.iter().map(|intent| item(intent)).collect::<Vec<_>>() })
}

fn item(intent: &Intent) -> Value {
    let (episode, facts) = (&intent.episode, &intent.facts);
    let closed = match intent.transition {
        Transition::Closed(how) => Some(how),
        _ => None,
    };
    json!({
        "episode": episode.id,
        "code": episode.id.code(),
        "thread": episode.thread().replace('\u{1f}', "|"),
        "finding": episode.kind,
        "transition": transition_name(&intent.transition),
        "closed": closed,
        "severity": episode.severity,
        "at": intent.at,
        "since": episode.since,
        "due": episode.finding.due,
        "rung_seconds": episode.finding.rung.map(|rung| rung.before),
        "why": episode.finding.why,
        "token": facts.token,
        "collector": facts.collector,
        "issuer": facts.issuer,
        "kind": facts.kind,
        "team": facts.team,
        "owner": facts.owner,
        "schedule": facts.schedule,
        "pipelines": parts::pipelines(intent),
        "ends": facts.ends,
        "never": facts.never,
        "rotation_due": facts.rotation_due,
        "read_at": facts.read_at,
        "runbook": facts.runbook,
        "introduction": intent.introduction,
    })
}
