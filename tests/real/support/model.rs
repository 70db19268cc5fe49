//! A model issuer on loopback: what each request gets is a function of the test. Speaks as Vault does, or misbehaves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use futures_util::stream;
use serde_json::{Value, json};

/// One request, as far as tests look.
pub struct Asked {
    pub path: String,
    /// `name: value` a line.
    pub headers: String,
    pub body: String,
}

pub enum Answer {
    Full(u16, Vec<(&'static str, String)>, Bytes),
    /// One byte a second, for as long as it is read.
    Drip(&'static [u8]),
    /// No answer at all.
    Hang,
}

impl Answer {
    pub fn json(value: &Value) -> Self {
        Self::Full(200, vec![("content-type", "application/json".into())], value.to_string().into())
    }
    pub fn text(status: u16, body: impl Into<Bytes>) -> Self {
        Self::Full(status, vec![("content-type", "application/json".into())], body.into())
    }
}

type Handler = Arc<dyn Fn(&Asked) -> Answer + Send + Sync>;

pub struct Model {
    pub url: String,
}

impl Model {
    pub async fn start(handler: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let handler: Handler = Arc::new(handler);
        let router = Router::new().fallback(answer).with_state(handler);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url }
    }
}

async fn answer(State(handler): State<Handler>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
    let header = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
        format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()))
    };
    let asked = Asked {
        path: parts.uri.path().to_owned(),
        headers: parts.headers.iter().map(header).collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    match handler(&asked) {
        Answer::Full(status, headers, body) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Body::from(body)).unwrap()
        }
        Answer::Drip(bytes) => {
            let drops = stream::unfold(0, move |nth| async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Some((Ok::<_, std::io::Error>(Bytes::copy_from_slice(&bytes[nth % bytes.len()..][..1])), nth + 1))
            });
            Response::builder().header("content-type", "application/json").body(Body::from_stream(drops)).unwrap()
        }
        Answer::Hang => std::future::pending().await,
    }
}

/// Tokens as a Vault lists them; clones share them.
#[derive(Clone, Default)]
pub struct Tokens(pub Arc<Mutex<BTreeMap<String, Value>>>);

impl Tokens {
    pub fn put(&self, accessor: &str, name: &str, lives: i64) {
        self.put_valued(accessor, name, lives, &format!("value-of-{accessor}"));
    }
    /// `value` stands in `.data.id`, as the issuer tells it.
    pub fn put_valued(&self, accessor: &str, name: &str, lives: i64, value: &str) {
        let now = chrono::Utc::now();
        let rfc = |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let token = json!({ "data": {
            "accessor": accessor, "id": value, "display_name": format!("token-{name}"), "path": "auth/token/create",
            "type": "service", "creation_time": now.timestamp(), "issue_time": rfc(now), "creation_ttl": lives,
            "expire_time": rfc(now + chrono::TimeDelta::seconds(lives)), "policies": ["default"], "num_uses": 0,
            "explicit_max_ttl": 0, "renewable": false, "ttl": lives, "entity_id": "", "meta": null, "orphan": true,
        }});
        self.0.lock().unwrap().insert(accessor.to_owned(), token);
    }
    pub fn remove(&self, accessor: &str) {
        self.0.lock().unwrap().remove(accessor);
    }
    pub fn answer(&self, asked: &Asked) -> Answer {
        let tokens = self.0.lock().unwrap();
        if asked.path.ends_with("/accessors") {
            let keys: Vec<&String> = tokens.keys().collect();
            return Answer::json(&json!({ "data": { "keys": keys } }));
        }
        if asked.path.ends_with("/lookup-accessor") {
            let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
            let found = body["accessor"].as_str().and_then(|accessor| tokens.get(accessor));
            return found.map_or_else(|| Answer::text(400, r#"{"errors":["invalid accessor"]}"#), Answer::json);
        }
        if asked.path.ends_with("/lookup-self") {
            return Answer::json(&json!({ "data": {
                "accessor": "own", "id": "own", "display_name": "token", "path": "auth/token/root", "type": "service",
                "creation_time": 1_700_000_000, "expire_time": null, "creation_ttl": 0, "num_uses": 0, "policies": ["root"],
            }}));
        }
        Answer::text(404, r#"{"errors":[]}"#)
    }
}
