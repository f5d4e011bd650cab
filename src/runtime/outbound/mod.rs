//! Webhooks: follows the commit log for every webhook and calls its target, on threads of its own.
//!
//! One thread, the [sender](sender::Sender), owns what is to be delivered and decides when; a bounded
//! [pool](pool) of threads makes the calls. Neither the writer nor a shard ever waits for either: they leave a
//! note ([`Link`]) and ring a bell. What is not sent yet waits in the log.

mod client;
mod endpoint;
mod link;
mod log_reader;
mod pool;
mod sender;

use std::io;
use std::thread::JoinHandle;

use self::client::Client;
pub use self::link::{Counts, Inbox, Link, TestReply, link};
use self::log_reader::LogReader;
use self::pool::Pool;
use self::sender::Sender;
use crate::domain::command::Submission;
use crate::store::Reader;

/// Hands commands to the writer without waiting; `false` when its queue is full.
pub type Submit = Box<dyn Fn(Vec<Submission>) -> bool + Send>;

/// What the sender works with.
pub struct Setup {
    /// News for it.
    pub inbox: Inbox,
    /// Its own view of the store.
    pub reader: Box<dyn Reader>,
    /// The way to the writer.
    pub submit: Submit,
    /// Whether targets may have private addresses.
    pub allow_private: bool,
}

/// Starts the sender; it ends after [`Link::stop`].
pub fn start(setup: Setup) -> io::Result<JoinHandle<()>> {
    let pool = Pool::new(Client::new(setup.allow_private));
    let reader = LogReader::new(setup.reader);
    let sender = Sender::new(setup.inbox, reader, setup.submit, pool);
    std::thread::Builder::new()
        .name("webhooks".to_owned())
        .spawn(move || sender.run())
}
