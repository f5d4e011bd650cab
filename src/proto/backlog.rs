//! Received bytes that make up no complete request or frame yet.

use std::ops::Range;

/// The unconsumed bytes of one connection. Holds memory only while something is incomplete.
///
/// The bound is the decoder's: it refuses a head, body or message above its limit, so at most one of these and one
/// read are kept.
#[derive(Debug, Default)]
pub struct Backlog {
    bytes: Vec<u8>,
}

impl Backlog {
    /// Hands `decode` the kept bytes followed by `received`, and keeps the range of them that it returns.
    ///
    /// With nothing kept `decode` works in `received` itself, so what arrives whole is never copied.
    pub fn consume<R>(&mut self, received: &mut [u8], decode: impl FnOnce(&mut [u8]) -> (Range<usize>, R)) -> R {
        if self.bytes.is_empty() {
            let (keep, result) = decode(received);
            if !keep.is_empty() {
                self.bytes.extend_from_slice(&received[keep]);
            }
            return result;
        }
        self.bytes.extend_from_slice(received);
        let (keep, result) = decode(&mut self.bytes);
        if keep.is_empty() {
            self.bytes = Vec::new();
        } else {
            self.bytes.truncate(keep.end);
            self.bytes.drain(..keep.start);
        }
        result
    }

    /// Number of bytes kept.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing is kept; then the backlog owns no memory.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Consumes whole groups of three bytes.
    fn triples(input: &mut [u8]) -> (Range<usize>, Vec<Vec<u8>>) {
        let whole = input.len() / 3 * 3;
        (
            whole..input.len(),
            input[..whole].chunks(3).map(<[u8]>::to_vec).collect(),
        )
    }

    #[test]
    fn what_arrives_whole_leaves_no_memory() {
        let mut backlog = Backlog::default();
        assert_eq!(backlog.consume(&mut b"abcdef".to_vec(), triples), [b"abc", b"def"]);
        assert!(backlog.is_empty());
        assert_eq!(backlog.bytes.capacity(), 0);
    }

    #[test]
    fn pieces_are_joined_and_the_memory_is_returned() {
        let mut backlog = Backlog::default();
        assert!(backlog.consume(&mut b"ab".to_vec(), triples).is_empty());
        assert_eq!(backlog.len(), 2);
        assert_eq!(backlog.consume(&mut b"cd".to_vec(), triples), [b"abc"]);
        assert_eq!(backlog.consume(&mut b"ef".to_vec(), triples), [b"def"]);
        assert_eq!(backlog.bytes.capacity(), 0);
    }

    #[test]
    fn an_absorbed_tail_is_dropped() {
        let mut backlog = Backlog::default();
        backlog.consume(&mut b"abXX".to_vec(), |_| (0..2, ()));
        backlog.consume(&mut b"cXX".to_vec(), |input| {
            assert_eq!(input, b"abcXX");
            (1..3, ())
        });
        backlog.consume(&mut [], |input| {
            assert_eq!(input, b"bc");
            (0..0, ())
        });
        assert!(backlog.is_empty());
    }
}
