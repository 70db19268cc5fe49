//! When digests are due: times of day on days of the week, in a zone (semantics 9.3).
//! Knows slots and how they are written; who reads a digest and what stands in it is decided elsewhere.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::time::cron::Cron;
use crate::base::time::zone::Zone;
use crate::domain::At;
use crate::domain::spelling::{Weekday, ZoneName};
use crate::judge::evaluate::rules::Problem;
use crate::judge::evaluate::rules::schedule::zone;

/// The digest that everybody gets where no routes are written: once a week, Monday 09:00 UTC.
const DEFAULT: (&str, &str) = ("09:00", "mon");
const DAYS: [(&str, &str); 7] = [
    ("mon", "Mondays"),
    ("tue", "Tuesdays"),
    ("wed", "Wednesdays"),
    ("thu", "Thursdays"),
    ("fri", "Fridays"),
    ("sat", "Saturdays"),
    ("sun", "Sundays"),
];

/// What a route takes is not told by itself but waits for a digest, one message a slot. A critical finding is told at once
/// all the same, and info findings are told in digests only.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DigestSection {
    /// The time of day.
    #[schemars(extend("pattern" = r"^([01]?\d|2[0-3]):[0-5]\d$"), example = &"09:00")]
    pub at: String,
    /// The zone of `at`.
    #[schemars(with = "Option<ZoneName>", extend("default" = "UTC"))]
    pub zone: Option<String>,
    /// The days of the week; without them every day.
    #[schemars(with = "Option<Vec<Weekday>>", length(min = 1), example = ["mon"])]
    pub days: Option<Vec<String>>,
}

/// The slots of one route's digest.
#[derive(Clone, Debug)]
pub struct Slots {
    cron: Cron,
    /// `on Mondays`, `every day`.
    words: String,
}

impl Slots {
    /// Where no routes are written.
    pub(super) fn default_of_the_house() -> Option<Self> {
        let (at, day) = DEFAULT;
        compile(&DigestSection { at: at.into(), zone: None, days: Some(vec![day.into()]) }, "", &mut Vec::new())
    }
    pub fn next_after(&self, at: At) -> Option<At> {
        self.cron.next_after(at)
    }
    /// The last slot at or before `at`.
    pub fn last(&self, at: At) -> Option<At> {
        self.cron.previous(at)
    }
    /// `on Mondays and Thursdays`, `every day`.
    pub fn words(&self) -> &str {
        &self.words
    }
}

/// `digest:` at `path`; `None` if anything is wrong.
pub(super) fn compile(section: &DigestSection, path: &str, problems: &mut Vec<Problem>) -> Option<Slots> {
    let zone = zone(section.zone.as_deref(), path, problems);
    let time = time(&section.at);
    if time.is_none() {
        let text = format!("\"{}\" is no time of day; write it as in \"09:00\"", section.at);
        problems.push(Problem::new(format!("{path}.at"), text));
    }
    let days = section.days.as_ref().map(|days| week(days, &format!("{path}.days"), problems));
    let zone: Zone = zone?;
    let (hour, minute) = time?;
    let days = match days {
        Some(days) => days?,
        None => (0..DAYS.len()).collect(),
    };
    let names: Vec<&str> = days.iter().map(|&nth| DAYS[nth].0).collect();
    let every = days.len() == DAYS.len();
    let text = format!("{minute} {hour} * * {}", if every { "*".to_owned() } else { names.join(",").to_uppercase() });
    let cron = Cron::parse(&text, &zone).map_err(|why| problems.push(Problem::new(path, why.to_string()))).ok()?;
    Some(Slots { cron, words: if every { "every day".into() } else { format!("on {}", said(&days)) } })
}

/// `9:00`, `09:00`.
fn time(text: &str) -> Option<(u8, u8)> {
    let (hour, minute) = text.trim().split_once(':')?;
    let digits =
        |text: &str, least: usize| (least..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let right = digits(hour, 1) && digits(minute, 2);
    let (hour, minute): (u8, u8) = (hour.parse().ok()?, minute.parse().ok()?);
    (right && hour < 24 && minute < 60).then_some((hour, minute))
}

/// Days of the week by their place in it; each once.
fn week(days: &[String], path: &str, problems: &mut Vec<Problem>) -> Option<Vec<usize>> {
    let before = problems.len();
    if days.is_empty() {
        problems.push(Problem::new(path, "names no day; leave `days` out for every day"));
    }
    let mut week: Vec<usize> = Vec::with_capacity(days.len());
    for (nth, day) in days.iter().enumerate() {
        match DAYS.iter().position(|(name, _)| name.eq_ignore_ascii_case(day)) {
            Some(place) => week.push(place),
            None => {
                let known = DAYS.iter().map(|(name, _)| *name);
                problems.push(Problem::unknown(format!("{path}[{nth}]"), "day", day, known));
            }
        }
    }
    week.sort_unstable();
    week.dedup();
    (problems.len() == before).then_some(week)
}

fn said(days: &[usize]) -> String {
    let names: Vec<&str> = days.iter().map(|&nth| DAYS[nth].1).collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> At {
        text.parse().unwrap()
    }
    fn compiled(section: serde_json::Value) -> Result<Slots, String> {
        let mut problems = Vec::new();
        let slots = compile(&serde_json::from_value(section).unwrap(), "digest", &mut problems);
        let say = |problem: &Problem| format!("{}: {}", problem.path, problem.text);
        slots.ok_or_else(|| problems.iter().map(say).collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn slots_are_local_times_also_where_the_clock_changes() {
        let slots = compiled(json!({ "at": "09:00", "zone": "Europe/Berlin", "days": ["mon", "thu"] })).unwrap();
        assert_eq!(
            slots.next_after(at("2026-10-22T10:00:00Z")),
            Some(at("2026-10-26T08:00:00Z")),
            "summer time is over"
        );
        assert_eq!(slots.next_after(at("2026-10-26T08:00:00Z")), Some(at("2026-10-29T08:00:00Z")));
        assert_eq!(slots.last(at("2026-10-26T08:00:00Z")), Some(at("2026-10-26T08:00:00Z")));
        assert_eq!(slots.last(at("2026-10-26T07:59:59Z")), Some(at("2026-10-22T07:00:00Z")));
        assert_eq!(slots.words(), "on Mondays and Thursdays");
        let skipped = compiled(json!({ "at": "2:30", "zone": "Europe/Berlin" })).unwrap();
        assert_eq!(
            skipped.next_after(at("2027-03-27T12:00:00Z")),
            Some(at("2027-03-28T01:00:00Z")),
            "at three instead"
        );
        assert_eq!(skipped.next_after(at("2027-03-28T01:00:00Z")), Some(at("2027-03-29T00:30:00Z")));
        let twice = skipped.next_after(at("2026-10-24T12:00:00Z")).unwrap();
        assert_eq!((twice, skipped.next_after(twice)), (at("2026-10-25T00:30:00Z"), Some(at("2026-10-26T01:30:00Z"))));
        assert_eq!(skipped.words(), "every day");
    }

    #[test]
    fn the_default_is_monday_morning() {
        let slots = Slots::default_of_the_house().unwrap();
        assert_eq!(slots.next_after(at("2026-11-24T09:40:00Z")), Some(at("2026-11-30T09:00:00Z")));
    }

    #[test]
    fn mistakes_say_what_is_right() {
        let wrong = |section| compiled(section).unwrap_err();
        for text in ["9", "24:00", "09:60", "9:5", "", "09:00:00", "+9:00"] {
            let told = wrong(json!({ "at": text }));
            assert_eq!(told, format!("digest.at: \"{text}\" is no time of day; write it as in \"09:00\""));
        }
        let told = wrong(json!({ "at": "9:00", "days": ["mon", "weekend"], "zone": "Berlin" }));
        assert!(told.starts_with("digest.zone: no time zone is called \"Berlin\""), "{told}");
        assert!(told.ends_with("digest.days[1]: there is no day \"weekend\""), "{told}");
        assert!(wrong(json!({ "at": "9:00", "days": [] })).contains("leave `days` out"));
    }
}
