//! Messages as frames.

use super::frame::{Header, Opcode};
use super::mask;

/// Bytes of text that fit a close frame beside its code.
const REASON_BYTES: usize = 123;

/// Appends one unfragmented frame to `out`. A client gives a fresh random `mask` for each frame, a server none.
pub fn encode(opcode: Opcode, payload: &[u8], mask: Option<[u8; 4]>, out: &mut Vec<u8>) {
    out.reserve(14 + payload.len());
    Header {
        fin: true,
        opcode,
        mask,
        length: payload.len() as u64,
    }
    .write(out);
    let start = out.len();
    out.extend_from_slice(payload);
    if let Some(key) = mask {
        mask::apply(&mut out[start..], key);
    }
}

/// Appends a close frame. A `reason` of more than 123 bytes is cut between two characters.
pub fn encode_close(code: u16, reason: &str, mask: Option<[u8; 4]>, out: &mut Vec<u8>) {
    let reason = &reason[..reason.floor_char_boundary(REASON_BYTES)];
    let payload = [&code.to_be_bytes(), reason.as_bytes()].concat();
    encode(Opcode::Close, &payload, mask, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_specification_are_written() {
        let mut out = Vec::new();
        encode(Opcode::Text, b"Hello", None, &mut out);
        assert_eq!(out, *b"\x81\x05Hello");
        out.clear();
        encode(Opcode::Text, b"Hello", Some([0x37, 0xfa, 0x21, 0x3d]), &mut out);
        assert_eq!(out, [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    }

    #[test]
    fn a_long_close_reason_is_cut_between_characters() {
        let mut out = Vec::new();
        encode_close(4501, &"\u{6d88}".repeat(60), None, &mut out);
        assert_eq!(out.len(), 2 + 2 + 123);
        out.clear();
        encode_close(4501, &format!("x{}", "\u{6d88}".repeat(60)), None, &mut out);
        assert_eq!(out.len(), 2 + 2 + 121);
        assert!(std::str::from_utf8(&out[4..]).is_ok());
    }
}
