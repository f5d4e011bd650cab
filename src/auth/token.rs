//! User tokens: JSON Web Tokens signed with HMAC-SHA256 (RFC 7519, RFC 8725).
//!
//! A token names the account *instance*, not only the user id: a re-created account of the same id is
//! another instance, so old tokens stay dead (contract section 1). Whether the instance, the generation
//! and the token are still wanted is the caller's question; here only what the token itself can prove.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use thiserror::Error;

const ISSUER: &str = "ringim";

/// Tokens that claim to live longer were not issued by us and are refused, in seconds.
pub const MAX_LIFE_SECONDS: i64 = 31 * 24 * 3600;

/// Shortest secret a token key is made of, in bytes (RFC 7518 section 3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// What a token says about its bearer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// User id (`sub`).
    pub user_id: String,
    /// Account instance (`acc`): another one for a re-created account of the same id.
    pub account: i64,
    /// Token generation of the account (`gen`): raised to end all older tokens at once.
    pub generation: i64,
    /// Id of this one token (`jti`), for `logout`.
    pub token_id: String,
    /// Unix seconds (`iat`).
    pub issued_at: i64,
    /// Unix seconds (`exp`); from this second on the token is refused.
    pub expires_at: i64,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenFault {
    /// Not a token of ours: wrong shape, algorithm, issuer or claims.
    #[error("the token is not one this server issues")]
    Malformed,
    /// Changed, or signed with another secret.
    #[error("the token's signature does not match")]
    BadSignature,
    /// Its `exp` has passed.
    #[error("the token has expired")]
    Expired,
}

/// The claims as they stand in the token.
#[derive(Serialize, Deserialize)]
struct WireClaims {
    iss: String,
    sub: String,
    acc: i64,
    #[serde(rename = "gen")]
    generation: i64,
    jti: String,
    iat: i64,
    exp: i64,
}

/// The secret tokens are signed and checked with.
pub struct TokenKey {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl TokenKey {
    /// `secret` holds at least [`MIN_SECRET_BYTES`]; the start-up checks see to it.
    pub fn new(secret: &[u8]) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        // The library would ask the system clock; `verify` compares with the time it is given.
        validation.validate_exp = false;
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
        }
    }

    /// The signed token of these claims.
    pub fn issue(&self, claims: &Claims) -> String {
        let wire = WireClaims {
            iss: ISSUER.to_owned(),
            sub: claims.user_id.clone(),
            acc: claims.account,
            generation: claims.generation,
            jti: claims.token_id.clone(),
            iat: claims.issued_at,
            exp: claims.expires_at,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &wire, &self.encoding)
            .expect("an HMAC key signs any claims that are plain strings and integers")
    }

    /// Checks form, signature, issuer and life of a token; `now_ms` in Unix milliseconds, no leeway.
    pub fn verify(&self, token: &str, now_ms: i64) -> Result<Claims, TokenFault> {
        let data =
            jsonwebtoken::decode::<WireClaims>(token, &self.decoding, &self.validation).map_err(|error| match error
                .kind()
            {
                ErrorKind::InvalidSignature => TokenFault::BadSignature,
                _ => TokenFault::Malformed,
            })?;
        // RFC 7515 section 4.1.11: extensions we do not know must not be ignored.
        if data.header.crit.is_some() {
            return Err(TokenFault::Malformed);
        }
        let wire = data.claims;
        let life = wire.exp.checked_sub(wire.iat).ok_or(TokenFault::Malformed)?;
        if !(1..=MAX_LIFE_SECONDS).contains(&life) {
            return Err(TokenFault::Malformed);
        }
        if now_ms >= wire.exp.saturating_mul(1000) {
            return Err(TokenFault::Expired);
        }
        Ok(Claims {
            user_id: wire.sub,
            account: wire.acc,
            generation: wire.generation,
            token_id: wire.jti,
            issued_at: wire.iat,
            expires_at: wire.exp,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
    const ISSUED: i64 = 1_700_000_000;

    fn claims() -> Claims {
        Claims {
            user_id: "alice".to_owned(),
            account: 7,
            generation: 3,
            token_id: "t1".to_owned(),
            issued_at: ISSUED,
            expires_at: ISSUED + 60,
        }
    }

    /// A token with any header and claims, signed correctly.
    fn forge(header: &serde_json::Value, claims: &serde_json::Value) -> String {
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET);
        let tag = aws_lc_rs::hmac::sign(&key, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    fn wire() -> serde_json::Value {
        json!({"iss":"ringim","sub":"alice","acc":7,"gen":3,"jti":"t1","iat":ISSUED,"exp":ISSUED + 60})
    }

    #[test]
    fn a_token_returns_its_claims_until_the_second_it_expires() {
        let key = TokenKey::new(SECRET);
        let token = key.issue(&claims());
        assert_eq!(key.verify(&token, ISSUED * 1000), Ok(claims()));
        let end_ms = (ISSUED + 60) * 1000;
        assert_eq!(key.verify(&token, end_ms - 1), Ok(claims()));
        assert_eq!(key.verify(&token, end_ms), Err(TokenFault::Expired));
    }

    #[test]
    fn a_forged_token_of_the_right_shape_is_the_baseline_of_the_cases_below() {
        let token = forge(&json!({"alg":"HS256","typ":"JWT"}), &wire());
        assert_eq!(TokenKey::new(SECRET).verify(&token, ISSUED * 1000), Ok(claims()));
    }

    #[test]
    fn another_secret_or_a_changed_claim_breaks_the_signature() {
        let key = TokenKey::new(SECRET);
        let token = TokenKey::new(&[9; 32]).issue(&claims());
        assert_eq!(key.verify(&token, ISSUED * 1000), Err(TokenFault::BadSignature));
        let token = key.issue(&claims());
        let mut parts: Vec<&str> = token.split('.').collect();
        let mut changed = wire();
        changed["sub"] = json!("mallory");
        let payload = URL_SAFE_NO_PAD.encode(changed.to_string());
        parts[1] = &payload;
        assert_eq!(
            key.verify(&parts.join("."), ISSUED * 1000),
            Err(TokenFault::BadSignature)
        );
    }

    #[test]
    fn only_our_algorithm_is_accepted() {
        let key = TokenKey::new(SECRET);
        for alg in ["none", "None", "nOnE", "HS384", "HS512", "RS256", "ES256", ""] {
            let token = forge(&json!({"alg":alg,"typ":"JWT"}), &wire());
            assert_eq!(key.verify(&token, ISSUED * 1000), Err(TokenFault::Malformed), "{alg}");
        }
        let token = forge(&json!({"alg":"HS256","typ":"JWT"}), &wire());
        let (unsigned, _) = token.rsplit_once('.').expect("three parts");
        assert!(key.verify(&format!("{unsigned}."), ISSUED * 1000).is_err());
        assert!(key.verify(unsigned, ISSUED * 1000).is_err());
    }

    #[test]
    fn a_critical_header_extension_is_refused() {
        let token = forge(&json!({"alg":"HS256","typ":"JWT","crit":["x"],"x":1}), &wire());
        let verified = TokenKey::new(SECRET).verify(&token, ISSUED * 1000);
        assert_eq!(verified, Err(TokenFault::Malformed));
    }

    #[test]
    fn claims_missing_mistyped_or_foreign_are_refused() {
        let key = TokenKey::new(SECRET);
        let changes = [
            ("exp", json!(null)),
            ("exp", json!("1700000060")),
            ("exp", json!(ISSUED + MAX_LIFE_SECONDS + 1)),
            ("exp", json!(i64::MAX)),
            ("exp", json!(1e300)),
            ("exp", json!(ISSUED)),
            ("iat", json!(i64::MIN)),
            ("sub", json!(7)),
            ("sub", json!(null)),
            ("iss", json!("another")),
            ("iss", json!(null)),
            ("acc", json!("7")),
            ("acc", json!(null)),
            ("gen", json!(1.5)),
            ("jti", json!(null)),
        ];
        for (claim, value) in changes {
            let mut changed = wire();
            changed[claim] = value.clone();
            let token = forge(&json!({"alg":"HS256","typ":"JWT"}), &changed);
            let verified = key.verify(&token, ISSUED * 1000);
            assert_eq!(verified, Err(TokenFault::Malformed), "{claim} {value}");
            changed.as_object_mut().expect("an object").remove(claim);
            let token = forge(&json!({"alg":"HS256","typ":"JWT"}), &changed);
            assert_eq!(
                key.verify(&token, ISSUED * 1000),
                Err(TokenFault::Malformed),
                "no {claim}"
            );
        }
    }

    #[test]
    fn what_is_no_token_is_malformed() {
        let key = TokenKey::new(SECRET);
        for text in ["", ".", "..", "a.b.c", "a.b.c.d", "\u{0}", "Bearer x", "é.é.é"] {
            assert_eq!(key.verify(text, 0), Err(TokenFault::Malformed), "{text:?}");
        }
    }
}
