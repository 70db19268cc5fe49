//! JSON, with a limit on nesting. Errors say where and what kind, never what stood there.

use serde_json::Value;
use serde_json::error::Category;

use super::DecodeError;

/// Deepest nesting taken; issuers' answers have less than ten.
const DEEPEST: usize = 64;

pub fn decode(bytes: &[u8]) -> Result<Value, DecodeError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let first = bytes.iter().find(|b| !b.is_ascii_whitespace());
    match first {
        None => return Err(DecodeError("an empty body instead of JSON".into())),
        Some(b'<') => return Err(DecodeError("a page (HTML or XML) instead of JSON".into())),
        Some(_) => {}
    }
    if let Some((line, column)) = too_deep(bytes) {
        return Err(DecodeError(format!("JSON nested deeper than {DEEPEST} levels at line {line} column {column}")));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        DecodeError(match error.classify() {
            Category::Eof => format!("JSON cut short at line {line} column {column}"),
            _ => format!("no JSON at line {line} column {column}"),
        })
    })
}

/// Where the nesting first goes too deep. Looks at brackets outside of strings only.
fn too_deep(bytes: &[u8]) -> Option<(usize, usize)> {
    let (mut depth, mut in_text, mut escaped) = (0usize, false, false);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => depth += 1,
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            let before = &bytes[..at];
            let line = 1 + before.iter().filter(|b| **b == b'\n').count();
            let column = at + 1 - before.iter().rposition(|b| *b == b'\n').map_or(0, |newline| newline + 1);
            return Some((line, column));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn told(text: &str) -> String {
        decode(text.as_bytes()).unwrap_err().0
    }

    #[test]
    fn json_is_read() {
        assert_eq!(decode(b" {\"a\": [1, \"b\"]} "), Ok(json!({"a": [1, "b"]})));
        assert_eq!(decode(b"\xef\xbb\xbf[]"), Ok(json!([])));
        assert_eq!(decode(b"null"), Ok(json!(null)));
    }

    #[test]
    fn errors_say_where_and_not_what() {
        assert_eq!(told(""), "an empty body instead of JSON");
        assert_eq!(told(" \n"), "an empty body instead of JSON");
        assert_eq!(told("<!doctype html>"), "a page (HTML or XML) instead of JSON");
        assert_eq!(told("{\"a\": [1,\n"), "JSON cut short at line 2 column 0");
        assert_eq!(told("{\"a\":\n S3CRET}"), "no JSON at line 2 column 2");
        assert_eq!(told("[] S3CRET"), "no JSON at line 1 column 4");
        assert!(decode(b"\"\xff\"").is_err());
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(decode(nested(DEEPEST).as_bytes()).is_ok());
        assert_eq!(told(&nested(DEEPEST + 1)), "JSON nested deeper than 64 levels at line 1 column 65");
        assert_eq!(
            told(&format!("[\n{}", "{\"a\":".repeat(1_000_000))),
            "JSON nested deeper than 64 levels at line 2 column 316"
        );
        // Brackets in a text are no nesting.
        assert!(decode(format!("\"\\\"{}\"", "[".repeat(1_000)).as_bytes()).is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }
}
