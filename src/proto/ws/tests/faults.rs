//! Every fault, at every cut.

use super::*;

/// One frame: whether it is final, its opcode, its payload.
type Frame = (bool, Opcode, &'static [u8]);

const HELLO: Frame = (true, Opcode::Text, b"hello");

fn frames(frames: &[Frame]) -> Vec<u8> {
    frames
        .iter()
        .flat_map(|(fin, opcode, payload)| client_frame(*fin, *opcode, payload))
        .collect()
}

/// Asserts how `bytes` end, whole and at every cut.
fn assert_fault(bytes: &[u8], before: usize, fault: Fault) {
    let whole = decode_pieces(Role::Server, [bytes]);
    assert_eq!(whole.len(), before + 1, "{whole:?}");
    assert_eq!(whole.last(), Some(&Err(fault)));
    for cut in 1..bytes.len().min(300) {
        let (first, second) = bytes.split_at(cut);
        assert_eq!(decode_pieces(Role::Server, [first, second]), whole, "cut at {cut}");
    }
}

#[test]
fn sequences_that_break_a_rule() {
    let cases: &[(&[Frame], usize, Fault)] = &[
        (&[(true, Opcode::Continuation, b"")], 0, Fault::UnexpectedContinuation),
        (&[(false, Opcode::Continuation, b"")], 0, Fault::UnexpectedContinuation),
        (
            &[HELLO, (true, Opcode::Continuation, b"x")],
            1,
            Fault::UnexpectedContinuation,
        ),
        (
            &[
                (false, Opcode::Text, b"a"),
                (true, Opcode::Continuation, b""),
                (true, Opcode::Continuation, b""),
            ],
            1,
            Fault::UnexpectedContinuation,
        ),
        (&[(false, Opcode::Text, b"a"), HELLO], 0, Fault::InterruptedMessage),
        (
            &[(false, Opcode::Text, b"a"), (true, Opcode::Binary, b"")],
            0,
            Fault::InterruptedMessage,
        ),
        (
            &[(false, Opcode::Binary, b"a"), (false, Opcode::Binary, b"")],
            0,
            Fault::InterruptedMessage,
        ),
        (
            &[
                (false, Opcode::Text, b"a"),
                (true, Opcode::Ping, b""),
                (false, Opcode::Text, b"a"),
            ],
            1,
            Fault::InterruptedMessage,
        ),
        (&[(true, Opcode::Text, b"\xff")], 0, Fault::InvalidUtf8),
        (&[(true, Opcode::Text, b"\xe6\xb6")], 0, Fault::InvalidUtf8),
        (&[(true, Opcode::Text, b"\xed\xa0\x80")], 0, Fault::InvalidUtf8),
        (&[(true, Opcode::Text, b"\xc0\xaf")], 0, Fault::InvalidUtf8),
        (&[(true, Opcode::Text, b"\xf4\x90\x80\x80")], 0, Fault::InvalidUtf8),
        (&[(false, Opcode::Text, b"a\xff")], 0, Fault::InvalidUtf8),
        (
            &[(false, Opcode::Text, b"\xe6"), (false, Opcode::Continuation, b"a")],
            0,
            Fault::InvalidUtf8,
        ),
        (
            &[(false, Opcode::Text, b"\xe6\xb6"), (true, Opcode::Continuation, b"")],
            0,
            Fault::InvalidUtf8,
        ),
        (&[(true, Opcode::Close, b"\x03")], 0, Fault::InvalidCloseCode),
        (&[(true, Opcode::Close, b"\x03\xed")], 0, Fault::InvalidCloseCode),
        (&[(true, Opcode::Close, b"\x00\x00")], 0, Fault::InvalidCloseCode),
        (&[(true, Opcode::Close, b"\x03\xe8\xff")], 0, Fault::InvalidUtf8),
        (&[HELLO, HELLO, (true, Opcode::Text, b"\x80")], 2, Fault::InvalidUtf8),
    ];
    for (sequence, before, fault) in cases {
        assert_fault(&frames(sequence), *before, *fault);
    }
}

#[test]
fn headers_that_break_a_rule() {
    let cases: &[(&[u8], Fault)] = &[
        (&[0x81, 0x00], Fault::Unmasked),
        (&[0x89, 0x00], Fault::Unmasked),
        (&[0xc1, 0x80], Fault::ReservedBits),
        (&[0x83, 0x80], Fault::ReservedOpcode),
        (&[0x09, 0x80], Fault::FragmentedControl),
        (&[0x89, 0xfe], Fault::ControlTooLong),
        (&[0x81, 0xfe, 0, 5, 1, 2, 3, 4], Fault::InvalidLength),
        (
            &[0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            Fault::InvalidLength,
        ),
        (
            &[0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4],
            Fault::MessageTooLarge,
        ),
    ];
    for (header, fault) in cases {
        assert_fault(header, 0, *fault);
        assert_fault(&[frames(&[HELLO]), header.to_vec()].concat(), 1, *fault);
    }
}

#[test]
fn the_limit_counts_the_whole_message() {
    let limit = LIMIT as usize;
    let whole = |length| {
        decode_pieces(
            Role::Server,
            [&client_frame(true, Opcode::Binary, &vec![0; length])[..]],
        )
    };
    assert!(matches!(&whole(limit)[..], [Ok(Owned::Binary(bytes))] if bytes.len() == limit));
    assert_eq!(whole(limit + 1), [Err(Fault::MessageTooLarge)]);
    let fragments = |first: usize, second: usize| {
        let first = client_frame(false, Opcode::Binary, &vec![0; first]);
        let ping = client_frame(true, Opcode::Ping, &[0; 125]);
        let second = client_frame(true, Opcode::Continuation, &vec![0; second]);
        decode_pieces(Role::Server, [&[first, ping, second].concat()[..]]).pop()
    };
    assert!(matches!(fragments(1, limit - 1), Some(Ok(Owned::Binary(bytes))) if bytes.len() == limit));
    assert_eq!(fragments(2, limit - 1), Some(Err(Fault::MessageTooLarge)));
    assert!(matches!(fragments(limit, 0), Some(Ok(Owned::Binary(_)))));
}

#[test]
fn a_message_above_the_limit_is_refused_by_its_header() {
    let frame = client_frame(true, Opcode::Text, &vec![b'a'; LIMIT as usize + 1]);
    assert_eq!(
        decode_pieces(Role::Server, [&frame[..14]]),
        [Err(Fault::MessageTooLarge)]
    );
}

#[test]
fn a_server_must_not_mask() {
    assert_eq!(
        decode_pieces(Role::Client, [&frames(&[HELLO])[..]]),
        [Err(Fault::Masked)]
    );
}

#[test]
fn close_codes_are_those_of_the_specification() {
    assert_eq!(Fault::MessageTooLarge.close_code(), 1009);
    assert_eq!(Fault::InvalidUtf8.close_code(), 1007);
    assert_eq!(Fault::Unmasked.close_code(), 1002);
}
