//! Read buffers: one that all idle connections of a shard share, and small ones that busy connections wait with.

/// Bytes that are taken from an idle connection at once.
const SHARED_BYTES: usize = 16 * 1024;

/// Bytes that a busy connection waits with, so many that most reads bring all there is.
pub const PINNED_BYTES: usize = 4 * 1024;

/// Busy connections of a shard that may leave a buffer with the kernel while they wait.
const PINNED_BUFFERS: usize = 1024;

/// The read buffers of a shard.
pub struct Buffers {
    shared: Box<[u8]>,
    pinned: usize,
}

impl Default for Buffers {
    fn default() -> Self {
        Self {
            shared: vec![0; SHARED_BYTES].into(),
            pinned: 0,
        }
    }
}

impl Buffers {
    /// The buffer for bytes that are there already and are handled at once.
    pub fn shared(&mut self) -> &mut [u8] {
        &mut self.shared
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
    fn pinned_buffers_are_bounded() {
        let mut buffers = Buffers::default();
        let allowed = (0..2 * PINNED_BUFFERS).filter(|_| buffers.pin()).count();
        assert_eq!(allowed, PINNED_BUFFERS);
        buffers.unpin();
        assert!(buffers.pin() && !buffers.pin());
    }
}
