//! HTTP/1.1, server side (RFC 9110, RFC 9112): requests in, responses out.
//!
//! The parser refuses rather than guesses: whatever two implementations could read differently is a [`Fault`], after
//! which nothing further of the connection may be interpreted. [`RequestParser`] finds the end of the head ([`scan`]),
//! has httparse check it, settles the framing ([`framing`]) and decodes the body in place ([`body`]).

mod body;
mod chunked;
mod fault;
mod fields;
mod framing;
mod head;
mod request;
pub mod response;
mod scan;
#[cfg(test)]
mod tests;
pub mod upgrade;

pub use fault::Fault;
pub use fields::Fields;
pub use head::{Method, Version};
pub use request::{Awaiting, Progress, Request, RequestParser};
pub use response::Response;

/// How much of a request is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the head, from the request line to the empty line.
    pub head_bytes: usize,
    /// Fields of the head, at most [`Limits::MAX_FIELDS`].
    pub fields: usize,
    /// Bytes of the decoded body.
    pub body_bytes: usize,
}

impl Limits {
    /// The most fields that can be configured: room for them is set aside on the stack while a head is parsed.
    pub const MAX_FIELDS: usize = 256;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 32 * 1024,
            fields: 100,
            body_bytes: 1024 * 1024,
        }
    }
}
