//! Makes one run of several neighbours, so that a conversation is found in few places.

use std::collections::VecDeque;

use rusqlite::{Connection, Row};

use super::{Job, Outcome, Run, insert_entry};
use crate::store::sqlite::integers;
use crate::store::sqlite::order::POSITIONS_PER_ROW;
use crate::store::sqlite::rows::all;

/// Rows read at once from one of the inputs.
const READ_AHEAD: i64 = 64;

/// A merge under way. Inputs do not change until it is listed in their place.
pub struct Merge {
    inputs: Vec<Input>,
    output: Run,
    /// The row being put together.
    open: Option<Entry>,
}

struct Input {
    run: Run,
    ahead: VecDeque<Entry>,
    /// The last row that was read.
    reached: (i64, i64),
    exhausted: bool,
}

/// A row of `message_index`.
struct Entry {
    conversation: i64,
    first_seq: i64,
    count: i64,
    positions: String,
}

/// Rows per ten messages at which a work of `rows` rows ends after two thirds of `messages` messages.
pub fn rate(rows: i64, messages: i64) -> i64 {
    rows * 15 / messages.max(1) + 1
}

impl Merge {
    /// `inputs`: runs that follow each other in the log.
    pub fn new(run: i64, inputs: Vec<Run>) -> Self {
        let level = inputs.iter().map(|input| input.level).max().unwrap_or(0) + 1;
        let output = Run {
            first_position: inputs.first().map_or(0, |first| first.first_position),
            last_position: inputs.last().map_or(0, |last| last.last_position),
            run,
            level,
            messages: inputs.iter().map(|input| input.messages).sum(),
            entries: 0,
        };
        let start = |run| Input {
            run,
            ahead: VecDeque::new(),
            reached: (i64::MIN, i64::MIN),
            exhausted: false,
        };
        Self {
            inputs: inputs.into_iter().map(start).collect(),
            output,
            open: None,
        }
    }

    /// Rows it may handle per ten messages.
    pub fn rate(&self) -> i64 {
        rate(
            self.inputs.iter().map(|input| input.run.entries).sum(),
            self.output.messages,
        )
    }

    /// The next row in the order of conversations and seqs.
    fn next(&mut self, im: &Connection) -> rusqlite::Result<Option<Entry>> {
        for input in &mut self.inputs {
            input.refill(im)?;
        }
        let heads = self.inputs.iter_mut().filter(|input| !input.ahead.is_empty());
        let first = heads.min_by_key(|input| input.ahead.front().map(|entry| (entry.conversation, entry.first_seq)));
        Ok(first.and_then(|input| input.ahead.pop_front()))
    }

    fn take(&mut self, im: &Connection, entry: Entry) -> rusqlite::Result<()> {
        match &mut self.open {
            Some(open) if open.continues_with(&entry) => {
                let inner = open.positions.len() - 1;
                open.positions.truncate(inner);
                integers::append(&mut open.positions, &entry.positions);
                integers::close(&mut open.positions);
                open.count += entry.count;
                Ok(())
            }
            _ => {
                let closed = self.open.replace(entry);
                self.write(im, closed)
            }
        }
    }

    fn write(&mut self, im: &Connection, entry: Option<Entry>) -> rusqlite::Result<()> {
        let Some(entry) = entry else { return Ok(()) };
        self.output.entries += 1;
        insert_entry(
            im,
            self.output.run,
            entry.conversation,
            entry.first_seq,
            &entry.positions,
        )
    }

    fn finish(&mut self, im: &Connection) -> rusqlite::Result<Outcome> {
        let last = self.open.take();
        self.write(im, last)?;
        let inputs: Vec<Run> = self.inputs.iter().map(|input| input.run).collect();
        for input in &inputs {
            im.prepare_cached("DELETE FROM message_runs WHERE run = ?1")?
                .execute([input.run])?;
        }
        self.output.list(im)?;
        Ok(Outcome::Merged {
            inputs,
            output: self.output,
        })
    }
}

impl Job for Merge {
    fn step(&mut self, im: &Connection, budget: i64) -> rusqlite::Result<Option<Outcome>> {
        for _ in 0..budget {
            match self.next(im)? {
                Some(entry) => self.take(im, entry)?,
                None => return self.finish(im).map(Some),
            }
        }
        Ok(None)
    }
}

impl Entry {
    fn continues_with(&self, next: &Entry) -> bool {
        self.conversation == next.conversation
            && self.first_seq + self.count == next.first_seq
            && self.count + next.count <= POSITIONS_PER_ROW
    }
}

impl Input {
    fn refill(&mut self, im: &Connection) -> rusqlite::Result<()> {
        if self.exhausted || !self.ahead.is_empty() {
            return Ok(());
        }
        let sql = "SELECT conversation, first_seq, positions FROM message_index
            WHERE run = ?1 AND (conversation, first_seq) > (?2, ?3) ORDER BY conversation, first_seq LIMIT ?4";
        let read = |row: &Row| {
            let positions: String = row.get(2)?;
            let count = integers::count(&positions);
            Ok(Entry {
                conversation: row.get(0)?,
                first_seq: row.get(1)?,
                count,
                positions,
            })
        };
        let (conversation, first_seq) = self.reached;
        self.ahead = all(im, sql, [self.run.run, conversation, first_seq, READ_AHEAD], read)?.into();
        self.exhausted = (self.ahead.len() as i64) < READ_AHEAD;
        if let Some(last) = self.ahead.back() {
            self.reached = (last.conversation, last.first_seq);
        }
        Ok(())
    }
}
