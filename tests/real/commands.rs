//! The commands as people run them: on terminals of several widths and in pipes, beside a running server and through it,
//! with its users and its TLS; and the first minutes, from the table to the rotation.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine;

use crate::support::program::Program;
use crate::support::{eventually, free_port, spawn};

const SOON: Duration = Duration::from_secs(15);
const TERMINAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/servers/terminal.py");

/// One token that needs someone, one that is quiet, one with a name that would like to draw.
const CONFIG: &str = r#"
store: sqlite:forewarn.db
collectors:
  vendor:
    issuer: declared
    tokens:
      - { name: past, expires: 2026-01-01 }
      - { name: quiet, expires: 2099-01-01 }
      - { name: "=cmd|' /C calc'!A0", expires: 2099-01-01 }
      - { name: "トークン管理/very-long-name-of-a-token-that-nobody-can-remember", expires: 2099-02-01 }
pipelines: { deploy-prod: {}, nightly: {} }
policies:
  - { match: { name: past }, team: platform, pipelines: [deploy-prod, nightly] }
  - { match: { name: quiet }, team: cloud }
channels: { console: { stdout: {} } }
"#;

/// Runs it on a terminal of so many columns.
fn on_a_terminal(
    program: &Program,
    columns: u16,
    seconds: u32,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> (i32, String) {
    let mut command = program.command();
    let forewarn = command.get_program().to_owned();
    let set: Vec<_> =
        command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
    command = Command::new("python3");
    command.arg(TERMINAL).arg(columns.to_string()).arg(seconds.to_string()).arg(forewarn).args(arguments);
    command.env_clear().envs(set).env("TERM", "xterm").envs(environment.iter().copied());
    let output = command.current_dir(program.folder.path()).stdin(Stdio::null()).output().unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8(output.stdout).unwrap().replace('\r', ""))
}

async fn started(config: &str) -> Program {
    let mut program = Program::new(config, &[]);
    program.start().await;
    program.series("forewarn_token_finding{collector=\"vendor\",token=\"vendor/past\",finding=\"expired\"", SOON).await;
    program
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_and_the_server_answer_alike() {
    let program = started(CONFIG).await;
    let store = ["--config.file", "forewarn.yml"];
    let server = ["--server", &program.url];
    let ask = |words: &[&str], of: &[&str]| {
        let (code, said, wrong) = program.run(&[words, of].concat());
        assert_eq!((code, wrong.as_str()), (0, ""), "{words:?} {of:?}: {said}");
        said
    };
    for words in [
        &["list"][..],
        &["list", "--all", "--by", "pipeline"],
        &["list", "team=cloud"],
        &["list", "name=*very*", "--format", "csv"],
        &["list", "--format", "csv"],
        &["explain", "vendor/past"],
        &["explain", "vendor/トークン管理/very-long-name-of-a-token-that-nobody-can-remember"],
    ] {
        assert_eq!(steady(&ask(words, &store)), steady(&ask(words, &server)), "{words:?}");
    }
    let listed = ask(&["list"], &store);
    assert!(listed.starts_with("1 of 4 tokens needs someone"), "{listed}");
    assert!(listed.contains("3 are quiet: --all"), "{listed}");
    let grouped = ask(&["list", "--by", "pipeline"], &store);
    assert!(grouped.contains("deploy-prod · 1 token needs someone") && grouped.contains("nightly · "), "{grouped}");
    let csv = ask(&["list", "--format", "csv"], &server);
    assert!(csv.contains("\"vendor/=cmd"), "{csv}");
    let json: serde_json::Value = serde_json::from_str(&ask(&["list", "--format", "json"], &server)).unwrap();
    assert_eq!(json["tokens"].as_array().unwrap().len(), 4);

    // The code at the end of a message finds the token too.
    let explained = ask(&["explain", "vendor/past"], &server);
    let code = explained.split(" · ").find_map(|part| part.get(..4)).unwrap_or_default().to_owned();
    let by_code = explained.lines().any(|line| line.contains(" · ") && line.contains(&code));
    assert!(by_code, "{explained}");
    let code = json["tokens"][0]["findings"][0]["code"].as_str().unwrap();
    assert!(ask(&["explain", code], &server).starts_with("vendor/past"));
    let told = ask(&["deliveries", "--channel", "console"], &server);
    assert!(told.contains("vendor/past") && told.contains("sent"), "{told}");
    assert_eq!(steady(&told), steady(&ask(&["deliveries", "--channel", "console"], &store)));
}

/// Without what moves between two moments.
fn steady(text: &str) -> String {
    let moving = |word: &&str| !word.chars().any(|c| c.is_ascii_digit());
    text.lines().map(|line| line.split(' ').filter(moving).collect::<Vec<_>>().join(" ") + "\n").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_in_one_sentence() {
    let program = started(CONFIG).await;
    let failed = |arguments: &[&str]| {
        let (code, said, wrong) = program.run(arguments);
        assert_eq!(said, "", "{arguments:?}");
        (code, wrong)
    };
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let (code, wrong) = failed(&["list", "--server", &nobody]);
    assert!(code == 1 && wrong.starts_with(&format!("cannot ask {nobody}: connect")), "{code} {wrong}");
    let (code, wrong) = failed(&["list", "--server", "http://me:canary@127.0.0.1:1"]);
    assert!(code == 2 && wrong.contains("--server.password-file") && !wrong.contains("canary"), "{wrong}");
    let (code, wrong) = failed(&["list", "tem=platform", "--server", &program.url]);
    assert!(code == 2 && wrong.contains("did you mean \"team\"?"), "{wrong}");
    let here = failed(&["explain", "vendor/pasd", "--config.file", "forewarn.yml"]);
    let there = failed(&["explain", "vendor/pasd", "--server", &program.url]);
    assert_eq!((here.0, &here), (2, &there), "{here:?}");
    assert!(here.1.starts_with("there is no token \"vendor/pasd\""), "{here:?}");
    let (code, wrong) = failed(&["deliveries", "--state", "dea", "--config.file", "forewarn.yml"]);
    assert!(code == 2 && wrong.contains("dead"), "{wrong}");
    let empty = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = program.command().current_dir(empty.path()).args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, wrong) = run(&["list"]);
    assert!(code == Some(2) && wrong.contains("there is no forewarn.yml here"), "{wrong}");
    // The two lines that a first start says work as they stand.
    let (code, wrong) = run(&[]);
    assert_eq!(code, Some(2));
    let echo = wrong.lines().find_map(|line| line.strip_prefix("yours     ")).unwrap();
    assert!(Command::new("sh").args(["-c", echo]).current_dir(empty.path()).status().unwrap().success());
    assert_eq!(run(&["check-config", "forewarn.yml"]), (Some(0), String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_users_and_one_with_tls() {
    let mut program = Program::new(CONFIG, &[]);
    let hash = bcrypt::hash("hunter2", 4).unwrap();
    program.write("web.yml", &format!("basic_auth_users: {{ prom: \"{hash}\" }}\n"));
    program.write("password", "hunter2\n");
    program.write("wrong", "hunter3\n");
    program.sign_in("prom", "hunter2");
    program.start_with(&["--web.config.file", "web.yml"]).await;
    let ask = |more: &[&str]| program.run(&[&["list", "--all", "--server", &program.url], more].concat());
    let (code, _, wrong) = ask(&[]);
    assert!(code == 1 && wrong.contains("it asks for a user"), "{wrong}");
    let (code, _, wrong) = ask(&["--server.user", "prom", "--server.password-file", "wrong"]);
    assert!(code == 1 && wrong.contains("refuses this user (401)") && !wrong.contains("hunter"), "{wrong}");
    let (code, said, wrong) = ask(&["--server.user", "prom", "--server.password-file", "password"]);
    assert!(code == 0 && said.contains("vendor/quiet"), "{wrong}");
    let far = [
        "list",
        "--server",
        "http://forewarn.example.com",
        "--server.user",
        "prom",
        "--server.password-file",
        "password",
    ];
    let (code, _, wrong) = program.run(&far);
    assert!(code == 2 && wrong.contains("https://"), "{wrong}");
    program.stop(libc::SIGTERM);

    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    program.write("srv.crt", &made.cert.pem());
    program.write("srv.key", &made.signing_key.serialize_pem());
    program.write("web.yml", "tls_server_config: { cert_file: srv.crt, key_file: srv.key }\n");
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let mut command = program.command();
    command.args([
        "serve",
        "--config.file",
        "forewarn.yml",
        "--web.config.file",
        "web.yml",
        "--web.listen-address",
        &listen,
    ]);
    let _running = spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
    let url = format!("https://localhost:{port}/");
    eventually("the server answers over TLS", SOON, async || {
        let (code, said, _) = program.run(&["list", "--all", "--server", &url, "--server.ca-file", "srv.crt"]);
        (code == 0 && said.contains("vendor/quiet")).then_some(())
    })
    .await;
    let (code, _, wrong) = program.run(&["list", "--server", &url]);
    assert!(code == 1 && wrong.contains("tls"), "an authority that nobody named is not trusted: {wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn terminals_pipes_and_colours() {
    let program = started(CONFIG).await;
    let list = ["list", "--all", "--config.file", "forewarn.yml"];
    for columns in [60, 80, 120, 200] {
        let (code, text) = on_a_terminal(&program, columns, 20, &list, &[("NO_COLOR", "1")]);
        assert_eq!(code, 0, "{text}");
        assert!(!text.contains('\u{1b}'), "NO_COLOR: {text}");
        let table = text.lines().skip(1).filter(|line| !line.contains("--all"));
        for line in table {
            // Wide characters of the sample take two columns.
            let width = line.chars().map(|c| if c as u32 >= 0x3000 { 2 } else { 1 }).sum::<usize>();
            assert!(width <= usize::from(columns), "{columns}: {line}");
        }
        assert!(text.contains("vendor/past") && text.contains("deploy-prod"), "{columns}: {text}");
    }
    let (_, coloured) = on_a_terminal(&program, 120, 20, &list, &[]);
    assert!(coloured.contains("\u{1b}["), "{coloured}");
    let piped = |environment: &[(&str, &str)]| {
        let output = program.command().args(list).envs(environment.iter().copied()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(!piped(&[]).contains('\u{1b}'));
    assert!(piped(&[("CLICOLOR_FORCE", "1")]).contains("\u{1b}["));

    // A reader that has read enough is no error, and nothing is said about it.
    for arguments in ["list --all", "explain vendor/past", "deliveries", "list --format json"] {
        let forewarn = program.command().get_program().to_str().unwrap().to_owned();
        let line = format!("set -o pipefail; {forewarn} {arguments} --config.file forewarn.yml | head -c 1");
        let output = Command::new("bash").args(["-c", &line]).current_dir(program.folder.path()).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments}: {output:?}");
    }
    let line = format!("{} check-config forewarn.yml | true", program.command().get_program().to_str().unwrap());
    let output = Command::new("bash").args(["-c", &line]).current_dir(program.folder.path()).output().unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
}

fn mint(file: &Path, lives: i64) {
    let part = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let now = chrono::Utc::now().timestamp();
    let claims = format!(r#"{{"sub":"watch-me","iat":{now},"exp":{}}}"#, now + lives);
    let jwt = format!("{}.{}.{}", part(r#"{"alg":"HS256"}"#), part(&claims), part("signature"));
    std::fs::write(file, jwt).unwrap();
}

/// Surfaces 1.1 with a life of twelve seconds instead of three minutes.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_minutes() {
    let config = r#"
store: sqlite:forewarn.db
collectors:
  examples: { issuer: jwt, inspect: { watch-me: { file: watch-me.jwt } }, every: 1s }
pipelines: { deploy-prod: {} }
policies: [{ match: { token: examples/watch-me }, pipelines: [deploy-prod], warn: [8s, 4s] }]
channels: { console: { stdout: {} } }
"#;
    let program = Program::new(config, &[]);
    let listen = format!("127.0.0.1:{}", free_port());
    let serve = ["serve", "--config.file=forewarn.yml", "--web.listen-address", &listen, "--log.level=error"];
    let watched = |seconds| {
        let (code, text) = on_a_terminal(&program, 120, seconds, &serve, &[("NO_COLOR", "1")]);
        assert_eq!(code, 0, "{text}");
        text
    };
    mint(&program.path("watch-me.jwt"), 12);
    let text = watched(15);
    let mut rest = text.as_str();
    for expected in [
        "forewarn 0.1.0 · forewarn.yml · remembers in forewarn.db\n\nlooked at this machine",
        "  examples  1 JWT\n",
        "ENDS",
        "examples/watch-me  expires; stay and watch  deploy-prod\n",
        "\npage      http://127.0.0.1:",
        "\nyours     echo",
        "\nwhat would go to Slack or mail is printed here; Ctrl-C ends\n\n",
        "examples/watch-me expires in 8 s",
        "examples/watch-me expires in 4 s",
        "examples/watch-me has expired. Breaks deploy-prod now.",
    ] {
        let (_, after) = rest.split_once(expected).unwrap_or_else(|| panic!("{expected:?} does not come next: {text}"));
        rest = after;
    }
    mint(&program.path("watch-me.jwt"), 600);
    let text = watched(6);
    assert!(text.contains("Closed, rotated: examples/watch-me is good until "), "{text}");
    let (code, said, _) =
        program.run(&["check-config", "forewarn.yml", "--route", "pipeline=deploy-prod severity=critical"]);
    assert!(code == 0 && said.ends_with("→ console: no routes are written, so every channel hears of it\n"), "{said}");
}
