//! Background work between batches: building runs, writing heads, merging runs, removing old ones.
//!
//! Under load every job gets as much work as messages have come in, so that it ends well before the next
//! of its kind is due and the cost of a message is the same all the time. When nothing waits, jobs go on in
//! slices. A slice is a transaction without a sync of its own: the next batch's sync covers it, and losing
//! it loses nothing but the work.

mod build;
mod flush;
mod merge;
mod sweep;

use rusqlite::Connection;

use self::build::Build;
use self::flush::Flush;
use self::merge::Merge;
use self::sweep::Sweep;
use super::checkpoint::Checkpoints;
use super::rows::all;
use super::tail::SharedTail;
use crate::store::StoreError;

/// How much is gathered before it is put in order. Small only in tests.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Messages of one new run; readers of `v1_messages` scan up to twice as many.
    pub run: usize,
    /// Messages in runs whose heads are written together. More of them share a page; all are kept in memory.
    pub flush: usize,
    /// Runs of one level that become one of the next.
    pub fan_in: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            run: 16_384,
            flush: 65_536,
            fan_in: 16,
        }
    }
}

/// Rows one slice handles when nothing waits; about two milliseconds.
const IDLE_SLICE: i64 = 400;
/// Rows below which a slice under load is not worth its transaction.
const LEAST_SLICE: i64 = 256;
/// Rows allowed per message, in tenths: to a build, to a flush, and to a sweep of unknown size.
const BUILD_RATE: i64 = 20;
const FLUSH_RATE: i64 = 30;
const LEFTOVER_RATE: i64 = 20;

/// A listed run: one stretch of the log sorted by conversation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Run {
    first_position: i64,
    last_position: i64,
    run: i64,
    level: i64,
    messages: i64,
    /// Rows in `message_index`.
    entries: i64,
}

/// A piece of background work that can stop after any number of rows.
trait Job {
    /// Handles about `budget` rows inside the open transaction. Answers what became true when it is done.
    fn step(&mut self, im: &Connection, budget: i64) -> rusqlite::Result<Option<Outcome>>;
}

/// What a finished job has made true, once its transaction is committed.
enum Outcome {
    Built(Run),
    Flushed { through: i64 },
    Merged { inputs: Vec<Run>, output: Run },
    Swept,
}

/// A job under way, and how many rows it may handle by now.
struct Task {
    job: Box<dyn Job + Send>,
    kind: Kind,
    /// Rows per ten messages.
    rate: i64,
    /// Tenths of rows.
    credit: i64,
}

/// There is one job of a kind at a time, but for sweeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Build,
    Flush,
    Merge(i64),
    Sweep,
}

/// Everything that goes on between batches.
pub struct Upkeep {
    pub checkpoints: Checkpoints,
    sizes: Sizes,
    tasks: Vec<Task>,
    runs: Vec<Run>,
    next_run: i64,
    indexed: i64,
    flushed: i64,
    /// Messages above `indexed` that no build has taken.
    unindexed: usize,
    /// Messages up to `indexed` that no flush has taken.
    unflushed: usize,
}

impl Upkeep {
    /// Reads what is listed, and finds rows that belong to no listed run: leftovers of a crash.
    pub fn load(im: &Connection, sizes: Sizes, checkpoints: Checkpoints) -> rusqlite::Result<Self> {
        let read = |row: &rusqlite::Row| Ok((row.get(0)?, row.get(1)?));
        let (indexed, flushed) = im.query_row("SELECT indexed_position, flushed_position FROM meta", [], read)?;
        let mut upkeep = Self {
            checkpoints,
            sizes,
            tasks: Vec::new(),
            runs: listed_runs(im)?,
            next_run: 1,
            indexed,
            flushed,
            unindexed: 0,
            unflushed: 0,
        };
        for run in stored_runs(im)? {
            upkeep.next_run = run + 1;
            if upkeep.runs.iter().all(|listed| listed.run != run) {
                upkeep.add(Kind::Sweep, LEFTOVER_RATE, Sweep::new(vec![run]));
            }
        }
        Ok(upkeep)
    }

    /// Counts the tail that was read back at the start.
    pub fn count_tail(&mut self, tail: &SharedTail) {
        let tail = tail.get();
        self.unindexed = tail.count_above(self.indexed);
        self.unflushed = tail.len() - self.unindexed;
    }

    /// Counts what a batch has added.
    pub fn committed(&mut self, messages: usize) {
        self.unindexed += messages;
        for task in &mut self.tasks {
            task.credit += messages as i64 * task.rate;
        }
    }

    /// Goes on with what is under way; answers whether there is more to do when nothing waits.
    pub fn step(&mut self, im: &Connection, tail: &SharedTail, idle: bool) -> Result<bool, StoreError> {
        self.start_due(tail);
        let result = self.slice(im, idle);
        match result {
            Ok(outcomes) => outcomes.into_iter().for_each(|outcome| self.apply(outcome, tail)),
            Err(error) => self.abandon(im, tail, error)?,
        }
        self.start_due(tail);
        let checkpointing = self.checkpoints.step(im, idle)?;
        Ok(!self.tasks.is_empty() || checkpointing)
    }

    fn add(&mut self, kind: Kind, rate: i64, job: impl Job + Send + 'static) {
        self.tasks.push(Task {
            job: Box::new(job),
            kind,
            rate,
            credit: 0,
        });
    }

    fn start_due(&mut self, tail: &SharedTail) {
        let runs_now = |upkeep: &Self, kind| upkeep.tasks.iter().any(|task| task.kind == kind);
        if self.unindexed >= self.sizes.run && !runs_now(self, Kind::Build) {
            let build = Build::new(self.take_run_number(), self.indexed, tail.get().above(self.indexed));
            self.unindexed -= build.messages();
            self.add(Kind::Build, BUILD_RATE, build);
        }
        if self.unflushed >= self.sizes.flush && !runs_now(self, Kind::Flush) {
            self.unflushed = 0;
            let flush = Flush::new(self.indexed, tail.get().between(self.flushed, self.indexed));
            self.add(Kind::Flush, FLUSH_RATE, flush);
        }
        let top = self.runs.iter().map(|run| run.level).max().unwrap_or(0);
        for level in 0..=top {
            let of_level: Vec<Run> = self.runs.iter().filter(|run| run.level == level).copied().collect();
            if of_level.len() >= self.sizes.fan_in && !runs_now(self, Kind::Merge(level)) {
                let merge = Merge::new(self.take_run_number(), of_level[..self.sizes.fan_in].to_vec());
                self.add(Kind::Merge(level), merge.rate(), merge);
            }
        }
    }

    fn take_run_number(&mut self) -> i64 {
        self.next_run += 1;
        self.next_run - 1
    }

    /// One transaction: under load every job that may, otherwise the first.
    fn slice(&mut self, im: &Connection, idle: bool) -> rusqlite::Result<Vec<Outcome>> {
        let ready = |task: &Task| idle || task.credit >= LEAST_SLICE * 10;
        if !self.tasks.iter().any(ready) {
            return Ok(Vec::new());
        }
        im.pragma_update(None, "synchronous", "NORMAL")?;
        im.execute_batch("BEGIN IMMEDIATE")?;
        let most = if idle { 1 } else { self.tasks.len() };
        let mut outcomes = Vec::new();
        let mut done = Vec::new();
        for (index, task) in self
            .tasks
            .iter_mut()
            .enumerate()
            .filter(|(_, task)| ready(task))
            .take(most)
        {
            let budget = (task.credit / 10).max(if idle { IDLE_SLICE } else { 0 });
            task.credit = 0;
            if let Some(outcome) = task.job.step(im, budget)? {
                outcomes.push(outcome);
                done.push(index);
            }
        }
        im.execute_batch("COMMIT")?;
        im.pragma_update(None, "synchronous", "FULL")?;
        done.into_iter().rev().for_each(|index| drop(self.tasks.remove(index)));
        Ok(outcomes)
    }

    fn apply(&mut self, outcome: Outcome, tail: &SharedTail) {
        match outcome {
            Outcome::Built(run) => {
                self.indexed = run.last_position;
                self.unflushed += run.messages as usize;
                self.runs.push(run);
            }
            Outcome::Flushed { through } => {
                self.flushed = through;
                tail.change(|tail| tail.forget_through(through));
            }
            Outcome::Merged { inputs, output } => {
                self.runs.retain(|run| !inputs.contains(run));
                self.runs.push(output);
                self.runs.sort_by_key(|run| run.first_position);
                let entries: i64 = inputs.iter().map(|run| run.entries).sum();
                let rate = merge::rate(entries, output.messages);
                self.add(
                    Kind::Sweep,
                    rate,
                    Sweep::new(inputs.iter().map(|run| run.run).collect()),
                );
            }
            Outcome::Swept => {}
        }
    }

    /// After a failed slice nothing that was in memory fits the file: everything is begun anew. A full disk
    /// is no reason to stop; the work waits.
    fn abandon(&mut self, im: &Connection, tail: &SharedTail, error: rusqlite::Error) -> Result<(), StoreError> {
        if !im.is_autocommit() {
            im.execute_batch("ROLLBACK")?;
        }
        im.pragma_update(None, "synchronous", "FULL")?;
        match StoreError::from(error) {
            StoreError::Full(_) => {}
            fatal => return Err(fatal),
        }
        let (sizes, checkpoints) = (self.sizes, self.checkpoints.clone());
        *self = Self::load(im, sizes, checkpoints)?;
        self.count_tail(tail);
        Ok(())
    }
}

fn listed_runs(im: &Connection) -> rusqlite::Result<Vec<Run>> {
    let sql =
        "SELECT first_position, last_position, run, level, messages, entries FROM message_runs ORDER BY first_position";
    all(im, sql, [], |row| {
        Ok(Run {
            first_position: row.get(0)?,
            last_position: row.get(1)?,
            run: row.get(2)?,
            level: row.get(3)?,
            messages: row.get(4)?,
            entries: row.get(5)?,
        })
    })
}

/// The numbers of all runs that have rows, ascending; a seek for each.
fn stored_runs(im: &Connection) -> rusqlite::Result<Vec<i64>> {
    let sql = "WITH RECURSIVE stored (run) AS (
            SELECT min(run) FROM message_index
            UNION ALL SELECT (SELECT min(run) FROM message_index WHERE run > stored.run) FROM stored WHERE run IS NOT NULL
        ) SELECT run FROM stored WHERE run IS NOT NULL";
    all(im, sql, [], |row| row.get(0))
}

impl Run {
    /// Lists the run, from when on readers use it.
    fn list(&self, im: &Connection) -> rusqlite::Result<()> {
        let sql = "INSERT INTO message_runs (first_position, last_position, run, level, messages, entries)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let values = [
            self.first_position,
            self.last_position,
            self.run,
            self.level,
            self.messages,
            self.entries,
        ];
        im.prepare_cached(sql)?.execute(values).map(|_| ())
    }
}

/// Adds a row to a run that is not listed yet.
fn insert_entry(im: &Connection, run: i64, conversation: i64, first_seq: i64, positions: &str) -> rusqlite::Result<()> {
    let sql = "INSERT INTO message_index (run, conversation, first_seq, positions) VALUES (?1, ?2, ?3, ?4)";
    im.prepare_cached(sql)?
        .execute(rusqlite::params![run, conversation, first_seq, positions])
        .map(|_| ())
}
