//! The append: one connection fills one table in batches. Rows come in the order of their key and nothing else has to
//! be kept in order, so that every page is written once into the log and once into the file.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use hdrhistogram::Histogram;
use rusqlite::{Connection, params};
use tempfile::TempDir;

use crate::error::Result;
use crate::histogram::new_histogram;
use crate::load::message_id::{MessageIds, Place};
use crate::load::wire;
use crate::options::seconds;
use crate::process::Usage;
use crate::report::{CPU_PER_MESSAGE, MESSAGES_PER_COMMIT, Report};

/// The name of the thread that writes.
const THREAD: &str = "append";

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 4000;
    CREATE TABLE messages (
        position INTEGER PRIMARY KEY, id TEXT NOT NULL, conversation INTEGER NOT NULL, seq INTEGER NOT NULL,
        from_id TEXT NOT NULL, to_id TEXT NOT NULL, content TEXT NOT NULL, timestamp INTEGER NOT NULL);";

#[derive(Args)]
pub struct AppendOptions {
    /// Messages of one transaction
    #[arg(long, default_value_t = 500)]
    pub batch: u32,
    /// Seconds measured
    #[arg(long, default_value_t = 6.0)]
    pub seconds: f64,
    /// Bytes of a message's content
    #[arg(long, default_value_t = 120)]
    pub content_bytes: usize,
    /// Folder under which a fresh database is made
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    pub data_under: PathBuf,
}

/// What was written.
struct Appended {
    messages: u64,
    seconds: f64,
    spent: Usage,
    /// Microseconds of a transaction.
    commits: Histogram<u64>,
}

/// Measures it.
pub fn run(options: &AppendOptions) -> Result<Report> {
    let folder = TempDir::with_prefix_in("ringim-perf-", &options.data_under)?;
    let path = folder.path().join("append.db");
    let appended = thread::scope(|scope| {
        let writer = thread::Builder::new().name(THREAD.to_owned());
        let writing = writer.spawn_scoped(scope, || append(&path, options))?;
        writing.join().map_err(|_| "the writer panicked")?
    })?;

    let mut report = Report::new("limit append");
    report.parameter("batch", options.batch);
    report.parameter("content_bytes", options.content_bytes);
    report.parameter("seconds", options.seconds);
    report.figure(MESSAGES_PER_COMMIT, options.batch.into(), "");
    let each = |total: u64| total as f64 / appended.messages.max(1) as f64;
    report.figure("appended", appended.messages as f64 / appended.seconds, "1/s");
    report.figure(
        CPU_PER_MESSAGE,
        each(appended.spent.cpu_ns_by_thread[THREAD]) / 1e3,
        "us",
    );
    report.figure("disk bytes per message", each(appended.spent.written_bytes), "B");
    report.latency("commit", &appended.commits);
    Ok(report)
}

/// Commits batch after batch until the time is up.
fn append(path: &Path, options: &AppendOptions) -> Result<Appended> {
    let mut connection = Connection::open(path)?;
    connection.execute_batch(SCHEMA)?;
    let mut rows = Rows::new(options.content_bytes);
    let mut commits = new_histogram();
    let before = Usage::of(std::process::id())?;
    let (started, time) = (Instant::now(), seconds(options.seconds));
    while started.elapsed() < time {
        let begun = Instant::now();
        let transaction = connection.transaction()?;
        (0..options.batch.max(1)).try_for_each(|_| rows.insert_next(&transaction))?;
        transaction.commit()?;
        commits.saturating_record(microseconds(begun.elapsed()));
    }
    Ok(Appended {
        messages: rows.written.unsigned_abs(),
        seconds: started.elapsed().as_secs_f64(),
        spent: &Usage::of(std::process::id())? - &before,
        commits,
    })
}

/// Conversations that the messages belong to, in turn.
const CONVERSATIONS: i64 = 1000;

/// Makes messages.
struct Rows {
    ids: MessageIds,
    random: fastrand::Rng,
    content: String,
    written: i64,
}

impl Rows {
    fn new(content_bytes: usize) -> Self {
        Self {
            ids: MessageIds::random(),
            random: fastrand::Rng::new(),
            content: wire::content(content_bytes),
            written: 0,
        }
    }

    fn insert_next(&mut self, connection: &Connection) -> Result<()> {
        let id = self.ids.write(Place {
            sender: 0,
            index: self.written as u32,
            salt: MessageIds::salt(&mut self.random),
        });
        connection
            .prepare_cached(
                "INSERT INTO messages (id, conversation, seq, from_id, to_id, content, timestamp)
                 VALUES (?1, ?2, ?3, 'u0', 'u1', ?4, ?5)",
            )?
            .execute(params![
                std::str::from_utf8(&id)?,
                self.written % CONVERSATIONS,
                self.written / CONVERSATIONS + 1,
                self.content,
                1_700_000_000_000 + self.written,
            ])?;
        self.written += 1;
        Ok(())
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_in_the_table() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("append.db");
        let options = AppendOptions {
            batch: 10,
            seconds: 0.2,
            content_bytes: 20,
            data_under: folder.path().to_owned(),
        };
        let appended = append(&path, &options).unwrap();
        let stored: i64 = Connection::open(&path)
            .unwrap()
            .query_row("SELECT count(*) FROM messages WHERE length(content) = 20", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert!(appended.messages > 0 && appended.messages == stored.unsigned_abs());
        assert_eq!(appended.commits.len() * 10, appended.messages);
    }
}
