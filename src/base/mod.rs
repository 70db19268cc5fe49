//! What every floor stands on; nothing here has heard of a token.

pub mod decode;
pub mod http;
pub mod metrics;
pub mod secret;
pub mod supervise;
pub mod telemetry;
pub mod time;
pub mod yaml;
