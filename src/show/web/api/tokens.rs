//! Tokens, one token, pipelines and days.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};

use super::{Answer, Refused, asked, deliveries, looking, parts};
use crate::show::answers::explanation::{self, NotFound};
use crate::show::answers::filter::Filter;
use crate::show::answers::shapes::{Days, Explanation, Pipelines, Tokens};
use crate::show::web::Web;

pub async fn tokens(State(web): State<Web>, uri: Uri) -> Answer<Tokens> {
    let mut pairs = asked::pairs(&uri)?;
    let paging = asked::paging(&mut pairs)?;
    let filter = filter(&pairs)?;
    looking(&web, move |world, now| Tokens::of(world, &filter, paging, now)).await.map(Json)
}

pub async fn token(State(web): State<Web>, name: Result<Path<String>, PathRejection>, uri: Uri) -> Answer<Explanation> {
    asked::nothing(&uri)?;
    let Path(name) = name.map_err(|_| Refused::wrong("the name of the token is not UTF-8"))?;
    let key = looking(&web, move |world, _| explanation::find(world, &name)).await?;
    let key = key.map_err(|NotFound(sentence)| Refused::unknown(sentence))?;
    let sought = explanation::history_of(&key);
    let told = parts(&web)?.store.call(move |store| store.deliveries(&sought)).await;
    let (history, _) = told.map_err(deliveries::unread)?;
    let explained = looking(&web, move |world, now| Explanation::of(world, &key, &history, now)).await?;
    explained.map(Json).ok_or_else(|| Refused::new(StatusCode::NOT_FOUND, "the token has just been forgotten"))
}

pub async fn pipelines(State(web): State<Web>, uri: Uri) -> Answer<Pipelines> {
    let filter = filter(&asked::pairs(&uri)?)?;
    looking(&web, move |world, now| Pipelines::of(world, &filter, now)).await.map(Json)
}

pub async fn days(State(web): State<Web>, uri: Uri) -> Answer<Days> {
    let filter = filter(&asked::pairs(&uri)?)?;
    looking(&web, move |world, now| Days::of(world, &filter, now)).await.map(Json)
}

fn filter(pairs: &asked::Pairs) -> Result<Filter, Refused> {
    Filter::pairs(asked::borrowed(pairs)).map_err(Refused::wrong)
}
