//! Whether a target answers. One that does not is left alone: the log keeps its events better than rows would.

use crate::domain::id::Timestamp;

/// Failed attempts in a row after which the target counts as down.
const DOWN_AFTER: u32 = 8;

/// How often an event is taken from the log for a target that is down, to see whether it is back.
const PROBE_EVERY_MS: Timestamp = 60_000;

/// An answer that takes longer makes the target slow.
const SLOW_MS: Timestamp = 2_000;

/// What the last attempts told about a target.
#[derive(Clone, Copy, Debug, Default)]
pub struct Health {
    failures: u32,
    slow: bool,
    probe_at: Timestamp,
}

impl Health {
    /// An attempt ended. Answers whether the target has just come back.
    pub fn note(&mut self, delivered: bool, took: Timestamp, now: Timestamp) -> bool {
        let was_down = self.is_down();
        self.slow = took > SLOW_MS;
        self.failures = if delivered { 0 } else { self.failures.saturating_add(1) };
        self.probe_at = now + PROBE_EVERY_MS;
        was_down && delivered
    }

    /// Nothing has worked for a while.
    pub fn is_down(&self) -> bool {
        self.failures >= DOWN_AFTER
    }

    /// It failed or was slow the last time, and must not take threads from targets that work.
    pub fn is_troubled(&self) -> bool {
        self.failures > 0 || self.slow
    }

    /// When the next event is taken from the log, if the target is down.
    pub fn probe_at(&self) -> Option<Timestamp> {
        self.is_down().then_some(self.probe_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_down_after_a_row_of_failures_and_up_after_one_success() {
        let mut health = Health::default();
        assert!((1..DOWN_AFTER).all(|_| !health.note(false, 1, 0) && !health.is_down()));
        health.note(false, 1, 5);
        assert_eq!((health.is_down(), health.probe_at()), (true, Some(5 + PROBE_EVERY_MS)));
        assert!(health.note(true, 1, 6));
        assert!(!health.is_down() && !health.is_troubled() && !health.note(true, 1, 6));
    }

    #[test]
    fn a_slow_target_is_troubled() {
        let mut health = Health::default();
        health.note(true, SLOW_MS + 1, 0);
        assert!(health.is_troubled());
        health.note(true, 1, 0);
        assert!(!health.is_troubled());
    }
}
