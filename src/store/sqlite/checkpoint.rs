//! Moving the WAL into the file. The bulk is copied by a [`Checkpointer`] on a thread of its own while the
//! writer goes on; the writer copies what little came in meanwhile, between two batches, so that the WAL
//! begins anew. A reader that holds an old snapshot only makes the WAL longer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};
use rusqlite::Connection;

use crate::store::StoreError;

/// WAL pages from which the bulk is copied (64 MiB).
const BULK_PAGES: i64 = 16_384;
/// WAL pages from which it is copied when nothing waits.
const IDLE_PAGES: i64 = 1_024;
/// Pages that the writer copies itself: a millisecond or two, and two syncs.
const SHORT_PAGES: i64 = 256;
/// Pages by which a WAL that did not begin anew (a reader was in the way) must grow before the next try.
const RETRY_PAGES: i64 = 4_096;
/// Most passes of one bulk copy; each later one copies what came in during the one before.
const PASSES: usize = 8;

/// The writer's side. Clones share one state.
#[derive(Clone)]
pub struct Checkpoints {
    shared: Arc<Shared>,
    bulk: Option<Sender<()>>,
    /// Pages at which the next bulk copy is due.
    due: i64,
    under_way: bool,
}

#[derive(Default)]
struct Shared {
    /// Pages in the WAL since it last began anew.
    pages: AtomicI64,
    /// A bulk copy has ended.
    copied: AtomicBool,
    /// A bulk copy has failed, not for want of space.
    failed: AtomicBool,
}

impl Checkpoints {
    /// Follows the length of a connection's WAL.
    pub fn watch(im: &mut Connection) -> rusqlite::Result<Self> {
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        im.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
            seen.pages.store(i64::from(pages), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self {
            shared,
            bulk: None,
            due: BULK_PAGES,
            under_way: false,
        })
    }

    /// The other half, for a thread that the runtime starts.
    pub fn split(&mut self, connection: Connection) -> Checkpointer {
        let (sender, receiver) = bounded(1);
        self.bulk = Some(sender);
        Checkpointer {
            connection,
            requests: receiver,
            shared: Arc::clone(&self.shared),
        }
    }

    /// Pages in the WAL since it last began anew.
    pub fn pages(&self) -> i64 {
        self.shared.pages.load(Ordering::Relaxed)
    }

    /// Asks for a bulk copy, or finishes one. Answers whether there is more to do when nothing waits.
    pub fn step(&mut self, im: &Connection, idle: bool) -> Result<bool, StoreError> {
        if self.shared.failed.load(Ordering::Acquire) {
            return Err(StoreError::Fatal("a checkpoint failed".into()));
        }
        let pages = self.pages();
        if self.under_way {
            if self.shared.copied.swap(false, Ordering::AcqRel) {
                self.under_way = false;
                self.finish(im)?;
            }
            return Ok(false);
        }
        if pages < BULK_PAGES {
            self.due = BULK_PAGES;
        }
        let due = pages >= self.due || (idle && (IDLE_PAGES..BULK_PAGES).contains(&pages));
        match (&self.bulk, due) {
            (_, false) => Ok(false),
            (Some(bulk), true) if pages > SHORT_PAGES => {
                self.under_way = bulk.try_send(()).is_ok();
                self.due = pages + RETRY_PAGES;
                Ok(false)
            }
            (_, true) => self.finish(im).map(|()| false),
        }
    }

    fn finish(&mut self, im: &Connection) -> Result<(), StoreError> {
        self.due = self.pages() + RETRY_PAGES;
        match copy(im) {
            Ok(copied) if copied >= self.pages() => self.shared.pages.store(0, Ordering::Relaxed),
            Ok(_) => {}
            Err(error) => match StoreError::from(error) {
                StoreError::Full(_) => {}
                fatal => return Err(fatal),
            },
        }
        Ok(())
    }
}

/// Copies in bulk when the writer asks, on a thread of its own.
pub struct Checkpointer {
    connection: Connection,
    requests: Receiver<()>,
    shared: Arc<Shared>,
}

impl Checkpointer {
    /// Works until the writer is dropped.
    pub fn run(self) {
        for () in &self.requests {
            for _ in 0..PASSES {
                match copy(&self.connection).map_err(StoreError::from) {
                    Ok(copied) if !self.is_enough(copied) => {}
                    Ok(_) | Err(StoreError::Full(_)) => break,
                    Err(error) => {
                        tracing::error!(%error, "a checkpoint failed");
                        self.shared.failed.store(true, Ordering::Release);
                        break;
                    }
                }
            }
            self.shared.copied.store(true, Ordering::Release);
        }
    }

    /// Whether the writer may copy the rest.
    fn is_enough(&self, copied: i64) -> bool {
        self.shared.pages.load(Ordering::Relaxed) - copied <= SHORT_PAGES
    }
}

/// Copies what no reader holds back; answers how many pages of the WAL are in the file now. None are known
/// to be when somebody else is copying. What was committed meanwhile is not among them.
fn copy(connection: &Connection) -> rusqlite::Result<i64> {
    let mut statement = connection.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?;
    statement.query_row([], |row| match row.get(0)? {
        0 => row.get(2),
        _ => Ok(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(im: &Connection, rows: i64) {
        let sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
            INSERT INTO filler SELECT zeroblob(3000) FROM n";
        im.execute(sql, [rows]).unwrap();
    }

    /// A file with a table, and a second connection to it.
    fn files(folder: &std::path::Path) -> (Connection, Connection) {
        let connect = || Connection::open(folder.join("im.db")).unwrap();
        let im = connect();
        im.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE filler (bytes)")
            .unwrap();
        (im, connect())
    }

    #[test]
    fn what_a_reader_holds_back_is_not_copied() {
        let folder = tempfile::tempdir().unwrap();
        let (mut im, reader) = files(folder.path());
        let mut checkpoints = Checkpoints::watch(&mut im).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM filler").unwrap();
        fill(&im, BULK_PAGES + 1);
        let pages = checkpoints.pages();
        assert!(pages > BULK_PAGES && copy(&im).unwrap() < pages);
        checkpoints.step(&im, false).unwrap();
        assert_eq!(checkpoints.pages(), pages, "the WAL cannot begin anew");
        reader.execute_batch("COMMIT").unwrap();
        checkpoints.step(&im, false).unwrap();
        assert_eq!(checkpoints.pages(), pages, "the next try waits until the WAL has grown");
        fill(&im, RETRY_PAGES);
        checkpoints.step(&im, false).unwrap();
        assert_eq!(checkpoints.pages(), 0);
    }

    #[test]
    fn the_bulk_is_copied_beside_the_writer_until_little_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let (mut im, other) = files(folder.path());
        let mut checkpoints = Checkpoints::watch(&mut im).unwrap();
        let checkpointer = checkpoints.split(other);
        fill(&im, BULK_PAGES);
        checkpoints.step(&im, false).unwrap();
        assert!(checkpoints.under_way);
        // As if the first pass had begun before so many pages came in.
        let pages = checkpoints.pages();
        checkpoints
            .shared
            .pages
            .store(pages + SHORT_PAGES + 1, Ordering::Relaxed);
        assert_eq!(copy(&checkpointer.connection).unwrap(), pages);
        assert!(!checkpointer.is_enough(pages) && checkpointer.is_enough(pages + 1));
    }
}
