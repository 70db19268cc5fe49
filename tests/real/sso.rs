//! Introspection (RFC 7662) by a real OAuth2 server, and by a server that misbehaves on demand.

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::any;
use serde_json::Value;

use crate::support::program::Program;
use crate::support::sinks::Slack;
use crate::support::{Server, eventually, free_port, http, spawn, tools};

const SECRET: &str = "ci-secret-ci-secret-ci-secret-32";
const SHORT: Duration = Duration::from_secs(5);

/// oidc-provider, with a client `ci`.
struct Sso {
    url: String,
    _server: Server,
}

impl Sso {
    async fn start(ttl: u32) -> Self {
        let port = free_port();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/servers/oidc.mjs");
        let mut command = Command::new("node");
        command
            .arg(script)
            .env("MODULES", tools().join("node"))
            .env("PORT", port.to_string())
            .env("TTL", ttl.to_string())
            .env("SECRET", SECRET)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let this = Self { url: format!("http://127.0.0.1:{port}"), _server: spawn(&mut command) };
        eventually("oidc-provider answers", Duration::from_secs(20), async || {
            let url = format!("{}/.well-known/openid-configuration", this.url);
            http().get(url).send().await.ok().filter(|answer| answer.status().is_success())
        })
        .await;
        this
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let sent = http().post(format!("{}{path}", self.url)).basic_auth("ci", Some(SECRET)).form(form).send();
        let text = sent.await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    async fn token(&self) -> String {
        let made = self.post("/token", &[("grant_type", "client_credentials"), ("scope", "api:read")]).await;
        made["access_token"].as_str().unwrap().to_owned()
    }

    async fn revoke(&self, token: &str) {
        self.post("/token/revocation", &[("token", token)]).await;
    }
}

fn config(url: &str, endpoint: &str) -> String {
    format!(
        r#"
store: sqlite:forewarn.db
collectors:
  sso:
    issuer: oauth2
    url: {url}
    {endpoint}
    login: {{ client_id: ci, client_secret: {{ env: SSO_SECRET }} }}
    inspect:
      deploy-bot: {{ file: deploy-bot.token }}
    every: 2s
pipelines:
  deploy-prod: {{}}
policies:
  - {{ match: {{ collector: sso }}, team: identity, pipelines: [deploy-prod] }}
channels:
  chat: {{ slack: {{ webhook_url: {{ env: SLACK_WEBHOOK }} }} }}
routes:
  - {{ match: {{ severity: [warning, critical] }}, to: [chat] }}
"#
    )
}

async fn program(url: &str, endpoint: &str, slack: &Slack, token: &str) -> Program {
    let mut program = Program::new(&config(url, endpoint), &[("SSO_SECRET", SECRET), ("SLACK_WEBHOOK", &slack.url)]);
    program.write("deploy-bot.token", token);
    program.start().await;
    program
}

const INFO: &str = "forewarn_token_info{collector=\"sso\",token=\"sso/deploy-bot\"";
const FINDING: &str = "forewarn_token_finding{collector=\"sso\",token=\"sso/deploy-bot\",finding=";

#[tokio::test(flavor = "multi_thread")]
async fn active_then_revoked_at_the_server_then_a_new_value() {
    let (sso, slack) = (Sso::start(3600).await, Slack::start().await);
    let token = sso.token().await;
    let endpoint = format!("introspection_endpoint: {}/token/introspection", sso.url);
    let program = program(&sso.url, &endpoint, &slack, &token).await;
    program.series(INFO, SHORT).await;
    program.series("forewarn_token_expiry_timestamp_seconds{collector=\"sso\",token=\"sso/deploy-bot\"}", SHORT).await;

    sso.revoke(&token).await;
    program.series(&format!("{FINDING}\"revoked\",severity=\"critical\"}} 1"), SHORT).await;
    let message = slack.message(0, "evoked", SHORT).await;
    assert!(message.contains("deploy-prod") && message.contains("identity"), "{message}");

    let renewed = sso.token().await;
    program.write("deploy-bot.token", &renewed);
    slack.message(1, "rotated", Duration::from_secs(8)).await;
    program.no_series(&format!("{FINDING}\"revoked\""), SHORT).await;
    assert!(!program.logs().contains(&token) && !program.logs().contains(&renewed) && !program.logs().contains(SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_endpoint_is_discovered() {
    let (sso, slack) = (Sso::start(3600).await, Slack::start().await);
    let token = sso.token().await;
    let program = program(&sso.url, "", &slack, &token).await;
    program.series("forewarn_token_expiry_timestamp_seconds{collector=\"sso\",token=\"sso/deploy-bot\"}", SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn never_active_is_unverified_and_never_revoked() {
    let (sso, slack) = (Sso::start(3600).await, Slack::start().await);
    let endpoint = format!("introspection_endpoint: {}/token/introspection", sso.url);
    let program = program(&sso.url, &endpoint, &slack, "never-issued-by-anybody").await;
    program.series(&format!("{FINDING}\"unverified\""), Duration::from_secs(15)).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let page = program.metrics().await;
    assert!(
        !page.contains(&format!("{FINDING}\"revoked\"")) && !page.contains(&format!("{FINDING}\"expired\"")),
        "{page}"
    );
}

/// Answers every request as told.
#[derive(Clone)]
struct Moody {
    url: String,
    answer: Arc<Mutex<(u16, String)>>,
}

impl Moody {
    async fn start(status: u16, body: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let this = Self { url, answer: Arc::new(Mutex::new((status, body.to_owned()))) };
        let router = Router::new().fallback(any(say)).with_state(this.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        this
    }
    fn says(&self, status: u16, body: &str) {
        *self.answer.lock().unwrap() = (status, body.to_owned());
    }
}

async fn say(State(moody): State<Moody>) -> (StatusCode, [(&'static str, &'static str); 1], String) {
    let (status, body) = moody.answer.lock().unwrap().clone();
    (StatusCode::from_u16(status).unwrap(), [("content-type", "application/json")], body)
}

/// A good answer, a bad one for a while, the good one again: no word against the token, and the collector says it.
async fn a_bad_answer_is_no_verdict(status: u16, body: &str) {
    let end = chrono::Utc::now().timestamp() + 200 * 86_400;
    let good = format!("{{\"active\":true,\"exp\":{end},\"client_id\":\"ci\",\"scope\":\"api\"}}");
    let (server, slack) = (Moody::start(200, &good).await, Slack::start().await);
    let endpoint = format!("introspection_endpoint: {}/introspect", server.url);
    let program = program(&server.url, &endpoint, &slack, "a-token-of-the-test").await;
    program.series("forewarn_token_expiry_timestamp_seconds{collector=\"sso\",token=\"sso/deploy-bot\"}", SHORT).await;
    server.says(status, body);
    program.series("forewarn_collector_up{collector=\"sso\"} 0", Duration::from_secs(15)).await;
    tokio::time::sleep(Duration::from_secs(7)).await;
    let page = program.metrics().await;
    assert!(page.contains(INFO), "the facts stay: {status} {body:.40}");
    assert!(!page.contains(FINDING), "no word against the token: {status} {body:.40}");
    server.says(200, &good);
    // A throttling issuer is left alone for a while.
    let patience = if status == 429 { 90 } else { 15 };
    program.series("forewarn_collector_up{collector=\"sso\"} 1", Duration::from_secs(patience)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_answers_are_no_verdicts() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let huge = format!("{{\"active\":false,\"pad\":\"{}\"}}", "x".repeat(80 << 20));
    let cases: Vec<(u16, &str)> = vec![
        (500, "{}"),
        (200, "{}"),
        (200, "<html>maintenance</html>"),
        (200, "{\"active\":fal"),
        (200, &deep),
        (200, &huge),
        (429, "{}"),
    ];
    for group in cases.chunks(4) {
        let all = group.iter().map(|(status, body)| a_bad_answer_is_no_verdict(*status, body));
        futures_util::future::join_all(all).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_is_about_the_collector_and_its_recovery_is_said_once() {
    let end = chrono::Utc::now().timestamp() + 200 * 86_400;
    let good = format!("{{\"active\":true,\"exp\":{end}}}");
    let (server, slack) = (Moody::start(200, &good).await, Slack::start().await);
    let endpoint = format!("introspection_endpoint: {}/introspect", server.url);
    let program = program(&server.url, &endpoint, &slack, "a-token-of-the-test").await;
    program.series(INFO, SHORT).await;
    server.says(401, "{\"error\":\"invalid_client\"}");
    let own = "forewarn_token_finding{collector=\"sso\",token=\"forewarn/sso\",finding=\"collector_failing\"";
    program.series(own, Duration::from_secs(15)).await;
    slack.message(0, "sso", SHORT).await;
    assert!(!program.metrics().await.contains(FINDING), "no word against the token");
    server.says(200, &good);
    program.no_series(own, Duration::from_secs(15)).await;
    eventually("the recovery is said", SHORT, async || (slack.texts().len() == 2).then_some(())).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(slack.texts().len(), 2, "once: {:#?}", slack.texts());
}
