//! A poll by the running server: asks it to poll, waits for the result, hands it back.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::poll::Failed;
use crate::base::http::client::{Client, Proxy, Settings, Tls};
use crate::base::http::{Request, Response, send};
use crate::base::time::clock::{Clock, Stopwatch};
use crate::domain::poll::Poll;
use crate::show::answers::shapes::CollectorDetail;

/// Largest answer, bytes.
const CAP: usize = 16 << 20;
/// Longest wait for one answer.
const LIMIT: Duration = Duration::from_secs(30);
/// Longest wait for the poll.
const PATIENCE: Duration = Duration::from_secs(600);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(250);

/// A refusal's sentence.
#[derive(Deserialize)]
struct Refusal {
    error: String,
}

/// The poll that the server made because we asked.
pub fn poll(server: &Url, collector: &str) -> Result<Poll, Failed> {
    let failed = |text: String| (1, format!("cannot ask {}: {text}", server.origin().ascii_serialization()));
    let settings = Settings { tls: Tls::default(), proxy: Proxy::Environment, timeout: LIMIT, body_cap: CAP };
    let client = Client::build(&settings).map_err(|error| failed(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed(error.to_string()))?;
    let asking = Asking { client, url: page(server, collector, &[]) };
    runtime.block_on(asking.poll(page(server, collector, &["poll"]))).map_err(|refused| match refused {
        Refused::Unknown(text) => (2, text),
        Refused::Other(text) => failed(text),
    })
}

enum Refused {
    Unknown(String),
    Other(String),
}

struct Asking {
    client: Client,
    url: Url,
}

impl Asking {
    async fn poll(&self, ask: Url) -> Result<Poll, Refused> {
        let before = self.newest().await?.map_or(0, |poll| poll.number);
        let response = self.send(Request { method: "POST".into(), ..Request::get(ask) }).await?;
        if response.status != 202 {
            return Err(refused(&response));
        }
        let watch = Stopwatch::start();
        while watch.elapsed() < PATIENCE {
            if let Some(poll) = self.newest().await?.filter(|poll| poll.number > before) {
                return Ok(poll);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(Refused::Other(format!("it has not finished a poll within {} s", PATIENCE.as_secs())))
    }

    async fn newest(&self) -> Result<Option<Poll>, Refused> {
        let response = self.send(Request::get(self.url.clone())).await?;
        if response.status != 200 {
            return Err(refused(&response));
        }
        let detail: CollectorDetail = serde_json::from_slice(&response.body)
            .map_err(|error| Refused::Other(format!("its answer is not a collector: {error}")))?;
        Ok(detail.polls.into_iter().next())
    }

    async fn send(&self, request: Request) -> Result<Response, Refused> {
        send::send(&self.client, request, &Clock::System).await.map_err(|failure| Refused::Other(failure.to_string()))
    }
}

fn refused(response: &Response) -> Refused {
    let told = serde_json::from_slice(&response.body).map(|refusal: Refusal| super::columns::inert(&refusal.error));
    match (response.status, told) {
        (404, Ok(text)) => Refused::Unknown(text),
        (status, Ok(text)) => Refused::Other(format!("it answers {status}: {text}")),
        (status, Err(_)) => Refused::Other(format!("it answers {status}")),
    }
}

/// Below the server's URL, which may have a path.
fn page(server: &Url, collector: &str, more: &[&str]) -> Url {
    let mut url = server.clone();
    url.set_query(None);
    if let Ok(mut parts) = url.path_segments_mut() {
        parts.pop_if_empty().extend(["api", "v1", "collectors", collector]).extend(more);
    }
    url
}
