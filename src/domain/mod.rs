//! The words as plain data: what an issuer said, what is remembered, what is judged, what is told.
//!
//! A [`token::Token`] is a slot: the stable identity a pipeline uses, whatever value fills it today. Each value is a
//! [`token::Generation`] of it. Issuers speak in [`observation`]s; judging yields [`finding`]s; a finding from its
//! opening to its closing is an [`episode`]; what must be said about it is an intent with [`delivery`] rows.
//! Nothing here reads a clock, a file or a socket.

pub mod change;
pub mod collector;
pub mod delivery;
pub mod episode;
pub mod finding;
pub mod key;
pub mod observation;
pub mod poll;
pub mod reason;
pub mod spelling;
pub mod text;
pub mod token;

/// An instant: whole seconds, UTC (semantics 4).
pub type At = chrono::DateTime<chrono::Utc>;
