//! The built program against real servers on loopback: OpenBao, oidc-provider, aiosmtpd, Prometheus. `make tools` brings
//! them; a missing one fails the test that needs it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "a test has clocks, tasks, clients and an environment of its own")]

mod support;

mod canary;
mod clock;
mod files;
mod github;
mod gitlab;
mod hostile;
mod kills;
mod mail;
mod prometheus;
mod spine;
mod sso;
