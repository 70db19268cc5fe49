//! Style, script and icon, out of the binary. Their names carry a mark of their content, so that a browser keeps each
//! for a year and still sees a new version at once.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::fault::Fault;

struct Asset {
    text: &'static str,
    kind: &'static str,
    name: String,
}

static STYLE: LazyLock<Asset> = LazyLock::new(|| asset(include_str!("assets/forewarn.css"), "css", "text/css"));
static SCRIPT: LazyLock<Asset> = LazyLock::new(|| asset(include_str!("assets/forewarn.js"), "js", "text/javascript"));
static ICON: LazyLock<Asset> = LazyLock::new(|| asset(include_str!("assets/forewarn.svg"), "svg", "image/svg+xml"));

fn asset(text: &'static str, ending: &str, kind: &'static str) -> Asset {
    let mut mark = DefaultHasher::new();
    text.hash(&mut mark);
    Asset { text, kind, name: format!("forewarn.{:016x}.{ending}", mark.finish()) }
}

/// Names for the templates.
#[derive(Serialize)]
pub struct Names {
    style: &'static str,
    script: &'static str,
    icon: &'static str,
}

pub fn names() -> Names {
    Names { style: &STYLE.name, script: &SCRIPT.name, icon: &ICON.name }
}

/// `/assets/{name}`.
pub async fn serve(Path(name): Path<String>) -> Result<Response, Fault> {
    let all: [&'static Asset; 3] = [&STYLE, &SCRIPT, &ICON];
    let found = all.into_iter().find(|asset| asset.name == name);
    let asset = found.ok_or_else(|| Fault::missing("there is no such file; reload the page that named it"))?;
    let headers = [
        (CONTENT_TYPE, format!("{}; charset=utf-8", asset.kind)),
        (CACHE_CONTROL, "public, max-age=31536000, immutable".to_owned()),
    ];
    Ok((headers, asset.text).into_response())
}
