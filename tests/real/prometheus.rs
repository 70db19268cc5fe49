//! A real Prometheus scrapes a real forewarn, and promtool reads its page and its rules.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::bao::{Bao, ROOT};
use crate::support::program::Program;
use crate::support::{eventually, free_port, http, spawn};

const CONFIG: &str = r#"
collectors:
  vault:
    issuer: vault
    url: URL
    login: { token: { env: VAULT_TOKEN } }
    every: 2s
pipelines: { deploy-prod: {} }
schedules: { quarterly: { every: 90d, by: hand } }
policies:
  - { match: { name: "ci-*" }, team: platform, pipelines: [deploy-prod], schedule: quarterly }
channels:
  console: { stdout: {} }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn promtool_is_silent_and_prometheus_scrapes_and_loads_the_rules() {
    let bao = Bao::start().await;
    let mut program = Program::new(&CONFIG.replace("URL", &bao.url), &[("VAULT_TOKEN", ROOT)]);
    program.start().await;
    bao.token("ci-deploy", "1h").await;
    bao.token("ci-\"quoted\\name", "1h").await;
    program
        .series(
            "forewarn_token_expiry_timestamp_seconds{collector=\"vault\",token=\"vault/ci-deploy\"}",
            Duration::from_secs(5),
        )
        .await;
    let page = program.metrics().await;
    assert_eq!(promtool_check(&page), "", "promtool has something to say about the page");

    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/alerts");
    let config = format!(
        "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: ['{rules}/*.rules.yaml']\nscrape_configs:\n- job_name: forewarn\n  static_configs: [{{ targets: ['{}'] }}]\n",
        program.url.trim_start_matches("http://")
    );
    std::fs::write(folder.path().join("p.yml"), config).unwrap();
    let mut command = Command::new("prometheus");
    command
        .arg(format!("--config.file={}", folder.path().join("p.yml").display()))
        .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let _prometheus = spawn(&mut command);
    let ask = async |query: &str| -> Option<Value> {
        let url = format!("http://127.0.0.1:{port}/api/v1/query");
        let answer = http().get(url).query(&[("query", query)]).send().await.ok()?;
        let text = answer.text().await.ok()?;
        let answer: Value = serde_json::from_str(&text).ok()?;
        let found = answer["data"]["result"].as_array()?.clone();
        (!found.is_empty()).then(|| Value::Array(found))
    };
    let limit = Duration::from_secs(30);
    eventually("up is 1", limit, async || ask("up == 1").await).await;
    eventually("the token in Prometheus", limit, async || ask("forewarn_token_info{token=\"vault/ci-deploy\"}").await)
        .await;
    eventually("the watchdog fires", limit, async || ask("ALERTS{alertname=\"ForewarnWatchdog\"}").await).await;
}

fn promtool_check(page: &str) -> String {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed by `make tools`");
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
