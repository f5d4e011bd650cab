//! The chunked transfer coding (RFC 9112 7.1), decoded in place and in any pieces.

use super::Fault;

/// Bytes of chunk extensions, and again of trailers, that one body may have. Both are dropped.
const EXTRA_BYTES: u32 = 16 * 1024;

/// Digits of a chunk size: what 64 bits hold.
const SIZE_DIGITS: u8 = 16;

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A chunk size of which so many digits have been read.
    Size(u8),
    /// White space between a chunk size and its extension.
    Space,
    /// An extension.
    Extension,
    /// The line feed after a chunk size.
    SizeLineFeed,
    /// The data of a chunk.
    Data,
    /// The carriage return after the data.
    DataReturn,
    /// The line feed after the data.
    DataLineFeed,
    /// The first byte of a trailer line, or the carriage return of the empty line.
    TrailerStart,
    /// The name of a trailer field.
    TrailerName,
    /// The value of a trailer field.
    TrailerValue,
    /// The line feed after a trailer field.
    TrailerLineFeed,
    /// The line feed of the empty line.
    EndLineFeed,
    /// Nothing: the body is complete.
    Done,
}

/// Decodes one chunked body. It absorbs every byte it is given: between calls only the decoded ones need to be kept.
#[derive(Debug)]
pub(super) struct ChunkedDecoder {
    state: State,
    /// Bytes of extensions, then of trailers.
    extra: u32,
    /// Size, and later the missing bytes, of the current chunk.
    chunk: u64,
    /// Decoded bytes, at the front of the input.
    decoded: usize,
}

impl Default for ChunkedDecoder {
    fn default() -> Self {
        Self {
            state: State::Size(0),
            extra: 0,
            chunk: 0,
            decoded: 0,
        }
    }
}

impl ChunkedDecoder {
    /// Number of decoded bytes; they are the front of the input.
    pub(super) fn decoded(&self) -> usize {
        self.decoded
    }

    /// Decodes `input`, which begins with the [`Self::decoded`] bytes of earlier calls, by moving data to its front.
    ///
    /// Answers where in `input` the body ended, or `None` if all was absorbed and more must come.
    ///
    /// # Errors
    /// The broken rule; [`Fault::BodyTooLarge`] as soon as a chunk size exceeds `limit` bytes in all.
    pub(super) fn advance(&mut self, input: &mut [u8], limit: usize) -> Result<Option<usize>, Fault> {
        let mut position = self.decoded;
        while let Some(&byte) = input.get(position) {
            if self.state == State::Data {
                position += self.take_data(input, position);
                continue;
            }
            self.state = self.step(byte, limit)?;
            position += 1;
            if self.state == State::Done {
                return Ok(Some(position));
            }
        }
        Ok(None)
    }

    /// Moves the data at `position` to the decoded bytes and answers how much there was.
    fn take_data(&mut self, input: &mut [u8], position: usize) -> usize {
        let available = input.len() - position;
        let length = usize::try_from(self.chunk).map_or(available, |missing| missing.min(available));
        input.copy_within(position..position + length, self.decoded);
        self.decoded += length;
        self.chunk -= length as u64;
        if self.chunk == 0 {
            self.state = State::DataReturn;
        }
        length
    }

    fn step(&mut self, byte: u8, limit: usize) -> Result<State, Fault> {
        match (self.state, byte) {
            (State::Size(digits), _) => self.step_size(digits, byte),
            (State::Space | State::Extension, _) => self.step_extension(byte),
            (State::SizeLineFeed, b'\n') => self.begin_chunk(limit),
            (State::DataReturn, b'\r') => Ok(State::DataLineFeed),
            (State::DataReturn, _) => Err(Fault::MissingChunkEnd),
            (State::DataLineFeed, b'\n') => Ok(State::Size(0)),
            (State::TrailerStart | State::TrailerName | State::TrailerValue, _) => self.step_trailer(byte),
            (State::TrailerLineFeed, b'\n') => Ok(State::TrailerStart),
            (State::EndLineFeed, b'\n') => Ok(State::Done),
            _ => Err(Fault::BareCarriageReturn),
        }
    }

    fn step_size(&mut self, digits: u8, byte: u8) -> Result<State, Fault> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            b'\n' => return Err(Fault::BareLineFeed),
            b'\r' if digits > 0 => return Ok(State::SizeLineFeed),
            b' ' | b'\t' if digits > 0 => {
                return self.count(State::Space, Fault::ChunkExtensionsTooLarge);
            }
            b';' if digits > 0 => {
                return self.count(State::Extension, Fault::ChunkExtensionsTooLarge);
            }
            _ => return Err(Fault::InvalidChunkSize),
        };
        if digits == SIZE_DIGITS {
            return Err(Fault::InvalidChunkSize);
        }
        self.chunk = self.chunk << 4 | u64::from(digit);
        Ok(State::Size(digits + 1))
    }

    fn step_extension(&mut self, byte: u8) -> Result<State, Fault> {
        let next = match (self.state, byte) {
            (_, b'\n') => return Err(Fault::BareLineFeed),
            (State::Space, b' ' | b'\t') => State::Space,
            (State::Space, b';') => State::Extension,
            (State::Extension, b'\r') => return Ok(State::SizeLineFeed),
            (State::Extension, _) if is_text(byte) => State::Extension,
            _ => return Err(Fault::InvalidChunkExtension),
        };
        self.count(next, Fault::ChunkExtensionsTooLarge)
    }

    fn begin_chunk(&mut self, limit: usize) -> Result<State, Fault> {
        if self.chunk == 0 {
            self.extra = 0;
            return Ok(State::TrailerStart);
        }
        let room = limit.saturating_sub(self.decoded) as u64;
        if self.chunk > room {
            Err(Fault::BodyTooLarge)
        } else {
            Ok(State::Data)
        }
    }

    fn step_trailer(&mut self, byte: u8) -> Result<State, Fault> {
        let next = match (self.state, byte) {
            (_, b'\n') => return Err(Fault::BareLineFeed),
            (State::TrailerStart, b'\r') => return Ok(State::EndLineFeed),
            (State::TrailerValue, b'\r') => return Ok(State::TrailerLineFeed),
            (State::TrailerName, b':') => State::TrailerValue,
            (State::TrailerStart | State::TrailerName, _) if is_token(byte) => State::TrailerName,
            (State::TrailerValue, _) if is_text(byte) => State::TrailerValue,
            _ => return Err(Fault::InvalidTrailer),
        };
        self.count(next, Fault::TrailersTooLarge)
    }

    /// Counts one byte that will be dropped.
    fn count(&mut self, next: State, fault: Fault) -> Result<State, Fault> {
        self.extra += 1;
        if self.extra > EXTRA_BYTES { Err(fault) } else { Ok(next) }
    }
}

/// A byte of a field value or chunk extension: anything but control characters, and the tab (RFC 9110 5.5).
fn is_text(byte: u8) -> bool {
    byte == b'\t' || !byte.is_ascii_control()
}

/// A byte of a token (RFC 9110 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(body: &[u8], limit: usize) -> Result<Option<(Vec<u8>, usize)>, Fault> {
        let mut input = body.to_vec();
        let mut decoder = ChunkedDecoder::default();
        let end = decoder.advance(&mut input, limit)?;
        Ok(end.map(|end| (input[..decoder.decoded()].to_vec(), end)))
    }

    #[test]
    fn chunks_are_joined_and_the_rest_is_left() {
        let body = b"4\r\nWiki\r\n5;name=\"v\"\r\npedia\r\n0B \t; x\r\n in chunks.\r\n000\r\nTrailer: 1\r\n\r\nGET";
        assert_eq!(
            decode(body, 20),
            Ok(Some((b"Wikipedia in chunks.".to_vec(), body.len() - 3)))
        );
        assert_eq!(decode(body, 19), Err(Fault::BodyTooLarge));
        for end in 0..body.len() - 3 {
            assert_eq!(decode(&body[..end], 20), Ok(None), "cut at {end}");
        }
    }

    #[test]
    fn absorbed_bytes_need_not_be_kept() {
        let body = b"1;ext\r\na\r\n2\r\nbc\r\n0\r\nA: b\r\n\r\n";
        let mut decoder = ChunkedDecoder::default();
        let mut kept = Vec::new();
        for (index, &byte) in body.iter().enumerate() {
            kept.push(byte);
            let end = decoder.advance(&mut kept, 3).unwrap();
            assert_eq!(end.is_some(), index == body.len() - 1);
            kept.truncate(decoder.decoded());
        }
        assert_eq!(kept, b"abc");
    }

    #[test]
    fn each_rule_has_its_fault() {
        let cases: &[(&[u8], Fault)] = &[
            (b"\r\n", Fault::InvalidChunkSize),
            (b";a\r\n", Fault::InvalidChunkSize),
            (b" 1\r\n", Fault::InvalidChunkSize),
            (b"+1\r\n", Fault::InvalidChunkSize),
            (b"-1\r\n", Fault::InvalidChunkSize),
            (b"0x1\r\n", Fault::InvalidChunkSize),
            (b"1g\r\n", Fault::InvalidChunkSize),
            (b"\0", Fault::InvalidChunkSize),
            (b"00000000000000001\r\n", Fault::InvalidChunkSize),
            (b"FFFFFFFFFFFFFFFF\r\n", Fault::BodyTooLarge),
            (b"1\na", Fault::BareLineFeed),
            (b"1\ra", Fault::BareCarriageReturn),
            (b"1;a\n", Fault::BareLineFeed),
            (b"1;a\ra", Fault::BareCarriageReturn),
            (b"1;\0", Fault::InvalidChunkExtension),
            (b"1 \r\n", Fault::InvalidChunkExtension),
            (b"1 1\r\n", Fault::InvalidChunkExtension),
            (b"1 \n", Fault::BareLineFeed),
            (b"1\r\nab", Fault::MissingChunkEnd),
            (b"1\r\na\n", Fault::MissingChunkEnd),
            (b"1\r\na\rb", Fault::BareCarriageReturn),
            (b"0\r\n\n", Fault::BareLineFeed),
            (b"0\r\n\ra", Fault::BareCarriageReturn),
            (b"0\r\n a: b", Fault::InvalidTrailer),
            (b"0\r\na : b", Fault::InvalidTrailer),
            (b"0\r\n: b", Fault::InvalidTrailer),
            (b"0\r\na\r\n", Fault::InvalidTrailer),
            (b"0\r\na:\0", Fault::InvalidTrailer),
            (b"0\r\na:b\n", Fault::BareLineFeed),
            (b"0\r\na:b\rc", Fault::BareCarriageReturn),
        ];
        for (body, expected) in cases {
            assert_eq!(
                decode(body, 100),
                Err(*expected),
                "{:?}",
                body.escape_ascii().to_string()
            );
        }
    }

    #[test]
    fn what_is_dropped_is_bounded() {
        let extras = EXTRA_BYTES as usize;
        let extension = |length| [b"0;", vec![b'a'; length - 1].as_slice(), b"\r\n\r\n"].concat();
        assert!(decode(&extension(extras), 0).unwrap().is_some());
        assert_eq!(decode(&extension(extras + 1), 0), Err(Fault::ChunkExtensionsTooLarge));
        let trailer = |length| [b"0\r\na:", vec![b'b'; length - 2].as_slice(), b"\r\n\r\n"].concat();
        assert!(decode(&trailer(extras), 0).unwrap().is_some());
        assert_eq!(decode(&trailer(extras + 1), 0), Err(Fault::TrailersTooLarge));
        let both = [&extension(extras)[..extras + 3], &trailer(extras)[3..]].concat();
        assert!(decode(&both, 0).unwrap().is_some());
    }
}
