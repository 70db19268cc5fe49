//! `POST /-/reload`: the whole new configuration, or the old one and every mistake.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::sync::oneshot;

use super::Web;

pub async fn reload(State(web): State<Web>) -> Response {
    let (answer, answered) = oneshot::channel();
    if web.parts.get().is_none() || web.reloads.send(answer).await.is_err() {
        return super::starting();
    }
    match answered.await {
        Ok(Ok(())) => "the new configuration is in force\n".into_response(),
        Ok(Err(mistakes)) => {
            let text = format!("the old configuration stays in force\n{mistakes}\n");
            (StatusCode::UNPROCESSABLE_ENTITY, text).into_response()
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "forewarn is stopping\n").into_response(),
    }
}
