//! The JSON of `/api/v1` from the running program: its OpenAPI document holds before an independent validator, and
//! schemathesis, which makes requests up from the document, finds no server error, no undocumented answer and no answer
//! of another shape. A few hundred tokens, some with names that want to be more than names.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::program::Program;
use crate::support::{eventually, http, tools};

const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "a b?c#d%/ä\"<",
    "../../etc/passwd",
    "'; DROP TABLE deliveries; --",
    "=1+1",
    "%2F%00",
    "{{7*7}}",
    "..",
];

/// Three hundred declared tokens: ended, ending, far away, never; and a collector that cannot be read.
fn config() -> String {
    let day = |days: i64| (chrono::Utc::now() + chrono::TimeDelta::days(days)).format("%Y-%m-%d").to_string();
    let plain = (0..300i64).map(|nth| {
        let expires = match nth % 5 {
            0 => day(nth / 10 - 15),
            1 => "never".to_owned(),
            _ => day(nth),
        };
        json!({ "name": format!("team-{}/bot-{nth:03}", nth % 7), "expires": expires, "issued": day(-400) })
    });
    let hostile = HOSTILE.iter().zip(1..).map(|(name, nth)| json!({ "name": name, "expires": day(nth) }));
    let tokens: Vec<Value> = plain.chain(hostile).collect();
    let config = json!({
        "store": "sqlite:forewarn.db",
        "collectors": {
            "vendor": { "issuer": "declared", "tokens": tokens },
            "blind": {
                "issuer": "vault", "url": "http://127.0.0.1:9", "every": "5s", "login": { "token": { "env": "LOGIN" } }
            },
        },
        "schedules": { "quarterly": { "every": "90d", "by": "hand" } },
        "pipelines": { "deploy-prod": { "environment": "production" }, "nightly": {} },
        "policies": [
            { "match": { "token": "vendor/**" }, "team": "platform" },
            { "match": { "name": "*/bot-0*" }, "schedule": "quarterly", "pipelines": ["deploy-prod"] },
        ],
        "channels": { "chat": { "stdout": {} }, "hook": { "webhook": { "url": "http://127.0.0.1:9/x" } } },
    });
    serde_json::to_string_pretty(&config).unwrap()
}

async fn started() -> Program {
    let mut program = Program::new(&config(), &[("LOGIN", "hvs.of-the-test")]);
    program.start().await;
    eventually("the first messages are written down", Duration::from_secs(20), async || {
        let page: Value = serde_json::from_str(&program.get("/api/v1/deliveries?state=sent&limit=1").await).ok()?;
        (page["matching"].as_u64()? > 10).then_some(())
    })
    .await;
    program
}

fn bin(name: &str) -> PathBuf {
    tools().join("venv/bin").join(name)
}

fn finished(mut command: Command) -> (bool, String) {
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().unwrap();
    (status.success(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
}

/// Requests from the document, a bounded number of them, the same at every run. `config`: values for path parameters,
/// so that what is behind them is reached too.
fn schemathesis(program: &Program, config: &str) -> (bool, String) {
    program.write("schemathesis.toml", config);
    let mut command = Command::new(bin("st"));
    command
        .current_dir(program.folder.path())
        .args(["--config-file", "schemathesis.toml", "run", "openapi.json", "--url"])
        .arg(format!("{}/api/v1", program.url))
        // Texts that are no globs fit the document and are refused; everything else that fits it must be taken.
        .args(["--exclude-checks", "positive_data_acceptance", "--suppress-health-check", "filter_too_much"])
        .args(["--max-examples", "10", "--generation-deterministic", "--request-timeout", "10", "--no-color"]);
    finished(command)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_holds_and_so_does_what_it_says() {
    let program = started().await;
    let document = program.get("/api/v1/openapi.json").await;
    program.write("openapi.json", &document);
    let mut validator = Command::new(bin("openapi-spec-validator"));
    validator.current_dir(program.folder.path()).arg("openapi.json");
    let (good, said) = finished(validator);
    assert!(good, "{said}");

    let (good, said) = schemathesis(&program, "");
    assert!(good, "{said}");
    let labels = ["vendor/team-0/bot-000", "vendor/team-1/bot-001", "vendor/<script>alert(1)</script>", "no/such"];
    let known =
        format!("[parameters]\n\"path.token\" = {labels:?}\n\"path.name\" = [\"vendor\", \"blind\", \"nobody\"]\n");
    let (good, said) = schemathesis(&program, &known);
    assert!(good, "{said}");
    for line in ["error: could not", "panicked", "level=error"] {
        assert!(!program.logs().contains(line), "{line} in the log {}", program.path("stderr.log").display());
    }
}

async fn asked(program: &Program, path: &str) -> (u16, Value) {
    let answer = http().get(format!("{}/api/v1/{path}", program.url)).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/json", "{path}");
    assert_eq!(answer.headers()["cache-control"], "no-store", "{path}");
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_name_has_its_own_address_and_every_refusal_a_sentence() {
    let program = started().await;
    let (_, page) = asked(&program, "tokens?limit=1000&collector=vendor").await;
    assert_eq!(page["matching"], 300 + HOSTILE.len());
    let client = http();
    for row in page["tokens"].as_array().unwrap() {
        let label = row["token"].as_str().unwrap();
        let mut url = url::Url::parse(&format!("{}/api/v1/tokens/", program.url)).unwrap();
        // Dots alone are a path of their own to every client; they are written out.
        let encoded: String = label.bytes().map(|byte| format!("%{byte:02X}")).collect();
        url.set_path(&format!("/api/v1/tokens/{encoded}"));
        let answer = client.get(url).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{label}");
        let explained: Value = answer.json().await.unwrap();
        assert_eq!(explained["row"]["token"], label);
    }
    for (path, status, sentence) in [
        ("tokens?nam=x", 400, "there is no filter \"nam\"; did you mean \"name\"?"),
        ("tokens?limit=10001", 400, "limit is a number from 1 to 10000, not \"10001\""),
        ("tokens?limit=1&limit=1", 400, "limit is given twice"),
        ("collectors?name=x", 400, "this takes no query, but there is \"name\""),
        ("collectors/vendr", 404, "there is no collector \"vendr\"; did you mean \"vendor\"?"),
        ("deliveries?channel=caht", 400, "there is no channel \"caht\"; did you mean \"chat\"?"),
        ("tokens/%FF", 400, "the name of the token is not UTF-8"),
        ("nothing", 404, "there is no such thing under /api/v1; /api/v1/openapi.json says what there is"),
    ] {
        assert_eq!(asked(&program, path).await, (status, json!({ "error": sentence })), "{path}");
    }
    let post = http().post(format!("{}/api/v1/tokens", program.url)).send().await.unwrap();
    assert_eq!((post.status().as_u16(), &post.headers()["allow"]), (405, &"GET,HEAD".parse().unwrap()));
    let head = http().head(format!("{}/api/v1/tokens", program.url)).send().await.unwrap();
    assert_eq!(head.status().as_u16(), 200);
    assert!(head.bytes().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_cannot_make_it_poll() {
    let program = started().await;
    let poll = |header: (&'static str, &'static str)| {
        http().post(format!("{}/api/v1/collectors/vendor/poll", program.url)).header(header.0, header.1).send()
    };
    for header in [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "http://evil.example")]
    {
        let refused = poll(header).await.unwrap();
        assert_eq!(refused.status().as_u16(), 403, "{header:?}");
        let refused: Value = refused.json().await.unwrap();
        assert!(refused["error"].as_str().unwrap().contains("another site"), "{refused}");
    }
    let own = poll(("sec-fetch-site", "same-origin")).await.unwrap();
    assert_ne!(own.status().as_u16(), 403);
}
