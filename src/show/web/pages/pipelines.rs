//! `/pipelines` and `/p/{name}`: until when each is safe, and the tokens it lives on.

use axum::extract::{OriginalUri, Path, State};
use axum::response::Response;
use minijinja::context;

use super::fault::Fault;
use super::{engine, frame, look};
use crate::show::answers::filter::{Filter, shown};
use crate::show::answers::shapes::{Collectors, Pipelines, Tokens};
use crate::show::answers::tokens::Paging;
use crate::show::web::Web;

pub async fn all(State(web): State<Web>, OriginalUri(uri): OriginalUri) -> Result<Response, Fault> {
    let (pipelines, collectors) =
        look(&web, |world, now| Ok((Pipelines::of(world, &Filter::default(), now), Collectors::of(world, now))))
            .await?;
    let mut frame = frame(&web, uri.path(), "pipelines", &collectors.collectors);
    frame.twin = Some("api/v1/pipelines".to_owned());
    engine::page("pipelines.html", frame, context! { pipelines => engine::value(&pipelines.pipelines) })
}

pub async fn one(
    State(web): State<Web>,
    OriginalUri(uri): OriginalUri,
    Path(name): Path<String>,
) -> Result<Response, Fault> {
    let (it, tokens) = look(&web, move |world, now| {
        let all = Pipelines::of(world, &Filter::default(), now).pipelines;
        let it = all.into_iter().find(|one| one.pipeline == name);
        let it = it.ok_or_else(|| Fault::missing(format!("no pipeline {} is in the configuration", shown(&name))))?;
        let its = Filter::pairs([("pipeline", name.as_str())]).map_err(|wrong| Fault::wrong(wrong.to_string()))?;
        Ok((it, Tokens::of(world, &its, Paging { offset: 0, limit: Paging::USUAL }, now)))
    })
    .await?;
    let mut frame = frame(&web, uri.path(), "pipelines", &tokens.collectors);
    frame.twin = Some(format!("api/v1/tokens?pipeline={}", engine::encoded(&it.pipeline)));
    engine::page("pipeline.html", frame, context! { it => engine::value(&it), tokens => engine::value(&tokens) })
}
