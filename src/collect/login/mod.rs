//! How a collector proves who it is: the login puts its credential on a request, read now.

use serde::Deserialize;

use crate::base::http::Request;
use crate::base::secret::SecretRef;

pub mod keyring;
pub mod plain;

/// The section `login:` of a collector; exactly one form.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginSection {
    pub token: Option<SecretRef>,
    pub basic: Option<BasicSection>,
    pub header: Option<HeaderSection>,
    pub client_id: Option<String>,
    pub client_secret: Option<SecretRef>,
    pub auth_method: Option<AuthMethod>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasicSection {
    pub username: String,
    pub password: SecretRef,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderSection {
    pub name: String,
    pub value: SecretRef,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    ClientSecretBasic,
    ClientSecretPost,
}

/// A login ready to dress requests.
#[derive(Clone, Debug)]
pub enum Login {
    None,
    /// `Authorization: Bearer`, or the header that the definition names (`PRIVATE-TOKEN`, `X-Vault-Token`).
    Token { header: String, prefix: String, at: SecretRef },
    Header { name: String, at: SecretRef },
    Basic { username: String, password: SecretRef },
    ClientSecret { id: String, secret: SecretRef, method: AuthMethod },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LoginError(pub String);

impl Login {
    /// Adds the credential, read now, so that a rotated file needs no reload.
    pub fn dress(&self, _request: &mut Request) -> Result<(), LoginError> {
        todo!()
    }
    /// What identifies it for the sight (semantics 3.1): client id or user; for an opaque token its value.
    pub fn identity(&self) -> Result<Identity, LoginError> {
        todo!()
    }
}

/// Who a login is.
pub enum Identity {
    Nobody,
    Named(String),
    Opaque(crate::base::secret::Secret),
}
