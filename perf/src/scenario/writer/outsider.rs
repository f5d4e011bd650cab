//! Another system that reads the database's views while the store writes.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use crate::error::Result;

const CONVERSATION: &str = "SELECT * FROM v1_messages WHERE conversation_id = ?1 ORDER BY seq";

/// A connection of its own that may only read.
pub struct Outsider(Connection);

impl Outsider {
    /// Opens the database in the data folder.
    pub fn open(folder: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Ok(Self(Connection::open_with_flags(folder.join("im.db"), flags)?))
    }

    /// Reads all columns of all messages of a conversation; returns the time and the numbers that came.
    pub fn read_conversation(&self, id: &str) -> Result<(Duration, Vec<i64>)> {
        let mut statement = self.0.prepare_cached(CONVERSATION)?;
        let (columns, seq) = (statement.column_count(), statement.column_index("seq")?);
        let started = Instant::now();
        let mut rows = statement.query([id])?;
        let mut numbers = Vec::new();
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                std::hint::black_box(row.get_ref(column)?);
            }
            numbers.push(row.get(seq)?);
        }
        Ok((started.elapsed(), numbers))
    }
}
