//! The web-config file: TLS and users, in the format of the Prometheus exporter toolkit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::base::yaml::mistake::{FileNo, Mistake, Mistakes};
use crate::base::yaml::{reader, tree};

/// The file as written. Relative paths start at its folder.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebConfig {
    pub tls_server_config: Option<TlsServer>,
    pub basic_auth_users: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsServer {
    pub cert_file: PathBuf,
    pub key_file: PathBuf,
    /// `NoClientCert` (default), `RequireAndVerifyClientCert`.
    pub client_auth_type: Option<String>,
    pub client_ca_file: Option<PathBuf>,
    /// `TLS12` or `TLS13`.
    pub min_version: Option<String>,
}

/// Why the file cannot be used; names the file and every mistake in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WebConfigError(pub String);

impl WebConfig {
    pub fn load(path: &Path) -> Result<Self, WebConfigError> {
        let failed = |text: String| WebConfigError(format!("web config {}: {text}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| failed(format!("cannot be read: {error}")))?;
        let node = tree::parse(FileNo(0), &text).map_err(|mistake| failed(said(&mistake)))?;
        if node.is_null() {
            return Ok(Self::default());
        }
        let mut mistakes = Mistakes::default();
        let config: Option<Self> = reader::read(&node, "", &mut mistakes);
        let mut config = match config {
            Some(config) if mistakes.is_empty() => config,
            _ => return Err(failed(mistakes.list.iter().map(said).collect::<Vec<_>>().join("; "))),
        };
        config.anchor(path.parent().unwrap_or(Path::new("")));
        config.check().map_err(failed)?;
        Ok(config)
    }

    fn anchor(&mut self, base: &Path) {
        if let Some(tls) = &mut self.tls_server_config {
            tls.cert_file = base.join(&tls.cert_file);
            tls.key_file = base.join(&tls.key_file);
            tls.client_ca_file = tls.client_ca_file.as_ref().map(|file| base.join(file));
        }
    }

    fn check(&self) -> Result<(), String> {
        for (user, hash) in self.basic_auth_users.iter().flatten() {
            // The hash is a secret of sorts: named by its user, never quoted.
            let parsed: Result<bcrypt::HashParts, _> = hash.parse();
            if parsed.is_err() {
                return Err(format!(
                    "basic_auth_users.{user}: not a bcrypt hash; make one with `htpasswd -nBC 10 {user}`"
                ));
            }
        }
        let Some(tls) = &self.tls_server_config else { return Ok(()) };
        let verifies = match tls.client_auth_type.as_deref() {
            None | Some("" | "NoClientCert") => false,
            Some("RequireAndVerifyClientCert") => true,
            Some(_) => {
                return Err(
                    "tls_server_config.client_auth_type: write NoClientCert or RequireAndVerifyClientCert".into()
                );
            }
        };
        if verifies && tls.client_ca_file.is_none() {
            return Err("tls_server_config.client_ca_file: required, because client certificates are verified".into());
        }
        match tls.min_version.as_deref() {
            None | Some("TLS12" | "TLS13") => Ok(()),
            Some(_) => Err("tls_server_config.min_version: write TLS12 or TLS13".into()),
        }
    }
}

fn said(mistake: &Mistake) -> String {
    match mistake.place {
        Some(place) => format!("line {}, column {}: {}: {}", place.line, place.column, mistake.path, mistake.text),
        None => format!("{}: {}", mistake.path, mistake.text),
    }
}
