//! Killed without warning, again and again, while tokens are revoked and rotated: nothing due is lost, little is told
//! twice, and nothing after the end of a talk.
#![expect(clippy::disallowed_macros, reason = "figures are printed for whoever asks for them")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::support::eventually;
use crate::support::model::{Model, Tokens};
use crate::support::program::Program;
use crate::support::sinks::Slack;

/// Small and known, so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// Lines of all messages, in the order of their coming.
fn lines(slack: &Slack) -> Vec<String> {
    let mut all = Vec::new();
    for body in slack.bodies() {
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let blocks = body["blocks"].as_array().cloned().unwrap_or_default();
        let texts = blocks.iter().filter_map(|block| block["text"]["text"].as_str());
        all.extend(texts.flat_map(str::lines).map(str::to_owned));
    }
    all
}

fn is_about(line: &str, nth: usize) -> bool {
    // Titles name tokens too; a line about one shows it as code.
    line.contains(&format!("`vault/ci-{nth:02}x`"))
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_lose_nothing() {
    killed(30, 45).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a thousand kills; `make soak`"]
async fn soak_kills_lose_nothing() {
    killed(700, 1_050).await;
}

#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
async fn killed(kills: usize, count: usize) {
    let (tokens, slack) = (Tokens::default(), Slack::start().await);
    for nth in 0..count {
        tokens.put(&format!("t{nth}-1"), &format!("ci-{nth:02}x"), 36_000);
    }
    // Never all of them at once.
    tokens.put("stays", "ci-stays", 36_000);
    let listed = tokens.clone();
    let model = Model::start(move |asked| listed.answer(asked)).await;
    let config = format!(
        "store: sqlite:forewarn.db\ncollectors:\n  vault: {{ issuer: vault, url: \"{}\", login: {{ token: {{ env: VAULT_TOKEN }} }}, every: 1s }}\npolicies: [{{ match: {{ name: 'ci-*' }}, team: platform }}]\nchannels: {{ chat: {{ slack: {{ webhook_url: {{ env: SLACK }} }} }} }}\n",
        model.url
    );
    let mut program = Program::new(&config, &[("VAULT_TOKEN", "hvs.of-the-test"), ("SLACK", &slack.url)]);
    program.start().await;
    program.series("forewarn_token_info{collector=\"vault\",token=\"vault/ci-stays\"", Duration::from_secs(8)).await;

    let mut dice = Dice(7);
    let mut next = 0;
    // What becomes of each: 1 revoked, 2 revoked and replaced.
    let mut fate: BTreeMap<usize, u8> = BTreeMap::new();
    let started = Instant::now();
    for _ in 0..kills {
        for _ in 0..=dice.below(2) {
            if next < count {
                tokens.remove(&format!("t{next}-1"));
                fate.insert(next, 1);
                next += 1;
            }
        }
        let replaced = fate.iter().find(|(_, state)| **state == 1).map(|(nth, _)| *nth);
        if let Some(nth) = replaced.filter(|nth| *nth + 4 < next) {
            tokens.put(&format!("t{nth}-2"), &format!("ci-{nth:02}x"), 36_000);
            fate.insert(nth, 2);
        }
        tokio::time::sleep(Duration::from_millis(300 + dice.below(2_700))).await;
        program.stop(libc::SIGKILL);
        program.start().await;
    }
    assert!(started.elapsed() < Duration::from_secs(6) * u32::try_from(kills).unwrap(), "{:?}", started.elapsed());

    // Everything that is due arrives: that it ended, or, where its successor came first, nothing or the end of the talk.
    eventually("every due message", Duration::from_secs(60), async || {
        let lines = lines(&slack);
        fate.iter().all(|(nth, state)| *state == 2 || lines.iter().any(|line| is_about(line, *nth))).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let bodies = slack.bodies();
    let lines = lines(&slack);
    for (&nth, &state) in &fate {
        let about: Vec<&String> = lines.iter().filter(|line| is_about(line, nth)).collect();
        let closed = about.iter().position(|line| line.contains("Closed"));
        if state == 2 && !about.is_empty() {
            assert!(closed.is_some(), "what was told is closed: {about:#?}");
        }
        if let Some(closed) = closed {
            assert!(closed > 0, "no closing of what was not told: {about:#?}");
            assert!(
                about[closed..].iter().all(|line| line.contains("Closed")),
                "nothing after the closing: {about:#?}"
            );
        }
    }
    let mut times: BTreeMap<&String, usize> = BTreeMap::new();
    for body in &bodies {
        *times.entry(body).or_default() += 1;
    }
    let repeated: usize = times.values().map(|times| times - 1).sum();
    assert!(repeated <= kills, "at most one repeat a kill: {repeated}: {times:#?}");
    assert_eq!(program.stop(libc::SIGTERM), Some(0));

    let store = rusqlite::Connection::open(program.path("forewarn.db")).unwrap();
    let leased: i64 =
        store.query_row("SELECT count(*) FROM deliveries WHERE state = 'leased'", [], |row| row.get(0)).unwrap();
    assert_eq!(leased, 0, "no delivery stays leased");
    let undone: i64 = store.query_row("SELECT count(*) FROM deliveries WHERE done = 0", [], |row| row.get(0)).unwrap();
    assert_eq!(undone, 0, "and none waits");
    let dead: i64 =
        store.query_row("SELECT count(*) FROM deliveries WHERE state = 'dead'", [], |row| row.get(0)).unwrap();
    assert_eq!(dead, 0, "and none is given up");
    println!("{kills} kills at random: {} messages, {repeated} repeats", bodies.len());
}
