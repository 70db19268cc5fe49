//! `/deliveries`: what was told to whom, how it went, and which channels accept messages.

use std::collections::BTreeSet;

use axum::extract::{OriginalUri, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use minijinja::context;

use super::ask::{self, Rows};
use super::fault::Fault;
use super::{engine, frame, look, parts};
use crate::domain::At;
use crate::domain::delivery::DeliveryState;
use crate::keep::store::{Sought, Store};
use crate::show::answers::deliveries::{Told, sought};
use crate::show::answers::shapes::{Collectors, Deliveries};
use crate::show::answers::tokens::Paging;
use crate::show::web::Web;

/// Messages on the start page: those in trouble first, then the latest.
const RECENT: u32 = 10;
/// States of a message that has not arrived.
const UNTOLD: [DeliveryState; 5] = [
    DeliveryState::Pending,
    DeliveryState::Leased,
    DeliveryState::Retrying,
    DeliveryState::Blocked,
    DeliveryState::Dead,
];

/// The latest messages; `known`: the store could be asked.
pub struct Recent {
    pub told: Told,
    pub known: bool,
}

/// The start page goes on without the store.
pub async fn recent(web: &Web) -> Result<Recent, Fault> {
    let now = web.clock.now();
    match parts(web)?.store.call(move |store| latest(store, now)).await {
        Ok(told) => Ok(Recent { told, known: true }),
        Err(error) => {
            tracing::warn!(%error, "could not read the latest deliveries for the start page");
            Ok(Recent { told: Told::default(), known: false })
        }
    }
}

fn latest(store: &mut dyn Store, now: At) -> crate::keep::store::Result<Told> {
    let untold = Sought { states: UNTOLD.to_vec(), limit: RECENT, ..Sought::default() };
    let (mut rows, _) = store.deliveries(&untold)?;
    let (all, matching) = store.deliveries(&Sought { limit: RECENT, ..Sought::default() })?;
    let shown: BTreeSet<String> = rows.iter().map(|row| row.delivery.id.to_string()).collect();
    rows.extend(all.into_iter().filter(|row| !shown.contains(&row.delivery.id.to_string())));
    rows.truncate(RECENT as usize);
    Ok(Told { rows, matching: matching as usize, offset: 0, waiting: store.waiting(now)? })
}

pub async fn page(
    State(web): State<Web>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<ask::Query>,
) -> Result<Response, Fault> {
    let offset = query.iter().find(|(name, _)| name == "offset").map_or(Ok(0), |(_, value)| ask::whole(value))?;
    let words: ask::Query = query.into_iter().filter(|(name, _)| name != "offset").collect();
    let asked = words.clone();
    let paging = Paging { offset, limit: Paging::USUAL };
    let sought = look(&web, move |world, _| {
        let pairs = asked.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        sought(world, pairs, paging).map_err(|wrong| Fault::wrong(wrong.to_string()))
    })
    .await?;
    let now = web.clock.now();
    let told = parts(&web)?.store.call(move |store| {
        let (rows, matching) = store.deliveries(&sought)?;
        Ok(Told { rows, matching: matching as usize, offset, waiting: store.waiting(now)? })
    });
    let told = told.await.map_err(|error| {
        tracing::warn!(%error, "could not read the deliveries for their page");
        Fault::new(StatusCode::SERVICE_UNAVAILABLE, "the store cannot be read now, and its log says why; try again")
    })?;
    let (deliveries, collectors) =
        look(&web, move |world, now| Ok((Deliveries::of(world, &told, now), Collectors::of(world, now)))).await?;
    let mut frame = frame(&web, uri.path(), "deliveries", &collectors.collectors);
    let query = ask::spelt(&words);
    frame.twin = Some(format!("api/v1/deliveries{}{query}", if query.is_empty() { "" } else { "?" }));
    let rows = (deliveries.offset, deliveries.deliveries.len(), deliveries.matching);
    let rows = Rows::new(&frame.root, "deliveries", &query, rows);
    engine::page(
        "deliveries.html",
        frame,
        context! { asked => !words.is_empty(), deliveries => engine::value(&deliveries), page => engine::value(rows) },
    )
}
