//! A running server as a command asks it: its URL, its user and its CA from flags or the environment, pages put together.
//! The password is read from a file and stands in no message.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::de::DeserializeOwned;
use url::Url;

use super::print::width;
use super::source::Failed;
use crate::base::http::client::{Client, Proxy, Settings, Tls};
use crate::base::http::{Request, Response, send};
use crate::base::secret::SecretRef;
use crate::base::time::clock::Clock;
use crate::collect::login::plain;

/// Largest answer, bytes: one page of a list.
const CAP: usize = 256 << 20;
/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest sentence of a server that is passed on, columns.
const SENTENCE: usize = 1_000;

#[derive(Args, Clone, Debug, Default)]
pub struct ServerArguments {
    /// Running server to ask, such as https://forewarn.example.com
    #[arg(long, value_name = "URL", env = "FOREWARN_URL", hide_env_values = true, conflicts_with = "config")]
    pub server: Option<String>,
    /// User of the server, where it asks for one; the password comes from a file
    #[arg(
        long = "server.user",
        value_name = "NAME",
        env = "FOREWARN_USER",
        hide_env_values = true,
        requires = "password_file"
    )]
    pub user: Option<String>,
    /// File that holds the password of that user
    #[arg(
        long = "server.password-file",
        value_name = "FILE",
        env = "FOREWARN_PASSWORD_FILE",
        hide_env_values = true,
        requires = "user"
    )]
    pub password_file: Option<PathBuf>,
    /// Authorities that may have signed the server's certificate, PEM; default: those of the system
    #[arg(long = "server.ca-file", value_name = "FILE", env = "FOREWARN_CA_FILE", hide_env_values = true)]
    pub ca_file: Option<PathBuf>,
}

/// Ready to be asked.
pub struct Server {
    /// Ends in a slash.
    base: Url,
    user: Option<(String, SecretRef)>,
    client: Client,
    runtime: tokio::runtime::Runtime,
}

impl Server {
    /// Checks and builds; asks nothing yet.
    pub fn new(url: &str, arguments: &ServerArguments) -> Result<Self, Failed> {
        let base = base(url).map_err(Failed::arguments)?;
        let user = arguments.user.clone().zip(arguments.password_file.clone().map(SecretRef::File));
        if user.is_some() && base.scheme() == "http" && !is_loopback(&base) {
            return Err(Failed::arguments("a password is not sent over http: write the server's URL with https://"));
        }
        let tls = Tls { ca_file: arguments.ca_file.clone(), ..Tls::default() };
        let settings = Settings { tls, proxy: Proxy::Environment, timeout: PATIENCE, body_cap: CAP };
        let client = Client::build(&settings).map_err(Failed::arguments)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failed::new(1, format!("cannot start: {error}")))?;
        Ok(Self { base, user, client, runtime })
    }

    /// `GET` of what stands below the server's URL, as JSON.
    pub fn get<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Result<T, Failed> {
        let response = self.ask(path, query)?;
        if response.status != 200 {
            return Err(self.refused(&response));
        }
        serde_json::from_slice(&response.body).map_err(|error| {
            self.failed(format!("its answer is not what forewarn answers ({error}): is it forewarn, of this version?"))
        })
    }

    /// `POST` to what stands below the server's URL; the server says when it may be asked again.
    pub fn post(&self, path: &[&str]) -> Result<(), Failed> {
        let response = self.send("POST", path, &[])?;
        match response.status {
            200..=299 => Ok(()),
            _ => Err(self.refused(&response)),
        }
    }

    fn ask(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Response, Failed> {
        self.send("GET", path, query)
    }

    fn send(&self, method: &str, path: &[&str], query: &[(&str, &str)]) -> Result<Response, Failed> {
        let mut url = self.base.clone();
        // Names hold slashes and stand in the path as they are read; everything else is escaped.
        let parts = path.iter().flat_map(|part| part.split('/'));
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(parts);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = Request { method: method.to_owned(), ..Request::get(url) };
        if let Some((user, password)) = &self.user {
            plain::basic(&mut request, user, password).map_err(|error| Failed::new(1, error.to_string()))?;
        }
        let sent = self.runtime.block_on(send::send(&self.client, request, &Clock::System));
        sent.map_err(|failure| self.failed(failure.to_string()))
    }

    fn failed(&self, text: String) -> Failed {
        Failed::new(1, format!("cannot ask {}: {}", self.base.origin().ascii_serialization(), width::inert(&text)))
    }

    fn refused(&self, response: &Response) -> Failed {
        let told = told(&response.body).map(|text| format!(": {text}")).unwrap_or_default();
        match response.status {
            401 if self.user.is_none() => {
                self.failed("it asks for a user: give --server.user and --server.password-file".into())
            }
            401 | 403 => self.failed(format!("it refuses this user ({})", response.status)),
            400 | 404 | 422 if !told.is_empty() => Failed::new(2, told.trim_start_matches(": ")),
            404 => self.failed("it has no such page (404): is it forewarn, and is the path of its URL right?".into()),
            status => self.failed(format!("it answers {status}{told}")),
        }
    }
}

/// The sentence of an answer that is no list: the field `error` of JSON, or one line of plain text.
fn told(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let json: Option<serde_json::Value> = serde_json::from_str(text).ok();
    let said = match &json {
        Some(json) => json.get("error")?.as_str()?,
        None if text.starts_with('<') || text.lines().count() > 1 => return None,
        None => text,
    };
    Some(width::cut(&width::inert(said), SENTENCE)).filter(|said| !said.is_empty())
}

/// A mistake never repeats the URL: it may hold a password.
fn base(text: &str) -> Result<Url, &'static str> {
    let mut url = Url::parse(text)
        .map_err(|_| "the server's URL cannot be read: write for example https://forewarn.example.com")?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err("the server's URL begins with http:// or https:// and has a host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("no user or password in the server's URL: give --server.user and --server.password-file");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("the server's URL has no query and no fragment: filters are words of the command");
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_or_refused_without_being_repeated() {
        assert_eq!(base("http://h:1/watch").unwrap().as_str(), "http://h:1/watch/");
        for wrong in
            ["nonsense", "ftp://h", "http://u:canary@h", "http://canary@h", "http://h/?canary", "http://[canary"]
        {
            assert!(!base(wrong).unwrap_err().contains("canary"), "{wrong}");
        }
    }

    #[test]
    fn what_a_server_says_is_one_inert_line() {
        assert_eq!(told(br#"{"error":"there is no token\u001b[2J"}"#).unwrap(), "there is no token\u{FFFD}[2J");
        assert_eq!(told(b"starting\n").unwrap(), "starting");
        assert_eq!(told(b"<html>"), None);
        assert_eq!(told(br#"{"a":1}"#), None);
    }
}
