//! Mail through a real SMTP server: STARTTLS and implicit TLS with AUTH, refusals by code, a silent server.

use std::time::Duration;

use crate::support::program::Program;
use crate::support::sinks::{MAIL_PASSWORD, Mail, unfolded};

fn certificate(folder: &std::path::Path) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into(), "127.0.0.1".into()]).unwrap();
    let (certificate, key) = (folder.join("srv.crt"), folder.join("srv.key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (certificate.display().to_string(), key.display().to_string())
}

fn config(smtp: &str, to: &str, ca: &str) -> String {
    format!(
        "collectors:\n  typed: {{ issuer: declared, tokens: [{{ name: a, expires: 2030-03-01 }}] }}\nchannels:\n  mail:\n    email: {{ smtp: \"{smtp}\", from: forewarn@example.com, to: [{to}], login: {{ username: exporter, password: {{ env: MAIL_PASSWORD }} }}, ca_file: \"{ca}\" }}\n"
    )
}

async fn sent_by(mode: &str, scheme: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(folder.path());
    let mail = Mail::start(mode, Some((&certificate, &key))).await;
    let smtp = format!("{scheme}://localhost:{}", mail.port);
    let program = Program::new(&config(&smtp, "ops@example.com", &certificate), &[("MAIL_PASSWORD", MAIL_PASSWORD)]);
    let (code, said, wrong) = program.run(&["send-test", "mail", "--config.file", "forewarn.yml"]);
    assert_eq!(code, 0, "{said}{wrong}");
    let taken = unfolded(&mail.mail(0, "forewarn", Duration::from_secs(5)).await);
    for part in
        ["Message-ID: <", "text/plain", "text/html", "Auto-Submitted: auto-generated", "X-Envelope-To: ops@example.com"]
    {
        assert!(taken.contains(part), "{part} is in {taken}");
    }
    let program = Program::new(&config(&smtp, "ops@example.com", &certificate), &[("MAIL_PASSWORD", "wrong-password")]);
    let (code, _, wrong) = program.run(&["send-test", "mail", "--config.file", "forewarn.yml"]);
    assert_eq!(code, 1);
    assert!(wrong.contains("535") && !wrong.contains("wrong-password"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn starttls_with_auth() {
    sent_by("starttls", "smtp").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn implicit_tls_with_auth() {
    sent_by("tls", "smtps").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_starttls_is_not_spoken_to_in_the_clear() {
    let mail = Mail::start("plain", None).await;
    let config = format!(
        "collectors:\n  typed: {{ issuer: declared, tokens: [{{ name: a, expires: 2030-03-01 }}] }}\nchannels:\n  mail:\n    email: {{ smtp: \"smtp://127.0.0.1:{}\", from: forewarn@example.com, to: [ops@example.com] }}\n",
        mail.port
    );
    let program = Program::new(&config, &[]);
    let (code, _, wrong) = program.run(&["send-test", "mail", "--config.file", "forewarn.yml"]);
    assert_eq!(code, 1);
    assert!(wrong.contains("STARTTLS"), "{wrong}");
    assert!(mail.mails().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_and_silence_are_classed() {
    let mail = Mail::start("plain", None).await;
    for (to, class, word) in [
        ("451@example.com", "retry", "451"),
        ("550@example.com", "recipient", "550"),
        ("silent@example.com", "retry", "RCPT"),
    ] {
        let config = format!(
            "collectors:\n  typed: {{ issuer: declared, tokens: [{{ name: a, expires: 2030-03-01 }}] }}\nchannels:\n  mail:\n    email: {{ smtp: \"smtp://127.0.0.1:{}\", tls: none, from: forewarn@example.com, to: [\"{to}\"] }}\n",
            mail.port
        );
        let program = Program::new(&config, &[]);
        let (code, _, wrong) = program.run(&["send-test", "mail", "--config.file", "forewarn.yml"]);
        assert_eq!(code, 1, "{to}");
        assert!(wrong.contains(&format!("({class})")) && wrong.contains(word), "{to}: {wrong}");
    }
}
