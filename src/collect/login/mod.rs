//! How a collector proves who it is: the login puts its credential on a request, read now.
//!
//! Knows no issuer: which forms are accepted, and in which header a token goes, is told by the definition.

use serde::Deserialize;

use crate::base::http::Request;
use crate::base::secret::{Secret, SecretRef};

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

impl Accepted {
    fn key(&self) -> &'static str {
        match self {
            Accepted::Token { .. } => "token",
            Accepted::Basic => "basic",
            Accepted::Header => "header",
            Accepted::ClientId => "client_id",
        }
    }
}

impl LoginSection {
    /// The forms that are written, by key.
    fn written(&self) -> Vec<&'static str> {
        let client = self.client_id.is_some() || self.client_secret.is_some() || self.auth_method.is_some();
        let forms = [
            ("token", self.token.is_some()),
            ("basic", self.basic.is_some()),
            ("header", self.header.is_some()),
            ("client_id", client),
        ];
        forms.into_iter().filter(|(_, there)| *there).map(|(key, _)| key).collect()
    }
}

impl Login {
    /// From the section, out of the forms that the issuer's definition accepts; every sentence says what would be right.
    /// No section is no login.
    pub fn build(section: Option<&LoginSection>, accepted: &[Accepted]) -> Result<Self, Vec<String>> {
        let Some(section) = section else {
            return Ok(Login::None);
        };
        let written = section.written();
        let keys = || accepted.iter().map(Accepted::key).collect::<Vec<_>>().join(", ");
        let &[form] = written.as_slice() else {
            return Err(vec![match (written.is_empty(), accepted.is_empty()) {
                (true, true) => "this issuer takes no login; leave `login` out".into(),
                (true, false) => format!("no form of login is written; write one of: {}", keys()),
                (false, _) => format!("{} are written; write exactly one form of login", written.join(" and ")),
            }]);
        };
        let Some(way) = accepted.iter().find(|way| way.key() == form) else {
            return Err(vec![if accepted.is_empty() {
                "this issuer takes no login; leave `login` out".into()
            } else {
                format!("this issuer takes no `{form}` login; write one of: {}", keys())
            }]);
        };
        Self::from_form(section, way)
    }

    fn from_form(section: &LoginSection, way: &Accepted) -> Result<Self, Vec<String>> {
        let login = match way {
            Accepted::Token { header, prefix } => {
                section.token.clone().map(|at| Login::Token { header: header.clone(), prefix: prefix.clone(), at })
            }
            Accepted::Basic => {
                section.basic.clone().map(|basic| Login::Basic { username: basic.username, password: basic.password })
            }
            Accepted::Header => match &section.header {
                Some(header) if !is_header_name(&header.name) => {
                    return Err(vec![
                        "header.name is not the name of an HTTP header; write for example X-Api-Key".into(),
                    ]);
                }
                header => header.clone().map(|header| Login::Header { name: header.name, at: header.value }),
            },
            Accepted::ClientId => match (&section.client_id, &section.client_secret) {
                (Some(id), Some(secret)) => {
                    let method = section.auth_method.unwrap_or(AuthMethod::ClientSecretBasic);
                    Some(Login::ClientSecret { id: id.clone(), secret: secret.clone(), method })
                }
                (None, _) => {
                    return Err(vec!["client_id is missing; write `client_id: NAME` beside client_secret".into()]);
                }
                (Some(_), None) => {
                    return Err(vec!["client_secret is missing; write `client_secret: { file: PATH }` or `{ env: NAME }` beside client_id".into()]);
                }
            },
        };
        login.ok_or_else(|| vec![format!("{} is missing", way.key())])
    }

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

fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Who a login is.
pub enum Identity {
    Nobody,
    Named(String),
    Opaque(Secret),
}

#[cfg(test)]
mod tests;
