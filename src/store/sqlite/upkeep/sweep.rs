//! Removes the rows of runs that are listed no more, or never were.

use rusqlite::{Connection, Row};

use super::{Job, Outcome};
use crate::store::sqlite::rows::one;

/// Rows removed by one statement.
const STRIDE: i64 = 128;

/// Runs being removed, one after the other.
pub struct Sweep {
    runs: Vec<i64>,
}

impl Sweep {
    /// Of these runs.
    pub fn new(runs: Vec<i64>) -> Self {
        Self { runs }
    }
}

impl Job for Sweep {
    fn step(&mut self, im: &Connection, budget: i64) -> rusqlite::Result<Option<Outcome>> {
        let mut left = budget;
        while let Some(run) = self.runs.last() {
            if left <= 0 {
                return Ok(None);
            }
            let sql = "SELECT conversation, first_seq FROM message_index WHERE run = ?1
                ORDER BY conversation, first_seq LIMIT 1 OFFSET ?2";
            let read = |row: &Row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
            left -= STRIDE;
            if let Some((conversation, first_seq)) = one(im, sql, [*run, STRIDE], read)? {
                let sql = "DELETE FROM message_index WHERE run = ?1 AND (conversation, first_seq) < (?2, ?3)";
                im.prepare_cached(sql)?.execute([*run, conversation, first_seq])?;
            } else {
                im.prepare_cached("DELETE FROM message_index WHERE run = ?1")?
                    .execute([*run])?;
                self.runs.pop();
            }
        }
        Ok(Some(Outcome::Swept))
    }
}
