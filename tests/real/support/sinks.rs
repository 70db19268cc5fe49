//! What receives: Slack's incoming webhook as documented, and a real SMTP server that keeps its mails.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use tempfile::TempDir;

use super::{Server, eventually, free_port, spawn, tools};

/// Records each body; answers `ok`, as Slack does.
#[derive(Clone)]
pub struct Slack {
    pub url: String,
    taken: Arc<Mutex<Vec<serde_json::Value>>>,
}

impl Slack {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/services/T000/B000/secret-of-the-hook", listener.local_addr().unwrap());
        let this = Self { url, taken: Arc::default() };
        let router = Router::new().route("/{*path}", post(take)).with_state(this.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        this
    }

    /// `text` of every message taken so far.
    pub fn texts(&self) -> Vec<String> {
        self.taken.lock().unwrap().iter().map(|body| body["text"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Whole bodies, as text.
    pub fn bodies(&self) -> Vec<String> {
        self.taken.lock().unwrap().iter().map(ToString::to_string).collect()
    }

    /// The first message from the `from`th on that holds `word`.
    pub async fn message(&self, from: usize, word: &str, limit: Duration) -> String {
        let what = format!("a Slack message with {word:?}; came: {:#?}", self.texts());
        eventually(&what, limit, async || self.bodies().into_iter().skip(from).find(|body| body.contains(word))).await
    }
}

async fn take(State(slack): State<Slack>, body: String) -> &'static str {
    slack.taken.lock().unwrap().push(serde_json::from_str(&body).expect("Slack takes JSON"));
    "ok"
}

/// aiosmtpd.
pub struct Mail {
    pub port: u16,
    pub folder: TempDir,
    _server: Server,
}

pub const MAIL_PASSWORD: &str = "s3cret-of-the-relay";

impl Mail {
    /// `mode`: plain, starttls or tls; the latter with a certificate and its key.
    pub async fn start(mode: &str, certificate: Option<(&str, &str)>) -> Self {
        let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/servers/mail.py");
        let mut command = Command::new(tools().join("venv/bin/python"));
        command.arg(script).arg(mode).arg(port.to_string()).arg(folder.path()).env("MAIL_PASSWORD", MAIL_PASSWORD);
        if let Some((certificate, key)) = certificate {
            command.args([certificate, key]);
        }
        let server = spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
        eventually("the mail server listens", Duration::from_secs(20), async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
        Self { port, folder, _server: server }
    }

    pub fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "eml")).collect();
        files.sort();
        files
    }

    pub fn mails(&self) -> Vec<String> {
        self.files().iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
    }

    pub async fn mail(&self, from: usize, word: &str, limit: Duration) -> String {
        let what = format!("a mail with {word:?}");
        eventually(&what, limit, async || {
            self.mails().into_iter().skip(from).find(|mail| unfolded(mail).contains(word))
        })
        .await
    }
}

/// Header lines unfolded and quoted-printable soft breaks joined, so that words can be searched.
pub fn unfolded(mail: &str) -> String {
    mail.replace("\r\n ", " ").replace("\r\n\t", " ").replace("=\r\n", "")
}
