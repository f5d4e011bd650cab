//! The one place that reads a clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::api::port::Now;

/// Reads the time; a copy of it tells the same time on every thread.
#[derive(Clone, Copy)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock whose monotonic time begins now.
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// The time.
    pub fn now(&self) -> Now {
        Now {
            wall_ms: wall_ms(),
            monotonic_ms: self.monotonic_ms(),
        }
    }

    /// Milliseconds since the clock was started.
    pub fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Milliseconds since the Unix epoch; 0 for a clock set before it.
pub fn wall_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
