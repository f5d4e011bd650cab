//! What a shard can reach outside of itself: bounded queues, each with an answer for when it is full.

use std::sync::Arc;

use crossbeam_channel::Sender;

use super::mailbox::{Mail, Mailbox};
use super::operations::OperationJob;
use super::outbound;
use super::passwords::PasswordTask;
use super::readers::QueryJob;
use super::writer::Order;
use crate::api::port::{Operation, PasswordJob, PasswordResult};
use crate::domain::command::Submission;
use crate::domain::event::{CommittedBatch, Settlement};
use crate::domain::query::Query;
use crate::domain::rejection::Rejection;
use crate::shard::peer::PeerMessage;

/// The queues that lead out of the shards.
#[derive(Clone)]
pub struct Links {
    /// To the one writer.
    pub writer: Sender<Order>,
    /// To the readers.
    pub readers: Sender<QueryJob>,
    /// To the password pool.
    pub passwords: Sender<PasswordTask>,
    /// To the thread for admins' slow work.
    pub operations: Sender<OperationJob>,
    /// To the webhook sender.
    pub webhooks: outbound::Link,
    /// To every shard, by its number.
    pub mailboxes: Arc<[Mailbox]>,
}

impl Links {
    /// Hands a turn's submissions to the writer; when its queue is full, answers them all as busy.
    pub fn submit(&self, submissions: Vec<Submission>) -> Option<Mail> {
        let refused = self.writer.try_send(Order::Commit(submissions)).err()?.into_inner();
        let Order::Commit(submissions) = refused else {
            return None;
        };
        Some(Mail::Committed(Arc::new(busy(&submissions))))
    }

    /// Hands a query to the readers.
    pub fn query(&self, shard: u16, ticket: u64, query: Box<Query>) -> Option<Mail> {
        let job = QueryJob { shard, ticket, query };
        self.readers.try_send(job).err()?;
        Some(Mail::Answered(ticket, Box::new(Err(Rejection::Busy))))
    }

    /// Hands a password to the pool.
    pub fn password(&self, shard: u16, ticket: u64, job: PasswordJob) -> Option<Mail> {
        let task = PasswordTask { shard, ticket, job };
        self.passwords.try_send(task).err()?;
        Some(Mail::PasswordDone(ticket, PasswordResult::Busy))
    }

    /// Hands slow work to its thread.
    pub fn operation(&self, shard: u16, ticket: u64, operation: Operation) -> Option<Mail> {
        let job = OperationJob {
            shard,
            ticket,
            operation,
        };
        self.operations.try_send(job).err()?;
        Some(Mail::OperationDone(ticket, Err(Rejection::Busy)))
    }

    /// Tells one shard, or all others. What does not fit is dropped: peers tell each other only ephemeral things.
    pub fn tell(&self, from: u16, to: Option<u16>, message: &PeerMessage) {
        for (number, mailbox) in self.mailboxes.iter().enumerate() {
            let number = number as u16;
            if to.map_or(number != from, |to| to == number) {
                mailbox.try_send(Mail::Peer(message.clone()));
            }
        }
    }
}

/// A batch that commits nothing and refuses everything.
fn busy(submissions: &[Submission]) -> CommittedBatch {
    let refuse = |submission: &Submission| Settlement {
        ticket: submission.ticket,
        events_before: 0,
        result: Err(Rejection::Busy),
    };
    CommittedBatch {
        settlements: submissions.iter().map(refuse).collect(),
        ..CommittedBatch::default()
    }
}
