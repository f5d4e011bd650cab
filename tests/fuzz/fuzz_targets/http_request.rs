//! Requests mean the same whole, cut and byte by byte; what httparse refuses is refused.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringim_fuzz::{cut, requests};

fuzz_target!(|data: &[u8]| {
    let (bytes, pieces) = cut(data);
    let whole = requests([bytes]);
    assert_eq!(requests(pieces), whole, "cut");
    assert_eq!(requests(bytes.chunks(1)), whole, "byte by byte");
    let mut room = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut room);
    if whole.first().is_some_and(Result::is_ok) {
        assert!(
            head.parse(bytes).is_ok_and(|status| status.is_complete()),
            "httparse refuses what was accepted"
        );
    }
});
