//! `config/schema.json`, and what an independent validator says with it of every configuration in this checkout.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use forewarn::config::sections::SECTIONS;

use super::{blocks, documents, files, fresh, root, text};

const PATH: &str = "config/schema.json";
/// Right by their shape: names that lead nowhere, and secrets that cannot be read, are known to `check-config` alone.
const ONLY_FOREWARN: [&str; 3] = ["references.yml", "secret-file-missing.yml", "unknown-issuer.yml"];

/// Paths of the files that the validator refuses or cannot read, out of these.
fn refused(paths: &[PathBuf]) -> (BTreeSet<String>, String) {
    let output = Command::new(root().join(".tools/venv/bin/check-jsonschema"))
        .current_dir(root())
        .args(["--schemafile", PATH, "--output-format", "json"])
        .args(paths)
        .output()
        .expect("the validator is there: `make tools` brings it");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let verdict: serde_json::Value = serde_json::from_str(&said)
        .unwrap_or_else(|error| panic!("{error}: {said}{}", String::from_utf8_lossy(&output.stderr)));
    let lists = ["errors", "parse_errors"].map(|key| verdict[key].as_array().cloned().unwrap_or_default());
    let names = lists.iter().flatten().map(|error| error["filename"].as_str().unwrap().to_owned());
    (names.collect(), said)
}

/// Whether a block begins with a section of ours.
fn is_ours(block: &str) -> bool {
    let first = block.lines().find(|line| !line.starts_with('#')).unwrap_or_default();
    SECTIONS.iter().any(|(section, _)| first.starts_with(&format!("{section}:")))
}

fn every(folder: &str, end: &str) -> Vec<PathBuf> {
    files(Path::new(folder), end)
}

#[test]
fn generated_schema_is_fresh() {
    let document = forewarn::config::schema::document();
    fresh(PATH, &(serde_json::to_string_pretty(&document).unwrap() + "\n"));
}

#[test]
fn what_loads_is_valid() {
    let mut paths = every("tests/config/valid", ".yml");
    paths.extend(every("tests/config/valid/folder.d", "ml"));
    paths.extend(every("config/examples", ".yml"));
    paths.push("config/quickstart.yaml".into());
    assert!(paths.len() >= 9, "{paths:?}");
    // What a reader copies from the documents: every block that is a configuration, or sections of one.
    let folder = tempfile::tempdir().unwrap();
    for document in documents() {
        let text = text(&document);
        for (nth, block) in blocks(&text, "yaml").into_iter().enumerate().filter(|(_, block)| is_ours(block)) {
            paths.push(folder.path().join(format!("{}-{nth}.yml", document.replace('/', "-"))));
            std::fs::write(paths.last().unwrap(), block).unwrap();
        }
    }
    assert!(paths.iter().filter(|path| path.starts_with(folder.path())).count() >= 3);
    let (refused, said) = refused(&paths);
    assert!(refused.is_empty(), "{said}");
}

#[test]
fn what_is_wrong_by_its_shape_is_refused() {
    let paths = every("tests/config/invalid", ".yml");
    assert!(paths.len() >= 40);
    let (refused, _) = refused(&paths);
    let taken: Vec<_> = paths.iter().filter(|path| !refused.contains(path.to_str().unwrap())).collect();
    let names: Vec<_> = taken.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ONLY_FOREWARN);
}

#[test]
fn a_mistake_is_refused_for_itself() {
    // One wrong thing each, in a file that is right but for it.
    let folder = tempfile::tempdir().unwrap();
    let vault = "issuer: vault, url: \"https://vault.example.com\", login: { token: { env: T } }";
    let wrong = [
        ("key", format!("collectors: {{ a: {{ {vault}, evry: 5m }} }}")),
        ("duration", format!("collectors: {{ a: {{ {vault}, every: 1.5d }} }}")),
        ("literal", "collectors: { a: { issuer: vault, url: \"https://v.example.com\", login: { token: hvs.x } } }".into()),
        ("inventory", format!("collectors: {{ a: {{ {vault}, inventory: {{ groups: [x] }} }} }}")),
        ("login", "collectors: { a: { issuer: vault, url: \"https://v.example.com\", login: { client_id: a, client_secret: { env: T } } } }".into()),
        ("files", format!("collectors: {{ a: {{ {vault}, files: [x] }} }}")),
        ("kind", format!("collectors: {{ a: {{ {vault}, kinds: [group] }} }}")),
        ("url", "collectors: { a: { issuer: vault, login: { token: { env: T } } } }".into()),
        ("both", "schedules: { a: { every: 90d, cron: \"0 1 * * *\", by: hand } }".into()),
        ("by", "schedules: { a: { every: 90d } }".into()),
        ("cron", "schedules: { a: { cron: \"0 10 1-7 * MON\", by: hand } }".into()),
        ("severity", "routes: [{ match: { severity: urgent }, to: [a] }]".into()),
        ("channel", "channels: { a: { stdout: {}, webhook: { url: \"https://h.example.com\" } } }".into()),
        ("not-built", "alertmanager: { urls: [\"http://am.example.com:9093\"] }".into()),
    ];
    let paths: Vec<_> = wrong
        .iter()
        .map(|(name, text)| {
            let path = folder.path().join(format!("{name}.yml"));
            std::fs::write(&path, text).unwrap();
            path
        })
        .collect();
    let good = folder.path().join("good.yml");
    std::fs::write(&good, format!("collectors: {{ a: {{ {vault}, every: 5m }} }}\npolicies:\n")).unwrap();
    let (refused, said) = refused(&[paths.clone(), vec![good]].concat());
    let expected: BTreeSet<_> = paths.iter().map(|path| path.to_str().unwrap().to_owned()).collect();
    assert_eq!(refused, expected, "{said}");
}
