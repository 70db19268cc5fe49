//! What ships beside the binary: rules, dashboards and runbooks name only what exists, and the page is read back by an
//! independent parser and by promtool.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::sync::{Arc, RwLock};
use std::task::{Context, Poll, Waker};

use forewarn::base::metrics::Metrics;
use forewarn::domain::key::{ChannelId, CollectorId};
use forewarn::domain::observation::{Life, Record};
use forewarn::domain::token::Expiry;
use forewarn::show::exposition::body::{Encoding, PageBody};
use forewarn::show::exposition::{Choice, Exposition, Workshop};
use http_body::Body;

use crate::scenario::support::{self, Stage, dated, days, record};

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub fn promtool(arguments: &[&str], input: Option<&str>) -> (bool, String) {
    let mut child = Command::new("promtool")
        .args(arguments)
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is there: `make tools` brings it");
    child.stdin.take().unwrap().write_all(input.unwrap_or_default().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

fn collect(mut body: PageBody) -> Vec<u8> {
    let (mut all, mut cx) = (Vec::new(), Context::from_waker(Waker::noop()));
    while let Poll::Ready(Some(frame)) = Pin::new(&mut body).poll_frame(&mut cx) {
        all.extend_from_slice(frame.unwrap().data_ref().unwrap());
    }
    all
}

fn inflated(bytes: &[u8]) -> String {
    let mut plain = String::new();
    flate2::read::GzDecoder::new(bytes).read_to_string(&mut plain).unwrap();
    plain
}

/// Both forms of the page, which must be the same.
pub fn page(exposition: &Arc<Exposition>, own: &str) -> String {
    let live = exposition.live(own, support::start());
    let plain = collect(PageBody::new(exposition, live.clone(), Encoding::Plain));
    let packed = collect(PageBody::new(exposition, live, Encoding::Gzip));
    let plain = String::from_utf8(plain).unwrap();
    assert_eq!(inflated(&packed), plain, "the gzip page and the plain page");
    plain
}

const RULES: &str = "
schedules: { quarterly: { every: 90d, by: hand } }
pipelines: { deploy-prod: { runs: { cron: '0 2,12 * * *' }, lasts: 1h }, images: {} }
teams: { platform: { channels: [chat] } }
policies:
  - { match: { name: 'ci-*' }, team: platform, schedule: quarterly, pipelines: [deploy-prod] }
";

/// A world in which every family that is built has a sample.
pub fn everything() -> Arc<Exposition> {
    let mut stage = Stage::new(RULES);
    let now = stage.now;
    let mut old = dated("ci-deploy", "a", now - days(200), now + days(2));
    old.last_used = Some(forewarn::domain::token::LastUsed { at: now - days(1), granularity: 600 });
    stage.vault().put(old);
    stage.vault().put(Record { expires: Expiry::Never, ..record("robot", "b") });
    stage.vault().put(Record { life: Life::Revoked, ..dated("ci-gone", "c", now - days(30), now + days(30)) });
    for name in ["q\"uote", "back\\slash", "line\nbreak", "<b>&", "emoji 🙂", "\u{202E}rtl"] {
        stage.vault().put(dated(name, name, now, now + days(20)));
    }
    stage.run(days(1));
    let world = stage.into_world();
    let choice = Choice { also: vec!["issued".into(), "last_used".into()], ..Choice::default() };
    let exposition = Exposition::new(Arc::new(RwLock::new(world)), choice);
    exposition.refresh(&mut Workshop::default(), now + days(1));
    exposition
}

pub fn own() -> String {
    let metrics = Metrics::new("0", "0", "0");
    let (collector, channel) = (CollectorId::from("vault"), ChannelId::from("chat"));
    metrics.watch(std::slice::from_ref(&collector), std::slice::from_ref(&channel));
    metrics.request(&collector, 200);
    metrics.evaluated(chrono::DateTime::UNIX_EPOCH + days(20_000));
    metrics.reloaded(true, chrono::DateTime::UNIX_EPOCH + days(20_000));
    metrics.render()
}

/// The families of surfaces that these parts can fill, and the labels that a sample may have.
pub const FAMILIES: &[(&str, &str)] = &[
    ("token_info", "collector token issuer kind team schedule expiry state"),
    ("token_expiry_timestamp_seconds", "collector token"),
    ("token_never_expires", "collector token"),
    ("token_issued_timestamp_seconds", "collector token"),
    ("token_last_used_timestamp_seconds", "collector token"),
    ("token_rotation_due_timestamp_seconds", "collector token"),
    ("token_deadline_timestamp_seconds", "collector token reason"),
    ("metrics_narrowed", ""),
    ("token_finding", "collector token finding severity"),
    ("token_pipeline_info", "token pipeline"),
    ("tokens", "collector state"),
    ("findings", "team finding severity"),
    ("pipeline_safe_until_timestamp_seconds", "pipeline"),
    ("pipeline_next_run_timestamp_seconds", "pipeline"),
    ("pipeline_state", "pipeline state"),
    ("pipeline_tokens", "pipeline"),
    ("collector_info", "collector issuer"),
    ("collector_up", "collector"),
    ("collector_interval_seconds", "collector"),
    ("collector_last_success_timestamp_seconds", "collector"),
    ("collector_last_duration_seconds", "collector"),
    ("collector_tokens", "collector"),
    ("collector_coverage_ratio", "collector"),
    ("collector_requests_total", "collector code"),
    ("collector_errors_total", "collector reason"),
    ("collector_rejects_total", "collector reason"),
    ("collector_left_out", "collector reason"),
    ("evaluation_last_success_timestamp_seconds", ""),
    ("evaluation_held", "reason"),
    ("deliveries", "channel state"),
    ("delivery_attempts_total", "channel class"),
    ("channel_up", "channel"),
    ("store_errors_total", "operation"),
    ("config_last_reload_successful", ""),
    ("config_last_reload_success_timestamp_seconds", ""),
    ("build_info", "version revision tzdata"),
];

/// Present only while something waits, or where the issuer or the configuration tells it.
pub const SOMETIMES: &[(&str, &str)] = &[
    ("delivery_oldest_due_timestamp_seconds", "channel"),
    ("collector_clock_difference_seconds", "collector"),
    ("collector_ratelimit_remaining", "collector"),
];

pub struct Family {
    pub kind: String,
    pub help: String,
    pub samples: Vec<(BTreeMap<String, String>, f64)>,
}

/// A small reader of the text format 0.0.4, written from its description and not from our writer.
pub fn parse(page: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut help = String::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').unwrap().1.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            let family = Family { kind: kind.into(), help: std::mem::take(&mut help), samples: Vec::new() };
            assert!(families.insert(name.into(), family).is_none(), "{name} stands twice");
        } else {
            let name: String = line.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect();
            let (labels, value) = labels(&line[name.len()..]);
            let family = families.get_mut(&name).unwrap_or_else(|| panic!("a sample before its family: {line}"));
            assert!(!family.samples.iter().any(|(known, _)| *known == labels), "a series stands twice: {line}");
            family.samples.push((labels, value.trim().replace("+Inf", "inf").parse().unwrap()));
        }
    }
    families
}

fn labels(rest: &str) -> (BTreeMap<String, String>, &str) {
    let mut found = BTreeMap::new();
    let Some(mut rest) = rest.strip_prefix('{') else { return (found, rest) };
    while !rest.starts_with('}') {
        let (name, after) = rest.split_once("=\"").unwrap();
        let (mut value, mut chars) = (String::new(), after.char_indices());
        let end = loop {
            match chars.next().unwrap() {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next().unwrap().1 {
                    'n' => '\n',
                    other => other,
                }),
                (_, c) => value.push(c),
            }
        };
        assert!(found.insert(name.trim_start_matches(',').to_owned(), value).is_none());
        rest = &after[end + 1..];
    }
    (found, &rest[1..])
}

#[test]
fn every_family_is_on_the_page_with_its_labels() {
    let page = page(&everything(), &own());
    let (good, said) = promtool(&["check", "metrics"], Some(&page));
    assert!(good && said.is_empty(), "promtool check metrics: {said}");
    let families = parse(&page);
    for (name, allowed) in FAMILIES {
        let family = families.get(&format!("forewarn_{name}")).unwrap_or_else(|| panic!("{name} is not on the page"));
        let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
        assert_eq!(family.kind, kind, "{name}");
        assert!(!family.help.is_empty() && !family.samples.is_empty(), "{name} has help and a sample");
        let allowed: BTreeSet<&str> = allowed.split_whitespace().collect();
        for (labels, value) in &family.samples {
            assert!(labels.keys().all(|label| allowed.contains(label.as_str())), "{name}: {labels:?}");
            assert!(!value.is_nan() && *value >= 0.0, "{name}: unknown is no series, never a sentinel");
        }
    }
    assert_eq!(families["forewarn_pipeline_state"].samples.len(), 8, "two pipelines, every state at 0 or 1");
    let runs = &families["forewarn_pipeline_next_run_timestamp_seconds"].samples;
    let noon = (support::start() + chrono::TimeDelta::hours(4)).timestamp() as f64;
    let labels = BTreeMap::from([("pipeline".to_owned(), "deploy-prod".to_owned())]);
    assert_eq!(*runs, [(labels, noon)], "only of the pipeline that has a cron");
}

#[test]
fn hostile_names_come_back_as_they_were_cleaned() {
    let page = page(&everything(), "");
    let families = parse(&page);
    let tokens: BTreeSet<&str> =
        families["forewarn_token_info"].samples.iter().map(|(labels, _)| labels["token"].as_str()).collect();
    for token in [
        "vault/q\"uote",
        "vault/back\\slash",
        "vault/line\u{FFFD}break",
        "vault/<b>&",
        "vault/emoji 🙂",
        "vault/\u{FFFD}rtl",
    ] {
        assert!(tokens.contains(token), "{token:?} is among {tokens:?}");
    }
}

#[test]
fn the_page_follows_every_change_in_both_forms() {
    let mut stage = Stage::introduced(RULES);
    let now = stage.now;
    for nth in 0..2_500 {
        stage.vault().put(dated(&format!("job-{nth:04}"), &format!("id-{nth}"), now, now + days(300)));
    }
    stage.run(chrono::TimeDelta::minutes(20));
    let at = stage.now;
    let world = Arc::new(RwLock::new(stage.into_world()));
    let exposition = Exposition::new(world.clone(), Choice::default());
    let mut shop = Workshop::default();
    exposition.refresh(&mut shop, at);
    assert_eq!(parse(&page(&exposition, ""))["forewarn_token_info"].samples.len(), 2_500, "leaves were split");
    let mut keys = world.read().unwrap().inventory.keys_after(None, None, 3_000);
    keys.retain(|key| key.kind() == "service");
    for (nth, key) in keys.iter().enumerate().step_by(7) {
        let mut world = world.write().unwrap();
        match nth % 2 {
            0 => world.inventory.remove(key),
            _ => {
                let standing = forewarn::domain::finding::Standing {
                    never: true,
                    ..forewarn::domain::finding::Standing::UNJUDGED
                };
                world.inventory.judged(key, standing);
            }
        }
    }
    exposition.refresh(&mut shop, at);
    let families = parse(&page(&exposition, ""));
    let gone = keys.iter().enumerate().step_by(7).filter(|(nth, _)| nth % 2 == 0).count();
    assert_eq!(families["forewarn_token_info"].samples.len(), 2_500 - gone);
    assert_eq!(families["forewarn_token_never_expires"].samples.len(), keys.len().div_ceil(7) - gone);
}

/// Every word that looks like one of our series.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("forewarn_")).map(str::to_owned).collect()
}

#[test]
fn whatever_ships_names_only_series_that_exist() {
    let families = parse(&page(&everything(), &own()));
    let files = [
        "alerts/forewarn-tokens.rules.yaml",
        "alerts/forewarn-health.rules.yaml",
        "alerts/tests/tokens.test.yaml",
        "alerts/tests/health.test.yaml",
        "dashboards/fleet.json",
        "dashboards/pipeline.json",
        "dashboards/collectors.json",
        "docs/runbooks.md",
        "README.md",
    ];
    for file in files {
        for name in named(&text(file)) {
            // The recording rule's name holds a family's name between colons.
            let known = families.contains_key(&name)
                || SOMETIMES.iter().any(|(known, _)| name.strip_prefix("forewarn_") == Some(known));
            assert!(known, "{file} names {name}, which is no family");
        }
    }
}
