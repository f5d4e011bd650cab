//! Durable facts: one writer behind [`Backend`], any number of [`Reader`]s.
//!
//! The store loads facts and writes changes; it decides nothing. [`committer`] drives it.

pub mod committer;
pub mod memory;
mod page;
pub mod sqlite;

use crate::domain::change::Change;
use crate::domain::facts::{FactSource, FactsError};
use crate::domain::query::{Answer, Query};
use crate::domain::rejection::Rejection;

/// What went wrong in the store, by what must be done about it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full: the batch is refused, reads go on, the next batch may succeed.
    #[error("the disk is full: {0}")]
    Full(String),
    /// Anything else: nothing may be acknowledged any more, the process must end.
    #[error("the store failed: {0}")]
    Fatal(String),
}

/// The one writer of a store. Called by one thread, a batch at a time.
pub trait Backend: FactSource {
    /// Nothing waits and nothing is to be maintained: does what the next batch would else have to wait for.
    fn prepare(&mut self) {}
    /// Opens the batch's transaction.
    fn begin(&mut self) -> Result<(), StoreError>;
    /// Writes one change into the open transaction.
    fn write(&mut self, change: &Change) -> Result<(), StoreError>;
    /// Makes the batch durable. After an error nothing of it is.
    fn commit(&mut self) -> Result<(), StoreError>;
    /// Drops the open transaction, if there is one.
    fn rollback(&mut self);
    /// Background work between two batches (merging the order of conversations, checkpoints), in slices of
    /// about two milliseconds. `idle`: nothing waits. Answers whether there is more to do.
    fn maintain(&mut self, idle: bool) -> Result<bool, StoreError>;
    /// Leaves the files tidy at the end, so that the next start is quick. Nothing is lost without it.
    fn close(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
    /// Tells why a fact could not be loaded.
    fn classify(&self, error: FactsError) -> StoreError {
        StoreError::Fatal(error.0)
    }
}

/// Why a query has no answer.
#[derive(Debug)]
pub enum QueryFault {
    /// The rules say no, or there is no such thing.
    Rejected(Rejection),
    /// The store could not be read.
    Store(StoreError),
}

impl From<Rejection> for QueryFault {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

/// One reader of a store, on its own thread. Sees every commit that was acknowledged before the call.
pub trait Reader: Send {
    /// Answers one query from one consistent state.
    fn answer(&mut self, query: &Query) -> Result<Answer, QueryFault>;
}
