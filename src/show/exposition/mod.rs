//! The metrics page: dirty leaves → pieces → one swap; a scrape compresses nothing.

pub mod aggregates;
pub mod body;
pub mod families;
pub mod piece;
