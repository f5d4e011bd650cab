//! Bytes to requests and frames, and back: HTTP/1.1 and WebSocket without any input or output.
//!
//! A decoder is a small value that is handed the received bytes of one connection and answers with a borrowed
//! request or message, with "not yet", or with the rule the peer broke. It never waits, reads no clock and, as long
//! as a request or frame arrives in one piece, neither copies nor allocates. Every result depends on the bytes alone
//! and never on how they were cut into reads.

pub mod backlog;
#[cfg(test)]
mod cuts;
pub mod http;
pub mod ws;
