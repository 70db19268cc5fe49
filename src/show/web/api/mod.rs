//! `/api/v1`: the JSON twins of the pages. One table says which routes there are; the router and their description are
//! both made from it. Every refusal is a JSON body with one sentence.

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tower_http::set_header::SetResponseHeaderLayer;

use super::look::look;
use super::{Parts, Web};
use crate::domain::At;
use crate::domain::text::Text;
use crate::judge::world::World;

pub mod asked;
pub mod collectors;
pub mod deliveries;
pub mod openapi;
pub mod table;
pub mod tokens;

/// Everything below `/api/v1`.
pub fn router() -> Router<Web> {
    let mut router = Router::new();
    for route in table::routes() {
        router = router.route(route.path, (route.handler)());
    }
    router
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(SetResponseHeaderLayer::overriding(CACHE_CONTROL, HeaderValue::from_static("no-store")))
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refusal {
    /// One sentence: what is wrong, and what would be right.
    pub error: String,
}

/// A refusal on its way out.
#[derive(Debug)]
pub struct Refused {
    status: StatusCode,
    sentence: String,
    /// Seconds.
    retry_after: Option<i64>,
}

impl Refused {
    pub fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self { status, sentence: sentence.into(), retry_after: None }
    }
    pub fn wrong(sentence: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, sentence.to_string())
    }
    pub fn unknown(sentence: impl ToString) -> Self {
        Self::new(StatusCode::NOT_FOUND, sentence.to_string())
    }
    pub fn later(seconds: i64, sentence: impl Into<String>) -> Self {
        Self { retry_after: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, sentence) }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(Refusal { error: self.sentence })).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// What handlers answer.
pub type Answer<T> = Result<axum::Json<T>, Refused>;

/// The running parts, once everything is read.
pub fn parts(web: &Web) -> Result<&Parts, Refused> {
    let starting = || Refused {
        retry_after: Some(1),
        ..Refused::new(StatusCode::SERVICE_UNAVAILABLE, "forewarn is starting: the store is being read")
    };
    web.parts.get().ok_or_else(starting)
}

/// What a look at the world answers.
pub async fn looking<T: Send + 'static>(
    web: &Web,
    see: impl FnOnce(&World, At) -> T + Send + 'static,
) -> Result<T, Refused> {
    let gone = |_| Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be made; the log says why");
    look(web, parts(web)?, see).await.map_err(gone)
}

async fn not_found() -> Refused {
    Refused::unknown("there is no such thing under /api/v1; /api/v1/openapi.json says what there is")
}

async fn wrong_method() -> Refused {
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, "this does not take that method; the header Allow says which it takes")
}

/// What the layers around the routes refuse (no user, another site's page, too late, a panic) in the same form.
pub async fn dress(State(web): State<Web>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let ours = path.strip_prefix(web.site.prefix()).unwrap_or(path).starts_with("/api/");
    let response = next.run(request).await;
    let status = response.status();
    let plain = response.headers().get(CONTENT_TYPE).is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !ours || !plain || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let written = to_bytes(body, LONGEST).await.unwrap_or_default();
    let error = match status {
        StatusCode::REQUEST_TIMEOUT => "the answer took too long; try again, or ask for less".to_owned(),
        StatusCode::INTERNAL_SERVER_ERROR => "the answer could not be made; the log says why".to_owned(),
        _ => Text::new(String::from_utf8_lossy(&written).trim()).to_string(),
    };
    parts.headers.remove(CONTENT_LENGTH);
    let dressed = axum::Json(Refusal { error }).into_response();
    parts.headers.extend(dressed.headers().clone());
    Response::from_parts(parts, dressed.into_body())
}

/// Longest sentence of a layer, bytes.
const LONGEST: usize = 4096;
