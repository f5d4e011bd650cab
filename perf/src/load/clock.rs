//! Time of a run, the same on all threads.

use std::time::{Duration, Instant};

/// Nanoseconds since the run began.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock that begins now.
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// Nanoseconds since it began.
    pub fn ns(self) -> u64 {
        nanoseconds(self.started.elapsed())
    }

    /// Sleeps until so many nanoseconds have passed since it began.
    pub fn sleep_until(self, ns: u64) {
        std::thread::sleep(Duration::from_nanos(ns.saturating_sub(self.ns())));
    }
}

/// When a run measures and ends, on its [`Clock`].
#[derive(Debug, Clone, Copy)]
pub struct Phases {
    /// The measurement begins.
    pub measure_from: u64,
    /// The measurement ends, and nothing is sent any more.
    pub measure_to: u64,
    /// What is not back by now counts as lost.
    pub give_up: u64,
}

impl Phases {
    /// Phases that begin now.
    pub fn after(now: u64, warm_up: Duration, measured: Duration, drain: Duration) -> Self {
        let measure_from = now + nanoseconds(warm_up);
        let measure_to = measure_from + nanoseconds(measured);
        Self {
            measure_from,
            measure_to,
            give_up: measure_to + nanoseconds(drain),
        }
    }

    /// Nothing is measured, and what is not back by `give_up` counts as lost.
    pub fn unmeasured(give_up: u64) -> Self {
        Self {
            measure_from: 0,
            measure_to: 0,
            give_up,
        }
    }

    /// Whether the measurement is under way.
    pub fn is_measured(&self, now: u64) -> bool {
        (self.measure_from..self.measure_to).contains(&now)
    }
}

/// A duration in nanoseconds.
pub fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
