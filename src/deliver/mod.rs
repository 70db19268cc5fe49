//! From what must be told to a channel's answer.

pub mod channel;
pub mod message;
pub mod outbox;
