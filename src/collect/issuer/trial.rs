//! What `forewarn try DEFINITION --response FILE` shows: the records that a definition finds in a saved answer.

use super::definition::Definition;
use crate::domain::At;

/// A saved answer: body, and optionally `HTTP/1.1 200 OK` with headers before an empty line (as `curl -i` writes it).
pub fn trial(
    _definition: std::sync::Arc<Definition>,
    _response: &[u8],
    _request: Option<&str>,
    _now: At,
) -> Result<String, String> {
    todo!()
}
