//! Wakes one task of a shard from its other tasks.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::{Poll, Waker};

/// A flag that one task waits for. Raising it again before the task runs has no further effect, and the
/// task runs after all others that are ready now: that is what makes the flusher run once per turn.
#[derive(Default)]
pub struct LocalEvent {
    raised: Cell<bool>,
    waiting: RefCell<Option<Waker>>,
}

impl LocalEvent {
    /// Lets the waiting task go on. Never called by that task itself, which would starve the others.
    pub fn raise(&self) {
        if !self.raised.replace(true)
            && let Some(waker) = self.waiting.take()
        {
            waker.wake();
        }
    }

    /// Waits until the flag is raised and lowers it.
    pub async fn wait(&self) {
        poll_fn(|context| {
            if self.raised.replace(false) {
                return Poll::Ready(());
            }
            self.waiting.replace(Some(context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}
