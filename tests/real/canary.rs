//! Planted secrets: the whole program runs with them, most answers are errors that repeat them, and no surface may show
//! a single one. One name is planted to be found, so that the hunt is known to see.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;

use crate::support::eventually;
use crate::support::model::{Answer, Asked, Model, Tokens};
use crate::support::program::{Program, files_below};
use crate::support::sinks::{MAIL_PASSWORD, Mail, Slack, unfolded};

const SHORT: Duration = Duration::from_secs(10);

/// Secrets by what they are. Long and unlike anything else.
struct Planted(Vec<(String, String)>);

impl Planted {
    fn plant(&mut self, what: &str) -> String {
        let value = format!("Cnry{:02}x{:016x}", self.0.len(), rand_like(self.0.len()));
        self.add(what, &value);
        value
    }
    fn add(&mut self, what: &str, value: &str) {
        self.0.push((what.to_owned(), value.to_owned()));
    }
    /// Panics with the surface and the kind of secret, not the secret.
    fn hunt(&self, surface: &str, bytes: &[u8]) {
        for (what, value) in &self.0 {
            let found = bytes.windows(value.len()).any(|window| window == value.as_bytes());
            assert!(!found, "{what} is shown on {surface}");
        }
    }
}

fn rand_like(nth: usize) -> u64 {
    (nth as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(std::process::id())
}

fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// What the misbehaving server says, by the first part of the path.
fn misbehave(asked: &Asked, tokens: &Tokens, told: &[String; 6]) -> Answer {
    let part = asked.path.split('/').nth(1).unwrap_or_default();
    match part {
        "vault" => tokens.answer(asked),
        // An error that repeats whole request and adds a value of its own.
        "echo" => {
            let body = format!(
                "{{\"errors\":[\"{} {} {}\"]}}",
                told[0],
                asked.headers.replace(['\n', '"'], " "),
                asked.body.replace('"', " ")
            );
            Answer::Full(
                500,
                vec![("content-type", "application/json".into()), ("x-secret", told[1].clone())],
                body.into(),
            )
        }
        "denied" => Answer::Full(
            403,
            vec![("www-authenticate", format!("Bearer error=\"{}\"", told[2]))],
            format!("{{\"message\":\"403 {}\",\"error\":\"{}\"}}", told[3], told[3]).into(),
        ),
        "away" => Answer::Full(302, vec![("location", format!("http://127.0.0.2:9/x?token={}", told[4]))], "".into()),
        "garbage" => Answer::text(200, format!("<html>{} {}</html>", told[5], asked.body)),
        "active" => Answer::text(200, r#"{"active":true,"exp":4000000000,"scope":"read"}"#),
        _ => Answer::text(404, "{}"),
    }
}

/// Everything a browser or a program can ask for.
const PATHS: [&str; 20] = [
    "/metrics",
    "/",
    "/tokens",
    "/t/vault/visible-1",
    "/pipelines",
    "/p/deploy-prod",
    "/collectors",
    "/deliveries",
    "/api/v1/tokens",
    "/api/v1/tokens/vault/visible-1",
    "/api/v1/pipelines",
    "/api/v1/collectors",
    "/api/v1/deliveries",
    "/api/v1/days",
    "/api/v1/openapi.json",
    "/api/v1/nothing",
    "/-/ready",
    "/-/healthy",
    "/nothing",
    "/-/reload",
];

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story: what is planted, what happens, where it is hunted")]
async fn no_secret_is_shown_anywhere() {
    let mut planted = Planted(Vec::new());
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into(), "127.0.0.1".into()]).unwrap();
    let (certificate, key) = (folder.path().join("srv.crt"), folder.path().join("srv.key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let mail = Mail::start("starttls", Some((&certificate.display().to_string(), &key.display().to_string()))).await;
    planted.add("smtp password", MAIL_PASSWORD);
    let slack = Slack::start().await;
    planted.add("slack url", "secret-of-the-hook");

    // Values inside the answers of a working issuer.
    let tokens = Tokens::default();
    for nth in 0..4 {
        let value = planted.plant(&format!("value {nth} in an answer"));
        tokens.put_valued(&format!("acc{nth}"), &format!("visible-{nth}"), 3600, &value);
    }
    let told: [String; 6] = ["error body", "error header", "challenge", "denied body", "redirect", "garbage body"]
        .map(|what| planted.plant(what));
    let (listed, hooks) = (tokens.clone(), Arc::new(Mutex::new(Vec::new())));
    let taken = hooks.clone();
    let model = Model::start(move |asked| {
        if asked.path.starts_with("/hook") {
            taken.lock().unwrap().push(format!("{}{}", asked.headers, asked.body));
            return Answer::text(200, "{}");
        }
        misbehave(asked, &listed, &told)
    })
    .await;

    let secrets = [
        "vault token",
        "vault token of a failing issuer",
        "client secret",
        "client secret echoed",
        "gitlab token",
        "github token",
        "away token",
    ]
    .map(|what| planted.plant(what));
    let inspected = [
        "inspected token",
        "inspected token echoed",
        "inspected token in garbage",
        "inspected gitlab token",
        "inspected github token",
    ]
    .map(|what| planted.plant(what));
    let hook = base64(&planted.plant("webhook secret"));
    planted.add("webhook secret, encoded", &hook);
    let dead_hook = planted.plant("slack path of a dead host");
    planted.add("basic login, encoded", &base64(&format!("ci:{}", secrets[2])));
    planted.add("echoed basic login, encoded", &base64(&format!("ci:{}", secrets[3])));
    let password = planted.plant("web password");
    let hash = bcrypt::hash(&password, 4).unwrap();
    planted.add("web password hash", &hash);
    let config = format!(
        r#"
store: sqlite:forewarn.db
collectors:
  vault: {{ issuer: vault, url: "{0}/vault", login: {{ token: {{ env: VAULT_TOKEN }} }}, every: 1s }}
  vault-echo: {{ issuer: vault, url: "{0}/echo", login: {{ token: {{ file: vault-echo.token }} }}, every: 1s }}
  sso: {{ issuer: oauth2, url: "{0}", introspection_endpoint: "{0}/active", login: {{ client_id: ci, client_secret: {{ env: SSO }} }}, inspect: {{ bot: {{ file: bot.token }} }}, every: 1s }}
  sso-echo: {{ issuer: oauth2, url: "{0}", introspection_endpoint: "{0}/echo", login: {{ client_id: ci, client_secret: {{ env: SSO_ECHO }} }}, inspect: {{ bot: {{ env: BOT_ECHO }} }}, every: 1s }}
  sso-garbage: {{ issuer: oauth2, url: "{0}", introspection_endpoint: "{0}/garbage", login: {{ client_id: ci, client_secret: {{ env: SSO }} }}, inspect: {{ bot: {{ env: BOT_GARBAGE }} }}, every: 1s }}
  gitlab: {{ issuer: gitlab, url: "{0}/denied", login: {{ token: {{ env: GITLAB }} }}, inventory: {{ groups: [a] }}, inspect: {{ bot: {{ env: BOT_GITLAB }} }}, every: 1s }}
  github: {{ issuer: github, url: "{0}/echo", inspect: {{ bot: {{ env: BOT_GITHUB }} }}, every: 1s }}
  away: {{ issuer: vault, url: "{0}/away", login: {{ token: {{ env: AWAY }} }}, every: 1s }}
  files: {{ issuer: x509, files: [bundle.pem], every: 1s }}
  jwts: {{ issuer: jwt, files: [job.jwt], every: 1s }}
pipelines: {{ deploy-prod: {{}} }}
policies: [{{ match: {{ collector: "*" }}, team: platform, pipelines: [deploy-prod] }}]
channels:
  chat: {{ slack: {{ webhook_url: {{ env: SLACK }} }} }}
  dead: {{ slack: {{ webhook_url: {{ env: DEAD }} }} }}
  hook: {{ webhook: {{ url: "{0}/hook", secret: {{ file: hook.secret }} }} }}
  mail: {{ email: {{ smtp: "smtp://localhost:{1}", from: forewarn@example.com, to: [ops@example.com], login: {{ username: exporter, password: {{ env: MAIL_PASSWORD }} }}, ca_file: "{2}" }} }}
"#,
        model.url,
        mail.port,
        certificate.display()
    );
    let dead_url = format!("http://127.0.0.1:9/services/{dead_hook}");
    let environment = [
        ("VAULT_TOKEN", secrets[0].as_str()),
        ("SSO", &secrets[2]),
        ("SSO_ECHO", &secrets[3]),
        ("GITLAB", &secrets[4]),
        ("AWAY", &secrets[6]),
        ("BOT_ECHO", &inspected[1]),
        ("BOT_GARBAGE", &inspected[2]),
        ("BOT_GITLAB", &inspected[3]),
        ("BOT_GITHUB", &inspected[4]),
        ("SLACK", &slack.url),
        ("DEAD", &dead_url),
        ("MAIL_PASSWORD", MAIL_PASSWORD),
    ];
    let mut program = Program::new(&config, &environment);
    program.write("vault-echo.token", &secrets[1]);
    program.write("bot.token", &inspected[0]);
    program.write("hook.secret", &format!("whsec_{hook}"));
    let pem = made.signing_key.serialize_pem();
    planted.add("private key", pem.lines().nth(1).unwrap());
    program.write("bundle.pem", &format!("{}{pem}", made.cert.pem()));
    let part = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let claim = planted.plant("claim of a JWT");
    let payload = part(&format!("{{\"iat\":1700000000,\"exp\":4000000000,\"private\":\"{claim}\"}}"));
    let signature = part(&planted.plant("signature of a JWT"));
    planted.add("JWT payload", &payload);
    planted.add("JWT signature", &signature);
    program.write("job.jwt", &format!("{}.{payload}.{signature}", part("{\"alg\":\"HS256\"}")));
    program.write("web.yml", &format!("basic_auth_users: {{ prom: \"{hash}\" }}\n"));
    assert!(planted.0.len() >= 25, "{}", planted.0.len());

    let (code, said, wrong) = program.run(&["check-config", "forewarn.yml"]);
    assert_eq!(code, 0, "{said}{wrong}");
    planted.hunt("check-config", format!("{said}{wrong}").as_bytes());
    program.sign_in("prom", &password);
    program.start_with(&["--web.config.file", "web.yml"]).await;
    program.series("forewarn_collector_up{collector=\"vault\"} 1", SHORT).await;
    program.series("forewarn_token_info{collector=\"sso\"", SHORT).await;
    program.series("forewarn_token_info{collector=\"jwts\"", SHORT).await;
    program.series("forewarn_token_info{collector=\"files\"", SHORT).await;
    // Something to tell, on every channel.
    tokens.remove("acc0");
    slack.message(0, "no longer works", SHORT).await;
    mail.mail(0, "visible-0", SHORT).await;
    eventually("the webhook", SHORT, async || (!hooks.lock().unwrap().is_empty()).then_some(())).await;
    // A value changes in its file, and a reload fails over secrets written in the configuration.
    let changed = planted.plant("inspected token, changed");
    program.write("bot.token", &changed);
    let (literal, userinfo) = (planted.plant("literal secret"), planted.plant("password in a URL"));
    let bad = config
        .replace("login: { token: { env: VAULT_TOKEN } }", &format!("login: {{ token: {literal} }}"))
        .replace(&format!("\"{}/away\"", model.url), &format!("\"http://u:{userinfo}@127.0.0.1:9/\""));
    program.write("forewarn.yml", &bad);
    let (status, said) = program.post("/-/reload").await;
    assert_eq!(status, 422, "{said}");
    planted.hunt("the answer to a reload", said.as_bytes());
    let (code, said, wrong) = program.run(&["check-config", "forewarn.yml"]);
    assert_eq!(code, 2);
    assert!(wrong.contains("vault") || said.contains("vault"), "{said}{wrong}");
    planted.hunt("check-config of a bad configuration", format!("{said}{wrong}").as_bytes());
    program.write("forewarn.yml", &config);
    // Failing collectors are told of, too.
    program.series("forewarn_collector_up{collector=\"sso-echo\"} 0", SHORT).await;
    tokio::time::sleep(Duration::from_secs(5)).await;

    let mut saw = Vec::new();
    for path in PATHS {
        let page = program.get(path).await;
        planted.hunt(path, page.as_bytes());
        saw.push((path, page.contains("visible-1")));
    }
    let pid = program.pid();
    planted.hunt("the command line", &std::fs::read(format!("/proc/{pid}/cmdline")).unwrap());
    let (code, listed, wrong) = program.run(&["list", "--all", "--config.file", "forewarn.yml"]);
    assert_eq!(code, 0, "{wrong}");
    assert!(listed.contains("visible-1"), "{listed}");
    planted.hunt("list", format!("{listed}{wrong}").as_bytes());
    saw.push(("list", listed.contains("visible-1")));
    let (_, said, wrong) = program.run(&["send-test", "dead", "--config.file", "forewarn.yml"]);
    planted.hunt("send-test", format!("{said}{wrong}").as_bytes());
    // What each collector did, request by request; what the commands that look for themselves show.
    for collector in
        ["vault", "vault-echo", "sso", "sso-echo", "sso-garbage", "gitlab", "github", "away", "files", "jwts"]
    {
        let page = program.get(&format!("/api/v1/collectors/{collector}")).await;
        assert!(page.contains("\"polls\":[{"), "{page}");
        planted.hunt("the polls of a collector", page.as_bytes());
        let page = program.get(&format!("/c/{collector}")).await;
        assert!(page.contains("Last polls"), "{page}");
        planted.hunt("the page of a collector", page.as_bytes());
        let (_, said, wrong) = program.run(&["poll", collector, "--debug", "--config.file", "forewarn.yml"]);
        assert!(said.contains("polled "), "{said}{wrong}");
        planted.hunt("poll --debug", format!("{said}{wrong}").as_bytes());
        saw.push(("poll --debug", said.contains("visible-1")));
    }
    for command in ["explain vault/visible-1", "deliveries"] {
        let arguments: Vec<&str> = command.split(' ').chain(["--config.file", "forewarn.yml"]).collect();
        let (code, said, wrong) = program.run(&arguments);
        assert_eq!(code, 0, "{said}{wrong}");
        planted.hunt(command, format!("{said}{wrong}").as_bytes());
    }
    let (_, said, wrong) = program.run(&["list", "--once", "--all", "--config.file", "forewarn.yml"]);
    planted.hunt("list --once", format!("{said}{wrong}").as_bytes());
    saw.push(("list --once", said.contains("visible-1")));
    let (_, said, wrong) = program.run(&["check-config", "--online", "forewarn.yml"]);
    assert!(said.contains("RIGHT NEEDED") && said.contains("REACHED"), "{said}{wrong}");
    planted.hunt("check-config --online", format!("{said}{wrong}").as_bytes());
    let store = |program: &Program| {
        let files = files_below(program.folder.path());
        let own = files.into_iter().filter(|(path, _)| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.starts_with("forewarn.db") && !name.ends_with(".key")
        });
        own.flat_map(|(_, bytes)| bytes).collect::<Vec<u8>>()
    };
    planted.hunt("the store of a running program", &store(&program));
    assert_eq!(program.stop(libc::SIGTERM), Some(0));
    let kept = store(&program);
    planted.hunt("the store", &kept);
    saw.push(("store", kept.windows(9).any(|window| window == b"visible-1")));
    let logs = program.logs();
    assert!(logs.len() > 1000, "the log says something");
    planted.hunt("the logs", logs.as_bytes());
    for (sink, text) in [
        ("Slack", slack.bodies().join("\n")),
        ("mail", mail.mails().iter().map(|mail| unfolded(mail)).collect::<String>()),
        ("the webhook", hooks.lock().unwrap().join("\n")),
    ] {
        planted.hunt(sink, text.as_bytes());
        saw.push((sink, text.contains("visible-0")));
    }
    // The hunt sees what is there to be seen.
    for surface in [
        "/metrics",
        "/",
        "/api/v1/tokens",
        "list",
        "poll --debug",
        "list --once",
        "store",
        "Slack",
        "mail",
        "the webhook",
    ] {
        assert!(saw.contains(&(surface, true)), "a name that may be shown is seen on {surface}: {saw:?}");
    }
}

#[test]
#[should_panic(expected = "a name is shown on a page")]
fn the_hunt_finds_what_is_there() {
    let planted = Planted(vec![("a name".into(), "visible".into())]);
    planted.hunt("a page", b"forewarn_token_info{token=\"vault/visible\"} 1");
}
