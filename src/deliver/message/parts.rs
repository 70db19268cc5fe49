//! The lines below the head of an open finding: breaks or covers, do, whose, next, small print.
//!
//! "Not said" instead of silence: a line stands even when nothing is known for it.

use super::{ComposeCx, Line, Note, Span, remedy, why, words};
use crate::domain::At;
use crate::domain::delivery::{Facts, Intent};
use crate::domain::episode::Transition;
use crate::domain::finding::{FindingKind, Severity, Why};
use crate::domain::key::PipelineId;

/// What a reader who knows nothing must be able to tell apart from "nothing breaks".
const NOT_SAID: &str = "not said";

pub fn lines(intent: &Intent, now: At) -> Vec<Line> {
    let mut lines = vec![affected(intent, now)];
    lines.push(Line { lead: Some("Do"), text: remedy::line(intent) });
    lines.push(Line { lead: Some("Whose"), text: whose(intent) });
    lines.push(lead("Next", next(intent, now)));
    lines
}

pub fn lead(lead: &'static str, text: String) -> Line {
    Line { lead: Some(lead), text: vec![Span::Plain(text)] }
}

/// Whether the end or state that a finding speaks of stops a pipeline; hygiene does not.
pub fn breaks(kind: FindingKind) -> bool {
    match kind {
        FindingKind::ExpiresSoon
        | FindingKind::ExpiresBeforeRotation
        | FindingKind::BreaksDeploy
        | FindingKind::Expired
        | FindingKind::Revoked
        | FindingKind::Vanished
        | FindingKind::NotInjected => true,
        FindingKind::RotationDue
        | FindingKind::RotationMissed
        | FindingKind::OldGenerationAlive
        | FindingKind::NeverExpires
        | FindingKind::TooLongLived
        | FindingKind::Unused
        | FindingKind::OverScoped
        | FindingKind::Unmanaged
        | FindingKind::Unowned
        | FindingKind::StaticCopy
        | FindingKind::Unverified
        | FindingKind::TiedToPerson
        | FindingKind::Reused
        | FindingKind::CollectorFailing
        | FindingKind::ChannelFailing => false,
    }
}

/// Pipelines of the finding, else of the token.
pub fn pipelines(intent: &Intent) -> &[PipelineId] {
    let found = &intent.episode.finding.breaks;
    if found.is_empty() { &intent.facts.pipelines } else { found }
}

/// `deploy-prod and nightly`, at most five by name.
pub fn pipeline_names(intent: &Intent) -> Option<String> {
    const MOST: usize = 5;
    let all = pipelines(intent);
    let mut names: Vec<String> = all.iter().take(MOST).map(ToString::to_string).collect();
    if all.len() > MOST {
        names.push(format!("{} more", all.len() - MOST));
    }
    (!names.is_empty()).then(|| words::list(&names))
}

/// What breaks, as it stands behind a headline: `breaks deploy-prod`, `breaks deploy-prod today 12:00 UTC`,
/// `blinds collector gitlab`, `40 tokens unread since 07:46 UTC`.
pub fn breaks_tail(intent: &Intent, now: At) -> Option<String> {
    let (kind, facts) = (intent.episode.kind, &intent.facts);
    if kind == FindingKind::CollectorFailing {
        let since = why::unread_since(&intent.episode.finding.why);
        let since = since.map(|since| format!(" since {}", words::clock(since, now))).unwrap_or_default();
        return facts.covers.map(|(tokens, _)| format!("{} unread{since}", words::count(tokens as usize, "token")));
    }
    if !breaks(kind) {
        return None;
    }
    match (pipeline_names(intent), blinds(facts)) {
        (Some(names), _) => Some(match run_ahead(intent, now) {
            Some((pipeline, at)) => format!("breaks {pipeline} {}", words::today(at, now)),
            None => format!("breaks {names}"),
        }),
        (None, Some(collector)) => Some(format!("blinds collector {collector}")),
        (None, None) => None,
    }
}

/// The next run that fails because the token ended already.
pub fn run_ahead(intent: &Intent, now: At) -> Option<(&PipelineId, At)> {
    let (pipeline, at) = intent.facts.next_run.as_ref()?;
    (is_broken(intent) && *at > now).then_some((pipeline, *at))
}

/// It ended, and nothing usable is left.
pub fn is_broken(intent: &Intent) -> bool {
    intent.episode.kind.is_ended() && intent.episode.severity == Severity::Critical
}

/// The collector that goes blind with its own login.
fn blinds(facts: &Facts) -> Option<&str> {
    if facts.own_login { facts.collector.as_deref() } else { None }
}

fn affected(intent: &Intent, now: At) -> Line {
    let facts = &intent.facts;
    let kind = intent.episode.kind;
    match kind {
        FindingKind::CollectorFailing => return lead("Covers", covers(facts, now)),
        FindingKind::ChannelFailing => {
            return lead("Covers", "every message that is routed to it; they wait, and its fallback is told".into());
        }
        _ => {}
    }
    let names = pipeline_names(intent);
    if !breaks(kind) {
        let seen = if kind == FindingKind::Unused && names.is_some() { ", says its policy" } else { "" };
        return lead("Used by", names.map_or_else(|| NOT_SAID.into(), |names| format!("{names}{seen}")));
    }
    let text = match (names, blinds(facts)) {
        (Some(names), _) if is_broken(intent) => broken(intent, &names, now),
        (Some(names), _) => format!("{names}{}", first_run(intent, now)),
        (None, Some(collector)) => format!("forewarn's own sight: collector {collector} cannot read without it"),
        (None, None) => format!("{NOT_SAID}: no policy names a pipeline for it"),
    };
    lead("Breaks", text)
}

/// `deploy-prod in 3 h: the run of Tue 24 Nov 12:00 UTC will fail`.
fn broken(intent: &Intent, names: &str, now: At) -> String {
    let Some((pipeline, at)) = run_ahead(intent, now) else { return format!("{names} now") };
    let others = if names == pipeline.as_str() { String::new() } else { format!("; also {names}") };
    format!("{pipeline} {}: the run of {} will fail{others}", words::nearly(at, now), words::short(at, now))
}

/// `: first run after it Tue 1 Dec 02:00 UTC`; a run that has begun by then is said as such.
fn first_run(intent: &Intent, now: At) -> String {
    let Some((pipeline, at)) = &intent.facts.first_run else { return String::new() };
    let of = if pipelines(intent).len() > 1 { format!(" of {pipeline}") } else { String::new() };
    let run = words::short(*at, now);
    match intent.episode.finding.due.or(intent.facts.ends) {
        Some(end) if *at < end => format!(": the run{of} that starts {run} is cut off by it"),
        _ => format!(": first run{of} after it {run}"),
    }
}

fn covers(facts: &Facts, now: At) -> String {
    let read = match facts.read_at {
        Some(read) => format!("judged on what was read at {}", words::clock(read, now)),
        None => "nothing of them was read yet".into(),
    };
    let Some((tokens, ending)) = facts.covers else {
        return format!("how many tokens is not known; {read}. A revocation would go unseen");
    };
    let ending = match ending {
        0 => "none of them ends within 7 days".to_owned(),
        1 => "1 of them ends within 7 days".into(),
        n => format!("{n} of them end within 7 days"),
    };
    format!("{}, {read}; {ending}. A revocation would go unseen", words::count(tokens as usize, "token"))
}

fn whose(intent: &Intent) -> Vec<Span> {
    let facts = &intent.facts;
    let ours =
        facts.own_login || matches!(intent.episode.kind, FindingKind::CollectorFailing | FindingKind::ChannelFailing);
    let team = match (&facts.team, &facts.owner) {
        (Some(team), _) if ours => format!("{team} (owner of forewarn)"),
        (Some(team), _) => team.to_string(),
        (None, _) if ours => "whoever runs forewarn".into(),
        (None, Some(owner)) if !owner.is_empty() => format!("{NOT_SAID}; {} names {owner}", why::issuer(facts)),
        (None, _) => NOT_SAID.into(),
    };
    let by = if facts.by_hand { "by hand" } else { "by machine" };
    let by = if facts.schedule.is_some() { format!(", {by}") } else { String::new() };
    let born = match (facts.rotated_at, facts.issued) {
        (Some(rotated), _) => Some(format!("last rotated {}{by}", words::day(rotated))),
        (None, issued) => issued.map(|issued| format!("issued {}{by}", words::day(issued))),
    };
    let told = facts.told_too.as_ref().map(|(reader, why)| format!("told too: {reader} ({why})"));
    let mut spans = vec![Span::Plain(team)];
    for said in [told, born].into_iter().flatten() {
        spans.extend([Span::Apart, Span::Plain(said)]);
    }
    spans
}

/// When something more is told. For reminders (no word of why) the rhythm of semantics 9.3 is said with it.
pub fn next(intent: &Intent, now: At) -> String {
    let until_critical =
        intent.episode.kind == FindingKind::CollectorFailing && intent.episode.severity < Severity::Critical;
    if let (true, Some((tokens, _))) = (until_critical, intent.facts.covers) {
        return match tokens {
            0 => "critical after 24 h".into(),
            1 => "critical after 24 h, or when its token is 24 h from its deadline".into(),
            tokens => format!(
                "critical after 24 h, or when one of the {tokens} is 24 h from its deadline. This message stands for all {tokens}"
            ),
        };
    }
    if intent.episode.kind == FindingKind::ChannelFailing && intent.episode.severity < Severity::Critical {
        return "critical after 1 h".into();
    }
    match &intent.facts.next {
        None => "nothing more before it changes".into(),
        Some((at, what)) if !what.is_empty() => format!("{} ({what})", words::soon(*at, now)),
        Some((at, _)) if is_step(intent, *at) => words::soon(*at, now),
        Some((at, _)) if intent.episode.severity == Severity::Critical => {
            let then = match intent.episode.reminders {
                0 => "after 3 and 7 days",
                1 => "after 7 days",
                _ => "weekly",
            };
            format!("again {}, then {then}", words::soon(*at, now))
        }
        Some((at, _)) if intent.episode.finding.rung.is_none() => format!("again {}", words::soon(*at, now)),
        Some((at, _)) => words::soon(*at, now),
    }
}

/// The next step of the ladder, or the end itself; not a reminder.
fn is_step(intent: &Intent, at: At) -> bool {
    let finding = &intent.episode.finding;
    let ahead = !intent.episode.kind.is_ended();
    ahead && (finding.due == Some(at) || finding.ladder.iter().any(|rung| rung.at == at))
}

pub fn small_print(intent: &Intent, now: At) -> Vec<Note> {
    let finding = &intent.episode.finding;
    let facts = &intent.facts;
    let mut print: Vec<String> = Vec::new();
    if let Some(rung) = &finding.rung {
        print.push(words::step(rung, &finding.ladder));
    }
    let remark = why::remark(&finding.why, facts, now);
    match (seen(intent, now), remark) {
        (Some(seen), Some(remark)) => print.push(format!("{seen}; {remark}")),
        (seen, remark) => print.extend(seen.or(remark)),
    }
    print.extend(occasion(intent, now));
    if intent.episode.flapping {
        print.push("opened three times within 24 h: stays open until it was quiet for 24 h".into());
    }
    let mut print: Vec<Note> = print.into_iter().map(Note::from).collect();
    let said = matches!(finding.why, Why::Stale { .. }) || intent.episode.kind == FindingKind::CollectorFailing;
    if !said && !intent.episode.kind.is_ended() {
        print.extend(facts.read_at.map(|read| read_note(facts, &words::nearly(read, now))));
    }
    print.push(intent.episode.id.code().into());
    print
}

fn read_note(facts: &Facts, when: &str) -> Note {
    let from = facts.collector.as_ref().map(|collector| format!("from {collector} ")).unwrap_or_default();
    Note { short: format!("read {when}"), long: format!("read {from}{when}") }
}

/// `seen working 08:46, not working 09:01 UTC`.
fn seen(intent: &Intent, now: At) -> Option<String> {
    // An end that only its date tells was not seen: whether the value still works was not asked.
    let asked = intent.episode.kind.is_ended() && intent.episode.finding.why != Why::PastItsDate;
    let good = intent.facts.seen_good.filter(|_| asked)?;
    let gone = words::clock(intent.episode.since, now);
    let mut good = words::clock(good, now);
    if !gone.contains(' ') || good.matches(' ').count() == gone.matches(' ').count() {
        good.truncate(good.len() - " UTC".len());
    }
    Some(format!("seen working {good}, not working {gone}"))
}

/// Why it is told now, where the head does not say it.
fn occasion(intent: &Intent, now: At) -> Option<String> {
    let since = words::short(intent.episode.since, now);
    match intent.transition {
        Transition::Opened | Transition::Rung(_) | Transition::Closed(_) => None,
        Transition::Raised(severity) => Some(format!("raised to {severity}")),
        Transition::Reminder(nth) => Some(format!("reminder {nth}, open since {since}")),
        Transition::Reassigned => Some(format!("open since {since}; you are told because the configuration changed")),
    }
}

/// `<external>/t/<token>`; a collector's or channel's finding has no token page.
pub fn page(intent: &Intent, cx: &ComposeCx) -> Option<String> {
    let base = cx.external_url.as_deref()?.trim_end_matches('/');
    match intent.episode.kind {
        FindingKind::CollectorFailing | FindingKind::ChannelFailing => None,
        _ => Some(format!("{base}/t/{}", percent(&intent.facts.token))),
    }
}

/// Everything but unreserved characters and the slash, byte by byte (RFC 3986, 2.1).
pub fn percent(path: &str) -> String {
    path.bytes().fold(String::with_capacity(path.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_path_whatever_it_holds() {
        assert_eq!(percent("gitlab/platform/renovate"), "gitlab/platform/renovate");
        assert_eq!(percent("a b?c#d%/ä\"<"), "a%20b%3Fc%23d%25/%C3%A4%22%3C");
    }
}
