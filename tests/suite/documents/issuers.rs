//! docs/issuers.md: what each shipped definition reads and needs, from the definitions themselves.
//!
//! The comment that opens a definition's file is its introduction; a line of it that begins "Cannot see:" stands apart.

use std::fmt::Write;

use forewarn::collect::issuer::definition::fields::NoExpiry;
use forewarn::collect::issuer::definition::request::Mode;
use forewarn::collect::issuer::definition::{Absent, Definition, LoginKind, SettingShape, Source, VerifiedHow};
use forewarn::collect::issuer::shipped::Definitions;

use super::fresh_part;

/// The opening comment: what it is, and what cannot be seen.
fn opening(text: &str) -> (String, String) {
    let lines: Vec<&str> = text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim).collect();
    let all = lines.join(" ");
    let (what, blind) = all.split_once("Cannot see:").unwrap_or((&all, ""));
    (what.trim().to_owned(), blind.trim().to_owned())
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

fn reads(definition: &Definition) -> String {
    match definition.origin {
        Source::Files => return "files that `files:` or `inspect:` names; no network".into(),
        Source::Declared => return "what you type under `tokens:`; nothing is asked".into(),
        Source::Http => {}
    }
    let ways = [
        (Mode::Inventory, "lists tokens with its own login"),
        (Mode::Inspect, "asks about single tokens that `inspect:` names"),
        (Mode::OwnLogin, "watches its own login too"),
    ];
    let ways: Vec<_> = ways.into_iter().filter(|(mode, _)| definition.can(*mode)).map(|(_, way)| way).collect();
    ways.join("; ")
}

fn logins(definition: &Definition) -> String {
    let one = |kind: &LoginKind| match kind {
        LoginKind::Token => format!("`token` (sent in `{}`)", definition.token.header),
        LoginKind::Basic => "`basic`".into(),
        LoginKind::Header => "`header`".into(),
        LoginKind::ClientId => "`client_id` with `client_secret`".into(),
    };
    match definition.logins.is_empty() {
        true => "none".into(),
        false => definition.logins.iter().map(one).collect::<Vec<_>>().join(", "),
    }
}

fn blind(definition: &Definition, written: &str) -> String {
    let mut all: Vec<String> = Vec::new();
    if !written.is_empty() {
        all.push(sentence(written));
    }
    if definition.origin == Source::Http && !definition.can(Mode::Inventory) {
        all.push("It cannot list tokens: only those under `inspect:` are watched.".into());
    }
    if !definition.tells_expiry {
        all.push("The issuer tells no expiry.".into());
    }
    if !definition.shows_rotation {
        all.push("A rotation does not show: write its day under `rotated:` in a policy.".into());
    }
    all.join(" ")
}

/// What silence of the issuer is taken for.
fn silence(definition: &Definition) -> String {
    let mut all = vec![match definition.fields.no_expiry {
        NoExpiry::Never => "without an expiry a token never ends".to_owned(),
        NoExpiry::Unknown => "without an expiry its end is unknown".to_owned(),
    }];
    if definition.can(Mode::Inventory) {
        all.push(match definition.absent {
            Absent::Revoked => "a token that is no longer listed was revoked or has ended".into(),
            Absent::Vanished => "a token that is no longer listed has vanished, and why is not told".into(),
        });
    }
    if definition.granularity > 0 {
        all.push(format!("a last use may be {} minutes old", definition.granularity / 60));
    }
    all.join("; ")
}

fn one(definition: &Definition, file: &str) -> String {
    let (what, unseen) = opening(file);
    let how = match definition.verified.how {
        VerifiedHow::Live => "live",
        VerifiedHow::Documents => "by documents",
        VerifiedHow::Unverified => "not yet",
    };
    let kinds = definition.kinds.iter().map(|kind| {
        let person = if kind.person { ", a person's: only where `kinds:` names it" } else { "" };
        format!("`{}` ({}{person})", kind.name, kind.title)
    });
    let url = definition.url.as_ref().map(|url| format!("`{}` unless given", url.as_str().trim_end_matches('/')));
    let rows = [
        ("reads", Some(reads(definition))),
        ("kinds", Some(kinds.collect::<Vec<_>>().join(", "))),
        ("`url`", (definition.origin == Source::Http).then(|| url.unwrap_or_else(|| "**required**".into()))),
        ("logins", (definition.origin == Source::Http).then(|| logins(definition))),
        ("least right", Some(sentence(&definition.least))),
        ("cannot see", Some(blind(definition, &unseen)).filter(|text| !text.is_empty())),
        ("taken for", Some(silence(definition))),
        ("to rotate", Some(sentence(&definition.rotate))),
        ("checked", Some(format!("{how}: {}", definition.verified.words))),
        ("its documents", Some(format!("<{}>", definition.docs))),
    ];
    let mut out = format!("\n## {}\n\n`issuer: {}`. {what}\n\n| | |\n|---|---|\n", definition.title, definition.name);
    for (row, text) in rows.into_iter().filter_map(|(row, text)| Some((row, text?))) {
        let _ = writeln!(out, "| {row} | {} |", text.replace('|', "\\|"));
    }
    if !definition.settings.is_empty() {
        out += "\n| key of `inventory:` | type | default | what it does |\n|---|---|---|---|\n";
        for setting in &definition.settings {
            let kind = match setting.shape {
                SettingShape::Text => "text",
                SettingShape::List => "text, or list of texts",
                SettingShape::Bool => "`true`, `false`",
            };
            let default = if setting.default.is_null() { String::new() } else { format!("`{}`", setting.default) };
            let _ = writeln!(out, "| `{}` | {kind} | {default} | {} |", setting.name, sentence(&setting.help));
        }
    }
    out
}

#[test]
fn generated_issuers_are_fresh() {
    let definitions = Definitions::shipped();
    let mut texts = Definitions::texts();
    texts.sort();
    let all: String = texts
        .iter()
        .map(|(name, text)| one(definitions.get(name).expect("every shipped definition compiles"), text))
        .collect();
    fresh_part("docs/issuers.md", &all);
}
