//! A stateful model of GitLab behind a loopback socket, after its API documents: paths, shapes, Link paging, refusals.
//! Knows nothing of forewarn.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

/// What a token belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Of {
    Group(u64),
    Project(u64),
    User(u64),
}

/// A personal access token; those of groups and projects are the tokens of bot users.
#[derive(Clone, Debug)]
pub struct Token {
    pub id: u64,
    pub of: Of,
    pub name: String,
    pub expires_at: Option<String>,
    pub revoked: bool,
    pub last_used_at: Option<String>,
    pub scopes: Vec<String>,
    pub user_id: u64,
    /// Fields that an upgrade of the server brought.
    pub more: Value,
    pub created_at: String,
}

/// What a path does instead of answering; keyed by path, or by path and `?page=N`.
#[derive(Clone)]
pub enum Fault {
    Status(u16, &'static str),
    Throttled(u32),
    Slow(Duration),
    /// Promises more bytes than it sends.
    Truncated,
    Html,
}

#[derive(Default)]
pub struct Model {
    /// Id → full path and parent.
    pub groups: BTreeMap<u64, (String, Option<u64>)>,
    /// Id → path and group.
    pub projects: BTreeMap<u64, (String, u64)>,
    pub tokens: Vec<Token>,
    /// Id → owner and the record as GitLab writes it.
    pub deploy: BTreeMap<u64, (Of, Value)>,
    /// Secret → token id.
    pub values: HashMap<String, u64>,
    pub admin: bool,
    pub faults: HashMap<String, Fault>,
    /// Paths with queries, in order of arrival.
    pub asked: Vec<String>,
    next: u64,
}

#[derive(Clone)]
pub struct GitLab {
    pub url: String,
    model: Arc<Mutex<Model>>,
}

pub const LOGIN: &str = "glpat-the-login-of-forewarn";
/// Group 1, its subgroup 2, a project in each.
pub const PLATFORM: u64 = 1;
pub const DEEP: u64 = 2;
pub const SHOP: u64 = 3;
pub const API: u64 = 11;
pub const WEB: u64 = 12;

impl GitLab {
    /// Three groups, two projects, and the login: a group access token of `platform`.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let this = Self { url, model: Arc::default() };
        {
            let mut model = this.model();
            model.next = 100;
            model.groups = BTreeMap::from([
                (PLATFORM, ("platform".to_owned(), None)),
                (DEEP, ("platform/deep".to_owned(), Some(PLATFORM))),
                (SHOP, ("shop".to_owned(), None)),
            ]);
            model.projects =
                BTreeMap::from([(API, ("platform/deep/api".to_owned(), DEEP)), (WEB, ("shop/web".to_owned(), SHOP))]);
        }
        let login = this.token(Of::Group(PLATFORM), "forewarn-reader", Some(&day(200)));
        this.model().values.insert(LOGIN.to_owned(), login);
        let router = Router::new().fallback(answer).with_state(this.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        this
    }

    pub fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap()
    }

    /// Makes a token; its id.
    pub fn token(&self, of: Of, name: &str, expires_at: Option<&str>) -> u64 {
        let mut model = self.model();
        model.next += 1;
        let id = model.next;
        let user_id = if let Of::User(user) = of { user } else { id + 5000 };
        model.tokens.push(Token {
            id,
            of,
            name: name.to_owned(),
            expires_at: expires_at.map(str::to_owned),
            revoked: false,
            last_used_at: None,
            scopes: vec!["read_api".into()],
            user_id,
            more: json!({}),
            created_at: chrono::Utc::now().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        });
        id
    }

    pub fn deploy_token(&self, of: Of, name: &str, expires_at: Option<&str>) -> u64 {
        let mut model = self.model();
        model.next += 1;
        let id = model.next;
        let record = json!({
            "id": id, "name": name, "username": format!("gitlab+deploy-token-{id}"), "expires_at": expires_at,
            "revoked": false, "expired": false, "scopes": ["read_registry"]
        });
        model.deploy.insert(id, (of, record));
        id
    }

    pub fn change(&self, id: u64, how: impl FnOnce(&mut Token)) {
        how(self.model().tokens.iter_mut().find(|token| token.id == id).unwrap());
    }

    /// As `POST …/access_tokens/ID/rotate`: the old token is revoked and stays listed, the new one has another id.
    pub fn rotate(&self, id: u64, expires_at: &str) -> u64 {
        let old = self.model().tokens.iter().find(|token| token.id == id).unwrap().clone();
        self.change(id, |token| token.revoked = true);
        let new = self.token(old.of, &old.name, Some(expires_at));
        self.change(new, |token| token.user_id = old.user_id);
        new
    }

    pub fn delete(&self, id: u64) {
        self.model().tokens.retain(|token| token.id != id);
    }

    pub fn fault(&self, path: &str, fault: Option<Fault>) {
        let mut model = self.model();
        match fault {
            Some(fault) => model.faults.insert(path.to_owned(), fault),
            None => model.faults.remove(path),
        };
    }

    /// How often a path was asked, whatever its query.
    pub fn asked(&self, path: &str) -> usize {
        self.model().asked.iter().filter(|asked| asked.split('?').next() == Some(path)).count()
    }
}

/// A date so many days from today, UTC.
pub fn day(ahead: i64) -> String {
    (chrono::Utc::now() + chrono::TimeDelta::days(ahead)).format("%Y-%m-%d").to_string()
}

/// The first second of such a date.
pub fn first_second(date: &str) -> i64 {
    chrono::NaiveDate::parse_from_str(date, "%Y-%m-%d").unwrap().and_time(chrono::NaiveTime::MIN).and_utc().timestamp()
}

async fn answer(State(gitlab): State<GitLab>, request: Request) -> Response<Body> {
    let path = request.uri().path().strip_prefix("/api/v4").unwrap_or("/nowhere").to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let page = parameter(&query, "page").unwrap_or(1);
    let headers = request.headers();
    let bearer = headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let given = headers.get("private-token").and_then(|value| value.to_str().ok()).or(bearer).unwrap_or_default();
    let given = given.to_owned();
    let fault = {
        let mut model = gitlab.model();
        model.asked.push(format!("{path}?{query}"));
        let at_page = model.faults.get(&format!("{path}?page={page}")).cloned();
        at_page.or_else(|| model.faults.get(&path).cloned())
    };
    match fault {
        Some(Fault::Status(status, body)) => return reply(status, body.into(), "application/json"),
        Some(Fault::Html) => return reply(200, "<html>sign in</html>".into(), "text/html"),
        Some(Fault::Throttled(seconds)) => {
            let mut answer = reply(429, "Retry later\n".into(), "text/plain");
            answer.headers_mut().insert("retry-after", seconds.into());
            return answer;
        }
        Some(Fault::Slow(wait)) => tokio::time::sleep(wait).await,
        _ => {}
    }
    let found = find(&gitlab.model(), &path, &given);
    let (status, body) = match found {
        Ok(Value::Array(all)) => {
            return listing(&gitlab.url, &path, &query, all, matches!(fault, Some(Fault::Truncated)));
        }
        Ok(one) => (200, one),
        Err(status) => (status, json!({ "message": format!("{status} {}", StatusCode::from_u16(status).unwrap()) })),
    };
    reply(status, body.to_string().into(), "application/json")
}

/// One page: `per_page` is 20 unless told, 100 at most.
fn listing(url: &str, path: &str, query: &str, all: Vec<Value>, truncated: bool) -> Response<Body> {
    let size = parameter(query, "per_page").unwrap_or(20).clamp(1, 100);
    let page = parameter(query, "page").unwrap_or(1).max(1);
    let last = all.len().div_ceil(size).max(1);
    let others: String = query
        .split('&')
        .filter(|pair| !pair.starts_with("page=") && !pair.is_empty())
        .fold(String::new(), |all, pair| all + "&" + pair);
    let to = |page: usize, rel: &str| format!("<{url}/api/v4{path}?page={page}{others}>; rel=\"{rel}\"");
    let mut links = Vec::new();
    if page > 1 {
        links.push(to(page - 1, "prev"));
    }
    if page < last {
        links.push(to(page + 1, "next"));
    }
    links.extend([to(1, "first"), to(last, "last")]);
    let total = all.len();
    let records: Vec<Value> = all.into_iter().skip((page - 1) * size).take(size).collect();
    let body = Value::from(records).to_string();
    let mut answer = match truncated {
        false => reply(200, body.into(), "application/json"),
        true => {
            let half = Bytes::from(body[..body.len() / 2].to_owned());
            let broken = Err(std::io::Error::other("the connection is cut"));
            let parts = futures_util::stream::iter([Ok(half), broken]);
            Response::builder().header("content-type", "application/json").body(Body::from_stream(parts)).unwrap()
        }
    };
    let headers = answer.headers_mut();
    headers.insert("link", links.join(", ").parse().unwrap());
    headers.insert("x-total", total.into());
    headers.insert("x-per-page", size.into());
    answer
}

fn reply(status: u16, body: Body, kind: &str) -> Response<Body> {
    let builder = Response::builder().status(status).header("content-type", kind);
    builder.header("ratelimit-remaining", "1990").body(body).unwrap()
}

fn parameter(query: &str, name: &str) -> Option<usize> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}

fn find(model: &Model, path: &str, given: &str) -> Result<Value, u16> {
    let id = model.values.get(given).ok_or(401_u16)?;
    let own = model.tokens.iter().find(|token| token.id == *id && active(token)).ok_or(401_u16)?;
    let parts: Vec<String> = path.trim_matches('/').split('/').map(|part| part.replace("%2F", "/")).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let group = |name: &str| {
        let found = model.groups.iter().find(|(id, (path, _))| id.to_string() == name || path == name);
        found.map(|(id, _)| *id).ok_or(404_u16)
    };
    let project = |name: &str| {
        let id = name.parse().map_err(|_| 404_u16)?;
        model.projects.contains_key(&id).then_some(id).ok_or(404_u16)
    };
    match parts[..] {
        ["personal_access_tokens", "self"] => Ok(written(own)),
        ["personal_access_tokens"] if !model.admin => Err(403),
        // An administrator sees the tokens of bot users in it, too.
        ["personal_access_tokens"] => Ok(model.tokens.iter().map(written).collect()),
        ["groups"] => Ok(model.groups.keys().map(|id| group_json(model, *id)).collect()),
        ["groups", name] => group(name).map(|id| group_json(model, id)),
        ["groups", name, "descendant_groups"] => {
            let id = group(name)?;
            let below = model.groups.keys().filter(|other| **other != id && inside(model, **other, id));
            Ok(below.map(|id| group_json(model, *id)).collect())
        }
        ["groups", name, "projects"] => {
            let id = group(name)?;
            let own = model.projects.iter().filter(|(_, (_, group))| *group == id);
            Ok(own
                .map(|(id, (path, _))| {
                    json!({
                        "id": id, "path_with_namespace": path, "web_url": format!("https://gitlab.example.com/{path}")
                    })
                })
                .collect())
        }
        ["groups", name, "access_tokens"] => group(name).map(|id| tokens(model, Of::Group(id))),
        ["groups", name, "deploy_tokens"] => group(name).map(|id| deploys(model, Of::Group(id))),
        ["projects", name, "access_tokens"] => project(name).map(|id| tokens(model, Of::Project(id))),
        ["projects", name, "deploy_tokens"] => project(name).map(|id| deploys(model, Of::Project(id))),
        _ => Err(404),
    }
}

fn inside(model: &Model, group: u64, above: u64) -> bool {
    group == above || model.groups.get(&group).and_then(|(_, parent)| *parent).is_some_and(|p| inside(model, p, above))
}

fn group_json(model: &Model, id: u64) -> Value {
    let (path, parent) = &model.groups[&id];
    let name = path.rsplit('/').next();
    json!({
        "id": id, "name": name, "path": name, "full_path": path, "parent_id": parent,
        "web_url": format!("https://gitlab.example.com/groups/{path}")
    })
}

fn tokens(model: &Model, of: Of) -> Value {
    model
        .tokens
        .iter()
        .filter(|token| token.of == of)
        .map(|token| {
            let mut record = written(token);
            record["access_level"] = 40.into();
            record
        })
        .collect()
}

fn deploys(model: &Model, of: Of) -> Value {
    model.deploy.values().filter(|(owner, _)| *owner == of).map(|(_, record)| record.clone()).collect()
}

fn active(token: &Token) -> bool {
    !token.revoked && token.expires_at.as_ref().is_none_or(|date| *date > day(0))
}

fn written(token: &Token) -> Value {
    let mut record = json!({
        "id": token.id, "name": token.name, "description": null, "user_id": token.user_id, "revoked": token.revoked,
        "created_at": token.created_at, "scopes": token.scopes, "last_used_at": token.last_used_at,
        "active": active(token), "expires_at": token.expires_at
    });
    for (key, value) in token.more.as_object().into_iter().flatten() {
        record[key] = value.clone();
    }
    record
}
