//! Generic webhook with a Standard Webhooks signature.

use serde::Deserialize;

use crate::base::secret::SecretRef;

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    pub url: String,
    pub secret: Option<SecretRef>,
}

/// A checked section.
#[derive(Clone, Debug)]
pub struct Config {
    pub url: url::Url,
    pub secret: Option<SecretRef>,
}
