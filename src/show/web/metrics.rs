//! `/metrics`: 200 from the first second, gzip where it is taken (surfaces 3).

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use super::Web;
use crate::show::exposition::body::{Encoding, PageBody};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

pub async fn metrics(State(web): State<Web>, headers: HeaderMap) -> Response {
    let own = web.metrics.render();
    let encoding = Encoding::of(headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()));
    let Some(parts) = web.parts.get() else { return answer(Body::from(own), Encoding::Plain) };
    let live = parts.exposition.live(&own, web.clock.now());
    answer(Body::new(PageBody::new(&parts.exposition, live, encoding)), encoding)
}

fn answer(body: Body, encoding: Encoding) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, TEXT);
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if encoding == Encoding::Gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}
