//! Instants, spans, formats, zones and cron: everything about time that is not a conclusion.

pub mod clock;
pub mod cron;
pub mod span;
pub mod stamp;
pub mod zone;
