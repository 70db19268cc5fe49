//! Bad input from issuers, files and people: each gets a clear sentence or a counted, bounded effect.

use std::io::Write;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use serde_json::json;

use crate::support::eventually;
use crate::support::model::{Answer, Model, Tokens};
use crate::support::program::{Program, value};
use crate::support::sinks::Slack;

const SHORT: Duration = Duration::from_secs(8);
/// Most memory that hostile input may take, in kB.
const MOST_KB: u64 = 400_000;

fn vault(url: &str, more: &str) -> String {
    format!(
        "store: sqlite:forewarn.db\ncollectors:\n  vault: {{ issuer: vault, url: \"{url}\", login: {{ token: {{ env: VAULT_TOKEN }} }}, every: 1s, timeout: 3s }}\n{more}"
    )
}

const ENVIRONMENT: [(&str, &str); 1] = [("VAULT_TOKEN", "hvs.of-the-test")];

fn peak_kb(program: &Program) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn zeros(megabytes: usize) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let block = vec![b' '; 1 << 20];
    for _ in 0..megabytes {
        packed.write_all(&block).unwrap();
    }
    packed.finish().unwrap()
}

/// The model answers the list of accessors with `bad` once `spoilt` is set; what was known must stay.
async fn a_bad_body(what: &str, reason: &str, bad: impl Fn() -> Answer + Send + Sync + 'static) {
    let (tokens, spoilt) = (Tokens::default(), std::sync::Arc::new(Mutex::new(false)));
    tokens.put("a", "ci-deploy", 3600);
    let (listed, flag) = (tokens.clone(), spoilt.clone());
    let model = Model::start(move |asked| match *flag.lock().unwrap() && asked.path.ends_with("/accessors") {
        true => bad(),
        false => listed.answer(asked),
    })
    .await;
    let mut program = Program::new(&vault(&model.url, ""), &ENVIRONMENT);
    program.start().await;
    program.series("forewarn_token_info{collector=\"vault\",token=\"vault/ci-deploy\"", SHORT).await;
    *spoilt.lock().unwrap() = true;
    let counted = format!("forewarn_collector_errors_total{{collector=\"vault\",reason=\"{reason}\"}}");
    eventually(
        &format!("{what} is counted as {reason}; {}", program.logs().lines().last().unwrap_or_default()),
        Duration::from_secs(15),
        async || {
            let page = program.metrics().await;
            page.lines().find(|line| line.starts_with(&counted)).filter(|line| value(line) >= 1.0).map(drop)
        },
    )
    .await;
    let page = program.metrics().await;
    assert!(
        page.contains("forewarn_token_info{collector=\"vault\",token=\"vault/ci-deploy\""),
        "{what}: the facts stay"
    );
    for finding in ["revoked", "vanished", "expired"] {
        assert!(!page.contains(&format!("token=\"vault/ci-deploy\",finding=\"{finding}\"")), "{what}: no {finding}");
    }
    assert!(peak_kb(&program) < MOST_KB, "{what}: {} kB", peak_kb(&program));
    *spoilt.lock().unwrap() = false;
    program.series("forewarn_collector_up{collector=\"vault\"} 1", SHORT).await;
    assert_eq!(program.stop(libc::SIGTERM), Some(0), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes() {
    let huge = Bytes::from(vec![b' '; 100 << 20]);
    a_bad_body("100 MB", "too_large", move || Answer::text(200, huge.clone())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gzip_bomb() {
    let bomb = Bytes::from(zeros(256));
    let headers = || vec![("content-type", "application/json".to_owned()), ("content-encoding", "gzip".to_owned())];
    a_bad_body("a bomb of 256 MB", "too_large", move || Answer::Full(200, headers(), bomb.clone())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_body() {
    a_bad_body("half a JSON", "decode", || Answer::text(200, r#"{"data":{"keys":["a""#)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_json() {
    a_bad_body("a page of a proxy", "decode", || Answer::text(200, "<html><body>Sign in</body></html>")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_nested_a_million_deep() {
    let deep = Bytes::from("[".repeat(1_000_000));
    a_bad_body("deep nesting", "decode", move || Answer::text(200, deep.clone())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_another_shape() {
    a_bad_body("another shape", "decode", || Answer::text(200, r#"{"data":{"keys":"a"}}"#)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_a_second() {
    a_bad_body("a slow body", "timeout", || Answer::Drip(b" ")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_in_the_middle_of_a_slow_poll() {
    let model = Model::start(|_| Answer::Hang).await;
    let config = vault(&model.url, "").replace("timeout: 3s", "timeout: 60s");
    let mut program = Program::new(&config, &ENVIRONMENT);
    program.start().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let watch = Instant::now();
    assert_eq!(program.stop(libc::SIGTERM), Some(0));
    assert!(watch.elapsed() < Duration::from_secs(5), "{:?}", watch.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_want_to_be_more_than_names() {
    let (tokens, slack) = (Tokens::default(), Slack::start().await);
    let model_tokens = tokens.clone();
    let model = Model::start(move |asked| model_tokens.answer(asked)).await;
    let policy = "policies: [{ match: { collector: vault }, team: platform }]\nchannels: { chat: { slack: { webhook_url: { env: SLACK } } } }\n";
    let mut program = Program::new(&vault(&model.url, policy), &[ENVIRONMENT[0], ("SLACK", &slack.url)]);
    program.start().await;
    program.series("forewarn_collector_up{collector=\"vault\"} 1", SHORT).await;
    let names = [
        ("quote", "ci-\"} 1\nforged_metric{a=\"b".to_owned()),
        ("markup", "ci-<img src=x onerror=alert(1)>&amp;".to_owned()),
        ("everyone", "ci-<!channel> <https://evil.example|click>".to_owned()),
        ("rtl", "ci-\u{202E}gnp.exe\u{0}\r\nX-Header: 1".to_owned()),
        ("big", format!("ci-{}", "A".repeat(1 << 20))),
    ];
    for (accessor, name) in &names {
        tokens.put(accessor, name, 3600);
    }
    // One that stays: were all of them gone at once, it would wait for a second look (semantics 11.3).
    tokens.put("steady", "ci-steady", 3600);
    eventually("six tokens", SHORT, async || {
        let page = program.metrics().await;
        (page.lines().filter(|line| line.starts_with("forewarn_token_info{collector=\"vault\"")).count() >= 6)
            .then_some(())
    })
    .await;
    for (accessor, _) in &names {
        tokens.remove(accessor);
    }
    slack.message(0, "no longer works", SHORT).await;
    tokio::time::sleep(Duration::from_secs(3)).await;

    let page = program.metrics().await;
    assert!(!page.lines().any(|line| line.starts_with("forged_metric")), "a newline in a label");
    assert!(page.lines().all(|line| line.len() < 2000), "bounded lines");
    let html = program.get("/").await;
    assert!(!html.contains("<img src=x"), "{html}");
    let said = slack.bodies().join("\n");
    assert!(!said.contains("<!channel>") && !said.contains("<https://evil"), "{said}");
    assert!(said.contains("&lt;!channel&gt;"), "shown, and inert: {said}");
    for text in [&page, &html, &said, &program.get("/api/v1/tokens").await] {
        assert!(!text.contains('\u{202E}') && !text.contains('\0'));
        assert!(!text.contains(&"A".repeat(300)), "bounded names");
    }
    assert!(!program.logs().contains(&"A".repeat(5000)) && !program.logs().contains('\u{202E}'), "logs too");
    assert!(peak_kb(&program) < MOST_KB, "{} kB", peak_kb(&program));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_record_is_one_counted_reject() {
    let tokens = Tokens::default();
    for (accessor, name) in [("a", "ci-deploy"), ("b", "ci-no-id"), ("c", "ci-late"), ("d", "ci-odd")] {
        tokens.put(accessor, name, 3600);
    }
    let spoil = |accessor: &str, field: &str, value: serde_json::Value| {
        tokens.0.lock().unwrap().get_mut(accessor).unwrap()["data"][field] = value;
    };
    spoil("b", "accessor", json!(""));
    spoil("c", "expire_time", json!("next tuesday"));
    spoil("d", "issue_time", json!({ "deep": [1] }));
    let listed = tokens.clone();
    let model = Model::start(move |asked| listed.answer(asked)).await;
    let mut program = Program::new(&vault(&model.url, ""), &ENVIRONMENT);
    program.start().await;
    program.series("forewarn_token_info{collector=\"vault\",token=\"vault/ci-deploy\"", SHORT).await;
    let rejects =
        program.series("forewarn_collector_rejects_total{collector=\"vault\",reason=\"no_key\"}", SHORT).await;
    assert!(value(&rejects) >= 1.0, "{rejects}");
    // A date that is none is not the end of a record: its expiry is unknown, and said so (semantics 4.1, 8).
    let late = "forewarn_token_finding{collector=\"vault\",token=\"vault/ci-late\",finding=\"unverified\"";
    program.series(late, SHORT).await;
    assert!(!program.metrics().await.contains("token=\"vault/ci-late\",finding=\"revoked\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_no_store() {
    let declared = "store: sqlite:forewarn.db\ncollectors:\n  typed: { issuer: declared, tokens: [{ name: a, expires: 2030-03-01 }] }\n";
    for (what, bytes) in
        [("no database", b"this is not a database, it only has its name".repeat(200)), ("a cut one", Vec::new())]
    {
        let mut program = Program::new(declared, &[]);
        if bytes.is_empty() {
            program.start().await;
            program.series("forewarn_token_info{collector=\"typed\"", SHORT).await;
            program.stop(libc::SIGTERM);
            let mut whole = std::fs::read(program.path("forewarn.db")).unwrap();
            whole.truncate(whole.len() / 2);
            let middle = whole.len() / 2;
            whole[100..middle].fill(0xAA);
            std::fs::write(program.path("forewarn.db"), whole).unwrap();
        } else {
            std::fs::write(program.path("forewarn.db"), bytes).unwrap();
        }
        let (code, _, said) =
            program.run(&["serve", "--config.file", "forewarn.yml", "--web.listen-address", "127.0.0.1:0"]);
        assert_eq!(code, 1, "{what}: {said}");
        assert!(said.contains("forewarn.db") && !said.contains("panicked"), "{what}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_written() {
    // Root may write everywhere, so a folder stands where the file should be.
    let program = Program::new(
        "store: sqlite:taken\ncollectors:\n  typed: { issuer: declared, tokens: [{ name: a, expires: 2030-03-01 }] }\n",
        &[],
    );
    std::fs::create_dir(program.path("taken")).unwrap();
    let (code, _, said) =
        program.run(&["serve", "--config.file", "forewarn.yml", "--web.listen-address", "127.0.0.1:0"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("taken") && !said.contains("panicked"), "{said}");
    // A folder that is not there.
    let program = Program::new(
        "store: sqlite:no/such/folder/f.db\ncollectors:\n  typed: { issuer: declared, tokens: [{ name: a, expires: 2030-03-01 }] }\n",
        &[],
    );
    let (code, _, said) =
        program.run(&["serve", "--config.file", "forewarn.yml", "--web.listen-address", "127.0.0.1:0"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("no/such/folder") && !said.contains("panicked"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_file_that_is_missing_says_so_and_comes_later() {
    let model = Model::start(|_| Answer::text(200, r#"{"active":true,"exp":4000000000}"#)).await;
    let config = format!(
        "store: sqlite:forewarn.db\ncollectors:\n  sso: {{ issuer: oauth2, url: \"{0}\", introspection_endpoint: \"{0}/i\", login: {{ client_id: ci, client_secret: {{ env: SSO }} }}, inspect: {{ bot: {{ file: bot.token }} }}, every: 1s }}\n",
        model.url
    );
    let mut program = Program::new(&config, &[("SSO", "secret")]);
    let (code, said, wrong) = program.run(&["check-config", "forewarn.yml"]);
    assert!(format!("{said}{wrong}").contains("bot.token"), "exit {code}: {said}{wrong}");
    if code == 2 {
        // The configuration is refused as a whole, in words.
        let (code, _, said) =
            program.run(&["serve", "--config.file", "forewarn.yml", "--web.listen-address", "127.0.0.1:0"]);
        assert_eq!(code, 2, "{said}");
    }
    // It goes away while forewarn runs: no word against the token; it comes back.
    program.write("bot.token", "value-of-bot");
    program.start().await;
    program.series("forewarn_token_info{collector=\"sso\",token=\"sso/bot\"", SHORT).await;
    std::fs::remove_file(program.path("bot.token")).unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let page = program.metrics().await;
    for finding in ["revoked", "vanished", "expired"] {
        assert!(!page.contains(&format!("token=\"sso/bot\",finding=\"{finding}\"")), "no {finding} for a missing file");
    }
    assert!(program.logs().contains("bot.token"), "the log names the file");
    assert_eq!(program.stop(libc::SIGTERM), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_configuration_and_a_folder() {
    let program = Program::new("", &[]);
    let (code, said, wrong) = program.run(&["check-config", "forewarn.yml"]);
    assert_eq!(code, 2, "{said}{wrong}");
    assert!(format!("{said}{wrong}").contains("nothing is configured"), "{said}{wrong}");
    let (code, _, wrong) = program.run(&["serve", "--config.file", "none.yml", "--web.listen-address", "127.0.0.1:0"]);
    assert_eq!(code, 2, "{wrong}");
    assert!(wrong.contains("none.yml"), "{wrong}");

    std::fs::create_dir(program.path("conf.d")).unwrap();
    program.write(
        "conf.d/a.yml",
        "collectors:\n  typed: { issuer: declared, tokens: [{ name: a, expires: 2030-03-01 }] }\n",
    );
    program.write(
        "conf.d/b.yml",
        "pipelines: { deploy-prod: {} }\npolicies: [{ match: { name: a }, pipelines: [deploy-prod] }]\n",
    );
    let (code, said, wrong) = program.run(&["check-config", "conf.d"]);
    assert_eq!(code, 0, "{said}{wrong}");
    program.write("conf.d/c.yml", "collectors:\n  typed: { issuer: declared, tokens: [] }\n");
    let (code, said, wrong) = program.run(&["check-config", "conf.d"]);
    assert_eq!(code, 2, "a name given twice: {said}{wrong}");
}
