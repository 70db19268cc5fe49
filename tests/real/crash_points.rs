//! Killed at a chosen point of a delivery (channels.md 5.5). The receiver's behaviour chooses it, not a hook in the
//! program: one that holds its answer back leaves the bytes out (K3), one whose answer waits in the socket of a stopped
//! program leaves it unread (K4, never recorded), and one that refuses connections leaves rows pending (K1).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::post;

use crate::support::eventually;
use crate::support::model::{Model, Tokens};
use crate::support::program::Program;

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

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_a_message_is_on_its_way() {
    let (tokens, sink) = (Tokens::default(), Sink::default());
    for name in ["ci-sent", "ci-read", "ci-done", "ci-stays"] {
        tokens.put(&format!("{name}-1"), name, 36_000);
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
    program.series("forewarn_token_info{collector=\"vault\",token=\"vault/ci-stays\"", Duration::from_secs(8)).await;

    // K3: the bytes are out, no answer has come.
    sink.held.store(true, Ordering::Relaxed);
    tokens.remove("ci-sent-1");
    sink.hears("ci-sent", 1, Duration::from_secs(15)).await;
    program.stop(libc::SIGKILL);
    sink.held.store(false, Ordering::Relaxed);
    program.start().await;

    // K4: the answer lies in the socket of a program that stands still, and is never recorded.
    sink.held.store(true, Ordering::Relaxed);
    tokens.remove("ci-read-1");
    sink.hears("ci-read", 1, Duration::from_secs(15)).await;
    program.signal(libc::SIGSTOP);
    sink.held.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(200)).await;
    program.stop(libc::SIGKILL);
    program.start().await;

    // After the record: nothing is left to repeat.
    tokens.remove("ci-done-1");
    sink.hears("ci-done", 1, Duration::from_secs(15)).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    program.stop(libc::SIGKILL);
    let store = rusqlite::Connection::open(program.path("forewarn.db")).unwrap();
    let count = |what: &str| -> i64 {
        store.query_row(&format!("SELECT count(*) FROM deliveries WHERE {what}"), [], |row| row.get(0)).unwrap()
    };
    // A lease is older than its 90 s to whoever starts next: time is the store's, so the test moves it.
    assert!(count("state = 'leased'") <= 2, "only the two that were on their way");
    assert_eq!((sink.about("ci-sent"), sink.about("ci-read"), sink.about("ci-done")), (1, 1, 1));
    drop(store);
    program.start().await;
    eventually("no lease left", Duration::from_secs(120), async || {
        let store = rusqlite::Connection::open(program.path("forewarn.db")).unwrap();
        let undone: i64 =
            store.query_row("SELECT count(*) FROM deliveries WHERE done = 0", [], |row| row.get(0)).ok()?;
        (undone == 0).then_some(())
    })
    .await;
    for name in ["ci-sent", "ci-read"] {
        assert!((1..=2).contains(&sink.about(name)), "at most one repeat a kill: {name}: {}", sink.about(name));
    }
    assert_eq!(sink.about("ci-done"), 1);
    assert_eq!(program.stop(libc::SIGTERM), Some(0));
}
