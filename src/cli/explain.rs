//! `explain TOKEN`: what is known of one token, what follows from it and why, what was told and what comes next.

use std::fmt::Write;

use clap::Args;

use super::list::json;
use super::output::{Screen, say};
use super::print::{table, width};
use super::source::{Source, SourceArguments};
use crate::deliver::message::words;
use crate::domain::At;
use crate::domain::finding::FindingKind;
use crate::show::answers::shapes::{Explanation, FindingDetail, GenerationRow, NextRow, Said, SetBy, ToldRow};

const EXAMPLES: &str = "\
Examples:
  forewarn explain TOKEN           # by its name, as `list` writes it
  forewarn explain TOKEN --json    # as the API answers it
A token is found by the code at the end of a message, such as R7K2, too.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct ExplainArguments {
    /// Name as `list` writes it, or the code of a finding
    #[arg(value_name = "TOKEN")]
    pub token: String,
    /// As JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub source: SourceArguments,
}

pub fn run(arguments: &ExplainArguments) -> u8 {
    match Source::open(&arguments.source).and_then(|mut source| source.explanation(&arguments.token)) {
        Ok(explanation) if arguments.json => {
            say(&json(&explanation));
            0
        }
        Ok(explanation) => {
            say(&people(&explanation, Screen::of_stdout()));
            0
        }
        Err(failed) => failed.say(),
    }
}

/// Room of the name before what it is.
const NAME: usize = 32;

pub fn people(explanation: &Explanation, screen: Screen) -> String {
    let now = explanation.now;
    let name = width::inert(&explanation.row.line.token);
    let token = explanation.row.line.token.as_str();
    let pad = NAME.saturating_sub(width::of(&name));
    let mut text = format!("{name}{:pad$}  {}\n", "", width::inert(&what(explanation)));
    let rows = [
        ("deadline", joined(explanation.deadline.iter().map(deadline), "\n")),
        ("breaks", joined(explanation.breaks.iter().map(breaks), "\n")),
        ("findings", joined(explanation.findings.iter().map(|finding| found(finding, token, now)), "\n")),
        ("set by", set_by(&explanation.set_by)),
        ("facts", facts(explanation)),
        ("before", joined(explanation.before.iter().map(|generation| before(generation, now)), "\n")),
        ("told", joined(explanation.told.iter().map(|told| told_to(told, now)), " · ")),
        ("next", joined(explanation.next.iter().map(|next| comes(next, now)), " · ")),
        ("do", remedy(explanation)),
    ];
    let rows: Vec<(String, String)> = rows
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(label, text)| (label.to_owned(), text.split('\n').map(width::inert).collect::<Vec<_>>().join("\n")))
        .collect();
    text.push_str(&table::labelled(&rows, screen));
    text
}

/// `group access token, GitLab id 8841, active`.
fn what(explanation: &Explanation) -> String {
    let line = &explanation.row.line;
    let mut parts = vec![explanation.kind.clone()];
    parts.extend(explanation.issuer_id.as_ref().map(|id| format!("{} id {id}", explanation.issuer)));
    parts.push(match (&line.ended_word, line.ended_at) {
        (Some(word), _) => word.clone(),
        _ => line.state.to_string(),
    });
    parts.extend(explanation.owner.as_ref().map(|owner| format!("of {owner}")));
    if !explanation.also.is_empty() {
        parts.push(format!("also seen as {}", explanation.also.join(", ")));
    }
    parts.join(", ")
}

fn joined(texts: impl Iterator<Item = String>, between: &str) -> String {
    texts.collect::<Vec<_>>().join(between)
}

/// The first is the deadline, the others say what they are.
fn deadline(said: &Said) -> String {
    match said.what.as_str() {
        "deadline" => said.text.clone(),
        what if said.text.starts_with(what) => said.text.clone(),
        what => format!("{what} {}", said.text),
    }
}

/// `deploy-prod; holds until …`; without a pipeline the sentence alone.
fn breaks(said: &Said) -> String {
    if said.what.is_empty() { said.text.clone() } else { format!("{}; {}", said.what, said.text) }
}

/// `expires_soon (warning) since 17 Nov · R7K2`, and why it stands.
fn found(finding: &FindingDetail, token: &str, now: At) -> String {
    let line = &finding.line;
    let mut text = format!("{} ({})", line.finding, line.severity);
    if let Some(since) = line.since {
        let _ = write!(text, " since {}", words::until(since, now));
    }
    if let Some(code) = &line.code {
        let _ = write!(text, " · {code}");
    }
    // What only repeats the deadline is left out.
    let repeats = matches!(line.finding, FindingKind::ExpiresSoon | FindingKind::Expired);
    let why = finding.text.strip_prefix(token).map_or(finding.text.as_str(), str::trim_start);
    if !why.is_empty() && !repeats {
        let _ = write!(text, ": {why}");
    }
    text
}

/// `team platform forewarn.yml:12 · schedule quarterly :15`: a file is named once, then only its lines.
fn set_by(all: &[SetBy]) -> String {
    let mut file = "";
    let said = all.iter().map(|set| {
        let place = match set.place.as_deref().and_then(|place| Some((place.rsplit_once(':')?, place))) {
            Some(((of, line), _)) if of == file => format!(" :{line}"),
            Some(((of, _), whole)) => {
                file = of;
                format!(" {whole}")
            }
            None => String::new(),
        };
        format!("{} {}{place}", set.key, set.value)
    });
    joined(said, " · ")
}

/// `issued 2 Sep 2026 · last used 24 Nov 09:20 (to 10 min) · scopes read_api · read 4 min ago by gitlab`.
fn facts(explanation: &Explanation) -> String {
    let mut parts: Vec<String> =
        explanation.facts.iter().map(|said| format!("{} {}", said.what, said.text).trim().to_owned()).collect();
    if !explanation.scopes.is_empty() {
        parts.push(format!("scopes {}", explanation.scopes.join(" ")));
    }
    parts.join(" · ")
}

/// `id 7310, 4 Jun to 2 Sep 2026, revoked at rotation`.
fn before(generation: &GenerationRow, now: At) -> String {
    let id = generation.id.as_ref().map(|id| format!("id {id}, ")).unwrap_or_default();
    let from = match generation.issued {
        Some(issued) => words::day(issued),
        None => format!("first seen {}", words::day(generation.first_seen)),
    };
    let used = generation.last_used.map(|at| format!(", last used {}", words::until(at, now))).unwrap_or_default();
    let end = match (&generation.ended, generation.ended_at) {
        (Some(word), Some(at)) => format!("{from} to {}, {word}", words::until(at, now)),
        (Some(word), None) => format!("{from}, {word}"),
        (None, _) if generation.still_works => match (generation.never_expires, generation.ends) {
            (true, _) => format!("{from}, still works and never ends"),
            (false, Some(end)) => format!("{from}, still works until {}", words::until(end, now)),
            (false, None) => format!("{from}, still works"),
        },
        (None, _) => match generation.ends {
            Some(end) => format!("{from} to {}", words::until(end, now)),
            None => from,
        },
    };
    format!("{id}{end}{used}")
}

/// `Tue 17 Nov mail (14d)`; the state only where it is not told.
fn told_to(told: &ToldRow, now: At) -> String {
    let state = if told.state == "sent" { String::new() } else { format!(", {}", told.state) };
    format!("{} {} ({}{state})", words::clock(told.at, now), told.channel, event(told.finding, &told.what))
}

/// `7d`, `reminder 2`; an opening by the name of its finding.
fn event(finding: FindingKind, what: &str) -> String {
    if what == "opened" { finding.to_string() } else { what.to_owned() }
}

/// `Fri 27 Nov 09:00 chat (3d)`.
fn comes(next: &NextRow, now: At) -> String {
    let to = if next.channels.is_empty() { "nobody".to_owned() } else { next.channels.join(", ") };
    format!("{} {to} ({})", words::clock(next.at, now), event(next.finding, &next.what))
}

/// What a person does about it.
fn remedy(explanation: &Explanation) -> String {
    let more = [("how to", &explanation.runbook), ("open", &explanation.link)];
    let links = more.into_iter().filter_map(|(label, link)| Some(format!("{label} {}", link.as_ref()?)));
    joined(std::iter::once(explanation.rotate.clone()).filter(|text| !text.is_empty()).chain(links), "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::print::samples::{at, now, plain, row};
    use crate::domain::finding::{FindingKind, Severity};
    use crate::judge::world::view::FindingLine;

    fn said(what: &str, text: &str) -> Said {
        Said { what: what.into(), text: text.into(), at: None }
    }
    fn set(key: &str, value: &str, place: &str) -> SetBy {
        SetBy { key: key.into(), value: value.into(), place: Some(place.into()) }
    }
    fn told(at_: &str, channel: &str, what: &str) -> ToldRow {
        ToldRow {
            at: at(at_),
            channel: channel.into(),
            recipient: String::new(),
            finding: FindingKind::ExpiresSoon,
            what: what.into(),
            state: "sent".into(),
            code: "R7K2".into(),
        }
    }
    fn next(at_: &str, finding: FindingKind, what: &str) -> NextRow {
        NextRow { at: at(at_), finding, what: what.into(), channels: vec!["chat".into()] }
    }

    fn replaced() -> GenerationRow {
        GenerationRow {
            id: Some("7310".into()),
            issued: Some(at("2026-06-04T00:00:00Z")),
            first_seen: at("2026-06-04T00:00:00Z"),
            ends: None,
            never_expires: false,
            ended: Some("revoked".into()),
            ended_at: Some(at("2026-09-02T00:00:00Z")),
            last_used: None,
            still_works: false,
        }
    }

    /// The sample of surfaces 6.2, as far as its parts exist: no copies, no calendars.
    fn sample() -> Explanation {
        let mut row = row(
            "in 7 days|Tue 1 Dec 00:00 UTC|gitlab/platform/renovate|expires|deploy-prod|platform",
            Some(Severity::Warning),
        );
        row.line.state = crate::domain::finding::TokenState::Ending;
        let line = FindingLine {
            finding: FindingKind::ExpiresSoon,
            severity: Severity::Warning,
            since: Some(at("2026-11-17T09:00:00Z")),
            code: Some("R7K2".into()),
        };
        Explanation {
            now: now(),
            row,
            kind: "group access token".into(),
            issuer: "GitLab".into(),
            issuer_id: Some("8841".into()),
            owner: None,
            also: Vec::new(),
            deadline: vec![
                said(
                    "deadline",
                    "Tue 1 Dec 2026 00:00 UTC, in 6 days 14 hours: its expiry (a date only, taken at its first minute)",
                ),
                said(
                    "rotation",
                    "due Tue 1 Dec 14:10 UTC (2 Sep 2026 + 90d, quarterly), 14 h too late: the schedule does not save it",
                ),
            ],
            breaks: vec![said("deploy-prod", "holds until Tue 1 Dec 2026 00:00 UTC")],
            findings: vec![FindingDetail {
                line,
                text: "gitlab/platform/renovate expires".into(),
                runbook: String::new(),
            }],
            set_by: vec![
                set("team", "platform", "forewarn.yml:12"),
                set("schedule", "quarterly", "forewarn.yml:15"),
                set("pipelines", "deploy-prod", "forewarn.yml:16"),
                set("runbook", "https://wiki.example.com/rotate", "teams/a.yml:17"),
            ],
            facts: vec![
                said("issued", "2 Sep 2026"),
                said("last used", "24 Nov 09:20 (to 10 min)"),
                said("read", "4 min ago by gitlab"),
            ],
            scopes: vec!["read_api".into(), "read_registry".into()],
            before: vec![replaced()],
            told: vec![told("2026-11-17T09:00:00Z", "mail", "14d"), told("2026-11-24T09:00:00Z", "chat", "7d")],
            next: vec![
                next("2026-11-27T09:00:00Z", FindingKind::ExpiresSoon, "3d"),
                next("2026-12-01T00:00:00Z", FindingKind::Expired, "opened"),
            ],
            runbook: Some("https://wiki.example.com/rotate".into()),
            link: None,
            rotate: "Rotate it in GitLab.".into(),
        }
    }

    #[test]
    fn surfaces_6_2() {
        insta::assert_snapshot!(plain(&people(&sample(), Screen::default())), @r"
        gitlab/platform/renovate          group access token, GitLab id 8841, ending
          deadline  Tue 1 Dec 2026 00:00 UTC, in 6 days 14 hours: its expiry (a date only, taken at its first minute)
                    rotation due Tue 1 Dec 14:10 UTC (2 Sep 2026 + 90d, quarterly), 14 h too late: the schedule does not save it
          breaks    deploy-prod; holds until Tue 1 Dec 2026 00:00 UTC
          findings  expires_soon (warning) since 17 Nov 2026 · R7K2
          set by    team platform forewarn.yml:12 · schedule quarterly :15 · pipelines deploy-prod :16 · runbook https://wiki.example.com/rotate teams/a.yml:17
          facts     issued 2 Sep 2026 · last used 24 Nov 09:20 (to 10 min) · read 4 min ago by gitlab · scopes read_api read_registry
          before    id 7310, 4 Jun 2026 to 2 Sep 2026, revoked
          told      Tue 17 Nov 09:00 UTC mail (14d) · 09:00 UTC chat (7d)
          next      Fri 27 Nov 09:00 UTC chat (3d) · Tue 1 Dec 00:00 UTC chat (expired)
          do        Rotate it in GitLab.
                    how to https://wiki.example.com/rotate
        ");
        insta::assert_snapshot!(plain(&people(&sample(), Screen { width: Some(60) })), @r"
        gitlab/platform/renovate          group access token, GitLab id 8841, ending
          deadline  Tue 1 Dec 2026 00:00 UTC, in 6 days 14 hours:
                    its expiry (a date only, taken at its first
                    minute)
                    rotation due Tue 1 Dec 14:10 UTC (2 Sep 2026 +
                    90d, quarterly), 14 h too late: the schedule
                    does not save it
          breaks    deploy-prod; holds until Tue 1 Dec 2026 00:00
                    UTC
          findings  expires_soon (warning) since 17 Nov 2026 · R7K2
          set by    team platform forewarn.yml:12 · schedule
                    quarterly :15 · pipelines deploy-prod :16 ·
                    runbook https://wiki.example.com/rotate
                    teams/a.yml:17
          facts     issued 2 Sep 2026 · last used 24 Nov 09:20 (to
                    10 min) · read 4 min ago by gitlab · scopes
                    read_api read_registry
          before    id 7310, 4 Jun 2026 to 2 Sep 2026, revoked
          told      Tue 17 Nov 09:00 UTC mail (14d) · 09:00 UTC chat
                    (7d)
          next      Fri 27 Nov 09:00 UTC chat (3d) · Tue 1 Dec 00:00
                    UTC chat (expired)
          do        Rotate it in GitLab.
                    how to https://wiki.example.com/rotate
        ");
    }

    #[test]
    fn strangers_words_are_inert() {
        let mut hostile = sample();
        let bad = "x\u{1b}[2J\u{202e}\r\ny";
        hostile.row.line.token = bad.into();
        hostile.owner = Some(bad.into());
        hostile.scopes = vec![bad.into()];
        hostile.facts = vec![said(bad, bad)];
        hostile.before[0].ended = Some(bad.into());
        let text = plain(&people(&hostile, Screen { width: Some(80) }));
        let raw = people(&hostile, Screen { width: Some(80) });
        assert!(!raw.contains("\u{1b}[2J") && !text.contains(['\u{1b}', '\u{202e}', '\r']), "{raw:?}");
    }
}
