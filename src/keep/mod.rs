//! The one writer, and what it writes to.

pub mod guard;
pub mod keeper;
pub mod store;
