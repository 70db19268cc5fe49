//! Behaviour that needs the whole library and no real server.

mod config;
mod definitions;
mod readme;
mod scenario;
mod shipped;
