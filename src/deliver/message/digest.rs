//! Many items for one reader at once: what ended, this week, later, housekeeping, and how many fell quiet (surfaces 5).
//!
//! Pure, as all of this room. Whoever sends digests decides when, and which episodes belong in one.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::{TimeDelta, Timelike};

use super::listing::MOST;
use super::{ComposeCx, Group, Line, Message, OneLiner, Row, Span, compose, head, parts, why, words};
use crate::domain::At;
use crate::domain::delivery::{Facts, Intent};
use crate::domain::episode::Closing;
use crate::domain::finding::{FindingKind, Severity, Why};
use crate::domain::key::TeamId;

/// What one digest tells.
pub struct Digest<'a> {
    /// Whose tokens these are; `None`: of several teams.
    pub team: Option<&'a TeamId>,
    /// Open episodes, one intent each, in any order.
    pub open: &'a [Intent],
    /// How many closed since the last digest, by their way.
    pub quiet: &'a [(Closing, u32)],
}

/// Parts of a digest, most urgent first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum When {
    Now,
    Week,
    Later,
    Housekeeping,
}

impl When {
    fn title(self) -> &'static str {
        match self {
            Self::Now => "ended or overdue",
            Self::Week => "this week",
            Self::Later => "later",
            Self::Housekeeping => "housekeeping",
        }
    }
}

/// One row with what it is sorted by.
struct Item<'a> {
    when: When,
    by: Option<At>,
    intent: &'a Intent,
    row: Row,
}

pub fn digest(of: &Digest<'_>, now: At, cx: &ComposeCx) -> Message {
    let items = items(of.open, now);
    let count = |when| items.iter().filter(|item| item.when == when).count();
    let tokens = words::count(tokens(of.open), "token");
    let whose = of.team.map(|team| format!(" of {team}")).unwrap_or_default();
    let urgent = urgent(count(When::Now), count(When::Week));
    let sentence = match &urgent {
        Some(urgent) => {
            format!("{tokens}{whose} need someone. {}", words::capital(&urgent.replacen(' ', " of them ", 1)))
        }
        None => format!("{tokens}{whose} need someone, none of them this week"),
    };
    let severity = of.open.iter().map(|intent| intent.episode.severity).max().unwrap_or(Severity::Info);
    let (groups, more) = groups(&items);
    let mut lines: Vec<Line> = Vec::new();
    if more > 0 {
        lines.push(Line { lead: None, text: vec![Span::Plain(format!("and {more} more"))] });
    }
    lines.extend(last_line(of, cx));
    let mut ordered: Vec<&Intent> = of.open.iter().collect();
    ordered.sort_by_key(|intent| (Reverse(intent.episode.severity), intent.episode.finding.due, &intent.facts.token));
    Message {
        mark: format!("{tokens}{whose}{}", urgent.map(|urgent| format!(", {urgent}")).unwrap_or_default()),
        headline: vec![Span::Plain(sentence.clone())],
        one_liners: one_liners(&sentence, &items, more, severity),
        groups,
        lines,
        event: "digest".into(),
        data: compose::data(&ordered),
        ..Message::of(&title(of, &items, &tokens, now), severity)
    }
}

/// `platform: 6 tokens, first Tue 1 Dec (Mon 30 Nov)`; in parentheses the last day before it, where it ends at midnight.
fn title(of: &Digest<'_>, items: &[Item<'_>], tokens: &str, now: At) -> String {
    let whose = of.team.map(|team| format!("{}: ", words::shortened(team.as_str(), 60))).unwrap_or_default();
    let ended = items.iter().filter(|item| item.when == When::Now).count();
    let ended = if ended > 0 { format!(", {ended} {}", When::Now.title()) } else { String::new() };
    let ahead = items.iter().filter(|item| matches!(item.when, When::Week | When::Later)).filter_map(|item| item.by);
    let first = ahead.min().map(|first| {
        let midnight = first.num_seconds_from_midnight() == 0;
        let last =
            if midnight { format!(" ({})", words::date(first - TimeDelta::days(1), now)) } else { String::new() };
        format!(", first {}{last}", words::date(first, now))
    });
    format!("{whose}{tokens}{ended}{}", first.unwrap_or_default())
}

fn tokens(open: &[Intent]) -> usize {
    let mut names: Vec<&str> = open.iter().map(|intent| intent.facts.token.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.len()
}

/// `one now, two this week`.
fn urgent(now: usize, week: usize) -> Option<String> {
    match (now, week) {
        (0, 0) => None,
        (0, week) => Some(format!("{} this week", words::number(week))),
        (now, 0) => Some(format!("{} ended or overdue", words::number(now))),
        (now, week) => Some(format!("{} ended or overdue, {} this week", words::number(now), words::number(week))),
    }
}

/// One row a finding, most urgent first; many of one collector without a policy or a team are one row.
fn items(open: &[Intent], now: At) -> Vec<Item<'_>> {
    let mut counted: BTreeMap<(&str, FindingKind), Vec<&Intent>> = BTreeMap::new();
    let mut items = Vec::new();
    for intent in open {
        if matches!(intent.episode.kind, FindingKind::Unmanaged | FindingKind::Unowned) {
            let collector = intent.facts.collector.as_deref().unwrap_or("no collector");
            counted.entry((collector, intent.episode.kind)).or_default().push(intent);
        } else {
            items.push(item(intent, now));
        }
    }
    for ((collector, _), intents) in counted {
        let mut one = item(intents[0], now);
        if intents.len() > 1 {
            one.row.name = format!("{} of {collector}", words::count(intents.len(), "token"));
        }
        items.push(one);
    }
    items.sort_by(|a, b| {
        let key = |item: &Item<'_>| (item.when, item.by.unwrap_or(At::MAX_UTC), Reverse(item.intent.episode.severity));
        key(a).cmp(&key(b)).then_with(|| a.row.name.cmp(&b.row.name))
    });
    items
}

fn item(intent: &Intent, now: At) -> Item<'_> {
    let by = date(intent);
    let when = match by {
        _ if intent.episode.kind.is_ended() || is_blind(intent.episode.kind) => When::Now,
        None => When::Housekeeping,
        Some(by) if by <= now => When::Now,
        Some(by) if by - now < TimeDelta::days(7) || by - now == TimeDelta::days(7) => When::Week,
        Some(_) => When::Later,
    };
    let told = intent.episode.told.map(|told| format!("told {}", words::date(told, now)));
    let row =
        Row { when: stands(intent, by, now), name: super::plain(&head::who(intent)), what: what(intent, now), told };
    Item { when, by, intent, row }
}

fn is_blind(kind: FindingKind) -> bool {
    matches!(kind, FindingKind::CollectorFailing | FindingKind::ChannelFailing)
}

/// By when someone has to act: the start of a freeze, else the end or the rotation that the finding is about.
fn date(intent: &Intent) -> Option<At> {
    let dated = intent.episode.kind.is_time() || intent.episode.kind.is_ended() || parts::breaks(intent.episode.kind);
    let due = intent.episode.finding.due.or(match intent.episode.kind {
        FindingKind::RotationDue | FindingKind::RotationMissed => intent.facts.rotation_due,
        _ => intent.facts.ends,
    });
    let frozen = intent.facts.freeze.as_ref().map(|(start, _)| *start).filter(|_| !intent.episode.kind.is_ended());
    frozen.or(due).filter(|_| dated)
}

/// The first column: a date, or what stands without one.
fn stands(intent: &Intent, by: Option<At>, now: At) -> String {
    let facts = &intent.facts;
    let day = |at: At| words::column(at, now);
    match intent.episode.kind {
        FindingKind::Revoked | FindingKind::Vanished => day(intent.episode.since),
        FindingKind::CollectorFailing | FindingKind::ChannelFailing => day(intent.episode.since),
        FindingKind::NeverExpires => "never expires".into(),
        FindingKind::TooLongLived => match intent.episode.finding.why {
            Why::Lifetime { is, .. } => format!("lives {}", words::about(is)),
            _ => "lives too long".into(),
        },
        FindingKind::Unused => match facts.last_used {
            Some(used) => format!("unused {}", words::about((now - used.at).num_seconds())),
            None => "unused".into(),
        },
        FindingKind::OverScoped => "holds too much".into(),
        FindingKind::Unmanaged => "no policy".into(),
        FindingKind::Unowned => "no team".into(),
        FindingKind::StaticCopy => "static copy".into(),
        FindingKind::Unverified => "not known".into(),
        FindingKind::TiedToPerson => "tied to a person".into(),
        FindingKind::Reused => "reused".into(),
        FindingKind::OldGenerationAlive => "old value alive".into(),
        FindingKind::RotationDue | FindingKind::RotationMissed => by.map(day).unwrap_or_else(|| "not known".into()),
        FindingKind::ExpiresSoon
        | FindingKind::ExpiresBeforeRotation
        | FindingKind::BreaksDeploy
        | FindingKind::Expired
        | FindingKind::NotInjected => match (by, &facts.freeze) {
            (Some(start), Some(_)) if !intent.episode.kind.is_ended() => format!("{} (freeze)", day(start)),
            (Some(end), _) => format!("{} {} UTC", day(end), end.format("%H:%M")),
            (None, _) => "not known".into(),
        },
    }
}

/// The last column but one: what it is, and what breaks or helps.
fn what(intent: &Intent, now: At) -> String {
    let facts = &intent.facts;
    let breaks = match parts::pipeline_names(intent) {
        Some(names) => format!("breaks {names}"),
        None => "what breaks is not said".into(),
    };
    let schedule = facts.schedule_text.as_ref().map(|text| format!(" ({text})")).unwrap_or_default();
    match intent.episode.kind {
        FindingKind::ExpiresSoon => match (&facts.freeze, intent.episode.finding.due) {
            (Some((start, name)), Some(due)) => {
                let (due, start) = (words::day_month(due), words::day_month(*start));
                format!("expires {due}, inside \"{name}\"; act before {start}")
            }
            _ => format!("expires; {breaks}"),
        },
        FindingKind::ExpiresBeforeRotation => format!("expires before its rotation is due; {breaks}"),
        FindingKind::BreaksDeploy => format!("expires before the end of a run; {breaks}"),
        FindingKind::Expired => format!("expired; {breaks}"),
        FindingKind::Revoked => format!("revoked; {breaks}"),
        FindingKind::Vanished => format!("gone; {breaks}"),
        FindingKind::NotInjected => format!("its old value is still used; {breaks}"),
        FindingKind::RotationDue => format!("rotation due{schedule}"),
        FindingKind::RotationMissed => format!("rotation missed{schedule}"),
        FindingKind::NeverExpires => "no exception written".into(),
        FindingKind::TooLongLived => match intent.episode.finding.why {
            Why::Lifetime { allowed, .. } => format!("allowed are {}", words::about(allowed)),
            _ => "longer than its policy allows".into(),
        },
        FindingKind::Unused => format!("{}remove it?", told_to(facts)),
        FindingKind::OverScoped => match &intent.episode.finding.why {
            Why::Scopes { outside } if !outside.is_empty() => format!("not allowed: {}", why::cut_list(outside)),
            _ => "more than its policy allows".into(),
        },
        FindingKind::OldGenerationAlive => "revoke the old value once nothing uses it".into(),
        FindingKind::Unmanaged => "write one, or let the collector ignore it".into(),
        FindingKind::Unowned => "name one in a policy".into(),
        FindingKind::StaticCopy => "let the pipeline fetch it when it runs".into(),
        FindingKind::Unverified => "whether it works could not be checked".into(),
        FindingKind::TiedToPerson => "give the pipeline a machine account".into(),
        FindingKind::Reused => "issue one token for each use".into(),
        FindingKind::CollectorFailing => {
            let cause =
                why::cause(&intent.episode.finding.why, facts).unwrap_or_else(|| "cannot read its issuer".into());
            match parts::breaks_tail(intent, now) {
                Some(unread) => format!("{cause}; {unread}"),
                None => cause,
            }
        }
        FindingKind::ChannelFailing => "takes no messages".into(),
    }
}

/// `GitLab tells use to 10 min; `.
fn told_to(facts: &Facts) -> String {
    match facts.last_used {
        Some(used) if used.granularity > 0 => {
            format!("{} tells use to {}; ", why::issuer(facts), words::about(used.granularity.into()))
        }
        _ => String::new(),
    }
}

/// Rows in their groups, cut at twenty; how many were cut.
fn groups(items: &[Item<'_>]) -> (Vec<Group>, usize) {
    let mut groups: Vec<Group> = Vec::new();
    for item in items.iter().take(MOST) {
        let title = item.when.title();
        match groups.last_mut() {
            Some(last) if last.title == title => last.rows.push(item.row.clone()),
            _ => groups.push(Group { title, rows: vec![item.row.clone()] }),
        }
    }
    (groups, items.len().saturating_sub(MOST))
}

/// `2 more are quiet since last week: 1 rotated, 1 accepted. All: https://…`
fn last_line(of: &Digest<'_>, cx: &ComposeCx) -> Option<Line> {
    let all: u32 = of.quiet.iter().map(|(_, n)| n).sum();
    let ways: Vec<String> = of.quiet.iter().map(|(how, n)| format!("{n} {how}")).collect();
    let mut text = Vec::new();
    if all > 0 {
        let are = if all == 1 { "is" } else { "are" };
        text.push(Span::Plain(format!("{all} more {are} quiet since last week: {}.", ways.join(", "))));
    }
    if let Some(base) = &cx.external_url {
        let team = of.team.map(|team| format!("?team={}", parts::percent(team.as_str()))).unwrap_or_default();
        let space = if text.is_empty() { "" } else { " " };
        text.push(Span::Plain(space.into()));
        text.push(Span::Link { text: "All".into(), url: format!("{}/{team}", base.trim_end_matches('/')) });
    }
    (!text.is_empty()).then_some(Line { lead: None, text })
}

fn one_liners(sentence: &str, items: &[Item<'_>], more: usize, severity: Severity) -> Vec<OneLiner> {
    let mut lines = vec![OneLiner { severity, text: format!("{sentence}.") }];
    for item in items.iter().take(MOST) {
        let when = item.row.when.split_whitespace().collect::<Vec<_>>().join(" ");
        let end = if item.row.what.ends_with('?') { "" } else { "." };
        let text = format!("{}: {when}, {}{end}", item.row.name, item.row.what);
        lines.push(OneLiner { severity: item.intent.episode.severity, text });
    }
    if more > 0 {
        lines.push(OneLiner { severity: Severity::Info, text: format!("and {more} more.") });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::message::samples::{self, at, digest_of_six, intent};

    fn composed(open: &[Intent], quiet: &[(Closing, u32)]) -> Message {
        let team = TeamId::from("platform");
        let cx = ComposeCx { external_url: Some("https://forewarn.example.com".into()) };
        digest(&Digest { team: Some(&team), open, quiet }, at("2026-11-30 08:00"), &cx)
    }
    fn rows(message: &Message) -> String {
        let mut out = String::new();
        for group in &message.groups {
            out.push_str(&format!("{}\n", group.title));
            for row in &group.rows {
                let told = row.told.as_deref().unwrap_or("-");
                out.push_str(&format!("  {} | {} | {} | {told}\n", row.when, row.name, row.what));
            }
        }
        out
    }

    #[test]
    fn six_items_are_told_as_in_the_sample() {
        let message = composed(&digest_of_six(), samples::QUIET);
        assert_eq!(message.subject, "[forewarn] platform: 6 tokens, first Tue 1 Dec (Mon 30 Nov)");
        assert_eq!(message.mark, "6 tokens of platform, two this week");
        assert_eq!(super::super::plain(&message.headline), "6 tokens of platform need someone. Two of them this week");
        insta::assert_snapshot!(rows(&message), @r#"
        this week
          Tue  1 Dec 00:00 UTC | gitlab/platform/renovate | expires; breaks deploy-prod | told Tue 24 Nov
          Fri  4 Dec 08:00 UTC | github/nightly-bot | expires; breaks nightly | -
        later
          Mon 14 Dec | aws/ci-deploy | rotation due (every 90d) | -
          Fri 18 Dec (freeze) | gitlab/platform/deploy-eu | expires 22 Dec, inside "year end"; act before 18 Dec | -
        housekeeping
          never expires | vault/ci-legacy | no exception written | -
          unused 214 days | gitlab/platform/old-mirror | GitLab tells use to 10 min; remove it? | -
        "#);
        let last = message.lines.last().unwrap();
        assert_eq!(super::super::plain(&last.text), "2 more are quiet since last week: 1 rotated, 1 accepted. All");
        assert!(
            matches!(last.text.last(), Some(Span::Link { url, .. }) if url == "https://forewarn.example.com/?team=platform")
        );
    }

    #[test]
    fn what_ended_heads_it_and_many_without_a_policy_are_one_row() {
        let mut open = vec![samples::revoked(), samples::blind()];
        for name in ["gitlab/a", "gitlab/b", "vault/c"] {
            open.push(intent(name, FindingKind::Unmanaged, Severity::Info, "QQQQ"));
        }
        let message = composed(&open, &[]);
        assert_eq!(message.subject, "[forewarn] platform: 5 tokens, 2 ended or overdue");
        insta::assert_snapshot!(rows(&message), @r"
        ended or overdue
          Tue 24 Nov | keycloak/ci/deploy-bot | revoked; breaks deploy-prod | told Tue 24 Nov
          Tue 24 Nov | collector gitlab | own login refused (401); 40 tokens unread since Tue 24 Nov 07:46 UTC | told Tue 24 Nov
        housekeeping
          no policy | 2 tokens of gitlab | write one, or let the collector ignore it | told Tue 24 Nov
          no policy | vault/c | write one, or let the collector ignore it | told Tue 24 Nov
        ");
    }

    #[test]
    fn a_long_one_is_cut_at_twenty_rows() {
        let open: Vec<Intent> = (0..31)
            .map(|nth| {
                let mut one = samples::expires_soon();
                one.facts.token = format!("gitlab/platform/t{nth:02}");
                one
            })
            .collect();
        let message = composed(&open, &[(Closing::Rotated, 1)]);
        assert_eq!(message.groups.iter().map(|group| group.rows.len()).sum::<usize>(), 20);
        assert_eq!(super::super::plain(&message.lines[0].text), "and 11 more");
        assert!(super::super::plain(&message.lines[1].text).starts_with("1 more is quiet since last week: 1 rotated."));
        assert_eq!(message.data["items"].as_array().unwrap().len(), 31);
    }

    #[test]
    fn every_finding_has_a_row() {
        for &kind in FindingKind::ALL {
            for due in [None, Some(at("2026-12-01 00:00")), Some(at("2026-11-20 00:00"))] {
                let mut one = intent("gitlab/x", kind, Severity::Warning, "AAAA");
                one.episode.finding.due = due;
                let message = composed(&[one], &[]);
                let row = &message.groups[0].rows[0];
                for text in [&row.when, &row.name, &row.what] {
                    assert!(!text.is_empty() && !text.contains("()") && !text.contains("None"), "{kind}: {row:?}");
                }
            }
        }
    }
}
