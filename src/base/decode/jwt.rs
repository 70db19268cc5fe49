//! JWT claims without verification (RFC 7519): what it says about itself. The signature is not looked at, so nothing here
//! may be taken for proof.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Value, json};

use super::{DecodeError, json};

/// base64url; padding and loose last bits, which some issuers write, do no harm.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// `{ "header": {...}, "claims": {...} }`. Five segments (JWE) cannot be decoded. Claims stay as they are written:
/// `exp` may be a fraction or a text.
pub fn decode(token: &str) -> Result<Value, DecodeError> {
    let parts: Vec<&str> = token.trim().splitn(6, '.').collect();
    match parts[..] {
        [header, claims, _signature] => {
            Ok(json!({ "header": part(header, "header")?, "claims": part(claims, "claims")? }))
        }
        [_, _, _, _, _] => Err(DecodeError("an encrypted JWT (JWE): only its issuer can read its claims".into())),
        _ => Err(DecodeError("no JWT: it has three parts joined by dots".into())),
    }
}

fn part(text: &str, what: &str) -> Result<Value, DecodeError> {
    let bytes = BASE64.decode(text).map_err(|_| DecodeError(format!("no JWT: its {what} part is not base64url")))?;
    match json::decode(&bytes) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(DecodeError(format!("no JWT: its {what} part is no JSON object"))),
        Err(DecodeError(why)) => Err(DecodeError(format!("no JWT: its {what} part is {why}"))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(header: &str, claims: &str) -> String {
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        format!("{}.{}.c2lnbmF0dXJl", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
    }
    fn told(text: &str) -> String {
        decode(text).unwrap_err().0
    }

    #[test]
    fn claims_stay_as_written() {
        for (claims, exp) in [
            (r#"{"exp":1803859200}"#, json!(1_803_859_200)),
            (r#"{"exp":1803859200.5}"#, json!(1_803_859_200.5)),
            (r#"{"exp":"1803859200"}"#, json!("1803859200")),
        ] {
            let read = decode(&token(r#"{"alg":"none"}"#, claims)).unwrap();
            assert_eq!(read["claims"]["exp"], exp);
            assert_eq!(read["header"]["alg"], "none");
        }
    }

    #[test]
    fn line_ends_padding_and_missing_signatures_do_no_harm() {
        assert!(decode("eyJhIjoxfQ==.eyJhIjoxfQ==.\n").is_ok());
        assert!(decode("eyJhIjoxfQ.eyJhIjoxfQ.").is_ok());
    }

    #[test]
    fn what_is_no_jwt_is_refused_without_its_text() {
        assert_eq!(told("a.b.c.d.e"), "an encrypted JWT (JWE): only its issuer can read its claims");
        for text in ["", "S3CRET", "a.b", "a.b.c.d", "a.b.c.d.e.f"] {
            assert_eq!(told(text), "no JWT: it has three parts joined by dots");
        }
        assert_eq!(told("S3CRET!.e30.x"), "no JWT: its header part is not base64url");
        assert_eq!(told(&token("{}", "[]")), "no JWT: its claims part is no JSON object");
        assert_eq!(told(&token("{}", "{\"a\"")), "no JWT: its claims part is JSON cut short at line 1 column 4");
        assert_eq!(
            told(&token("{}", &"[".repeat(100))),
            "no JWT: its claims part is JSON nested deeper than 64 levels at line 1 column 65"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "[a-zA-Z0-9_.=-]{0,80}") {
            let _ = decode(&text);
        }
    }
}
