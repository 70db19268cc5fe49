//! A client per destination: own CA, client certificate, proxy, same-origin redirects, time limit.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

/// The section `tls:` of a collector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    pub ca_file: Option<PathBuf>,
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
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

#[derive(Clone, Debug)]
pub struct Settings {
    pub tls: Tls,
    pub proxy: Proxy,
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
    pub(super) _inner: reqwest::Client,
}

impl Client {
    /// Reads CA and identity files; an empty CA file is an error.
    pub fn build(_settings: &Settings) -> Result<Self, ClientError> {
        todo!()
    }
}
