//! How a listing goes on after its first page.

use url::Url;

use crate::collect::issuer::jq::Program;

#[derive(Debug, Default)]
pub enum Paging {
    #[default]
    None,
    /// `Link: <…>; rel="next"` (RFC 8288).
    Link,
    /// The whole next URL stands in the body; nothing or null ends it.
    NextUrl(Program),
    /// A page number in the query, from `first`; a page shorter than `size`, or an empty one, is the last.
    Page { param: String, first: u64, size: Option<u64>, count: Program },
    /// How many to skip.
    Offset { param: String, size: u64, count: Program },
    /// An opaque text from the body, sent back.
    Cursor { program: Program, place: Place },
}

/// Where a cursor is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Query(String),
    Body(String),
}

/// Where in a listing an ask stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PageAt {
    First,
    Url(Url),
    Number(u64),
    Offset(u64),
    Cursor(String),
}
