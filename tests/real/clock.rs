//! A machine whose clock jumped (semantics 11): the program under libfaketime, over one store.

use std::process::Command;
use std::time::Duration;

use crate::support::model::{Model, Tokens};
use crate::support::program::Program;
use crate::support::sinks::Slack;

const SOON: Duration = Duration::from_secs(15);
const HELD: &str = "forewarn_evaluation_held{reason=\"clock\"} ";

fn day(ahead: i64) -> String {
    (chrono::Utc::now() + chrono::TimeDelta::days(ahead)).format("%Y-%m-%d").to_string()
}

/// What libfaketime wants in the environment to be so many days ahead; the boot-time clock goes on as it is.
fn ahead(program: &mut Program, days: i64) {
    let shown =
        Command::new("faketime").args(["-f", "+0d", "env"]).output().expect("faketime is installed by `make tools`");
    let shown = String::from_utf8(shown.stdout).unwrap();
    let preload =
        shown.lines().find_map(|line| line.strip_prefix("LD_PRELOAD=")).expect("faketime preloads its library");
    program.set("LD_PRELOAD", preload);
    program.set("FAKETIME", &format!("{days:+}d"));
    program.set("FAKETIME_DONT_FAKE_MONOTONIC", "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_11_1_forty_days_ahead_at_a_restart_rings_for_nothing() {
    let slack = Slack::start().await;
    let config = format!(
        "collectors:\n  vendor: {{ issuer: declared, tokens: [{{ name: push, expires: {} }}] }}\n\
         policies: [{{ team: platform }}]\nchannels: {{ chat: {{ slack: {{ webhook_url: {{ env: SLACK }} }} }} }}\n",
        day(35)
    );
    let mut program = Program::new(&config, &[("SLACK", &slack.url)]);
    program.start().await;
    program.series("forewarn_token_info{collector=\"vendor\",token=\"vendor/push\"", SOON).await;
    program.series(&format!("{HELD}0"), SOON).await;
    assert_eq!(program.stop(libc::SIGTERM), Some(0));

    ahead(&mut program, 40);
    program.start().await;
    program.series(&format!("{HELD}1"), SOON).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let page = program.metrics().await;
    assert!(page.contains("forewarn_tokens{collector=\"vendor\",state=\"expired\"} 0"), "{page}");
    assert!(!page.contains("finding=\"expired\",severity=\"critical\",token"), "{page}");
    assert_eq!(slack.texts(), Vec::<String>::new());
    assert!(program.logs().contains("the clock of this machine jumped"), "{}", program.logs());
    assert!(program.get("/-/healthy").await.contains("healthy"), "a hold is no silence (rule 14.1)");
    assert_eq!(program.stop(libc::SIGTERM), Some(0));

    for name in ["LD_PRELOAD", "FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC"] {
        program.unset(name);
    }
    program.start().await;
    program.series(&format!("{HELD}0"), SOON).await;
    program.series("forewarn_tokens{collector=\"vendor\",state=\"ok\"} 1", SOON).await;
    assert_eq!(slack.texts(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_11_2_an_issuer_that_agrees_ends_the_hold() {
    let tokens = Tokens::default();
    tokens.put("a", "ci-deploy", 3600);
    let model = Model::start(move |asked| tokens.answer(asked)).await;
    let config = format!(
        "collectors:\n  vendor: {{ issuer: declared, tokens: [{{ name: push, expires: {} }}] }}\n  \
         vault: {{ issuer: vault, url: \"{}\", every: 1s, login: {{ token: {{ env: VAULT }} }} }}\n",
        day(400),
        model.url
    );
    let mut program = Program::new(&config, &[("VAULT", "s.own")]);
    // The store was last written to long ago: it was moved here, or this machine slept for a season.
    ahead(&mut program, -40);
    program.start().await;
    program.series("forewarn_token_info{collector=\"vendor\",token=\"vendor/push\"", SOON).await;
    assert_eq!(program.stop(libc::SIGTERM), Some(0));
    for name in ["LD_PRELOAD", "FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC"] {
        program.unset(name);
    }
    program.start().await;
    program.series("forewarn_tokens{collector=\"vault\",state=\"ok\"} 1", SOON).await;
    program.series(&format!("{HELD}0"), SOON).await;
    let logs = program.logs();
    assert!(
        logs.contains("the clock of this machine jumped") && logs.contains("the clock is believed again"),
        "{logs}"
    );
}
