//! The next ninety days as a picture of months: one cell a day, a figure where something ends. Pure.

use chrono::{Datelike, Days as Step, Weekday};
use serde::Serialize;

use crate::deliver::message::words;
use crate::domain::At;
use crate::domain::finding::{DeadlineReason, TokenState};
use crate::show::answers::shapes::{Day, Days};

/// Months with days, and the same in a sentence.
#[derive(Debug, Serialize)]
pub struct Calendar {
    months: Vec<Month>,
    summary: String,
    /// Tokens that end within [`SOON`] days.
    soon: usize,
}

#[derive(Debug, Serialize)]
struct Month {
    /// `December 2026`.
    name: String,
    short: String,
    year: String,
    days: Vec<Cell>,
}

#[derive(Debug, Serialize)]
struct Cell {
    number: u32,
    /// `2026-12-01`.
    date: String,
    tokens: usize,
    /// `Tue 1 Dec: 3 tokens, 2 expire, 1 rotation`; empty where nothing ends.
    words: String,
    /// Classes: `weekend`, `today`, `warning`, `critical`.
    look: String,
}

const SOON: u64 = 30;

impl Calendar {
    pub fn of(days: &Days) -> Self {
        let soon = days.first + Step::new(SOON);
        let mut calendar = Self {
            months: Vec::new(),
            summary: summary(days),
            soon: days.days.iter().filter(|day| day.at < soon).map(|day| day.tokens).sum(),
        };
        let mut at = days.first;
        while at < days.end {
            let day = days.days.iter().find(|day| day.at == at);
            let month = at.format("%B %Y").to_string();
            if calendar.months.last().is_none_or(|last| last.name != month) {
                let (short, year) = (at.format("%b").to_string(), at.format("%Y").to_string());
                calendar.months.push(Month { name: month, short, year, days: Vec::new() });
            }
            if let Some(last) = calendar.months.last_mut() {
                last.days.push(cell(at, day, days.first));
            }
            at = at + Step::new(1);
        }
        calendar
    }
}

fn cell(at: At, day: Option<&Day>, today: At) -> Cell {
    let mut look = Vec::new();
    if matches!(at.weekday(), Weekday::Sat | Weekday::Sun) {
        look.push("weekend");
    }
    if at == today {
        look.push("today");
    }
    match day.and_then(|day| day.state) {
        Some(TokenState::Revoked | TokenState::Vanished | TokenState::Expired) => look.push("critical"),
        Some(TokenState::Ending | TokenState::Unverified) => look.push("warning"),
        _ => {}
    }
    Cell {
        number: at.day(),
        date: at.format("%Y-%m-%d").to_string(),
        tokens: day.map_or(0, |day| day.tokens),
        words: day.map(said).unwrap_or_default(),
        look: look.join(" "),
    }
}

fn said(day: &Day) -> String {
    let reasons = day.reasons.iter().map(|(reason, n)| because(*reason, *n)).collect::<Vec<_>>();
    format!("{}: {}, {}", day.at.format("%a %-d %b"), words::count(day.tokens, "token"), reasons.join(", "))
}

fn because(reason: DeadlineReason, n: usize) -> String {
    let plural = |one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    match reason {
        DeadlineReason::Expiry => plural("expires", "expire"),
        DeadlineReason::Run => plural("ends at a run", "end at a run"),
        DeadlineReason::OldGeneration => plural("old value ends", "old values end"),
        DeadlineReason::IdleRemoval => plural("is removed for idleness", "are removed for idleness"),
        DeadlineReason::MaxAge => plural("reaches its allowed age", "reach their allowed age"),
        DeadlineReason::Rotation => plural("rotation is due", "rotations are due"),
        DeadlineReason::Ended => plural("has ended", "have ended"),
    }
}

/// `9 tokens on 6 days. First Tue 1 Dec: 2 tokens, 2 expire.`
fn summary(days: &Days) -> String {
    let Some(first) = days.days.first() else { return "Nothing that is known ends in the next 90 days.".to_owned() };
    let tokens = days.days.iter().map(|day| day.tokens).sum();
    let on = words::count(days.days.len(), "day");
    format!("{} on {on}, each opens its list. First {}.", words::count(tokens, "token"), said(first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn day(month: u32, day: u32) -> At {
        chrono::Utc.with_ymd_and_hms(2026, month, day, 0, 0, 0).unwrap()
    }

    #[test]
    fn ninety_days_in_months_with_their_figures() {
        let first = day(11, 24);
        let ends = Day {
            at: day(12, 1),
            tokens: 3,
            reasons: vec![(DeadlineReason::Expiry, 2), (DeadlineReason::Rotation, 1)],
            state: Some(TokenState::Ending),
        };
        let days = Days { now: first, first, end: first + Step::new(90), days: vec![ends] };
        let calendar = Calendar::of(&days);
        let lengths: Vec<_> = calendar.months.iter().map(|month| (month.short.as_str(), month.days.len())).collect();
        assert_eq!(lengths, [("Nov", 7), ("Dec", 31), ("Jan", 31), ("Feb", 21)]);
        assert_eq!(calendar.months[0].days[0].look, "today");
        let first = &calendar.months[1].days[0];
        assert_eq!(first.words, "Tue 1 Dec: 3 tokens, 2 expire, 1 rotation is due");
        assert_eq!((first.date.as_str(), first.look.as_str()), ("2026-12-01", "warning"));
        assert_eq!(calendar.soon, 3);
        assert!(calendar.summary.starts_with("3 tokens on 1 day"), "{}", calendar.summary);
    }
}
