//! `/api/v1`: the JSON twins of the pages. One table says which routes there are; the router and their description are
//! both made from it. Every refusal is a JSON body with one sentence.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tower_http::set_header::SetResponseHeaderLayer;

use super::{Parts, Web};
use crate::domain::At;
use crate::judge::world::World;
use crate::judge::world::view::TokenLine;

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

/// Scans at a time: a crowd of readers must not hold up the keeper, nor each other's answers.
static SCANS: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(2);

/// Runs `look` over the world beside the threads that answer.
pub async fn looking<T: Send + 'static>(
    web: &Web,
    look: impl FnOnce(&World, At) -> T + Send + 'static,
) -> Result<T, Refused> {
    let (world, now) = (parts(web)?.world.clone(), web.clock.now());
    let gone = || Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be made; the log says why");
    let _place = SCANS.acquire().await.map_err(|_| gone())?;
    let scan = tokio::task::spawn_blocking(move || {
        let world = world.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        look(&world, now)
    });
    scan.await.map_err(|_| gone())
}

async fn not_found() -> Refused {
    Refused::unknown("there is no such thing under /api/v1; /api/v1/openapi.json says what there is")
}

async fn wrong_method() -> Refused {
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, "this does not take that method; the header Allow says which it takes")
}

/// Refuses what another site's page made a browser send: it would act with the reader's rights.
pub fn same_site(headers: &axum::http::HeaderMap) -> Result<(), Refused> {
    const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("not text"));
    let own = match (text(SITE), text(axum::http::header::ORIGIN)) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let host = text(axum::http::header::HOST);
            let of_origin = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            of_origin.is_some() && of_origin == host
        }
        (None, None) => true,
    };
    match own {
        true => Ok(()),
        false => {
            Err(Refused::new(StatusCode::FORBIDDEN, "another site's page sent this; ask from forewarn's own page"))
        }
    }
}

/// Everything the first `list` showed: tokens in key order, and how fresh each collector is.
#[derive(Serialize, Deserialize)]
pub struct Listing {
    pub now: At,
    pub collectors: Vec<CollectorLine>,
    pub tokens: Vec<TokenLine>,
}

#[derive(Serialize, Deserialize)]
pub struct CollectorLine {
    pub collector: String,
    pub issuer: String,
    /// Whether its facts grow stale; what is typed or lies in files does not.
    pub ages: bool,
    pub last_success: Option<At>,
    /// Why the last round failed, and since when; no secret.
    pub failure: Option<String>,
    pub failing_since: Option<At>,
}

impl Listing {
    pub fn of(world: &World, now: At) -> Self {
        let mut tokens = Vec::new();
        world.lines(&mut |line| tokens.push(line));
        let collectors = world.collectors().map(|status| CollectorLine {
            collector: status.id.to_string(),
            issuer: status.issuer.to_string(),
            ages: status.stale_after.is_some(),
            last_success: status.last_success,
            failure: status.failure.map(|reason| reason.to_string()),
            failing_since: status.failing_since,
        });
        Self { now, collectors: collectors.collect(), tokens }
    }
}
