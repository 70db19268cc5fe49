//! The main job, end to end, against a real OpenBao: a token in a scrape, its ladder, its revocation, its rotation.

use std::time::Duration;

use serde_json::json;

use crate::support::bao::{Bao, ROOT};
use crate::support::program::{Program, value};
use crate::support::sinks::{Mail, Slack, unfolded};
use crate::support::{eventually, free_port};

const SHORT: Duration = Duration::from_secs(5);

/// The configuration that must work as written, on other ports; without the introspection server it names none.
fn config(bao: &Bao, mail: &Mail) -> String {
    format!(
        r#"
store: sqlite:forewarn.db
collectors:
  vault:
    issuer: vault
    url: {}
    login: {{ token: {{ env: VAULT_TOKEN }} }}
    every: 2s
  typed:
    issuer: declared
    tokens:
      - {{ name: nuget-push, expires: 2030-03-01 }}
schedules:
  quarterly: {{ every: 90d, by: hand, warn: [30d, 7d, 1d] }}
pipelines:
  deploy-prod: {{}}
policies:
  - {{ match: {{ collector: vault, name: "ci-*" }}, schedule: quarterly, team: platform, pipelines: [deploy-prod] }}
channels:
  chat: {{ slack: {{ webhook_url: {{ env: SLACK_WEBHOOK }} }} }}
  mail: {{ email: {{ smtp: "smtp://127.0.0.1:{}", tls: none, from: forewarn@example.com, to: [oncall@example.com] }} }}
routes:
  - match: {{ severity: [warning, critical] }}
    to: [chat, mail]
"#,
        bao.url, mail.port
    )
}

struct Scene {
    bao: Bao,
    slack: Slack,
    mail: Mail,
    program: Program,
}

async fn scene() -> Scene {
    let (bao, slack, mail) = (Bao::start().await, Slack::start().await, Mail::start("plain", None).await);
    let config = config(&bao, &mail);
    let mut program = Program::new(&config, &[("VAULT_TOKEN", ROOT), ("SLACK_WEBHOOK", &slack.url)]);
    program.start().await;
    // The first round is over: what comes now is news.
    program.series("forewarn_collector_up{collector=\"vault\"} 1", SHORT).await;
    Scene { bao, slack, mail, program }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_token_is_seen_rings_thrice_and_expires() {
    let Scene { bao, slack, mail, program } = scene().await;
    let (accessor, _) = bao.token("ci-deploy", "60s").await;
    let end = bao.ends(&accessor).await;
    let identity = "collector=\"vault\",token=\"vault/ci-deploy\"";
    let line =
        program.series(&format!("forewarn_token_expiry_timestamp_seconds{{{identity}}}"), Duration::from_secs(3)).await;
    assert_eq!(value(&line) as i64, end, "the exact expiry");

    for (nth, before) in [20, 10, 4].into_iter().enumerate() {
        let due = end - before;
        eventually(&format!("the rung {before} s before the end"), Duration::from_secs(50), async || {
            (slack.texts().len() > nth).then_some(())
        })
        .await;
        let late = chrono::Utc::now().timestamp() - due;
        assert!((-1..=3).contains(&late), "rung {before} s: told {late} s after it was due: {:#?}", slack.texts());
    }
    program
        .series(
            &format!("forewarn_token_finding{{{identity},finding=\"expires_soon\",severity=\"critical\"}} 1"),
            SHORT,
        )
        .await;
    program.series(&format!("forewarn_token_finding{{{identity},finding=\"expired\""), Duration::from_secs(12)).await;
    let message = slack.message(3, "expired", SHORT).await;
    assert!(message.contains("deploy-prod") && message.contains("platform"), "{message}");
    assert_eq!(slack.texts().len(), 4, "three rungs and the end: {:#?}", slack.texts());
    mail.mail(3, "expired", SHORT).await;
    let revoked = format!("forewarn_token_finding{{{identity},finding=\"revoked\"");
    assert!(!program.metrics().await.contains(&revoked), "an end on time is no revocation");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_told_at_once_and_its_successor_closes_it() {
    let Scene { bao, slack, mail, program } = scene().await;
    let (accessor, _) = bao.token("ci-deploy", "1h").await;
    program.series("forewarn_token_info{collector=\"vault\",token=\"vault/ci-deploy\"", SHORT).await;
    let old_end = bao.ends(&accessor).await;

    bao.revoke(&accessor).await;
    let message = slack.message(0, "evoked", SHORT).await;
    assert!(message.contains("deploy-prod") && message.contains("platform"), "{message}");
    let mailed = unfolded(&mail.mail(0, "REVOKED", SHORT).await);
    assert!(mailed.contains("deploy-prod") && mailed.contains("platform"), "{mailed}");
    let page = program.metrics().await;
    assert!(page.contains("finding=\"revoked\",severity=\"critical\""), "{page}");
    let expired = "forewarn_token_finding{collector=\"vault\",token=\"vault/ci-deploy\",finding=\"expired\"";
    assert!(!page.contains(expired), "revoked, not expired");
    assert_eq!(slack.texts().len(), 1, "one Slack request: {:#?}", slack.texts());
    assert_eq!(mail.mails().len(), 1, "one mail");

    let (accessor, _) = bao.token("ci-deploy", "2h").await;
    let new_end = bao.ends(&accessor).await;
    let message = slack.message(1, "rotated", SHORT).await;
    for (what, end) in [("old", old_end), ("new", new_end)] {
        let at = chrono::DateTime::from_timestamp(end, 0).unwrap().format("%H:%M").to_string();
        assert!(message.contains(&at), "the {what} expiry {at} stands in {message}");
    }
    program
        .no_series("forewarn_token_finding{collector=\"vault\",token=\"vault/ci-deploy\",finding=\"revoked\"", SHORT)
        .await;
    mail.mail(1, "otated", SHORT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_by_the_hundred_are_one_flow() {
    let Scene { bao, slack, program, .. } = scene().await;
    bao.call("POST", "sys/auth/userpass", json!({ "type": "userpass" })).await;
    bao.call("POST", "auth/userpass/users/ci", json!({ "password": "pw", "token_ttl": "10m" })).await;
    for _ in 0..200 {
        bao.call("POST", "auth/userpass/login/ci", json!({ "password": "pw" })).await;
    }
    let dynamic = "forewarn_tokens{collector=\"vault\",state=\"dynamic\"}";
    eventually("two hundred dynamic tokens", Duration::from_secs(15), async || {
        let page = program.metrics().await;
        let line = page.lines().find(|line| line.starts_with(dynamic)).map(str::to_owned)?;
        (value(&line) >= 200.0).then_some(())
    })
    .await;
    let slots = program
        .metrics()
        .await
        .lines()
        .filter(|line| line.starts_with("forewarn_token_info{collector=\"vault\""))
        .count();
    assert!(slots <= 3, "no slot for each login: {slots}");
    assert!(slack.texts().is_empty(), "no message: {:#?}", slack.texts());
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_repeat_nothing_and_lose_nothing() {
    let Scene { bao, slack, mail, mut program } = scene().await;
    let (accessor, _) = bao.token("ci-deploy", "1h").await;
    program.series("forewarn_token_info{collector=\"vault\",token=\"vault/ci-deploy\"", SHORT).await;
    bao.revoke(&accessor).await;
    slack.message(0, "evoked", SHORT).await;
    mail.mail(0, "REVOKED", SHORT).await;

    assert_eq!(program.stop(libc::SIGTERM), Some(0), "a stop that a signal asked for is a success");
    program.start().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(slack.texts().len(), 1, "a restart repeats nothing: {:#?}", slack.texts());
    assert!(program.metrics().await.contains("finding=\"revoked\",severity=\"critical\""), "and forgets nothing");

    // Rotated while nobody watched.
    program.stop(libc::SIGKILL);
    bao.token("ci-deploy", "2h").await;
    program.start().await;
    slack.message(1, "rotated", Duration::from_secs(8)).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(slack.texts().len() <= 3, "kill -9 repeats at most one: {:#?}", slack.texts());
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_while_forewarn_was_down_is_told_after_the_start() {
    let Scene { bao, slack, mut program, .. } = scene().await;
    let (accessor, _) = bao.token("ci-deploy", "1h").await;
    program.series("forewarn_token_info{collector=\"vault\",token=\"vault/ci-deploy\"", SHORT).await;
    program.stop(libc::SIGKILL);
    bao.revoke(&accessor).await;
    program.start().await;
    let message = slack.message(0, "evoked", Duration::from_secs(10)).await;
    assert!(message.contains("deploy-prod"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_issuer_says_nothing_against_its_tokens() {
    let (slack, mail) = (Slack::start().await, Mail::start("plain", None).await);
    let bao = Bao::start().await;
    let config = config(&bao, &mail);
    let mut program = Program::new(&config, &[("VAULT_TOKEN", ROOT), ("SLACK_WEBHOOK", &slack.url)]);
    program.start().await;
    bao.token("ci-deploy", "1h").await;
    program.series("forewarn_token_info{collector=\"vault\",token=\"vault/ci-deploy\"", SHORT).await;
    // The server is gone with every token in it.
    drop(bao);
    program.series("forewarn_collector_up{collector=\"vault\"} 0", Duration::from_secs(10)).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    let page = program.metrics().await;
    assert!(page.contains("forewarn_token_info{collector=\"vault\",token=\"vault/ci-deploy\""), "the facts stay");
    for finding in ["revoked", "vanished", "expired"] {
        let series = format!("token=\"vault/ci-deploy\",finding=\"{finding}\"");
        assert!(!page.contains(&series), "no {finding} because of a silent issuer");
    }
    assert!(slack.texts().is_empty(), "{:#?}", slack.texts());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_and_a_second_process_are_said_in_words() {
    let Scene { program, .. } = scene().await;
    let port = program.url.rsplit(':').next().unwrap().to_owned();
    let (code, _, said) =
        program.run(&["serve", "--config.file", "forewarn.yml", "--web.listen-address", &format!("127.0.0.1:{port}")]);
    assert_eq!(code, 1);
    assert!(said.contains("cannot listen on") && said.contains("another process"), "{said}");
    let other = format!("127.0.0.1:{}", free_port());
    let (code, _, said) = program.run(&["serve", "--config.file", "forewarn.yml", "--web.listen-address", &other]);
    assert_eq!(code, 1);
    assert!(said.contains("forewarn.db"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_takes_the_whole_configuration_or_keeps_the_old_one() {
    let Scene { bao, mail, program, .. } = scene().await;
    bao.token("ci-deploy", "1h").await;
    program.series("forewarn_token_info{collector=\"vault\",token=\"vault/ci-deploy\"", SHORT).await;
    let good = config(&bao, &mail);

    program.write("forewarn.yml", &good.replace("schedule: quarterly, team", "schedule: quaterly, team"));
    let (status, said) = program.post("/-/reload").await;
    assert_eq!(status, 422, "{said}");
    assert!(said.contains("quaterly") && said.contains("old configuration stays"), "{said}");
    program.series("forewarn_config_last_reload_successful 0", SHORT).await;

    program.write("forewarn.yml", &good.replace("team: platform", "team: release"));
    program.signal(libc::SIGHUP);
    program.series("forewarn_config_last_reload_successful 1", SHORT).await;
    eventually("the new team on the token", SHORT, async || {
        program.metrics().await.contains("team=\"release\"").then_some(())
    })
    .await;
}
