//! The loop: claim → send → record; bounded in flight.

pub mod fresh;
pub mod step;
