//! What the fuzz targets share: input split into a script of cuts and the bytes to cut.

use ringim::proto::backlog::Backlog;
use ringim::proto::http::{Fault, Limits, Progress, RequestParser};

/// What came of one request: everything that a caller can see of it, or the fault.
pub type Outcome = Result<String, Fault>;

/// Small limits, so that the fuzzer reaches them.
pub const LIMITS: Limits = Limits {
    head_bytes: 256,
    fields: 8,
    body_bytes: 128,
};

/// Takes the first bytes of `data` as the lengths of the pieces that the others arrive in.
pub fn cut(data: &[u8]) -> (&[u8], Vec<&[u8]>) {
    let (lengths, bytes) = data.split_at(data.len().min(8));
    let mut pieces = Vec::new();
    let mut rest = bytes;
    for &length in lengths {
        let (piece, after) = rest.split_at(rest.len().min(usize::from(length)));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    (bytes, pieces)
}

/// Parses `pieces` as a connection would.
pub fn requests<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Vec<Outcome> {
    let mut parser = RequestParser::default();
    let mut backlog = Backlog::default();
    let mut outcomes = Vec::new();
    for piece in pieces {
        backlog.consume(&mut piece.to_vec(), |input| {
            (parse(&mut parser, input, &mut outcomes), ())
        });
        if outcomes.last().is_some_and(Result::is_err) {
            break;
        }
        assert!(
            backlog.len() <= LIMITS.head_bytes + LIMITS.body_bytes,
            "an incomplete request is bounded"
        );
    }
    outcomes
}

fn parse(parser: &mut RequestParser, input: &mut [u8], outcomes: &mut Vec<Outcome>) -> std::ops::Range<usize> {
    let mut start = 0;
    loop {
        match parser.advance(&mut input[start..], &LIMITS) {
            Ok(Progress::Complete(mut request)) => {
                start += std::mem::take(&mut request.consumed);
                assert!(request.body.len() <= LIMITS.body_bytes);
                assert!(request.fields.iter().count() <= LIMITS.fields);
                let fields: Vec<_> = request.fields.iter().collect();
                outcomes.push(Ok(format!("{request:?} {fields:?}")));
            }
            Ok(Progress::Incomplete { keep, .. }) => return start..start + keep,
            Err(fault) => {
                outcomes.push(Err(fault));
                return 0..0;
            }
        }
    }
}
