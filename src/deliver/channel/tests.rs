//! Channels against receivers on loopback: what arrives, and what each answer leads to. And what `build` refuses.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Response as Answer, Uri};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::*;
use crate::base::http::client::{Proxy, Settings, Tls};
use crate::base::secret::SecretRef;
use crate::deliver::message::samples::{at, expires_soon};
use crate::deliver::message::{ComposeCx, compose};
use crate::domain::delivery::Class;

/// Requests as they came: path, headers, body.
type Seen = Arc<Mutex<Vec<(String, HeaderMap, String)>>>;

#[expect(clippy::disallowed_methods, reason = "a receiver of the test lives beside it")]
async fn receiver(
    status: u16,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
) -> (SocketAddr, Seen) {
    let seen = Seen::default();
    let note = seen.clone();
    let answer = move |uri: Uri, got: HeaderMap, bytes: Bytes| {
        note.lock().unwrap().push((uri.path().into(), got, String::from_utf8(bytes.to_vec()).unwrap()));
        let first = note.lock().unwrap().len() == 1;
        let mut response = Answer::builder().status(if uri.path() == "/elsewhere" { 200 } else { status });
        for (name, value) in headers.iter().filter(|_| first) {
            response = response.header(*name, *value);
        }
        std::future::ready(response.body(axum::body::Body::from(body)).unwrap())
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    (address, seen)
}

fn cx() -> SendCx {
    let settings =
        Settings { tls: Tls::default(), proxy: Proxy::None, timeout: Duration::from_secs(5), body_cap: 64 * 1024 };
    SendCx { client: Client::build(&settings).unwrap(), clock: Clock::manual(at("2026-11-24 09:00")) }
}

/// A secret file that lives as long as the test.
fn secret(text: &str) -> (tempfile::NamedTempFile, SecretRef) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let at = SecretRef::File(file.path().to_path_buf());
    (file, at)
}

fn build(section: ChannelSection) -> Channel {
    Channel::build(&"chat".into(), &section).unwrap()
}

async fn attempt(channel: &Channel, recipient: &str) -> Result<Receipt, SendError> {
    let message = compose(&[expires_soon()], at("2026-11-24 09:00"), &ComposeCx::default());
    let body = channel.payload(&message, DeliveryId(0xabc), at("2026-11-24 09:00"));
    channel.send(&cx(), &Outgoing { id: DeliveryId(0xabc), recipient, body: &body, attempt: 1 }).await
}

fn slack(url: String) -> (tempfile::NamedTempFile, Channel) {
    let (file, webhook_url) = secret(&url);
    (file, build(ChannelSection { slack: Some(slack::Section { webhook_url }), ..Default::default() }))
}

#[tokio::test]
async fn slack_gets_the_message_and_its_ok_is_read() {
    let (address, seen) = receiver(200, &[], "ok").await;
    let (_file, channel) = slack(format!("http://{address}/services/T0/B0/CANARY\n"));
    assert_eq!(attempt(&channel, "").await.unwrap().evidence.as_str(), "200 ok");
    let seen = seen.lock().unwrap();
    let (path, headers, body) = &seen[0];
    assert_eq!(path, "/services/T0/B0/CANARY");
    assert_eq!(headers["content-type"], "application/json; charset=utf-8");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert!(body["text"].as_str().unwrap().contains("breaks deploy-prod"));
    assert_eq!(body["unfurl_links"], false);
}

#[tokio::test]
async fn slacks_refusals_have_classes_and_never_show_the_url() {
    type Case = (u16, &'static [(&'static str, &'static str)], &'static str, Class, Option<u32>);
    let table: [Case; 5] = [
        (200, &[], "no", Class::Ambiguous, None),
        (429, &[("retry-after", "17")], "", Class::Throttled, Some(17)),
        (404, &[], "no_service", Class::Broken, None),
        (400, &[], "invalid_blocks", Class::Refused, None),
        (302, &[("location", "/elsewhere")], "ok", Class::Broken, None),
    ];
    for (status, headers, body, class, after) in table {
        let (address, _) = receiver(status, headers, body).await;
        let (_file, channel) = slack(format!("http://{address}/services/T0/B0/CANARY"));
        let error = attempt(&channel, "").await.unwrap_err();
        assert_eq!((error.class, error.after), (class, after), "{status} {body}");
        assert!(!error.to_string().contains("CANARY"), "{error}");
    }
    let (_file, channel) = slack("http://127.0.0.1:1/services/CANARY".into());
    let error = attempt(&channel, "").await.unwrap_err();
    assert_eq!(error.class, Class::Retry);
    assert!(error.detail.as_str().starts_with("nothing was sent") && !error.to_string().contains("CANARY"), "{error}");
}

#[tokio::test]
async fn a_slack_secret_that_is_missing_or_no_url_is_said_without_its_value() {
    let (_file, channel) = slack("CANARY words".into());
    let error = attempt(&channel, "").await.unwrap_err();
    assert_eq!(error.class, Class::Broken);
    assert!(!error.to_string().contains("CANARY"));
    let gone = SecretRef::File(PathBuf::from("/nonexistent/slack"));
    let channel = build(ChannelSection { slack: Some(slack::Section { webhook_url: gone }), ..Default::default() });
    let error = attempt(&channel, "").await.unwrap_err();
    assert_eq!(error.class, Class::Retry);
    assert!(error.to_string().contains("/nonexistent/slack"), "{error}");
}

#[tokio::test]
async fn a_webhook_is_signed_over_the_bytes_that_arrive() {
    let (address, seen) = receiver(204, &[], "").await;
    let (_file, at) = secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let section = webhook::Section { url: format!("http://{address}/hook"), secret: Some(at) };
    let channel = build(ChannelSection { webhook: Some(section), ..Default::default() });
    attempt(&channel, "").await.unwrap();
    let seen = seen.lock().unwrap();
    let (_, headers, body) = &seen[0];
    assert_eq!(headers["webhook-id"], DeliveryId(0xabc).to_string().as_str());
    assert_eq!(headers["webhook-timestamp"], "1795510800");
    use base64::Engine;
    let key = base64::engine::general_purpose::STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
    let signed = format!("{}.1795510800.{body}", DeliveryId(0xabc));
    let tag = headers["webhook-signature"].to_str().unwrap().strip_prefix("v1,").unwrap().to_owned();
    let tag = base64::engine::general_purpose::STANDARD.decode(tag).unwrap();
    ring::hmac::verify(&key, signed.as_bytes(), &tag).unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["type"], "forewarn.expires_soon.rung");
    assert_eq!(body["data"]["items"][0]["token"], "gitlab/platform/renovate");
}

#[tokio::test]
async fn a_redirected_webhook_is_no_success() {
    let (address, seen) = receiver(302, &[("location", "/elsewhere")], "").await;
    let section = webhook::Section { url: format!("http://{address}/hook"), secret: None };
    let channel = build(ChannelSection { webhook: Some(section), ..Default::default() });
    assert_eq!(attempt(&channel, "").await.unwrap_err().class, Class::Broken);
    assert!(!seen.lock().unwrap().is_empty());
}

/// What a relay says, by command; `""` closes the connection there.
#[derive(Clone, Copy)]
struct Relay {
    greeting: &'static str,
    offers: &'static str,
    auth: &'static str,
    mail: &'static str,
    rcpt: &'static str,
    dot: &'static str,
}

const GOOD: Relay = Relay {
    greeting: "220 relay",
    offers: "AUTH PLAIN LOGIN",
    auth: "235 2.7.0 welcome",
    mail: "250 2.1.0 ok",
    rcpt: "250 2.1.5 ok",
    dot: "250 2.0.0 queued as 7",
};

/// One conversation, then its transcript: commands, and the mail as it came.
#[expect(clippy::disallowed_methods, reason = "a receiver of the test lives beside it")]
async fn relay(relay: Relay) -> (u16, tokio::task::JoinHandle<(Vec<String>, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let conversation = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(socket);
        let (mut commands, mut mail) = (Vec::new(), String::new());
        let mut answer = relay.greeting.to_owned();
        loop {
            if answer.is_empty() {
                return (commands, mail);
            }
            stream.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
            if answer.starts_with("354") {
                mail = data(&mut stream).await;
                answer = relay.dot.into();
                continue;
            }
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return (commands, mail);
            }
            answer = match line.split([' ', '\r']).next().unwrap() {
                "EHLO" => format!("250-relay\r\n250 {}", relay.offers),
                "AUTH" => relay.auth.into(),
                "MAIL" => relay.mail.into(),
                "RCPT" => relay.rcpt.into(),
                "DATA" => "354 go on".into(),
                _ => "221 bye".into(),
            };
            commands.push(line.trim().to_owned());
        }
    });
    (port, conversation)
}

async fn data(stream: &mut BufReader<tokio::net::TcpStream>) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n.\r\n") {
        bytes.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(bytes).unwrap()
}

fn mail_section(port: u16) -> email::Section {
    email::Section {
        smtp: format!("smtp://127.0.0.1:{port}"),
        login: None,
        from: "forewarn <forewarn@example.com>".into(),
        to: vec!["ops@example.com".into(), "Oncall <oncall@example.com>".into()],
        tls: Some("none".into()),
        ca_file: None,
    }
}

fn mail(section: email::Section) -> Channel {
    build(ChannelSection { email: Some(section), ..Default::default() })
}

/// Header lines without their folds, and the values that differ from run to run.
fn headers(mail: &str) -> String {
    let head = mail.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
    let lines = head.lines().filter(|line| !line.starts_with("Content-Type") && !line.starts_with("MIME"));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_mail_has_one_recipient_stable_ids_and_two_parts() {
    let (port, conversation) = relay(GOOD).await;
    let (_file, password) = secret("CANARY");
    let mut section = mail_section(port);
    section.login = Some(email::LoginSection { username: "me".into(), password });
    let channel = mail(section);
    assert_eq!(channel.recipients(), ["ops@example.com", "Oncall <oncall@example.com>"]);
    let receipt = attempt(&channel, "Oncall <oncall@example.com>").await.unwrap();
    assert_eq!(receipt.evidence.as_str(), "250 2.0.0 queued as 7");
    let (commands, mail) = conversation.await.unwrap();
    assert_eq!(commands[1], "AUTH PLAIN AG1lAENBTkFSWQ==");
    assert_eq!(commands[2..], ["MAIL FROM:<forewarn@example.com>", "RCPT TO:<oncall@example.com>", "DATA", "QUIT"]);
    insta::assert_snapshot!(headers(&mail), @r#"
    From: forewarn <forewarn@example.com>
    To: Oncall <oncall@example.com>
    Subject: [forewarn] 7 days: gitlab/platform/renovate expires Tue 1 Dec 2026 00:00 UTC, breaks deploy-prod
    Date: Tue, 24 Nov 2026 09:00:00 +0000
    Message-ID: <00000000000000000000000000000abc@example.com>
    Auto-Submitted: auto-generated
    X-Auto-Response-Suppress: All
    List-Id: <forewarn.example.com>
    In-Reply-To: <581fc0f1da0022105e7da140bfb00782@example.com>
    References: <581fc0f1da0022105e7da140bfb00782@example.com>
    "#);
    let text = mail.find("Content-Type: text/plain; charset=utf-8").unwrap();
    assert!(text < mail.find("Content-Type: text/html; charset=utf-8").unwrap(), "text stands first");
    assert!(mail.contains("multipart/alternative"));
    assert!(mail.lines().all(|line| line.len() <= 998 && line.is_ascii()));
}

#[tokio::test]
async fn each_refusal_of_a_relay_has_its_class() {
    let table = [
        (Relay { greeting: "554 no", ..GOOD }, Class::Broken),
        (Relay { greeting: "421 busy", ..GOOD }, Class::Retry),
        (Relay { greeting: "", ..GOOD }, Class::Retry),
        (Relay { mail: "451 4.3.0 later", ..GOOD }, Class::Retry),
        (Relay { mail: "550 5.7.1 sender refused", ..GOOD }, Class::Broken),
        (Relay { rcpt: "450 4.2.0 greylisted", ..GOOD }, Class::Retry),
        (Relay { rcpt: "550 5.1.1 <oncall@example.com> unknown", ..GOOD }, Class::Recipient),
        (Relay { rcpt: "", ..GOOD }, Class::Retry),
        (Relay { dot: "554 5.6.0 no such content", ..GOOD }, Class::Refused),
        (Relay { dot: "452 4.3.1 full", ..GOOD }, Class::Retry),
        (Relay { dot: "", ..GOOD }, Class::Ambiguous),
    ];
    for (relay_says, class) in table {
        let (port, _conversation) = relay(relay_says).await;
        let error = attempt(&mail(mail_section(port)), "oncall@example.com").await.unwrap_err();
        assert_eq!(error.class, class, "{error}");
        assert!(!error.to_string().contains("oncall@"), "{error}");
    }
    let error = attempt(&mail(mail_section(1)), "oncall@example.com").await.unwrap_err();
    assert_eq!(error.class, Class::Retry, "a closed port: {error}");
}

#[tokio::test]
async fn a_refused_or_impossible_login_breaks_the_channel() {
    for says in [Relay { auth: "535 5.7.8 bad credentials", ..GOOD }, Relay { offers: "8BITMIME", ..GOOD }] {
        let (port, _conversation) = relay(says).await;
        let (_file, password) = secret("CANARY");
        let mut section = mail_section(port);
        section.login = Some(email::LoginSection { username: "me".into(), password });
        let error = attempt(&mail(section), "oncall@example.com").await.unwrap_err();
        assert_eq!(error.class, Class::Broken, "{error}");
        assert!(!error.to_string().contains("CANARY") && !error.to_string().contains("AG1lAENBTkFSWQ"), "{error}");
    }
}

#[tokio::test]
async fn without_starttls_nothing_is_sent() {
    let (port, conversation) = relay(GOOD).await;
    let mut section = mail_section(port);
    section.tls = None;
    cx();
    let error = attempt(&mail(section), "oncall@example.com").await.unwrap_err();
    assert_eq!(error.class, Class::Broken, "{error}");
    let (commands, _) = conversation.await.unwrap();
    assert!(commands.iter().all(|command| command.starts_with("EHLO") || command.starts_with("QUIT")), "{commands:?}");
}

#[tokio::test]
async fn an_address_beyond_ascii_needs_a_relay_that_offers_it() {
    let (port, _conversation) = relay(GOOD).await;
    let error = attempt(&mail(mail_section(port)), "jürgen@example.com").await.unwrap_err();
    assert_eq!(error.class, Class::Recipient, "{error}");
}

#[test]
fn every_mistake_of_a_channel_is_a_sentence_at_its_place() {
    let told = |section: &ChannelSection| match Channel::build(&"chat".into(), section) {
        Ok(_) => "good".to_owned(),
        Err(mistakes) => mistakes.into_iter().map(|(path, text)| format!("{path}: {text}\n")).collect(),
    };
    let email = |change: &dyn Fn(&mut email::Section)| {
        let mut section = mail_section(2525);
        change(&mut section);
        told(&ChannelSection { email: Some(section), ..Default::default() })
    };
    assert_eq!(
        told(&ChannelSection::default()),
        ": channel chat has no kind. Write one of slack, email, webhook, stdout\n"
    );
    let both =
        ChannelSection { stdout: Some(stdout::Section {}), email: Some(mail_section(2525)), ..Default::default() };
    assert_eq!(told(&both), "stdout: channel chat is email and stdout at once. Give each a channel of its own\n");
    assert_eq!(email(&|_| ()), "good");
    assert_eq!(email(&|s| s.smtp = "smtp://[::1]:2525".into()), "good");
    insta::assert_snapshot!(email(&|s| s.smtp = "mail.example.com".into()),
        @"email.smtp: this is not a URL. Write smtp://HOST:587 (STARTTLS is required) or smtps://HOST:465 (TLS from the start)");
    insta::assert_snapshot!(email(&|s| s.smtp = "https://mail.example.com".into()),
        @"email.smtp: mail is not sent by https. Write smtp://HOST:587 (STARTTLS is required) or smtps://HOST:465 (TLS from the start)");
    insta::assert_snapshot!(email(&|s| s.smtp = "smtp://me:hunter2@mail.example.com".into()),
        @"email.smtp: a user or password stands in this URL (not shown). Write it under login: { username, password }");
    insta::assert_snapshot!(email(&|s| s.smtp = "smtp://127.0.0.1/x?y".into()),
        @"email.smtp: nothing may follow host and port. Write smtp://HOST:587 (STARTTLS is required) or smtps://HOST:465 (TLS from the start)");
    insta::assert_snapshot!(email(&|s| s.smtp = "smtp://mail.example.com".into()),
        @"email.tls: `none` sends mail in the clear, which is for loopback hosts only; mail.example.com is none. Write `required`");
    insta::assert_snapshot!(email(&|s| s.smtp = "smtps://127.0.0.1".into()),
        @"email.tls: smtps:// is TLS from the start, so `none` contradicts it. Write smtp:// or leave tls out");
    insta::assert_snapshot!(email(&|s| s.tls = Some("maybe".into())),
        @"email.tls: there are two words here: `required` (the default) and `none` (loopback hosts only)");
    insta::assert_snapshot!(email(&|s| { s.from = "nobody".into(); s.to = vec!["a@b".into(), "x\r\ny@z".into(), "@".into()]; }), @r#"
    email.from: "nobody" is not a mail address. Write ops@example.com, or Ops Team <ops@example.com>
    email.to[1]: an address is one line
    email.to[2]: "@" is not a mail address. Write ops@example.com, or Ops Team <ops@example.com>
    "#);
    insta::assert_snapshot!(email(&|s| s.to.clear()), @"email.to: nobody stands here. Write to: [ops@example.com]");
    let empty = tempfile::NamedTempFile::new().unwrap();
    let said = email(&|s| s.ca_file = Some(empty.path().to_path_buf()));
    assert!(said.starts_with("email.ca_file: ") && said.ends_with("holds no certificate (PEM)\n"), "{said}");
}

#[test]
fn lines_on_standard_output_are_those_of_the_first_five_minutes() {
    let message = compose(&[expires_soon()], at("2026-11-24 09:40:12"), &ComposeCx::default());
    let line = Channel::Stdout.payload(&message, DeliveryId(1), at("2026-11-24 09:40:12"));
    assert_eq!(
        line,
        "09:40:12 warning   gitlab/platform/renovate expires in 7 days, Tue 1 Dec 00:00 UTC. Breaks deploy-prod. \
         Next: Fri 27 Nov 09:00 UTC.\n"
    );
}

#[test]
fn a_test_message_says_so_wherever_it_is_read() {
    let now = at("2026-11-24 09:40:12");
    for channel in [Channel::Stdout, mail(mail_section(2525))] {
        let payload = channel.payload(&channel.test_message(now), DeliveryId(1), now);
        assert!(payload.contains("Test"), "{payload}");
    }
}

/// A message whose every stranger's text is `name`.
fn hostile(name: &str) -> crate::deliver::message::Message {
    let mut intent = expires_soon();
    intent.facts.token = name.into();
    intent.facts.team = Some(name.into());
    intent.facts.owner = Some(name.into());
    intent.facts.rotate = name.into();
    intent.facts.link = Some(name.into());
    compose(&[intent], at("2026-11-24 09:00"), &ComposeCx { external_url: Some("https://forewarn.example.com".into()) })
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 64, ..Default::default() })]
    #[test]
    fn no_name_adds_a_header_a_line_or_markup(
        name in "\\PC*|.*|(<!channel>|@everyone|`|\r\n|Bcc: x@y\r\n|\u{202E}|<script>|'|\"|\u{0}|😀|\u{0301}){0,40}"
    ) {
        let message = hostile(&name);
        let now = at("2026-11-24 09:00");
        let Channel::Email(config) = mail(mail_section(2525)) else { unreachable!("an e-mail section was built") };
        let frozen: mail::Frozen = serde_json::from_str(&email::payload(&config, &message, DeliveryId(1), now)).unwrap();
        proptest::prop_assert!(frozen.subject.len() <= 200 && !frozen.subject.contains(char::is_control));
        let html = frozen.html.clone().unwrap();
        proptest::prop_assert!(["<script", "\u{202E}", "\u{0}"].iter().all(|bad| !html.contains(bad)), "markup or marks");
        proptest::prop_assert_eq!(html.matches("</tr>").count(), 4, "a row for each line and no more");
        let bytes = email::build_mail(&config, &"ops@example.com".parse().unwrap(), &frozen).unwrap().formatted();
        let sent = String::from_utf8(bytes).unwrap();
        let names: Vec<_> = headers(&sent).lines().map(|line| line.split(':').next().unwrap().to_owned()).collect();
        proptest::prop_assert_eq!(names.join(" "), "From To Subject Date Message-ID Auto-Submitted X-Auto-Response-Suppress List-Id In-Reply-To References");
        proptest::prop_assert_eq!(Channel::Stdout.payload(&message, DeliveryId(1), now).matches(['\n', '\r']).count(), 1);
    }
}
