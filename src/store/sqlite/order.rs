//! Where the messages of one conversation stand in the log: probes of the runs, then the tail.

use rusqlite::Connection;

use super::error::broken;
use super::integers;
use super::tail::Tail;

/// Most positions in one row of `message_index`: a longer array would leave the B-tree page for an
/// overflow page of its own.
pub const POSITIONS_PER_ROW: i64 = 96;

/// The order of conversations in one snapshot of the file.
pub struct Order<'a> {
    connection: &'a Connection,
    tail: &'a Tail,
    indexed: i64,
}

impl<'a> Order<'a> {
    /// `indexed`: messages up to this position are in runs.
    pub fn new(connection: &'a Connection, tail: &'a Tail, indexed: i64) -> Self {
        Self {
            connection,
            tail,
            indexed,
        }
    }

    /// The log positions of the messages with `from <= seq <= to`, ascending. The caller has bounded the
    /// range by the conversation's first and newest `seq`, so that each of them exists.
    pub fn between(&self, conversation: i64, from: i64, to: i64) -> rusqlite::Result<Vec<i64>> {
        if from > to {
            return Ok(Vec::new());
        }
        let wanted = |seq: i64| from <= seq && seq <= to;
        let in_tail: Vec<i64> = self
            .unindexed(conversation)
            .filter(|(seq, _)| wanted(*seq))
            .map(|(_, position)| position)
            .collect();
        let count = (to - from + 1) as usize;
        let mut positions = Vec::with_capacity(count);
        if in_tail.len() < count {
            self.probe_range(conversation, from, to, &mut positions)?;
        }
        positions.extend(in_tail);
        if positions.len() == count {
            Ok(positions)
        } else {
            Err(broken("order of a conversation"))
        }
    }

    fn probe_range(&self, conversation: i64, from: i64, to: i64, positions: &mut Vec<i64>) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached(
            "SELECT i.first_seq, i.positions FROM message_runs r
             CROSS JOIN message_index i ON i.run = r.run AND i.conversation = ?1 AND i.first_seq BETWEEN ?2 AND ?3
             ORDER BY r.first_position, i.first_seq",
        )?;
        let mut rows = statement.query([conversation, from - POSITIONS_PER_ROW + 1, to])?;
        while let Some(row) = rows.next()? {
            let first: i64 = row.get(0)?;
            let array = integers::read(row.get_ref(1)?.as_str()?);
            let numbered = (first..).zip(array).filter(|(seq, _)| from <= *seq && *seq <= to);
            positions.extend(numbered.map(|(_, position)| position));
        }
        Ok(())
    }

    /// The positions of the first messages that stand above a log position, ascending, at most `limit`.
    pub fn above(&self, conversation: i64, position: i64, limit: usize) -> rusqlite::Result<Vec<i64>> {
        let mut positions = Vec::new();
        if position < self.indexed {
            self.probe_above(conversation, position, limit, &mut positions)?;
        }
        let in_tail = self
            .unindexed(conversation)
            .map(|(_, at)| at)
            .filter(|at| *at > position);
        positions.extend(in_tail.take(limit - positions.len()));
        Ok(positions)
    }

    fn probe_above(
        &self,
        conversation: i64,
        above: i64,
        limit: usize,
        positions: &mut Vec<i64>,
    ) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached(
            "SELECT i.positions FROM message_runs r
             CROSS JOIN message_index i ON i.run = r.run AND i.conversation = ?1
             WHERE r.last_position > ?2 ORDER BY r.first_position, i.first_seq",
        )?;
        let mut rows = statement.query([conversation, above])?;
        while let Some(row) = rows.next()? {
            let array = integers::read(row.get_ref(0)?.as_str()?).filter(|position| *position > above);
            positions.extend(array.take(limit - positions.len()));
            if positions.len() == limit {
                break;
            }
        }
        Ok(())
    }

    fn unindexed(&self, conversation: i64) -> impl Iterator<Item = (i64, i64)> {
        let above = self.indexed;
        self.tail
            .of(conversation)
            .filter(move |entry| entry.position > above)
            .map(|entry| (entry.seq, entry.position))
    }
}
