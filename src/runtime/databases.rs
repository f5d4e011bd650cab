//! The thread for work on whole databases, which can take minutes: backups and checks, one after the other.

use std::io;
use std::path::{Path, PathBuf};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::api::port::Operation;
use crate::api::wire::databases::{write_backup, write_report};
use crate::domain::rejection::Rejection;
use crate::store::sqlite::{self, BackupError};

/// What may wait beside what is under way. Full: `busy`.
const QUEUE: usize = 1;

/// Takes what has become of an operation.
pub type Answer = Box<dyn FnOnce(Result<Box<str>, Rejection>) + Send>;

/// One operation on its way.
pub struct Work {
    /// What to do.
    pub operation: Operation,
    /// Told when it is done.
    pub answer: Answer,
}

/// Starts the thread; it ends when nobody can ask any more.
pub fn start(data: PathBuf) -> io::Result<Sender<Work>> {
    let (queue, works): (_, Receiver<Work>) = bounded(QUEUE);
    let work = move || {
        for Work { operation, answer } in works {
            answer(perform(&data, &operation));
        }
    };
    std::thread::Builder::new().name("databases".to_owned()).spawn(work)?;
    Ok(queue)
}

fn perform(data: &Path, operation: &Operation) -> Result<Box<str>, Rejection> {
    let mut out = Vec::new();
    match operation {
        Operation::Backup(file) => {
            sqlite::backup(data, Path::new(&**file)).map_err(|error| refusal(&error))?;
            write_backup(file, &mut out);
        }
        Operation::Check => write_report(&sqlite::check(data), &mut out),
        Operation::Metrics | Operation::TestWebhook(_) => return Err(Rejection::NotFound),
    }
    Ok(String::from_utf8_lossy(&out).into())
}

fn refusal(error: &BackupError) -> Rejection {
    tracing::warn!(%error, "no backup was written");
    if error.is_full() {
        Rejection::StorageFull
    } else {
        Rejection::InvalidField("file")
    }
}
