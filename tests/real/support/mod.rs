//! Servers and the program as child processes; everything is stopped by pid when its owner is dropped.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub mod bao;
pub mod gitlab;
pub mod model;
pub mod program;
pub mod prometheus;
pub mod sinks;

/// Where `make tools` put things.
pub fn tools() -> PathBuf {
    let folder = std::env::var_os("FOREWARN_TOOLS").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools"));
    assert!(folder.exists(), "the real servers are not installed: run `make tools`");
    folder
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A child that is killed when dropped.
pub struct Server(pub Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn spawn(command: &mut Command) -> Server {
    let child = command.stdin(Stdio::null()).spawn();
    Server(child.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}")))
}

/// Waits until `check` gives something, at most `limit`; `what` names what was missing.
pub async fn eventually<T>(what: &str, limit: Duration, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let until = Instant::now() + limit;
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(Instant::now() < until, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap()
}
