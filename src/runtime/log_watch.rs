//! Lets threads follow the log: they wait for its head to move and read what is new from the store.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::domain::event::{CommittedBatch, Event};

/// What a follower of the log has to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LogState {
    /// Everything up to here is committed.
    pub head: i64,
    /// Counts the changes to the table of webhooks.
    pub webhooks_version: u64,
}

/// The head of the log, to wait for.
#[derive(Default)]
pub struct LogWatch {
    state: Mutex<LogState>,
    moved: Condvar,
}

impl LogWatch {
    /// Tells followers of a commit.
    pub fn publish(&self, batch: &CommittedBatch) {
        let webhooks_changed = batch.events.iter().any(|event| matches!(event, Event::WebhooksChanged));
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if batch.head > state.head || webhooks_changed {
            state.head = state.head.max(batch.head);
            state.webhooks_version += u64::from(webhooks_changed);
            self.moved.notify_all();
        }
    }

    /// Waits until the state differs from the one the caller knows, or for so long; answers the present one.
    pub fn wait(&self, known: LogState, at_most: Duration) -> LogState {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.moved.wait_timeout_while(state, at_most, |state| *state == known);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_follower_wakes_for_a_new_head_and_for_changed_webhooks() {
        let watch = Arc::new(LogWatch::default());
        let known = LogState::default();
        assert_eq!(watch.wait(known, Duration::from_millis(1)), known);

        let publisher = watch.clone();
        let thread = std::thread::spawn(move || {
            publisher.publish(&CommittedBatch {
                head: 7,
                ..CommittedBatch::default()
            });
        });
        let moved = watch.wait(known, Duration::from_secs(10));
        assert_eq!(moved.head, 7);
        thread.join().expect("the publisher has no reason to panic");

        let events = vec![Event::WebhooksChanged];
        watch.publish(&CommittedBatch {
            head: 0,
            events,
            settlements: Vec::new(),
        });
        let changed = watch.wait(moved, Duration::from_secs(10));
        assert_eq!(
            changed,
            LogState {
                head: 7,
                webhooks_version: 1
            }
        );
    }
}
