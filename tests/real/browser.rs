//! The pages in a real browser: headless Chromium against the running program, driven by `browser/*.mjs`. Pictures stay
//! under `target/screenshots/`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::model::{Model, Tokens};
use crate::support::program::Program;
use crate::support::{eventually, tools};

/// A large fleet, judged by an unoptimised program on a machine that does much else.
const LONG: Duration = Duration::from_secs(120);
/// One walk of the browser.
const WALK: Duration = Duration::from_secs(240);
/// Tokens of the large fleet.
const FLEET: usize = 10_000;

/// Names that want to be more than names.
const HOSTILE: &[&str] = &[
    "<img src=x onerror=window.__pwned=1>",
    "\"><script>window.__pwned=1</script>",
    "' onmouseover='window.__pwned=1' autofocus onfocus='window.__pwned=1",
    "javascript:window.__pwned=1",
    "{{ 7 * 7 }}{% raw %}",
    "</title></textarea></style><svg onload=window.__pwned=1>",
    "..",
    "a b?c#d%2e%2e&amp;",
    "مفتاح-النشر",
];

fn day(ahead: i64) -> String {
    (chrono::Utc::now() + chrono::TimeDelta::days(ahead)).format("%Y-%m-%d").to_string()
}

/// One issuer that answers, one that is dead, and typed tokens: `tokens` as lines of the list.
fn config(vault: &str, tokens: &str) -> String {
    format!(
        r#"
store: sqlite:forewarn.db
collectors:
  vault: {{ issuer: vault, url: "{vault}", login: {{ token: {{ env: VAULT_TOKEN }} }}, every: 1h }}
  sso: {{ issuer: vault, url: "http://127.0.0.1:9", login: {{ token: {{ env: VAULT_TOKEN }} }}, every: 1h }}
  vendor:
    issuer: declared
    tokens:
{tokens}
schedules:
  quarterly: {{ every: 90d, by: hand }}
pipelines:
  deploy-prod: {{}}
  nightly: {{}}
  release: {{}}
  images: {{}}
policies:
  - {{ match: {{ name: [renovate, deploy-bot] }}, team: platform, pipelines: [deploy-prod], runbook: "https://wiki.example.com/rotate" }}
  - {{ match: {{ name: "bot-*" }}, team: shop }}
  - {{ match: {{ name: release-bot }}, team: shop, pipelines: [release], schedule: quarterly }}
  - {{ match: {{ name: nightly-bot }}, team: shop, pipelines: [nightly] }}
channels:
  console: {{ stdout: {{}} }}
  chat: {{ webhook: {{ url: "http://127.0.0.1:9/hook", secret: {{ env: HOOK }} }} }}
"#
    )
}

/// Typed tokens: a few with a story, hostile names, a long one, and `more` of a fleet.
fn typed(more: usize) -> String {
    let mut lines = String::new();
    let mut add = |name: &str, expires: &str| {
        let _ = writeln!(lines, "      - {{ name: {}, expires: {expires} }}", Value::from(name));
    };
    add("renovate", &day(3));
    add("nightly-bot", &day(6));
    add("release-bot", &day(97));
    add("old-mirror", &day(-12));
    add("robot", "never");
    for (nth, name) in HOSTILE.iter().enumerate() {
        add(name, &day(20 + 3 * i64::try_from(nth).unwrap()));
    }
    add(&"long-".repeat(40), &day(45));
    for nth in 0..more {
        add(&format!("bot-{nth:05}"), &day(100 + i64::try_from(nth % 900).unwrap()));
    }
    lines
}

struct Scene {
    program: Program,
    _model: Model,
}

/// The program with a fleet of `more`; one token of the vault was revoked.
async fn scene(more: usize, prefix: &str, arguments: &[&str]) -> Scene {
    let tokens = Tokens::default();
    tokens.put("a", "deploy-bot", 90 * 86_400);
    tokens.put("b", "ci-image-signer", 40 * 86_400);
    // What nobody may type, an issuer may still tell.
    tokens.put("r", "\u{202E}gnp.exe\u{2066}", 45 * 86_400);
    // One of many: a small share, so that no second look is needed.
    for nth in 0..20 {
        tokens.put(&format!("c{nth}"), &format!("ci-runner-{nth}"), (50 + nth) * 86_400);
    }
    let listed = tokens.clone();
    let model = Model::start(move |asked| listed.answer(asked)).await;
    let config = config(&model.url, &typed(more));
    let mut program = Program::new(&config, &[("VAULT_TOKEN", "hvs.of-the-test"), ("HOOK", "whsec_dGVzdA==")]);
    program.url += prefix;
    program.start_with(arguments).await;
    // Asked of the API: the series of a large fleet are made anew only now and then.
    eventually("the first polls", LONG, async || {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let answer: Value = serde_json::from_str(&program.get("/api/v1/collectors").await).unwrap();
        let read = |name: &str, least: usize| {
            let rows = answer["collectors"].as_array().unwrap();
            let row = rows.iter().find(|row| row["collector"] == name).unwrap();
            row["fresh"] == true && row["tokens"].as_u64().unwrap() >= least as u64
        };
        (read("vault", 22) && read("vendor", more)).then_some(())
    })
    .await;
    tokens.remove("a");
    assert_eq!(program.post("/c/vault/poll").await.0, 200, "it leads back to its page");
    // The page is of this moment; the series of a large fleet come a little later.
    eventually("the revoked token", LONG, async || {
        tokio::time::sleep(Duration::from_secs(1)).await;
        program.get("/api/v1/tokens?state=revoked").await.contains("vault/deploy-bot").then_some(())
    })
    .await;
    Scene { program, _model: model }
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn chromium() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("chromium")).find(|path| path.exists());
    found.expect("a Chromium: as root, `make tools` installs it")
}

/// Runs one walk; what it says goes into the failure.
async fn walk(script: &str, base: &str, shots: &str, paths: &Value) {
    let mut command = tokio::process::Command::new("node");
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/browser").join(script))
        .env("BASE", base)
        .env("SHOTS", folder(shots))
        .env("PATHS", paths.to_string())
        .env("BROWSER_TOOLS", tools().join("browser"))
        .env("CHROMIUM", chromium())
        .kill_on_drop(true);
    let output = tokio::time::timeout(WALK, command.output()).await.expect("the walk ends in time").unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}

fn pages() -> Value {
    let hostile = "/t/vendor/%3Cimg%20src%3Dx%20onerror%3Dwindow.__pwned%3D1%3E";
    json!([
        ["start", "/", 200],
        ["tokens", "/tokens?q=vendor", 200],
        ["day", format!("/tokens?day={}", day(3)), 200],
        ["nothing", "/tokens?q=no-such-thing", 200],
        ["token", "/t/vendor/renovate", 200],
        ["revoked", "/t/vault/deploy-bot", 200],
        ["hostile", hostile, 200],
        ["dots", "/t?token=vendor%2F..", 200],
        ["pipelines", "/pipelines", 200],
        ["pipeline", "/p/deploy-prod", 200],
        ["collectors", "/collectors", 200],
        ["collector", "/c/vault", 200],
        ["dead", "/c/sso", 200],
        ["deliveries", "/deliveries", 200],
        ["missing", "/nowhere/at/all", 404],
        ["refused", "/tokens?tema=%3Cscript%3Ewindow.__pwned%3D1%3C%2Fscript%3E", 400],
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_whole_quiet_and_readable() {
    let scene = scene(0, "", &[]).await;
    walk("pages.mjs", &scene.program.url, "small", &pages()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_under_a_prefix_and_with_a_large_fleet() {
    let external = "--web.external-url=https://ops.example.com/tools/forewarn/";
    let scene = scene(FLEET, "/tools/forewarn", &[external]).await;
    let base = &scene.program.url;
    let few = json!([
        ["start", "/", 200],
        ["tokens", "/tokens", 200],
        ["token", "/t/vendor/renovate", 200],
        ["missing", "/nowhere/at/all", 404],
    ]);
    walk("pages.mjs", base, "fleet", &few).await;
    walk("comfort.mjs", base, "fleet", &json!([])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_minute_says_what_it_waits_for() {
    let model = Model::start(|_| crate::support::model::Answer::Hang).await;
    let config = format!(
        "store: sqlite:forewarn.db\ncollectors:\n  vault: {{ issuer: vault, url: \"{}\", login: {{ token: {{ env: VAULT_TOKEN }} }}, timeout: 60s }}\n",
        model.url
    );
    let mut program = Program::new(&config, &[("VAULT_TOKEN", "hvs.of-the-test")]);
    program.start().await;
    let page = program.get("/").await;
    assert!(page.contains("No tokens are known yet") && page.contains("the first poll of vault is running"), "{page}");
    assert!(page.contains("No channel is configured"), "{page}");
    let paths = json!([["empty", "/", 200], ["no-tokens", "/tokens", 200], ["no-polls", "/c/vault", 200]]);
    walk("pages.mjs", &program.url, "empty", &paths).await;
}
