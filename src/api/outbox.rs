//! Bytes waiting for one socket: gathered while a write is under way, bounded, given back when idle.

use crate::base::limits;

/// What became of something that was to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pushed {
    /// It waits for the next write.
    Queued,
    /// The peer reads too slowly: too much waits already.
    Full,
}

/// The way out of one connection.
#[derive(Default)]
pub struct Outbox {
    pending: Vec<u8>,
    /// Bytes of the write under way, as far as 32 bits count; 0 when there is none.
    in_flight: u32,
    /// Nothing more may be added; the connection ends with the last byte.
    finished: bool,
    /// The end was handed out.
    over: bool,
    /// The gateway knows that there is something to flush.
    marked: bool,
}

impl Outbox {
    /// Adds what must not be lost, such as a whole HTTP response: by `write`, whatever waits already.
    pub fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.finished {
            write(&mut self.pending);
        }
    }

    /// Adds a frame, unless too much waits already.
    pub fn push(&mut self, frame: &[u8]) -> Pushed {
        if self.waiting() >= limits::OUTBOX_BYTES {
            return Pushed::Full;
        }
        self.append(|pending| pending.extend_from_slice(frame));
        Pushed::Queued
    }

    /// Adds a frame that is dropped first when the peer reads slowly.
    pub fn push_ephemeral(&mut self, frame: &[u8]) {
        if self.waiting() < limits::OUTBOX_EPHEMERAL_BYTES {
            self.append(|pending| pending.extend_from_slice(frame));
        }
    }

    /// Drops what no write has begun with.
    pub fn clear(&mut self) {
        self.pending = Vec::new();
    }

    /// Nothing follows what was added so far.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// Whether the end was said.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Bytes that wait or are being written.
    pub fn waiting(&self) -> usize {
        self.pending.len() + self.in_flight as usize
    }

    /// The next write and whether it is the last, unless one is under way or there is nothing to do.
    pub fn take(&mut self) -> Option<(Vec<u8>, bool)> {
        self.marked = false;
        if self.in_flight > 0 || self.over || (self.pending.is_empty() && !self.finished) {
            return None;
        }
        self.over = self.finished;
        self.in_flight = u32::try_from(self.pending.len()).unwrap_or(u32::MAX);
        Some((std::mem::take(&mut self.pending), self.finished))
    }

    /// The write under way is done; answers whether [`Outbox::take`] is worth a call.
    pub fn flushed(&mut self) -> bool {
        self.in_flight = 0;
        !self.pending.is_empty() || (self.finished && !self.over)
    }

    /// Marks that [`Outbox::take`] is worth a call; `true` when it was not marked before.
    pub fn mark(&mut self) -> bool {
        !std::mem::replace(&mut self.marked, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_follow_each_other_and_gather() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.take(), None);
        outbox.push(b"a");
        assert_eq!(outbox.take(), Some((b"a".to_vec(), false)));
        outbox.push(b"b");
        outbox.push(b"c");
        assert_eq!(outbox.take(), None);
        assert!(outbox.flushed());
        outbox.finish();
        outbox.push(b"late");
        assert_eq!(outbox.take(), Some((b"bc".to_vec(), true)));
        assert!(!outbox.flushed());
        assert_eq!(outbox.take(), None);
    }

    #[test]
    fn a_slow_reader_is_noticed() {
        let mut outbox = Outbox::default();
        let frame = vec![0; limits::OUTBOX_EPHEMERAL_BYTES];
        assert_eq!(outbox.push(&frame), Pushed::Queued);
        outbox.push_ephemeral(b"x");
        assert_eq!(outbox.waiting(), frame.len());
        while outbox.push(&frame) == Pushed::Queued {}
        assert!(outbox.waiting() < limits::OUTBOX_BYTES + frame.len());
    }
}
