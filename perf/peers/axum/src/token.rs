//! User tokens and the admin key.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::refusal::{self, Refusal};

const LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    admin_key: String,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    exp: u64,
}

impl Tokens {
    /// Tokens of a bench need not outlive the server's key.
    pub fn new(admin_key: String) -> Self {
        Self {
            encoding: EncodingKey::from_secret(admin_key.as_bytes()),
            decoding: DecodingKey::from_secret(admin_key.as_bytes()),
            admin_key,
        }
    }

    pub fn mint(&self, user: &str) -> Result<String, Refusal> {
        let claims = Claims {
            sub: user.to_owned(),
            exp: (now() + LIFE).as_secs(),
        };
        jsonwebtoken::encode(&Header::default(), &claims, &self.encoding).map_err(|_| refusal::FAILED)
    }

    /// The user whose token a request carries.
    pub fn user(&self, headers: &HeaderMap) -> Result<String, Refusal> {
        bearer(headers)
            .and_then(|token| jsonwebtoken::decode::<Claims>(token, &self.decoding, &Validation::default()).ok())
            .map(|token| token.claims.sub)
            .ok_or(refusal::UNAUTHENTICATED)
    }

    pub fn check_admin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        match bearer(headers) == Some(&self.admin_key) {
            true => Ok(()),
            false => Err(refusal::UNAUTHENTICATED),
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// Since the beginning of 1970.
pub fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
