//! One exchange: time limit, body cap, same-origin redirects, redaction, status and cause → reason.

use super::client::Client;
use super::{Failure, Request, Response};
use crate::base::time::clock::Clock;

/// Sends and reads the whole answer. Any HTTP status is `Ok`; only transport, time limit and cap fail.
pub async fn send(_client: &Client, _request: Request, _clock: &Clock) -> Result<Response, Failure> {
    todo!()
}
