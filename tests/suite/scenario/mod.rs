//! Whole stories on a moving clock: what a reader hears, when, and nothing else. In process and pure.

mod collectors;
mod digests;
mod endings;
mod faults;
mod holds;
mod ladders;
mod runs;
mod slots;
pub mod support;
mod unused;
mod walks;
