//! The thread for admins' slow work, so that no shard waits for a disk.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::databases::{Answer, Work};
use super::links::Links;
use super::mailbox::Mail;
use super::metrics::{Gauges, Metrics};
use crate::api::port::Operation;
use crate::domain::rejection::Rejection;

/// Operations that may wait. Full: `busy`.
const QUEUE: usize = 64;

/// One operation on its way.
#[derive(Debug)]
pub struct OperationJob {
    /// Who waits.
    pub shard: u16,
    /// The shard's number for it.
    pub ticket: u64,
    /// What to do.
    pub operation: Operation,
}

/// Makes the queue of operations.
pub fn queue() -> (Sender<OperationJob>, Receiver<OperationJob>) {
    bounded(QUEUE)
}

/// What operations need.
pub struct Operations {
    /// Where they come from.
    pub jobs: Receiver<OperationJob>,
    /// The way back, and the queues whose depth is told.
    pub links: Links,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The thread for whole databases.
    pub databases: Sender<Work>,
    /// The data folder.
    pub data: PathBuf,
}

impl Operations {
    /// Starts the thread.
    pub fn start(self) -> io::Result<JoinHandle<()>> {
        std::thread::Builder::new()
            .name("operations".to_owned())
            .spawn(move || {
                for job in &self.jobs {
                    self.perform(job);
                }
            })
    }

    fn perform(&self, job: OperationJob) {
        let mailbox = self.links.mailboxes.get(usize::from(job.shard)).cloned();
        let answer = move |result| {
            if let Some(mailbox) = mailbox {
                mailbox.send(Mail::OperationDone(job.ticket, result));
            }
        };
        match job.operation {
            Operation::Metrics => answer(Ok(self.metrics.render(&self.gauges()).into_boxed_str())),
            Operation::TestWebhook(id) => self.links.webhooks.test(id, Box::new(answer)),
            operation @ (Operation::Backup(_) | Operation::Check) => {
                let answer: Answer = Box::new(answer);
                let work = Work { operation, answer };
                if let Err(full) = self.databases.try_send(work) {
                    (full.into_inner().answer)(Err(Rejection::Busy));
                }
            }
        }
    }

    fn gauges(&self) -> Gauges {
        Gauges {
            writer_queue: self.links.writer.len(),
            reader_queue: self.links.readers.len(),
            password_queue: self.links.passwords.len(),
            mailboxes: self.links.mailboxes.iter().map(super::mailbox::Mailbox::waiting).sum(),
            webhooks: self.links.webhooks.counts(),
            wal_bytes: std::fs::metadata(self.data.join("im.db-wal")).map_or(0, |metadata| metadata.len()),
        }
    }
}
