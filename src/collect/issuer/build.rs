//! Pure: a definition's request and an ask → an HTTP request. The login's credential is not put on here.

use super::frontier::Ask;
use super::scope::Scope;
use crate::base::http::Request;
use crate::base::secret::Secret;

/// Why no request can be made; the ask counts as failed (`decode`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BuildError(pub String);

/// Builds the request. `value` is the inspected value, for asks with a probe: it goes where the definition says
/// (a form field, or the header of a `token` login). The caller calls `Login::dress` if the definition's request
/// `sends` the login.
pub fn request(_scope: &Scope, _ask: &Ask, _value: Option<&Secret>) -> Result<Request, BuildError> {
    todo!()
}
