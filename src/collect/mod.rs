//! From an issuer's answer to observations.

pub mod issuer;
pub mod login;
pub mod poller;
pub mod polls;
pub mod roster;
