//! Messages and the channels they take.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};

use super::{Answer, Refused, asked, looking, parts};
use crate::keep::store::StoreError;
use crate::show::answers::deliveries::{Told, sought};
use crate::show::answers::shapes::Deliveries;
use crate::show::web::Web;

pub async fn deliveries(State(web): State<Web>, uri: Uri) -> Answer<Deliveries> {
    let mut pairs = asked::pairs(&uri)?;
    let paging = asked::paging(&mut pairs)?;
    let sought = looking(&web, move |world, _| sought(world, asked::borrowed(&pairs), paging)).await?;
    let sought = sought.map_err(Refused::wrong)?;
    let now = web.clock.now();
    let told = parts(&web)?.store.call(move |store| {
        let (rows, matching) = store.deliveries(&sought)?;
        let waiting = store.waiting(now)?;
        Ok(Told { rows, matching: matching as usize, offset: sought.offset as usize, waiting })
    });
    let told = told.await.map_err(unread)?;
    looking(&web, move |world, now| Deliveries::of(world, &told, now)).await.map(Json)
}

/// The store's own words go to the log: they name files of this machine.
pub fn unread(error: StoreError) -> Refused {
    tracing::error!(%error, "could not read what was told");
    Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "the store cannot be read; the log says why")
}
