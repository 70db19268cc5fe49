//! Killed at a chosen point of a delivery (channels.md 5.5). The receiver's behaviour chooses it, not a hook in the
//! program: one that holds its answer back leaves the bytes out (K3), one whose answer waits in the socket of a stopped
//! program leaves it unread and unrecorded (K4 as a receiver sees it); and one kill comes after the record.
#![expect(clippy::disallowed_macros, reason = "figures are printed for whoever asks for them")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::post;

use crate::support::eventually;
use crate::support::model::{Model, Tokens};
use crate::support::program::Program;

const SOON: Duration = Duration::from_secs(20);

/// Writes each body down before it answers; holds the answer back while `held`.
#[derive(Clone, Default)]
struct Sink {
    held: Arc<AtomicBool>,
    taken: Arc<Mutex<Vec<String>>>,
}

impl Sink {
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/services/T000/B000/secret-of-the-hook", listener.local_addr().unwrap());
        let router = Router::new().route("/{*path}", post(take)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        url
    }
    fn about(&self, name: &str) -> usize {
        self.taken.lock().unwrap().iter().filter(|body| body.contains(name)).count()
    }
    async fn hears(&self, name: &str, times: usize, limit: Duration) {
        eventually(&format!("{times} messages about {name}"), limit, async || {
            (self.about(name) >= times).then_some(())
        })
        .await;
    }
}

async fn take(State(sink): State<Sink>, body: String) -> &'static str {
    sink.taken.lock().unwrap().push(body);
    while sink.held.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    "ok"
}

/// Kills at three points a round.
async fn rounds(count: usize) {
    let (tokens, sink) = (Tokens::default(), Sink::default());
    for nth in 0..count {
        for point in ["sent", "read", "done"] {
            tokens.put(&format!("{point}-{nth}"), &format!("ci-{point}-{nth}x"), 36_000);
        }
    }
    for nth in 0..4 {
        tokens.put(&format!("stays-{nth}"), &format!("ci-stays-{nth}"), 36_000);
    }
    let url = sink.start().await;
    let listed = tokens.clone();
    let model = Model::start(move |asked| listed.answer(asked)).await;
    let config = format!(
        "store: sqlite:forewarn.db\ncollectors:\n  vault: {{ issuer: vault, url: \"{}\", login: {{ token: {{ env: VAULT_TOKEN }} }}, every: 1s }}\npolicies: [{{ match: {{ name: 'ci-*' }}, team: platform }}]\nchannels: {{ chat: {{ slack: {{ webhook_url: {{ env: SLACK }} }} }} }}\n",
        model.url
    );
    let mut program = Program::new(&config, &[("VAULT_TOKEN", "hvs.of-the-test"), ("SLACK", &url)]);
    program.start().await;
    program.series("forewarn_token_info{collector=\"vault\",token=\"vault/ci-stays-0\"", SOON).await;
    for nth in 0..count {
        // K3: the bytes are out, no answer has come. A start sends again what was on its way.
        sink.held.store(true, Ordering::Relaxed);
        tokens.remove(&format!("sent-{nth}"));
        sink.hears(&format!("ci-sent-{nth}x"), 1, SOON).await;
        program.stop(libc::SIGKILL);
        sink.held.store(false, Ordering::Relaxed);
        program.start().await;
        sink.hears(&format!("ci-sent-{nth}x"), 2, SOON).await;

        // K4: the answer lies in the socket of a program that stands still, and is never recorded.
        sink.held.store(true, Ordering::Relaxed);
        tokens.remove(&format!("read-{nth}"));
        sink.hears(&format!("ci-read-{nth}x"), 1, SOON).await;
        program.signal(libc::SIGSTOP);
        sink.held.store(false, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(100)).await;
        program.stop(libc::SIGKILL);
        program.start().await;
        sink.hears(&format!("ci-read-{nth}x"), 2, SOON).await;

        // After the record: nothing is left to repeat.
        tokens.remove(&format!("done-{nth}"));
        sink.hears(&format!("ci-done-{nth}x"), 1, SOON).await;
        eventually("nothing waits", SOON, async || (undone(&program) == Some(0)).then_some(())).await;
        program.stop(libc::SIGKILL);
        program.start().await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(program.stop(libc::SIGTERM), Some(0));
    assert_eq!(undone(&program), Some(0), "no row is leased or waits");
    for nth in 0..count {
        let times = ["sent", "read", "done"].map(|point| sink.about(&format!("ci-{point}-{nth}x")));
        assert_eq!(times, [2, 2, 1], "one repeat for a kill while it was on its way, none after the record");
    }
    println!("{} kills at chosen points: {} repeats, nothing lost", 3 * count, 2 * count);
}

/// Deliveries that are not done.
fn undone(program: &Program) -> Option<i64> {
    let store = rusqlite::Connection::open(program.path("forewarn.db")).ok()?;
    store.query_row("SELECT count(*) FROM deliveries WHERE done = 0", [], |row| row.get(0)).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_a_message_is_on_its_way() {
    rounds(7).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: make soak"]
async fn soak_killed_while_a_message_is_on_its_way() {
    rounds(100).await;
}
