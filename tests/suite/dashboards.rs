//! The dashboards are what Grafana's own types say, read well, and belong together. Their queries run against a real
//! Prometheus in tests/real/dashboards.rs.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::shipped::{root, text};

const DASHBOARDS: [&str; 3] = ["dashboards/fleet.json", "dashboards/pipeline.json", "dashboards/collectors.json"];

#[test]
fn they_hold_against_grafanas_own_types() {
    let tools = std::env::var_os("FOREWARN_TOOLS").map_or_else(|| root().join(".tools"), Into::into);
    let output = Command::new("node")
        .arg(root().join("tests/dashboards/check.mjs"))
        .arg(tools.join("grafana"))
        .args(DASHBOARDS)
        .current_dir(root())
        .output()
        .expect("node is there: `make tools` brings it");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn every_panel_says_what_it_shows_and_what_no_data_means() {
    for file in DASHBOARDS {
        let dashboard: Value = serde_json::from_str(&text(file)).unwrap();
        assert_eq!(dashboard["tags"], serde_json::json!(["forewarn"]), "{file}");
        let mut ids = BTreeSet::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            let title = panel["title"].as_str().unwrap();
            assert!(
                !title.is_empty() && ids.insert(panel["id"].as_i64().unwrap()),
                "{file}: {title}: its id is not alone"
            );
            if panel["type"] != "row" {
                assert!(panel["description"].as_str().unwrap().ends_with('.'), "{file}: {title} has no description");
                let nothing = panel["fieldConfig"]["defaults"]["noValue"].as_str().unwrap_or_default();
                assert!(!nothing.trim().is_empty(), "{file}: {title} says nothing when there is nothing");
                assert!(!panel["targets"].as_array().unwrap().is_empty(), "{file}: {title} asks nothing");
            }
        }
    }
}

#[test]
fn they_lead_to_each_other_and_to_the_pages_of_forewarn() {
    let uids: BTreeSet<String> = DASHBOARDS
        .iter()
        .map(|file| {
            let dashboard: Value = serde_json::from_str(&text(file)).unwrap();
            dashboard["uid"].as_str().unwrap().to_owned()
        })
        .collect();
    for file in DASHBOARDS {
        let dashboard: Value = serde_json::from_str(&text(file)).unwrap();
        let links: BTreeSet<&str> =
            dashboard["links"].as_array().unwrap().iter().map(|link| link["url"].as_str().unwrap()).collect();
        for uid in uids.iter().filter(|uid| dashboard["uid"] != **uid) {
            assert!(links.contains(format!("/d/{uid}").as_str()), "{file} does not lead to {uid}");
        }
        assert!(links.contains("${forewarn}/"), "{file} does not lead to forewarn");
        let names: BTreeSet<&str> =
            dashboard["templating"]["list"].as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap()).collect();
        assert!(names.contains("datasource") && names.contains("forewarn"), "{file}: {names:?}");
    }
    for file in ["dashboards/fleet.json", "dashboards/pipeline.json"] {
        assert!(text(file).contains("${forewarn}/t/${__value.raw:percentencode}"), "{file}: no link to a token's page");
    }
}
