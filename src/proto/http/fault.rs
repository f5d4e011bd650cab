//! Every way in which a request can break the rules.

/// The rule a request broke. After any of them the connection is answered and closed: where the next request would
/// begin is no longer certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Fault {
    /// A line feed without a carriage return before it (RFC 9112 2.2).
    #[error("a line feed must follow a carriage return")]
    BareLineFeed,
    /// A carriage return without a line feed after it (RFC 9112 2.2).
    #[error("a carriage return must be followed by a line feed")]
    BareCarriageReturn,
    /// A NUL byte in the head (RFC 9110 5.5).
    #[error("the head must not contain NUL bytes")]
    NulByte,
    /// The first line is not `method SP target SP version` (RFC 9112 3).
    #[error("the request line must be method, target and version, separated by single spaces")]
    InvalidRequestLine,
    /// The target is neither a path nor, for OPTIONS, `*` (RFC 9112 3.2).
    #[error("the request target must be an absolute path")]
    InvalidTarget,
    /// A well-formed version other than 1.0 and 1.1 (RFC 9110 15.6.6).
    #[error("use HTTP/1.1")]
    UnsupportedVersion,
    /// A field name that is no token (RFC 9112 5.1).
    #[error("a field name contains a character that is not allowed")]
    InvalidFieldName,
    /// White space between field name and colon (RFC 9112 5.1).
    #[error("there must be no space between a field name and its colon")]
    SpaceBeforeColon,
    /// A field line that begins with white space (RFC 9112 2.2, 5.2).
    #[error("a field must not be folded over several lines")]
    ObsoleteFolding,
    /// A control character in a field value (RFC 9110 5.5).
    #[error("a field value contains a control character")]
    InvalidFieldValue,
    /// The head exceeds `Limits::head_bytes` (RFC 6585 5).
    #[error("the request head is too large")]
    HeadTooLarge,
    /// The head has more than `Limits::fields` fields (RFC 6585 5).
    #[error("the request head has too many fields")]
    TooManyFields,
    /// HTTP/1.1 without Host (RFC 9112 3.2).
    #[error("send a Host field")]
    MissingHost,
    /// More than one Host (RFC 9112 3.2).
    #[error("send one Host field only")]
    RepeatedHost,
    /// A Host that is not a host with an optional port (RFC 9110 7.2).
    #[error("the Host field must be a host name or address, with an optional port")]
    InvalidHost,
    /// More than one Content-Length, even if equal (RFC 9112 6.3).
    #[error("send one Content-Length field only")]
    RepeatedContentLength,
    /// A Content-Length that is not a decimal number of 64 bits (RFC 9110 8.6).
    #[error("Content-Length must be a decimal number")]
    MalformedContentLength,
    /// Content-Length together with Transfer-Encoding (RFC 9112 6.1).
    #[error("send either Content-Length or Transfer-Encoding")]
    ContentLengthWithTransferEncoding,
    /// A Transfer-Encoding other than one `chunked`, or any in HTTP/1.0 (RFC 9112 6.1).
    #[error("the only transfer encoding understood is chunked, in HTTP/1.1")]
    UnsupportedTransferEncoding,
    /// A Content-Encoding other than `identity` (RFC 9110 15.5.16).
    #[error("send the body without content encoding")]
    UnsupportedContentEncoding,
    /// An Expect other than `100-continue` (RFC 9110 10.1.1).
    #[error("the only expectation understood is 100-continue")]
    UnsupportedExpectation,
    /// The body exceeds `Limits::body_bytes` (RFC 9110 15.5.14).
    #[error("the request body is too large")]
    BodyTooLarge,
    /// A chunk size that is not 1 to 16 hexadecimal digits (RFC 9112 7.1).
    #[error("a chunk size must be a hexadecimal number")]
    InvalidChunkSize,
    /// A control character in a chunk extension, or white space that begins none (RFC 9112 7.1.1).
    #[error("a chunk extension is malformed")]
    InvalidChunkExtension,
    /// Chunk extensions of more than 16 KiB in one body (RFC 9112 7.1.1).
    #[error("the chunk extensions are too large")]
    ChunkExtensionsTooLarge,
    /// Chunk data without a line end after it (RFC 9112 7.1).
    #[error("a chunk is longer than its size says")]
    MissingChunkEnd,
    /// A trailer line that is no field line (RFC 9112 7.1.2).
    #[error("a trailer field is malformed")]
    InvalidTrailer,
    /// Trailers of more than 16 KiB (RFC 6585 5).
    #[error("the trailer fields are too large")]
    TrailersTooLarge,
}

impl Fault {
    /// The status code of the refusal.
    pub fn status(self) -> u16 {
        match self {
            Fault::HeadTooLarge | Fault::TooManyFields | Fault::TrailersTooLarge => 431,
            Fault::BodyTooLarge => 413,
            Fault::UnsupportedContentEncoding => 415,
            Fault::UnsupportedExpectation => 417,
            Fault::UnsupportedVersion => 505,
            _ => 400,
        }
    }
}
