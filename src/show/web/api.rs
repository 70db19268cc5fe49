//! `/api/v1`: the JSON twins of the pages.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::Web;
use crate::domain::At;
use crate::judge::world::World;
use crate::judge::world::view::TokenLine;

/// Everything `list` shows: tokens in key order, and how fresh each collector is.
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
    pub last_walk: Option<At>,
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
            last_walk: status.last_walk,
            failure: status.failure.map(|reason| reason.to_string()),
            failing_since: status.failing_since,
        });
        Self { now, collectors: collectors.collect(), tokens }
    }
}

pub async fn tokens(State(web): State<Web>) -> Response {
    let Some(parts) = web.parts.get() else { return super::starting() };
    let listing = {
        let world = parts.world.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        Listing::of(&world, web.clock.now())
    };
    Json(listing).into_response()
}
