//! Whole gateways without sockets: bytes in, bytes out, with the real committer over the memory store.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

mod authorisation;
mod http;
mod live;
mod socket;
mod world;
