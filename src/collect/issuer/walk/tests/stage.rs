//! What the tests of walks and pollers stand on: collectors of small definitions, a walk run to its end, its pages.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::base::http::client::{Client, Proxy, Settings as Http, Tls};
use crate::base::metrics::Metrics;
use crate::base::secret::SecretRef;
use crate::base::secret::fingerprint::Fingerprints;
use crate::base::time::clock::Clock;
use crate::base::yaml::mistake::{FileNo, Mistakes};
use crate::collect::issuer::definition::{Definition, compile};
use crate::collect::issuer::pace::Pace;
use crate::collect::issuer::walk::memory::Memory;
use crate::collect::issuer::walk::trace::Traced;
use crate::collect::issuer::walk::{WalkCx, confirm, walk};
use crate::collect::issuer::{Collector, Settings};
use crate::collect::login::Login;
use crate::domain::key::GenerationId;
use crate::domain::observation::{Observation, Record, WalkEnd, Walked};

/// Compiles a definition; what every definition must say is put before `rest`.
pub fn definition(rest: &str) -> Arc<Definition> {
    let text = format!(
        "title: Test\ndocs: https://issuer.example.com\nverified: {{ how: unverified, words: made for a test }}\n\
         least: none\nrotate: by hand\nlimits: {{ per_second: 1000, concurrency: 8 }}\n{rest}"
    );
    let mut mistakes = Mistakes::default();
    let read = compile::read("test", FileNo(0), &text, &mut mistakes);
    assert!(mistakes.is_empty(), "{:#?}", mistakes.list);
    Arc::new(read.expect("a definition without mistakes is read"))
}

/// A collector of it; `url` for those with an HTTP interface.
pub fn collector(definition: &Arc<Definition>, url: Option<&str>) -> Collector {
    let http = Http { tls: Tls::default(), proxy: Proxy::None, timeout: Duration::from_secs(5), body_cap: 1 << 20 };
    Collector {
        id: "test".into(),
        definition: definition.clone(),
        settings: Settings {
            url: url.map(|url| url.parse().unwrap()),
            every: Duration::from_secs(60),
            timeout: Duration::from_secs(5),
            concurrency: 4,
            introspection_endpoint: None,
            walks: true,
            inventory: serde_json::Map::new(),
            inspect: Vec::new(),
            files: Vec::new(),
            show_trust_roots: false,
            declared: Vec::new(),
            slots_by_id: false,
            max_tokens: 1_000,
        },
        login: Login::None,
        client: url.map(|_| Client::build(&http).unwrap()),
    }
}

/// A secret in a file of this folder.
pub fn secret(dir: &tempfile::TempDir, name: &str, value: &str) -> SecretRef {
    let path = dir.path().join(name);
    std::fs::write(&path, value).unwrap();
    SecretRef::File(path)
}

pub fn cx() -> WalkCx {
    WalkCx {
        clock: Clock::System,
        metrics: Metrics::new("0", "0", "0"),
        fingerprints: Fingerprints::from_key(b"a key for tests"),
        pace: Arc::new(Pace::new(crate::collect::issuer::definition::Limits { per_second: 1000.0, concurrency: 8 }, 4)),
        memory: Arc::new(Memory::default()),
        walk: 1,
        stop: CancellationToken::new(),
        notes: true,
    }
}

/// What one walk told.
pub struct Walk {
    pub pages: Vec<Observation>,
    pub end: Option<WalkEnd>,
    pub did: Option<Traced>,
}

impl Walk {
    pub fn end(&self) -> &WalkEnd {
        self.end.as_ref().expect("a walk that is not stopped tells its end")
    }
    pub fn records(&self) -> Vec<&Record> {
        self.pages.iter().flat_map(|page| &page.records).collect()
    }
    /// The last page of each listing with its coverage, sorted.
    pub fn listings(&self) -> Vec<String> {
        let ends = self.pages.iter().filter_map(|page| Some(format!("{} {:?}", page.listing, page.ends?)));
        let mut ends: Vec<String> = ends.collect();
        ends.sort();
        ends
    }
}

pub async fn round(collector: &Collector, cx: &WalkCx) -> Walk {
    let (out, told) = mpsc::channel(10_000);
    let limit = Duration::from_secs(30);
    let did = tokio::time::timeout(limit, walk(collector, cx, &out)).await.expect("bounded in time");
    drop(out);
    gather(told, did).await
}

pub async fn confirmed(collector: &Collector, cx: &WalkCx, ids: &[GenerationId]) -> Walk {
    let (out, told) = mpsc::channel(10_000);
    let did = tokio::time::timeout(Duration::from_secs(30), confirm(collector, cx, ids, &out)).await;
    drop(out);
    gather(told, did.expect("bounded in time")).await
}

async fn gather(mut told: mpsc::Receiver<Walked>, did: Option<Traced>) -> Walk {
    let (mut pages, mut end) = (Vec::new(), None);
    while let Some(walked) = told.recv().await {
        assert!(end.is_none(), "nothing comes after the end");
        match walked {
            Walked::Page(page) => pages.push(page),
            Walked::End(told) => end = Some(told),
        }
    }
    Walk { pages, end, did }
}
