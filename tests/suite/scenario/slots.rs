//! Identity: rotations, names, flows, limits.

use forewarn::domain::observation::{FlowKey, Record};
use forewarn::domain::token::LastUsed;
use insta::assert_snapshot;

use super::support::{Stage, dated, days, hours, minutes};

const POLICY: &str = "
pipelines: { deploy-prod: {} }
policies:
  - { match: { name: 'ci-*' }, team: platform, pipelines: [deploy-prod] }
";

#[test]
fn rule_1_9_an_old_value_still_used_after_the_rotation() {
    let mut stage = Stage::introduced(POLICY);
    let now = stage.now;
    let used = |at| Some(LastUsed { at, granularity: 0 });
    stage.vault().put(Record { last_used: used(now), ..dated("ci-deploy", "a", now, now + days(90)) });
    stage.run(days(60));
    stage.news();
    let rotated = stage.now;
    stage.vault().put(dated("ci-deploy", "b", rotated, rotated + days(90)));
    stage.run(hours(12));
    assert_snapshot!(stage.news(), @"");
    stage.run_to(rotated + days(3));
    stage.vault().change("a", |record| record.last_used = used(rotated + days(3)));
    stage.run_to(rotated + days(4));
    assert_snapshot!(stage.news(), @"09 Mar 08:15  warning   Old value in use: vault/ci-deploy is still used with its old value, which ends Sun 5 Apr 2026 08:01 UTC, breaks deploy-prod");
    stage.run_to(now + days(91));
    assert_snapshot!(stage.news(), @r"
    16 Mar 08:15  warning   Old value in use, reminder 1: vault/ci-deploy is still used with its old value, which ends Sun 5 Apr 2026 08:01 UTC, breaks deploy-prod
    23 Mar 08:15  warning   Old value in use, reminder 2: vault/ci-deploy is still used with its old value, which ends Sun 5 Apr 2026 08:01 UTC, breaks deploy-prod
    30 Mar 08:15  warning   Old value in use, reminder 3: vault/ci-deploy is still used with its old value, which ends Sun 5 Apr 2026 08:01 UTC, breaks deploy-prod
    04 Apr 08:01  critical  Old value in use, now critical: vault/ci-deploy is still used with its old value, which ends Sun 5 Apr 2026 08:01 UTC, breaks deploy-prod
    05 Apr 08:01  closed    Closed, fixed: vault/ci-deploy has no older value left: it ended Sun 5 Apr 2026 08:01 UTC; whatever still holds it fails now
    ");
}

#[test]
fn rule_1_4_a_rename_is_the_same_token() {
    let mut stage = Stage::introduced(POLICY);
    let now = stage.now;
    stage.vault().put(dated("ci-deploy", "a", now, now + days(60)));
    stage.run(days(50));
    stage.news();
    stage.vault().change("a", |record| record.name = "ci-release".into());
    stage.run(days(4));
    assert_snapshot!(stage.news(), @"27 Feb 08:01  warning   7 days: vault/ci-deploy expires Fri 6 Mar 2026 08:01 UTC, breaks deploy-prod");
    assert_eq!(stage.labels().len(), 1);
}

#[test]
fn rule_1_10_fifty_job_tokens_are_one_flow() {
    let yaml = "
policies:
  - { match: { kind: flow, name: deployer }, team: platform }
";
    let mut stage = Stage::introduced(yaml);
    for hour in 0..6 {
        let now = stage.now;
        stage.vault().listings.values_mut().for_each(Vec::clear);
        for nth in 0..50 {
            let flow = FlowKey { place: "root/auth/jwt".into(), name: "deployer".into() };
            let id = format!("job{hour}-{nth}");
            stage.vault().put(Record { dynamic: Some(flow), ..dated("", &id, now, now + hours(1)) });
        }
        stage.run(hours(1));
    }
    assert_snapshot!(stage.news(), @"");
    assert_snapshot!(stage.labels().join("\n"), @"vault/deployer");
}

#[test]
fn rule_1_2_two_slots_with_one_readable_name() {
    let mut stage = Stage::introduced(POLICY);
    let now = stage.now;
    for place in ["1", "2"] {
        let token = dated("ci-deploy", &format!("id{place}"), now, now + days(300));
        stage.vault().put(Record { place: place.into(), place_path: "group".into(), ..token });
    }
    stage.run(hours(1));
    let labels = stage.labels();
    assert_eq!(labels.len(), 2);
    assert!(labels.contains(&"vault/group/ci-deploy".to_owned()), "{labels:?}");
    assert!(labels.iter().any(|label| label.starts_with("vault/group/ci-deploy~")), "{labels:?}");
    stage.restart();
    stage.run(hours(1));
    assert_eq!(stage.labels(), labels, "labels outlive a restart");
}

#[test]
fn rule_2_5_beyond_max_tokens_managed_ones_come_first() {
    let mut stage = Stage::with(POLICY, &["vault"], |rules| rules.max_tokens = 3);
    let now = stage.now;
    for nth in 0..6 {
        stage.vault().put(dated(&format!("stranger-{nth}"), &format!("s{nth}"), now, now + days(300)));
    }
    stage.vault().put(dated("ci-deploy", "a", now, now + days(300)));
    stage.run(hours(3));
    assert_snapshot!(stage.news(), @"");
    let labels = stage.labels();
    assert!(labels.contains(&"vault/ci-deploy".to_owned()), "{labels:?}");
    assert!(labels.len() <= 4, "{labels:?}");
}

#[test]
fn two_findings_of_one_token_at_one_instant_are_one_message() {
    let mut stage = Stage::introduced(
        "
pipelines: { deploy-prod: {} }
policies:
  - { match: { name: 'ci-*' }, team: platform, pipelines: [deploy-prod], scopes: { allow: [read] }, max_lifetime: 30d }
",
    );
    let now = stage.now;
    stage
        .vault()
        .put(Record { scopes: vec!["read".into(), "admin".into()], ..dated("ci-deploy", "a", now, now + days(60)) });
    stage.run(minutes(30));
    assert_snapshot!(stage.news(), @"05 Jan 08:15  warning   Lives too long: vault/ci-deploy lives 60 days; allowed are 30 days");
}
