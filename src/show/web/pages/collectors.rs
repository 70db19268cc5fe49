//! `/collectors` and `/c/{name}`: how well each reads its issuer, its last polls request by request, and *poll now*.

use std::time::Duration;

use axum::extract::{OriginalUri, Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use minijinja::context;
use serde::Deserialize;

use super::fault::Fault;
use super::{engine, frame, look, parts};
use crate::collect::polls::{Asked, Polls};
use crate::domain::key::CollectorId;
use crate::show::answers::filter::shown;
use crate::show::answers::shapes::{CollectorDetail, Collectors};
use crate::show::web::Web;

/// How long *poll now* waits for the result before it answers that it is still running.
const PATIENCE: Duration = Duration::from_secs(3);
const GLANCE: Duration = Duration::from_millis(50);

pub async fn all(State(web): State<Web>, OriginalUri(uri): OriginalUri) -> Result<Response, Fault> {
    let collectors = look(&web, |world, now| Ok(Collectors::of(world, now).collectors)).await?;
    let mut frame = frame(&web, uri.path(), "collectors", &collectors);
    frame.twin = Some("api/v1/collectors".to_owned());
    engine::page("collectors.html", frame, context! { collectors => engine::value(&collectors) })
}

/// What became of *poll now*, as the redirect carries it.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Done,
    Running,
    JustAsked,
    Held,
}

#[derive(Deserialize)]
pub struct Polled {
    poll: Option<Outcome>,
}

pub async fn one(
    State(web): State<Web>,
    OriginalUri(uri): OriginalUri,
    Path(name): Path<String>,
    Query(polled): Query<Polled>,
) -> Result<Response, Fault> {
    let id = CollectorId::from(name.as_str());
    let polls = parts(&web)?.polls.of(&id);
    let (it, collectors) = look(&web, move |world, now| {
        let it = CollectorDetail::of(world, &id, &polls, now).ok_or_else(|| missing(&name))?;
        Ok((it, Collectors::of(world, now).collectors))
    })
    .await?;
    let mut frame = frame(&web, uri.path(), "collectors", &collectors);
    frame.twin = Some(format!("api/v1/collectors/{}", engine::encoded(&it.row.collector)));
    let said = polled.poll.map(|outcome| match outcome {
        Outcome::Done => "It has polled. The result is the first below.",
        Outcome::Running => {
            "It polls now, or ten seconds after its last poll at the earliest. Reload the page to see the result."
        }
        Outcome::Held => "Its issuer asked to wait for a while. It is polled after that by itself.",
        Outcome::JustAsked => {
            "Somebody asked it a moment ago. An issuer is asked again after ten seconds at the earliest."
        }
    });
    engine::page("collector.html", frame, context! { it => engine::value(&it), polled => said })
}

fn missing(name: &str) -> Fault {
    Fault::missing(format!("no collector {} is in the configuration", shown(name)))
}

/// Asks it to poll, waits a little, and leads back to its page.
pub async fn poll(State(web): State<Web>, Path(name): Path<String>) -> Result<Response, Fault> {
    let parts = parts(&web)?;
    let id = CollectorId::from(name.as_str());
    let before = newest(&parts.polls, &id);
    let outcome = match parts.polls.ask(&id, web.clock.now()) {
        Asked::Unknown => return Err(missing(&name)),
        Asked::Later(_) => "just_asked",
        Asked::Held(_) => "held",
        Asked::Now => match tokio::time::timeout(PATIENCE, newer(&parts.polls, &id, before)).await {
            Ok(()) => "done",
            Err(_) => "running",
        },
    };
    let back = format!("../{}?poll={outcome}", engine::encoded(&name));
    Ok((StatusCode::SEE_OTHER, [(LOCATION, back)]).into_response())
}

fn newest(polls: &Polls, id: &CollectorId) -> u64 {
    polls.of(id).first().map_or(0, |poll| poll.number)
}

async fn newer(polls: &Polls, id: &CollectorId, before: u64) {
    while newest(polls, id) <= before {
        tokio::time::sleep(GLANCE).await;
    }
}
