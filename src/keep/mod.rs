//! The one writer, and what it writes to.

pub mod keeper;
pub mod store;
