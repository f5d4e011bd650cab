//! WebSocket frames and messages (RFC 6455), without extensions.
//!
//! [`Decoder`] turns received bytes into messages, [`encode`] turns messages into frames. The opening handshake is
//! HTTP: [`super::http::upgrade`].

mod close;
mod decoder;
mod encoder;
mod fault;
mod frame;
mod mask;
#[cfg(test)]
mod tests;

pub use close::CloseReason;
pub use decoder::{Decoder, Message, Payload, Progress};
pub use encoder::{encode, encode_close};
pub use fault::Fault;
pub use frame::{Header, Opcode};

/// Which end of the connection this is. Clients mask what they send, servers do not (RFC 6455 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Accepted the connection.
    Server,
    /// Opened the connection.
    Client,
}
