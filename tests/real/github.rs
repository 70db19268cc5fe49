//! The program against a model of GitHub's two calls behind a real socket: the expiry stands in a header of the answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode};

use crate::support::program::{Program, value};

const SOON: Duration = Duration::from_secs(20);

/// Value → what its expiration header says; `None`: there is no such header.
#[derive(Clone, Default)]
struct GitHub(Arc<Mutex<HashMap<&'static str, Option<&'static str>>>>);

async fn answer(State(github): State<GitHub>, headers: HeaderMap) -> Response<String> {
    let given = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let given = given.trim_start_matches("Bearer ");
    let expiration = github.0.lock().unwrap().get(given).copied();
    let mut answer = Response::builder().header("content-type", "application/json; charset=utf-8");
    let Some(expiration) = expiration else {
        let body = r#"{"message":"Bad credentials","documentation_url":"https://docs.github.com/rest","status":"401"}"#;
        return answer.status(StatusCode::UNAUTHORIZED).body(body.into()).unwrap();
    };
    answer = answer.header("x-oauth-scopes", "repo, read:org").header("x-ratelimit-remaining", "4999");
    if let Some(expiration) = expiration {
        answer = answer.header("github-authentication-token-expiration", expiration);
    }
    answer.body(r#"{"resources":{"core":{"limit":5000,"remaining":4999}}}"#.into()).unwrap()
}

fn series(family: &str, name: &str) -> String {
    format!("forewarn_token_{family}{{collector=\"github\",token=\"github/{name}\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_header_tells_the_end_and_a_new_value_is_a_rotation() {
    let github = GitHub::default();
    *github.0.lock().unwrap() = HashMap::from([
        ("ghp_utc", Some("2030-01-01 00:00:00 UTC")),
        ("ghp_zone", Some("2030-01-01 00:00:00 +0200")),
        ("ghp_never", None),
        ("ghp_odd", Some("when the cows come home")),
        ("ghp_next", Some("2031-01-01 00:00:00 UTC")),
    ]);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(github.clone());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let config = format!(
        r#"
collectors:
  github:
    issuer: github
    url: {url}
    every: 2s
    inspect: {{ utc: {{ file: utc }}, zone: {{ file: zone }}, ever: {{ file: ever }}, odd: {{ file: odd }}, bad: {{ file: bad }} }}
policies: [{{ match: {{ collector: github }}, team: platform }}]
channels: {{ console: {{ stdout: {{}} }} }}
"#
    );
    let mut program = Program::new(&config, &[]);
    for (file, text) in
        [("utc", "ghp_utc\n"), ("zone", "ghp_zone"), ("ever", "ghp_never"), ("odd", "ghp_odd"), ("bad", "ghp_bad")]
    {
        program.write(file, text);
    }
    program.start().await;
    let end = |line: &str| value(line) as i64;
    let utc = program.series(&series("expiry_timestamp_seconds", "utc"), SOON).await;
    assert_eq!(end(&utc), 1_893_456_000);
    let zone = program.series(&series("expiry_timestamp_seconds", "zone"), SOON).await;
    assert_eq!(end(&zone), 1_893_456_000 - 7200);
    program.series(&series("never_expires", "ever"), SOON).await;
    let odd = program.series(&series("info", "odd"), SOON).await;
    assert!(odd.contains("expiry=\"unknown\""), "unreadable is not never: {odd}");
    // Never seen good: no revocation can be concluded (3.3).
    program.series(&(series("finding", "bad") + ",finding=\"unverified\""), SOON).await;
    let revoked = series("finding", "bad") + ",finding=\"revoked\"";
    assert!(!program.metrics().await.contains(&revoked));

    program.write("utc", "ghp_next");
    program.series(&(series("expiry_timestamp_seconds", "utc") + "} 1924992000"), SOON).await;
    program.write("utc", "ghp_utc");
    program.series(&(series("finding", "utc") + ",finding=\"not_injected\""), SOON).await;
    // Seen good, and then refused: revoked.
    github.0.lock().unwrap().remove("ghp_zone");
    program.series(&(series("finding", "zone") + ",finding=\"revoked\""), SOON).await;
    assert!(!program.logs().contains("ghp_"), "no value in the log");
}
