//! The built program against real servers on loopback: OpenBao, oidc-provider, aiosmtpd, Prometheus. `make tools` brings
//! them; a missing one fails the test that needs it.

mod support;

mod files;
mod github;
mod gitlab;
mod mail;
mod prometheus;
mod spine;
mod sso;
