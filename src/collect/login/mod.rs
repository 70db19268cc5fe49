//! How a collector proves who it is: the login puts its credential on a request, read now.
//!
//! Knows no issuer: which forms are accepted, and in which header a token goes, is told by the definition.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::base::http::Request;
use crate::base::secret::{Secret, SecretRef};

mod choose;
pub mod keyring;
pub mod plain;

/// How a collector proves who it is: exactly one form, out of those that the issuer takes.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend(
    "oneOf" = [{ "required": ["token"] }, { "required": ["basic"] }, { "required": ["header"] }, { "required": ["client_id"] }],
    "dependentRequired" = { "client_id": ["client_secret"], "client_secret": ["client_id"], "auth_method": ["client_id"] },
))]
pub struct LoginSection {
    /// An API token; the issuer's definition says in which header it goes.
    #[schemars(example = serde_json::json!({ "file": "/run/secrets/gitlab-read" }))]
    pub token: Option<SecretRef>,
    /// A user and a password.
    pub basic: Option<BasicSection>,
    /// A header of your own.
    pub header: Option<HeaderSection>,
    /// An OAuth client, with its `client_secret`.
    #[schemars(example = &"forewarn")]
    pub client_id: Option<String>,
    /// The secret of the OAuth client.
    pub client_secret: Option<SecretRef>,
    /// How the client shows its secret.
    #[schemars(extend("default" = "client_secret_basic"))]
    pub auth_method: Option<AuthMethod>,
}

/// A user and a password.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BasicSection {
    /// The user.
    pub username: String,
    /// The password.
    pub password: SecretRef,
}

/// A header with a secret.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderSection {
    /// The header's name.
    #[schemars(regex(pattern = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"), example = &"X-Api-Key")]
    pub name: String,
    /// Its whole value.
    pub value: SecretRef,
}

/// How an OAuth client shows its secret (RFC 6749 section 2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    ClientSecretBasic,
    ClientSecretPost,
}

impl LoginSection {
    /// Where its secret stands, for people: `file gitlab-read`, `env GITLAB_READ`. The folder is nobody's business.
    pub fn stands_at(&self) -> Option<String> {
        let basic = self.basic.as_ref().map(|basic| &basic.password);
        let header = self.header.as_ref().map(|header| &header.value);
        let secret = self.token.as_ref().or(basic).or(header).or(self.client_secret.as_ref())?;
        Some(match secret {
            SecretRef::Env(name) => format!("env {name}"),
            SecretRef::File(path) => format!("file {}", path.file_name()?.to_string_lossy()),
        })
    }
}

/// A login ready to dress requests.
#[derive(Clone, Debug)]
pub enum Login {
    None,
    /// `Authorization: Bearer`, or the header that the definition names (`PRIVATE-TOKEN`, `X-Vault-Token`).
    Token {
        header: String,
        prefix: String,
        at: SecretRef,
    },
    Header {
        name: String,
        at: SecretRef,
    },
    Basic {
        username: String,
        password: SecretRef,
    },
    ClientSecret {
        id: String,
        secret: SecretRef,
        method: AuthMethod,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LoginError(pub String);

/// A form of login that an issuer accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// Sent in this header, after this prefix (`Bearer `, its space included).
    Token {
        header: String,
        prefix: String,
    },
    Basic,
    Header,
    ClientId,
}

impl Login {
    /// Adds the credential, read now, so that a rotated file needs no reload.
    pub fn dress(&self, request: &mut Request) -> Result<(), LoginError> {
        match self {
            Login::None => Ok(()),
            Login::Token { header, prefix, at } => plain::header(request, header, prefix, at),
            Login::Header { name, at } => plain::header(request, name, "", at),
            Login::Basic { username, password } => plain::basic(request, username, password),
            Login::ClientSecret { id, secret, method: AuthMethod::ClientSecretBasic } => {
                plain::client_basic(request, id, secret)
            }
            Login::ClientSecret { id, secret, method: AuthMethod::ClientSecretPost } => {
                plain::client_post(request, id, secret)
            }
        }
    }
    /// What identifies it for the sight (semantics 3.1): client id or user; for an opaque token its value.
    pub fn identity(&self) -> Result<Identity, LoginError> {
        match self {
            Login::None => Ok(Identity::Nobody),
            Login::Token { at, .. } | Login::Header { at, .. } => Ok(Identity::Opaque(keyring::get(at)?)),
            Login::Basic { username, .. } => Ok(Identity::Named(username.clone())),
            Login::ClientSecret { id, .. } => Ok(Identity::Named(id.clone())),
        }
    }
    /// The value that the login lives on, read now: token, password or client secret. `None` without a login.
    pub fn value(&self) -> Result<Option<Secret>, LoginError> {
        match self {
            Login::None => Ok(None),
            Login::Token { at, .. } | Login::Header { at, .. } => keyring::get(at).map(Some),
            Login::Basic { password: at, .. } | Login::ClientSecret { secret: at, .. } => keyring::get(at).map(Some),
        }
    }
}

/// Who a login is.
pub enum Identity {
    Nobody,
    Named(String),
    Opaque(Secret),
}

#[cfg(test)]
mod tests;
