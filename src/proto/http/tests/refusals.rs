//! Every refusal, at every cut.

use super::*;

/// A valid head up to the line under test.
const START: &str = "POST / HTTP/1.1\r\nHost: a\r\n";

/// Request lines, each followed by `Host: a` and the empty line.
const REQUEST_LINES: &[(&str, Fault)] = &[
    ("", Fault::InvalidRequestLine),
    (" ", Fault::InvalidRequestLine),
    ("GET", Fault::InvalidRequestLine),
    ("GET ", Fault::InvalidRequestLine),
    ("GET /", Fault::InvalidRequestLine),
    ("GET / ", Fault::InvalidRequestLine),
    ("GET HTTP/1.1", Fault::InvalidRequestLine),
    ("GET  HTTP/1.1", Fault::InvalidRequestLine),
    (" GET / HTTP/1.1", Fault::InvalidRequestLine),
    ("GET  / HTTP/1.1", Fault::InvalidRequestLine),
    ("GET /  HTTP/1.1", Fault::InvalidRequestLine),
    ("GET / HTTP/1.1 ", Fault::InvalidRequestLine),
    ("GET\t/\tHTTP/1.1", Fault::InvalidRequestLine),
    ("GET /a b HTTP/1.1", Fault::InvalidRequestLine),
    ("G@T / HTTP/1.1", Fault::InvalidRequestLine),
    ("GET: / HTTP/1.1", Fault::InvalidRequestLine),
    ("\u{5f20} / HTTP/1.1", Fault::InvalidRequestLine),
    ("GET /\u{1} HTTP/1.1", Fault::InvalidRequestLine),
    ("GET /\u{7f} HTTP/1.1", Fault::InvalidRequestLine),
    ("GET / http/1.1", Fault::InvalidRequestLine),
    ("GET / HTTP/1", Fault::InvalidRequestLine),
    ("GET / HTTP/1.", Fault::InvalidRequestLine),
    ("GET / HTTP/1.11", Fault::InvalidRequestLine),
    ("GET / HTTP/11.1", Fault::InvalidRequestLine),
    ("GET / HTTP/a.b", Fault::InvalidRequestLine),
    ("GET / HTTPS/1.1", Fault::InvalidRequestLine),
    ("GET / HTTP 1.1", Fault::InvalidRequestLine),
    ("GET / HTTP/0.9", Fault::UnsupportedVersion),
    ("GET / HTTP/1.2", Fault::UnsupportedVersion),
    ("GET / HTTP/2.0", Fault::UnsupportedVersion),
    ("PRI * HTTP/2.0", Fault::UnsupportedVersion),
    ("GET * HTTP/1.1", Fault::InvalidTarget),
    ("OPTIONS ** HTTP/1.1", Fault::InvalidTarget),
    ("GET a HTTP/1.1", Fault::InvalidTarget),
    ("GET ?a HTTP/1.1", Fault::InvalidTarget),
    ("GET http://a/ HTTP/1.1", Fault::InvalidTarget),
    ("CONNECT a:80 HTTP/1.1", Fault::InvalidTarget),
    ("GET /a#b HTTP/1.1", Fault::InvalidTarget),
    ("GET /a?b#c HTTP/1.1", Fault::InvalidTarget),
    ("GET \\ HTTP/1.1", Fault::InvalidTarget),
    ("GE\0T / HTTP/1.1", Fault::NulByte),
    ("GET /\0 HTTP/1.1", Fault::NulByte),
    ("GET / HTTP/1.1\0", Fault::NulByte),
    ("GET / HTTP/1.1\r", Fault::BareCarriageReturn),
    ("GET /\ra HTTP/1.1", Fault::BareCarriageReturn),
    ("\rGET / HTTP/1.1", Fault::BareCarriageReturn),
    ("\r\n\r\nGET / HTTP/1.1", Fault::InvalidRequestLine),
    ("\nGET / HTTP/1.1", Fault::BareLineFeed),
    ("GET / HTTP/1.1\nA: b", Fault::BareLineFeed),
    ("GET /\nHTTP/1.1", Fault::BareLineFeed),
];

/// Field lines, each after a valid request line and Host and before the empty line.
const FIELD_LINES: &[(&str, Fault)] = &[
    ("A", Fault::InvalidFieldName),
    (": b", Fault::InvalidFieldName),
    ("A b: c", Fault::InvalidFieldName),
    ("A(b): c", Fault::InvalidFieldName),
    ("A\"b\": c", Fault::InvalidFieldName),
    ("A/b: c", Fault::InvalidFieldName),
    ("A\u{1}: b", Fault::InvalidFieldName),
    ("\u{e9}: b", Fault::InvalidFieldName),
    ("A : b", Fault::SpaceBeforeColon),
    ("A\t: b", Fault::SpaceBeforeColon),
    ("Content-Length : 0", Fault::SpaceBeforeColon),
    ("Transfer-Encoding\t: chunked", Fault::SpaceBeforeColon),
    (" A: b", Fault::ObsoleteFolding),
    ("\tA: b", Fault::ObsoleteFolding),
    ("A: b\r\n c", Fault::ObsoleteFolding),
    ("A: b\r\n\tc", Fault::ObsoleteFolding),
    ("A: b\r\n ", Fault::ObsoleteFolding),
    ("Transfer-Encoding:\r\n chunked", Fault::ObsoleteFolding),
    ("A: \u{1}", Fault::InvalidFieldValue),
    ("A: b\u{b}c", Fault::InvalidFieldValue),
    ("A: b\u{1b}[0m", Fault::InvalidFieldValue),
    ("A: b\u{7f}", Fault::InvalidFieldValue),
    ("A: b\0c", Fault::NulByte),
    ("A\0: b", Fault::NulByte),
    ("\0", Fault::NulByte),
    ("A: b\rc", Fault::BareCarriageReturn),
    ("A: b\r", Fault::BareCarriageReturn),
    ("A\r: b", Fault::BareCarriageReturn),
    ("A: b\r\rC: d", Fault::BareCarriageReturn),
    ("A: b\nC: d", Fault::BareLineFeed),
    ("A: b\n", Fault::BareLineFeed),
    ("\n", Fault::BareLineFeed),
    ("Host: a", Fault::RepeatedHost),
    ("Host: b", Fault::RepeatedHost),
    ("HOST:", Fault::RepeatedHost),
    ("Content-Length:", Fault::MalformedContentLength),
    ("Content-Length: +1", Fault::MalformedContentLength),
    ("Content-Length: -1", Fault::MalformedContentLength),
    ("Content-Length: 1,1", Fault::MalformedContentLength),
    ("Content-Length: 1, 1", Fault::MalformedContentLength),
    ("Content-Length: 1 1", Fault::MalformedContentLength),
    ("Content-Length: 1;", Fault::MalformedContentLength),
    ("Content-Length: 0x10", Fault::MalformedContentLength),
    ("Content-Length: 1e3", Fault::MalformedContentLength),
    ("Content-Length: 1.0", Fault::MalformedContentLength),
    ("Content-Length: 1_000", Fault::MalformedContentLength),
    ("Content-Length: \"1\"", Fault::MalformedContentLength),
    ("Content-Length: \u{ff11}", Fault::MalformedContentLength),
    ("Content-Length: chunked", Fault::MalformedContentLength),
    ("Content-Length: 18446744073709551616", Fault::MalformedContentLength),
    (
        "Content-Length: 99999999999999999999999999",
        Fault::MalformedContentLength,
    ),
    ("Content-Length: 1\r\nContent-Length: 1", Fault::RepeatedContentLength),
    ("Content-Length: 1\r\ncontent-length: 2", Fault::RepeatedContentLength),
    (
        "Content-Length: 0\r\nTransfer-Encoding: chunked",
        Fault::ContentLengthWithTransferEncoding,
    ),
    (
        "Transfer-Encoding: chunked\r\nContent-Length: 1",
        Fault::ContentLengthWithTransferEncoding,
    ),
    ("Transfer-Encoding:", Fault::UnsupportedTransferEncoding),
    ("Transfer-Encoding: identity", Fault::UnsupportedTransferEncoding),
    ("Transfer-Encoding: gzip", Fault::UnsupportedTransferEncoding),
    ("Transfer-Encoding: gzip, chunked", Fault::UnsupportedTransferEncoding),
    ("Transfer-Encoding: chunked, gzip", Fault::UnsupportedTransferEncoding),
    (
        "Transfer-Encoding: chunked, chunked",
        Fault::UnsupportedTransferEncoding,
    ),
    ("Transfer-Encoding: chunked,", Fault::UnsupportedTransferEncoding),
    ("Transfer-Encoding: ,chunked", Fault::UnsupportedTransferEncoding),
    ("Transfer-Encoding: chunked;a=b", Fault::UnsupportedTransferEncoding),
    ("Transfer-Encoding: \"chunked\"", Fault::UnsupportedTransferEncoding),
    ("Transfer-Encoding: xchunked", Fault::UnsupportedTransferEncoding),
    ("Transfer-Encoding: chunked x", Fault::UnsupportedTransferEncoding),
    (
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        Fault::UnsupportedTransferEncoding,
    ),
    (
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        Fault::UnsupportedTransferEncoding,
    ),
    (
        "Content-Length: 3\r\nTransfer-Encoding: identity",
        Fault::UnsupportedTransferEncoding,
    ),
    ("Content-Encoding: gzip", Fault::UnsupportedContentEncoding),
    ("Content-Encoding: identity, br", Fault::UnsupportedContentEncoding),
    (
        "Content-Encoding: identity\r\nContent-Encoding: deflate",
        Fault::UnsupportedContentEncoding,
    ),
    ("Expect: 200-ok", Fault::UnsupportedExpectation),
    ("Expect:", Fault::UnsupportedExpectation),
    ("Expect: 100-continue, x", Fault::UnsupportedExpectation),
    ("Expect: 100-continue\r\nExpect: x", Fault::UnsupportedExpectation),
    ("Content-Length: 1048577", Fault::BodyTooLarge),
    ("Content-Length: 18446744073709551615", Fault::BodyTooLarge),
    ("Expect: 100-continue\r\nContent-Length: 1048577", Fault::BodyTooLarge),
];

/// Chunked bodies after a valid head.
const CHUNKED_BODIES: &[(&str, Fault)] = &[
    ("\r\n", Fault::InvalidChunkSize),
    ("g\r\n", Fault::InvalidChunkSize),
    ("0x1\r\na\r\n", Fault::InvalidChunkSize),
    ("+1\r\na\r\n", Fault::InvalidChunkSize),
    ("-1\r\n", Fault::InvalidChunkSize),
    (" 1\r\na\r\n", Fault::InvalidChunkSize),
    ("1,1\r\na\r\n", Fault::InvalidChunkSize),
    ("1\0\r\na\r\n", Fault::InvalidChunkSize),
    ("10000000000000000\r\na", Fault::InvalidChunkSize),
    ("1 \r\na\r\n", Fault::InvalidChunkExtension),
    ("1;\0\r\na\r\n", Fault::InvalidChunkExtension),
    ("1;a=\u{7f}\r\na\r\n", Fault::InvalidChunkExtension),
    ("1\na\r\n0\r\n\r\n", Fault::BareLineFeed),
    ("1;a\na\r\n0\r\n\r\n", Fault::BareLineFeed),
    ("1\ra\r\n0\r\n\r\n", Fault::BareCarriageReturn),
    ("1;a\rb\r\na\r\n0\r\n\r\n", Fault::BareCarriageReturn),
    ("1\r\nab\r\n0\r\n\r\n", Fault::MissingChunkEnd),
    ("1\r\na\n0\r\n\r\n", Fault::MissingChunkEnd),
    ("1\r\na0\r\n\r\n", Fault::MissingChunkEnd),
    ("1\r\na\r0\r\n\r\n", Fault::BareCarriageReturn),
    ("0\r\n\n", Fault::BareLineFeed),
    ("0\r\nA: b\n\r\n", Fault::BareLineFeed),
    ("0\r\nA: b\rc\r\n\r\n", Fault::BareCarriageReturn),
    ("0\r\nA : b\r\n\r\n", Fault::InvalidTrailer),
    ("0\r\n A: b\r\n\r\n", Fault::InvalidTrailer),
    ("0\r\nA: b\r\n c\r\n\r\n", Fault::InvalidTrailer),
    ("0\r\nA: \0\r\n\r\n", Fault::InvalidTrailer),
    ("0\r\nGET / HTTP/1.1\r\n\r\n", Fault::InvalidTrailer),
    ("100001\r\n", Fault::BodyTooLarge),
    ("ffffffffffffffff\r\n", Fault::BodyTooLarge),
    ("1\r\na\r\n100000\r\n", Fault::BodyTooLarge),
];

/// Whole requests.
const REQUESTS: &[(&str, Fault)] = &[
    ("GET / HTTP/1.1\r\n\r\n", Fault::MissingHost),
    ("GET / HTTP/1.1\r\nHosts: a\r\n\r\n", Fault::MissingHost),
    ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", Fault::InvalidHost),
    ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Fault::InvalidHost),
    ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", Fault::InvalidHost),
    ("GET / HTTP/1.1\r\nHost: http://a\r\n\r\n", Fault::InvalidHost),
    ("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", Fault::RepeatedHost),
    (
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Fault::UnsupportedTransferEncoding,
    ),
    ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Fault::InvalidRequestLine),
    ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\r\n\r\n", Fault::NulByte),
];

fn cases() -> impl Iterator<Item = (String, Fault)> {
    let request_lines = REQUEST_LINES
        .iter()
        .map(|(line, fault)| (format!("{line}\r\nHost: a\r\n\r\n"), *fault));
    let field_lines = FIELD_LINES
        .iter()
        .map(|(line, fault)| (format!("{START}{line}\r\n\r\n"), *fault));
    let bodies = CHUNKED_BODIES
        .iter()
        .map(|(body, fault)| (format!("{START}Transfer-Encoding: chunked\r\n\r\n{body}"), *fault));
    let whole = REQUESTS.iter().map(|(request, fault)| ((*request).to_owned(), *fault));
    request_lines.chain(field_lines).chain(bodies).chain(whole)
}

#[test]
fn each_refusal_names_its_rule_at_every_cut() {
    for (input, fault) in cases() {
        let shown = input.escape_debug();
        assert_eq!(parse(input.as_bytes()), [Err(fault)], "{shown}");
        for cut in 1..input.len() {
            let (first, second) = input.as_bytes().split_at(cut);
            let seen = parse_pieces([first, second], &Limits::default());
            assert_eq!(seen, [Err(fault)], "{shown} cut at {cut}");
        }
        let bytes = input.as_bytes().chunks(1);
        assert_eq!(
            parse_pieces(bytes, &Limits::default()),
            [Err(fault)],
            "{shown} byte by byte"
        );
    }
}

#[test]
fn nothing_after_a_refusal_is_interpreted() {
    for (input, fault) in cases() {
        let smuggled = format!("{input}GET /admin HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(parse(smuggled.as_bytes()), [Err(fault)], "{}", input.escape_debug());
    }
}

#[test]
fn the_limits_are_exact() {
    let limits = Limits {
        head_bytes: 64,
        fields: 3,
        body_bytes: 4,
    };
    let head = |padding| format!("GET / HTTP/1.1\r\nHost: a\r\nPad: {}\r\n\r\n", "x".repeat(padding));
    let with_fields = |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(count - 1));
    let sized = |length| format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\nabcdef");
    let padding = 64 - head(0).len();
    let seen = |input: String| parse_pieces([input.as_bytes()], &limits).remove(0).err();
    assert_eq!(seen(head(padding)), None);
    assert_eq!(seen(head(padding + 1)), Some(Fault::HeadTooLarge));
    assert_eq!(seen(with_fields(3)), None);
    assert_eq!(seen(with_fields(4)), Some(Fault::TooManyFields));
    assert_eq!(seen(sized(4)), None);
    assert_eq!(seen(sized(5)), Some(Fault::BodyTooLarge));
}

#[test]
fn statuses_are_those_of_the_contract() {
    let status = |wanted| cases().filter(|(_, fault)| fault.status() == wanted).count();
    assert!([400, 413, 415, 417, 505].iter().all(|&wanted| status(wanted) > 0));
    assert_eq!(Fault::HeadTooLarge.status(), 431);
    assert_eq!(Fault::TooManyFields.status(), 431);
    assert_eq!(Fault::ContentLengthWithTransferEncoding.status(), 400);
}
