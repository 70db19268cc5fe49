//! Templates → HTML. The templates are part of the binary; everything that is not marked as safe here is escaped by the
//! engine. Filters say times, links and figures the same way on every page.

use std::sync::LazyLock;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use chrono::DateTime;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, HtmlEscape, UndefinedBehavior, context};
use serde::Serialize;

use super::{assets, fault::Fault};
use crate::deliver::message::words;
use crate::domain::At;
use crate::show::answers::shapes::CollectorRow;

const TEMPLATES: &[(&str, &str)] = &[
    ("base.html", include_str!("html/base.html")),
    ("parts.html", include_str!("html/parts.html")),
    ("start.html", include_str!("html/start.html")),
    ("tokens.html", include_str!("html/tokens.html")),
    ("token.html", include_str!("html/token.html")),
    ("collectors.html", include_str!("html/collectors.html")),
    ("collector.html", include_str!("html/collector.html")),
    ("deliveries.html", include_str!("html/deliveries.html")),
    ("pipelines.html", include_str!("html/pipelines.html")),
    ("pipeline.html", include_str!("html/pipeline.html")),
    ("fault.html", include_str!("html/fault.html")),
];

static PAGES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut pages = Environment::new();
    pages.set_auto_escape_callback(|_| AutoEscape::Html);
    pages.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, text) in TEMPLATES {
        let loaded = pages.add_template(name, text);
        loaded.expect("a template is part of the binary and is rendered by a test");
    }
    pages.add_global("assets", value(assets::names()));
    pages.add_global("version", env!("CARGO_PKG_VERSION"));
    pages.add_filter("when", when);
    pages.add_filter("ago", ago);
    pages.add_filter("stamped", stamped);
    pages.add_filter("linked", linked);
    pages.add_filter("token_path", |token: &str| token_path(token));
    pages.add_filter("web_address", web_address);
    pages.add_filter("after", |text: &str, start: &str| text.strip_prefix(start).unwrap_or(text).to_owned());
    pages.add_filter("plain", |text: &str| plain(text));
    pages.add_filter("spoken", |word: &str| word.replace('_', " "));
    pages.add_filter("grade", |row: &Value| grade(row));
    pages.add_filter("ends_instant", |row: &Value| ends_instant(row));
    pages.add_filter("delivery_grade", |row: &Value| delivery_grade(row));
    pages.add_filter("thousands", thousands);
    pages.add_filter("brief", |n: u64| if n < 1000 { n.to_string() } else { format!("{}k", n / 1000) });
    pages.add_filter("percent", percent);
    pages.add_filter("took", took);
    pages.add_filter("seconds", |n: i64| words::span(n));
    pages
});

/// What the layout of a page needs.
#[derive(Clone, Debug, Serialize)]
pub struct Frame {
    /// From this page to the start page: `./`, `../../`.
    pub root: String,
    /// Which entry of the navigation is open.
    pub section: &'static str,
    /// What stands in the filter box.
    pub filter: String,
    /// The page as JSON, from the start page on.
    pub twin: Option<String>,
    pub now: Option<At>,
    pub sight: Option<Sight>,
}

/// State of the collectors, the line at the top.
#[derive(Clone, Debug, Serialize)]
pub struct Sight {
    fresh: usize,
    total: usize,
    /// Those that are not fresh; at most [`Sight::MOST`].
    troubles: Vec<Trouble>,
    more: usize,
}

#[derive(Clone, Debug, Serialize)]
struct Trouble {
    collector: String,
    text: String,
}

impl Frame {
    /// A page that knows nothing but itself.
    pub fn bare(root: String) -> Self {
        Self { root, section: "", filter: String::new(), twin: None, now: None, sight: None }
    }
}

impl Sight {
    const MOST: usize = 4;

    pub fn of(collectors: &[CollectorRow]) -> Self {
        let troubled: Vec<_> = collectors.iter().filter(|one| !one.fresh).collect();
        let trouble = |one: &&CollectorRow| Trouble { collector: one.collector.clone(), text: one.text.clone() };
        Self {
            fresh: collectors.len() - troubled.len(),
            total: collectors.len(),
            troubles: troubled.iter().take(Self::MOST).map(trouble).collect(),
            more: troubled.len().saturating_sub(Self::MOST),
        }
    }
}

/// A shape as a template reads it.
pub fn value(shape: impl Serialize) -> Value {
    Value::from(Serde(shape))
}

pub fn render(template: &str, context: Value) -> Result<String, minijinja::Error> {
    PAGES.get_template(template)?.render(context)
}

/// A page as an answer. It is of this moment, and may name what only its reader may know.
pub fn page(template: &str, frame: Frame, rest: Value) -> Result<Response, Fault> {
    let context = context! { frame => value(frame), ..rest };
    match render(template, context) {
        Ok(text) => {
            let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "private, no-cache")];
            Ok((headers, text).into_response())
        }
        Err(error) => {
            tracing::error!(%error, template, "could not render a page");
            Err(Fault::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "the page could not be rendered"))
        }
    }
}

/// For a path or a query, byte by byte; `/` stays.
pub fn encoded(text: &str) -> String {
    minijinja::filters::urlencode(&Value::from(text)).unwrap_or_default()
}

/// Link to a token's page, from the start page on. Parts that a browser would swallow go into the query.
pub fn token_path(token: &str) -> String {
    let swallowed = token.split('/').any(|part| matches!(part, "" | "." | ".."));
    match swallowed {
        true => format!("t?token={}", encoded(token)),
        false => format!("t/{}", encoded(token)),
    }
}

fn instant(value: &Value) -> Option<At> {
    DateTime::parse_from_rfc3339(value.as_str()?).ok().map(|at| at.to_utc())
}

fn time(at: At, text: &str) -> Value {
    let at = at.format("%Y-%m-%dT%H:%M:%SZ");
    Value::from_safe_string(format!("<time datetime=\"{at}\">{}</time>", HtmlEscape(text)))
}

/// `Tue 1 Dec 02:00 UTC`, as an instant that a script can read.
fn when(value: &Value, now: &Value) -> Value {
    match (instant(value), instant(now)) {
        (Some(at), Some(now)) => time(at, &words::short(at, now)),
        _ => value.clone(),
    }
}

/// `4 min ago`.
fn ago(value: &Value, now: &Value) -> Value {
    match (instant(value), instant(now)) {
        (Some(at), Some(now)) => time(at, &words::nearly(at, now)),
        _ => value.clone(),
    }
}

/// A text that says an instant, with the instant.
fn stamped(text: &str, at: &Value) -> Value {
    match instant(at) {
        Some(at) => time(at, text),
        None => Value::from(text),
    }
}

/// A sentence in which the name of a token leads to its page.
fn linked(text: &str, root: &str, token: &str) -> Value {
    let Some((before, after)) = text.split_once(token) else { return Value::from(text) };
    Value::from_safe_string(format!(
        "{}<a class=\"token\" href=\"{}{}\"><bdi>{}</bdi></a>{}",
        HtmlEscape(before),
        HtmlEscape(root),
        HtmlEscape(&token_path(token)),
        HtmlEscape(token),
        HtmlEscape(after)
    ))
}

/// Only addresses of the web are followed; anything else leads nowhere.
fn web_address(address: &str) -> String {
    let web = ["https://", "http://"].iter().any(|scheme| address.starts_with(scheme));
    if web { address.to_owned() } else { "#".to_owned() }
}

/// Safe to be copied into a shell as it stands.
fn plain(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.' | '@' | '+' | ':'))
}

fn field(row: &Value, name: &str) -> Option<String> {
    row.get_attr(name).ok()?.as_str().map(str::to_owned)
}

/// How a token stands: the name of a mark.
fn grade(row: &Value) -> &'static str {
    match (field(row, "severity").as_deref(), field(row, "state").as_deref()) {
        (Some("critical"), _) => "critical",
        (Some("warning"), _) => "warning",
        (_, Some("unknown" | "unverified")) => "unknown",
        (Some("info"), _) => "info",
        _ => "quiet",
    }
}

/// The instant that a row's `ends_at` says.
fn ends_instant(row: &Value) -> Value {
    let first = |names: &[&str]| {
        let found = names.iter().find_map(|name| field(row, name));
        found.map(Value::from).unwrap_or_default()
    };
    match field(row, "state").as_deref() {
        Some("expired") => first(&["was_to_end", "ended_at"]),
        Some("revoked" | "vanished") => first(&["ended_at"]),
        _ => first(&["deadline", "expires"]),
    }
}

fn delivery_grade(row: &Value) -> &'static str {
    match field(row, "state").as_deref() {
        Some("sent") => "good",
        Some("dead") => "failed",
        Some("blocked" | "retrying") => "warning",
        Some("superseded" | "cancelled") => "done",
        _ => "waits",
    }
}

/// `1,204`.
fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let parts = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    parts.collect::<Vec<_>>().join(",")
}

/// `100 %`; a share that is not whole is never said to be.
fn percent(share: f64) -> String {
    match share {
        share if share >= 1.0 => "100 %".to_owned(),
        share => format!("{:.0} %", (share * 100.0).floor().clamp(0.0, 99.0)),
    }
}

/// Milliseconds as people say them: `240 ms`, `3.2 s`, `2 min`.
fn took(ms: u64) -> String {
    match ms {
        0..=999 => format!("{ms} ms"),
        1000..=59_999 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => words::span(i64::try_from(ms / 1000).unwrap_or(i64::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_and_links() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(1204), "1,204");
        assert_eq!(thousands(1_000_000), "1,000,000");
        assert_eq!(percent(0.9999), "99 %");
        assert_eq!(took(240), "240 ms");
        assert_eq!(took(3250), "3.2 s");
        assert_eq!(token_path("gitlab/platform/renovate"), "t/gitlab/platform/renovate");
        assert_eq!(token_path("a/<b>?&\"#%"), "t/a/%3Cb%3E%3F%26%22%23%25");
        for swallowed in ["a/..", "a/./b", "a//b", "a/"] {
            assert!(token_path(swallowed).starts_with("t?token=a/"), "{swallowed}");
        }
        assert_eq!(web_address("javascript:alert(1)"), "#");
    }
}
