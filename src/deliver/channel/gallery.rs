//! Every kind of message at once, for reading: `target/messages.txt`. And what must hold for each, whatever is in it.

use std::fmt::Write as _;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::{email, mail, slack, stdout};
use crate::deliver::message::digest::Digest;
use crate::deliver::message::samples::{self, at};
use crate::deliver::message::{ComposeCx, Message, compose, digest};
use crate::domain::At;
use crate::domain::delivery::Intent;
use crate::domain::episode::{Closing, Transition};
use crate::domain::finding::{FindingKind, Severity};
use crate::domain::key::{DeliveryId, TeamId};
use crate::domain::text::Text;

fn cx() -> ComposeCx {
    ComposeCx { external_url: Some("https://forewarn.example.com".into()) }
}

fn now() -> At {
    at("2026-11-24 09:40")
}

/// Transitions that a kind may have.
fn transitions(kind: FindingKind) -> Vec<Transition> {
    let mut all = vec![
        Transition::Opened,
        Transition::Raised(Severity::Critical),
        Transition::Reminder(2),
        Transition::Reassigned,
    ];
    if let Some(rung) = samples::of_kind(kind).episode.finding.rung {
        all.insert(1, Transition::Rung(rung));
    }
    all.extend(closings(kind).iter().map(|&how| Transition::Closed(how)));
    all
}

/// How a kind may close (semantics 8); what is silent is not told.
fn closings(kind: FindingKind) -> &'static [Closing] {
    use FindingKind as K;
    match kind {
        K::ExpiresSoon | K::ExpiresBeforeRotation => &[Closing::Rotated, Closing::Extended, Closing::Accepted],
        K::BreaksDeploy => &[Closing::Rotated, Closing::Extended, Closing::Fixed],
        K::Expired | K::Revoked | K::Vanished => {
            &[Closing::Rotated, Closing::Recovered, Closing::Accepted, Closing::Abandoned]
        }
        K::RotationDue | K::RotationMissed => &[Closing::Rotated],
        K::Unverified | K::CollectorFailing | K::ChannelFailing => &[Closing::Recovered],
        K::Unused => &[Closing::Fixed, Closing::Removed],
        K::NeverExpires | K::TooLongLived | K::OverScoped | K::TiedToPerson => &[Closing::Rotated, Closing::Fixed],
        K::NotInjected | K::OldGenerationAlive | K::Unmanaged | K::Unowned | K::StaticCopy | K::Reused => {
            &[Closing::Fixed]
        }
    }
}

/// All of it, in the order of the findings.
fn all() -> impl Iterator<Item = Intent> {
    FindingKind::ALL.iter().flat_map(|&kind| {
        transitions(kind).into_iter().map(move |transition| {
            let mut one = samples::of_kind(kind);
            match transition {
                Transition::Raised(severity) => one.episode.severity = severity,
                Transition::Closed(_) => samples::renew(&mut one),
                _ => {}
            }
            one.transition = transition;
            one
        })
    })
}

fn shown(title: &str, message: &Message, out: &mut String) {
    let payload = slack::payload(message);
    let block = |block: &serde_json::Value| {
        block["text"]["text"].as_str().or(block["elements"][0]["text"].as_str()).unwrap_or_default().to_owned()
    };
    let blocks: Vec<String> = payload["blocks"].as_array().unwrap().iter().map(block).collect();
    let frozen = mail::freeze(message, DeliveryId(1), "example.com", now());
    let line = stdout::payload(message, now());
    writeln!(
        out,
        "=== {title}\n{line}SUBJECT {}\nPHONE   {}\nSLACK\n{}\nMAIL\n{}",
        frozen.subject,
        message.first_line(),
        blocks.join("\n"),
        frozen.text
    )
    .unwrap();
}

#[test]
fn every_message_is_written_to_be_read() {
    let mut out = String::new();
    for one in all() {
        shown(
            &format!("{} {}", one.episode.kind, one.transition.as_key()),
            &compose(std::slice::from_ref(&one), now(), &cx()),
            &mut out,
        );
    }
    let mut flapping = samples::of_kind(FindingKind::Unverified);
    flapping.episode.flapping = true;
    shown("flapping", &compose(&[flapping], now(), &cx()), &mut out);
    for nth in 1..=5 {
        let mut reminded = samples::revoked();
        reminded.transition = Transition::Reminder(nth);
        reminded.episode.reminders = nth;
        shown(&format!("revoked, reminder {nth}"), &compose(&[reminded], now(), &cx()), &mut out);
    }
    for (title, group) in samples::groups() {
        shown(title, &compose(&group, now(), &cx()), &mut out);
    }
    let team = TeamId::from("platform");
    let open = samples::digest_of_six();
    shown(
        "digest",
        &digest(&Digest { team: Some(&team), open: &open, quiet: samples::QUIET }, at("2026-11-30 08:00"), &cx()),
        &mut out,
    );
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("messages.txt"), &out).unwrap();
    for bad in [" , ", "()", " .", "..", ";;", "None", "Some(", "  ·", "\u{FFFD}", ": :", " 1 tokens", " 1 days"] {
        let at = out
            .find(bad)
            .map(|at| out[..at].rsplit("===").next().unwrap().to_owned() + &out[at..(at + 40).min(out.len())]);
        assert!(!out.contains(bad), "{bad:?} in {at:?}");
    }
}

/// Visible characters on a phone.
const FIRST: usize = 150;

#[test]
fn the_first_line_alone_says_it_and_is_short() {
    for one in all() {
        let message = compose(std::slice::from_ref(&one), now(), &cx());
        let (first, what) = (message.first_line(), format!("{} {}", one.episode.kind, one.transition.as_key()));
        assert!(first.chars().count() <= FIRST, "{what}: {} characters: {first}", first.chars().count());
        assert!(message.subject.len() <= 200, "{what}: {}", message.subject);
    }
}

fn is_quiet(text: &str) -> bool {
    !text
        .chars()
        .any(|c| (c.is_control() && c != '\n') || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2028}' | '\u{2029}'))
}

static CHANNEL: LazyLock<email::Config> = LazyLock::new(|| {
    let section = email::Section {
        smtp: "smtp://localhost:2525".into(),
        login: None,
        from: "forewarn@example.com".into(),
        to: vec!["ops@example.com".into()],
        tls: Some("none".into()),
        ca_file: None,
    };
    email::build(&section).unwrap()
});

fn inert_everywhere(message: &Message) -> Result<(), TestCaseError> {
    let payload = slack::payload(message);
    let texts = payload["blocks"].as_array().unwrap().iter();
    let texts = texts.map(|block| block["text"]["text"].as_str().or(block["elements"][0]["text"].as_str()).unwrap());
    for text in texts.chain([payload["text"].as_str().unwrap()]) {
        prop_assert!(is_quiet(text), "{text:?}");
        for part in text.split('<').skip(1) {
            prop_assert!(part.starts_with("https://") || part.starts_with("http://"), "only links: <{part}");
        }
        prop_assert!(!text.contains("@here") && !text.contains("@channel") && !text.contains("@everyone"), "{text}");
    }
    let frozen = mail::freeze(message, DeliveryId(1), "example.com", now());
    prop_assert!(frozen.subject.len() <= 200 + 4 && is_quiet(&frozen.subject) && !frozen.subject.contains('\n'));
    prop_assert!(is_quiet(&frozen.text));
    if let Some(html) = &frozen.html {
        prop_assert!(is_quiet(html));
        let tags = [
            "!doctype", "html", "head", "meta", "title", "body", "div", "p", "h2", "table", "tr", "td", "strong",
            "code", "a", "br",
        ];
        for tag in html.split('<').skip(1) {
            let name: String =
                tag.trim_start_matches('/').chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '!').collect();
            prop_assert!(tags.contains(&name.as_str()), "<{tag}");
        }
        prop_assert!(!html.contains("javascript:") || !html.contains("href=\"javascript"));
    }
    let bytes = email::build_mail(&CHANNEL, &"ops@example.com".parse().unwrap(), &frozen).unwrap().formatted();
    let head = String::from_utf8(bytes).unwrap();
    let head = head.split("\r\n\r\n").next().unwrap();
    for line in head.split("\r\n") {
        prop_assert!(line.is_ascii() && line.len() <= 998, "{line:?}");
        let known = [
            "From:",
            "To:",
            "Subject:",
            "Date:",
            "Message-ID:",
            "Auto-Submitted:",
            "X-Auto-Response-Suppress:",
            "List-Id:",
            "In-Reply-To:",
            "References:",
            "MIME-Version:",
            "Content-Type:",
            "Content-Transfer-Encoding:",
            " ",
        ];
        prop_assert!(known.iter().any(|name| line.starts_with(name)), "{line:?}");
    }
    let lines = stdout::payload(message, now());
    prop_assert!(is_quiet(&lines) && lines.lines().count() == message.one_liners.len());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    /// Section 5.13 of the channels' rules, 6: any Unicode in any fact stays inert in every channel.
    #[test]
    fn strangers_words_stay_inert(
        text in "\\PC*|.*|(<!channel>|<@U1>|@here|`|\r\nBcc: x@example.com|\u{202E}|</td><script>|\" onload=\"|https://a/|javascript:|&amp;|\u{0301}|😀){0,40}",
        kind in prop::sample::select(FindingKind::ALL.to_vec()),
        nth in 0usize..16,
    ) {
        let mut one = samples::of_kind(kind);
        let all = transitions(kind);
        one.transition = all[nth % all.len()].clone();
        samples::stuff(&mut one, &text);
        inert_everywhere(&compose(std::slice::from_ref(&one), now(), &cx()))?;
        let mut other = samples::expires_soon();
        other.facts.owner = Some(Text::new(&text));
        inert_everywhere(&compose(&[one.clone(), other.clone()], now(), &cx()))?;
        let team = TeamId::from(text.as_str());
        inert_everywhere(&digest(&Digest { team: Some(&team), open: &[one, other], quiet: &[] }, now(), &cx()))?;
    }
}
