//! Running totals of a worker, for whoever watches it from another thread.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::timeline::Total;

/// What is counted, in the order of the totals.
const NAMES: [&str; 4] = ["acked", "delivered", "pages", "in sync"];

/// Written by one worker, read by any thread. On a cache line of its own, so that workers do not slow each other.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct Tally {
    counts: [AtomicU64; NAMES.len()],
}

impl Tally {
    /// Tells the totals since the worker began: messages acked, messages delivered, pages of histories that came, and
    /// clients that came to be in sync.
    pub fn publish(&self, counts: [u64; NAMES.len()]) {
        for (known, count) in self.counts.iter().zip(counts) {
            known.store(count, Ordering::Relaxed);
        }
    }

    /// The totals told last.
    pub fn read(&self) -> [Total; NAMES.len()] {
        std::array::from_fn(|index| (NAMES[index], self.counts[index].load(Ordering::Relaxed)))
    }
}
