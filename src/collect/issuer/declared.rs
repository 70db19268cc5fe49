//! Dates that someone typed: the issuer `declared`.

use crate::domain::At;

/// One entry of `tokens:`.
#[derive(Clone, Debug, PartialEq)]
pub struct Typed {
    pub name: String,
    /// `None`: `never`.
    pub expires: Option<(At, At)>,
    pub issued: Option<At>,
    /// Where it is written, `file:line`, for explain.
    pub at: String,
}
