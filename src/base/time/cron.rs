//! Five-field cron with next and previous occurrences.

use super::zone::Zone;
use crate::domain::At;

#[derive(Clone, Debug)]
pub struct Cron {
    _private: (),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CronError(pub String);

impl Cron {
    /// Names the guilty field; refuses both day fields at once ("… For the first Monday write …") and dates that never occur.
    pub fn parse(_text: &str, _zone: &Zone) -> Result<Self, CronError> {
        todo!()
    }
    /// First occurrence after `at`.
    pub fn next_after(&self, _at: At) -> Option<At> {
        todo!()
    }
    /// Last occurrence at or before `at`.
    pub fn previous(&self, _at: At) -> Option<At> {
        todo!()
    }
    pub fn as_str(&self) -> &str {
        todo!()
    }
    pub fn describe(&self) -> String {
        todo!()
    }
}
