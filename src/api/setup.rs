//! What a gateway is told once, at its construction: secrets, limits and switches from the settings.

use crate::auth::attempts::AttemptRates;
use crate::auth::key::KeyDigest;
use crate::auth::token::TokenKey;
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
    /// `RINGIM_ADMIN_KEY`: a key with all scopes that is not stored.
    pub admin_key: Option<KeyDigest>,
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
    /// Origins that may use the user API from a browser.
    pub cors_origins: CorsOrigins,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Time a client has for each part of a conversation, in milliseconds.
    pub deadlines: Deadlines,
}

/// Which origins the user API answers (contract section 2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CorsOrigins {
    /// All: bearer tokens are no cookies.
    Any,
    /// These, as a browser writes them; empty for none.
    Listed(Vec<Box<str>>),
}

/// A range of addresses in CIDR notation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    /// The first address.
    pub address: std::net::IpAddr,
    /// Leading bits that count.
    pub prefix: u8,
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
        Self { head_ms: 10_000, body_ms: 30_000, idle_ms: 75_000, authenticate_ms: 5_000, ping_ms: 25_000 }
    }
}

impl Network {
    /// Whether the address lies in the range; IPv4 in IPv6 counts as IPv4.
    pub fn contains(&self, address: std::net::IpAddr) -> bool {
        use std::net::IpAddr::{V4, V6};
        let same = |one: u128, two: u128, bits: u32| {
            let shift = bits - u32::from(self.prefix).min(bits);
            one.checked_shr(shift) == two.checked_shr(shift)
        };
        match (self.address.to_canonical(), address.to_canonical()) {
            (V4(own), V4(other)) => same(u128::from(own.to_bits()), u128::from(other.to_bits()), 32),
            (V6(own), V6(other)) => same(own.to_bits(), other.to_bits(), 128),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_their_addresses() {
        let network = |address: &str, prefix| Network { address: address.parse().unwrap(), prefix };
        let contains = |network: Network, address: &str| network.contains(address.parse().unwrap());
        assert!(contains(network("10.0.0.0", 8), "10.255.1.2"));
        assert!(contains(network("10.0.0.0", 8), "::ffff:10.1.1.1"));
        assert!(!contains(network("10.0.0.0", 8), "11.0.0.1"));
        assert!(contains(network("0.0.0.0", 0), "1.2.3.4"));
        assert!(contains(network("fd00::", 16), "fd00::1") && !contains(network("fd00::", 16), "fe80::1"));
        assert!(!contains(network("10.0.0.0", 8), "::1"));
    }
}
