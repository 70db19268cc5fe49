//! Every query of the dashboards against a real Prometheus that scraped a real forewarn; and, on demand, pictures.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::gitlab::{API, GitLab, LOGIN, Of, PLATFORM, SHOP, day};
use crate::support::program::Program;
use crate::support::prometheus::Prometheus;
use crate::support::{eventually, free_port, tools};

const DASHBOARDS: [&str; 3] = ["fleet", "pipeline", "collectors"];

/// A collector that reads, one whose issuer is away, one of typed dates; teams, pipelines, a channel that nobody hears.
const CONFIG: &str = r#"
collectors:
  gitlab: { issuer: gitlab, url: GITLAB, login: { token: { env: GITLAB_TOKEN } }, every: 2s, timeout: 2s }
  vault: { issuer: vault, url: NOWHERE, login: { token: { env: GITLAB_TOKEN } }, every: 2s, timeout: 1s }
  vendor:
    issuer: declared
    tokens:
      - { name: nuget-push, expires: 2026-01-01, issued: 2025-01-01 }
      - { name: endless, expires: never, issued: 2026-01-01 }
schedules: { quarterly: { every: 90d, by: hand } }
pipelines: { deploy-prod: { runs: { cron: "0 * * * *", zone: UTC }, lasts: 10m }, release: {} }
policies:
  - { match: { name: "ci-*" }, team: platform, pipelines: [deploy-prod], schedule: quarterly }
  - { match: { collector: vendor }, team: cloud, pipelines: [release], schedule: quarterly }
channels:
  chat: { slack: { webhook_url: { env: SLACK_WEBHOOK } } }
  console: { stdout: {} }
"#;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards")
}

fn panels(dashboard: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder().join(format!("{dashboard}.json"))).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row").cloned().collect()
}

/// As Grafana would fill it in, with "All" chosen where that is a choice.
fn filled(expr: &str) -> String {
    let with = [("$collector", ".*"), ("$team", ".*"), ("$pipeline", "deploy-prod"), ("$__rate_interval", "10s")];
    let filled = with.iter().fold(expr.to_owned(), |text, (name, value)| text.replace(name, value));
    assert!(!filled.contains('$'), "a variable nobody fills in: {expr}");
    filled
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_of_the_dashboards_has_an_answer() {
    let gitlab = GitLab::start().await;
    gitlab.token(Of::Group(PLATFORM), "ci-deploy", Some(&day(5)));
    let old = gitlab.token(Of::Project(API), "ci-publish", Some(&day(200)));
    gitlab.change(old, |token| token.created_at = day(-200) + "T10:00:00.000Z");
    let gone = gitlab.token(Of::Group(SHOP), "ci-shop", Some(&day(300)));
    let odd = gitlab.token(Of::Group(PLATFORM), "odd", None);
    gitlab.change(odd, |token| token.more = json!({ "id": null }));
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let config = CONFIG.replace("GITLAB_", "\u{1}").replace("GITLAB", &gitlab.url).replace('\u{1}', "GITLAB_");
    let environment = [("GITLAB_TOKEN", LOGIN), ("SLACK_WEBHOOK", nowhere.as_str())];
    let mut program = Program::new(&config.replace("NOWHERE", &nowhere), &environment);
    program.start().await;
    let limit = Duration::from_secs(20);
    program.series("forewarn_token_info{collector=\"gitlab\",token=\"gitlab/shop/ci-shop\"", limit).await;
    let prometheus = Prometheus::start(&program.url, None).await;
    // Something new to tell, while Prometheus looks.
    gitlab.change(gone, |token| token.revoked = true);
    for name in DASHBOARDS {
        for panel in panels(name) {
            let title = panel["title"].as_str().unwrap();
            for target in panel["targets"].as_array().unwrap() {
                let expr = filled(target["expr"].as_str().unwrap());
                let what = format!("{name}: {title}: an answer to {expr}");
                eventually(&what, Duration::from_secs(30), async || {
                    let found = prometheus.query(&expr).await;
                    (!found.is_empty()).then_some(())
                })
                .await;
            }
        }
    }
    for variable in ["forewarn_collector_info", "forewarn_token_info{team!=\"\"}", "forewarn_pipeline_state"] {
        assert!(!prometheus.query(variable).await.is_empty(), "the variables of the dashboards: {variable}");
    }
}

/// 10,000 typed dates of five collectors, six teams and five pipelines; deterministic.
fn fleet() -> String {
    let now = chrono::Utc::now();
    let teams = ["platform", "shop", "identity", "cloud", "data", "mobile"];
    let mut config = String::from(
        "collectors:\n  vault: { issuer: vault, url: NOWHERE, login: { token: { env: LOGIN } }, every: 10s, timeout: 2s }\n",
    );
    for collector in ["aws", "github", "npm", "registry", "azure"] {
        let _ = writeln!(config, "  {collector}:\n    issuer: declared\n    tokens:");
        for nth in 0..2000_i64 {
            let team = teams[usize::try_from(nth % 6).unwrap()];
            let job = ["deploy", "publish", "sync", "scan"][usize::try_from(nth % 4).unwrap()];
            // Few have ended or end soon, most within the year, every sixteenth never.
            let hours = match nth {
                0..6 => -nth * 70 - 3,
                6..16 => nth * 2,
                16..60 => nth * 3,
                60..200 => nth * 4,
                _ => 200 + nth * 4,
            };
            let ends = now + chrono::TimeDelta::hours(hours);
            let issued = now.min(ends) - chrono::TimeDelta::hours(100 + nth % 83 * 26);
            let at = |at: chrono::DateTime<chrono::Utc>| at.format("'%Y-%m-%dT%H:%M:%SZ'").to_string();
            let ends = if nth % 16 == 9 { "never".to_owned() } else { at(ends) };
            let _ =
                writeln!(config, "      - {{ name: {team}-{job}-{nth:04}, expires: {ends}, issued: {} }}", at(issued));
        }
    }
    config += "schedules: { quarterly: { every: 90d, by: hand } }\n\
               pipelines: { deploy-prod: {}, nightly: { runs: { cron: \"0 2 * * *\", zone: UTC } }, release: {}, images: {}, docs: {} }\npolicies:\n";
    for team in &teams[..5] {
        let _ = writeln!(config, "  - {{ match: {{ name: '{team}-*' }}, team: {team} }}");
    }
    config
        + "  - { match: { token: 'aws/*-deploy-000*' }, pipelines: [deploy-prod] }\n\
           \u{20} - { match: { name: '*-sync-01*' }, pipelines: [nightly] }\n\
           \u{20} - { match: { token: 'npm/*-publish-0*' }, pipelines: [release, docs] }\n\
           \u{20} - { match: { name: '*-deploy-*' }, schedule: quarterly }\n\
           channels: { chat: { slack: { webhook_url: { env: SLACK_WEBHOOK } } }, console: { stdout: {} } }\n"
}

const EMPTY_FLEET: &str = "collectors: { vendor: { issuer: declared, tokens: [{ name: a, expires: 2099-01-01 }] } }\n\
                           policies: [{ match: { name: a }, watch: false }]\n";

/// Not for every run: it needs Grafana's components and a browser, see `make pictures`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "makes pictures for people; `make pictures`"]
async fn pictures() {
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    for (label, config) in [("empty", EMPTY_FLEET.to_owned()), ("fleet", fleet())] {
        let environment = [("LOGIN", "nobody"), ("SLACK_WEBHOOK", nowhere.as_str())];
        let mut program = Program::new(&config.replace("NOWHERE", &nowhere), &environment);
        program.start().await;
        let prometheus = Prometheus::start(&program.url, None).await;
        // A minute of life, for the graphs.
        tokio::time::sleep(Duration::from_secs(60)).await;
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new("node");
        command.arg(root.join("tests/dashboards/pictures.mjs")).arg(tools().join("pictures")).arg(&prometheus.url);
        command.arg(root.join("target/screenshots/dashboards")).arg(label).arg("{\"pipeline\":\"deploy-prod\"}");
        command.args(DASHBOARDS.map(|name| folder().join(format!("{name}.json"))));
        assert!(command.status().unwrap().success(), "the pictures of {label}");
    }
}
