//! From received bytes to requests.

use super::body::BodyDecoder;
use super::head::Head;
use super::scan::HeadScan;
use super::{Fault, Fields, Limits, Method, Version};

/// A complete request, borrowed from the received bytes.
#[derive(Debug)]
pub struct Request<'a> {
    /// The method; whether it is allowed is for the caller to say.
    pub method: Method,
    /// The path as sent: not decoded, not normalised. `*` for `OPTIONS *`.
    pub path: &'a str,
    /// What follows the first `?`, not decoded.
    pub query: Option<&'a str>,
    /// The version the client speaks.
    pub version: Version,
    /// The fields of the head.
    pub fields: Fields<'a>,
    /// Whether the client keeps the connection for further requests.
    pub keep_alive: bool,
    /// The body without its transfer coding; mutable so that it can be parsed in place.
    pub body: &'a mut [u8],
    /// Bytes of the input this request took. The next request begins there.
    pub consumed: usize,
}

/// What became of the received bytes.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A request is complete.
    Complete(Request<'a>),
    /// More bytes must come.
    Incomplete {
        /// So many bytes at the front of the input must be there again at the next call, before the new ones.
        keep: usize,
        /// The client waits for [`super::response::CONTINUE`] before it sends the body. Said once per request.
        expects_continue: bool,
    },
}

/// Which part of a request the parser waits for; each has its own deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaiting {
    /// The head.
    Head,
    /// The body of a request whose head was accepted.
    Body,
}

/// Parses the requests of one connection, one after the other.
#[derive(Debug, Default)]
pub struct RequestParser {
    scan: HeadScan,
    pending: Option<PendingBody>,
}

/// A request whose head is accepted and whose body is incomplete.
#[derive(Debug)]
struct PendingBody {
    head_length: usize,
    decoder: BodyDecoder,
}

impl RequestParser {
    /// Parses one request at the front of `input`.
    ///
    /// At the next call `input` begins behind the `consumed` bytes of a complete request, or with the `keep` bytes of
    /// an incomplete one.
    ///
    /// # Errors
    /// The rule that the client broke. Answer it and close: nothing after it may be interpreted.
    pub fn advance<'a>(&mut self, input: &'a mut [u8], limits: &Limits) -> Result<Progress<'a>, Fault> {
        let Some(head_length) = self.head_length(input, limits)? else {
            return Ok(Progress::Incomplete {
                keep: input.len(),
                expects_continue: false,
            });
        };
        let (head_bytes, rest) = input.split_at_mut(head_length);
        let head_bytes: &'a [u8] = head_bytes;
        let (mut decoder, head) = match self.pending.take() {
            Some(pending) => (pending.decoder, None),
            None => {
                let head = Head::parse(head_bytes, limits)?;
                (head.verdict.framing.into(), Some(head))
            }
        };
        let Some(end) = decoder.advance(rest, limits)? else {
            // A client that sends its body already does not wait.
            let waits = rest.is_empty() && head.is_some_and(|head| head.verdict.expects_continue);
            let keep = head_length + decoder.keep(rest.len());
            self.pending = Some(PendingBody { head_length, decoder });
            return Ok(Progress::Incomplete {
                keep,
                expects_continue: waits,
            });
        };
        // Parsing the head again is cheaper than keeping it beside the bytes it borrows from.
        let head = head.map_or_else(|| Head::parse(head_bytes, limits), Ok)?;
        self.scan = HeadScan::default();
        let consumed = head_length + end.received;
        Ok(Progress::Complete(
            head.into_request(&mut rest[..end.decoded], consumed),
        ))
    }

    /// The length of the head, once it is complete.
    fn head_length(&mut self, input: &[u8], limits: &Limits) -> Result<Option<usize>, Fault> {
        match &self.pending {
            Some(pending) => Ok(Some(pending.head_length)),
            None => self.scan.advance(input, limits.head_bytes),
        }
    }

    /// What the parser waits for.
    pub fn awaiting(&self) -> Awaiting {
        if self.pending.is_some() {
            Awaiting::Body
        } else {
            Awaiting::Head
        }
    }
}

impl<'a> Head<'a> {
    fn into_request(self, body: &'a mut [u8], consumed: usize) -> Request<'a> {
        Request {
            method: self.method,
            path: self.path,
            query: self.query,
            version: self.version,
            fields: self.fields,
            keep_alive: self.verdict.keep_alive,
            body,
            consumed,
        }
    }
}
