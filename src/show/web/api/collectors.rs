//! Collectors, one collector with its last polls, and the wish that one polls now.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use chrono::SecondsFormat;

use super::{Answer, Refused, asked, looking, parts};
use crate::collect::polls::Asked;
use crate::domain::key::CollectorId;
use crate::judge::world::World;
use crate::show::answers::filter::{no_such, shown};
use crate::show::answers::shapes::{CollectorDetail, Collectors, PollAsked};
use crate::show::web::Web;

type Name = Result<Path<String>, PathRejection>;

pub async fn collectors(State(web): State<Web>, uri: Uri) -> Answer<Collectors> {
    asked::nothing(&uri)?;
    looking(&web, Collectors::of).await.map(Json)
}

pub async fn collector(State(web): State<Web>, name: Name, uri: Uri) -> Answer<CollectorDetail> {
    asked::nothing(&uri)?;
    let id = id(name)?;
    let polls = parts(&web)?.polls.of(&id);
    let found = looking(&web, move |world, now| {
        CollectorDetail::of(world, &id, &polls, now).ok_or_else(|| unknown(world, &id))
    });
    found.await?.map(Json)
}

pub async fn poll(State(web): State<Web>, name: Name, uri: Uri) -> Result<(StatusCode, Json<PollAsked>), Refused> {
    asked::nothing(&uri)?;
    let id = id(name)?;
    let now = web.clock.now();
    match parts(&web)?.polls.ask(&id, now) {
        Asked::Now => {
            tracing::info!(collector = %id, "asked to poll now");
            Ok((StatusCode::ACCEPTED, Json(PollAsked { now, collector: id.to_string() })))
        }
        Asked::Later(seconds) => {
            Err(Refused::later(seconds, format!("somebody asked {id} to poll a moment ago; again in {seconds} s")))
        }
        Asked::Held(until) => {
            let sentence = format!(
                "its issuer asked to wait until {}; {id} polls after that by itself",
                until.to_rfc3339_opts(SecondsFormat::Secs, true)
            );
            Err(Refused::later((until - now).num_seconds().max(1), sentence))
        }
        Asked::Unknown => Err(looking(&web, move |world, _| unknown(world, &id)).await?),
    }
}

fn id(name: Name) -> Result<CollectorId, Refused> {
    let Path(name) = name.map_err(|_| Refused::wrong("the name of the collector is not UTF-8"))?;
    Ok(CollectorId::from(name.as_str()))
}

fn unknown(world: &World, id: &CollectorId) -> Refused {
    let names: Vec<String> = world.collectors().map(|status| status.id.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if names.contains(&id.as_str()) {
        return Refused::unknown(format!("the collector {} is not running", shown(id.as_str())));
    }
    Refused::unknown(no_such("collector", id.as_str(), &names))
}
