//! What is sent, judged by others: Slack's payloads by Slack's own SDK, mails by Python's mail package and a strict HTML
//! parser after a real SMTP server took them, their looks by Chromium.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use forewarn::base::http::client::{Client, Proxy, Settings, Tls};
use forewarn::base::time::clock::Clock;
use forewarn::deliver::channel::{Channel, ChannelSection, Outgoing, SendCx, email, slack};
use forewarn::deliver::message::digest::Digest;
use forewarn::deliver::message::{ComposeCx, Message, compose, digest};
use forewarn::domain::delivery::Intent;
use forewarn::domain::finding::FindingKind;
use forewarn::domain::key::{DeliveryId, TeamId};

use crate::samples::{self, at};
use crate::support::sinks::Mail;
use crate::support::tools;

const NOW: &str = "2026-11-24 09:01";

fn cx() -> ComposeCx {
    ComposeCx { external_url: Some("https://forewarn.example.com".into()) }
}

fn six(team: &str, open: &[Intent]) -> Message {
    let team = TeamId::from(team);
    digest(&Digest { team: Some(&team), open, quiet: samples::QUIET }, at("2026-11-30 08:00"), &cx())
}

/// The contract's samples.
fn contract() -> Vec<(&'static str, Message)> {
    let of = |intent, now| compose(&[intent], at(now), &cx());
    vec![
        ("expires-soon", of(samples::expires_soon(), "2026-11-24 09:00")),
        ("revoked", of(samples::revoked(), NOW)),
        ("closed-rotated", of(samples::rotated(), "2026-11-25 10:00")),
        ("digest", six("platform", &samples::digest_of_six())),
        ("blind", of(samples::blind(), NOW)),
        ("several", compose(&[samples::expires_soon(), samples::revoked()], at(NOW), &cx())),
    ]
}

/// Names that try to be something else, and names without end.
fn hostile() -> Vec<String> {
    let long = |piece: &str| piece.repeat(4_000 / piece.len());
    vec![
        "<!channel> <!here> <!everyone> <@U012AB3CD> <#C1> <!subteam^S1>".into(),
        "@here @Channel @EVERYONE".into(),
        "<https://evil.example|click> https://a/|b>c".into(),
        "a & b < c > d &amp; &lt;!channel&gt;".into(),
        "`code` ```block``` *bold* _it_ ~gone~ > quote".into(),
        "\r\nBcc: x@example.com\r\n\r\nbody\u{0}\u{7}\u{1b}[31m\u{85}\u{2028}".into(),
        "\u{202E}txet\u{202C}\u{200B}\u{FEFF}\u{E0041}".into(),
        "</td></tr></table><script>alert(1)</script><img src=x onerror=alert(1)>\" onload=\"x".into(),
        "{{ 7*7 }} {% raw %} ${jndi:ldap://x}".into(),
        "=?utf-8?q?=0D=0ABcc:_x@example.com?=".into(),
        "中文 عربى עברית ไทย 😀👩‍👩‍👧‍👦 a\u{0301}\u{0301}\u{0301}".into(),
        String::new(),
        " ".into(),
        long("x"),
        long("<&>"),
        long("😀"),
        long("\r\n"),
        long("`@here "),
    ]
}

/// A hostile name in every place of every kind of message.
fn stuffed() -> Vec<Message> {
    let mut messages = Vec::new();
    for (nth, name) in hostile().iter().enumerate() {
        let kind = FindingKind::ALL[nth % FindingKind::ALL.len()];
        for mut one in
            [samples::of_kind(kind), samples::expires_soon(), samples::revoked(), samples::rotated(), samples::blind()]
        {
            samples::stuff(&mut one, name);
            messages.push(compose(&[one.clone()], at(NOW), &cx()));
            messages.push(compose(&[one, samples::expires_soon(), samples::rotated()], at(NOW), &cx()));
        }
        let mut open = samples::digest_of_six();
        open.iter_mut().for_each(|one| samples::stuff(one, name));
        messages.push(six(name, &open));
    }
    let many: Vec<Intent> = (0..60)
        .map(|nth| {
            let mut one = samples::expires_soon();
            one.facts.token = format!("gitlab/{nth}/{}", "n".repeat(400));
            one
        })
        .collect();
    messages.push(compose(&many, at(NOW), &cx()));
    messages.push(six("platform", &many));
    messages
}

#[test]
fn slacks_own_models_take_every_payload() {
    let messages = contract().into_iter().map(|(_, message)| message).chain(stuffed());
    let lines: Vec<String> = messages.map(|message| slack::payload(&message).to_string()).collect();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/servers/slack_check.py");
    let mut check = Command::new(tools().join("venv/bin/python"))
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = check.stdin.take().unwrap();
    let sent = lines.join("\n");
    let writer = std::thread::spawn(move || input.write_all(sent.as_bytes()));
    let output = check.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.ends_with(&format!("{} judged, 0 faults\n", lines.len())), "{said}");
}

fn mail_to(port: u16) -> Channel {
    let section = email::Section {
        smtp: format!("smtp://127.0.0.1:{port}"),
        login: None,
        from: "forewarn@example.com".into(),
        to: vec!["ops@example.com".into()],
        tls: Some("none".into()),
        ca_file: None,
    };
    Channel::build(&"mail".into(), &ChannelSection { email: Some(section), ..Default::default() }).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_arrive_whole_and_well_formed() {
    let mail = Mail::start("plain", None).await;
    let channel = mail_to(mail.port);
    let settings =
        Settings { tls: Tls::default(), proxy: Proxy::None, timeout: Duration::from_secs(5), body_cap: 64 * 1024 };
    let sending = SendCx { client: Client::build(&settings).unwrap(), clock: Clock::manual(at(NOW)) };
    let samples = contract();
    let count = samples.len();
    let messages: Vec<Message> = samples.into_iter().map(|(_, message)| message).chain(stuffed()).collect();
    for (nth, message) in messages.iter().enumerate() {
        let id = DeliveryId(nth as u128);
        let body = channel.payload(message, id, at(NOW));
        let outgoing = Outgoing { id, recipient: "ops@example.com", body: &body, attempt: 1 };
        channel.send(&sending, &outgoing).await.unwrap();
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/servers/mail_check.py");
    let files = mail.files();
    assert_eq!(files.len(), messages.len());
    let output = Command::new(tools().join("venv/bin/python")).arg(script).args(&files).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let judged: Vec<serde_json::Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (mail, message) in judged.iter().zip(&messages) {
        assert_eq!(mail["faults"], serde_json::json!([]), "{mail:#}");
        let subject = mail["subject"].as_str().unwrap();
        assert!(subject.trim_start_matches("Re: ").starts_with("[forewarn] "), "{subject}");
        for part in ["text", "html"].into_iter().filter(|_| mail["html"].is_string()) {
            let lead = |lead: &str| mail[part].as_str().unwrap().contains(lead);
            assert!(message.lines.iter().filter_map(|line| line.lead).all(lead), "{part} is whole: {mail:#}");
        }
    }
    for (mail, message) in judged.iter().zip(&messages[..count]) {
        let said = mail["text"].as_str().unwrap();
        for line in &message.lines {
            for span in &line.text {
                let found =
                    said.contains(span.text().trim()) || span.text() == " · " || span.text().starts_with("open in ");
                assert!(found, "{:?} is in {said}", span.text());
            }
        }
        assert!(message.small_print.iter().all(|note| said.contains(&note.long)), "{said}");
    }
}

fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/mail");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn chromium(profile: &Path, arguments: &[&str]) -> String {
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Every sample beside the others in frames as wide as a telephone; its script measures what sticks out.
fn wall(folder: &Path, letters: &[(String, String)]) -> PathBuf {
    let frame = |(name, _): &(String, String)| {
        format!("<figure><figcaption>{name}</figcaption><iframe src=\"{name}.html\"></iframe></figure>")
    };
    let frames: String = letters.iter().map(frame).collect();
    let page = format!(
        "<!doctype html><meta charset=utf-8><meta name=color-scheme content=\"light dark\"><title>mails</title>\
         <style>body{{display:flex;flex-wrap:wrap;gap:8px;margin:8px}}figure{{margin:0}}iframe{{width:360px;height:560px;border:1px solid gray}}</style>\
         {frames}<script>onload=()=>{{document.title=[...document.querySelectorAll('iframe')].map(f=>{{\
         const d=f.contentDocument.documentElement;return d.scrollWidth+'/'+d.clientWidth}}).join(' ')}}</script>"
    );
    let path = folder.join("wall.html");
    std::fs::write(&path, page).unwrap();
    path
}

/// Writes `target/mail/*.html`, and pictures where there is a Chromium (`make tools` brings one).
#[test]
fn a_mail_fits_a_telephone() {
    let folder = folder();
    let channel = mail_to(25);
    let mut long = samples::expires_soon();
    long.facts.token = format!("gitlab/platform/{}", "a-name-without-an-end-".repeat(12));
    let letters = contract().into_iter().chain([("long-name", compose(&[long], at(NOW), &cx()))]);
    let letters: Vec<(String, String)> = letters
        .map(|(name, message)| {
            let frozen: serde_json::Value =
                serde_json::from_str(&channel.payload(&message, DeliveryId(1), at(NOW))).unwrap();
            (name.to_owned(), frozen["html"].as_str().unwrap().to_owned())
        })
        .collect();
    for (name, html) in &letters {
        std::fs::write(folder.join(format!("{name}.html")), html).unwrap();
    }
    if Command::new("chromium").arg("--version").output().is_err() {
        return;
    }
    let profile = tempfile::tempdir().unwrap();
    let address = format!("file://{}", wall(&folder, &letters).display());
    let local = "--allow-file-access-from-files";
    for (name, look) in
        [("light", "--blink-settings=preferredColorScheme=1"), ("dark", "--blink-settings=preferredColorScheme=0")]
    {
        let picture = format!("--screenshot={}", folder.join(format!("{name}.png")).display());
        chromium(profile.path(), &[local, look, "--window-size=1520,1220", &picture, &address]);
    }
    let page = chromium(profile.path(), &[local, "--virtual-time-budget=2000", "--dump-dom", &address]);
    let widths = page.split("<title>").nth(1).unwrap().split("</title>").next().unwrap();
    let fits = |width: &str| width.split_once('/').is_some_and(|(needs, has)| needs == has && has == "360");
    assert!(widths.split(' ').count() == letters.len() && widths.split(' ').all(fits), "nothing sticks out: {widths}");
}
