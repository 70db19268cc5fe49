//! The built program against real servers on loopback: OpenBao, oidc-provider, aiosmtpd, Prometheus, Alertmanager.
//! `make tools` brings them; a missing one fails the test that needs it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "a test has clocks, tasks, clients and an environment of its own")]

mod support;

mod api;
mod browser;
/// The messages of the contract, as the unit tests know them; their paths begin with the library's.
#[path = "../../src/deliver/message/samples.rs"]
#[expect(dead_code, reason = "some serve the unit tests only")]
mod samples;
use forewarn::domain;

mod canary;
mod clock;
mod commands;
mod crash_points;
mod dashboards;
mod files;
mod github;
mod gitlab;
mod hostile;
mod kills;
mod letters;
mod looks;
mod mail;
mod pages;
mod prometheus;
mod spine;
mod sso;
