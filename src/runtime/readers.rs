//! Threads that answer queries, each with its own read-only connection.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::mailbox::{Mail, Mailbox};
use crate::base::limits;
use crate::domain::query::Query;
use crate::store::{QueryFault, Reader, StoreError};

/// One query on its way to a reader.
#[derive(Debug)]
pub struct QueryJob {
    /// Who waits.
    pub shard: u16,
    /// The shard's number for it.
    pub ticket: u64,
    /// What is asked.
    pub query: Box<Query>,
}

/// Makes the queue of the readers.
pub fn queue() -> (Sender<QueryJob>, Receiver<QueryJob>) {
    bounded(limits::READER_QUEUE)
}

/// Starts one reader thread; it ends when nobody can ask any more.
pub fn start<R: Reader + 'static>(
    number: usize,
    mut reader: R,
    jobs: Receiver<QueryJob>,
    mailboxes: Arc<[Mailbox]>,
) -> io::Result<JoinHandle<()>> {
    let work = move || {
        for job in jobs {
            let answer = match reader.answer(&job.query) {
                Ok(answer) => Ok(answer),
                Err(QueryFault::Rejected(rejection)) => Err(rejection),
                Err(QueryFault::Store(fault)) => end_process(&fault),
            };
            if let Some(mailbox) = mailboxes.get(usize::from(job.shard)) {
                mailbox.send(Mail::Answered(job.ticket, Box::new(answer)));
            }
        }
    };
    std::thread::Builder::new().name(format!("reader-{number}")).spawn(work)
}

/// A store that cannot be read is no better than one that cannot be written.
pub fn end_process(fault: &StoreError) -> ! {
    tracing::error!(%fault, "the server ends: nothing can be acknowledged any more");
    eprintln!("ringim: {fault}; the server ends");
    std::process::exit(1);
}
