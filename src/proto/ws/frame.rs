//! The header of a frame (RFC 6455 5.2).

use super::Fault;

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Opcode {
    /// A further fragment of a message.
    Continuation = 0x0,
    /// A text message, or its first fragment.
    Text = 0x1,
    /// A binary message, or its first fragment.
    Binary = 0x2,
    /// The end of what this side sends.
    Close = 0x8,
    /// Asks for a pong.
    Ping = 0x9,
    /// Answers a ping.
    Pong = 0xa,
}

impl Opcode {
    fn from_bits(bits: u8) -> Result<Self, Fault> {
        match bits {
            0x0 => Ok(Opcode::Continuation),
            0x1 => Ok(Opcode::Text),
            0x2 => Ok(Opcode::Binary),
            0x8 => Ok(Opcode::Close),
            0x9 => Ok(Opcode::Ping),
            0xa => Ok(Opcode::Pong),
            _ => Err(Fault::ReservedOpcode),
        }
    }

    /// Whether frames of this kind control the connection: short, never fragmented, allowed between fragments.
    pub fn is_control(self) -> bool {
        matches!(self, Opcode::Close | Opcode::Ping | Opcode::Pong)
    }
}

/// A frame header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Whether this frame ends its message.
    pub fin: bool,
    /// What the frame carries.
    pub opcode: Opcode,
    /// The masking key of a client's frame.
    pub mask: Option<[u8; 4]>,
    /// Bytes of payload that follow.
    pub length: u64,
}

impl Header {
    /// Reads the header at the front of `input` and how many bytes it takes; `None` while some are missing.
    ///
    /// # Errors
    /// The first rule that the header breaks on its own, whoever sent it.
    pub fn read(input: &[u8]) -> Result<Option<(Self, usize)>, Fault> {
        let &[first, second, ref rest @ ..] = input else {
            return Ok(None);
        };
        if first & 0x70 != 0 {
            return Err(Fault::ReservedBits);
        }
        let fin = first & 0x80 != 0;
        let opcode = Opcode::from_bits(first & 0x0f)?;
        if opcode.is_control() && !fin {
            return Err(Fault::FragmentedControl);
        }
        if opcode.is_control() && second & 0x7f > 125 {
            return Err(Fault::ControlTooLong);
        }
        let Some((length, rest)) = read_length(second & 0x7f, rest)? else {
            return Ok(None);
        };
        let (mask, rest) = match (second & 0x80 != 0, rest.split_first_chunk()) {
            (false, _) => (None, rest),
            (true, Some((key, rest))) => (Some(*key), rest),
            (true, None) => return Ok(None),
        };
        Ok(Some((
            Self {
                fin,
                opcode,
                mask,
                length,
            },
            input.len() - rest.len(),
        )))
    }

    /// Appends the header to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.fin) << 7 | self.opcode as u8);
        let mask_bit = u8::from(self.mask.is_some()) << 7;
        if self.length < 126 {
            out.push(mask_bit | self.length as u8);
        } else if let Ok(length) = u16::try_from(self.length) {
            out.push(mask_bit | 126);
            out.extend_from_slice(&length.to_be_bytes());
        } else {
            out.push(mask_bit | 127);
            out.extend_from_slice(&self.length.to_be_bytes());
        }
        out.extend_from_slice(self.mask.as_ref().map_or(&[], |key| key.as_slice()));
    }
}

/// The payload length and what follows it; `None` while bytes of it are missing.
fn read_length(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, Fault> {
    let (length, least, rest) = match short {
        126 => match rest.split_first_chunk() {
            Some((bytes, rest)) => (u64::from(u16::from_be_bytes(*bytes)), 126, rest),
            None => return Ok(None),
        },
        127 => match rest.split_first_chunk() {
            Some((bytes, rest)) => (u64::from_be_bytes(*bytes), 1 << 16, rest),
            None => return Ok(None),
        },
        length => (u64::from(length), 0, rest),
    };
    if length < least || length > i64::MAX as u64 {
        Err(Fault::InvalidLength)
    } else {
        Ok(Some((length, rest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(length: u64, mask: Option<[u8; 4]>) -> Vec<u8> {
        let mut out = Vec::new();
        Header {
            fin: true,
            opcode: Opcode::Text,
            mask,
            length,
        }
        .write(&mut out);
        out
    }

    #[test]
    fn headers_survive_writing_and_reading_at_every_length_boundary() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, i64::MAX as u64] {
            for mask in [None, Some([1, 2, 3, 4])] {
                let bytes = written(length, mask);
                let header = Header {
                    fin: true,
                    opcode: Opcode::Text,
                    mask,
                    length,
                };
                assert_eq!(Header::read(&bytes), Ok(Some((header, bytes.len()))));
                for cut in 0..bytes.len() {
                    assert_eq!(Header::read(&bytes[..cut]), Ok(None));
                }
            }
        }
    }

    #[test]
    fn the_examples_of_the_specification_are_read() {
        let header = |fin, opcode, mask, length| Header {
            fin,
            opcode,
            mask,
            length,
        };
        let cases: &[(&[u8], Header, usize)] = &[
            (&[0x81, 0x05], header(true, Opcode::Text, None, 5), 2),
            (
                &[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d],
                header(true, Opcode::Text, Some([0x37, 0xfa, 0x21, 0x3d]), 5),
                6,
            ),
            (&[0x01, 0x03], header(false, Opcode::Text, None, 3), 2),
            (&[0x80, 0x02], header(true, Opcode::Continuation, None, 2), 2),
            (&[0x89, 0x05], header(true, Opcode::Ping, None, 5), 2),
            (&[0x82, 0x7e, 0x01, 0x00], header(true, Opcode::Binary, None, 256), 4),
            (
                &[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0],
                header(true, Opcode::Binary, None, 65_536),
                10,
            ),
        ];
        for (bytes, expected, length) in cases {
            assert_eq!(Header::read(bytes), Ok(Some((*expected, *length))), "{bytes:02x?}");
        }
    }

    #[test]
    fn each_rule_has_its_fault() {
        let cases: &[(&[u8], Fault)] = &[
            (&[0xc1, 0x80], Fault::ReservedBits),
            (&[0xa1, 0x80], Fault::ReservedBits),
            (&[0x91, 0x80], Fault::ReservedBits),
            (&[0x83, 0x80], Fault::ReservedOpcode),
            (&[0x87, 0x80], Fault::ReservedOpcode),
            (&[0x8b, 0x80], Fault::ReservedOpcode),
            (&[0x8f, 0x80], Fault::ReservedOpcode),
            (&[0x08, 0x80], Fault::FragmentedControl),
            (&[0x09, 0x80], Fault::FragmentedControl),
            (&[0x0a, 0x80], Fault::FragmentedControl),
            (&[0x88, 0xfe], Fault::ControlTooLong),
            (&[0x89, 0x7e], Fault::ControlTooLong),
            (&[0x8a, 0xff], Fault::ControlTooLong),
            (&[0x81, 0xfe, 0, 125], Fault::InvalidLength),
            (&[0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff], Fault::InvalidLength),
            (&[0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0], Fault::InvalidLength),
        ];
        for (bytes, expected) in cases {
            assert_eq!(Header::read(bytes), Err(*expected), "{bytes:02x?}");
        }
    }
}
