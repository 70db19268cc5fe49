//! `list`: tokens, most urgent first, as a table, JSON or CSV. Whatever it shows, the exit code is 0: it does not judge.

use clap::{Args, ValueEnum};

use super::once;
use super::output::{Screen, say};
use super::print::{csv, table, width};
use super::source::{Source, SourceArguments};
use crate::deliver::message::words;
use crate::domain::At;
use crate::show::answers::shapes::{CollectorRow, TokenRow, Tokens};

/// Every filter word is explained once more by its own mistake; these are the ones people begin with.
const EXAMPLES: &str = "\
Examples:
  forewarn list                                  # what needs someone
  forewarn list --all --by pipeline              # everything, by the pipelines that break with it
  forewarn list team=platform 'name=deploy-*'    # one team's tokens of these names
  forewarn list finding=unused,never_expires     # whatever has one of these findings
  forewarn list --once                           # as the issuers tell it now, without a server
  forewarn list --format csv > tokens.csv        # all of it, for a spreadsheet

A filter word is FIELD=VALUE. The fields: token, place, name, collector, issuer,
kind, scope, team, pipeline, schedule, finding, severity, state, needs, day, q,
fact.<name>. All words must fit; of values with commas between them, any.
Names may be globs: * stays within one part of a path, ** crosses it.
With a filter, and as JSON or CSV, quiet tokens are shown too.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct ListArguments {
    /// Filter words, such as team=platform, finding=unused, name=deploy-*
    #[arg(value_name = "WORD")]
    pub words: Vec<String>,
    /// Quiet tokens too
    #[arg(long)]
    pub all: bool,
    /// In groups, each with its own headline
    #[arg(long, value_name = "WHAT")]
    pub by: Option<By>,
    /// How it is written
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
    /// Read every collector now, in this process; no server is asked, nothing is written and nothing is told
    #[arg(long)]
    pub once: bool,
    #[command(flatten)]
    pub source: SourceArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Json,
    Csv,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    Pipeline,
    Team,
    Collector,
}

pub fn run(arguments: &ListArguments) -> u8 {
    let words = asked(arguments);
    let tokens = match arguments.once {
        true => once::tokens(&arguments.source, &words),
        false => Source::open(&arguments.source).and_then(|mut source| source.tokens(&words)),
    };
    match tokens {
        Ok(tokens) => {
            show(&tokens, arguments);
            0
        }
        Err(failed) => failed.say(),
    }
}

/// What is not shown is not fetched; a group counts its quiet tokens too.
fn asked(arguments: &ListArguments) -> Vec<String> {
    let needy = !arguments.all && arguments.by.is_none() && arguments.format == Format::Table;
    match needy && arguments.words.is_empty() {
        true => vec!["needs=true".into()],
        false => arguments.words.clone(),
    }
}

fn show(tokens: &Tokens, arguments: &ListArguments) {
    match arguments.format {
        Format::Json => say(&json(tokens)),
        Format::Csv => say(&csv::tokens(&tokens.tokens)),
        Format::Table => {
            let shape = Shape { all: arguments.all, filtered: !arguments.words.is_empty(), by: arguments.by };
            say(&people(tokens, shape, Screen::of_stdout()));
        }
    }
}

/// For programs: the shape that the API answers, whole.
pub fn json<T: serde::Serialize>(answer: &T) -> String {
    let mut text = serde_json::to_string_pretty(answer).unwrap_or_default();
    text.push('\n');
    text
}

/// What of the answer is shown, and how it is grouped.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shape {
    pub all: bool,
    /// Whoever asks for something wants to see it, quiet or not.
    pub filtered: bool,
    pub by: Option<By>,
}

pub fn people(tokens: &Tokens, shape: Shape, screen: Screen) -> String {
    let mut text = format!("{} · {}\n", headline(tokens, shape), freshness(&tokens.collectors, tokens.now));
    for hold in &tokens.held {
        text += &format!("{}\n", width::inert(&hold.text));
    }
    text.push('\n');
    let all = shape.all || shape.filtered;
    let groups = match shape.by {
        Some(by) => groups(&tokens.tokens, by),
        None => vec![Group { name: String::new(), rows: tokens.tokens.iter().collect() }],
    };
    let mut hidden = 0;
    for group in groups {
        let shown: Vec<&TokenRow> = group.rows.iter().copied().filter(|row| all || row.needs_someone).collect();
        if shown.is_empty() {
            hidden += 1;
            continue;
        }
        if shape.by.is_some() {
            text.push_str(&format!("{} · {}\n", width::inert(&group.name), need(&group.rows)));
        }
        text.push_str(&body(&shown, screen));
        text.push('\n');
    }
    if let Some(by) = shape.by.filter(|_| hidden > 0) {
        let name = by.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        text.push_str(&format!("nothing to do for {}\n", words::count(hidden, &name)));
    }
    text.push_str(&footer(tokens, shape));
    text
}

/// The table; where quiet tokens stand among others, they stand below, so that colour is not what tells them apart.
fn body(rows: &[&TokenRow], screen: Screen) -> String {
    let (urgent, quiet): (Vec<&TokenRow>, Vec<&TokenRow>) = rows.iter().copied().partition(|row| row.needs_someone);
    if urgent.is_empty() || quiet.is_empty() {
        return table::tokens(rows.iter().copied(), screen);
    }
    format!("{}\nquiet\n{}", table::tokens(urgent, screen), table::tokens(quiet, screen))
}

/// `3 of 412 tokens need someone`; under a filter `2 of 14 tokens need someone, of 412 watched`.
fn headline(tokens: &Tokens, shape: Shape) -> String {
    if !shape.filtered {
        return tokens.headline();
    }
    match tokens.matching {
        0 => format!("none of {} matches", words::count(tokens.watched, "token")),
        _ => format!("{}, of {} watched", need(&tokens.tokens.iter().collect::<Vec<_>>()), tokens.watched),
    }
}

fn need(rows: &[&TokenRow]) -> String {
    match (rows.iter().filter(|row| row.needs_someone).count(), rows.len()) {
        (0, 1) => "1 token, quiet".into(),
        (1, 1) => "1 token needs someone".into(),
        (0, all) => format!("{all} tokens, all quiet"),
        (1, all) => format!("1 of {all} tokens needs someone"),
        (need, all) => format!("{need} of {all} tokens need someone"),
    }
}

struct Group<'t> {
    name: String,
    rows: Vec<&'t TokenRow>,
}

/// In the order of their most urgent token; those that nobody named stand last. A token of two pipelines stands in both.
fn groups(rows: &[TokenRow], by: By) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut rest = Vec::new();
    for row in rows {
        let names: Vec<&String> = match by {
            By::Pipeline => row.line.pipelines.iter().collect(),
            By::Team => row.line.team.iter().collect(),
            By::Collector => vec![&row.line.collector],
        };
        if names.is_empty() {
            rest.push(row);
        }
        for name in names {
            match groups.iter_mut().find(|group| group.name == *name) {
                Some(group) => group.rows.push(row),
                None => groups.push(Group { name: name.clone(), rows: vec![row] }),
            }
        }
    }
    if !rest.is_empty() {
        let name = if by == By::Team { "no team" } else { "no pipeline said" };
        groups.push(Group { name: name.into(), rows: rest });
    }
    groups
}

/// `409 are quiet: --all · --by pipeline|team|collector · …`.
fn footer(tokens: &Tokens, shape: Shape) -> String {
    let quiet = tokens.watched.saturating_sub(tokens.need_someone);
    if shape.all || shape.filtered || quiet == 0 {
        return String::new();
    }
    let are = if quiet == 1 { "is" } else { "are" };
    format!(
        "{quiet} {are} quiet: --all · --by pipeline|team|collector · --format table|json|csv · \
         filters: team=platform finding=unused name=deploy-*\n"
    )
}

/// `vault was last read 3 h ago, the others within 11 min`.
fn freshness(collectors: &[CollectorRow], now: At) -> String {
    let stale: Vec<String> = collectors
        .iter()
        .filter(|collector| collector.failing_since.is_some() || collector.last_success.is_none())
        .map(|collector| {
            let name = width::inert(&collector.collector);
            match collector.last_success {
                Some(at) => format!("{name} was last read {}", words::relative(at, now)),
                None => format!("{name} was never read"),
            }
        })
        .collect();
    // Facts that do not age make nobody wait.
    let ageing = collectors.iter().filter(|row| row.failing_since.is_none() && row.ages);
    let oldest = ageing.filter_map(|row| row.last_success).min();
    match (stale.is_empty(), oldest) {
        (true, Some(at)) => format!("read {}", words::nearly(at, now)),
        (true, None) => format!("{} read", words::count(collectors.len(), "collector")),
        (false, Some(at)) => {
            format!("{}, the others within {}", stale.join(", "), words::about((now - at).num_seconds()))
        }
        (false, None) => stale.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::print::samples::{plain, row, tokens, urgent};

    fn printed(tokens: &Tokens, shape: Shape, width: Option<usize>) -> String {
        let text = plain(&people(tokens, shape, Screen { width }));
        let too_wide: Vec<&str> =
            text.lines().filter(|line| width.is_some_and(|most| width::of(line) > most)).collect();
        // The last line is one sentence, which a terminal may break.
        assert!(too_wide.iter().all(|line| line.contains(" · ")), "{too_wide:#?}");
        text
    }

    #[test]
    fn surfaces_6_1() {
        insta::assert_snapshot!(printed(&tokens(urgent()), Shape::default(), None), @r"
        3 of 412 tokens need someone · vault was last read 3 h 12 min ago, the others within 11 min

        ENDS                                     TOKEN                     WHY                          BREAKS             TEAM
        revoked 40 min ago                       keycloak/ci/deploy-bot    was good until 1 Mar 2027    deploy-prod 12:00  identity
        in 7 days           Tue 1 Dec 00:00 UTC  gitlab/platform/renovate  14 h before its rotation     deploy-prod        platform
        12 days ago         Thu 12 Nov           aws/ci-deploy             rotation missed (every 90d)  not said           cloud

        409 are quiet: --all · --by pipeline|team|collector · --format table|json|csv · filters: team=platform finding=unused name=deploy-*
        ");
    }

    #[test]
    fn surfaces_6_1_on_terminals() {
        insta::assert_snapshot!(printed(&tokens(urgent()), Shape::default(), Some(80)), @r"
        3 of 412 tokens need someone · vault was last read 3 h 12 min ago, the others within 11 min

        ENDS                 TOKEN             WHY              BREAKS          TEAM
        revoked 40 min ago   keycloak…loy-bot  was good until   deploy-prod     identity
                                               1 Mar 2027       12:00
        in 7 days            gitlab/p…enovate  14 h before its  deploy-prod     platform
        Tue 1 Dec 00:00 UTC                    rotation
        12 days ago          aws/ci-deploy     rotation missed  not said        cloud
        Thu 12 Nov                             (every 90d)

        409 are quiet: --all · --by pipeline|team|collector · --format table|json|csv · filters: team=platform finding=unused name=deploy-*
        ");
        insta::assert_snapshot!(printed(&tokens(urgent()), Shape::default(), Some(60)), @r"
        3 of 412 tokens need someone · vault was last read 3 h 12 min ago, the others within 11 min

        revoked 40 min ago  keycloak/ci/deploy-bot
            was good until 1 Mar 2027 · breaks deploy-prod 12:00
            identity
        in 7 days  gitlab/platform/renovate
            Tue 1 Dec 00:00 UTC · 14 h before its rotation
            breaks deploy-prod · platform
        12 days ago  aws/ci-deploy
            Thu 12 Nov · rotation missed (every 90d) · cloud

        409 are quiet: --all · --by pipeline|team|collector · --format table|json|csv · filters: team=platform finding=unused name=deploy-*
        ");
        let wide = printed(&tokens(urgent()), Shape::default(), Some(200));
        assert_eq!(wide, printed(&tokens(urgent()), Shape::default(), None));
        assert_eq!(wide, printed(&tokens(urgent()), Shape::default(), Some(126)));
    }

    #[test]
    fn groups_have_their_own_headlines_and_quiet_tokens_stand_below() {
        let mut rows = urgent();
        rows.push(row("in 41 days|Mon 4 Jan 08:00 UTC|gitlab/platform/mirror|expires|nightly|platform", None));
        rows.push(row("in 50 days|Wed 13 Jan 08:00 UTC|gitlab/platform/eu|expires|deploy-prod|platform", None));
        let shape = Shape { all: true, filtered: false, by: Some(By::Pipeline) };
        insta::assert_snapshot!(printed(&tokens(rows.clone()), shape, None), @r"
        3 of 412 tokens need someone · vault was last read 3 h 12 min ago, the others within 11 min

        deploy-prod · 2 of 3 tokens need someone
        ENDS                                     TOKEN                     WHY                        BREAKS             TEAM
        revoked 40 min ago                       keycloak/ci/deploy-bot    was good until 1 Mar 2027  deploy-prod 12:00  identity
        in 7 days           Tue 1 Dec 00:00 UTC  gitlab/platform/renovate  14 h before its rotation   deploy-prod        platform

        quiet
        ENDS                              TOKEN               WHY      BREAKS       TEAM
        in 50 days  Wed 13 Jan 08:00 UTC  gitlab/platform/eu  expires  deploy-prod  platform

        nightly · 1 token, quiet
        ENDS                             TOKEN                   WHY      BREAKS   TEAM
        in 41 days  Mon 4 Jan 08:00 UTC  gitlab/platform/mirror  expires  nightly  platform

        no pipeline said · 1 token needs someone
        ENDS                     TOKEN          WHY                          BREAKS    TEAM
        12 days ago  Thu 12 Nov  aws/ci-deploy  rotation missed (every 90d)  not said  cloud
        ");
        let shape = Shape { all: false, filtered: false, by: Some(By::Team) };
        insta::assert_snapshot!(printed(&tokens(rows), shape, None), @r"
        3 of 412 tokens need someone · vault was last read 3 h 12 min ago, the others within 11 min

        identity · 1 token needs someone
        ENDS                TOKEN                   WHY                        BREAKS             TEAM
        revoked 40 min ago  keycloak/ci/deploy-bot  was good until 1 Mar 2027  deploy-prod 12:00  identity

        platform · 1 of 3 tokens needs someone
        ENDS                            TOKEN                     WHY                       BREAKS       TEAM
        in 7 days  Tue 1 Dec 00:00 UTC  gitlab/platform/renovate  14 h before its rotation  deploy-prod  platform

        cloud · 1 token needs someone
        ENDS                     TOKEN          WHY                          BREAKS    TEAM
        12 days ago  Thu 12 Nov  aws/ci-deploy  rotation missed (every 90d)  not said  cloud

        409 are quiet: --all · --by pipeline|team|collector · --format table|json|csv · filters: team=platform finding=unused name=deploy-*
        ");
    }

    #[test]
    fn a_filter_shows_what_it_lets_through() {
        let shape = Shape { filtered: true, ..Shape::default() };
        let mut rows = urgent().split_off(2);
        rows.push(row(
            "never||aws/old|unused for 214 days|not said|cloud",
            Some(crate::domain::finding::Severity::Info),
        ));
        insta::assert_snapshot!(printed(&tokens(rows), shape, None), @r"
        1 of 2 tokens needs someone, of 412 watched · vault was last read 3 h 12 min ago, the others within 11 min

        ENDS                     TOKEN          WHY                          BREAKS    TEAM
        12 days ago  Thu 12 Nov  aws/ci-deploy  rotation missed (every 90d)  not said  cloud

        quiet
        ENDS   TOKEN    WHY                  BREAKS    TEAM
        never  aws/old  unused for 214 days  not said  cloud
        ");
        insta::assert_snapshot!(printed(&tokens(Vec::new()), shape, None), @r"
        none of 412 tokens matches · vault was last read 3 h 12 min ago, the others within 11 min
        ");
    }

    #[test]
    fn strangers_names_break_no_table() {
        let rows = vec![
            row(
                "in 7 days|Tue 1 Dec 00:00 UTC|gitlab/トークン管理/デプロイ用の長い名前のトークン|expires|パイプライン|チーム",
                None,
            ),
            row("in 8 days|Wed 2 Dec 00:00 UTC|gitlab/e\u{301}quipe/cle\u{301}|expires|b|c", None),
            row(
                "in 9 days|Thu 3 Dec 00:00 UTC|gitlab/x\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}y\r\nz|a\u{1b}[31mb|c\u{9b}d|e\u{7f}f",
                None,
            ),
        ];
        let shape = Shape { all: true, ..Shape::default() };
        insta::assert_snapshot!(printed(&tokens(rows.clone()), shape, Some(80)), @r"
        3 of 412 tokens need someone · vault was last read 3 h 12 min ago, the others within 11 min

        ENDS                 TOKEN                         WHY      BREAKS        TEAM
        in 7 days            gitlab/トーク…名前のトークン  expires  パイプライン  チーム
        Tue 1 Dec 00:00 UTC
        in 8 days            gitlab/équipe/clé             expires  b             c
        Wed 2 Dec 00:00 UTC
        in 9 days            gitlab/x�[2J�]0;owned��y��z   a�[31mb  c�d           e�f
        Thu 3 Dec 00:00 UTC
        ");
        for width in 60..=140 {
            let text = people(&tokens(rows.clone()), shape, Screen { width: Some(width) });
            assert!(!text.contains(['\u{9b}', '\u{7}', '\u{202e}', '\r']) && !text.contains("\u{1b}[2J"), "{text:?}");
            printed(&tokens(rows.clone()), shape, Some(width));
        }
    }
}
