//! Read buffers, shared by the connections of a shard so that an idle one holds none.

/// Bytes one read takes at the most.
const READ_BYTES: usize = 16 * 1024;

/// Unused buffers kept for the next turn.
const SPARE_BUFFERS: usize = 64;

/// Busy connections of a shard that may leave their buffer with the kernel while they wait.
const PINNED_BUFFERS: usize = 1024;

/// The read buffers of a shard.
#[derive(Default)]
pub struct Buffers {
    spare: Vec<Vec<u8>>,
    pinned: usize,
}

impl Buffers {
    /// An empty buffer.
    pub fn take(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_else(|| Vec::with_capacity(READ_BYTES))
    }

    /// Gives a buffer back.
    pub fn give(&mut self, mut buffer: Vec<u8>) {
        if self.spare.len() < SPARE_BUFFERS {
            buffer.clear();
            self.spare.push(buffer);
        }
    }

    /// Asks to wait for bytes with a buffer in hand; `false` when too many do so already.
    pub fn pin(&mut self) -> bool {
        let allowed = self.pinned < PINNED_BUFFERS;
        self.pinned += usize::from(allowed);
        allowed
    }

    /// Ends a [`pin`](Self::pin) that was allowed.
    pub fn unpin(&mut self) {
        self.pinned -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_empty_and_are_reused() {
        let mut buffers = Buffers::default();
        let mut buffer = buffers.take();
        buffer.extend_from_slice(b"left over");
        let place = buffer.as_ptr();
        buffers.give(buffer);
        let again = buffers.take();
        assert!(again.is_empty());
        assert_eq!(again.as_ptr(), place);
    }

    #[test]
    fn spare_and_pinned_buffers_are_bounded() {
        let mut buffers = Buffers::default();
        for _ in 0..2 * SPARE_BUFFERS {
            buffers.give(Vec::with_capacity(1));
        }
        assert_eq!(buffers.spare.len(), SPARE_BUFFERS);
        let allowed = (0..2 * PINNED_BUFFERS).filter(|_| buffers.pin()).count();
        assert_eq!(allowed, PINNED_BUFFERS);
        buffers.unpin();
        assert!(buffers.pin());
    }
}
