//! Where the head of a request ends.

use super::Fault;

/// Searches the received bytes for the empty line that ends a head, never looking at a byte twice.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct HeadScan {
    /// Bytes already searched.
    searched: usize,
    /// Where the line being searched begins.
    line_start: usize,
}

impl HeadScan {
    /// The length of the head including its empty line, or `None` while that has not arrived.
    ///
    /// `input` is all that was received of this request, at each call with more bytes at its end. One empty line
    /// before the request line is part of the head and ignored (RFC 9112 2.2).
    ///
    /// # Errors
    /// [`Fault::BareLineFeed`], and [`Fault::HeadTooLarge`] if `limit` bytes do not hold the head.
    pub(super) fn advance(&mut self, input: &[u8], limit: usize) -> Result<Option<usize>, Fault> {
        let window = &input[..input.len().min(limit)];
        while let Some(distance) = memchr::memchr(b'\n', &window[self.searched..]) {
            let line_end = self.searched + distance;
            let line = &window[self.line_start..line_end];
            if line.last() != Some(&b'\r') {
                return Err(Fault::BareLineFeed);
            }
            let leading = self.line_start == 0;
            self.searched = line_end + 1;
            self.line_start = self.searched;
            if line.len() == 1 && !leading {
                return Ok(Some(self.searched));
            }
        }
        self.searched = window.len();
        if input.len() >= limit {
            Err(Fault::HeadTooLarge)
        } else {
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    #[test]
    fn the_end_is_found_however_the_bytes_arrive() {
        let with_rest = [HEAD, b"rest\n"].concat();
        for first in 0..with_rest.len() {
            let mut scan = HeadScan::default();
            if let Some(length) = scan.advance(&with_rest[..first], 100).unwrap() {
                assert_eq!(length, HEAD.len());
                continue;
            }
            assert_eq!(scan.advance(&with_rest, 100), Ok(Some(HEAD.len())), "cut at {first}");
        }
    }

    #[test]
    fn one_leading_empty_line_belongs_to_the_head() {
        let input = [b"\r\n", HEAD].concat();
        assert_eq!(HeadScan::default().advance(&input, 100), Ok(Some(input.len())));
        assert_eq!(HeadScan::default().advance(b"\r\n\r\nGET", 100), Ok(Some(4)));
    }

    #[test]
    fn a_bare_line_feed_is_refused_at_once() {
        for input in [
            &b"\n"[..],
            b"GET / HTTP/1.1\n",
            b"GET / HTTP/1.1\r\n\n",
            b"GET / HTTP/1.1\r\nA: b\n",
        ] {
            assert_eq!(HeadScan::default().advance(input, 100), Err(Fault::BareLineFeed));
        }
    }

    #[test]
    fn the_limit_is_exact() {
        assert_eq!(HeadScan::default().advance(HEAD, HEAD.len()), Ok(Some(HEAD.len())));
        assert_eq!(
            HeadScan::default().advance(HEAD, HEAD.len() - 1),
            Err(Fault::HeadTooLarge)
        );
        let incomplete = &HEAD[..HEAD.len() - 2];
        assert_eq!(HeadScan::default().advance(incomplete, incomplete.len() + 1), Ok(None));
        assert_eq!(
            HeadScan::default().advance(incomplete, incomplete.len()),
            Err(Fault::HeadTooLarge)
        );
    }
}
