//! The start page: who needs someone, and every token by its deadline. No script; everything escaped by the engine.

use std::sync::LazyLock;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use minijinja::{AutoEscape, Environment, context};

use super::Web;
use super::api::Listing;
use crate::domain::At;
use crate::domain::finding::Severity;
use crate::show::listing::{Row, headline, rows};

/// Rows on the page; the rest is counted and named where to find it.
const MOST: usize = 1000;

static PAGES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut pages = Environment::new();
    pages.set_auto_escape_callback(|_| AutoEscape::Html);
    let loaded = pages.add_template("landing", include_str!("landing.html"));
    loaded.expect("the page's template is part of the binary and is rendered by a test");
    pages
});

pub async fn landing(State(web): State<Web>) -> Response {
    let Some(parts) = web.parts.get() else { return super::starting() };
    let now = web.clock.now();
    let listing = {
        let world = parts.world.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        Listing::of(&world, now)
    };
    match render(listing, now) {
        Ok(page) => ([(CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response(),
        Err(error) => {
            tracing::error!(%error, "could not render the start page");
            (StatusCode::INTERNAL_SERVER_ERROR, "the page could not be rendered; the log says why\n").into_response()
        }
    }
}

fn render(listing: Listing, now: At) -> Result<String, minijinja::Error> {
    let collectors: Vec<_> = listing
        .collectors
        .iter()
        .filter_map(|collector| {
            let failure = collector.failure.as_ref()?;
            let read = collector.last_success.map(|at| crate::deliver::message::words::nearly(at, now));
            Some(context! { name => &collector.collector, failure, read })
        })
        .collect();
    let fresh = listing.collectors.len() - collectors.len();
    let total = listing.collectors.len();
    let all = rows(listing.tokens, now);
    let shown: Vec<_> = all.iter().take(MOST).map(cells).collect();
    PAGES.get_template("landing")?.render(context! {
        headline => headline(&all),
        fresh, total, collectors,
        rows => shown,
        more => all.len().saturating_sub(MOST),
        now => crate::deliver::message::words::short(now, now),
        version => env!("CARGO_PKG_VERSION"),
    })
}

fn cells(row: &Row) -> minijinja::Value {
    let mark = match row.severity {
        Some(Severity::Critical) => "✖",
        Some(Severity::Warning) => "!",
        _ => "",
    };
    context! {
        mark,
        severity => row.severity.map(Severity::as_str).unwrap_or("none"),
        relative => &row.relative, absolute => &row.absolute, token => &row.token,
        why => &row.why, breaks => &row.breaks, team => &row.team,
    }
}
