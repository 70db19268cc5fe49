//! Digests: what waits for its slot, what does not, and what a reader finds in one.

use forewarn::deliver::message::Message;
use forewarn::domain::observation::{Life, Record};
use forewarn::domain::token::{Expiry, LastUsed};
use insta::assert_snapshot;

use super::support::{Stage, dated, days, hours, minutes, record};

/// The configuration of a shop: chat at once, mail on Mondays at nine in Berlin, which is eight in UTC in winter.
const RULES: &str = "
channels: [chat, mail]
teams: { platform: { channels: [chat] } }
policies:
  - { match: { name: 'ci-*' }, team: platform, unused_after: 90d }
routes:
  - { match: { severity: [warning, critical] }, to: [chat] }
  - { to: [mail], digest: { at: '09:00', zone: Europe/Berlin, days: [mon] } }
";
/// Everything by mail, in digests.
const SLOW: &str = "
channels: [mail]
policies:
  - { match: { name: 'ci-*' }, team: platform }
routes:
  - { to: [mail], digest: { at: '09:00', zone: Europe/Berlin, days: [mon] } }
";

fn digests(stage: &Stage) -> Vec<&Message> {
    stage.messages.iter().map(|(_, message)| message).filter(|message| message.event == "digest").collect()
}

/// A machine's token whose end is 40 days away: info at 30 and 14 days.
fn stage(rules: &str) -> Stage {
    let mut stage = Stage::introduced(rules);
    let now = stage.now;
    stage.vault().put(dated("ci-deploy", "a", now - days(325), now + days(40)));
    stage
}

#[test]
fn rule_9_3_info_is_told_in_digests_only() {
    let mut stage = stage(RULES);
    stage.run(days(33));
    assert_snapshot!(stage.news(), @r"
    19 Jan 08:00  mail  info      platform: 1 token, first Sat 14 Feb
    26 Jan 08:00  mail  info      platform: 1 token, first Sat 14 Feb
    02 Feb 08:00  mail  info      platform: 1 token, first Sat 14 Feb
    07 Feb 08:01  chat  warning   7 days: vault/ci-deploy expires Sat 14 Feb 2026 08:01 UTC
    ");
    stage.run(days(8));
    assert_snapshot!(stage.news(), @r"
    11 Feb 08:01  chat  warning   3 days: vault/ci-deploy expires Sat 14 Feb 2026 08:01 UTC
    13 Feb 08:01  chat  critical  1 day: vault/ci-deploy expires Sat 14 Feb 2026 08:01 UTC
    14 Feb 08:01  chat  critical  EXPIRED: vault/ci-deploy, Sat 14 Feb 2026 08:01 UTC
    15 Feb 08:01  chat  critical  EXPIRED, reminder 1: vault/ci-deploy, Sat 14 Feb 2026 08:01 UTC
    ");
}

#[test]
fn nothing_to_say_is_no_message() {
    let mut stage = Stage::introduced(RULES);
    let now = stage.now;
    stage.vault().put(dated("ci-deploy", "a", now - days(10), now + days(900)));
    stage.run(days(60));
    assert_snapshot!(stage.news(), @"");
}

#[test]
fn rule_9_3_a_warning_waits_for_its_digest_and_a_critical_finding_does_not() {
    let mut stage = stage(SLOW);
    stage.run(days(39));
    assert_snapshot!(stage.news(), @r"
    19 Jan 08:00  info      platform: 1 token, first Sat 14 Feb
    26 Jan 08:00  info      platform: 1 token, first Sat 14 Feb
    02 Feb 08:00  info      platform: 1 token, first Sat 14 Feb
    09 Feb 08:00  warning   platform: 1 token, first Sat 14 Feb
    13 Feb 08:01  critical  1 day: vault/ci-deploy expires Sat 14 Feb 2026 08:01 UTC
    ");
    stage.run(days(2));
    assert_snapshot!(stage.news(), @r"
    14 Feb 08:01  critical  EXPIRED: vault/ci-deploy, Sat 14 Feb 2026 08:01 UTC
    15 Feb 08:01  critical  EXPIRED, reminder 1: vault/ci-deploy, Sat 14 Feb 2026 08:01 UTC
    ");
}

#[test]
fn rule_9_3_what_fell_quiet_is_a_number_in_the_next_digest() {
    let mut stage = stage(SLOW);
    let now = stage.now;
    stage.vault().put(Record { expires: Expiry::Never, ..record("ci-robot", "r") });
    stage.run(days(36));
    stage.news();
    stage.vault().put(dated("ci-deploy", "b", now + days(36), now + days(400)));
    stage.vault().remove("a");
    stage.run(days(7));
    assert_snapshot!(stage.news(), @"16 Feb 08:00  warning   platform: 1 token");
    let text = format!("{:?}", digests(&stage).last().unwrap().lines);
    assert!(text.contains("1 rotated"), "{text}");
}

#[test]
fn a_restart_repeats_no_digest_and_a_missed_one_is_sent_once() {
    let mut stage = stage(RULES);
    // Monday, 19 January, 08:00 UTC is a slot.
    stage.run(days(14));
    assert_snapshot!(stage.news(), @"19 Jan 08:00  mail  info      platform: 1 token, first Sat 14 Feb");
    stage.restart_after(minutes(10));
    stage.run(hours(1));
    assert_snapshot!(stage.news(), @"");
    stage.run(days(6));
    stage.restart_after(days(9));
    stage.run(minutes(5));
    assert_snapshot!(stage.news(), @"03 Feb 09:11  mail  info      platform: 1 token, first Sat 14 Feb");
    stage.restart();
    stage.run(hours(5));
    assert_snapshot!(stage.news(), @"");
}

#[test]
fn rule_10_an_introduction_waits_for_the_digest_but_for_what_is_critical() {
    let mut stage = Stage::new(SLOW);
    let now = stage.now;
    stage.vault().put(dated("ci-soon", "a", now - days(300), now + hours(20)));
    stage.vault().put(dated("ci-later", "b", now - days(300), now + days(6)));
    stage.vault().put(Record { life: Life::Revoked, ..dated("ci-gone", "c", now - days(30), now + days(30)) });
    stage.run(hours(2));
    assert_snapshot!(stage.news(), @"05 Jan 08:00  critical  20 h: vault/ci-soon expires Tue 6 Jan 2026 04:00 UTC");
}

#[test]
fn without_routes_info_is_told_on_mondays_at_nine() {
    let mut stage = stage("{ policies: [{ match: { name: 'ci-*' }, team: platform }], routes: [] }");
    stage.run(days(20));
    assert_snapshot!(stage.news(), @"19 Jan 09:00  info      platform: 1 token, first Sat 14 Feb");
}

#[test]
fn housekeeping_stands_in_every_digest_until_it_is_done() {
    let mut stage = Stage::introduced(RULES);
    let now = stage.now;
    let mut old = dated("ci-mirror", "a", now - days(200), now + days(900));
    old.last_used = Some(LastUsed { at: now - days(100), granularity: 600 });
    stage.vault().put(old);
    stage.run(days(106));
    assert_snapshot!(stage.news(), @r"
    06 Apr 07:00  mail  info      platform: 1 token
    13 Apr 07:00  mail  info      platform: 1 token
    20 Apr 07:00  mail  info      platform: 1 token
    ");
    let rows: Vec<_> = digests(&stage).last().unwrap().groups.iter().flat_map(|group| &group.rows).collect();
    assert_snapshot!(format!("{rows:?}"), @r#"
    [Row { when: "unused 205 days", name: "vault/ci-mirror", what: "Vault tells use to 10 min; remove it?", told: None }]
    "#);
}
