//! The pages for people: rendered here, whole without a script, all links relative. They show the shapes of
//! `show/answers` and nothing else; each names its JSON twin under `/api/v1`.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};

use self::engine::{Frame, Sight};
use self::fault::Fault;
use super::{Parts, Web, look};
use crate::domain::At;
use crate::judge::world::World;
use crate::show::answers::shapes::CollectorRow;

mod ask;
mod assets;
mod calendar;
mod collectors;
mod deliveries;
mod engine;
pub mod fault;
mod headline;
mod pipelines;
mod start;
mod token;
mod tokens;

pub fn router() -> Router<Web> {
    Router::new()
        .route("/", get(start::page))
        .route("/tokens", get(tokens::page))
        .route("/t", get(token::asked))
        .route("/t/{*token}", get(token::page))
        .route("/pipelines", get(pipelines::all))
        .route("/p/{name}", get(pipelines::one))
        .route("/collectors", get(collectors::all))
        .route("/c/{name}", get(collectors::one))
        .route("/c/{name}/poll", post(collectors::poll))
        .route("/deliveries", get(deliveries::page))
        .route("/assets/{name}", get(assets::serve))
}

fn parts(web: &Web) -> Result<&Parts, Fault> {
    web.parts.get().ok_or_else(Fault::starting)
}

/// What a look at the world shows.
async fn look<T: Send + 'static>(
    web: &Web,
    see: impl FnOnce(&World, At) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let failed = |_| Fault::new(StatusCode::INTERNAL_SERVER_ERROR, "the page could not be made");
    look::look(web, parts(web)?, see).await.map_err(failed)?
}

/// The layout of a page of this moment. `path` is the raw path of the request.
fn frame(web: &Web, path: &str, section: &'static str, collectors: &[CollectorRow]) -> Frame {
    Frame {
        section,
        now: Some(web.clock.now()),
        sight: Some(Sight::of(collectors)),
        ..Frame::bare(web.site.root(path))
    }
}
