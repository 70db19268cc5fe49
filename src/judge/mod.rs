//! Pure: from observations to what follows; no clock, no file, no socket.

pub mod evaluate;
pub mod inventory;
pub mod tell;
pub mod world;
