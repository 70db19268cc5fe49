//! Requests that change something come from forewarn's own pages or from no browser at all: a page of another site must not
//! be able to poll an issuer or to reload with the credentials that a browser remembers. Browsers say where a request
//! comes from in `Sec-Fetch-Site` (on https and loopback) and in `Origin`; programs say nothing.

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Web;

pub async fn require(State(web): State<Web>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let host = request.uri().authority().map(|authority| authority.as_str());
    if reads || own(request.headers(), host, web.site.origin()) {
        return next.run(request).await;
    }
    let text = "this was asked for by a page of another site; open forewarn itself and press the button there\n";
    (StatusCode::FORBIDDEN, text).into_response()
}

/// `host`: of the request's target, where HTTP/2 names it; `external`: the origin that people reach forewarn under.
fn own(headers: &HeaderMap, host: Option<&str>, external: Option<&str>) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    match text("sec-fetch-site") {
        Some("same-origin" | "none") => return true,
        Some(_) => return false,
        None => {}
    }
    let Some(origin) = text(ORIGIN.as_str()) else { return true };
    let host = host.or_else(|| text(HOST.as_str())).unwrap_or("");
    let named = origin.split_once("://").map_or("", |(_, authority)| authority);
    external == Some(origin) || (!named.is_empty() && named.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&'static str, &'static str)]) -> bool {
        let pairs = pairs.iter().map(|(name, value)| {
            (name.parse::<axum::http::HeaderName>().unwrap(), axum::http::HeaderValue::from_static(value))
        });
        own(&pairs.collect(), None, Some("https://ops.example.com"))
    }

    #[test]
    fn other_sites_are_refused_and_programs_are_not() {
        assert!(asked(&[("host", "127.0.0.1:1")]), "curl says nothing");
        assert!(asked(&[("sec-fetch-site", "same-origin"), ("origin", "https://x"), ("host", "y")]));
        assert!(asked(&[("sec-fetch-site", "none")]));
        for site in ["cross-site", "same-site", ""] {
            assert!(!asked(&[("sec-fetch-site", site)]), "{site}");
        }
        assert!(asked(&[("origin", "http://127.0.0.1:1"), ("host", "127.0.0.1:1")]));
        assert!(asked(&[("origin", "https://ops.example.com"), ("host", "inside:10789")]), "behind a proxy");
        for origin in ["null", "", "http://127.0.0.1:2", "https://evil.example", "http://"] {
            assert!(!asked(&[("origin", origin), ("host", "127.0.0.1:1")]), "{origin}");
        }
    }
}
