//! `/t/{token}`: everything about one token, as `explain` says it (surfaces 6.2). A code such as `R7K2` leads there too.

use axum::extract::{OriginalUri, Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use minijinja::context;
use serde::Deserialize;

use super::fault::Fault;
use super::{engine, frame, look, parts};
use crate::show::answers::explanation::{find, history_of};
use crate::show::answers::shapes::{Collectors, Explanation};
use crate::show::web::Web;

pub async fn page(
    State(web): State<Web>,
    OriginalUri(uri): OriginalUri,
    Path(token): Path<String>,
) -> Result<Response, Fault> {
    explained(&web, uri.path(), token).await
}

#[derive(Deserialize)]
pub struct Named {
    token: Option<String>,
}

/// `/t?token=…`, for names that a path cannot hold.
pub async fn asked(
    State(web): State<Web>,
    OriginalUri(uri): OriginalUri,
    Query(named): Query<Named>,
) -> Result<Response, Fault> {
    let token = named.token.ok_or_else(|| Fault::wrong("name a token, as in t?token=gitlab/platform/renovate"))?;
    explained(&web, uri.path(), token).await
}

async fn explained(web: &Web, path: &str, name: String) -> Result<Response, Fault> {
    let asked = name.clone();
    let key = look(web, move |world, _| find(world, &asked).map_err(|none| Fault::missing(none.to_string()))).await?;
    let sought = history_of(&key);
    let history = parts(web)?.store.call(move |store| Ok(store.deliveries(&sought)?.0)).await;
    let known = history.is_ok();
    if let Err(error) = &history {
        tracing::warn!(%error, "could not read what was told of a token for its page");
    }
    let (it, collectors) = look(web, move |world, now| {
        let it = Explanation::of(world, &key, &history.unwrap_or_default(), now);
        let it = it.ok_or_else(|| Fault::missing("this token has just left the inventory"))?;
        Ok((it, Collectors::of(world, now).collectors))
    })
    .await?;
    let link = engine::token_path(&it.row.line.token);
    if it.row.line.token != name {
        let there = format!("{}{link}", web.site.root(path));
        return Ok((StatusCode::SEE_OTHER, [(LOCATION, there)]).into_response());
    }
    let mut frame = frame(web, path, "tokens", &collectors);
    let named = engine::encoded(&it.row.line.token);
    // What a path cannot hold, the query can.
    let twin =
        if link.contains('?') { format!("api/v1/tokens?token={named}") } else { format!("api/v1/tokens/{named}") };
    frame.twin = Some(twin);
    engine::page("token.html", frame, context! { it => engine::value(&it), told_known => known })
}
