//! Collectors that start, fail, recover and leave.

use forewarn::domain::reason::FailureReason;
use insta::assert_snapshot;

use super::support::{Stage, dated, days, hours, minutes};

const POLICY: &str = "
pipelines: { deploy-prod: {} }
policies:
  - { match: { name: 'ci-*' }, team: platform, pipelines: [deploy-prod] }
";

#[test]
fn rule_10_a_first_round_is_one_message_and_a_restart_none() {
    let mut stage = Stage::new(POLICY);
    let now = stage.now;
    for nth in 0..20 {
        stage.vault().put(dated(&format!("ci-{nth}"), &format!("id{nth}"), now - days(80), now + days(nth) + hours(1)));
    }
    stage.run(hours(2));
    assert_snapshot!(stage.news(), @r"
    05 Jan 08:00  critical  First look at collector vault: 20 tokens watched, 7 need someone (1 critical, 6 warning)
    05 Jan 09:00  critical  4 tokens need someone (2 critical, 2 warning); breaks deploy-prod now
    ");
    stage.restart();
    stage.run(hours(2));
    assert_snapshot!(stage.news(), @"");
}

#[test]
fn rule_10_a_first_round_with_nothing_to_say_is_silent() {
    let mut stage = Stage::new(POLICY);
    let now = stage.now;
    stage.vault().put(dated("ci-deploy", "a", now, now + days(300)));
    stage.run(days(2));
    assert_snapshot!(stage.news(), @"");
}

#[test]
fn a_collector_that_fails_for_a_day_is_one_talk_for_forty_tokens() {
    let mut stage = Stage::introduced(POLICY);
    let now = stage.now;
    for nth in 0..40 {
        stage.vault().put(dated(&format!("ci-{nth}"), &format!("id{nth}"), now, now + days(300)));
    }
    stage.run(hours(2));
    stage.vault().fails = Some(FailureReason::Http5xx);
    stage.run(hours(26));
    assert_snapshot!(stage.news(), @r"
    05 Jan 11:00  warning   BLIND: collector vault, the issuer fails (http_5xx GET /tokens), 40 tokens unread since 10:15 UTC
    06 Jan 10:15  critical  BLIND, now critical: collector vault, the issuer fails (http_5xx GET /tokens), 40 tokens unread since Mon 5 Jan 10:15 UTC
    ");
    stage.vault().fails = None;
    stage.run(hours(2));
    assert_snapshot!(stage.news(), @"06 Jan 12:30  closed    Closed, recovered: collector vault reads vault.example.com again");
    assert_snapshot!(stage.state("vault/ci-7"), @"vault/ci-7: ok []");
}

#[test]
fn a_refused_login_is_told_after_two_rounds_and_never_against_a_token() {
    let mut stage = Stage::introduced(POLICY);
    let now = stage.now;
    stage.vault().put(dated("ci-deploy", "a", now, now + days(300)));
    stage.run(hours(2));
    stage.vault().fails = Some(FailureReason::LoginRefused);
    stage.run(minutes(31));
    assert_snapshot!(stage.news(), @"05 Jan 10:30  warning   BLIND: collector vault, own login refused (login_refused GET /tokens), 1 token unread since 10:15 UTC");
    stage.vault().fails = None;
    stage.run(minutes(31));
    assert_snapshot!(stage.news(), @"05 Jan 10:45  closed    Closed, recovered: collector vault reads vault.example.com again");
}

#[test]
fn rule_4_5_an_end_that_nobody_could_read() {
    let mut stage = Stage::introduced(POLICY);
    let now = stage.now;
    stage.vault().put(dated("ci-deploy", "a", now, now + days(60)));
    stage.run(days(60) - hours(3));
    stage.news();
    stage.vault().fails = Some(FailureReason::Timeout);
    stage.run(hours(6));
    assert_snapshot!(stage.news(), @r"
    06 Mar 06:00  critical  2 tokens need someone (2 critical): vault/ci-deploy and forewarn/vault; first Fri 6 Mar 08:01 UTC
    ");
    assert_snapshot!(stage.state("vault/ci-deploy"), @"vault/ci-deploy: unverified [unverified critical]");
    stage.vault().fails = None;
    stage.vault().remove("a");
    stage.run(hours(2));
    assert_snapshot!(stage.news(), @r"
    06 Mar 11:01  critical  EXPIRED: vault/ci-deploy, Fri 6 Mar 2026 08:01 UTC, breaks deploy-prod, and 1 closed
    ");
}

#[test]
fn rule_9_5_a_removed_collector_is_silent_and_an_undo_resumes() {
    let mut stage = Stage::with(POLICY, &["vault", "other"], |_| {});
    let now = stage.now;
    stage.run(minutes(1));
    stage.issuers.get_mut("other").unwrap().put(dated("ci-deploy", "a", now, now + days(60)));
    stage.run(days(57));
    stage.news();
    let other = stage.issuers.remove("other").unwrap();
    stage.reload(POLICY);
    stage.run(hours(5));
    assert_snapshot!(stage.news(), @"");
    assert_eq!(stage.labels().len(), 0);
    let now = stage.now;
    stage.issuers.insert("other".into(), other);
    stage.issuers.get_mut("other").unwrap().next_poll = now;
    stage.reload(POLICY);
    stage.run(hours(5));
    assert_snapshot!(stage.news(), @"");
    stage.run(days(3));
    assert_snapshot!(stage.news(), @r"
    05 Mar 08:00  critical  1 day: other/ci-deploy expires Fri 6 Mar 2026 08:00 UTC, breaks deploy-prod
    06 Mar 08:00  critical  EXPIRED: other/ci-deploy, Fri 6 Mar 2026 08:00 UTC, breaks deploy-prod
    ");
}

#[test]
fn rule_9_5_a_new_route_is_told_what_stands_open() {
    let mut stage = Stage::introduced(POLICY);
    let now = stage.now;
    stage.vault().put(dated("ci-deploy", "a", now, now + days(60)));
    stage.run(days(58));
    assert_snapshot!(stage.news(), @r"
    27 Feb 08:01  warning   7 days: vault/ci-deploy expires Fri 6 Mar 2026 08:01 UTC, breaks deploy-prod
    03 Mar 08:01  warning   3 days: vault/ci-deploy expires Fri 6 Mar 2026 08:01 UTC, breaks deploy-prod
    ");
    stage.reload(&format!("{POLICY}channels: [chat, mail]\n"));
    stage.run(hours(5));
    assert_snapshot!(stage.news(), @"04 Mar 08:01  mail  warning   2 days, now yours: vault/ci-deploy expires Fri 6 Mar 2026 08:01 UTC, breaks deploy-prod");
}
