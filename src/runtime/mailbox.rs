//! The way into a shard from other threads: a bounded queue and one wake per sleep of the shard.
//!
//! A sender wakes the shard only when the shard has said that it sleeps (`armed`). Both sides put a full fence
//! between their write and their read, so either the sender sees the flag or the shard sees the message.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::task::Poll;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use futures_util::task::AtomicWaker;

use crate::api::port::PasswordResult;
use crate::base::limits;
use crate::domain::event::CommittedBatch;
use crate::domain::query::Answer;
use crate::domain::rejection::Rejection;
use crate::shard::peer::PeerMessage;

/// What other threads tell a shard.
#[derive(Debug)]
pub enum Mail {
    /// A batch was committed.
    Committed(Arc<CommittedBatch>),
    /// A reader answered a query.
    Answered(u64, Box<Result<Answer, Rejection>>),
    /// The password pool is done.
    PasswordDone(u64, PasswordResult),
    /// Another collaborator is done.
    OperationDone(u64, Result<Box<str>, Rejection>),
    /// Another shard says something.
    Peer(PeerMessage),
    /// The server stops.
    Drain,
}

#[derive(Default)]
struct Bell {
    armed: AtomicBool,
    waker: AtomicWaker,
}

impl Bell {
    /// Wakes the shard if it sleeps. To be called after the message is in the queue.
    fn ring(&self) {
        fence(Ordering::SeqCst);
        if self.armed.load(Ordering::Relaxed) && self.armed.swap(false, Ordering::AcqRel) {
            self.waker.wake();
        }
    }
}

/// The senders' side.
#[derive(Clone)]
pub struct Mailbox {
    queue: Sender<Mail>,
    bell: Arc<Bell>,
}

/// The shard's side.
pub struct Inbox {
    queue: Receiver<Mail>,
    bell: Arc<Bell>,
}

/// Makes the mailbox of one shard.
pub fn mailbox() -> (Mailbox, Inbox) {
    let (sender, receiver) = bounded(limits::MAILBOX_MESSAGES);
    let bell = Arc::new(Bell::default());
    (
        Mailbox {
            queue: sender,
            bell: bell.clone(),
        },
        Inbox { queue: receiver, bell },
    )
}

impl Mailbox {
    /// Sends, waiting while the mailbox is full. Not for shards, which must never wait for each other.
    /// A shard that is gone has nobody left to tell.
    pub fn send(&self, mail: Mail) {
        if self.queue.send(mail).is_ok() {
            self.bell.ring();
        }
    }

    /// Sends unless the mailbox is full; then the mail is dropped and the answer is `false`.
    pub fn try_send(&self, mail: Mail) -> bool {
        match self.queue.try_send(mail) {
            Ok(()) => {
                self.bell.ring();
                true
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }

    /// Messages that wait.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }
}

impl Inbox {
    /// Waits for mail.
    pub async fn arrived(&self) {
        poll_fn(|context| {
            if !self.queue.is_empty() {
                return Poll::Ready(());
            }
            self.bell.waker.register(context.waker());
            self.bell.armed.store(true, Ordering::SeqCst);
            fence(Ordering::SeqCst);
            if self.queue.is_empty() {
                return Poll::Pending;
            }
            self.bell.armed.store(false, Ordering::Relaxed);
            Poll::Ready(())
        })
        .await;
    }

    /// The next mail, if there is one.
    pub fn take(&self) -> Option<Mail> {
        self.queue.try_recv().ok()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::{Context, Wake};
    use std::thread::Thread;
    use std::time::{Duration, Instant};

    use super::*;

    struct Unpark {
        thread: Thread,
        wakes: AtomicUsize,
    }

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.wakes.fetch_add(1, Ordering::Relaxed);
            self.thread.unpark();
        }
    }

    /// Receives `expected` mails on this thread, sleeping whenever the inbox says so.
    fn receive(inbox: &Inbox, expected: usize) -> usize {
        let unpark = Arc::new(Unpark {
            thread: std::thread::current(),
            wakes: AtomicUsize::new(0),
        });
        let waker = unpark.clone().into();
        let mut context = Context::from_waker(&waker);
        let mut received = 0;
        while received < expected {
            let mut arrived = std::pin::pin!(inbox.arrived());
            let asleep_since = Instant::now();
            let mut wakes = unpark.wakes.load(Ordering::Relaxed);
            while arrived.as_mut().poll(&mut context).is_pending() {
                while unpark.wakes.load(Ordering::Relaxed) == wakes {
                    assert!(
                        asleep_since.elapsed() < Duration::from_secs(20),
                        "lost wake after {received} mails"
                    );
                    std::thread::park_timeout(Duration::from_millis(100));
                }
                wakes = unpark.wakes.load(Ordering::Relaxed);
            }
            while inbox.take().is_some() {
                received += 1;
            }
        }
        unpark.wakes.load(Ordering::Relaxed)
    }

    #[test]
    fn no_wake_is_lost_among_racing_senders() {
        const EACH: usize = 50_000;
        let (mailbox, inbox) = mailbox();
        let senders: Vec<_> = (0..3)
            .map(|_| {
                let mailbox = mailbox.clone();
                std::thread::spawn(move || (0..EACH).for_each(|_| mailbox.send(Mail::Drain)))
            })
            .collect();
        receive(&inbox, 3 * EACH);
        for sender in senders {
            sender.join().expect("a sender has no reason to panic");
        }
        assert!(inbox.is_empty());
    }

    #[test]
    fn a_batch_wakes_once() {
        let (mailbox, inbox) = mailbox();
        let sender = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            (0..100).for_each(|_| mailbox.send(Mail::Drain));
        });
        let wakes = receive(&inbox, 1);
        sender.join().expect("the sender has no reason to panic");
        assert_eq!(wakes, 1);
    }

    #[test]
    fn a_full_mailbox_refuses() {
        let (mailbox, inbox) = mailbox();
        assert!((0..limits::MAILBOX_MESSAGES).all(|_| mailbox.try_send(Mail::Drain)));
        assert!(!mailbox.try_send(Mail::Drain));
        assert!(inbox.take().is_some());
        assert!(mailbox.try_send(Mail::Drain));
    }
}
