//! Local time by bundled zone data: gaps, overlaps. With `cron.rs` the only file that names jiff.

use crate::domain::At;

/// A time zone known to the bundled database.
#[derive(Clone, Debug)]
pub struct Zone {
    _private: (),
}

impl Zone {
    pub fn utc() -> Self {
        todo!()
    }
    /// By IANA name, or an error that names the nearest known one.
    pub fn parse(_name: &str) -> Result<Self, String> {
        todo!()
    }
    pub fn name(&self) -> &str {
        todo!()
    }
    /// `Tue 24 Nov 2026 09:40 UTC`-like parts in this zone: (weekday, day, month, year, hour, minute, abbreviation).
    pub fn local(&self, _at: At) -> (String, u8, u8, i16, u8, u8, String) {
        todo!()
    }
}

/// Version of the bundled zone data; a label of `forewarn_build_info`.
pub fn tzdata_version() -> &'static str {
    todo!()
}
