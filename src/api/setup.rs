//! What a gateway is told once, at its construction: secrets, limits and switches from the settings.

use std::time::Duration;

use crate::auth::attempts::AttemptRates;
use crate::auth::key::KeyDigest;
use crate::auth::token::TokenKey;
use crate::base::limits;
use crate::config::network::Network;
use crate::config::origins::Origins;
use crate::config::{Config, Registration};
use crate::proto::http;

/// Shared by all gateways of a process; never changes.
pub struct Setup {
    /// How many shards there are.
    pub shards: u16,
    /// Changes when the store was restored or re-created (contract section 3).
    pub epoch: Box<str>,
    /// What tokens are signed with.
    pub token_key: TokenKey,
    /// Life of a token, in seconds.
    pub token_ttl_seconds: i64,
    /// Keys with all scopes that are not stored: `RINGIM_ADMIN_KEY`, and the one of the command line.
    pub unstored_keys: Vec<KeyDigest>,
    /// Whether anybody may register.
    pub registration_open: bool,
    /// Limits on guessing.
    pub rates: AttemptRates,
    /// Limits of HTTP requests.
    pub http: http::Limits,
    /// Bytes of a WebSocket message; `maxFrame` of `hello`.
    pub max_frame_bytes: u32,
    /// Bytes of a message's content.
    pub max_content_bytes: usize,
    /// Bytes of a password.
    pub password_bytes: std::ops::RangeInclusive<usize>,
    /// Whether webhooks may call loopback and private addresses.
    pub webhook_allow_private: bool,
    /// Origins that may use the user API from a browser.
    pub cors_origins: Origins,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Time a client has for each part of a conversation, in milliseconds.
    pub deadlines: Deadlines,
}

/// How long is waited for a client, in milliseconds (contract sections 2 and 3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deadlines {
    /// For a request head.
    pub head_ms: u64,
    /// For a request body.
    pub body_ms: u64,
    /// For the next request of a kept connection.
    pub idle_ms: u64,
    /// For the first frame of a WebSocket without a token.
    pub authenticate_ms: u64,
    /// Between two pings.
    pub ping_ms: u64,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            head_ms: 10_000,
            body_ms: 30_000,
            idle_ms: 75_000,
            authenticate_ms: limits::AUTHENTICATE_MS,
            ping_ms: limits::PING_MS,
        }
    }
}

/// What is not a setting but known at the start.
pub struct Start {
    /// How many shards there are.
    pub shards: u16,
    /// The store's epoch.
    pub epoch: Box<str>,
    /// What tokens are signed with.
    pub token_key: TokenKey,
    /// Keys that are not stored.
    pub unstored_keys: Vec<KeyDigest>,
}

impl Setup {
    /// Joins the settings with what is known at the start.
    pub fn new(config: &Config, start: Start) -> Self {
        let milliseconds = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self {
            shards: start.shards,
            epoch: start.epoch,
            token_key: start.token_key,
            token_ttl_seconds: i64::try_from(config.token_ttl.as_secs()).unwrap_or(i64::MAX),
            unstored_keys: start.unstored_keys,
            registration_open: config.registration == Registration::Open,
            rates: AttemptRates {
                login_failures_per_minute: config.rates.login_failures_per_minute,
                register_per_minute: config.rates.register_per_minute,
            },
            http: http::Limits {
                head_bytes: config.limits.head_bytes,
                fields: config.limits.head_fields,
                body_bytes: config.limits.body_bytes,
            },
            max_frame_bytes: u32::try_from(config.limits.frame_bytes).unwrap_or(u32::MAX),
            max_content_bytes: config.limits.content_bytes,
            password_bytes: config.limits.password_bytes(),
            webhook_allow_private: config.webhook_allow_private,
            cors_origins: config.cors_origins.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            deadlines: Deadlines {
                head_ms: milliseconds(config.deadlines.head),
                body_ms: milliseconds(config.deadlines.body),
                idle_ms: milliseconds(config.deadlines.idle),
                ..Deadlines::default()
            },
        }
    }
}
