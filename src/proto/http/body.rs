//! The body of a request, decoded where it was received.

use super::chunked::ChunkedDecoder;
use super::framing::Framing;
use super::{Fault, Limits};

/// Decodes one body.
#[derive(Debug)]
pub(super) enum BodyDecoder {
    /// So many bytes follow the head.
    Sized(usize),
    /// Chunks follow the head.
    Chunked(ChunkedDecoder),
}

/// Where a complete body lies in the bytes after the head.
pub(super) struct BodyEnd {
    /// Length of the decoded body, which is at the front.
    pub(super) decoded: usize,
    /// Length of the body as it was received.
    pub(super) received: usize,
}

impl From<Framing> for BodyDecoder {
    fn from(framing: Framing) -> Self {
        match framing {
            Framing::Sized(length) => BodyDecoder::Sized(length),
            Framing::Chunked => BodyDecoder::Chunked(ChunkedDecoder::default()),
        }
    }
}

impl BodyDecoder {
    /// Decodes the bytes after the head, `None` while some are missing.
    ///
    /// # Errors
    /// The rule that a chunked body breaks.
    pub(super) fn advance(&mut self, input: &mut [u8], limits: &Limits) -> Result<Option<BodyEnd>, Fault> {
        match self {
            BodyDecoder::Sized(length) => {
                let end = BodyEnd {
                    decoded: *length,
                    received: *length,
                };
                Ok((input.len() >= *length).then_some(end))
            }
            BodyDecoder::Chunked(decoder) => {
                let received = decoder.advance(input, limits.body_bytes)?;
                Ok(received.map(|received| BodyEnd {
                    decoded: decoder.decoded(),
                    received,
                }))
            }
        }
    }

    /// How many of the `available` bytes of an incomplete body must be kept for the next call.
    pub(super) fn keep(&self, available: usize) -> usize {
        match self {
            BodyDecoder::Sized(_) => available,
            BodyDecoder::Chunked(decoder) => decoder.decoded(),
        }
    }
}
