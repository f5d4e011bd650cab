//! Makes a run of the tail's messages that no run holds yet.

use rusqlite::Connection;

use super::{Job, Outcome, Run, insert_entry};
use crate::store::sqlite::integers;
use crate::store::sqlite::order::POSITIONS_PER_ROW;
use crate::store::sqlite::tail::Entry;

/// A run being written.
pub struct Build {
    /// Sorted by conversation and seq.
    entries: Vec<Entry>,
    next: usize,
    run: Run,
}

impl Build {
    /// `entries`: all messages above `above`, sorted.
    pub fn new(run: i64, above: i64, entries: Vec<Entry>) -> Self {
        let last_position = entries.iter().map(|entry| entry.position).max().unwrap_or(above);
        let messages = entries.len() as i64;
        let run = Run {
            first_position: above + 1,
            last_position,
            run,
            level: 0,
            messages,
            entries: 0,
        };
        Self { entries, next: 0, run }
    }

    /// How many messages it holds.
    pub fn messages(&self) -> usize {
        self.entries.len()
    }
}

impl Job for Build {
    fn step(&mut self, im: &Connection, budget: i64) -> rusqlite::Result<Option<Outcome>> {
        let end = self.run.entries + budget;
        while let Some(first) = self.entries.get(self.next) {
            if self.run.entries >= end {
                return Ok(None);
            }
            let rest = self.entries[self.next..].iter().take(POSITIONS_PER_ROW as usize);
            let positions = rest
                .take_while(|entry| entry.conversation == first.conversation)
                .map(|entry| entry.position);
            let positions: Vec<i64> = positions.collect();
            self.next += positions.len();
            insert_entry(
                im,
                self.run.run,
                first.conversation,
                first.seq,
                &integers::write(positions),
            )?;
            self.run.entries += 1;
        }
        self.run.list(im)?;
        im.prepare_cached("UPDATE meta SET indexed_position = ?1")?
            .execute([self.run.last_position])?;
        Ok(Some(Outcome::Built(self.run)))
    }
}
