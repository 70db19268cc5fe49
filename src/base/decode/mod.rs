//! Bytes → JSON value, bounded in size and depth.

pub mod json;
pub mod jwt;
pub mod x509;

/// Why bytes could not be decoded; says where, never what stood there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(pub String);
