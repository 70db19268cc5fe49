//! Five-field cron with next and previous occurrences. Local times in a gap fire at its end, in an overlap once, the first.
//! What croner says about a mistake names no field, so the fields are tried one by one.

use std::sync::Arc;

use croner::parser::{CronParser, Seconds, Year};
use jiff::{Timestamp, Zoned};

use super::zone::Zone;
use crate::domain::At;

/// A compiled expression; cheap to clone.
#[derive(Clone, Debug)]
pub struct Cron(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    text: String,
    pattern: croner::Cron,
    zone: Zone,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CronError(pub String);

/// Name and range of each field, as told in a mistake.
const FIELDS: [(&str, &str); 5] = [
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of month", "1 to 31, L, 15W"),
    ("month", "1 to 12 or JAN to DEC"),
    ("day of week", "0 to 7 or MON to SUN, MON#1, FRI#L"),
];
const WEEKDAYS: [(&str, &str); 7] = [
    ("SUN", "Sunday"),
    ("MON", "Monday"),
    ("TUE", "Tuesday"),
    ("WED", "Wednesday"),
    ("THU", "Thursday"),
    ("FRI", "Friday"),
    ("SAT", "Saturday"),
];

impl Cron {
    /// Names the guilty field; refuses both day fields at once ("… For the first Monday write …") and dates that never occur.
    pub fn parse(text: &str, zone: &Zone) -> Result<Self, CronError> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let shown: String = text.chars().take(80).collect();
        let Ok(fields) = <[&str; 5]>::try_from(fields) else {
            return Err(CronError(format!(
                "\"{shown}\" is no cron expression: write five fields, minute hour day-of-month month day-of-week, as in \"0 10 * * MON\""
            )));
        };
        for (nth, field) in fields.iter().enumerate() {
            check_field(nth, field)?;
        }
        if is_restricted(fields[2]) && is_restricted(fields[4]) {
            return Err(both_days(&shown, &fields));
        }
        let pattern =
            compile(&fields.join(" ")).map_err(|_| CronError(format!("\"{shown}\" is no cron expression")))?;
        let cron = Self(Arc::new(Inner { text: fields.join(" "), pattern, zone: zone.clone() }));
        // Any instant serves: what never occurs has neither a next nor a previous time.
        let probe = At::UNIX_EPOCH + chrono::TimeDelta::days(20_000);
        if cron.next_after(probe).is_none() || cron.previous(probe).is_none() {
            return Err(CronError(format!("\"{shown}\" never occurs: there is no such day")));
        }
        Ok(cron)
    }
    /// First occurrence after `at`.
    pub fn next_after(&self, at: At) -> Option<At> {
        let found = self.0.pattern.find_next_occurrence(&self.zoned(at)?, false).ok()?;
        At::from_timestamp(found.timestamp().as_second(), 0)
    }
    /// Last occurrence at or before `at`.
    pub fn previous(&self, at: At) -> Option<At> {
        let found = self.0.pattern.find_previous_occurrence(&self.zoned(at)?, true).ok()?;
        At::from_timestamp(found.timestamp().as_second(), 0)
    }
    /// Whether the other is a clone of this one.
    pub fn same(&self, other: &Cron) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
    /// As written, blanks made single.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }
    /// In words: `At 10:00, on the 1st Monday of the month`.
    pub fn describe(&self) -> String {
        self.0.pattern.describe().trim_end_matches('.').to_owned()
    }
    fn zoned(&self, at: At) -> Option<Zoned> {
        let stamp = Timestamp::from_second(at.timestamp()).ok()?;
        Some(stamp.to_zoned(self.0.zone.rules.clone()))
    }
}

fn compile(text: &str) -> Result<croner::Cron, croner::errors::CronError> {
    CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build().parse(text)
}

/// One field with `*` in all others, so that a mistake can be laid at its door.
fn check_field(nth: usize, field: &str) -> Result<(), CronError> {
    let mut alone = ["*"; 5];
    alone[nth] = field;
    // croner replaces names in every field, takes empty list parts and a leading `+`.
    let letters = match nth {
        0 | 1 => "",
        2 => "LW?",
        _ => "ABCDEFGHIJKLMNOPQRSTUVWXYZ?",
    };
    let fits = |c: char| !c.is_ascii_alphabetic() && c != '?' || letters.contains(c.to_ascii_uppercase());
    let odd = field.split(',').any(str::is_empty) || field.contains(['+', '@']) || !field.chars().all(fits);
    let (name, range) = FIELDS[nth];
    if odd || field.contains('?') && field != "?" || compile(&alone.join(" ")).is_err() {
        let field: String = field.chars().take(40).collect();
        return Err(CronError(format!(
            "{name} cannot be \"{field}\": it takes {range}, lists, ranges and steps such as */2"
        )));
    }
    Ok(())
}

fn is_restricted(day: &str) -> bool {
    day != "*" && day != "?"
}

/// Cron joins two restricted day fields by "or", which nobody means; says what it is and what to write instead.
fn both_days(shown: &str, fields: &[&str; 5]) -> CronError {
    let (days, weekdays) = (fields[2], fields[4]);
    let is = format!("\"{shown}\" is {} and also {}", month_days(days), week_days(weekdays));
    let nth = match days {
        "1-7" => Some((1, "first")),
        "8-14" => Some((2, "second")),
        "15-21" => Some((3, "third")),
        "22-28" => Some((4, "fourth")),
        _ => None,
    };
    let advice = match (nth, weekday(weekdays)) {
        (Some((nth, word)), Some((short, long))) => {
            format!("For the {word} {long} write \"{} {} * {} {short}#{nth}\"", fields[0], fields[1], fields[3])
        }
        _ => "Write \"*\" for one of the two days".to_owned(),
    };
    CronError(format!("{is}. {advice}"))
}

/// `the 1st to 7th`, `the 1st and 15th`; anything cleverer as written.
fn month_days(text: &str) -> String {
    let ordinals = |separator: char, word: &str| {
        let days: Option<Vec<String>> = text.split(separator).map(|day| day.parse().ok().map(ordinal)).collect();
        days.map(|days| format!("the {}", days.join(word)))
    };
    let range = ordinals('-', " to ");
    range.or_else(|| ordinals(',', " and ")).unwrap_or_else(|| format!("every day of the month that is {text}"))
}

/// `every Monday`, `every Monday to Friday`; anything cleverer as written.
fn week_days(text: &str) -> String {
    let long = |text: &str| weekday(text).map(|(_, long)| long);
    match text.split_once('-') {
        Some((from, to)) => long(from).zip(long(to)).map(|(from, to)| format!("every {from} to {to}")),
        None => long(text).map(|day| format!("every {day}")),
    }
    .unwrap_or_else(|| format!("every day of the week that is {text}"))
}

fn weekday(text: &str) -> Option<(&'static str, &'static str)> {
    let by_number = text.parse::<usize>().ok().filter(|number| *number <= 7).map(|number| WEEKDAYS[number % 7]);
    by_number.or_else(|| WEEKDAYS.into_iter().find(|(short, _)| short.eq_ignore_ascii_case(text)))
}

fn ordinal(day: u8) -> String {
    let ending = match (day % 10, day) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{day}{ending}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn berlin() -> Zone {
        Zone::parse("Europe/Berlin").unwrap()
    }
    fn at(text: &str) -> At {
        text.parse().unwrap()
    }
    fn cron(text: &str) -> Cron {
        Cron::parse(text, &berlin()).unwrap()
    }

    #[test]
    fn next_and_previous_in_the_zone() {
        let monthly = cron("0 10 * * MON#1");
        assert_eq!(monthly.next_after(at("2026-11-24T09:40:00Z")), Some(at("2026-12-07T09:00:00Z")));
        assert_eq!(monthly.previous(at("2026-11-24T09:40:00Z")), Some(at("2026-11-02T09:00:00Z")));
        // An occurrence itself is its own previous, never its own next.
        assert_eq!(monthly.previous(at("2026-12-07T09:00:00Z")), Some(at("2026-12-07T09:00:00Z")));
        assert_eq!(monthly.next_after(at("2026-12-07T09:00:00Z")), Some(at("2027-01-04T09:00:00Z")));
        assert_eq!(monthly.next_after(at("2026-12-07T08:59:59Z")), Some(at("2026-12-07T09:00:00Z")));
    }

    #[test]
    fn weekdays_are_those_of_posix() {
        assert_eq!(cron("0 0 * * 1").next_after(at("2026-11-24T00:00:00Z")), Some(at("2026-11-29T23:00:00Z")));
        assert_eq!(
            cron("0 0 * * 7").next_after(at("2026-11-24T00:00:00Z")),
            cron("0 0 * * SUN").next_after(at("2026-11-24T00:00:00Z"))
        );
    }

    #[test]
    fn a_gap_fires_once_at_its_end_and_an_overlap_once() {
        let nightly = cron("30 2 * * *");
        assert_eq!(nightly.next_after(at("2027-03-27T12:00:00Z")), Some(at("2027-03-28T01:00:00Z")));
        assert_eq!(nightly.next_after(at("2027-03-28T01:00:00Z")), Some(at("2027-03-29T00:30:00Z")));
        assert_eq!(nightly.next_after(at("2026-10-24T12:00:00Z")), Some(at("2026-10-25T00:30:00Z")));
        assert_eq!(nightly.next_after(at("2026-10-25T00:30:00Z")), Some(at("2026-10-26T01:30:00Z")));
    }

    #[test]
    fn mistakes_name_the_guilty_field() {
        let told = |text| Cron::parse(text, &Zone::utc()).unwrap_err().0;
        for (text, field) in [
            ("60 * * * *", "minute cannot be \"60\""),
            ("0 25 * * *", "hour cannot be \"25\""),
            ("0 0 32 * *", "day of month cannot be \"32\""),
            ("0 0 * 13 *", "month cannot be \"13\""),
            ("0 0 * * MONN", "day of week cannot be \"MONN\""),
            ("0 0 * * MON#6", "day of week cannot be \"MON#6\""),
            ("MON 0 * * *", "minute cannot be \"MON\""),
            ("0 0 * * +MON", "day of week cannot be \"+MON\""),
            ("0 , * * *", "hour cannot be \",\""),
            ("5/2 * * * *", "minute cannot be \"5/2\""),
            ("H * * * *", "minute cannot be \"H\""),
            ("0 0 L-3 * *", "day of month cannot be \"L-3\""),
        ] {
            assert!(told(text).starts_with(field), "{text}: {}", told(text));
        }
        for text in ["", "@daily", "@reboot", "0 0 0 * * *", "* * * *"] {
            assert!(told(text).contains("write five fields"), "{text}: {}", told(text));
        }
    }

    #[test]
    fn both_day_fields_at_once_are_refused_with_what_to_write() {
        let told = |text| Cron::parse(text, &Zone::utc()).unwrap_err().0;
        assert_eq!(
            told("0 10 1-7 * MON"),
            "\"0 10 1-7 * MON\" is the 1st to 7th and also every Monday. For the first Monday write \"0 10 * * MON#1\""
        );
        assert_eq!(
            told("30 6 15-21 3 5"),
            "\"30 6 15-21 3 5\" is the 15th to 21st and also every Friday. For the third Friday write \"30 6 * 3 FRI#3\""
        );
        assert_eq!(
            told("0 0 1,15 * MON-FRI"),
            "\"0 0 1,15 * MON-FRI\" is the 1st and 15th and also every Monday to Friday. Write \"*\" for one of the two days"
        );
        assert!(Cron::parse("0 10 ? * MON", &Zone::utc()).is_ok());
        assert!(Cron::parse("0 10 1 * ?", &Zone::utc()).is_ok());
    }

    #[test]
    fn dates_that_never_occur_are_refused() {
        for text in ["0 0 31 2 *", "0 0 30 FEB *", "0 0 31 4,6 *"] {
            let told = Cron::parse(text, &Zone::utc()).unwrap_err().0;
            assert_eq!(told, format!("\"{text}\" never occurs: there is no such day"));
        }
        assert_eq!(cron("0 0 29 2 *").next_after(at("2026-11-24T00:00:00Z")), Some(at("2028-02-28T23:00:00Z")));
    }

    #[test]
    fn it_says_what_it_is() {
        let monthly = cron("0  10 * * MON#1");
        assert_eq!(monthly.as_str(), "0 10 * * MON#1");
        assert_eq!(monthly.describe(), "At 10:00, on the 1st Monday of the month");
    }

    #[test]
    fn instants_beyond_every_calendar_have_no_neighbour() {
        assert_eq!(cron("0 0 * * *").next_after(At::MAX_UTC), None);
        assert_eq!(cron("0 0 * * *").previous(At::MIN_UTC), None);
    }

    proptest! {
        #[test]
        fn next_and_previous_agree(seconds in 0i64..4_000_000_000, nth in 0usize..6) {
            let text = ["30 2 * * *", "0 10 * * MON#1", "*/30 * * * *", "0 0 L * *", "15 3 29 2 *", "0 0 15W * *"][nth];
            let (cron, at) = (cron(text), At::from_timestamp(seconds, 0).unwrap());
            let next = cron.next_after(at).unwrap();
            prop_assert!(next > at);
            prop_assert_eq!(cron.previous(next), Some(next));
            let before = cron.previous(at).unwrap();
            prop_assert!(before <= at);
            prop_assert_eq!(cron.next_after(before), Some(next));
        }

        #[test]
        fn any_text_is_answered(text in "[0-9*/,#LWMONJAN?+ @-]{0,24}") {
            let _ = Cron::parse(&text, &Zone::utc());
        }
    }
}
