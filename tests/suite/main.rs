//! Behaviour that needs the whole library and no real server.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "a test has clocks, tasks, clients and an environment of its own")]

mod alerts;
mod config;
mod dashboards;
mod definitions;
mod documents;
mod quickstart;
mod scenario;
mod shipped;
