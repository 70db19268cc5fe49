//! What goes wrong with a request, as a sentence that says what to do: plain text for programs, and for a browser a page
//! in the layout of all others.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use minijinja::context;

use super::engine::{self, Frame};
use crate::domain::text::Text;
use crate::show::web::Web;

/// A refused request.
#[derive(Debug)]
pub struct Fault {
    status: StatusCode,
    sentence: String,
}

impl Fault {
    pub fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self { status, sentence: sentence.into() }
    }
    pub fn missing(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, sentence)
    }
    pub fn wrong(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, sentence)
    }
    pub fn starting() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "forewarn is starting: the store is being read")
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        (self.status, format!("{}\n", self.sentence)).into_response()
    }
}

/// Longest sentence that is shown, bytes; ours are shorter.
const MOST: usize = 4096;

/// Gives every refusal its sentence, and a browser its page. Answers of the API keep their own form.
pub async fn dress(State(web): State<Web>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let browser = reads_html(request.headers());
    let response = next.run(request).await;
    let status = response.status();
    let ours = response.headers().get(CONTENT_TYPE).is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !(status.is_client_error() || status.is_server_error()) || !ours {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let written = to_bytes(body, MOST).await.unwrap_or_default();
    let sentence = sentence(status, String::from_utf8_lossy(&written).trim());
    let inner = path.strip_prefix(web.site.prefix()).unwrap_or(&path);
    let page = browser && !["/api/", "/-/", "/metrics"].iter().any(|start| inner.starts_with(start));
    let (kind, text) = match page.then(|| rendered(&web, &path, status, &sentence)) {
        Some(Ok(page)) => ("text/html; charset=utf-8", page),
        Some(Err(error)) => {
            tracing::error!(%error, "could not render the page of a refusal");
            ("text/plain; charset=utf-8", format!("{sentence}\n"))
        }
        None => ("text/plain; charset=utf-8", format!("{sentence}\n")),
    };
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    Response::from_parts(parts, Body::from(text))
}

fn reads_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    accepted.contains("text/html")
}

/// What a layer or an extractor refuses has no sentence of ours.
fn sentence(status: StatusCode, written: &str) -> String {
    let ours = match status {
        StatusCode::REQUEST_TIMEOUT => "the answer took too long; try again, or ask for less",
        StatusCode::PAYLOAD_TOO_LARGE => "the request is too large; nothing here needs more than 64 KiB",
        StatusCode::INTERNAL_SERVER_ERROR => {
            "forewarn failed at this page, and its log says why; the other pages go on"
        }
        _ => written,
    };
    if ours.is_empty() { status.canonical_reason().unwrap_or("refused").to_lowercase() } else { ours.to_owned() }
}

fn rendered(web: &Web, path: &str, status: StatusCode, sentence: &str) -> Result<String, minijinja::Error> {
    let title = match status {
        StatusCode::NOT_FOUND => "Not here",
        StatusCode::UNAUTHORIZED => "Who are you?",
        StatusCode::SERVICE_UNAVAILABLE => "Not yet",
        _ if status.is_server_error() => "This went wrong",
        _ => "Not understood",
    };
    let lines = sentence.lines().map(|line| line.split(' ').map(whole).collect::<Vec<_>>().join(" "));
    let sentence = lines.collect::<Vec<_>>().join("; ");
    let mut letters = sentence.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    engine::render(
        "fault.html",
        context! {
            frame => engine::value(Frame::bare(web.site.root(path))),
            title,
            sentence => format!("{first}{}.", letters.as_str().trim_end_matches('.')),
            status => status.to_string(),
            starting => status == StatusCode::SERVICE_UNAVAILABLE,
        },
    )
}

/// Words of the request may stand in a sentence: inert there as anywhere.
fn whole(word: &str) -> String {
    Text::new(word).to_string()
}
