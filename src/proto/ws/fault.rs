//! Every way in which a peer can break the framing.

/// The rule a peer broke. The connection is closed with [`Fault::close_code`]; nothing after it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Fault {
    /// A reserved bit is set, though no extension was agreed on (RFC 6455 5.2).
    #[error("a reserved bit is set")]
    ReservedBits,
    /// A reserved opcode (RFC 6455 5.2).
    #[error("the opcode is reserved")]
    ReservedOpcode,
    /// A client's frame without a mask (RFC 6455 5.1).
    #[error("a client must mask its frames")]
    Unmasked,
    /// A server's frame with a mask (RFC 6455 5.1).
    #[error("a server must not mask its frames")]
    Masked,
    /// A control frame in fragments (RFC 6455 5.5).
    #[error("a control frame must not be fragmented")]
    FragmentedControl,
    /// A control frame of more than 125 bytes (RFC 6455 5.5).
    #[error("a control frame must not exceed 125 bytes")]
    ControlTooLong,
    /// A length in more bytes than it needs, or above 63 bits (RFC 6455 5.2).
    #[error("a payload length must be encoded in the fewest bytes")]
    InvalidLength,
    /// A continuation frame without a message to continue (RFC 6455 5.4).
    #[error("there is no message to continue")]
    UnexpectedContinuation,
    /// A new message within a fragmented one (RFC 6455 5.4).
    #[error("the previous message is not complete")]
    InterruptedMessage,
    /// A message above the limit of the decoder (RFC 6455 7.4.1).
    #[error("the message is too large")]
    MessageTooLarge,
    /// Text or a close reason that is not UTF-8 (RFC 6455 5.5.1, 8.1).
    #[error("text must be UTF-8")]
    InvalidUtf8,
    /// A close frame of one byte, or with a code that must not be sent (RFC 6455 5.5.1, 7.4).
    #[error("the close code is invalid")]
    InvalidCloseCode,
}

impl Fault {
    /// The code to close with (RFC 6455 7.4.1).
    pub fn close_code(self) -> u16 {
        match self {
            Fault::MessageTooLarge => 1009,
            Fault::InvalidUtf8 => 1007,
            _ => 1002,
        }
    }
}
