//! The same bytes, however they arrive, give the same messages.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::proto::cuts::pieces;

/// A payload of a length around those at which the header changes.
pub(super) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,40}",
        "[a-z\u{6d88}\u{1f980}]{110,140}",
        Just("\u{606f}".repeat(22_000))
    ]
}

/// A message and the frames it is sent in, with a ping between fragments.
pub(super) fn message() -> impl Strategy<Value = (Vec<Owned>, Vec<u8>)> {
    let data = (text(), any::<bool>(), vec(any::<Index>(), 0..4)).prop_map(|(text, is_text, cuts)| {
        let payload = text.into_bytes();
        let opcode = if is_text { Opcode::Text } else { Opcode::Binary };
        let (pings, bytes) = fragmented(opcode, &payload, &cuts);
        let message = if is_text {
            Owned::Text(payload)
        } else {
            Owned::Binary(payload)
        };
        (pings.into_iter().chain([message]).collect(), bytes)
    });
    let control = (select(vec![Opcode::Ping, Opcode::Pong]), vec(any::<u8>(), 0..126)).prop_map(|(opcode, payload)| {
        let bytes = client_frame(true, opcode, &payload);
        let message = if opcode == Opcode::Ping {
            Owned::Ping(payload)
        } else {
            Owned::Pong(payload)
        };
        (vec![message], bytes)
    });
    prop_oneof![3 => data, 1 => control]
}

/// The frames of `payload` cut at `cuts`, a ping before each cut, and these pings.
fn fragmented(opcode: Opcode, payload: &[u8], cuts: &[Index]) -> (Vec<Owned>, Vec<u8>) {
    let mut bytes = Vec::new();
    let mut pings = Vec::new();
    for (index, piece) in pieces(payload, cuts).into_iter().enumerate() {
        let opcode = if index == 0 { opcode } else { Opcode::Continuation };
        let last = index == cuts.len();
        bytes.extend(client_frame(last, opcode, piece));
        if !last {
            bytes.extend(client_frame(true, Opcode::Ping, b"between"));
            pings.push(Owned::Ping(b"between".to_vec()));
        }
    }
    (pings, bytes)
}

/// Asserts that `bytes` mean the same whole, in `step`s and cut, and answers what they mean.
fn same_in_pieces(bytes: &[u8], step: usize, cuts: &[Index]) -> Seen {
    let whole = decode_pieces(Role::Server, [bytes]);
    assert_eq!(
        decode_pieces(Role::Server, bytes.chunks(step)),
        whole,
        "in steps of {step}"
    );
    assert_eq!(decode_pieces(Role::Server, pieces(bytes, cuts)), whole, "cut");
    whole
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn valid_messages_in_any_pieces(
        messages in vec(message(), 1..4),
        step in 1..40_usize,
        cuts in vec(any::<Index>(), 0..8),
    ) {
        let bytes: Vec<u8> = messages.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
        let step = if bytes.len() > 1000 { step * 1000 } else { step };
        let expected: Seen = messages.into_iter().flat_map(|(messages, _)| messages).map(Ok).collect();
        prop_assert_eq!(same_in_pieces(&bytes, step, &cuts), expected);
    }

    #[test]
    fn damaged_messages_in_any_pieces(
        messages in vec(message(), 1..4),
        damage in vec((0..200_usize, any::<u8>()), 1..4),
        cuts in vec(any::<Index>(), 0..8),
    ) {
        let mut bytes: Vec<u8> = messages.into_iter().flat_map(|(_, bytes)| bytes).collect();
        for (position, byte) in damage {
            let position = position % bytes.len();
            bytes[position] = byte;
        }
        bytes.truncate(2000);
        same_in_pieces(&bytes, 1, &cuts);
    }
}
