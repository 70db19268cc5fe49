//! Mail by SMTP: one recipient a delivery, implicit TLS or required STARTTLS, text and HTML parts.

use serde::Deserialize;

use crate::base::secret::SecretRef;

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    pub smtp: String,
    pub login: Option<LoginSection>,
    pub from: String,
    pub to: Vec<String>,
    pub tls: Option<String>,
    pub ca_file: Option<std::path::PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginSection {
    pub username: String,
    pub password: SecretRef,
}

/// A checked section.
#[derive(Clone, Debug)]
pub struct Config {
    pub section: Section,
}
