//! Slack incoming webhook: success is read from the body.

use serde::Deserialize;

use crate::base::secret::SecretRef;

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    pub webhook_url: SecretRef,
}
