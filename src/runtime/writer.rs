//! The one thread that writes: takes what waits, commits it in one transaction, and only then lets it be known.
//!
//! A batch is whatever arrived during the commit before, so its size follows the load by itself.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};

use super::clock::wall_ms;
use super::mailbox::{Mail, Mailbox};
use super::metrics::Metrics;
use super::outbound;
use super::readers::end_process;
use crate::base::limits;
use crate::domain::command::Submission;
use crate::store::committer::Committer;
use crate::store::{Backend, StoreError};

/// How long an idle writer waits before it looks for maintenance again.
const IDLE: Duration = Duration::from_secs(1);

/// How long the writer may tidy up at the end.
const TIDY: Duration = Duration::from_secs(1);

/// What the writer is told.
#[derive(Debug)]
pub enum Order {
    /// Commit these, in order.
    Commit(Vec<Submission>),
    /// Everything before this is committed: tidy up and end.
    Finish,
}

/// The writer thread's state.
pub struct Writer<B: Backend> {
    /// Decides and stores.
    pub committer: Committer<B>,
    /// Where orders come from.
    pub orders: Receiver<Order>,
    /// Every shard.
    pub mailboxes: Arc<[Mailbox]>,
    /// The webhook sender, which follows the log.
    pub webhooks: outbound::Link,
    /// What is measured.
    pub metrics: Arc<Metrics>,
}

impl<B: Backend + Send + 'static> Writer<B> {
    /// Starts the thread. A store that fails ends the process: nothing may be acknowledged any more.
    pub fn start(self) -> io::Result<JoinHandle<()>> {
        std::thread::Builder::new().name("writer".to_owned()).spawn(move || {
            if let Err(fault) = self.run() {
                end_process(&fault);
            }
        })
    }

    /// Works until [`Order::Finish`]. Fails when nothing may be acknowledged any more.
    fn run(mut self) -> Result<(), StoreError> {
        let mut more_to_maintain = true;
        loop {
            match self.next(more_to_maintain) {
                Ok(first) => {
                    let (submissions, finish) = self.gather(first);
                    self.commit(&submissions)?;
                    if finish {
                        return self.finish();
                    }
                    more_to_maintain = self.maintain(false)? || self.orders.is_empty();
                }
                Err(RecvTimeoutError::Timeout) => more_to_maintain = self.maintain(true)?,
                Err(RecvTimeoutError::Disconnected) => return self.finish(),
            }
        }
    }

    /// The next order; with something to maintain it is not waited for, which would first spin for a while.
    fn next(&mut self, more_to_maintain: bool) -> Result<Order, RecvTimeoutError> {
        if !more_to_maintain {
            if self.orders.is_empty() {
                self.committer.backend().prepare();
            }
            return self.orders.recv_timeout(IDLE);
        }
        self.orders.try_recv().map_err(|error| match error {
            TryRecvError::Empty => RecvTimeoutError::Timeout,
            TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
        })
    }

    /// What waits, up to the size of one commit; and whether it is the last.
    fn gather(&self, first: Order) -> (Vec<Submission>, bool) {
        let mut submissions = match first {
            Order::Commit(submissions) => submissions,
            Order::Finish => return (Vec::new(), true),
        };
        while submissions.len() < limits::COMMANDS_PER_COMMIT {
            match self.orders.try_recv() {
                Ok(Order::Commit(more)) => submissions.extend(more),
                Ok(Order::Finish) => return (submissions, true),
                Err(_) => break,
            }
        }
        (submissions, false)
    }

    fn commit(&mut self, submissions: &[Submission]) -> Result<(), StoreError> {
        if submissions.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        let batch = self.committer.commit(submissions, wall_ms())?;
        self.metrics.writer.committed(&batch, started.elapsed());
        let batch = Arc::new(batch);
        for mailbox in self.mailboxes.iter() {
            mailbox.send(Mail::Committed(batch.clone()));
        }
        self.webhooks.committed(&batch);
        if self.orders.is_empty() {
            // A shard on this processor has answers to send: that comes before what is left to do here.
            thread::yield_now();
        }
        Ok(())
    }

    /// Background work of the store. A full disk only delays it.
    fn maintain(&mut self, idle: bool) -> Result<bool, StoreError> {
        match self.committer.backend().maintain(idle) {
            Err(StoreError::Full(reason)) => {
                tracing::warn!(reason, "the disk is full: maintenance waits");
                Ok(false)
            }
            other => other,
        }
    }

    /// Leaves the files tidy, so that the next start is quick.
    fn finish(mut self) -> Result<(), StoreError> {
        let deadline = Instant::now() + TIDY;
        while self.maintain(true)? && Instant::now() < deadline {}
        match self.committer.backend().close() {
            Err(StoreError::Full(reason)) => {
                tracing::warn!(reason, "the disk is full: the files stay as they are");
                Ok(())
            }
            other => other,
        }
    }
}
