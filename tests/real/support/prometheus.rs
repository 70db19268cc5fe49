//! Prometheus with the shipped rules, and Alertmanager with the shipped routes, on loopback.

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::post;
use serde_json::Value;
use tempfile::TempDir;

use super::{Server, eventually, free_port, http, spawn};

const ALERTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/alerts");

pub struct Prometheus {
    pub url: String,
    _folder: TempDir,
    _server: Server,
    client: reqwest::Client,
}

impl Prometheus {
    /// Scrapes `target` (a URL) each second and judges the shipped rules each second.
    pub async fn start(target: &str, alertmanager: Option<&Alertmanager>) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let host = |url: &str| url.trim_start_matches("http://").to_owned();
        let mut config = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: ['{ALERTS}/*.rules.yaml']\n\
             scrape_configs:\n- job_name: forewarn\n  static_configs: [{{ targets: ['{}'] }}]\n",
            host(target)
        );
        if let Some(alertmanager) = alertmanager {
            let target = host(&alertmanager.url);
            config +=
                &format!("alerting: {{ alertmanagers: [{{ static_configs: [{{ targets: ['{target}'] }}] }}] }}\n");
        }
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let server = spawn(&mut command);
        let this = Self { url: format!("http://127.0.0.1:{port}"), _folder: folder, _server: server, client: http() };
        let limit = Duration::from_secs(30);
        eventually("Prometheus has scraped forewarn", limit, async || {
            let answer = this.client.get(format!("{}/-/ready", this.url)).send().await.ok()?;
            let ready = answer.status().is_success();
            (ready && !this.query("up == 1").await.is_empty()).then_some(())
        })
        .await;
        this
    }

    /// The result of an instant query.
    pub async fn query(&self, query: &str) -> Vec<Value> {
        let sent =
            self.client.get(format!("{}/api/v1/query", self.url)).query(&[("query", query)]).send().await.unwrap();
        let answer: Value = serde_json::from_str(&sent.text().await.unwrap()).unwrap();
        assert_eq!(answer["status"], "success", "{query}: {}", answer["error"]);
        answer["data"]["result"].as_array().unwrap().clone()
    }

    /// Alerts, pending and firing, as `/api/v1/alerts` lists them.
    pub async fn alerts(&self) -> Vec<Value> {
        let sent = self.client.get(format!("{}/api/v1/alerts", self.url)).send().await.unwrap();
        let answer: Value = serde_json::from_str(&sent.text().await.unwrap()).unwrap();
        answer["data"]["alerts"].as_array().unwrap().clone()
    }
}

/// Alertmanager with the routes and the inhibit rule of `alerts/alertmanager.example.yml`; its receivers are one sink.
pub struct Alertmanager {
    pub url: String,
    /// Receiver and notification, in order of arrival.
    taken: Arc<Mutex<Vec<(String, Value)>>>,
    _folder: TempDir,
    _server: Server,
    client: reqwest::Client,
}

impl Alertmanager {
    pub async fn start() -> Self {
        let taken: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sink = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/{receiver}", post(take)).with_state(taken.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let file = folder.path().join("alertmanager.yml");
        std::fs::write(&file, receivers_to(&sink)).unwrap();
        let mut command = Command::new("prometheus-alertmanager");
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let server = spawn(&mut command);
        let url = format!("http://127.0.0.1:{port}");
        let this = Self { url, taken, _folder: folder, _server: server, client: http() };
        eventually("Alertmanager is ready", Duration::from_secs(20), async || {
            let answer = this.client.get(format!("{}/-/ready", this.url)).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        this
    }

    pub async fn post(&self, alerts: &Value) {
        let body = alerts.to_string();
        let url = format!("{}/api/v2/alerts", self.url);
        let sent = self.client.post(url).header("content-type", "application/json").body(body).send().await.unwrap();
        assert!(sent.status().is_success(), "{}", sent.text().await.unwrap());
    }

    /// Alerts with their status, as `/api/v2/alerts` lists them.
    pub async fn alerts(&self) -> Vec<Value> {
        let sent = self.client.get(format!("{}/api/v2/alerts", self.url)).send().await.unwrap();
        serde_json::from_str(&sent.text().await.unwrap()).unwrap()
    }

    /// The first alert that a receiver was notified of under this name.
    pub async fn notified(&self, receiver: &str, alert: &str) -> Value {
        let what = format!("{receiver} hears of {alert}");
        eventually(&what, Duration::from_secs(30), async || {
            let taken = self.taken.lock().unwrap();
            let of_it = taken.iter().filter(|(to, _)| to == receiver);
            let mut alerts = of_it.flat_map(|(_, body)| body["alerts"].as_array().into_iter().flatten());
            alerts.find(|one| one["labels"]["alertname"] == alert).cloned()
        })
        .await
    }
}

/// The example, quick, with each receiver a path of the sink.
fn receivers_to(sink: &str) -> String {
    let example = std::fs::read_to_string(format!("{ALERTS}/alertmanager.example.yml")).unwrap();
    let (routes, receivers) = example.split_once("\nreceivers:\n").expect("the receivers stand last");
    let names = receivers.lines().filter_map(|line| line.strip_prefix("  - name: "));
    let receivers = names.map(|name| format!("- {{ name: {name}, webhook_configs: [{{ url: '{sink}/{name}' }}] }}\n"));
    routes.replace("group_wait: 30s", "group_wait: 0s") + "\nreceivers:\n" + &receivers.collect::<String>()
}

/// What came, and to which receiver.
type Taken = Arc<Mutex<Vec<(String, Value)>>>;

async fn take(State(taken): State<Taken>, Path(receiver): Path<String>, body: String) -> &'static str {
    taken.lock().unwrap().push((receiver, serde_json::from_str(&body).expect("Alertmanager sends JSON")));
    "ok"
}
