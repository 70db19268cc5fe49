//! Configurations as people write them: every invalid file says exactly the sentences beside it, every valid one loads.
//! `BLESS=1` writes the sentences anew, for a person to read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Once;

use forewarn::cli::check::good;
use forewarn::config::{Loading, load, setup};
use forewarn::domain::key::CollectorId;

const INVALID: &str = "tests/config/invalid";
const VALID: &str = "tests/config/valid";

/// Variables that the files name; set before any test reads one.
#[expect(unsafe_code, reason = "the environment is set once, before any test of this binary reads it")]
fn environment() {
    static SET: Once = Once::new();
    SET.call_once(|| {
        for (name, value) in [
            ("VAULT_TOKEN", "hvs.canary"),
            ("SSO_SECRET", "canary"),
            ("SLACK_WEBHOOK", "https://hooks.slack.example.com/services/canary"),
            ("HOOK_SECRET", "whsec_Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5"),
        ] {
            // SAFETY: every test of this binary that reads the environment waits for this block first.
            unsafe { std::env::set_var(name, value) };
        }
    });
}

fn entries(folder: &str) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| path.extension().is_some_and(|end| end == "yml" || end == "d"));
    all.sort();
    all
}

/// What `check-config` prints, without the folders of this checkout.
fn said(path: &Path) -> String {
    environment();
    let text = match load(path, &Loading::default()) {
        Ok(config) => good(path, &config),
        Err(failed) => failed.render(),
    };
    let root = env!("CARGO_MANIFEST_DIR");
    text.replace(&format!("{root}/{INVALID}/"), "").replace(&format!("{INVALID}/"), "").replace(root, "ROOT")
}

#[test]
fn every_invalid_file_says_the_sentences_beside_it() {
    let files = entries(INVALID);
    assert!(files.len() >= 40, "{}", files.len());
    let mut wrong = Vec::new();
    for path in files {
        let expected = path.with_extension("txt");
        let said = said(&path);
        assert!(!said.contains("is good"), "{} loads", path.display());
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&expected, &said).unwrap();
        }
        let beside = std::fs::read_to_string(&expected).unwrap_or_default();
        if said != beside {
            wrong.push(format!("== {}\n-- expected\n{beside}-- said\n{said}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_sentence_repeats_what_may_be_a_secret() {
    for path in entries(INVALID) {
        let said = said(&path);
        let shown = said.replace("yaml-alias", "").replace("/run/secrets/canary", "");
        assert!(!shown.contains("canary"), "{}\n{said}", path.display());
    }
}

#[test]
fn nine_mistakes_are_told_in_one_run() {
    let said = said(Path::new("tests/config/invalid/nine.yml"));
    assert!(said.ends_with("\n9 mistakes; nothing is loaded.\n"), "{said}");
    assert_eq!(said.lines().filter(|line| line.starts_with("nine.yml:")).count(), 9, "{said}");
}

/// A copy of a valid file, with the secret that it names beside it.
fn copied(name: &str) -> (tempfile::TempDir, PathBuf) {
    environment();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::copy(Path::new(VALID).join(name), &path).unwrap();
    std::fs::write(folder.path().join("deploy-bot.token"), "canary\n").unwrap();
    (folder, path)
}

fn loaded(path: &Path) -> forewarn::config::Config {
    match load(path, &Loading { external_url: true, ..Loading::default() }) {
        Ok(config) => config,
        Err(failed) => panic!("{}", failed.render()),
    }
}

#[test]
fn the_configuration_of_the_first_issue_loads_as_written() {
    let (folder, path) = copied("issue.yml");
    let config = loaded(&path);
    let setup = &config.setup;
    assert_eq!(setup.store.path, folder.path().join("forewarn.db"));
    let names: Vec<_> = setup.collectors.iter().map(|collector| collector.id.as_str()).collect();
    assert_eq!(names, ["sso", "typed", "vault"]);
    let [sso, typed, vault] = setup.collectors.as_slice() else { panic!("three collectors") };
    assert!(vault.settings.walks && vault.settings.inspect.is_empty());
    assert!(!sso.settings.walks);
    assert_eq!(sso.settings.every.as_secs(), 2);
    assert_eq!(sso.settings.introspection_endpoint.as_ref().unwrap().path(), "/token/introspection");
    let forewarn::base::secret::SecretRef::File(token) = &sso.settings.inspect[0].1 else { panic!("a file") };
    assert_eq!(*token, folder.path().join("deploy-bot.token"));
    assert!(typed.client.is_none() && typed.settings.declared[0].at.ends_with("issue.yml:19"));
    assert_eq!(setup.channels.keys().map(|id| id.as_str()).collect::<Vec<_>>(), ["chat", "mail"]);
    let said = good(Path::new("forewarn.yml"), &config);
    assert!(said.starts_with("forewarn.yml is good: 3 collectors, 2 policies, 2 channels, 1 route. "), "{said}");
}

#[test]
fn every_key_of_the_contract_that_is_built_is_taken() {
    let (folder, path) = copied("every-key.yml");
    let setup = loaded(&path).setup;
    let find = |name: &str| setup.collectors.iter().find(|collector| collector.id.as_str() == name).unwrap();
    let gitlab = find("gitlab");
    assert!(gitlab.settings.walks && gitlab.settings.slots_by_id);
    assert_eq!(gitlab.settings.inventory["groups"], serde_json::json!(["platform", "007"]));
    assert_eq!(gitlab.settings.max_tokens, 1000);
    let files = &find("files").settings;
    assert_eq!(files.files, [folder.path().join("certs/**/*.pem").to_str().unwrap(), "/etc/pki/ci/*.pem"]);
    assert!(files.show_trust_roots);
    let declared = &find("vendor").settings.declared;
    assert_eq!(declared[2].expires, None);
    assert_eq!(declared[0].expires.map(|(early, late)| (late - early).num_hours()), Some(24));
    assert_eq!(setup.metrics.narrow_above(), 100_000);
    assert_eq!(setup.metrics.tokens, setup::TokensShown::Findings);
    assert_eq!(setup.rules.collectors().count(), 4);
}

#[test]
fn the_least_configuration_loads_and_says_what_it_lacks() {
    let (_folder, path) = copied("least.yml");
    let config = loaded(&path);
    assert_eq!(config.setup.store.path, path.with_file_name("forewarn.db"));
    insta::assert_snapshot!(good(Path::new("least.yml"), &config), @r"
    least.yml is good: 1 collector, 0 policies, 0 channels, 0 routes. One warning:
    channels: there is no channel: findings stand on the page and in /metrics only.
    ");
}

#[test]
fn a_folder_is_one_configuration_in_the_order_of_names() {
    let path = Path::new("tests/config/valid/folder.d");
    let config = loaded(path);
    insta::assert_snapshot!(good(Path::new("folder.d"), &config).replace("tests/config/valid/", ""), @r"
    folder.d is good: 2 collectors, 2 policies, 1 channel, 1 route. One warning:
    folder.d/20-team.yaml:5: routes: no route has a digest, which alone carries info findings: they stand on the page and in /metrics only.
    in force, in this order:
      policies[0]  folder.d/10-collectors.yml:6
      policies[1]  folder.d/20-team.yaml:4
    ");
}

#[test]
fn a_path_that_is_nothing_is_said_in_words() {
    insta::assert_snapshot!(said(Path::new("nowhere/forewarn.yml")), @r"
    nowhere/forewarn.yml: there is no such file; name one with --config.file.
    1 mistake; nothing is loaded.
    ");
}

#[test]
fn a_folder_of_definitions_adds_and_is_checked() {
    environment();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.yaml"), "titel: Mine\n").unwrap();
    let loading = Loading { definitions: Some(folder.path().to_owned()), ..Loading::default() };
    let failed = load(Path::new("tests/config/valid/least.yml"), &loading).err().unwrap();
    let said = failed.render();
    assert!(said.contains("mine.yaml:1:1: titel: unknown key. Did you mean \"title\"?"), "{said}");
    let loading = Loading { definitions: Some(folder.path().join("none")), ..Loading::default() };
    let failed = load(Path::new("tests/config/valid/least.yml"), &loading).err().unwrap();
    assert!(failed.render().contains("the folder of issuer definitions cannot be read"), "{}", failed.render());
}

#[test]
fn what_is_probably_not_meant_is_a_warning() {
    environment();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("forewarn.yml");
    let text = "
collectors:
  vendor: { issuer: declared, tokens: [{ name: a, expires: never }] }
policies:
  - { match: { collector: [vendor, vnedor, \"any-*\"] }, team: platform }
channels:
  chat: { slack: { webhook_url: { env: SLACK_WEBHOOK } } }
  unheard: { stdout: {} }
routes:
  - { match: { severity: critical }, to: [chat] }
";
    std::fs::write(&path, text).unwrap();
    let config = load(&path, &Loading::default()).unwrap_or_else(|failed| panic!("{}", failed.render()));
    let said = good(Path::new("forewarn.yml"), &config).replace(folder.path().to_str().unwrap(), "").replace("/f", "f");
    insta::assert_snapshot!(said, @r#"
    forewarn.yml is good: 1 collector, 1 policy, 2 channels, 1 route. 5 warnings:
    forewarn.yml:5: policies[0].match.collector: there is no collector "vnedor".
    forewarn.yml:8: channels.unheard: no route, team or fallback leads to the channel "unheard".
    forewarn.yml:9: routes: no route carries warning findings: they stand on the page and in /metrics only.
    forewarn.yml:9: routes: no route has a digest, which alone carries info findings: they stand on the page and in /metrics only.
    no --web.external-url is given, so messages carry no links.
    "#);
}

/// Whoever only looks into the store is often not who runs forewarn, and holds none of its secrets.
#[test]
fn the_store_is_read_without_the_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("forewarn.yml");
    let login = "{ token: { env: FOREWARN_NOT_SET_ANYWHERE } }";
    let text = format!("collectors: {{ v: {{ issuer: vault, url: https://vault.example.com, login: {login} }} }}\n");
    std::fs::write(&path, text).unwrap();
    let refused = load(&path, &Loading::default());
    assert!(refused.is_err_and(|failed| failed.render().contains("FOREWARN_NOT_SET_ANYWHERE")));
    load(&path, &Loading { without_secrets: true, ..Loading::default() }).unwrap_or_else(|f| panic!("{}", f.render()));
}

#[test]
fn what_the_store_would_forget_is_said() {
    let (_folder, path) = copied("least.yml");
    let setup = loaded(&path).setup;
    let census = |list: &[(&str, usize)]| -> BTreeMap<CollectorId, usize> {
        list.iter().map(|(name, tokens)| (CollectorId::from(*name), *tokens)).collect()
    };
    assert!(setup::forgotten(&setup, &census(&[("vendor", 7)])).is_empty());
    assert!(setup::forgotten(&setup, &census(&[("vendor", 7), ("gone", 0)])).is_empty());
    let said = setup::forgotten(&setup, &census(&[("gitlab", 412)])).join("\n");
    insta::assert_snapshot!(said, @"collectors: gitlab is no longer configured: this forgets 412 tokens. If it is now called vendor: renaming a collector renames its tokens.");
    let said = setup::forgotten(&setup, &census(&[("gitlab", 1), ("vendor", 7)])).join("\n");
    insta::assert_snapshot!(said, @"collectors: gitlab is no longer configured: this forgets 1 token.");
}
