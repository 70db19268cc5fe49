//! Rotation schedules and written ladders, compiled (semantics 5 and 7).
//! Knows spellings only; what follows from a schedule stands in `rotation.rs`.

use super::Problem;
use super::sections::ScheduleSection;
use crate::base::time::cron::Cron;
use crate::base::time::span;
use crate::base::time::zone::Zone;
use crate::domain::At;
use crate::domain::key::ScheduleId;

/// One step of a written ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Seconds before the end.
    Before(u32),
    /// Percent of the lifetime.
    Percent(u8),
}

#[derive(Clone, Debug)]
pub struct Schedule {
    pub id: ScheduleId,
    /// As written: `every 90d`, `cron 0 10 * * MON#1`.
    pub text: String,
    pub when: When,
    pub by_hand: bool,
    pub warn: Option<Vec<Step>>,
    /// Seconds.
    pub grace: u32,
    pub overlap: u32,
    pub lasts: u32,
}

#[derive(Clone, Debug)]
pub enum When {
    Every(u32),
    Cron(Cron),
}

/// How long an old generation may live on where no schedule says otherwise, seconds (semantics 5.6).
pub const OVERLAP: u32 = 7 * DAY;
/// Most steps of one ladder.
pub const MOST_STEPS: usize = 16;
const DAY: u32 = 86_400;

/// One entry of `schedules:`, at `schedules.<name>`; `None` if anything is wrong.
pub(super) fn compile(name: &str, section: &ScheduleSection, problems: &mut Vec<Problem>) -> Option<Schedule> {
    let path = format!("schedules.{name}");
    let before = problems.len();
    let when = when(section, &path, problems);
    let by_hand = by_hand(section.by.as_deref(), &path, problems);
    let warn = section.warn.as_ref().map(|steps| ladder(steps, &format!("{path}.warn"), problems));
    let mut seconds =
        |key: &str, text: &Option<String>| text.as_ref().map(|text| duration(text, format!("{path}.{key}"), problems));
    let grace = seconds("grace", &section.grace);
    let overlap = seconds("overlap", &section.overlap);
    let lasts = seconds("lasts", &section.lasts);
    let (Some((when, text)), Some(by_hand)) = (when, by_hand) else { return None };
    if problems.len() > before {
        return None;
    }
    let most = interval(&when) / 4;
    Some(Schedule {
        id: ScheduleId::from(name),
        text,
        by_hand,
        warn,
        grace: grace.unwrap_or(if by_hand { 7 * DAY } else { DAY }.min(most)),
        overlap: overlap.unwrap_or(OVERLAP),
        lasts: lasts.unwrap_or(0),
        when,
    })
}

/// A written zone; UTC without one.
pub fn zone(name: Option<&str>, path: &str, problems: &mut Vec<Problem>) -> Option<Zone> {
    match name.map(Zone::parse) {
        None => Some(Zone::utc()),
        Some(Ok(zone)) => Some(zone),
        Some(Err(why)) => {
            problems.push(Problem::new(format!("{path}.zone"), why));
            None
        }
    }
}

/// A written cron expression in its zone.
pub(super) fn cron(text: &str, zone: &Zone, path: &str, problems: &mut Vec<Problem>) -> Option<Cron> {
    Cron::parse(text, zone).map_err(|why| problems.push(Problem::new(format!("{path}.cron"), why.to_string()))).ok()
}

fn when(section: &ScheduleSection, path: &str, problems: &mut Vec<Problem>) -> Option<(When, String)> {
    let zone = zone(section.zone.as_deref(), path, problems);
    match (&section.every, &section.cron) {
        (Some(every), None) => {
            if section.zone.is_some() {
                problems
                    .push(Problem::new(format!("{path}.zone"), "`every` counts hours and needs no zone; leave it out"));
            }
            let seconds = duration(every, format!("{path}.every"), problems);
            if seconds == 0 && span::parse(every).is_ok() {
                problems.push(Problem::new(format!("{path}.every"), "an interval must be longer than nothing"));
            }
            Some((When::Every(seconds), format!("every {every}")))
        }
        (None, Some(text)) => Some((When::Cron(cron(text, &zone?, path, problems)?), format!("cron {text}"))),
        (Some(_), Some(_)) => {
            problems.push(Problem::new(path, "`every` and `cron` exclude each other; keep one of them"));
            None
        }
        (None, None) => {
            problems.push(Problem::new(path, "write `every: 90d` or `cron: \"0 10 * * MON#1\"`"));
            None
        }
    }
}

fn by_hand(by: Option<&str>, path: &str, problems: &mut Vec<Problem>) -> Option<bool> {
    match by {
        Some("hand") => Some(true),
        Some("machine") => Some(false),
        Some(other) => {
            problems.push(Problem {
                path: format!("{path}.by"),
                text: format!("`by` is hand or machine, not \"{other}\""),
                nearest_of: vec!["hand".into(), "machine".into()],
            });
            None
        }
        None => {
            problems.push(Problem::new(
                path,
                "`by: hand` or `by: machine` is missing: it decides whether silence or a reminder is right",
            ));
            None
        }
    }
}

/// Shortest time between two occurrences, seconds; looked at over a year or forty of them from a fixed day on, so that
/// the same schedule always gets the same grace.
fn interval(when: &When) -> u32 {
    match when {
        When::Every(seconds) => *seconds,
        When::Cron(cron) => {
            let from = At::UNIX_EPOCH + chrono::TimeDelta::days(20_000);
            let mut last = cron.next_after(from);
            let mut shortest = i64::from(u32::MAX);
            for _ in 0..40 {
                let Some(before) = last else { break };
                last = cron.next_after(before);
                if let Some(next) = last {
                    shortest = shortest.min((next - before).num_seconds());
                    if (next - from).num_days() > 366 {
                        break;
                    }
                }
            }
            u32::try_from(shortest).unwrap_or(u32::MAX)
        }
    }
}

/// A written `warn`: durations and fractions.
pub(super) fn ladder(steps: &[String], path: &str, problems: &mut Vec<Problem>) -> Vec<Step> {
    if steps.is_empty() || steps.len() > MOST_STEPS {
        problems.push(Problem::new(
            path,
            format!("a ladder has 1 to {MOST_STEPS} steps; without `warn` the default holds"),
        ));
        return Vec::new();
    }
    let mut compiled = Vec::with_capacity(steps.len());
    for (nth, text) in steps.iter().enumerate() {
        let at = format!("{path}[{nth}]");
        let step = if text.trim_end().ends_with('%') {
            span::parse_percent(text).map(Step::Percent)
        } else {
            span::parse(text).map(Step::Before)
        };
        match step {
            Ok(Step::Before(0) | Step::Percent(0)) => {
                problems.push(Problem::new(at, "a step of nothing comes too late"))
            }
            Ok(step) => compiled.push(step),
            Err(why) => problems.push(Problem::new(at, why.to_string())),
        }
    }
    compiled
}

/// Seconds, or 0 and a problem.
pub(super) fn duration(text: &str, path: String, problems: &mut Vec<Problem>) -> u32 {
    span::parse(text).unwrap_or_else(|why| {
        problems.push(Problem::new(path, why.to_string()));
        0
    })
}
