//! The YAML of an issuer definition: strict, compiled while read.

/// One kind of issuer, as data.
#[derive(Debug)]
pub struct Definition {
    pub name: String,
}
