//! Commands that look for themselves, against real servers: `poll`, `list --once`, `check-config --online`. They show
//! what is there, write nothing and tell nobody.

use std::time::Duration;

use serde_json::json;

use crate::support::bao::{Bao, ROOT};
use crate::support::gitlab::{DEEP, GitLab, LOGIN, Of, PLATFORM, day};
use crate::support::program::Program;
use crate::support::sinks::{MAIL_PASSWORD, Mail, Slack};

const SOON: Duration = Duration::from_secs(15);

fn vault(bao: &Bao) -> String {
    format!(
        "collectors:\n  vault: {{ issuer: vault, url: \"{}\", login: {{ token: {{ env: VAULT_TOKEN }} }} }}\n",
        bao.url
    )
}

/// Names in the folder of the program.
fn files(program: &Program) -> Vec<String> {
    let entries = std::fs::read_dir(program.folder.path()).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The cells of the line that holds all of these words.
fn line<'t>(text: &'t str, words: &[&str]) -> &'t str {
    let found = text.lines().find(|line| words.iter().all(|word| line.contains(word)));
    found.unwrap_or_else(|| panic!("no line with {words:?} in\n{text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_shows_every_request_and_what_it_read() {
    let bao = Bao::start().await;
    bao.token("deploy", "48h").await;
    let mut program = Program::new(&vault(&bao), &[("VAULT_TOKEN", ROOT)]);
    let (code, text, wrong) = program.run(&["poll", "vault"]);
    assert_eq!(code, 0, "{text}{wrong}");
    line(&text, &["all of it was read"]);
    line(&text, &["accessors", "LIST /v1/auth/token/accessors", "200"]);
    line(&text, &["vault/deploy", "service token", "in 2 days"]);
    assert!(!text.contains("decided"), "{text}");
    let (_, text, _) = program.run(&["poll", "vault", "--debug", "--config.file", "forewarn.yml"]);
    line(&text, &["decided: read;", "to ask about further"]);
    line(&text, &["content-type: application/json"]);
    assert_eq!(files(&program), ["forewarn.yml"], "nothing is written");
    let (code, _, wrong) = program.run(&["poll", "valt"]);
    assert_eq!((code, wrong.as_str()), (2, "there is no collector \"valt\"; did you mean \"vault\"?\n"));
    program.set("VAULT_TOKEN", "s.not-a-token-of-it");
    let (code, text, _) = program.run(&["poll", "vault"]);
    assert_eq!(code, 1);
    assert!(text.contains("it was not read: ") && text.contains("403"), "{text}");
    assert!(!text.contains("not-a-token"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_polls_when_it_is_asked_and_not_twice_at_once() {
    let bao = Bao::start().await;
    let mut program = Program::new(&vault(&bao), &[("VAULT_TOKEN", ROOT)]);
    program.start().await;
    program.series("forewarn_collector_up{collector=\"vault\"} 1", SOON).await;
    let url = program.url.clone();
    let (code, text, wrong) = program.run(&["poll", "vault", "--server", &url]);
    assert_eq!(code, 0, "{text}{wrong}");
    line(&text, &["accessors", "LIST /v1/auth/token/accessors", "200"]);
    let (code, text, wrong) = program.run(&["poll", "vault", "--server", &url]);
    assert!(code == 0 || wrong.contains("somebody asked"), "{text}{wrong}");
    let (code, _, wrong) = program.run(&["poll", "valt", "--server", &url]);
    assert_eq!(code, 2, "{wrong}");
    assert!(wrong.contains("did you mean"), "{wrong}");
    let page = program.get("/api/v1/collectors/vault").await;
    let detail: serde_json::Value = serde_json::from_str(&page).unwrap();
    // In the order of their answers, which nobody promises.
    let requests = detail["polls"][0]["requests"].as_array().unwrap();
    assert!(requests.iter().any(|one| one["request"] == "accessors" && one["status"] == 200), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_without_a_server_is_as_the_issuer_tells_it_and_leaves_no_trace() {
    let bao = Bao::start().await;
    let (accessor, _) = bao.token("deploy", "48h").await;
    let slack = Slack::start().await;
    let config = format!(
        "{}pipelines: {{ deploy-prod: {{}} }}\npolicies: [{{ match: {{ name: deploy }}, pipelines: [deploy-prod] }}]\n\
         channels: {{ chat: {{ slack: {{ webhook_url: {{ env: SLACK }} }} }} }}\n",
        vault(&bao)
    );
    let mut program = Program::new(&config, &[("VAULT_TOKEN", ROOT), ("SLACK", &slack.url)]);
    let (code, text, wrong) = program.run(&["list", "--once", "--all"]);
    assert_eq!(code, 0, "{text}{wrong}");
    line(&text, &["vault/deploy", "deploy-prod"]);
    assert_eq!(files(&program), ["forewarn.yml"]);
    // On top of what a server remembered: the end of a token is seen as such.
    program.start().await;
    program.series("forewarn_token_info{collector=\"vault\"", SOON).await;
    program.series("forewarn_collector_up{collector=\"vault\"} 1", SOON).await;
    assert_eq!(program.stop(libc::SIGTERM), Some(0));
    let told = slack.bodies().len();
    bao.revoke(&accessor).await;
    let store = std::fs::read(program.path("forewarn.db")).unwrap();
    let (code, text, wrong) = program.run(&["list", "--once", "--all"]);
    assert_eq!(code, 0, "{text}{wrong}");
    line(&text, &["vault/deploy", "revoked"]);
    assert_eq!(std::fs::read(program.path("forewarn.db")).unwrap(), store, "the store is as it was");
    assert_eq!(slack.bodies().len(), told, "nobody is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_held_are_told_against_rights_needed() {
    let bao = Bao::start().await;
    bao.token("deploy", "48h").await;
    let (_, weak) = bao.token("weak", "48h").await;
    let policy = "path \"auth/token/accessors\" { capabilities = [\"list\", \"sudo\"] }\n\
                  path \"auth/token/accessors/\" { capabilities = [\"list\", \"sudo\"] }";
    bao.call("PUT", "sys/policies/acl/half", json!({ "policy": policy })).await;
    let half = bao.call("POST", "auth/token/create", json!({ "policies": ["default", "half"], "ttl": "48h" })).await;
    let half = half["auth"]["client_token"].as_str().unwrap();
    let mut program = Program::new(&vault(&bao), &[("VAULT_TOKEN", ROOT)]);
    let online = ["check-config", "--online", "forewarn.yml"];
    let (code, text, wrong) = program.run(&online);
    assert_eq!(code, 0, "{text}{wrong}");
    line(&text, &["vault", "every request", "yes"]);
    line(&text, &["accessors", "yes", "list and sudo on auth/token/accessors"]);
    line(&text, &["all is well"]);

    program.set("VAULT_TOKEN", &weak);
    let (code, text, _) = program.run(&online);
    assert_eq!(code, 1, "{text}");
    line(&text, &["vault", "every request", "yes: it holds default"]);
    line(&text, &["accessors", "NO: forbidden (403 LIST /v1/auth/token/accessors)", "list and sudo"]);
    line(&text, &["missing or not known: "]);

    program.set("VAULT_TOKEN", half);
    let (code, text, _) = program.run(&online);
    assert_eq!(code, 1, "{text}");
    line(&text, &["accessors", "yes", "list and sudo"]);
    line(
        &text,
        &["tokens", "NO: forbidden (403 POST /v1/auth/token/lookup-accessor)", "update on auth/token/lookup-accessor"],
    );
    assert!(!text.contains(half) && !text.contains(&weak));
    assert_eq!(files(&program), ["forewarn.yml"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_gitlab_keeps_to_its_owners_is_a_right_that_is_missing() {
    let gitlab = GitLab::start().await;
    gitlab.token(Of::Group(PLATFORM), "ci-deploy", Some(&day(20)));
    let config = format!(
        "collectors:\n  gitlab: {{ issuer: gitlab, url: {}, login: {{ token: {{ env: GITLAB_TOKEN }} }} }}\n",
        gitlab.url
    );
    let program = Program::new(&config, &[("GITLAB_TOKEN", LOGIN)]);
    let online = ["check-config", "--online", "forewarn.yml"];
    let (_, text, wrong) = program.run(&online);
    line(&text, &["group_tokens", "yes", "the role Owner of the group"]);
    let denied = format!("/groups/{DEEP}/access_tokens");
    gitlab.fault(&denied, Some(crate::support::gitlab::Fault::Status(403, "{\"message\":\"403 Forbidden\"}")));
    let (code, text, _) = program.run(&online);
    assert_eq!(code, 1, "{text}{wrong}");
    line(&text, &["group_tokens", &format!("NO: forbidden (403 GET /api/v4{denied})"), "Owner of the group"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_are_reached_and_nothing_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let (certificate, key) = (folder.path().join("srv.crt"), folder.path().join("srv.key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
    let mail = Mail::start("starttls", Some((&certificate, &key))).await;
    let slack = Slack::start().await;
    let config = format!(
        "collectors:\n  vendor: {{ issuer: declared, tokens: [{{ name: a, expires: never }}] }}\nchannels:\n  \
         chat: {{ slack: {{ webhook_url: {{ env: SLACK }} }} }}\n  mail: {{ email: {{ smtp: \"smtp://localhost:{}\", \
         from: forewarn@example.com, to: [ops@example.com], login: {{ username: exporter, password: {{ env: MAIL }} }}, \
         ca_file: \"{certificate}\" }} }}\n",
        mail.port
    );
    let mut program = Program::new(&config, &[("SLACK", &slack.url), ("MAIL", MAIL_PASSWORD)]);
    let online = ["check-config", "--online", "forewarn.yml"];
    let (code, text, wrong) = program.run(&online);
    assert_eq!(code, 0, "{text}{wrong}");
    line(&text, &["chat", "slack", "yes", "whether it takes messages shows only by sending one"]);
    line(&text, &["mail", "email", "yes", "STARTTLS stands, the login is taken; no mail was sent"]);
    assert!(!text.contains("secret-of-the-hook") && !text.contains(MAIL_PASSWORD), "{text}");
    program.set("MAIL", "another-password");
    program.set("SLACK", "http://127.0.0.1:9/services/another-path");
    let (code, text, _) = program.run(&online);
    assert_eq!(code, 1, "{text}");
    line(&text, &["chat", "slack", "NO", "connect"]);
    line(&text, &["mail", "email", "NO", "login refused", "AUTH"]);
    assert!(!text.contains("another-"), "{text}");
    assert!(mail.mails().is_empty() && slack.bodies().is_empty());
}
