//! Killed without warning, again and again, while tokens are revoked and rotated: nothing due is lost, little is told
//! twice, and nothing after the end of a talk.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::support::eventually;
use crate::support::model::{Model, Tokens};
use crate::support::program::Program;
use crate::support::sinks::Slack;

const KILLS: usize = 20;
const TOKENS: usize = 30;

/// Small and known, so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_lose_nothing() {
    let (tokens, slack) = (Tokens::default(), Slack::start().await);
    for nth in 0..TOKENS {
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
    for _ in 0..KILLS {
        for _ in 0..=dice.below(2) {
            if next < TOKENS {
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
    assert!(started.elapsed() < Duration::from_secs(120), "{:?}", started.elapsed());

    // Everything that is due arrives.
    let due = |told: &str, word: &str, nth: usize| told.contains(word) && told.contains(&format!("ci-{nth:02}x"));
    eventually("every due message", Duration::from_secs(120), async || {
        let bodies = slack.bodies();
        let heard = |word: &str, nth: usize| bodies.iter().any(|body| due(body, word, nth));
        fate.iter().all(|(&nth, &state)| heard("evoked", nth) || heard("rotated", nth) || state == 2).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let bodies = slack.bodies();
    let mut repeated = 0;
    for (&nth, &state) in &fate {
        let name = format!("ci-{nth:02}x");
        let about: Vec<&String> = bodies.iter().filter(|body| body.contains(&name)).collect();
        let closed = about.iter().position(|body| body.contains("Closed"));
        if state == 2 && about.iter().any(|body| !body.contains("Closed")) {
            assert!(closed.is_some(), "what was told is closed: {about:#?}");
        }
        if let Some(closed) = closed {
            let after = about[closed..].iter().filter(|body| !body.contains("Closed") && body.contains(&name)).count();
            assert_eq!(after, 0, "nothing after the closing of {name}: {about:#?}");
        }
    }
    let mut times: BTreeMap<&String, usize> = BTreeMap::new();
    for body in &bodies {
        *times.entry(body).or_default() += 1;
    }
    repeated += times.values().map(|times| times - 1).sum::<usize>();
    assert!(repeated <= KILLS, "at most one repeat a kill: {repeated}: {times:#?}");
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
}
