//! A collector = a definition + settings + a login. One engine interprets every definition.

use std::sync::Arc;
use std::time::Duration;

use crate::base::http::client::Client;
use crate::base::secret::SecretRef;
use crate::collect::login::Login;
use crate::domain::key::CollectorId;

pub mod build;
pub mod declared;
pub mod definition;
pub mod files;
pub mod frontier;
pub mod jq;
pub mod listing;
pub mod next;
pub mod pace;
mod plan;
mod raw;
pub mod read;
pub mod record;
pub mod scope;
pub mod shipped;
pub mod template;
pub mod trial;
pub mod walk;

/// One configured collector, checked and ready to walk.
#[derive(Clone)]
pub struct Collector {
    pub id: CollectorId,
    pub definition: Arc<definition::Definition>,
    pub settings: Settings,
    pub login: Login,
    /// `None` for offline origins (files, declared).
    pub client: Option<Client>,
}

/// What the configuration says about one collector; texts are checked.
#[derive(Clone, Debug)]
pub struct Settings {
    pub url: Option<url::Url>,
    pub every: Duration,
    pub timeout: Duration,
    pub concurrency: usize,
    /// RFC 8414/OIDC: instead of discovery.
    pub introspection_endpoint: Option<url::Url>,
    /// Walk the inventory (a login without `inspect`, or `inventory:` given).
    pub walks: bool,
    /// Definition's own inventory keys → values (`groups: [platform]`); JSON.
    pub inventory: serde_json::Map<String, serde_json::Value>,
    /// Name → where the value lies.
    pub inspect: Vec<(String, SecretRef)>,
    /// Globs, absolute.
    pub files: Vec<String>,
    pub show_trust_roots: bool,
    pub declared: Vec<declared::Typed>,
    /// `slots: id` (semantics 1.9).
    pub slots_by_id: bool,
    pub max_tokens: usize,
}
