//! Many endings in one round wait for a second look (semantics 11.3).

use chrono::TimeDelta;
use forewarn::domain::observation::Life;
use forewarn::domain::reason::HoldReason;
use forewarn::show::answers::filter::Filter;
use forewarn::show::answers::shapes::Tokens;
use forewarn::show::answers::tokens::Paging;
use insta::assert_snapshot;

use super::support::{Stage, TOKENS, dated, days, hours, minutes};

const POLICY: &str = "
pipelines: { deploy-prod: {} }
policies:
  - { match: { name: 'ci-*' }, team: platform, pipelines: [deploy-prod] }
";

/// So many tokens of 300 days, seen good for a day.
fn fleet(count: usize) -> Stage {
    let mut stage = Stage::introduced(POLICY);
    let now = stage.now;
    for nth in 0..count {
        stage.vault().put(dated(&format!("ci-{nth:02}"), &format!("id-{nth}"), now, now + days(300)));
    }
    stage.run(days(1));
    assert!(stage.told.is_empty(), "{:#?}", stage.told);
    stage
}

/// To ten seconds after the next round, before a second look.
fn one_round(stage: &mut Stage) {
    let next = stage.vault().next_poll;
    stage.run_to(next + TimeDelta::seconds(10));
}

fn revoke(stage: &mut Stage, names: std::ops::Range<usize>, life: Life) {
    for nth in names {
        stage.vault().change(&format!("id-{nth}"), |record| record.life = life);
    }
}

#[test]
fn rule_11_3_an_issuer_that_calls_everything_dead_for_one_round_rings_for_nothing() {
    let mut stage = fleet(12);
    revoke(&mut stage, 0..12, Life::Inactive);
    one_round(&mut stage);
    assert_eq!(stage.world.held().iter().map(|(why, _)| *why).collect::<Vec<_>>(), [HoldReason::MassChange]);
    let said = Tokens::of(&stage.world, &Filter::default(), Paging { offset: 0, limit: 1 }, stage.now).held;
    assert_snapshot!(said[0].text, @"judging is held since Tue 6 Jan 08:15 UTC: many tokens ended in one round of vault; the next round decides");
    assert_snapshot!(stage.state("vault/ci-03"), @"vault/ci-03: ok []");
    revoke(&mut stage, 0..12, Life::Active);
    stage.run(hours(2));
    assert!(stage.told.is_empty(), "{:#?}", stage.told);
    assert!(stage.world.held().is_empty());
}

#[test]
fn rule_11_3_an_empty_listing_twice_is_looked_at_a_third_time() {
    let mut stage = fleet(12);
    let listed = stage.vault().listings.insert(TOKENS.into(), Vec::new()).unwrap();
    // The second absence is asked for at once; the third round comes half a minute later.
    one_round(&mut stage);
    stage.vault().listings.insert(TOKENS.into(), listed);
    stage.run(hours(2));
    assert!(stage.told.is_empty(), "{:#?}", stage.told);
}

#[test]
fn rule_11_3_the_second_round_decides_and_one_message_tells_it() {
    let mut stage = fleet(12);
    revoke(&mut stage, 0..11, Life::Revoked);
    stage.run(minutes(20));
    assert_snapshot!(stage.news(), @"06 Jan 08:15  critical  11 tokens need someone (11 critical); breaks deploy-prod now");
    assert!(stage.world.held().is_empty());
    assert_eq!(stage.state("vault/ci-11"), "vault/ci-11: ok []");
}

#[test]
fn rule_11_3_few_of_many_are_told_at_once() {
    let mut stage = fleet(12);
    revoke(&mut stage, 0..2, Life::Revoked);
    stage.run(minutes(15));
    assert_snapshot!(stage.news(), @"06 Jan 08:15  critical  2 tokens need someone (2 critical): vault/ci-00 and vault/ci-01; breaks deploy-prod now");
    assert!(stage.world.held().is_empty());
}
