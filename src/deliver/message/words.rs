//! Times and spans for people: absolute with its zone first, then how far away, in the unit a person would choose.
//!
//! Knows nothing of findings or channels. Everything is UTC and cut, never rounded up, where two units are told; one
//! unit alone is rounded to the nearest, because the absolute time stands beside it.

use chrono::Timelike;

use crate::domain::At;
use crate::domain::finding::Rung;

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
/// Beyond it a date without a year could be misread.
const YEAR_NEEDED: i64 = 180 * DAY;

/// `Tue 1 Dec 2026 00:00 UTC`; with seconds if they matter (within an hour of `now`).
pub fn full(at: At, now: At) -> String {
    format!("{} {} UTC", at.format("%a %-d %b %Y"), time_of_day(at, now))
}

/// `Tue 1 Dec 02:00 UTC`; the year only where it could be misread.
pub fn short(at: At, now: At) -> String {
    if distance(at, now) >= YEAR_NEEDED {
        return full(at, now);
    }
    format!("{} {} UTC", at.format("%a %-d %b"), time_of_day(at, now))
}

/// `1 Dec 2026`.
pub fn day(at: At) -> String {
    at.format("%-d %b %Y").to_string()
}

/// `1 Dec 2026`; with its time where that is less than two days away.
pub fn until(at: At, now: At) -> String {
    if distance(at, now) < 2 * DAY { clock(at, now) } else { day(at) }
}

/// `09:43 UTC` on the day of `now`, else [`short`].
pub fn clock(at: At, now: At) -> String {
    if at.date_naive() == now.date_naive() { format!("{} UTC", time_of_day(at, now)) } else { short(at, now) }
}

/// When something comes next: `in 30 s` within two minutes, `09:43 UTC` today, `Fri 27 Nov` at midnight, else [`short`].
pub fn soon(at: At, now: At) -> String {
    let away = (at - now).num_seconds();
    if (0..2 * MINUTE).contains(&away) {
        return format!("in {away} s");
    }
    if away > DAY && away < YEAR_NEEDED && at.num_seconds_from_midnight() == 0 {
        return at.format("%a %-d %b").to_string();
    }
    clock(at, now)
}

fn time_of_day(at: At, now: At) -> String {
    let seconds = at.second() != 0 && distance(at, now) <= HOUR;
    at.format(if seconds { "%H:%M:%S" } else { "%H:%M" }).to_string()
}

fn distance(a: At, b: At) -> i64 {
    (a - b).num_seconds().abs()
}

/// One unit, the nearest: `60 s`, `3 min`, `3 h`, `1 day`, `7 days`.
pub fn about(seconds: i64) -> String {
    let s = seconds.abs();
    if s < 2 * MINUTE {
        return format!("{s} s");
    }
    if s < 2 * HOUR - MINUTE / 2 {
        return format!("{} min", nearest(s, MINUTE));
    }
    if s == DAY {
        return "1 day".into();
    }
    if s < 2 * DAY - HOUR / 2 {
        return format!("{} h", nearest(s, HOUR));
    }
    format!("{} days", nearest(s, DAY))
}

fn nearest(seconds: i64, unit: i64) -> i64 {
    (seconds + unit / 2) / unit
}

/// Two units at most, cut: `60 s`, `3 min 20 s`, `40 min`, `2 h 20 min`, `6 days 15 hours`.
pub fn span(seconds: i64) -> String {
    let s = seconds.abs();
    if s < 2 * MINUTE {
        return format!("{s} s");
    }
    if s < 10 * MINUTE {
        return two(s / MINUTE, "min", s % MINUTE, "s");
    }
    if s < HOUR {
        return format!("{} min", s / MINUTE);
    }
    if s < 2 * DAY {
        return two(s / HOUR, "h", s % HOUR / MINUTE, "min");
    }
    let hours = s % DAY / HOUR;
    two(s / DAY, "days", hours, if hours == 1 { "hour" } else { "hours" })
}

fn two(first: i64, unit: &str, second: i64, smaller: &str) -> String {
    if second == 0 { format!("{first} {unit}") } else { format!("{first} {unit} {second} {smaller}") }
}

/// `in 6 days 15 hours`, `now`, `40 min ago`.
pub fn relative(at: At, now: At) -> String {
    direct((at - now).num_seconds(), span)
}

/// [`relative`] in one unit: `in 6 days`, `4 min ago`.
pub fn nearly(at: At, now: At) -> String {
    direct((at - now).num_seconds(), about)
}

fn direct(away: i64, words: fn(i64) -> String) -> String {
    match away {
        0 => "now".into(),
        1.. => format!("in {}", words(away)),
        _ => format!("{} ago", words(away)),
    }
}

/// How far away an end is, for the head of a message. A rung told in time is called by its own name, so that a message
/// sent a moment after it was due still says `20 s`.
pub fn ahead(due: At, rung: Option<&Rung>, now: At) -> String {
    let away = (due - now).num_seconds();
    if let Some(rung) = rung {
        let before = i64::from(rung.before);
        if (0..=(before / 10).min(DAY / 2)).contains(&(before - away)) {
            return about(before);
        }
    }
    about(away)
}

/// `today 12:00 UTC`, else [`short`].
pub fn today(at: At, now: At) -> String {
    if at.date_naive() == now.date_naive() { format!("today {}", clock(at, now)) } else { short(at, now) }
}

/// `Tue 1 Dec`; the year where it could be misread.
pub fn date(at: At, now: At) -> String {
    at.format(if distance(at, now) >= YEAR_NEEDED { "%a %-d %b %Y" } else { "%a %-d %b" }).to_string()
}

/// A name for a subject: its middle left out where it is longer than `most` bytes, never inside a character.
pub fn shortened(name: &str, most: usize) -> String {
    if name.len() <= most {
        return name.to_owned();
    }
    let half = most.saturating_sub('…'.len_utf8()) / 2;
    let head = (0..=half).rev().find(|&at| name.is_char_boundary(at)).unwrap_or(0);
    let tail = (name.len() - half..=name.len()).find(|&at| name.is_char_boundary(at)).unwrap_or(name.len());
    format!("{}…{}", &name[..head], &name[tail..])
}

/// `step 7d of 14/7/3/1`; fractions of a lifetime by their own names.
pub fn step(rung: &Rung, ladder: &[Rung]) -> String {
    if ladder.is_empty() {
        return format!("step {}", entry(rung));
    }
    let days = ladder.iter().all(|r| r.sixtieths == 0 && i64::from(r.before) % DAY == 0);
    if days {
        let all: Vec<_> = ladder.iter().map(|r| (i64::from(r.before) / DAY).to_string()).collect();
        return format!("step {} of {}", entry(rung), all.join("/"));
    }
    let all: Vec<_> = ladder.iter().map(entry).collect();
    let of = if ladder.iter().all(|r| r.sixtieths > 0) { " of its lifetime" } else { "" };
    format!("step {} of {}{of}", entry(rung), all.join(", "))
}

/// One step by its name: `7d`, `1h30m`, `20%`, `1/3`.
pub fn entry(rung: &Rung) -> String {
    // A whole number of percent was written as one; 1/3, 1/6 and 1/15 are none.
    if rung.sixtieths > 0 && rung.sixtieths.is_multiple_of(3) {
        return format!("{}%", u32::from(rung.sixtieths) * 100 / 60);
    }
    if rung.sixtieths > 0 {
        let common = common_divisor(rung.sixtieths, 60);
        return format!("{}/{}", rung.sixtieths / common, 60 / common);
    }
    let mut rest = i64::from(rung.before);
    let mut text = String::new();
    for (unit, letter) in [(DAY, 'd'), (HOUR, 'h'), (MINUTE, 'm'), (1, 's')] {
        if rest >= unit {
            text.push_str(&format!("{}{letter}", rest / unit));
            rest %= unit;
        }
    }
    if text.is_empty() { "0s".into() } else { text }
}

fn common_divisor(a: u8, b: u8) -> u8 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

/// `Tue  1 Dec`: dates below each other, their days aligned.
pub fn column(at: At, now: At) -> String {
    at.format(if distance(at, now) >= YEAR_NEEDED { "%a %e %b %Y" } else { "%a %e %b" }).to_string()
}

/// `18 Dec`, where the year is plain.
pub fn day_month(at: At) -> String {
    at.format("%-d %b").to_string()
}

/// `two`; figures from thirteen on.
pub fn number(n: usize) -> String {
    const NAMES: [&str; 13] =
        ["none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    NAMES.get(n).map_or_else(|| n.to_string(), |name| (*name).to_owned())
}

/// With a capital first letter.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// `1 token`, `6 tokens`.
pub fn count(n: usize, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// `a`, `a and b`, `a, b and c`.
pub fn list<S: AsRef<str>>(names: &[S]) -> String {
    match names {
        [] => String::new(),
        [one] => one.as_ref().into(),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> At {
        text.parse().unwrap()
    }
    fn now() -> At {
        at("2026-11-24T09:40:00Z")
    }
    fn rung(before: u32, sixtieths: u8) -> Rung {
        Rung { before, at: now(), sixtieths }
    }

    #[test]
    fn one_unit_at_every_boundary() {
        let table = [
            (0, "0 s"),
            (1, "1 s"),
            (60, "60 s"),
            (119, "119 s"),
            (120, "2 min"),
            (149, "2 min"),
            (150, "3 min"),
            (7_169, "119 min"),
            (7_170, "2 h"),
            (7_200, "2 h"),
            (9_000, "3 h"),
            (86_399, "24 h"),
            (86_400, "1 day"),
            (86_401, "24 h"),
            (170_999, "47 h"),
            (171_000, "2 days"),
            (172_800, "2 days"),
            (215_999, "2 days"),
            (216_000, "3 days"),
            (572_400, "7 days"),
            (31_536_000, "365 days"),
        ];
        for (seconds, words) in table {
            assert_eq!(about(seconds), words, "{seconds}");
            assert_eq!(about(-seconds), words, "-{seconds}");
        }
    }

    #[test]
    fn two_units_at_every_boundary() {
        let table = [
            (0, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (121, "2 min 1 s"),
            (599, "9 min 59 s"),
            (600, "10 min"),
            (659, "10 min"),
            (3_599, "59 min"),
            (3_600, "1 h"),
            (4_500, "1 h 15 min"),
            (172_799, "47 h 59 min"),
            (172_800, "2 days"),
            (176_399, "2 days"),
            (176_400, "2 days 1 hour"),
            (572_400, "6 days 15 hours"),
        ];
        for (seconds, words) in table {
            assert_eq!(span(seconds), words, "{seconds}");
        }
    }

    #[test]
    fn absolute_times_carry_zone_and_what_is_needed() {
        assert_eq!(full(at("2026-12-01T00:00:00Z"), now()), "Tue 1 Dec 2026 00:00 UTC");
        assert_eq!(full(at("2026-12-01T00:00:31Z"), now()), "Tue 1 Dec 2026 00:00 UTC");
        assert_eq!(full(at("2026-11-24T09:43:20Z"), now()), "Tue 24 Nov 2026 09:43:20 UTC");
        assert_eq!(full(at("2026-11-24T10:40:01Z"), now()), "Tue 24 Nov 2026 10:40 UTC");
        assert_eq!(short(at("2027-01-04T08:00:00Z"), now()), "Mon 4 Jan 08:00 UTC");
        assert_eq!(short(at("2027-05-23T09:39:59Z"), now()), "Sun 23 May 09:39 UTC");
        assert_eq!(short(at("2027-05-23T09:40:00Z"), now()), "Sun 23 May 2027 09:40 UTC");
        assert_eq!(short(at("2025-11-24T09:40:00Z"), now()), "Mon 24 Nov 2025 09:40 UTC");
        assert_eq!(clock(at("2026-11-24T23:59:00Z"), now()), "23:59 UTC");
        assert_eq!(clock(at("2026-11-25T00:00:00Z"), now()), "Wed 25 Nov 00:00 UTC");
        assert_eq!(day(at("2026-12-01T00:00:00Z")), "1 Dec 2026");
        assert_eq!(until(at("2026-11-26T09:40:00Z"), now()), "26 Nov 2026");
        assert_eq!(until(at("2026-11-26T09:39:59Z"), now()), "Thu 26 Nov 09:39 UTC");
        assert_eq!(until(at("2026-11-24T09:41:03Z"), now()), "09:41:03 UTC");
    }

    #[test]
    fn what_comes_next_is_said_in_its_own_scale() {
        assert_eq!(soon(at("2026-11-24T09:40:30Z"), now()), "in 30 s");
        assert_eq!(soon(at("2026-11-24T09:42:00Z"), now()), "09:42 UTC");
        assert_eq!(soon(at("2026-11-27T00:00:00Z"), now()), "Fri 27 Nov");
        assert_eq!(soon(at("2026-11-25T00:00:00Z"), now()), "Wed 25 Nov 00:00 UTC");
        assert_eq!(soon(at("2026-11-27T09:00:00Z"), now()), "Fri 27 Nov 09:00 UTC");
        assert_eq!(soon(at("2026-11-24T09:00:00Z"), now()), "09:00 UTC");
    }

    #[test]
    fn relative_knows_before_and_after() {
        assert_eq!(relative(now(), now()), "now");
        assert_eq!(relative(at("2026-11-24T09:00:00Z"), now()), "40 min ago");
        assert_eq!(relative(at("2026-11-24T12:00:00Z"), now()), "in 2 h 20 min");
        assert_eq!(nearly(at("2026-11-30T14:20:00Z"), now()), "in 6 days");
        assert_eq!(nearly(at("2027-01-04T08:00:00Z"), now()), "in 41 days");
    }

    #[test]
    fn a_rung_told_in_time_keeps_its_name() {
        let due = at("2026-12-01T00:00:00Z");
        assert_eq!(ahead(due, Some(&rung(7 * 86_400, 0)), at("2026-11-24T09:00:00Z")), "7 days");
        assert_eq!(ahead(due, Some(&rung(7 * 86_400, 0)), at("2026-11-27T00:00:00Z")), "4 days");
        assert_eq!(ahead(due, Some(&rung(86_400, 0)), at("2026-11-30T00:00:05Z")), "1 day");
        assert_eq!(ahead(due, Some(&rung(20, 20)), at("2026-11-30T23:59:42Z")), "20 s");
        assert_eq!(ahead(due, Some(&rung(20, 20)), at("2026-11-30T23:59:43Z")), "17 s");
        assert_eq!(ahead(due, Some(&rung(20, 20)), at("2026-11-30T23:59:39Z")), "21 s");
        assert_eq!(ahead(due, None, at("2026-11-24T09:00:00Z")), "7 days");
    }

    #[test]
    fn steps_are_spelt_as_written() {
        let days = [14, 7, 3, 1].map(|d| rung(d * 86_400, 0));
        assert_eq!(step(&days[1], &days), "step 7d of 14/7/3/1");
        let mixed = [rung(86_400, 0), rung(5_400, 0), rung(20, 0)];
        assert_eq!(step(&mixed[1], &mixed), "step 1h30m of 1d, 1h30m, 20s");
        let parts = [rung(20, 20), rung(10, 10), rung(4, 4)];
        assert_eq!(step(&parts[0], &parts), "step 1/3 of 1/3, 1/6, 1/15 of its lifetime");
        let percent = [rung(12, 12), rung(6, 6), rung(3, 3)];
        assert_eq!(step(&percent[0], &percent), "step 20% of 20%, 10%, 5% of its lifetime");
        assert_eq!(step(&rung(6, 6), &[]), "step 10%");
        assert_eq!(step(&rung(0, 0), &[]), "step 0s");
    }

    #[test]
    fn a_long_name_loses_its_middle() {
        assert_eq!(shortened("gitlab/a", 8), "gitlab/a");
        assert_eq!(shortened("gitlab/platform/renovate", 13), "gitla…ovate");
        assert_eq!(shortened("ääääää", 9), "ä…ä");
        assert_eq!(shortened("abc", 0), "…");
    }

    #[test]
    fn names_are_joined_as_in_speech() {
        assert_eq!(list::<&str>(&[]), "");
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b"]), "a and b");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(count(1, "token"), "1 token");
        assert_eq!(count(0, "token"), "0 tokens");
    }

    proptest! {
        #[test]
        fn no_span_panics_or_is_empty(a in -400_000_000_000i64..400_000_000_000) {
            prop_assert!(!about(a).is_empty());
            prop_assert!(!span(a).is_empty());
        }

        #[test]
        fn two_units_never_promise_more_time_than_there_is(s in 172_800i64..40_000_000) {
            let text = span(s);
            let days: i64 = text.split(' ').next().unwrap().parse().unwrap();
            prop_assert!(days * 86_400 <= s);
        }
    }
}
