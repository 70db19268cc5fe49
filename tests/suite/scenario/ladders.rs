//! Time passes: ladders, schedules, sliding and dated ends.

use forewarn::domain::token::{End, Expiry, ExpiryKind};
use insta::assert_snapshot;

use super::support::{Stage, dated, day_only, days, hours, minutes, record};

const QUARTERLY: &str = "
schedules: { quarterly: { every: 90d, by: hand } }
pipelines: { deploy-prod: {} }
policies:
  - { match: { name: 'ci-*' }, team: platform, schedule: quarterly, pipelines: [deploy-prod] }
";

/// The default ladder without a schedule, so that only the expiry speaks.
const PLAIN: &str = "
pipelines: { deploy-prod: {} }
policies:
  - { match: { name: 'ci-*' }, team: platform, pipelines: [deploy-prod] }
";

#[test]
fn a_token_left_alone_from_issue_to_long_after_its_end() {
    let mut stage = Stage::introduced(PLAIN);
    let now = stage.now;
    stage.vault().put(dated("ci-deploy", "a", now, now + days(90)));
    stage.run(days(90));
    assert_snapshot!(stage.news(), @r"
    29 Mar 08:01  warning   7 days: vault/ci-deploy expires Sun 5 Apr 2026 08:01 UTC, breaks deploy-prod
    02 Apr 08:01  warning   3 days: vault/ci-deploy expires Sun 5 Apr 2026 08:01 UTC, breaks deploy-prod
    04 Apr 08:01  critical  1 day: vault/ci-deploy expires Sun 5 Apr 2026 08:01 UTC, breaks deploy-prod
    05 Apr 08:01  critical  EXPIRED: vault/ci-deploy, Sun 5 Apr 2026 08:01 UTC, breaks deploy-prod
    ");
    // The issuer lists it as expired for a while.
    stage.vault().change("a", |record| record.life = forewarn::domain::observation::Life::Expired);
    stage.run(days(25));
    assert_snapshot!(stage.news(), @r"
    06 Apr 08:01  critical  EXPIRED, reminder 1: vault/ci-deploy, Sun 5 Apr 2026 08:01 UTC, breaks deploy-prod
    08 Apr 08:01  critical  EXPIRED, reminder 2: vault/ci-deploy, Sun 5 Apr 2026 08:01 UTC, breaks deploy-prod
    12 Apr 08:01  critical  EXPIRED, reminder 3: vault/ci-deploy, Sun 5 Apr 2026 08:01 UTC, breaks deploy-prod
    19 Apr 08:01  critical  EXPIRED, reminder 4: vault/ci-deploy, Sun 5 Apr 2026 08:01 UTC, breaks deploy-prod
    26 Apr 08:01  critical  EXPIRED, reminder 5: vault/ci-deploy, Sun 5 Apr 2026 08:01 UTC, breaks deploy-prod
    ");
}

#[test]
fn a_quarterly_token_rings_once_a_step_for_its_rotation_and_its_end() {
    let mut stage = Stage::introduced(QUARTERLY);
    let now = stage.now;
    stage.vault().put(dated("ci-deploy", "a", now, now + days(100)));
    stage.run(days(101));
    assert_snapshot!(stage.news(), @r"
    29 Mar 08:01  warning   Rotation in 7 days: vault/ci-deploy is due for rotation (every 90d) Sun 5 Apr 2026 08:01 UTC
    02 Apr 08:01  warning   Rotation in 3 days: vault/ci-deploy is due for rotation (every 90d) Sun 5 Apr 2026 08:01 UTC
    04 Apr 08:01  warning   Rotation in 1 day: vault/ci-deploy is due for rotation (every 90d) Sun 5 Apr 2026 08:01 UTC
    08 Apr 08:01  warning   7 days: vault/ci-deploy expires Wed 15 Apr 2026 08:01 UTC, breaks deploy-prod
    11 Apr 08:01  warning   Rotation due, reminder 1: vault/ci-deploy was due for rotation (every 90d) Sun 5 Apr 2026 08:01 UTC
    12 Apr 08:01  warning   Rotation missed: vault/ci-deploy was to be rotated (every 90d) Sun 5 Apr 2026 08:01 UTC
    14 Apr 08:01  critical  1 day: vault/ci-deploy expires Wed 15 Apr 2026 08:01 UTC, breaks deploy-prod
    15 Apr 08:01  critical  EXPIRED: vault/ci-deploy, Wed 15 Apr 2026 08:01 UTC, breaks deploy-prod
    16 Apr 08:01  critical  EXPIRED, reminder 1: vault/ci-deploy, Wed 15 Apr 2026 08:01 UTC, breaks deploy-prod
    ");
}

#[test]
fn rotated_in_time() {
    let mut stage = Stage::introduced(PLAIN);
    let now = stage.now;
    stage.vault().put(dated("ci-deploy", "a", now, now + days(90)));
    stage.run(days(84));
    assert_snapshot!(stage.news(), @"29 Mar 08:01  warning   7 days: vault/ci-deploy expires Sun 5 Apr 2026 08:01 UTC, breaks deploy-prod");
    stage.vault().put(dated("ci-deploy", "b", now + days(84), now + days(174)));
    stage.run(days(2));
    assert_snapshot!(stage.news(), @"30 Mar 08:15  closed    Closed, rotated: vault/ci-deploy is good until Sun 28 Jun 2026 08:01 UTC (was 5 Apr 2026)");
    // The old value is revoked by hand; nothing is wrong with that.
    stage.vault().remove("a");
    stage.run(days(20));
    assert_snapshot!(stage.news(), @"");
    assert_snapshot!(stage.state("vault/ci-deploy"), @"vault/ci-deploy: ok []");
}

#[test]
fn it_ends_before_its_rotation_is_due() {
    let mut stage = Stage::introduced(QUARTERLY);
    let now = stage.now;
    stage.vault().put(dated("ci-deploy", "a", now, now + days(60)));
    stage.run(days(61));
    assert_snapshot!(stage.news(), @r"
    05 Jan 08:15  warning   60 days: vault/ci-deploy expires Fri 6 Mar 2026 08:01 UTC (30 days before its rotation is due), breaks deploy-prod
    12 Jan 08:15  warning   53 days, reminder 1: vault/ci-deploy expires Fri 6 Mar 2026 08:01 UTC (30 days before its rotation is due), breaks deploy-prod
    19 Jan 08:15  warning   46 days, reminder 2: vault/ci-deploy expires Fri 6 Mar 2026 08:01 UTC (30 days before its rotation is due), breaks deploy-prod
    26 Jan 08:15  warning   39 days, reminder 3: vault/ci-deploy expires Fri 6 Mar 2026 08:01 UTC (30 days before its rotation is due), breaks deploy-prod
    02 Feb 08:15  warning   32 days, reminder 4: vault/ci-deploy expires Fri 6 Mar 2026 08:01 UTC (30 days before its rotation is due), breaks deploy-prod
    09 Feb 08:15  warning   25 days, reminder 5: vault/ci-deploy expires Fri 6 Mar 2026 08:01 UTC (30 days before its rotation is due), breaks deploy-prod
    16 Feb 08:15  warning   18 days, reminder 6: vault/ci-deploy expires Fri 6 Mar 2026 08:01 UTC (30 days before its rotation is due), breaks deploy-prod
    27 Feb 08:01  warning   7 days: vault/ci-deploy expires Fri 6 Mar 2026 08:01 UTC, breaks deploy-prod
    03 Mar 08:01  warning   3 days: vault/ci-deploy expires Fri 6 Mar 2026 08:01 UTC, breaks deploy-prod
    05 Mar 08:01  critical  1 day: vault/ci-deploy expires Fri 6 Mar 2026 08:01 UTC, breaks deploy-prod
    06 Mar 08:01  critical  EXPIRED: vault/ci-deploy, Fri 6 Mar 2026 08:01 UTC, breaks deploy-prod
    07 Mar 08:01  critical  EXPIRED, reminder 1: vault/ci-deploy, Fri 6 Mar 2026 08:01 UTC, breaks deploy-prod
    ");
}

const MACHINE: &str = "
schedules: { weekly: { every: 7d, by: machine } }
policies: [{ match: { name: 'ci-*' }, team: platform, schedule: weekly }]
";

#[test]
fn rule_5_5_a_machine_is_silent_until_it_misses() {
    let mut stage = Stage::introduced(MACHINE);
    let now = stage.now;
    stage.vault().put(dated("ci-deploy", "a", now, now + days(10)));
    stage.run(days(7));
    stage.vault().put(dated("ci-deploy", "b", now + days(7), now + days(17)));
    stage.vault().remove("a");
    stage.run(days(6));
    assert_snapshot!(stage.news(), @"");
    stage.run(days(6));
    assert_snapshot!(stage.news(), @r"
    20 Jan 08:01  warning   Rotation missed: vault/ci-deploy was to be rotated (every 7d) Mon 19 Jan 2026 08:01 UTC
    20 Jan 16:01  warning   40 h: vault/ci-deploy expires Thu 22 Jan 2026 08:01 UTC
    21 Jan 16:01  critical  16 h: vault/ci-deploy expires Thu 22 Jan 2026 08:01 UTC
    22 Jan 08:01  critical  EXPIRED: vault/ci-deploy, Thu 22 Jan 2026 08:01 UTC
    23 Jan 08:01  critical  EXPIRED, reminder 1: vault/ci-deploy, Thu 22 Jan 2026 08:01 UTC
    ");
    let now = stage.now;
    stage.vault().remove("b");
    stage.vault().put(dated("ci-deploy", "c", now, now + days(10)));
    stage.run(days(1));
    assert_snapshot!(stage.news(), @"24 Jan 08:01  closed    Closed, rotated: vault/ci-deploy is good until Tue 3 Feb 2026 08:01 UTC (was 22 Jan 2026)");
}

#[test]
fn rule_4_2_a_date_is_a_day_wide() {
    let mut stage = Stage::introduced(PLAIN);
    let now = stage.now;
    let day = now - hours(8) + days(40);
    stage.vault().put(day_only("ci-deploy", "a", now, day));
    stage.run_to(day - minutes(1));
    assert_snapshot!(stage.news(), @r"
    07 Feb 09:21  warning   7 days: vault/ci-deploy expires Sat 14 Feb 2026 00:01 UTC, breaks deploy-prod
    11 Feb 08:33  critical  3 days: vault/ci-deploy expires Sat 14 Feb 2026 00:01 UTC, breaks deploy-prod
    12 Feb 08:33  critical  39 h, reminder 1: vault/ci-deploy expires Sat 14 Feb 2026 00:01 UTC, breaks deploy-prod
    ");
    // Still called active within its last day: it waits.
    stage.run_to(day + hours(20));
    assert_snapshot!(stage.news(), @r"
14 Feb 08:33  critical  At its end, reminder 2: vault/ci-deploy was to expire Sat 14 Feb 2026 00:01 UTC, breaks deploy-prod
    ");
    stage.run_to(day + hours(25));
    assert_snapshot!(stage.news(), @"15 Feb 00:01  critical  EXPIRED: vault/ci-deploy, Sat 14 Feb 2026 00:01 UTC, breaks deploy-prod");
}

#[test]
fn rule_7_4_a_sliding_token_renewed_and_then_not() {
    let mut stage = Stage::introduced(PLAIN);
    let now = stage.now;
    let sliding = |at| Expiry::At(End { instant: at, late: at, kind: ExpiryKind::Sliding });
    let mut token = record("ci-agent", "a");
    token.issued = Some(now);
    token.renewable = true;
    token.period = Some(72 * 3600);
    token.expires = sliding(now + hours(72));
    stage.vault().put(token);
    for nth in 1..10 {
        stage.run(hours(36));
        let renewed = now + hours(36 * nth);
        stage
            .vault()
            .change("a", |record| (record.expires, record.renewed) = (sliding(renewed + hours(72)), Some(renewed)));
    }
    assert_snapshot!(stage.news(), @"");
    // A late renewal closes its one rung.
    stage.run(hours(66));
    let renewed = stage.now;
    stage
        .vault()
        .change("a", |record| (record.expires, record.renewed) = (sliding(renewed + hours(72)), Some(renewed)));
    stage.run(hours(1));
    assert_snapshot!(stage.news(), @r"
    21 Jan 08:01  critical  12 h: vault/ci-agent expires Wed 21 Jan 2026 20:01 UTC, breaks deploy-prod
    21 Jan 14:15  closed    Closed, extended: vault/ci-agent is good until Sat 24 Jan 2026 14:01 UTC (was Wed 21 Jan 2026 20:01 UTC)
    ");
    // Nobody renews it any more, and the issuer lists it no longer.
    stage.run(hours(71) - minutes(2));
    stage.vault().remove("a");
    stage.run(hours(3));
    assert_snapshot!(stage.news(), @r"
    24 Jan 02:01  critical  12 h: vault/ci-agent expires Sat 24 Jan 2026 14:01 UTC, breaks deploy-prod
    24 Jan 14:01  critical  EXPIRED: vault/ci-agent, Sat 24 Jan 2026 14:01 UTC, breaks deploy-prod
    ");
}

#[test]
fn an_expiry_moved_later_ends_the_talk() {
    let mut stage = Stage::introduced(PLAIN);
    let now = stage.now;
    stage.vault().put(dated("ci-deploy", "a", now, now + days(90)));
    stage.run(days(88));
    stage.news();
    stage.vault().change("a", |record| record.expires = Expiry::At(End::hard(now + days(300))));
    stage.run(days(1));
    assert_snapshot!(stage.news(), @"03 Apr 08:15  closed    Closed, extended: vault/ci-deploy is good until Sun 1 Nov 2026 08:01 UTC (was Sun 5 Apr 2026 08:01 UTC)");
}

#[test]
fn rule_9_5_rules_changed_under_a_token() {
    let yaml = |team: &str, name: &str| PLAIN.replace("platform", team).replace("ci-*", name);
    let mut stage = Stage::introduced(PLAIN);
    let now = stage.now;
    stage.vault().put(dated("ci-deploy", "a", now, now + days(90)));
    stage.run(days(85));
    stage.news();
    // Another team with the same channel: its reader knows.
    stage.reload(&yaml("release", "ci-*"));
    stage.run(hours(5));
    assert_snapshot!(stage.news(), @"");
    // Nobody's any more: still the same end, and no second word of the same rung.
    stage.reload(&yaml("release", "other-*"));
    stage.run(hours(5));
    assert_snapshot!(stage.news(), @"");
    stage.reload(&yaml("release", "ci-*"));
    stage.run(hours(5));
    assert_snapshot!(stage.news(), @"");
    stage.run(days(3));
    assert_snapshot!(stage.news(), @"02 Apr 08:01  warning   3 days: vault/ci-deploy expires Sun 5 Apr 2026 08:01 UTC, breaks deploy-prod");
}

#[test]
fn rule_8_never_expires_with_an_exception_that_ends() {
    let yaml = "
policies:
  - match: { name: 'ci-*' }
    team: platform
    allow: [{ finding: never_expires, until: 2026-02-01, because: 'the vendor cannot' }]
";
    let mut stage = Stage::introduced(yaml);
    let mut token = record("ci-vendor", "a");
    token.expires = Expiry::Never;
    stage.vault().put(token);
    stage.run(days(60));
    assert_snapshot!(stage.news(), @"02 Feb 00:00  warning   Never expires: vault/ci-vendor has no end, and no exception is written");
    let now = stage.now;
    stage.vault().change("a", |record| record.expires = Expiry::At(End::hard(now + days(300))));
    stage.run(hours(1));
    assert_snapshot!(stage.news(), @"06 Mar 08:15  closed    Closed, fixed: vault/ci-vendor has an end now, or an exception");
}

#[test]
fn rule_2_4_an_unmanaged_token_never_pages() {
    let mut stage = Stage::introduced(PLAIN);
    let now = stage.now;
    stage.vault().put(dated("stranger", "a", now, now + days(60)));
    stage.run(days(61));
    assert_snapshot!(stage.news(), @r"
    27 Feb 08:01  warning   7 days: vault/stranger expires Fri 6 Mar 2026 08:01 UTC
    03 Mar 08:01  warning   3 days: vault/stranger expires Fri 6 Mar 2026 08:01 UTC
    05 Mar 08:01  warning   1 day: vault/stranger expires Fri 6 Mar 2026 08:01 UTC
    06 Mar 08:01  warning   EXPIRED: vault/stranger, Fri 6 Mar 2026 08:01 UTC
    ");
    assert!(stage.messages.iter().all(|(_, message)| message.severity < forewarn::domain::finding::Severity::Critical));
}
