//! `/`: what a tired engineer needs to know, most urgent first (surfaces 1.2).

use axum::extract::{OriginalUri, Query, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use minijinja::context;

use super::calendar::Calendar;
use super::deliveries::{Recent, recent};
use super::fault::Fault;
use super::headline::Headline;
use super::{ask, engine, frame, look, parts};
use crate::show::answers::filter::Filter;
use crate::show::answers::shapes::{Days, Deliveries, Pipelines, TokenRow, Tokens};
use crate::show::answers::tokens::Paging;
use crate::show::web::Web;

/// Rows of tokens that need someone, and of all tokens, on the start page.
const NEEDY: usize = 50;
const ALL: usize = 25;

struct Seen {
    tokens: Tokens,
    needy: Vec<TokenRow>,
    pipelines: Pipelines,
    days: Days,
    deliveries: Deliveries,
}

pub async fn page(
    State(web): State<Web>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<ask::Query>,
) -> Result<Response, Fault> {
    // Messages link to `/?team=platform`: the list of tokens answers.
    if let Some(asked) = uri.query().filter(|_| !query.is_empty()) {
        let list = format!("{}tokens?{asked}", web.site.root(uri.path()));
        return Ok((StatusCode::SEE_OTHER, [(LOCATION, list)]).into_response());
    }
    let Recent { told, known } = recent(&web).await?;
    let seen = look(&web, move |world, now| {
        let needy = Filter::pairs([("needs", "true")]).map_err(|wrong| Fault::wrong(wrong.to_string()))?;
        let open = Filter::default();
        Ok(Seen {
            tokens: Tokens::of(world, &open, Paging { offset: 0, limit: ALL }, now),
            needy: Tokens::of(world, &needy, Paging { offset: 0, limit: NEEDY }, now).tokens,
            pipelines: Pipelines::of(world, &open, now),
            days: Days::of(world, &open, now),
            deliveries: Deliveries::of(world, &told, now),
        })
    });
    let seen = seen.await?;
    let headline = Headline::of(&seen.tokens, &seen.pipelines.pipelines, seen.tokens.now);
    let mut frame = frame(&web, uri.path(), "start", &seen.tokens.collectors);
    frame.twin = Some("api/v1/tokens".to_owned());
    let config = parts(&web)?.in_force.load_full();
    engine::page(
        "start.html",
        frame,
        context! {
            headline => engine::value(headline),
            tokens => engine::value(&seen.tokens),
            needy => engine::value(&seen.needy),
            pipelines => engine::value(&seen.pipelines.pipelines),
            calendar => engine::value(Calendar::of(&seen.days)),
            deliveries => engine::value(&seen.deliveries),
            deliveries_known => known,
            config => engine::value(config.as_ref()),
        },
    )
}
