//! Durations as people and issuers write them. What people write is strict, and a refusal gives the right spelling;
//! what issuers write is read in every notation met. Knows no calendar: months have no length here.

/// Why a duration could not be read; the text is a whole sentence part with the right spelling.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SpanError(pub String);

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;
const WEEK: u64 = 7 * DAY;
const YEAR: u64 = 365 * DAY;

/// Units of a written duration, in the order in which they must stand.
const UNITS: [(&str, u64); 6] = [("y", YEAR), ("w", WEEK), ("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", 1)];

/// Units as people also write them; only for the help in a refusal. A month is shown as 30 days.
const WORDS: [(&[&str], u64); 7] = [
    (&["y", "yr", "yrs", "year", "years"], YEAR),
    (&["mo", "mon", "mos", "month", "months"], 30 * DAY),
    (&["w", "wk", "wks", "week", "weeks"], WEEK),
    (&["d", "day", "days"], DAY),
    (&["h", "hr", "hrs", "hour", "hours"], HOUR),
    (&["m", "min", "mins", "minute", "minutes"], MINUTE),
    (&["s", "sec", "secs", "second", "seconds"], 1),
];

/// A duration as in Prometheus: `1y2w3d4h5m6s`, d = 24 h; seconds. `1.5d`, `1M`, `3mo` are refused with the right spelling.
pub fn parse(text: &str) -> Result<u32, SpanError> {
    let shown = shorten(text);
    let Some(parts) = split(text) else {
        return Err(SpanError(format!("\"{shown}\" is no duration: write one such as 30d, 12h or 1h30m")));
    };
    let mut sum: u64 = 0;
    let mut next = 0;
    for (number, unit) in &parts {
        let place = UNITS[next..].iter().position(|(name, _)| name == unit).map(|at| at + next);
        let (Some(place), Ok(number)) = (place, number.parse::<u64>()) else {
            return Err(refuse(&shown, &parts));
        };
        next = place + 1;
        sum = sum.saturating_add(number.saturating_mul(UNITS[place].1));
    }
    if text.chars().any(char::is_whitespace) {
        return Err(refuse(&shown, &parts));
    }
    u32::try_from(sum)
        .map_err(|_| SpanError(format!("\"{shown}\" is longer than the longest duration, {}", write(u32::MAX))))
}

/// A fraction of a lifetime: `10%`; percent, 1 to 99.
pub fn parse_percent(text: &str) -> Result<u8, SpanError> {
    let shown = shorten(text);
    let Some(number) = text.strip_suffix('%') else {
        return Err(SpanError(format!("\"{shown}\" is no fraction: write one such as 10%")));
    };
    match number.parse::<u8>() {
        Ok(percent @ 1..=99) if number.bytes().all(|b| b.is_ascii_digit()) => Ok(percent),
        _ => Err(SpanError(format!("\"{shown}\" is no fraction of a lifetime: write a whole number from 1% to 99%"))),
    }
}

/// Go's `240h0m0s`, ISO 8601 `P30D`, proto `2592000s`, or bare seconds; seconds, rounded down.
pub fn parse_foreign(text: &str) -> Result<u32, SpanError> {
    let trimmed = text.trim();
    let nanos = match trimmed.strip_prefix(['P', 'p']) {
        Some(iso) => iso_nanos(&iso.to_ascii_uppercase()),
        None if !trimmed.is_empty() && trimmed.bytes().all(|b| b.is_ascii_digit()) => {
            decimal_nanos(trimmed, 1_000_000_000)
        }
        None => go_nanos(trimmed),
    };
    nanos.and_then(|nanos| u32::try_from(nanos / 1_000_000_000).ok()).ok_or_else(|| {
        SpanError("no duration as Go (240h0m0s), ISO 8601 (P30D) or protobuf (2592000s) write it".into())
    })
}

/// The exact spelling in days and below: `90d`, `1h30m`, `0s`.
pub fn write(seconds: u32) -> String {
    if seconds == 0 {
        return "0s".into();
    }
    let mut left = u64::from(seconds);
    let mut text = String::new();
    for (unit, size) in &UNITS[2..] {
        if left >= *size {
            text += &format!("{}{unit}", left / size);
            left %= size;
        }
    }
    text
}

/// Numbers and the letters after each; blanks between them do not count. `None`: some of it is neither.
fn split(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut rest = text.trim();
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let after = rest[number..].trim_start();
        let unit = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        if number == 0 {
            return None;
        }
        parts.push((&rest[..number], &after[..unit]));
        rest = after[unit..].trim_start();
    }
    (!parts.is_empty()).then_some(parts)
}

/// The refusal of something that can be understood but is not spelled right.
fn refuse(shown: &str, parts: &[(&str, &str)]) -> SpanError {
    if let [(number, "")] = parts {
        return SpanError(format!("\"{shown}\" has no unit: write {number}s, {number}m, {number}h or {number}d"));
    }
    if let Some((number, _)) = parts.iter().find(|(_, unit)| *unit == "M") {
        let days = decimal_nanos(number, 30).map_or_else(|| "30d".into(), |days| format!("{days}d"));
        return SpanError(format!(
            "\"{shown}\" has the unit M, which is neither month nor minute here: write {number}m for minutes, {days} for days, or a cron schedule for calendar months"
        ));
    }
    if parts.iter().any(|(_, unit)| *unit == "ms") {
        return SpanError(format!("\"{shown}\" is finer than a second: the smallest duration is 1s"));
    }
    let sum = parts.iter().try_fold(0u128, |sum, (number, unit)| {
        let unit = unit.to_ascii_lowercase();
        let (_, size) = WORDS.iter().find(|(names, _)| names.contains(&unit.as_str()))?;
        sum.checked_add(decimal_nanos(number, *size)?)
    });
    let months = parts.iter().any(|(_, unit)| unit.to_ascii_lowercase().starts_with("mo"));
    match sum.and_then(|sum| u32::try_from(sum).ok()).map(write) {
        Some(right) if months => SpanError(format!(
            "\"{shown}\" counts months, which have no fixed length: write {right}, or a cron schedule for calendar months"
        )),
        Some(right) => SpanError(format!("\"{shown}\" is spelled wrong: write {right}")),
        None => SpanError(format!("\"{shown}\" has an unknown unit: write y, w, d, h, m or s, as in 1h30m")),
    }
}

/// `number` × `size`, rounded down; for a decimal number. `None`: no number, or too large.
fn decimal_nanos(number: &str, size: u64) -> Option<u128> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && part.is_empty() || !whole.bytes().chain(part.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    // More digits than nanoseconds have change nothing after rounding.
    let part = &part[..part.len().min(18)];
    let of = 10u128.pow(u32::try_from(part.len()).ok()?);
    let part: u128 = if part.is_empty() { 0 } else { part.parse().ok()? };
    whole.checked_mul(u128::from(size))?.checked_add(part * u128::from(size) / of)
}

fn go_nanos(text: &str) -> Option<u128> {
    const GO: [(&str, u64); 7] = [
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000),
        ("s", 1_000_000_000),
        ("ms", 1_000_000),
        ("us", 1_000),
        ("µs", 1_000),
        ("ns", 1),
    ];
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut sum = 0u128;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let after = &rest[number..];
        let unit = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (_, size) = GO.iter().find(|(name, _)| *name == &after[..unit])?;
        sum = sum.checked_add(decimal_nanos(&rest[..number], *size)?)?;
        rest = &after[unit..];
    }
    Some(sum)
}

/// ISO 8601 after its `P`: weeks, days, hours, minutes, seconds, and years of 365 days. A month has no fixed length.
fn iso_nanos(text: &str) -> Option<u128> {
    const DATE: [(&str, u64); 3] = [("Y", YEAR), ("W", WEEK), ("D", DAY)];
    const TIME: [(&str, u64); 3] = [("H", HOUR), ("M", MINUTE), ("S", 1)];
    let (date, time) = text.split_once('T').unwrap_or((text, ""));
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let mut sum = 0u128;
    for (mut rest, mut units) in [(date, &DATE[..]), (time, &TIME[..])] {
        while !rest.is_empty() {
            let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',')?;
            let place = units.iter().position(|(name, _)| rest[number..].starts_with(name))?;
            let size = units[place].1 * 1_000_000_000;
            sum = sum.checked_add(decimal_nanos(&rest[..number].replace(',', "."), size)?)?;
            units = &units[place + 1..];
            rest = &rest[number + 1..];
        }
    }
    Some(sum)
}

/// For quoting: a duration that is a page long is no help.
fn shorten(text: &str) -> String {
    text.chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_as_in_prometheus() {
        for (text, seconds) in [
            ("90d", 7_776_000),
            ("30s", 30),
            ("1h30m", 5_400),
            ("1y2w3d4h5m6s", 31_536_000 + 1_209_600 + 259_200 + 14_400 + 300 + 6),
            ("0s", 0),
            ("2w", 1_209_600),
            ("136y", 136 * 31_536_000),
        ] {
            assert_eq!(parse(text), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn refusals_give_the_right_spelling() {
        for (text, help) in [
            ("1.5d", "\"1.5d\" is spelled wrong: write 1d12h"),
            (
                "1M",
                "\"1M\" has the unit M, which is neither month nor minute here: write 1m for minutes, 30d for days, or a cron schedule for calendar months",
            ),
            (
                "3mo",
                "\"3mo\" counts months, which have no fixed length: write 90d, or a cron schedule for calendar months",
            ),
            ("90", "\"90\" has no unit: write 90s, 90m, 90h or 90d"),
            ("30 days", "\"30 days\" is spelled wrong: write 30d"),
            ("1h1d", "\"1h1d\" is spelled wrong: write 1d1h"),
            ("1d1d", "\"1d1d\" is spelled wrong: write 2d"),
            ("2D", "\"2D\" is spelled wrong: write 2d"),
            ("1d 2h", "\"1d 2h\" is spelled wrong: write 1d2h"),
            ("500ms", "\"500ms\" is finer than a second: the smallest duration is 1s"),
            ("5x", "\"5x\" has an unknown unit: write y, w, d, h, m or s, as in 1h30m"),
            ("", "\"\" is no duration: write one such as 30d, 12h or 1h30m"),
            ("-1d", "\"-1d\" is no duration: write one such as 30d, 12h or 1h30m"),
            ("soon", "\"soon\" is no duration: write one such as 30d, 12h or 1h30m"),
            ("137y", "\"137y\" is longer than the longest duration, 49710d6h28m15s"),
            (
                "99999999999999999999d",
                "\"99999999999999999999d\" has an unknown unit: write y, w, d, h, m or s, as in 1h30m",
            ),
            ("1..5d", "\"1..5d\" has an unknown unit: write y, w, d, h, m or s, as in 1h30m"),
        ] {
            assert_eq!(parse(text), Err(SpanError(help.into())), "{text}");
        }
    }

    #[test]
    fn fractions_are_whole_percents() {
        assert_eq!(parse_percent("10%"), Ok(10));
        assert_eq!(parse_percent("99%"), Ok(99));
        for wrong in ["10", "0%", "100%", "0.1", "1.5%", "-1%", "+1%", "%", "300%", "10 %"] {
            assert!(parse_percent(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_percent("10").unwrap_err().0, "\"10\" is no fraction: write one such as 10%");
    }

    #[test]
    fn what_issuers_write() {
        for (text, seconds) in [
            ("240h0m0s", 864_000),
            ("768h", 2_764_800),
            ("1h15m30.918273645s", 4_530),
            ("1.5h", 5_400),
            ("999ms", 0),
            ("1500µs", 0),
            ("0s", 0),
            ("2592000s", 2_592_000),
            ("3.999s", 3),
            ("2592000", 2_592_000),
            ("P30D", 2_592_000),
            ("P2W", 1_209_600),
            ("PT1H", 3_600),
            ("PT90M", 5_400),
            ("P1DT12H", 129_600),
            ("P1Y", 31_536_000),
            ("PT0.5S", 0),
            ("p1d", 86_400),
        ] {
            assert_eq!(parse_foreign(text), Ok(seconds), "{text}");
        }
        let huge = "9".repeat(41) + "s";
        for wrong in ["", "P", "PT", "P1M", "P1D2Y", "PD", "-1s", "h", "1x", "P99999999Y", &huge] {
            assert!(parse_foreign(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn written_in_days_and_below() {
        for (seconds, text) in [(7_776_000, "90d"), (5_400, "1h30m"), (0, "0s"), (604_800, "7d"), (86_399, "23h59m59s")]
        {
            assert_eq!(write(seconds), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds: u32) {
            prop_assert_eq!(parse(&write(seconds)), Ok(seconds));
        }

        #[test]
        fn any_text_is_answered(text in ".{0,40}") {
            let _ = (parse(&text), parse_percent(&text), parse_foreign(&text));
        }

        #[test]
        fn any_mix_of_numbers_and_units_is_answered(text in "[0-9.]{0,30}(y|w|d|h|m|s|M|mo|ms|µs|P|T| )[0-9]{0,30}(y|s|D|H)?") {
            let _ = (parse(&text), parse_percent(&text), parse_foreign(&text));
        }
    }
}
