//! How answers are laid out for people and programs: tables that fit a terminal, CSV, the room that a text takes.

pub mod csv;
pub mod table;
pub mod width;

#[cfg(test)]
pub mod samples;
