//! Every issuer's time format, precision and edge → an instant in whole seconds, or `Never`. A value that cannot be a time
//! is an error, never a guess, and the error never holds the value.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, SubsecRound, TimeDelta};
use serde::Deserialize;
use serde_json::Value;

use crate::domain::At;

/// How a field spells time (issuers-cicd.md 0.3, issuers-cloud.md 0.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// RFC 3339, ISO without zone (UTC), with or without colon in the offset, basic ISO, `2026-03-01 00:00:00 UTC`,
    /// RFC 2822, a bare date, or a number of seconds (of milliseconds, where seconds would lie after the year 9999).
    #[default]
    Auto,
    /// Seconds since 1970; integer, fraction, or the same in a string.
    EpochSeconds,
    EpochMillis,
    /// Seconds from the receipt of the answer (semantics 4.3).
    SecondsFromNow,
}

/// Which edge of a date without time counts (semantics 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    #[default]
    StartOfDay,
    EndOfDay,
}

/// A time as read: never (a sentinel), or early and late edge (equal unless only a date was told).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    Never,
    At { instant: At, late: At },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time: {0}")]
pub struct StampError(pub String);

/// Reads one field. Sentinels of issuers-cloud.md 0.3 (`null`, "", 0, -1, year 1, 9999, > 100 years ahead) are `Never`
/// for every format but `SecondsFromNow`, where 0 is now.
/// `received` anchors relative spans, rounded down.
pub fn read(value: &Value, format: Format, edge: Edge, received: At) -> Result<Stamp, StampError> {
    let read = match value {
        Value::Null => Read::Never,
        Value::Number(number) => numeric(Seconds::of(number), format, received)?,
        Value::String(text) => textual(text.trim(), format, edge, received)?,
        Value::Bool(_) => return Err(StampError("a boolean".into())),
        Value::Array(_) => return Err(StampError("a list".into())),
        Value::Object(_) => return Err(StampError("an object".into())),
    };
    match read {
        Read::Never => Ok(Stamp::Never),
        // 1970 is what becomes of a 0 that some program already took for a time.
        Read::At { early, .. } if early == At::UNIX_EPOCH => Ok(Stamp::Never),
        Read::At { early, .. } if early - received > FAR => Ok(Stamp::Never),
        Read::At { early, .. } if early < At::UNIX_EPOCH => Err(StampError("an instant before 1970".into())),
        Read::At { early, late } => Ok(Stamp::At { instant: early, late }),
    }
}

/// Further ahead than this nobody means a date (issuers-cloud.md 0.3).
const FAR: TimeDelta = TimeDelta::days(36_525);
/// First second after the year 9999.
const AFTER_9999: i64 = 253_402_300_800;

enum Read {
    Never,
    At { early: At, late: At },
}

impl Read {
    fn exact(at: At) -> Self {
        Self::At { early: at, late: at }
    }
}

/// A number, rounded down.
#[derive(Clone, Copy)]
enum Seconds {
    Whole(i64),
    /// Above every `i64`, or no number at all.
    Absurd,
}

impl Seconds {
    fn of(number: &serde_json::Number) -> Self {
        match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Self::Whole(whole),
            (None, Some(float)) => Self::floor(float),
            (None, None) => Self::Absurd,
        }
    }
    fn parse(text: &str) -> Option<Self> {
        let number = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
        if !number {
            return None;
        }
        text.parse().map(Self::Whole).ok().or_else(|| text.parse().ok().map(Self::floor))
    }
    fn floor(float: f64) -> Self {
        let floor = float.floor();
        if floor.abs() < 9.0e18 {
            #[expect(clippy::cast_possible_truncation, reason = "below 2^63 by the line above")]
            return Self::Whole(floor as i64);
        }
        Self::Absurd
    }
}

fn numeric(number: Seconds, format: Format, received: At) -> Result<Read, StampError> {
    let whole = match number {
        Seconds::Whole(whole) => whole,
        Seconds::Absurd => return Err(StampError("a number beyond every calendar".into())),
    };
    if format == Format::SecondsFromNow {
        return from_now(whole, received);
    }
    // The largest number is how several languages write "never".
    if matches!(whole, 0 | -1 | i64::MAX) {
        return Ok(Read::Never);
    }
    let seconds = match format {
        Format::EpochMillis => whole.div_euclid(1_000),
        // Seconds never reach this far; milliseconds begin well before it.
        Format::Auto if whole >= AFTER_9999 => whole.div_euclid(1_000),
        _ => whole,
    };
    if seconds >= AFTER_9999 {
        return Err(StampError("a number beyond the year 9999: another unit than the format says?".into()));
    }
    let at = At::from_timestamp(seconds, 0).ok_or_else(|| StampError("a number before every calendar".into()))?;
    if at.year() <= 1 { Ok(Read::Never) } else { Ok(Read::exact(at)) }
}

fn from_now(seconds: i64, received: At) -> Result<Read, StampError> {
    if seconds < 0 {
        return Err(StampError("a negative number of seconds from now".into()));
    }
    let ahead = TimeDelta::try_seconds(seconds).filter(|ahead| *ahead <= FAR);
    Ok(match ahead.and_then(|ahead| received.checked_add_signed(ahead)) {
        Some(at) => Read::exact(at),
        None => Read::Never,
    })
}

fn textual(text: &str, format: Format, edge: Edge, received: At) -> Result<Read, StampError> {
    if text.is_empty() || NEVER.iter().any(|never| text.eq_ignore_ascii_case(never)) {
        return Ok(Read::Never);
    }
    let is_basic_date = format == Format::Auto && text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit());
    if let Some(number) = Seconds::parse(text).filter(|_| !is_basic_date) {
        return numeric(number, format, received);
    }
    match format {
        Format::Auto => written(text, edge),
        Format::SecondsFromNow => match super::span::parse_foreign(text) {
            Ok(seconds) => from_now(i64::from(seconds), received),
            Err(_) => Err(unlike(text)),
        },
        Format::EpochSeconds | Format::EpochMillis => Err(unlike(text)),
    }
}

/// Words for "never" or for "there is no such thing here" (Jenkins, AWS credential report).
const NEVER: [&str; 5] = ["never", "none", "n/a", "not_supported", "no_information"];

fn written(text: &str, edge: Edge) -> Result<Read, StampError> {
    let mut rest = Rest(text.as_bytes());
    let Some(day) = rest.date() else {
        return match DateTime::parse_from_rfc2822(text) {
            Ok(at) => Ok(Read::exact(at.to_utc().trunc_subsecs(0))),
            Err(_) => Err(unlike(text)),
        };
    };
    let day = match day {
        // Zero dates of Go, .NET and MySQL.
        (0 | 1, _, _) => return Ok(Read::Never),
        (year, month, day) => NaiveDate::from_ymd_opt(year, month, day).ok_or_else(|| unlike(text))?,
    };
    if rest.0.is_empty() {
        return whole_day(day, edge).ok_or_else(|| unlike(text));
    }
    let seconds = rest.time().ok_or_else(|| unlike(text))?;
    let offset = rest.offset().ok_or_else(|| unlike(text))?;
    let local = day.and_time(NaiveTime::MIN).checked_add_signed(TimeDelta::seconds(seconds - offset));
    local.map(|at| Read::exact(at.and_utc())).ok_or_else(|| unlike(text))
}

fn whole_day(day: NaiveDate, edge: Edge) -> Option<Read> {
    let start = day.and_time(NaiveTime::MIN).and_utc();
    let end = start.checked_add_signed(TimeDelta::days(1))?;
    Some(match edge {
        Edge::StartOfDay => Read::At { early: start, late: end },
        Edge::EndOfDay => Read::exact(end),
    })
}

/// The shape of a text, never the text: a field named by mistake may hold a secret.
fn unlike(text: &str) -> StampError {
    let shape: String = text
        .chars()
        .take(32)
        .map(|c| match c {
            '0'..='9' => '9',
            'a'..='z' => 'a',
            'A'..='Z' => 'A',
            ' ' | '-' | '+' | ':' | '.' | ',' | '/' => c,
            _ => '?',
        })
        .collect();
    StampError(format!("text of the shape \"{shape}\""))
}

/// What is left to read of an ISO 8601 text and its relatives.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn eat(&mut self, any: &[u8]) -> bool {
        let fits = self.0.first().is_some_and(|b| any.contains(b));
        if fits {
            self.0 = &self.0[1..];
        }
        fits
    }
    fn digits(&mut self, count: usize) -> Option<u32> {
        let digits = self.0.get(..count)?;
        let number = digits.iter().try_fold(0, |sum, b| b.is_ascii_digit().then(|| sum * 10 + u32::from(b - b'0')))?;
        self.0 = &self.0[count..];
        Some(number)
    }
    /// `2026-03-01` or `20260301`.
    fn date(&mut self) -> Option<(i32, u32, u32)> {
        let year = self.digits(4)?;
        let dashed = self.eat(b"-");
        let month = self.digits(2)?;
        if dashed && !self.eat(b"-") {
            return None;
        }
        Some((i32::try_from(year).ok()?, month, self.digits(2)?))
    }
    /// `T00:00:00.123456789` or `T000000`; seconds may be missing. Seconds of the day, rounded down.
    fn time(&mut self) -> Option<i64> {
        if !self.eat(b"Tt ") {
            return None;
        }
        let hour = self.digits(2)?;
        let colon = self.eat(b":");
        let minute = self.digits(2)?;
        let has_seconds = if colon { self.eat(b":") } else { self.0.first().is_some_and(u8::is_ascii_digit) };
        let second = if has_seconds { self.digits(2)? } else { 0 };
        if has_seconds && self.eat(b".,") {
            let fraction = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
            if fraction == 0 {
                return None;
            }
            self.0 = &self.0[fraction..];
        }
        let midnight_at_the_end = (hour, minute, second) == (24, 0, 0);
        if hour > 23 && !midnight_at_the_end || minute > 59 || second > 60 {
            return None;
        }
        // A leap second counts as the second before it: the early edge.
        Some(i64::from(hour * 3_600 + minute * 60 + second.min(59)))
    }
    /// Nothing (UTC is meant), `Z`, `UTC`, `GMT`, `+02:00`, `+0200`, `+02`, and Go's ` +0000 UTC`; seconds, to the end.
    fn offset(&mut self) -> Option<i64> {
        self.eat(b" ");
        if matches!(self.0, b"" | b"Z" | b"z" | b"UTC" | b"GMT") {
            return Some(0);
        }
        let west = self.0.first() == Some(&b'-');
        if !self.eat(b"+-") {
            return None;
        }
        let hours = self.digits(2)?;
        self.eat(b":");
        let minutes = if self.0.first().is_some_and(u8::is_ascii_digit) { self.digits(2)? } else { 0 };
        let named = matches!(self.0, [b' ', name @ ..] if name.iter().all(u8::is_ascii_alphabetic));
        if hours > 23 || minutes > 59 || !self.0.is_empty() && !named {
            return None;
        }
        let seconds = i64::from(hours * 3_600 + minutes * 60);
        Some(if west { -seconds } else { seconds })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// 2026-11-24 09:40:00 UTC.
    const NOW: i64 = 1_795_513_200;

    fn now() -> At {
        at(NOW)
    }
    fn at(seconds: i64) -> At {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }
    fn exact(seconds: i64) -> Result<Stamp, StampError> {
        Ok(Stamp::At { instant: at(seconds), late: at(seconds) })
    }
    fn auto(value: Value) -> Result<Stamp, StampError> {
        read(&value, Format::Auto, Edge::StartOfDay, now())
    }

    #[test]
    fn every_text_format_of_the_books() {
        const MARCH: i64 = 1_772_323_200; // 2026-03-01 00:00:00 UTC
        for (text, seconds) in [
            // RFC 3339, 0 to 9 and more digits
            ("2026-03-01T00:00:00Z", MARCH),
            ("2026-03-01T00:00:00.9Z", MARCH),
            ("2026-03-01T00:00:00.999Z", MARCH),
            ("2026-03-01T00:00:00.9999999Z", MARCH),
            ("2026-03-01T00:00:00.999999999Z", MARCH),
            ("2026-03-01T00:00:00.9999999999999Z", MARCH),
            ("2026-03-01t00:00:00z", MARCH),
            ("2026-03-01T00:00:00+00:00", MARCH),
            ("2026-03-01T00:00:00-00:00", MARCH),
            ("2026-03-01T02:00:00+02:00", MARCH),
            ("2026-02-28T19:30:00-04:30", MARCH),
            // ISO without zone, without colon in the offset, hour only
            ("2026-03-01T00:00:00", MARCH),
            ("2026-03-01T00:00:00.123", MARCH),
            ("2026-03-01T00:00:00,123", MARCH),
            ("2026-03-01T02:00:00+0200", MARCH),
            ("2026-03-01T02:00:00+02", MARCH),
            ("2026-03-01T00:00Z", MARCH),
            ("2026-02-28T24:00:00Z", MARCH),
            ("2026-02-28T23:59:60Z", MARCH - 1),
            // basic ISO
            ("20260301T000000+0000", MARCH),
            ("20260301T020000+0200", MARCH),
            ("20260301T000000Z", MARCH),
            ("20260301T000000", MARCH),
            // GitHub's header, Buildkite, Go
            ("2026-03-01 00:00:00 UTC", MARCH),
            ("2026-03-01 02:00:00 +0200", MARCH),
            ("2026-03-01 00:00:00 +0000 UTC", MARCH),
            ("2026-03-01 02:00:00.123456789 +0200 CEST", MARCH),
            ("2026-03-01 00:00:00", MARCH),
            // RFC 2822
            ("Sun, 01 Mar 2026 00:00:00 -0000", MARCH),
            ("Sun, 01 Mar 2026 02:00:00 +0200", MARCH),
            ("Sun, 1 Mar 2026 00:00:00 GMT", MARCH),
            // numbers in strings
            ("1795500000", 1_795_500_000),
            ("1795500000.0", 1_795_500_000),
            ("1795500000.987", 1_795_500_000),
            (" 1795500000 ", 1_795_500_000),
            ("1.7955e9", 1_795_500_000),
            ("1795500000123", 1_795_500_000),
        ] {
            assert_eq!(auto(json!(text)), exact(seconds), "{text}");
        }
    }

    #[test]
    fn every_numeric_format_of_the_books() {
        use Format::{Auto, EpochMillis, EpochSeconds, SecondsFromNow};
        for (value, format, seconds) in [
            (json!(1_795_500_000), EpochSeconds, 1_795_500_000),
            (json!(1_795_500_000.987), EpochSeconds, 1_795_500_000),
            (json!("1795500000"), EpochSeconds, 1_795_500_000),
            (json!("1795500000.5"), EpochSeconds, 1_795_500_000),
            (json!(1_795_500_000_999_i64), EpochMillis, 1_795_500_000),
            (json!("1795500000999"), EpochMillis, 1_795_500_000),
            (json!(1_795_500_000_999.5), EpochMillis, 1_795_500_000),
            (json!(1_795_500_000), Auto, 1_795_500_000),
            (json!(1_795_500_000_999_i64), Auto, 1_795_500_000),
            (json!(0), SecondsFromNow, NOW),
            (json!(60), SecondsFromNow, NOW + 60),
            (json!(59.999), SecondsFromNow, NOW + 59),
            (json!("60"), SecondsFromNow, NOW + 60),
            (json!("240h0m0s"), SecondsFromNow, NOW + 864_000),
            (json!("P30D"), SecondsFromNow, NOW + 2_592_000),
            (json!("2592000s"), SecondsFromNow, NOW + 2_592_000),
        ] {
            assert_eq!(read(&value, format, Edge::StartOfDay, now()), exact(seconds), "{value} as {format:?}");
        }
    }

    #[test]
    fn every_sentinel_is_never() {
        use Format::{Auto, EpochMillis, EpochSeconds};
        for value in [
            json!(null),
            json!(""),
            json!("  "),
            json!(0),
            json!(-1),
            json!(0.0),
            json!("0"),
            json!("-1"),
            json!(i64::MAX),
        ] {
            for format in [Auto, EpochSeconds, EpochMillis] {
                assert_eq!(read(&value, format, Edge::StartOfDay, now()), Ok(Stamp::Never), "{value} as {format:?}");
            }
        }
        for text in [
            "0001-01-01T00:00:00Z",
            "0001-01-01T00:00:00+01:00",
            "0000-00-00 00:00:00",
            "9999-12-31T23:59:59Z",
            "9999-12-31T23:59:59-12:00",
            "9999-12-31",
            "2299-12-31T00:00:00+01:00",
            "1970-01-01T00:00:00Z",
            "never",
            "Never",
            "N/A",
            "not_supported",
            "no_information",
        ] {
            assert_eq!(auto(json!(text)), Ok(Stamp::Never), "{text}");
        }
        for (value, format) in [
            (json!(10_413_702_000_i64), EpochSeconds),
            (json!(253_402_300_799_i64), EpochSeconds),
            (json!(253_402_300_799_000_i64), EpochMillis),
            (json!(-62_135_596_800_i64), EpochSeconds),
            (json!(null), Format::SecondsFromNow),
            (json!(9_999_999_999_i64), Format::SecondsFromNow),
            (json!(i64::MAX), Format::SecondsFromNow),
        ] {
            assert_eq!(read(&value, format, Edge::StartOfDay, now()), Ok(Stamp::Never), "{value} as {format:?}");
        }
        // Far, but meant: Fly.io gives 20 years.
        assert_eq!(auto(json!("2046-11-24T09:40:00Z")), exact(2_426_665_200));
    }

    #[test]
    fn rule_4_2_a_date_has_two_edges() {
        let day = Stamp::At { instant: at(1_772_323_200), late: at(1_772_409_600) };
        assert_eq!(auto(json!("2026-03-01")), Ok(day));
        assert_eq!(auto(json!("20260301")), Ok(day));
        assert_eq!(read(&json!("2026-03-01"), Format::Auto, Edge::EndOfDay, now()), exact(1_772_409_600));
        // A time of day was told, so the edge does not matter.
        assert_eq!(read(&json!("2026-03-01T00:00:00Z"), Format::Auto, Edge::EndOfDay, now()), exact(1_772_323_200));
    }

    #[test]
    fn what_is_no_time_is_refused_without_its_value() {
        for (value, format, told) in [
            (json!("tomorrow"), Format::Auto, "not a time: text of the shape \"aaaaaaaa\""),
            (json!("hvs.S3cret"), Format::Auto, "not a time: text of the shape \"aaa.A9aaaa\""),
            (json!("2026-13-01"), Format::Auto, "not a time: text of the shape \"9999-99-99\""),
            (json!("2026-02-30T00:00:00Z"), Format::Auto, "not a time: text of the shape \"9999-99-99A99:99:99A\""),
            (json!("2026-03-01T25:00:00Z"), Format::Auto, "not a time: text of the shape \"9999-99-99A99:99:99A\""),
            (
                json!("2026-03-01T00:00:00 CET"),
                Format::Auto,
                "not a time: text of the shape \"9999-99-99A99:99:99 AAA\"",
            ),
            (json!("2026-03-01"), Format::EpochSeconds, "not a time: text of the shape \"9999-99-99\""),
            (json!(true), Format::Auto, "not a time: a boolean"),
            (json!([1]), Format::Auto, "not a time: a list"),
            (json!({}), Format::Auto, "not a time: an object"),
            (json!(-2), Format::EpochSeconds, "not a time: an instant before 1970"),
            (json!(i64::MIN), Format::EpochSeconds, "not a time: a number before every calendar"),
            (json!(1e300), Format::EpochSeconds, "not a time: a number beyond every calendar"),
            (json!(u64::MAX), Format::Auto, "not a time: a number beyond every calendar"),
            (
                json!(1_795_500_000_000_i64),
                Format::EpochSeconds,
                "not a time: a number beyond the year 9999: another unit than the format says?",
            ),
            (json!(-1), Format::SecondsFromNow, "not a time: a negative number of seconds from now"),
        ] {
            let error = read(&value, format, Edge::StartOfDay, now()).unwrap_err();
            assert_eq!(error.to_string(), told, "{value} as {format:?}");
        }
    }

    fn formats() -> impl Strategy<Value = Format> {
        prop_oneof![
            Just(Format::Auto),
            Just(Format::EpochSeconds),
            Just(Format::EpochMillis),
            Just(Format::SecondsFromNow)
        ]
    }

    proptest! {
        #[test]
        fn any_number_is_answered(whole: i64, float: f64, format in formats()) {
            for value in [json!(whole), json!(float), json!(whole.to_string()), json!(float.to_string())] {
                for anchor in [now(), At::MIN_UTC, At::MAX_UTC, at(0)] {
                    let _ = read(&value, format, Edge::StartOfDay, anchor);
                }
            }
        }

        #[test]
        fn any_text_is_answered(text in "[0-9]{0,9}[-+:TZ ., a-zä]{0,6}[0-9]{0,9}[-+:TZ .]{0,3}[0-9]{0,12}(Z| UTC|[+-][0-9]{4})?", format in formats()) {
            let _ = read(&json!(text), format, Edge::EndOfDay, now());
        }

        #[test]
        fn every_spelling_of_an_instant_is_the_same(seconds in 1i64..4_900_000_000, offset in -14i32 * 60..14 * 60) {
            let zone = chrono::FixedOffset::east_opt(offset * 60).unwrap();
            let local = at(seconds).with_timezone(&zone);
            for text in ["%Y-%m-%dT%H:%M:%S%:z", "%Y-%m-%dT%H:%M:%S.123456%z", "%Y%m%dT%H%M%S%z", "%Y-%m-%d %H:%M:%S %z", "%a, %d %b %Y %H:%M:%S %z"] {
                prop_assert_eq!(auto(json!(local.format(text).to_string())), exact(seconds));
            }
        }
    }
}
