//! JSON, with a limit on nesting.

use serde_json::Value;

use super::DecodeError;

pub fn decode(_bytes: &[u8]) -> Result<Value, DecodeError> {
    todo!()
}
