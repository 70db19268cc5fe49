//! The web surface: router and state. It answers from the first second; what is not loaded yet is said as such.

use std::sync::{Arc, OnceLock, RwLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

use crate::base::metrics::Metrics;
use crate::base::time::clock::Clock;
use crate::collect::polls::Polls;
use crate::judge::world::World;
use crate::keep::store::handle::StoreHandle;
use crate::show::exposition::Exposition;

pub mod api;
pub mod auth;
pub mod health;
pub mod in_force;
pub mod listen;
mod look;
pub mod metrics;
mod origin;
pub mod pages;
pub mod reload;
pub mod settings;
pub mod site;

/// What handlers share. `parts` is filled once the configuration is loaded and the store is open.
#[derive(Clone)]
pub struct Web {
    pub parts: Arc<OnceLock<Parts>>,
    pub metrics: Arc<Metrics>,
    pub clock: Clock,
    pub reloads: mpsc::Sender<Reload>,
    pub users: Arc<ArcSwap<auth::Users>>,
    pub site: Arc<site::Site>,
    /// Places for those who look at the whole world at once.
    pub lookers: Arc<Semaphore>,
}

/// Readers of the whole world at once; more wait.
pub const LOOKERS: usize = 2;

/// What exists once the service is ready.
pub struct Parts {
    pub exposition: Arc<Exposition>,
    pub world: Arc<RwLock<World>>,
    pub store: StoreHandle,
    pub polls: Polls,
    pub in_force: Arc<ArcSwap<in_force::InForce>>,
}

/// A reload asked for over HTTP; the answer says whether it was taken.
pub type Reload = oneshot::Sender<Result<(), String>>;

/// Nothing from other hosts, nothing inline, no frame.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Largest request body, bytes.
const MOST: usize = 64 * 1024;

/// A slow reader of the metrics page may take long; everything else is quick.
const LIMIT: Duration = Duration::from_secs(30);

/// Everything, under the prefix of the site.
pub fn router(web: Web) -> Router {
    let routes = Router::new()
        .merge(pages::router())
        .route("/metrics", get(metrics::metrics))
        .nest("/api/v1", api::router())
        .route("/-/reload", post(reload::reload).put(reload::reload))
        .merge(states())
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .with_state(web.clone());
    let routes = match web.site.prefix() {
        "" => routes,
        prefix => Router::new().nest_service(prefix, routes).fallback(elsewhere).with_state(web.clone()),
    };
    let guarded = routes
        .layer(from_fn_with_state(web.clone(), origin::require))
        .layer(from_fn_with_state(web.clone(), auth::require))
        .layer(DefaultBodyLimit::max(MOST))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, LIMIT))
        .layer(CatchPanicLayer::new())
        .layer(from_fn_with_state(web.clone(), api::dress))
        .layer(from_fn_with_state(web, pages::fault::dress));
    sealed(guarded)
}

/// Whether forewarn lives and is ready, for a probe that has no user and no certificate.
pub fn probe(web: Web) -> Router {
    let routes = states().fallback(only_probes).with_state(web);
    sealed(routes.layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, LIMIT)))
}

fn states() -> Router<Web> {
    Router::new().route("/-/healthy", get(health::healthy)).route("/-/ready", get(health::ready))
}

/// Headers of every answer.
fn sealed(router: Router) -> Router {
    router
        .layer(header("content-security-policy", CONTENT_SECURITY_POLICY))
        .layer(header("x-content-type-options", "nosniff"))
        .layer(header("referrer-policy", "no-referrer"))
        .layer(header("cross-origin-opener-policy", "same-origin"))
        .layer(header("cross-origin-resource-policy", "same-origin"))
}

fn header(name: &'static str, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(HeaderName::from_static(name), HeaderValue::from_static(value))
}

async fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "there is no such page\n").into_response()
}

async fn elsewhere(axum::extract::State(web): axum::extract::State<Web>) -> Response {
    let text = format!("there is no such page; the start page is {}/\n", web.site.prefix());
    (StatusCode::NOT_FOUND, text).into_response()
}

async fn only_probes() -> Response {
    (StatusCode::NOT_FOUND, "here are only /-/healthy and /-/ready\n").into_response()
}

async fn wrong_method() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, "this page does not take that method\n").into_response()
}

/// Said while the configuration and the store are still being read.
pub(crate) fn starting() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "forewarn is starting: the store is being read\n").into_response()
}
