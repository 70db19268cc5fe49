//! Rules, their tests, the Alertmanager example and the runbooks: whole, and true to each other.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};

use forewarn::domain::finding::FindingKind;
use serde_json::Value;

use crate::shipped::{FAMILIES, SOMETIMES, promtool, root, text};

const RULES: [&str; 2] = ["alerts/forewarn-tokens.rules.yaml", "alerts/forewarn-health.rules.yaml"];
const TESTS: [&str; 2] = ["alerts/tests/tokens.test.yaml", "alerts/tests/health.test.yaml"];
const ROUTES: &str = "alerts/alertmanager.example.yml";

fn yaml(path: &str) -> Value {
    serde_yaml::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn list<'a>(value: &'a Value, key: &str) -> Vec<&'a Value> {
    value[key].as_array().into_iter().flatten().collect()
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value:?}"))
}

/// Every alerting rule, of both files.
fn alerts() -> Vec<Value> {
    let rules = RULES.map(yaml);
    let rules = rules.iter().flat_map(|file| list(file, "groups")).flat_map(|group| list(group, "rules"));
    rules.filter(|rule| rule["alert"].is_string()).cloned().collect()
}

#[test]
fn the_rules_are_good_and_their_tests_pass() {
    for (command, files) in [("check", RULES), ("test", TESTS)] {
        let mut arguments = vec![command, "rules"];
        arguments.extend(files);
        let (good, said) = promtool(&arguments, None);
        assert!(good, "{command}: {said}");
    }
}

/// One look at one alert in a test: which series it stood on, when, and what was expected.
struct Look {
    replicas: usize,
    at: String,
    firing: usize,
}

fn looks() -> BTreeMap<String, Vec<(String, Look)>> {
    let mut found: BTreeMap<String, Vec<(String, Look)>> = BTreeMap::new();
    for test in TESTS.map(yaml).iter().flat_map(|file| list(file, "tests")) {
        let series: Vec<&str> = list(test, "input_series").into_iter().map(|series| word(series, "series")).collect();
        let replicas =
            ["instance=\"a\"", "instance=\"b\""].iter().filter(|one| series.iter().any(|s| s.contains(*one)));
        let replicas = replicas.count();
        for look in list(test, "alert_rule_test") {
            let (at, firing) = (word(look, "eval_time").to_owned(), list(look, "exp_alerts").len());
            let look_at = (word(test, "name").to_owned(), Look { replicas, at, firing });
            found.entry(word(look, "alertname").to_owned()).or_default().push(look_at);
        }
    }
    found
}

/// Surfaces 3.3: firing, not firing, two replicas as one alert, and what is kept firing ends.
#[test]
fn every_alert_has_each_kind_of_test() {
    let looks = looks();
    for alert in alerts() {
        let name = word(&alert, "alert");
        let seen = looks.get(name).unwrap_or_else(|| panic!("{name} has no test"));
        assert!(seen.iter().any(|(_, look)| look.firing > 0), "{name} never fires in a test");
        assert!(seen.iter().any(|(_, look)| look.firing == 0), "{name} is never silent in a test");
        assert!(
            seen.iter().any(|(_, look)| look.firing > 0 && look.replicas == 2),
            "{name}: no test with two replicas"
        );
        if alert["keep_firing_for"].is_string() {
            // Two looks at the alert firing, then fewer in the same test: it was kept, and it ended.
            let ends = seen.iter().any(|(test, last)| {
                let of_it = |look: &&(String, Look)| look.0 == *test && minutes(&look.1.at) < minutes(&last.at);
                seen.iter().filter(of_it).filter(|(_, look)| look.firing > last.firing).count() >= 2
            });
            assert!(ends, "{name}: no test in which it is kept firing and then ends");
        }
        let first = "the first page after a start, before the first success, raises nothing but the watchdog";
        let silent = seen.iter().any(|(test, look)| test == first && look.firing == 0);
        assert!(silent || name == "ForewarnWatchdog", "{name} is not looked at on the first page");
    }
}

/// `1h30m` → 90.
fn minutes(at: &str) -> u32 {
    let (hours, rest) = at.split_once('h').unwrap_or(("0", at));
    hours.parse::<u32>().unwrap() * 60 + rest.trim_end_matches('m').parse::<u32>().unwrap_or(0)
}

#[test]
fn the_series_of_the_tests_have_the_labels_of_the_page() {
    for test in TESTS.map(yaml).iter().flat_map(|file| list(file, "tests")) {
        for series in list(test, "input_series") {
            let series = word(series, "series");
            let (name, labels) = series.split_once('{').unwrap();
            let family = name.strip_prefix("forewarn_").unwrap();
            let known = FAMILIES.iter().chain(SOMETIMES).find(|(known, _)| *known == family);
            let (_, allowed) = known.unwrap_or_else(|| panic!("{name} is no family"));
            for label in labels.split("=\"").map(|part| part.rsplit(',').next().unwrap_or_default()) {
                let of_the_scrape = ["job", "instance"].contains(&label) || label.contains(['"', '}']);
                assert!(of_the_scrape || allowed.split(' ').any(|one| one == label), "{series}: {label}");
            }
        }
    }
}

fn amtool(arguments: &[&str]) -> (bool, String) {
    let output = Command::new("amtool").args(arguments).current_dir(root()).stdin(Stdio::null()).output();
    let output = output.expect("amtool is there: `make tools` brings it");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_alertmanager_example_is_good_and_sends_each_alert_somewhere_sensible() {
    let (good, said) = amtool(&["check-config", ROUTES]);
    assert!(good && said.contains("1 inhibit rules"), "{said}");
    let table = [
        ("alertname=ForewarnWatchdog severity=none", "heartbeat"),
        ("alertname=ForewarnDown severity=critical", "oncall,forewarn-owner"),
        ("alertname=ForewarnCollectorBlind severity=critical collector=vault", "oncall,forewarn-owner"),
        ("alertname=ForewarnCollectorFailing severity=warning collector=vault", "forewarn-owner"),
        ("alertname=ForewarnCoverageDropped severity=warning collector=vault", "forewarn-owner"),
        ("alertname=ForewarnOwnLoginEnding severity=critical token=forewarn/vault", "oncall,forewarn-owner"),
        ("alertname=ForewarnDeliveryFailing severity=critical channel=chat", "oncall,forewarn-owner"),
        ("alertname=ForewarnConfigReloadFailed severity=warning", "forewarn-owner"),
        ("alertname=ForewarnPipelineAtRisk severity=critical pipeline=deploy-prod", "oncall"),
        ("alertname=ForewarnPipelineAtRisk severity=critical pipeline=docs", "forewarn-owner"),
        ("alertname=ForewarnTokenEnded severity=critical team=platform token=a", "oncall,team-platform"),
        ("alertname=ForewarnTokenEnded severity=critical token=a", "oncall"),
        ("alertname=ForewarnTokenExpiresSoon severity=warning team=identity token=a", "team-identity"),
        ("alertname=ForewarnTokenExpiresSoon severity=warning token=a", "forewarn-owner"),
        ("alertname=ForewarnRotationMissed severity=warning team=platform token=a", "team-platform"),
        ("alertname=ForewarnTokenNotInjected severity=critical team=platform token=a", "oncall,team-platform"),
        ("alertname=ForewarnTokenHygiene severity=info team=platform", "housekeeping"),
    ];
    for (labels, receivers) in table {
        let config = format!("--config.file={ROUTES}");
        let verify = format!("--verify.receivers={receivers}");
        let mut arguments = vec!["config", "routes", "test", &config, &verify];
        arguments.extend(labels.split(' '));
        let (good, said) = amtool(&arguments);
        assert!(good, "{labels} goes to {said}, not to {receivers}");
    }
    for alert in alerts() {
        let routed = format!("alertname={} ", word(&alert, "alert"));
        assert!(table.iter().any(|(labels, _)| labels.starts_with(&routed)), "{routed} is in no line above");
    }
}

/// The anchors that GitHub and GitLab make: lower case, blanks to hyphens, only letters, digits, `-` and `_` stay.
fn anchors(markdown: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let mut found = BTreeSet::new();
    for line in markdown.lines() {
        fenced ^= line.starts_with("```");
        let Some(title) = line.strip_prefix('#').filter(|_| !fenced) else { continue };
        let title = title.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        let anchor: String = title.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect();
        assert!(found.insert(anchor.clone()), "two headings make the anchor {anchor}");
    }
    found
}

#[test]
fn every_alert_and_every_finding_has_a_whole_runbook() {
    let runbooks = text("docs/runbooks.md");
    let anchors = anchors(&runbooks);
    for alert in alerts() {
        let url = word(&alert["annotations"], "runbook_url");
        let anchor = url.strip_prefix("https://forewarn.example.com/docs/runbooks#").expect("a runbook of ours");
        assert!(anchors.contains(anchor), "no runbook {anchor}");
        let entry = entry(&runbooks, anchor);
        assert!(entry.contains(&format!("`{}`", word(&alert, "alert"))), "{anchor} does not name {alert:?}");
    }
    for link in runbooks.split("](#").skip(1) {
        let anchor = link.split(')').next().expect("split gives one");
        assert!(anchors.contains(anchor), "a link to #{anchor}, which is no heading");
    }
    let alerts = alerts();
    let alerts = alerts.iter().map(|alert| word(&alert["annotations"], "runbook_url").rsplit('#').next().unwrap());
    for anchor in alerts.chain(FindingKind::ALL.iter().map(|kind| kind.as_str())) {
        let entry = entry(&runbooks, anchor);
        for part in ["**Meaning**", "**Impact**", "```sh\n", "**Fix**"] {
            assert!(entry.contains(part), "{anchor} has no {part}");
        }
    }
}

/// The text below `### anchor`.
fn entry<'a>(runbooks: &'a str, anchor: &str) -> &'a str {
    let (_, rest) = runbooks.split_once(&format!("\n### {anchor}\n")).unwrap_or_else(|| panic!("no entry {anchor}"));
    rest.split("\n## ").next().and_then(|rest| rest.split("\n### ").next()).unwrap_or(rest)
}

/// Commands that a runbook shows, without comments and without what they are piped into.
fn commands(runbooks: &str) -> BTreeSet<String> {
    let blocks = runbooks.split("```sh\n").skip(1).map(|rest| rest.split("```").next().expect("split gives one"));
    let lines = blocks.flat_map(str::lines).map(|line| line.split(" #").next().expect("split gives one").trim());
    lines.map(str::to_owned).collect()
}

/// What other parts of the command line bring; each is held to it from the day it is there.
const COMING: [&str; 1] = ["--online"];

#[test]
fn every_command_of_the_runbooks_is_one_that_the_program_takes() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_forewarn"));
        command.args(arguments).current_dir(folder.path()).env("FOREWARN_URL", "http://127.0.0.1:9");
        let output = command.stdin(Stdio::null()).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    let mut tried = 0;
    for line in commands(&text("docs/runbooks.md")) {
        let Some(arguments) = line.strip_prefix("forewarn ") else {
            assert!(["curl -s", "export FOREWARN_URL="].iter().any(|start| line.starts_with(start)), "{line}");
            continue;
        };
        // A command line that is not understood ends with the usage; nothing listens, so no other answer is expected.
        let said = run(&arguments.split_whitespace().collect::<Vec<_>>());
        let unknown = said.contains("unrecognized subcommand") || said.contains("unexpected argument");
        let coming = unknown && COMING.iter().any(|part| arguments.contains(part));
        assert!(coming || !said.contains("Usage:"), "forewarn {arguments}: {said}");
        tried += 1;
    }
    assert!(tried > 15, "{tried} commands");
}
