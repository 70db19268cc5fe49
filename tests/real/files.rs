//! The program over files: certificates under a glob, JSON Web Tokens, and dates that someone typed.

use std::time::Duration;

use base64::Engine;
use rcgen::{CertificateParams, IsCa, KeyPair};

use crate::support::program::{Program, value};

const SOON: Duration = Duration::from_secs(12);

/// A certificate that ends so, signed by itself or by an authority made for it.
fn certificate(name: &str, end: (i32, u8), itself: bool) -> String {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(end.0, end.1, 1);
    let key = KeyPair::generate().unwrap();
    if itself {
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        return params.self_signed(&key).unwrap().pem();
    }
    let root = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.signed_by(&key, &rcgen::Issuer::new(authority, root)).unwrap().pem()
}

fn jwt(claims: &str) -> String {
    let part = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part(r#"{"alg":"RS256","typ":"JWT"}"#), part(claims), part("signature"))
}

/// Lines of a family for tokens whose label ends so.
async fn line(program: &Program, family: &str, ending: &str) -> Option<String> {
    let page = program.metrics().await;
    let mut lines = page.lines().filter(|line| line.starts_with(&format!("forewarn_token_{family}{{")));
    lines.find(|line| line.contains(&format!("{ending}\""))).map(str::to_owned)
}

async fn expect(program: &Program, family: &str, ending: &str, word: &str) -> String {
    let what = format!("{family} of {ending} with {word}; the log is {}", program.path("stderr.log").display());
    crate::support::eventually(&what, SOON, async || {
        line(program, family, ending).await.filter(|line| line.contains(word))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_under_a_glob() {
    let config = r#"
collectors:
  hidden: { issuer: x509, files: ["pki/**/*.pem"], every: 2s }
  shown: { issuer: x509, files: ["pki/**/*.pem"], every: 2s, trust_roots: show }
channels: { console: { stdout: {} } }
"#;
    let mut program = Program::new(config, &[]);
    std::fs::create_dir_all(program.path("pki/deep")).unwrap();
    program.write("pki/one.pem", &certificate("one.example.com", (2030, 3), false));
    program.write("pki/deep/two.pem", &certificate("two.example.com", (2030, 4), false));
    program.write("pki/root.pem", &certificate("root", (2040, 1), true));
    program.write("pki/garbage.pem", "this is no certificate");
    program.start().await;
    let one = expect(&program, "expiry_timestamp_seconds", "hidden/one", "hidden").await;
    assert_eq!(value(&one) as i64, 1_898_553_600, "{one}");
    expect(&program, "info", "hidden/deep/two", "hidden").await;
    let root = expect(&program, "info", "/root", "").await;
    assert!(root.contains("collector=\"shown\""), "roots are hidden unless shown: {root}");
    program.series("forewarn_collector_left_out{collector=\"hidden\",reason=\"trust_root\"} 1", SOON).await;
    program.series("forewarn_collector_left_out{collector=\"shown\",reason=\"trust_root\"} 0", SOON).await;

    program.write("pki/one.pem", &certificate("one.example.com", (2031, 3), false));
    expect(&program, "expiry_timestamp_seconds", "/one", "} 1930089600").await;
    // Not readable as a certificate for a moment: unknown, not gone.
    program.write("pki/one.pem", "half written");
    tokio::time::sleep(Duration::from_secs(6)).await;
    let finding = line(&program, "finding", "/one").await;
    assert!(finding.as_ref().is_none_or(|line| !line.contains("vanished")), "{finding:?}");
    assert!(line(&program, "info", "/one").await.is_some());
    std::fs::remove_file(program.path("pki/deep/two.pem")).unwrap();
    expect(&program, "finding", "/deep/two", "vanished").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn web_tokens_and_typed_dates() {
    let config = r#"
collectors:
  jwt: { issuer: jwt, files: ["tokens/*.jwt"], every: 2s }
  typed:
    issuer: declared
    tokens:
      - { name: day, expires: 2030-03-01 }
      - { name: instant, expires: 2030-03-01T10:00:00+02:00 }
      - { name: ever, expires: never }
      - { name: past, expires: 2026-01-01 }
channels: { console: { stdout: {} } }
"#;
    let mut program = Program::new(config, &[]);
    std::fs::create_dir(program.path("tokens")).unwrap();
    program.write("tokens/bot.jwt", &jwt(r#"{"sub":"bot","iat":1767225600,"exp":1898553600.75}"#));
    program.write("tokens/ever.jwt", &jwt(r#"{"sub":"ever","iat":1767225600}"#));
    program.start().await;
    let bot = expect(&program, "expiry_timestamp_seconds", "jwt/bot", "").await;
    assert_eq!(value(&bot) as i64, 1_898_553_600);
    expect(&program, "info", "jwt/ever", "expiry=\"never\"").await;
    assert_eq!(value(&expect(&program, "expiry_timestamp_seconds", "typed/day", "").await) as i64, 1_898_553_600);
    let instant = expect(&program, "expiry_timestamp_seconds", "typed/instant", "").await;
    assert_eq!(value(&instant) as i64, 1_898_553_600 + 8 * 3600);
    expect(&program, "never_expires", "typed/ever", "").await;
    expect(&program, "finding", "typed/past", "finding=\"expired\"").await;

    program.write("forewarn.yml", &config.replace("past, expires: 2026-01-01", "past, expires: 2031-03-01"));
    assert_eq!(program.post("/-/reload").await.0, 200);
    expect(&program, "expiry_timestamp_seconds", "typed/past", "} 1930089600").await;
    crate::support::eventually("the typed end is good again", SOON, async || {
        line(&program, "finding", "typed/past").await.is_none_or(|line| !line.contains("\"expired\"")).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_token_by_name() {
    let config = r#"
collectors:
  jwt: { issuer: jwt, inspect: { bot: { file: bot.jwt } }, every: 2s }
channels: { console: { stdout: {} } }
"#;
    let mut program = Program::new(config, &[]);
    program.write("bot.jwt", &jwt(r#"{"sub":"bot","iat":1767225600,"exp":1898553600.75}"#));
    program.start().await;
    let bot = expect(&program, "expiry_timestamp_seconds", "jwt/bot", "").await;
    assert_eq!(value(&bot) as i64, 1_898_553_600);
    program.write("bot.jwt", &jwt(r#"{"sub":"bot","iat":1767225601,"exp":1930089600}"#));
    expect(&program, "expiry_timestamp_seconds", "jwt/bot", "} 1930089600").await;
}
