//! forewarn itself, started as its users start it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::{Server, eventually, free_port, http, spawn};

/// A folder with a configuration, and the running program, if any.
pub struct Program {
    pub folder: TempDir,
    pub url: String,
    port: u16,
    environment: Vec<(String, String)>,
    running: Option<Server>,
    client: reqwest::Client,
    user: Option<(String, String)>,
}

impl Program {
    /// Writes `config` to `forewarn.yml` of a new folder; not started yet.
    pub fn new(config: &str, environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("forewarn.yml"), config).unwrap();
        let port = free_port();
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self {
            folder,
            url: format!("http://127.0.0.1:{port}"),
            port,
            environment,
            running: None,
            client: http(),
            user: None,
        }
    }

    /// Another variable of its environment, from the next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }
    pub fn unset(&mut self, name: &str) {
        self.environment.retain(|(other, _)| other != name);
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_forewarn"));
        command.env_clear().current_dir(self.folder.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    pub async fn start(&mut self) {
        self.start_with(&[]).await;
    }

    pub async fn start_with(&mut self, arguments: &[&str]) {
        let log = |name: &str| std::fs::OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
        let mut command = self.command();
        command
            .args(["serve", "--config.file", "forewarn.yml", "--log.level", "trace", "--web.listen-address"])
            .arg(format!("127.0.0.1:{}", self.port))
            .args(arguments)
            .stdout(log("stdout.log"))
            .stderr(log("stderr.log"));
        self.running = Some(spawn(&mut command));
        let log = self.path("stderr.log");
        let what = format!("forewarn is ready; its log: {}", log.display());
        let ready = async || {
            let answer = self.dressed(self.client.get(format!("{}/-/ready", self.url))).send().await.ok()?;
            answer.status().is_success().then_some(())
        };
        eventually(&what, Duration::from_secs(20), ready).await;
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.running.as_ref().expect("running").0.id()).unwrap()
    }

    /// Sends a signal and waits for the end; the exit code.
    pub fn stop(&mut self, signal: i32) -> Option<i32> {
        let pid = self.pid();
        let mut server = self.running.take().expect("running");
        kill(pid, signal);
        server.0.wait().unwrap().code()
    }

    pub fn signal(&self, signal: i32) {
        kill(self.pid(), signal);
    }

    /// Who asks its pages, where a web configuration names users.
    pub fn sign_in(&mut self, user: &str, password: &str) {
        self.user = Some((user.to_owned(), password.to_owned()));
    }
    fn dressed(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.user {
            Some((user, password)) => request.basic_auth(user, Some(password)),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> String {
        let answer = self.dressed(self.client.get(format!("{}{path}", self.url))).send().await.unwrap();
        answer.text().await.unwrap()
    }

    pub async fn post(&self, path: &str) -> (u16, String) {
        let answer = self.dressed(self.client.post(format!("{}{path}", self.url))).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    pub async fn metrics(&self) -> String {
        self.get("/metrics").await
    }

    /// The sample line that begins with `start`, once it is there.
    pub async fn series(&self, start: &str, limit: Duration) -> String {
        let what = format!("a series {start}; the log is {}", self.path("stderr.log").display());
        eventually(&what, limit, async || find(&self.metrics().await, start)).await
    }

    pub async fn no_series(&self, start: &str, limit: Duration) {
        let what = format!("the series {start} leaves");
        eventually(&what, limit, async || find(&self.metrics().await, start).is_none().then_some(())).await;
    }

    pub fn logs(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.path(name)).unwrap_or_default();
        read("stderr.log") + &read("stdout.log")
    }

    /// Runs a command of the program to its end: exit code, standard output, standard error.
    pub fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = self.command().args(arguments).stdin(Stdio::null()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
    }
}

fn kill(pid: i32, signal: i32) {
    let pid = rustix::process::Pid::from_raw(pid).expect("a pid");
    let signal = rustix::process::Signal::from_named_raw(signal).expect("a signal");
    rustix::process::kill_process(pid, signal).expect("the program is there");
}

fn find(page: &str, start: &str) -> Option<String> {
    page.lines().find(|line| line.starts_with(start)).map(str::to_owned)
}

/// The value of a sample line.
pub fn value(line: &str) -> f64 {
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// Every file below a folder, as bytes; for the hunt for planted secrets.
pub fn files_below(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files_below(&path)),
            false => found.push((path.clone(), std::fs::read(&path).unwrap())),
        }
    }
    found
}
