//! `/-/healthy` and `/-/ready` (semantics 14.1).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::Web;

/// Seconds without a successful evaluation after which forewarn is not healthy.
const SILENT: i64 = 300;

pub async fn healthy(State(web): State<Web>) -> Response {
    let quiet = web.clock.now().timestamp() - web.metrics.last_evaluated();
    if web.parts.get().is_some() && quiet > SILENT {
        let text = format!("not healthy: nothing was judged for {quiet} s; the log says why\n");
        return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    }
    "forewarn is healthy\n".into_response()
}

pub async fn ready(State(web): State<Web>) -> Response {
    match web.parts.get() {
        Some(_) => "forewarn is ready\n".into_response(),
        None => super::starting(),
    }
}
