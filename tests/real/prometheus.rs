//! A real Prometheus scrapes a real forewarn and judges the shipped rules, a real Alertmanager routes what fires; promtool
//! reads the page.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::bao::{Bao, ROOT};
use crate::support::program::Program;
use crate::support::prometheus::{Alertmanager, Prometheus};
use crate::support::{eventually, free_port};

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

    let prometheus = Prometheus::start(&program.url, None).await;
    let has = async |query: &str| (!prometheus.query(query).await.is_empty()).then_some(());
    let limit = Duration::from_secs(30);
    eventually("the token", limit, async || has("forewarn_token_info{token=\"vault/ci-deploy\"}").await).await;
    eventually("the watchdog fires", limit, async || has("ALERTS{alertname=\"ForewarnWatchdog\"}").await).await;
}

/// Nothing listens at the issuer: before the first success, the page raises nothing but the watchdog.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_page_after_a_start_fires_nothing() {
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let mut program = Program::new(&CONFIG.replace("URL", &nowhere), &[("VAULT_TOKEN", ROOT)]);
    program.start().await;
    let prometheus = Prometheus::start(&program.url, None).await;
    let limit = Duration::from_secs(30);
    eventually("some evaluations", limit, async || {
        let of_up = prometheus.query("count_over_time(ALERTS{alertname=\"ForewarnWatchdog\"}[1m]) > 5").await;
        (!of_up.is_empty()).then_some(())
    })
    .await;
    let firing: Vec<_> = prometheus.alerts().await.into_iter().filter(|alert| alert["state"] == "firing").collect();
    let names: Vec<&Value> = firing.iter().map(|alert| &alert["labels"]["alertname"]).collect();
    assert_eq!(names, ["ForewarnWatchdog"], "{firing:#?}");
    let held = prometheus.query("forewarn_collector_tokens or forewarn_collector_last_success_timestamp_seconds").await;
    assert!(held.is_empty(), "nothing was read yet: {held:?}");
    assert!(!prometheus.query("forewarn_pipeline_state{state=\"unknown\"} == 1").await.is_empty());
}

/// Surfaces 3.3: with the per-token families off, what the alerts of pipelines, hygiene and health stand on is still there.
#[tokio::test(flavor = "multi_thread")]
async fn without_series_of_tokens_the_other_alerts_still_have_theirs() {
    let bao = Bao::start().await;
    let config = CONFIG.replace("URL", &bao.url) + "metrics: { tokens: none }\n";
    let mut program = Program::new(&config, &[("VAULT_TOKEN", ROOT)]);
    program.start().await;
    bao.token("ci-deploy", "1h").await;
    let limit = Duration::from_secs(20);
    program.series("forewarn_pipeline_tokens{pipeline=\"deploy-prod\"} 1", limit).await;
    program.series("forewarn_findings{team=\"\",finding=\"never_expires\",severity=\"info\"}", limit).await;
    program.series("forewarn_collector_up{collector=\"vault\"} 1", limit).await;
    let page = program.metrics().await;
    let tokens: Vec<&str> = page.lines().filter(|line| line.starts_with("forewarn_token_")).collect();
    assert!(
        tokens.iter().any(|line| line.starts_with("forewarn_token_info") && line.contains("kind=\"login\"")),
        "{page}"
    );
    let others: Vec<_> = tokens.iter().filter(|line| !line.contains("token=\"forewarn/vault\"")).collect();
    assert!(others.is_empty(), "{others:#?}");
}

/// From the date of a token to the person on call, through a real Prometheus and a real Alertmanager.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_reaches_whoever_is_on_call_and_its_team() {
    let soon = (chrono::Utc::now() + chrono::TimeDelta::seconds(6)).format("%Y-%m-%dT%H:%M:%SZ");
    let config = format!(
        "collectors:\n  vendor: {{ issuer: declared, tokens: [{{ name: 'nuget \"push\"', expires: '{soon}' }}] }}\n\
         pipelines: {{ deploy-prod: {{}} }}\n\
         policies: [{{ match: {{ collector: vendor }}, team: platform, pipelines: [deploy-prod] }}]\n"
    );
    let mut program = Program::new(&config, &[]);
    program.start().await;
    let alertmanager = Alertmanager::start().await;
    let prometheus = Prometheus::start(&program.url, Some(&alertmanager)).await;
    alertmanager.notified("heartbeat", "ForewarnWatchdog").await;
    let ended = eventually("ForewarnTokenEnded fires", Duration::from_secs(40), async || {
        let alerts = prometheus.alerts().await;
        alerts
            .into_iter()
            .find(|alert| alert["labels"]["alertname"] == "ForewarnTokenEnded" && alert["state"] == "firing")
    })
    .await;
    let labels = json!({
        "alertname": "ForewarnTokenEnded", "collector": "vendor", "finding": "expired", "severity": "critical",
        "team": "platform", "token": "vendor/nuget \"push\""
    });
    assert_eq!(ended["labels"], labels);
    let description = ended["annotations"]["description"].as_str().unwrap();
    assert!(description.contains("`forewarn explain vendor/nuget \"push\"`"), "{description}");
    for receiver in ["oncall", "team-platform"] {
        assert_eq!(alertmanager.notified(receiver, "ForewarnTokenEnded").await["labels"], labels);
    }
}

/// Surfaces 3.3: a token's critical alert silences its warnings, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_critical_alert_inhibits_the_warnings_of_its_token_alone() {
    let alertmanager = Alertmanager::start().await;
    let alert = |name: &str, severity: &str, token: &str| {
        let mut labels = json!({ "alertname": name, "severity": severity });
        if !token.is_empty() {
            labels["token"] = token.into();
        }
        json!({ "labels": labels })
    };
    let alerts = json!([
        alert("ForewarnTokenExpiresSoon", "critical", "vault/a"),
        alert("ForewarnTokenExpiresSoon", "warning", "vault/a"),
        alert("ForewarnRotationMissed", "warning", "vault/a"),
        alert("ForewarnTokenExpiresSoon", "warning", "vault/b"),
        alert("ForewarnDown", "critical", ""),
        alert("ForewarnCollectorFailing", "warning", ""),
        alert("SomebodyElses", "warning", "vault/a"),
    ]);
    alertmanager.post(&alerts).await;
    let silent = eventually("something is inhibited", Duration::from_secs(20), async || {
        let alerts = alertmanager.alerts().await;
        let silent = alerts.iter().filter(|alert| alert["status"]["state"] == "suppressed");
        let mut silent: Vec<_> =
            silent.map(|alert| format!("{} {}", alert["labels"]["alertname"], alert["labels"]["token"])).collect();
        silent.sort();
        (silent.len() > 1).then_some(silent)
    })
    .await;
    assert_eq!(silent, ["\"ForewarnRotationMissed\" \"vault/a\"", "\"ForewarnTokenExpiresSoon\" \"vault/a\""]);
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
