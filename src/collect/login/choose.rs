//! Section → login: exactly one form, out of those that the issuer's definition accepts, or a sentence that says what
//! would be right. Reads no secret.

use super::{Accepted, AuthMethod, Login, LoginSection};

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
}

fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
