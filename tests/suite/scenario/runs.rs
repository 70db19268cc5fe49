//! Pipelines that run: the run that a token's end breaks, told before it starts.

use forewarn::deliver::message::plain;
use forewarn::domain::finding::{DeadlineReason, FindingKind};
use forewarn::domain::token::{End, Expiry};
use forewarn::judge::world::view::TokenLine;
use insta::assert_snapshot;

use super::support::{Stage, dated, days, hours, minutes};

/// Runs start at two in the morning and at noon.
const RULES: &str = "
pipelines: { deploy-prod: { runs: { cron: '0 2,12 * * *', zone: UTC }, lasts: 1h } }
policies:
  - { match: { name: 'ci-*' }, team: platform, pipelines: [deploy-prod] }
";

fn line(stage: &Stage, token: &str) -> TokenLine {
    let mut found = None;
    stage.world.lines(&mut |line| {
        if line.token == token {
            found = Some(line);
        }
    });
    found.unwrap()
}

/// A stage with a token that lives 90 days, issued at 08:15 and ending then.
fn stage() -> Stage {
    let mut stage = Stage::introduced(RULES);
    let now = stage.now;
    stage.vault().put(dated("ci-deploy", "a", now, now + days(90)));
    stage
}

#[test]
fn rule_8_a_run_that_will_break_is_told_72_and_24_hours_before_it_starts() {
    let mut stage = stage();
    stage.run(days(91));
    // It ends on Sunday at 08:01; the first run after that starts at noon.
    assert_snapshot!(stage.news(), @r"
    29 Mar 08:01  warning   7 days: vault/ci-deploy expires Sun 5 Apr 2026 08:01 UTC, breaks deploy-prod
    02 Apr 08:01  warning   3 days: vault/ci-deploy expires Sun 5 Apr 2026 08:01 UTC, breaks deploy-prod
    02 Apr 12:00  warning   3 days: vault/ci-deploy expires Sun 5 Apr 2026 08:01 UTC (the run of Sun 5 Apr 12:00 UTC needs it), breaks deploy-prod
    04 Apr 12:00  critical  20 h, now critical: vault/ci-deploy expires Sun 5 Apr 2026 08:01 UTC (the run of Sun 5 Apr 12:00 UTC needs it), breaks deploy-prod
    05 Apr 08:01  critical  EXPIRED: vault/ci-deploy, Sun 5 Apr 2026 08:01 UTC, breaks deploy-prod today 12:00 UTC
    06 Apr 08:01  critical  EXPIRED, reminder 1: vault/ci-deploy, Sun 5 Apr 2026 08:01 UTC, breaks deploy-prod today 12:00 UTC
    ");
    let breaking = stage.messages.iter().filter(|(_, message)| message.event.starts_with("breaks_deploy"));
    assert_eq!(breaking.count(), 2);
}

#[test]
fn rule_8_a_rotation_closes_it() {
    let mut stage = stage();
    stage.run(days(88));
    assert_snapshot!(stage.state("vault/ci-deploy"), @"vault/ci-deploy: ending [breaks_deploy warning]");
    stage.news();
    let now = stage.now;
    stage.vault().put(dated("ci-deploy", "b", now, now + days(90)));
    stage.run(days(1));
    assert_snapshot!(stage.news(), @"03 Apr 08:15  closed    Closed, rotated: vault/ci-deploy is good until Thu 2 Jul 2026 08:01 UTC (was Sun 5 Apr 08:01 UTC)");
}

#[test]
fn rule_8_a_later_end_closes_it_and_so_do_moved_runs() {
    let mut stage = stage();
    stage.run(days(88));
    stage.news();
    // Once a week on Fridays: nothing runs before it is rotated anyway.
    stage.reload(&RULES.replace("0 2,12 * * *", "0 12 * * FRI"));
    stage.run(hours(1));
    assert_snapshot!(stage.news(), @"03 Apr 08:01  warning   2 days: vault/ci-deploy expires Sun 5 Apr 2026 08:01 UTC, breaks deploy-prod");
    let (_, message) = stage.messages.last().unwrap();
    let items = message.data["items"].as_array().unwrap();
    assert_eq!((&items[1]["finding"], &items[1]["closed"]), (&"breaks_deploy".into(), &"fixed".into()));
    stage.reload(RULES);
    stage.run(hours(1));
    assert_snapshot!(stage.news(), @"03 Apr 09:01  warning   47 h: vault/ci-deploy expires Sun 5 Apr 2026 08:01 UTC (the run of Sun 5 Apr 12:00 UTC needs it), breaks deploy-prod");
    let later = stage.now + days(100);
    stage.vault().change("a", |record| record.expires = Expiry::At(End::hard(later)));
    stage.run(hours(1));
    assert_snapshot!(stage.news(), @"03 Apr 10:15  closed    Closed, extended: vault/ci-deploy is good until Sun 12 Jul 2026 10:01 UTC (was Sun 5 Apr 2026 08:01 UTC)");
}

#[test]
fn rule_6_the_run_at_work_is_the_deadline() {
    let mut stage = Stage::introduced(RULES);
    let (now, noon) = (stage.now, stage.now + hours(4) - minutes(1));
    stage.vault().put(dated("ci-deploy", "a", now, noon + days(60) + minutes(30)));
    stage.run(days(1));
    let line = line(&stage, "vault/ci-deploy");
    assert_eq!((line.deadline, line.deadline_reason), (Some(noon + days(60)), Some(DeadlineReason::Run)));
}

#[test]
fn a_revocation_says_which_run_comes_next() {
    let mut stage = stage();
    stage.run(days(10));
    stage.vault().change("a", |record| record.life = forewarn::domain::observation::Life::Revoked);
    stage.run(hours(2));
    let (_, message) = stage.messages.last().unwrap();
    let lines: Vec<_> = message.lines.iter().map(|line| plain(&line.text)).collect();
    assert_snapshot!(lines[0], @"deploy-prod in 4 h: the run of Thu 15 Jan 12:00 UTC will fail");
}

#[test]
fn after_a_restart_nothing_is_told_twice() {
    let mut stage = stage();
    stage.run(days(88));
    assert!(stage.news().contains("deploy-prod"));
    stage.restart_after(hours(3));
    stage.run(hours(3));
    assert_snapshot!(stage.news(), @"");
    let open = |line: TokenLine| line.findings.iter().map(|found| found.finding).collect::<Vec<_>>();
    assert_eq!(open(line(&stage, "vault/ci-deploy")), [FindingKind::BreaksDeploy]);
}
