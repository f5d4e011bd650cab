//! How the other threads reach the webhook sender: notes in queues that never make them wait, and a bell.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::pool::Attempt;
use crate::base::limits;
use crate::domain::command::Ticket;
use crate::domain::event::{CommittedBatch, Event};
use crate::domain::id::{Position, UserId};
use crate::domain::rejection::Rejection;

/// Takes the JSON text that answers a test.
pub type TestReply = Box<dyn FnOnce(Result<Box<str>, Rejection>) + Send>;

/// A webhook to be tried out.
pub struct Test {
    /// Which.
    pub webhook: Box<str>,
    /// Who waits.
    pub reply: TestReply,
}

/// An attempt that ended.
pub struct Finished {
    /// The endpoint's number.
    pub endpoint: u64,
    /// The events it was about; none for a user that came or went.
    pub positions: Vec<Position>,
    /// How it ended.
    pub attempt: Attempt,
}

#[derive(Default)]
struct State {
    head: AtomicI64,
    webhooks_version: AtomicU64,
    /// Whether any webhook is waiting for the log to move.
    followed: AtomicBool,
    stopping: AtomicBool,
    delivered: AtomicU64,
    failed: AtomicU64,
    lag: AtomicU64,
}

/// What the sender counts, for `/metrics`.
#[derive(Clone, Copy, Default, Debug)]
pub struct Counts {
    /// Attempts that a target accepted.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Log positions that the webhook furthest behind has not read.
    pub lag: u64,
}

/// The way to the sender.
#[derive(Clone)]
pub struct Link {
    state: Arc<State>,
    bell: Sender<()>,
    settled: Sender<(u64, bool)>,
    finished: Sender<Finished>,
    presence: Sender<(UserId, bool)>,
    tests: Sender<Test>,
}

/// The sender's side.
pub struct Inbox {
    /// A way to itself, for the threads that work for it.
    pub link: Link,
    bell: Receiver<()>,
    /// Commands that were settled: the ticket's number, and whether the command was accepted.
    pub settled: Receiver<(u64, bool)>,
    /// Attempts that ended.
    pub finished: Receiver<Finished>,
    /// Users that came (`true`) or went.
    pub presence: Receiver<(UserId, bool)>,
    /// Webhooks to be tried out.
    pub tests: Receiver<Test>,
}

/// Makes both sides.
pub fn link() -> (Link, Inbox) {
    let (bell, heard) = bounded(1);
    // The sender itself bounds these two: one command per webhook, one attempt per thread.
    let (settled, settlements) = unbounded();
    let (finished, attempts) = unbounded();
    let (presence, users) = bounded(limits::WEBHOOK_PRESENCE);
    let (tests, requested) = bounded(limits::WEBHOOK_TESTS);
    let link = Link {
        state: Arc::default(),
        bell,
        settled,
        finished,
        presence,
        tests,
    };
    let inbox = Inbox {
        link: link.clone(),
        bell: heard,
        settled: settlements,
        finished: attempts,
        presence: users,
        tests: requested,
    };
    (link, inbox)
}

impl Link {
    /// A batch was committed. For the writer: does not wait, and hardly costs anything while there is no webhook.
    pub fn committed(&self, batch: &CommittedBatch) {
        self.state.head.fetch_max(batch.head, Ordering::Release);
        let changed = batch.events.iter().any(|event| matches!(event, Event::WebhooksChanged));
        if changed {
            self.state.webhooks_version.fetch_add(1, Ordering::Release);
        }
        let own = |ticket: Ticket| ticket.asker == Ticket::WEBHOOKS;
        for settlement in batch.settlements.iter().filter(|settlement| own(settlement.ticket)) {
            // Whoever has no receiver any more is stopping.
            let _ = self.settled.send((settlement.ticket.number, settlement.result.is_ok()));
        }
        if changed || self.state.followed.load(Ordering::Acquire) {
            self.ring();
        }
    }

    /// A user's first session began (`true`), or its last one ended.
    pub fn presence(&self, user: UserId, online: bool) {
        if self.state.followed.load(Ordering::Acquire) && self.presence.try_send((user, online)).is_ok() {
            self.ring();
        }
    }

    /// Tries a webhook out; `reply` gets `{"status","durationMs","error"}`.
    pub fn test(&self, webhook: Box<str>, reply: TestReply) {
        match self.tests.try_send(Test { webhook, reply }) {
            Ok(()) => self.ring(),
            Err(refused) => (refused.into_inner().reply)(Err(Rejection::Busy)),
        }
    }

    /// Records what was delivered and ends the sender. What is being sent is sent again after the next start.
    pub fn stop(&self) {
        self.state.stopping.store(true, Ordering::Release);
        self.ring();
    }

    /// An attempt ended.
    pub fn finished(&self, finished: Finished) {
        let _ = self.finished.send(finished);
        self.ring();
    }

    /// What the sender has counted since the start.
    pub fn counts(&self) -> Counts {
        Counts {
            delivered: self.state.delivered.load(Ordering::Relaxed),
            failed: self.state.failed.load(Ordering::Relaxed),
            lag: self.state.lag.load(Ordering::Relaxed),
        }
    }

    fn ring(&self) {
        // A full bell rings already.
        let _ = self.bell.try_send(());
    }
}

impl Inbox {
    /// Waits until the bell rings, or for so long.
    pub fn wait(&self, at_most: Duration) {
        let _ = self.bell.recv_timeout(at_most);
    }

    /// Everything up to here is committed; 0 before the first commit of this process.
    pub fn head(&self) -> Position {
        Position(self.link.state.head.load(Ordering::Acquire))
    }

    /// Counts the changes to the table of webhooks.
    pub fn webhooks_version(&self) -> u64 {
        self.link.state.webhooks_version.load(Ordering::Acquire)
    }

    /// Says whether the bell is to be rung for every commit.
    pub fn follow(&self, follow: bool) {
        self.link.state.followed.store(follow, Ordering::Release);
    }

    /// Counts an attempt.
    pub fn count(&self, delivered: bool) {
        let state = &self.link.state;
        let counter = if delivered { &state.delivered } else { &state.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Tells how far the webhook furthest behind has to go.
    pub fn set_lag(&self, positions: u64) {
        self.link.state.lag.store(positions, Ordering::Relaxed);
    }

    /// Whether the sender is to end.
    pub fn is_stopping(&self) -> bool {
        self.link.state.stopping.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::domain::command::Reply;
    use crate::domain::event::Settlement;

    fn batch(head: i64, events: Vec<Event>, asker: u16) -> CommittedBatch {
        let settlement = Settlement {
            ticket: Ticket { asker, number: 5 },
            events_before: 0,
            result: Ok(Reply::Done),
        };
        CommittedBatch {
            head,
            events,
            settlements: vec![settlement],
        }
    }

    fn rang(inbox: &Inbox) -> bool {
        let started = Instant::now();
        inbox.wait(Duration::from_millis(200));
        started.elapsed() < Duration::from_millis(150)
    }

    #[test]
    fn commits_ring_only_for_those_who_follow() {
        let (link, inbox) = link();
        link.committed(&batch(7, Vec::new(), 0));
        assert!(!rang(&inbox));
        assert_eq!(inbox.head(), Position(7));
        inbox.follow(true);
        link.committed(&batch(6, Vec::new(), Ticket::WEBHOOKS));
        assert!(rang(&inbox));
        assert_eq!((inbox.head(), inbox.settled.try_recv()), (Position(7), Ok((5, true))));
        assert!(inbox.settled.try_recv().is_err(), "another asker's settlement");
    }

    #[test]
    fn a_changed_table_always_rings() {
        let (link, inbox) = link();
        link.committed(&batch(1, vec![Event::WebhooksChanged], 0));
        assert!(rang(&inbox));
        assert_eq!(inbox.webhooks_version(), 1);
    }

    #[test]
    fn full_queues_make_nobody_wait() {
        let (link, inbox) = link();
        inbox.follow(true);
        (0..2 * limits::WEBHOOK_PRESENCE).for_each(|_| link.presence(UserId::stored("a"), true));
        assert_eq!(inbox.presence.len(), limits::WEBHOOK_PRESENCE);
        let (replied, replies) = unbounded();
        for _ in 0..=limits::WEBHOOK_TESTS {
            let replied = replied.clone();
            link.test("w".into(), Box::new(move |reply| drop(replied.send(reply))));
        }
        assert_eq!(replies.try_recv(), Ok(Err(Rejection::Busy)));
        assert!(replies.try_recv().is_err());
    }
}
