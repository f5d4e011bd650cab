//! Chunked bodies mean the same whole, cut and byte by byte, and what a plain reading of RFC 9112 7.1 says.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringim::proto::http::{Progress, RequestParser};
use ringim_fuzz::{LIMITS, cut, requests};

const HEAD: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

fuzz_target!(|data: &[u8]| {
    let (body, pieces) = cut(data);
    let request = [HEAD, body].concat();
    let whole = requests([&request[..]]);
    assert_eq!(requests(std::iter::once(HEAD).chain(pieces)), whole, "cut");
    assert_eq!(requests(request.chunks(1)), whole, "byte by byte");
    let mut input = request.clone();
    if let Ok(Progress::Complete(request)) = RequestParser::default().advance(&mut input, &LIMITS) {
        assert_eq!(Some(&*request.body), joined(body).as_deref());
    }
});

/// The data of all chunks, read in the simplest way that serves for valid bodies.
fn joined(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut data = Vec::new();
    loop {
        let line_end = body.windows(2).position(|pair| pair == b"\r\n")?;
        let size = body[..line_end].split(|byte| b"; \t".contains(byte)).next()?;
        let size = usize::from_str_radix(std::str::from_utf8(size).ok()?, 16).ok()?;
        if size == 0 {
            return Some(data);
        }
        data.extend_from_slice(body.get(line_end + 2..line_end + 2 + size)?);
        body = body.get(line_end + 2 + size + 2..)?;
    }
}
