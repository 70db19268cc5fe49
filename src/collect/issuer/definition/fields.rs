//! How fields spell time, and what their absence means.

use std::collections::BTreeMap;

use crate::base::time::stamp::{Edge, Format};

/// Time fields of a record: `issued, starts, expires, hard_stop, renewed, last_used`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields {
    pub times: BTreeMap<String, TimeField>,
    /// What an absent or null `expires` means: `never` or `unknown` (semantics 4.1).
    pub no_expiry: NoExpiry,
    /// Texts that mean never beside the ones that every format has.
    pub never: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeField {
    #[serde(default)]
    pub format: Format,
    #[serde(default)]
    pub edge: Edge,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoExpiry {
    Never,
    #[default]
    Unknown,
}

impl Fields {
    pub fn time(&self, name: &str) -> TimeField {
        self.times.get(name).copied().unwrap_or_default()
    }
}
