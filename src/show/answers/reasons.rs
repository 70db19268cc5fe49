//! The arithmetic of a deadline and of what breaks, in sentences (semantics 5, 6, 12.5). Pure.

use super::shapes::Said;
use crate::deliver::message::words;
use crate::domain::At;
use crate::domain::finding::{DeadlineReason, FindingKind, SafeUntil, Standing, TokenState};
use crate::domain::key::PipelineId;
use crate::domain::token::{Expiry, Generation, Token};
use crate::judge::evaluate::arithmetic::{Counted, Rotation};
use crate::judge::world::World;

const DAY: i64 = 86_400;

fn said(what: &str, text: String, at: Option<At>) -> Said {
    Said { what: what.into(), text, at }
}

/// What wins, and by how much what else there is comes later.
pub fn deadline(world: &World, token: &Token<'_>, standing: &Standing, now: At) -> Vec<Said> {
    let shown = token.current(now).or_else(|| token.head());
    let rotation = world.rotation(token, now);
    let mut all = Vec::new();
    match standing.deadline {
        Some((at, reason)) => {
            let told =
                format!("{}, {}: {}", words::full(at, now), words::relative(at, now), by(reason, shown, standing));
            all.push(said("deadline", told, Some(at)));
        }
        None => all.push(said("deadline", none(shown, standing, rotation.is_some()), None)),
    }
    let ended = matches!(standing.deadline, Some((_, DeadlineReason::Ended)));
    let end = shown.and_then(Generation::end);
    let first = standing.deadline;
    match first {
        Some((_, DeadlineReason::Rotation | DeadlineReason::OldGeneration)) => {
            all.extend(end.map(|end| said("expiry", its_expiry(end, shown, now), Some(end))));
        }
        Some((_, DeadlineReason::Ended)) => {
            let other = end.filter(|end| Some(*end) != first.map(|(at, _)| at));
            all.extend(other.map(|end| said("expiry", format!("was good until {}", words::full(end, now)), Some(end))));
        }
        _ => {}
    }
    if let Some(rotation) = rotation.filter(|_| !ended) {
        all.push(said("rotation", scheduled(&rotation, end, now), Some(rotation.due)));
    }
    all
}

fn by(reason: DeadlineReason, shown: Option<&Generation>, standing: &Standing) -> String {
    match reason {
        DeadlineReason::Expiry => format!("its expiry{}", remark(shown)),
        DeadlineReason::Run => "the last run that ends before its expiry".into(),
        DeadlineReason::OldGeneration => "the end of an older value, which is still in use".into(),
        DeadlineReason::IdleRemoval => "its issuer removes it, because it is not used".into(),
        DeadlineReason::MaxAge => "it reaches the age that its policy allows".into(),
        DeadlineReason::Rotation => "its rotation".into(),
        DeadlineReason::Ended => match standing.state {
            TokenState::Revoked => "it was revoked".into(),
            TokenState::Vanished => "it is gone from its issuer".into(),
            _ => format!("it has expired{}", remark(shown)),
        },
    }
}

/// How the end is meant, where it is not simply an instant.
fn remark(shown: Option<&Generation>) -> &'static str {
    let Some(generation) = shown else { return "" };
    match generation.expires {
        Expiry::At(end) if generation.hard_stop.is_some_and(|stop| stop <= end.instant) => {
            " (no renewal moves it any more)"
        }
        Expiry::At(end) if end.date_only() => " (a date only, taken at its first minute)",
        Expiry::At(_) if generation.sliding() => " (each renewal moves it)",
        _ => "",
    }
}

fn none(shown: Option<&Generation>, standing: &Standing, scheduled: bool) -> String {
    let schedule = if scheduled { "" } else { ", and no policy gives it a schedule" };
    match shown {
        _ if standing.state == TokenState::Unverified => format!("not known: it could not be verified{schedule}"),
        Some(generation) if generation.sliding() && generation.end().is_some() => {
            "none: its expiry slides, and a renewal is in time".into()
        }
        _ if standing.never => format!("none: it never expires{schedule}"),
        _ => format!("not known: its issuer tells no end{schedule}"),
    }
}

fn its_expiry(end: At, shown: Option<&Generation>, now: At) -> String {
    format!("{}, {}{}", words::full(end, now), words::relative(end, now), remark(shown))
}

/// `due Tue 1 Dec 14:10 UTC (2 Sep + 90d, quarterly), 14 h too late: the schedule does not save it`.
fn scheduled(rotation: &Rotation, end: Option<At>, now: At) -> String {
    let schedule = &rotation.schedule;
    let text = schedule.text.strip_prefix("every ").map(|every| format!("+ {every}"));
    let from = match rotation.counted {
        Counted::FromIssue | Counted::FromRotation => words::day(rotation.anchor),
        Counted::FromFirstSight => format!("{}, when it was first seen,", words::day(rotation.anchor)),
    };
    let sum = match text {
        Some(every) => format!("{from} {every}"),
        None => format!("{}, after {from}", schedule.text),
    };
    let due = format!("due {} ({sum}, {})", words::short(rotation.due, now), schedule.id);
    if rotation.limit <= now {
        return format!("{due}: missed since {}", words::short(rotation.limit, now));
    }
    let Some(end) = end else { return due };
    let saved = (end - rotation.deadline).num_seconds();
    if saved == 0 {
        return format!("{due}, at the instant it expires: no time is left");
    }
    if saved < 0 {
        return format!("{due}, {} too late: the schedule does not save it", late(saved));
    }
    let by_hand = if schedule.by_hand { "whoever rotates it then" } else { "a machine that rotates it then" };
    format!("{due}, {} before it expires: {by_hand} is in time", late(saved))
}

fn late(seconds: i64) -> String {
    if seconds.abs() < 2 * DAY { words::about(seconds) } else { words::span(seconds) }
}

/// One line a pipeline.
pub fn breaks(world: &World, pipelines: &[PipelineId], standing: &Standing, now: At) -> Vec<Said> {
    if pipelines.is_empty() {
        return vec![said("", "not said: no policy names a pipeline for it".into(), None)];
    }
    let text = match (standing.usable, standing.safe_until) {
        (false, SafeUntil::At(at)) => format!("broken since {}", words::full(at, now)),
        (false, _) => "broken: no value of it works".into(),
        (true, _) if standing.state == TokenState::Unverified => "not known: it could not be verified".into(),
        (true, SafeUntil::At(at)) => format!("holds until {}", words::full(at, now)),
        (true, SafeUntil::Never) => "holds: it never expires".into(),
        (true, SafeUntil::Unknown) => "not known: its issuer tells no end".into(),
    };
    let old = standing.findings.get(FindingKind::NotInjected).is_some();
    let old = if old { "; an older value is still in use" } else { "" };
    let run = |pipeline: &PipelineId| failing(world, pipeline, standing, now);
    pipelines.iter().map(|pipeline| said(pipeline.as_str(), format!("{text}{}{old}", run(pipeline)), None)).collect()
}

/// `; the run of Tue 1 Dec 02:00 UTC does not`, where the runs are known.
fn failing(world: &World, pipeline: &PipelineId, standing: &Standing, now: At) -> String {
    let first = |end: At| world.rules().first_run_of(std::slice::from_ref(pipeline), end);
    let (run, fails) = match standing.safe_until {
        _ if !standing.usable => (world.next_run(pipeline, now), "will fail"),
        SafeUntil::At(end) => (first(end.max(now)).map(|(_, start)| start), "does not"),
        _ => (None, ""),
    };
    run.map_or_else(String::new, |start| format!("; the run of {} {fails}", words::short(start, now)))
}
