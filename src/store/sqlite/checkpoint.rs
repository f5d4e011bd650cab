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
/// Pages that the writer copies itself: a few milliseconds.
const SHORT_PAGES: i64 = 1_024;
/// Pages by which a WAL that did not begin anew (a reader was in the way) must grow before the next try.
const RETRY_PAGES: i64 = 4_096;
/// Passes of one bulk copy; each later one copies what came in during the one before.
const PASSES: usize = 4;

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
        let due = pages >= self.due || (idle && (SHORT_PAGES..BULK_PAGES).contains(&pages));
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
            Ok(0) => self.shared.pages.store(0, Ordering::Relaxed),
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
                    Ok(left) if left > SHORT_PAGES => {}
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
}

/// Copies what no reader holds back; answers how many pages are left in the WAL. All are, when somebody
/// else is copying.
fn copy(connection: &Connection) -> rusqlite::Result<i64> {
    let mut statement = connection.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?;
    statement.query_row([], |row| match row.get(0)? {
        0 => Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?),
        _ => Ok(i64::MAX),
    })
}
