//! Running totals of a worker, for whoever watches it from another thread.

use std::sync::atomic::{AtomicU64, Ordering};

use super::book::Counts;

/// Written by one worker, read by any thread. On a cache line of its own, so that workers do not slow each other.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct Tally {
    acked: AtomicU64,
    delivered: AtomicU64,
    in_sync: AtomicU64,
}

impl Tally {
    /// Tells the totals since the worker began, and how many clients have come to be in sync.
    pub fn publish(&self, total: Counts, in_sync: u64) {
        self.in_sync.store(in_sync, Ordering::Relaxed);
        self.acked.store(total.acked, Ordering::Relaxed);
        self.delivered.store(total.delivered, Ordering::Relaxed);
    }

    /// The totals told last.
    pub fn read(&self) -> Counts {
        Counts {
            acked: self.acked.load(Ordering::Relaxed),
            delivered: self.delivered.load(Ordering::Relaxed),
        }
    }

    /// How many clients have come to be in sync.
    pub fn in_sync(&self) -> u64 {
        self.in_sync.load(Ordering::Relaxed)
    }
}
