//! Ended tokens: how it is concluded, told, and closed again.

use forewarn::domain::observation::Life;
use insta::assert_snapshot;

use super::support::{Stage, dated, days, hours, minutes};

const POLICY: &str = "
pipelines: { deploy-prod: {} }
policies:
  - { match: { name: 'ci-*' }, team: platform, pipelines: [deploy-prod] }
";

/// One token of 300 days, seen good for a day.
fn one() -> Stage {
    let mut stage = Stage::introduced(POLICY);
    let now = stage.now;
    stage.vault().put(dated("ci-deploy", "a", now, now + days(300)));
    stage.run(days(1));
    assert!(stage.told.is_empty(), "{:#?}", stage.told);
    stage
}

#[test]
fn revoked_told_again_and_replaced() {
    let mut stage = one();
    stage.vault().change("a", |record| (record.life, record.life_word) = (Life::Revoked, Some("revoked".into())));
    stage.run(days(9));
    assert_snapshot!(stage.news(), @r"
    06 Jan 08:15  critical  REVOKED: vault/ci-deploy, breaks deploy-prod
    07 Jan 08:15  critical  REVOKED, reminder 1: vault/ci-deploy, breaks deploy-prod
    09 Jan 08:15  critical  REVOKED, reminder 2: vault/ci-deploy, breaks deploy-prod
    13 Jan 08:15  critical  REVOKED, reminder 3: vault/ci-deploy, breaks deploy-prod
    ");
    let now = stage.now;
    stage.vault().put(dated("ci-deploy", "b", now, now + days(300)));
    stage.run(days(1));
    assert_snapshot!(stage.news(), @"15 Jan 08:15  closed    Closed, rotated: vault/ci-deploy is good until Wed 11 Nov 2026 08:01 UTC (was 1 Nov 2026)");
}

#[test]
fn rule_3_3_absent_from_two_whole_listings() {
    let mut stage = one();
    let now = stage.now;
    stage.vault().put(dated("ci-other", "o", now, now + days(300)));
    stage.run(hours(1));
    stage.vault().remove("a");
    stage.run(minutes(30));
    assert_snapshot!(stage.news(), @"06 Jan 09:15  critical  GONE: vault/ci-deploy, breaks deploy-prod");
    // It comes back: two good rounds close it.
    stage.vault().put(dated("ci-deploy", "a", now - days(1), now + days(299)));
    stage.run(hours(1));
    assert_snapshot!(stage.news(), @"06 Jan 09:45  closed    Closed, recovered: vault/ci-deploy works again, by the word of Vault");
}

#[test]
fn rule_3_3_an_issuer_that_can_be_asked_by_id() {
    let mut stage = Stage::with(POLICY, &["vault"], |rules| rules.confirms = true);
    let now = stage.now;
    stage.vault().put(dated("ci-deploy", "a", now, now + days(300)));
    stage.vault().put(dated("ci-other", "o", now, now + days(300)));
    stage.run(hours(1));
    stage.vault().remove("a");
    stage.run(minutes(15));
    assert_snapshot!(stage.news(), @"05 Jan 09:15  critical  GONE: vault/ci-deploy, breaks deploy-prod");
}

#[test]
fn rule_3_2_an_unread_listing_says_nothing_about_its_tokens() {
    let mut stage = Stage::new(POLICY);
    let now = stage.now;
    stage.vault().put(dated("ci-other", "o", now, now + days(300)));
    stage.vault().put_in("projects>projects/1/tokens", dated("ci-deploy", "a", now, now + days(300)));
    stage.run(hours(2));
    stage.vault().unread.insert("projects>projects/1/tokens".into());
    stage.vault().remove("a");
    stage.run(hours(12));
    assert_snapshot!(stage.news(), @"05 Jan 11:00  warning   Not known: vault/ci-deploy was not read since 10:00 UTC: whether it still works is not known");
    assert_snapshot!(stage.state("vault/ci-deploy"), @"vault/ci-deploy: unverified [unverified warning]");
    stage.vault().unread.clear();
    stage.run(hours(1));
    assert_snapshot!(stage.news(), @r"
    05 Jan 22:15  critical  GONE: vault/ci-deploy, breaks deploy-prod
    ");
}

#[test]
fn rule_3_2_a_parent_gone_from_its_own_whole_listing() {
    let mut stage = Stage::new(POLICY);
    let now = stage.now;
    stage.vault().put_in("projects>projects/2/tokens", dated("ci-other", "o", now, now + days(300)));
    stage.vault().put_in("projects>projects/1/tokens", dated("ci-deploy", "a", now, now + days(300)));
    stage.run(hours(2));
    stage.vault().listings.remove("projects>projects/1/tokens");
    stage.run(hours(1));
    assert_snapshot!(stage.news(), @"05 Jan 10:15  critical  GONE: vault/ci-deploy, breaks deploy-prod");
    assert_snapshot!(stage.state("vault/ci-other"), @"vault/ci-other: ok []");
}

#[test]
fn rule_9_3_a_flapping_token_is_told_as_such() {
    let mut stage = one();
    for _ in 0..5 {
        stage.vault().change("a", |record| record.life = Life::Disabled);
        stage.run(hours(1));
        stage.vault().change("a", |record| record.life = Life::Active);
        stage.run(hours(1));
    }
    assert_snapshot!(stage.news(), @r"
    06 Jan 08:15  critical  REVOKED: vault/ci-deploy, breaks deploy-prod
    06 Jan 09:15  closed    Closed, recovered: vault/ci-deploy works again, by the word of Vault
    06 Jan 10:15  critical  REVOKED: vault/ci-deploy, breaks deploy-prod
    06 Jan 11:15  closed    Closed, recovered: vault/ci-deploy works again, by the word of Vault
    06 Jan 12:15  critical  REVOKED, comes and goes: vault/ci-deploy, breaks deploy-prod
    ");
    stage.run(days(3));
    assert_snapshot!(stage.news(), @"07 Jan 17:15  closed    Closed, recovered: vault/ci-deploy works again, by the word of Vault");
}

#[test]
fn rule_9_4_an_ended_token_is_abandoned_after_thirty_days() {
    let mut stage = one();
    stage.vault().remove("a");
    stage.run(days(40));
    assert_snapshot!(stage.news(), @r"
    06 Jan 08:15  critical  GONE: vault/ci-deploy, breaks deploy-prod
    07 Jan 08:15  critical  GONE, reminder 1: vault/ci-deploy, breaks deploy-prod
    09 Jan 08:15  critical  GONE, reminder 2: vault/ci-deploy, breaks deploy-prod
    13 Jan 08:15  critical  GONE, reminder 3: vault/ci-deploy, breaks deploy-prod
    20 Jan 08:15  critical  GONE, reminder 4: vault/ci-deploy, breaks deploy-prod
    27 Jan 08:15  critical  GONE, reminder 5: vault/ci-deploy, breaks deploy-prod
    03 Feb 08:15  critical  GONE, reminder 6: vault/ci-deploy, breaks deploy-prod
    05 Feb 08:15  closed    Closed, abandoned: vault/ci-deploy ended and was not replaced for 30 days: nothing more is said of it
    ");
    assert_snapshot!(stage.state("vault/ci-deploy"), @"vault/ci-deploy: not there");
}

#[test]
fn rule_3_5_another_sight_concludes_nothing() {
    let mut stage = one();
    stage.vault().sight = 2;
    stage.vault().remove("a");
    stage.run(hours(6));
    assert_snapshot!(stage.news(), @"06 Jan 08:30  warning   Not known: vault/ci-deploy is out of sight: seen under an earlier login or scope, and not under the present one");
    assert_snapshot!(stage.state("vault/ci-deploy"), @"vault/ci-deploy: unverified [unverified warning]");
}

#[test]
fn a_restart_in_the_middle_repeats_and_loses_nothing() {
    let mut stage = one();
    stage.vault().change("a", |record| record.life = Life::Revoked);
    stage.run(hours(1));
    assert_snapshot!(stage.news(), @"06 Jan 08:15  critical  REVOKED: vault/ci-deploy, breaks deploy-prod");
    stage.restart();
    stage.run(hours(2));
    assert_snapshot!(stage.news(), @"");
    // It is rotated while nobody looks.
    let now = stage.now;
    stage.vault().put(dated("ci-deploy", "b", now, now + days(300)));
    stage.restart();
    stage.run(hours(2));
    assert_snapshot!(stage.news(), @"06 Jan 11:01  closed    Closed, rotated: vault/ci-deploy is good until Mon 2 Nov 2026 11:01 UTC (was 1 Nov 2026)");
}

#[test]
fn a_token_that_expired_while_nobody_looked_is_told_as_it_is_now() {
    let mut stage = Stage::introduced(POLICY);
    let now = stage.now;
    stage.vault().put(dated("ci-deploy", "a", now, now + days(60)));
    stage.run(days(10));
    stage.news();
    // Down for a long time.
    stage.vault().listings.values_mut().for_each(Vec::clear);
    stage.restart_after(days(55));
    stage.run(hours(1));
    assert_snapshot!(stage.news(), @"11 Mar 08:01  critical  EXPIRED: vault/ci-deploy, Fri 6 Mar 2026 08:01 UTC, breaks deploy-prod");
}
