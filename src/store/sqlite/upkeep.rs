//! Background work between batches.

use rusqlite::Connection;

use super::tail::SharedTail;
use crate::store::StoreError;

/// What is under way between batches.
#[derive(Default)]
pub struct Upkeep {
    /// `credentials.db` has committed a batch that `im.db` has refused.
    pub secrets_ahead: bool,
}

impl Upkeep {
    /// Counts what a batch has added.
    pub fn committed(&mut self, _messages: usize) {}

    /// One slice of work; answers whether there is more.
    pub fn step(&mut self, _im: &mut Connection, _tail: &SharedTail, _idle: bool) -> Result<bool, StoreError> {
        Ok(false)
    }
}
