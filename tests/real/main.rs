//! The built program against real servers on loopback: OpenBao, oidc-provider, aiosmtpd, Prometheus. `make tools` brings
//! them; a missing one fails the test that needs it.

mod support;

mod canary;
mod gitlab;
mod hostile;
mod kills;
mod mail;
mod prometheus;
mod spine;
mod sso;
