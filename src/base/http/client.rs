//! A client per destination: own CA, client certificate, proxy, same-origin redirects, time limit.
//!
//! Knows settings, not credentials: those stand on the request, and no redirect carries them to another origin.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::redirect::{Action, Attempt, Policy};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use super::tls;

/// Certificates for talking to the issuer. Verification cannot be switched off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Roots to trust besides the system's, PEM.
    #[schemars(example = &"/etc/ssl/corp-ca.pem")]
    pub ca_file: Option<PathBuf>,
    /// The client certificate, PEM; needs `key_file`.
    pub cert_file: Option<PathBuf>,
    /// The key of the client certificate, PEM.
    pub key_file: Option<PathBuf>,
    /// The name that the server's certificate must hold, instead of the URL's host; needs `ca_file`.
    pub server_name: Option<String>,
}

/// `environment` (default), `none`, or a URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Proxy {
    #[default]
    Environment,
    None,
    Url(url::Url),
}

impl JsonSchema for Proxy {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Proxy".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "`environment` (HTTPS_PROXY, HTTP_PROXY, NO_PROXY), `none`, or the URL of a proxy.",
            "anyOf": [{ "enum": ["environment", "none"] }, { "type": "string", "pattern": r"^https?://[^/?#@\s]+(/\S*)?$" }],
            "examples": ["http://proxy.example.com:3128"],
        })
    }
}

impl<'de> Deserialize<'de> for Proxy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "environment" => return Ok(Proxy::Environment),
            "none" => return Ok(Proxy::None),
            _ => {}
        }
        // The text may hold a password: no message repeats it.
        let url = url::Url::parse(&text).map_err(|_| {
            de::Error::custom("write `environment`, `none`, or a URL such as http://proxy.example.com:3128")
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(de::Error::custom("a proxy's URL begins with http:// or https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(de::Error::custom(
                "no user or password in a proxy's URL; set HTTPS_PROXY in the environment and write `environment`",
            ));
        }
        Ok(Proxy::Url(url))
    }
}

#[derive(Clone, Debug)]
pub struct Settings {
    pub tls: Tls,
    pub proxy: Proxy,
    /// From the first byte out to the last byte in.
    pub timeout: Duration,
    /// Largest body after decompression, bytes.
    pub body_cap: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ClientError(pub String);

/// Cheap to clone.
#[derive(Clone)]
pub struct Client {
    pub(super) inner: reqwest::Client,
    pub(super) body_cap: usize,
    pub(super) hides_paths: bool,
}

/// Longest wait for a connection, within the whole limit.
const CONNECT: Duration = Duration::from_secs(10);
/// Redirects followed on one origin.
const REDIRECTS: usize = 5;

impl Client {
    /// Reads CA and identity files; an empty CA file is an error.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that builds clients")]
    pub fn build(settings: &Settings) -> Result<Self, ClientError> {
        tls::ensure_provider();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("forewarn/", env!("CARGO_PKG_VERSION")))
            .referer(false)
            .redirect(Policy::custom(same_origin))
            .timeout(settings.timeout)
            .connect_timeout(settings.timeout.min(CONNECT))
            .pool_max_idle_per_host(2)
            .pool_idle_timeout(Duration::from_secs(30));
        builder = match &settings.proxy {
            Proxy::Environment => builder,
            Proxy::None => builder.no_proxy(),
            Proxy::Url(url) => builder.proxy(
                reqwest::Proxy::all(url.clone())
                    .map_err(|_| ClientError("the proxy's URL cannot be used; write http://HOST:PORT".into()))?,
            ),
        };
        builder = with_tls(builder, &settings.tls)?;
        let inner = builder.build().map_err(|error| {
            ClientError(format!("cannot build an HTTP client: {}", super::send::cause(&error.without_url())))
        })?;
        Ok(Self { inner, body_cap: settings.body_cap, hides_paths: false })
    }
    /// For destinations whose URL is itself the credential (incoming webhooks): failures name the origin alone.
    #[must_use]
    pub fn hide_paths(mut self) -> Self {
        self.hides_paths = true;
        self
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("body_cap", &self.body_cap).finish_non_exhaustive()
    }
}

fn with_tls(builder: reqwest::ClientBuilder, tls: &Tls) -> Result<reqwest::ClientBuilder, ClientError> {
    let identity = tls::identity(tls)?;
    if let Some(ca) = &tls.ca_file {
        return Ok(builder.tls_backend_preconfigured(tls::config(ca, tls.server_name.as_deref(), identity.as_ref())?));
    }
    if tls.server_name.is_some() {
        return Err(ClientError("tls.server_name needs tls.ca_file: name the CA that vouches for it".into()));
    }
    let Some(identity) = identity else {
        return Ok(builder);
    };
    let mut pem = identity.chain;
    pem.push(b'\n');
    pem.extend_from_slice(identity.key.expose().as_bytes());
    let identity = reqwest::Identity::from_pem(&pem)
        .map_err(|_| ClientError("tls.cert_file and tls.key_file do not form an identity".into()))?;
    Ok(builder.identity(identity))
}

/// Credentials never cross origins: a redirect elsewhere is handed back as the answer it is.
fn same_origin(attempt: Attempt<'_>) -> Action {
    let stays = attempt.previous().last().is_some_and(|from| from.origin() == attempt.url().origin());
    if stays && attempt.previous().len() <= REDIRECTS { attempt.follow() } else { attempt.stop() }
}
