//! Tokens that nobody uses: found, used again, taken away.

use forewarn::domain::observation::Life;
use forewarn::domain::token::LastUsed;
use insta::assert_snapshot;

use super::support::{Stage, dated, days, hours};

const RULES: &str = "
policies:
  - { match: { name: 'ci-*' }, team: platform, unused_after: 90d }
";

/// A token that was last used a hundred days before it was first seen.
fn stage(rules: &str) -> Stage {
    let mut stage = Stage::introduced(rules);
    let now = stage.now;
    let mut old = dated("ci-mirror", "a", now - days(200), now + days(700));
    old.last_used = Some(LastUsed { at: now - days(100), granularity: 600 });
    stage.vault().put(old);
    stage
}

#[test]
fn rule_8_unused_once_it_was_watched_for_as_long_and_no_more_when_it_is_used() {
    let mut stage = stage(RULES);
    stage.run(days(90));
    assert_snapshot!(stage.state("vault/ci-mirror"), @"vault/ci-mirror: ok []");
    stage.run(hours(1));
    assert_snapshot!(stage.state("vault/ci-mirror"), @"vault/ci-mirror: ok [unused info]");
    let now = stage.now;
    stage.vault().change("a", |record| record.last_used = Some(LastUsed { at: now, granularity: 600 }));
    stage.run(hours(1));
    assert_snapshot!(stage.state("vault/ci-mirror"), @"vault/ci-mirror: ok []");
    assert_snapshot!(stage.news(), @"");
}

#[test]
fn rule_9_4_an_unused_token_that_is_taken_away_is_no_incident() {
    let mut stage = stage(RULES);
    stage.run(days(91));
    stage.vault().change("a", |record| record.life = Life::Revoked);
    stage.run(days(2));
    assert_snapshot!(stage.state("vault/ci-mirror"), @"vault/ci-mirror: revoked []");
    stage.restart();
    stage.run(days(3));
    stage.vault().remove("a");
    stage.run(days(40));
    assert_snapshot!(stage.state("vault/ci-mirror"), @"vault/ci-mirror: not there");
    assert_snapshot!(stage.news(), @"");
}

#[test]
fn rule_9_4_whoever_was_told_hears_that_it_was_removed() {
    let allow = "allow: [{ finding: unused, until: 2026-01-31, because: 'once a quarter' }]";
    let mut stage = stage(&RULES.replace("90d", &format!("90d, {allow}")));
    stage.run(days(91));
    assert_snapshot!(stage.news(), @"");
    stage.vault().remove("a");
    stage.run(days(1));
    assert_snapshot!(stage.news(), @"");
}
