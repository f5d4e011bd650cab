//! The same bytes, however they arrive, give the same requests.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::proto::cuts::pieces;

/// A valid request as it is sent.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let method = select(vec!["GET", "POST", "OPTIONS", "BREW"]);
    let fields = vec(("[A-Za-z][A-Za-z0-9-]{0,9}x", "[ -~]{0,20}"), 0..6);
    (method, "/[a-z/%?=&]{0,20}", fields, body()).prop_map(|(method, target, fields, body)| {
        let mut bytes = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n").into_bytes();
        for (name, value) in fields {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(&body);
        bytes
    })
}

/// Framing fields, empty line and body.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let sized = vec(any::<u8>(), 0..60)
        .prop_map(|body| [format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(), &body].concat());
    let chunks = vec((vec(any::<u8>(), 1..20), "(|;[ -~]{0,9})"), 0..5);
    let chunked = (chunks, "(|[a-z]{1,5}:[ -~]{0,9}\r\n)").prop_map(|(chunks, trailer)| {
        let mut bytes = b"Transfer-Encoding: chunked\r\n\r\n".to_vec();
        for (data, extension) in chunks {
            bytes.extend_from_slice(format!("{:x}{extension}\r\n", data.len()).as_bytes());
            bytes.extend_from_slice(&data);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(format!("0\r\n{trailer}\r\n").as_bytes());
        bytes
    });
    prop_oneof![Just(b"\r\n".to_vec()), sized, chunked]
}

/// Asserts that `bytes` mean the same whole, byte by byte and cut, and answers what they mean.
fn same_in_pieces(bytes: &[u8], cuts: &[Index], limits: &Limits) -> Seen {
    let whole = parse_pieces([bytes], limits);
    assert_eq!(parse_pieces(bytes.chunks(1), limits), whole, "byte by byte");
    assert_eq!(parse_pieces(pieces(bytes, cuts), limits), whole, "cut");
    whole
}

proptest! {
    #[test]
    fn valid_requests_in_any_pieces(requests in vec(request(), 1..4), cuts in vec(any::<Index>(), 0..8)) {
        let joined = requests.concat();
        let seen = same_in_pieces(&joined, &cuts, &Limits::default());
        let alone: Seen = requests.iter().flat_map(|request| parse(request)).collect();
        prop_assert_eq!(&seen, &alone);
        prop_assert!(seen.iter().all(Result::is_ok));
        prop_assert_eq!(seen.len(), requests.len());
    }

    #[test]
    fn damaged_requests_in_any_pieces(
        requests in vec(request(), 1..3),
        damage in vec((any::<Index>(), select(&b"\r\n\0 :;,\t0fA\xff"[..])), 1..4),
        limits in (60..200_usize, 2..8_usize, 0..60_usize),
        cuts in vec(any::<Index>(), 0..8),
    ) {
        let mut bytes = requests.concat();
        for (position, byte) in damage {
            let position = position.index(bytes.len());
            bytes[position] = byte;
        }
        let (head_bytes, fields, body_bytes) = limits;
        same_in_pieces(&bytes, &cuts, &Limits { head_bytes, fields, body_bytes });
    }

    #[test]
    fn fields_are_those_that_httparse_sees(request in request()) {
        let mut room = [httparse::EMPTY_HEADER; 16];
        let mut parsed = httparse::Request::new(&mut room);
        prop_assert!(parsed.parse(&request).unwrap().is_complete());
        let expected: Vec<_> =
            parsed.headers.iter().map(|field| (field.name.as_bytes().to_vec(), field.value.to_vec())).collect();
        let seen = parse(&request).remove(0).unwrap();
        prop_assert_eq!(seen.fields, expected);
    }
}
