//! The parser as a connection uses it: any cuts, pipelining, refusals.

mod pieces;
mod refusals;
mod requests;

use super::*;
use crate::proto::backlog::Backlog;

/// A request with its bytes copied out.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Owned {
    method: Method,
    path: String,
    query: Option<String>,
    version: Version,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    keep_alive: bool,
    body: Vec<u8>,
}

impl From<&Request<'_>> for Owned {
    fn from(request: &Request<'_>) -> Self {
        Self {
            method: request.method,
            path: request.path.to_owned(),
            query: request.query.map(str::to_owned),
            version: request.version,
            fields: request
                .fields
                .iter()
                .map(|(name, value)| (name.to_vec(), value.to_vec()))
                .collect(),
            keep_alive: request.keep_alive,
            body: request.body.to_vec(),
        }
    }
}

/// What a connection sees: requests, and a fault as the last.
type Seen = Vec<Result<Owned, Fault>>;

/// Feeds `pieces` as a connection would and collects what comes out.
fn parse_pieces<'p>(pieces: impl IntoIterator<Item = &'p [u8]>, limits: &Limits) -> Seen {
    let mut parser = RequestParser::default();
    let mut backlog = Backlog::default();
    let mut seen = Seen::new();
    for piece in pieces {
        backlog.consume(&mut piece.to_vec(), |input| {
            (parse_all(&mut parser, input, limits, &mut seen), ())
        });
        if seen.last().is_some_and(Result::is_err) {
            break;
        }
    }
    seen
}

/// Parses requests until the input is used up, and answers what to keep of it.
fn parse_all(parser: &mut RequestParser, input: &mut [u8], limits: &Limits, seen: &mut Seen) -> std::ops::Range<usize> {
    let mut start = 0;
    loop {
        match parser.advance(&mut input[start..], limits) {
            Ok(Progress::Complete(request)) => {
                seen.push(Ok(Owned::from(&request)));
                start += request.consumed;
            }
            Ok(Progress::Incomplete { keep, .. }) => return start..start + keep,
            Err(fault) => {
                seen.push(Err(fault));
                return 0..0;
            }
        }
    }
}

fn parse(input: &[u8]) -> Seen {
    parse_pieces([input], &Limits::default())
}
