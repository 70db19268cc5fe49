//! OpenBao in dev mode.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Server, eventually, free_port, http, spawn, tools};

pub struct Bao {
    pub url: String,
    _server: Server,
    client: reqwest::Client,
}

/// The root token of every test server.
pub const ROOT: &str = "root-of-the-test";

impl Bao {
    pub async fn start() -> Self {
        let port = free_port();
        let bao = tools().join("venv/bin/bao");
        let mut command = Command::new(bao);
        command
            .args(["server", "-dev", "-dev-no-store-token"])
            .arg(format!("-dev-root-token-id={ROOT}"))
            .arg(format!("-dev-listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let this = Self { url: format!("http://127.0.0.1:{port}"), _server: spawn(&mut command), client: http() };
        eventually("OpenBao answers", Duration::from_secs(20), async || {
            let health = this.client.get(format!("{}/v1/sys/health", this.url)).send().await.ok()?;
            health.status().is_success().then_some(())
        })
        .await;
        this
    }

    pub async fn call(&self, method: &str, path: &str, body: Value) -> Value {
        let url = format!("{}/v1/{path}", self.url);
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let sent = self.client.request(method, url).header("X-Vault-Token", ROOT).json(&body).send().await.unwrap();
        let status = sent.status();
        let text = sent.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// A token with a display name; its accessor and its value.
    pub async fn token(&self, name: &str, ttl: &str) -> (String, String) {
        let made = self
            .call("POST", "auth/token/create", json!({ "display_name": name, "ttl": ttl, "policies": ["default"] }))
            .await;
        let field = |name: &str| made["auth"][name].as_str().unwrap().to_owned();
        (field("accessor"), field("client_token"))
    }

    pub async fn revoke(&self, accessor: &str) {
        self.call("POST", "auth/token/revoke-accessor", json!({ "accessor": accessor })).await;
    }

    /// `expire_time` in whole seconds since 1970.
    pub async fn ends(&self, accessor: &str) -> i64 {
        let found = self.call("POST", "auth/token/lookup-accessor", json!({ "accessor": accessor })).await;
        let text = found["data"]["expire_time"].as_str().unwrap();
        chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp()
    }
}
