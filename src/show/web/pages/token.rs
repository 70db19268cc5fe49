//! `/t/{token}`: everything about one token, as `explain` says it (surfaces 6.2).

use axum::extract::{OriginalUri, Path, Query, State};
use axum::response::Response;

use super::fault::Fault;
use crate::show::web::Web;

pub async fn page(
    State(_web): State<Web>,
    OriginalUri(_uri): OriginalUri,
    Path(_token): Path<String>,
) -> Result<Response, Fault> {
    Err(Fault::missing("x"))
}

#[derive(serde::Deserialize)]
pub struct Named {
    _token: String,
}

/// `/t?token=…`, for names that a path cannot hold.
pub async fn asked(Query(_named): Query<Named>) -> Result<Response, Fault> {
    Err(Fault::missing("x"))
}
