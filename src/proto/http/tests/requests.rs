//! What valid requests mean.

use super::*;

fn one(input: &str) -> Owned {
    let mut seen = parse(input.as_bytes());
    assert_eq!(seen.len(), 1, "{seen:?}");
    seen.remove(0).unwrap()
}

#[test]
fn a_plain_request_is_read_in_full() {
    let request = one("GET /api/user/me?a=1&b=?c HTTP/1.1\r\nHost: example:7800\r\nAuthorization:Bearer  x\t\r\n\r\n");
    let field = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    let expected = Owned {
        method: Method::Get,
        path: "/api/user/me".into(),
        query: Some("a=1&b=?c".into()),
        version: Version::Http11,
        fields: vec![field("Host", "example:7800"), field("Authorization", "Bearer  x")],
        keep_alive: true,
        body: Vec::new(),
    };
    assert_eq!(request, expected);
}

#[test]
fn bodies_are_read_by_length_and_by_chunks() {
    assert_eq!(
        one("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").body,
        b"hello"
    );
    let chunked = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: Chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
    assert_eq!(one(chunked).body, b"hello");
}

#[test]
fn accepted_variants() {
    let cases = [
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nhOsT: [::1]:80\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "BREW / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /search?q=\u{5f20}\u{4e09} HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET //x/../y;z?{|}%zz HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-Name: \u{e9}\t\u{5f20}\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 000\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Encoding: identity\r\n\r\n",
        "GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n",
    ];
    for input in cases {
        one(input);
    }
}

#[test]
fn a_leading_empty_line_changes_nothing() {
    let request = "GET /a:b HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(one(&format!("\r\n{request}")), one(request));
}

#[test]
fn pipelined_requests_come_out_in_order() {
    let first = "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab";
    let second = "POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\n";
    let third = "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n";
    let seen = parse([first, second, third].concat().as_bytes());
    let paths: Vec<_> = seen
        .iter()
        .map(|request| request.as_ref().unwrap().path.as_str())
        .collect();
    assert_eq!(paths, ["/1", "/2", "/3"]);
}

#[test]
fn a_waiting_client_is_told_to_continue_once() {
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
    let mut parser = RequestParser::default();
    let mut expects = |input: &[u8]| match parser.advance(&mut input.to_vec(), &Limits::default()).unwrap() {
        Progress::Incomplete { expects_continue, .. } => Some(expects_continue),
        Progress::Complete(_) => None,
    };
    assert_eq!(expects(&head[..head.len() - 1]), Some(false));
    assert_eq!(expects(head), Some(true));
    assert_eq!(expects(&[head, &b"a"[..]].concat()), Some(false));
    assert_eq!(expects(&[head, &b"ab"[..]].concat()), None);
    assert_eq!(
        expects(&[head, &b"a"[..]].concat()),
        Some(false),
        "the body is on its way"
    );
}

#[test]
fn head_and_body_are_awaited_apart() {
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n";
    let mut parser = RequestParser::default();
    parser.advance(&mut head[..20].to_vec(), &Limits::default()).unwrap();
    assert_eq!(parser.awaiting(), Awaiting::Head);
    parser.advance(&mut head.to_vec(), &Limits::default()).unwrap();
    assert_eq!(parser.awaiting(), Awaiting::Body);
    parser
        .advance(&mut [head, &b"x"[..]].concat(), &Limits::default())
        .unwrap();
    assert_eq!(parser.awaiting(), Awaiting::Head);
}

#[test]
fn a_parser_is_small() {
    assert!(size_of::<RequestParser>() <= 72, "{}", size_of::<RequestParser>());
}
