//! What goes into and comes out of a [`Gateway`](super::gateway::Gateway): the whole boundary between the
//! deterministic server of one core and the runtime that owns sockets, threads and clocks.

use std::net::IpAddr;
use std::sync::Arc;

use crate::base::connection::ConnectionId;
use crate::domain::command::Submission;
use crate::domain::event::CommittedBatch;
use crate::domain::query::{Answer, Query};
use crate::domain::rejection::Rejection;
use crate::domain::user::PasswordHash;
use crate::shard::peer::PeerMessage;

/// The time, read once per turn by the runtime.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Now {
    /// Milliseconds since the Unix epoch, for timestamps and token lives.
    pub wall_ms: i64,
    /// Milliseconds of a clock that never goes back, for deadlines.
    pub monotonic_ms: u64,
}

impl Now {
    /// The clock of limits on guessing.
    pub fn of_attempts(self) -> i64 {
        i64::try_from(self.monotonic_ms).unwrap_or(i64::MAX)
    }
}

/// What one gateway counts at this moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Census {
    /// Open connections of any kind.
    pub connections: usize,
    /// WebSockets of users.
    pub sessions: usize,
    /// Operations that wait for the writer, a reader or a pool.
    pub waiting: usize,
    /// Events pushed to sessions since the start, one for each session that saw one.
    pub deliveries: u64,
}

/// Something that happened outside.
#[derive(Debug)]
pub enum Input<'a> {
    /// A connection was accepted. Its id is made by [`Gateway::accept`](super::gateway::Gateway::accept).
    Received {
        /// Which connection.
        connection: ConnectionId,
        /// What arrived; unmasked and parsed in place.
        bytes: &'a mut [u8],
    },
    /// A flush was written out. After one that failed `Closed` follows instead.
    Flushed(ConnectionId),
    /// The peer is gone, or the socket failed. The last input of a connection; its slot is free from here on.
    Closed(ConnectionId),
    /// A batch was committed. Submissions that could not even be queued come back as a batch of settlements
    /// alone, with `head` 0.
    Committed(Arc<CommittedBatch>),
    /// A reader answered the query of this ticket.
    Answered(u64, Box<Result<Answer, Rejection>>),
    /// A password was hashed or checked.
    PasswordDone(u64, PasswordResult),
    /// A collaborator of the runtime (webhook test, backup) answered with a JSON text.
    OperationDone(u64, Result<Box<str>, Rejection>),
    /// Another shard says something ephemeral.
    Peer(PeerMessage),
    /// A deadline passed (see `next_deadline`).
    Tick,
    /// The server stops: say `bye`, finish what is under way.
    Drain,
}

/// Work for the password pool. It does not print itself.
pub enum PasswordJob {
    /// Hash a new password.
    Hash(Box<str>),
    /// Check a password; `None` takes as long and fails.
    Verify(Box<str>, Option<PasswordHash>),
}

impl std::fmt::Debug for PasswordJob {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PasswordJob(***)")
    }
}

/// What the password pool answers.
#[derive(Debug)]
pub enum PasswordResult {
    /// The hash.
    Hashed(PasswordHash),
    /// Whether the password matched.
    Verified(bool),
    /// The pool was full.
    Busy,
}

/// Slow work of the runtime beside passwords, for admins.
#[derive(Clone, PartialEq, Debug)]
pub enum Operation {
    /// Sends a test event to a webhook now.
    TestWebhook(Box<str>),
    /// Writes a consistent copy of both databases into this file.
    Backup(Box<str>),
    /// Checks both databases.
    Check,
    /// The text of `/metrics`.
    Metrics,
}

/// Something to be done outside.
#[derive(Debug)]
pub enum Output {
    /// Write these bytes, all in one write, then report `Flushed`. Never more than one per connection
    /// under way. `then_close` shuts the connection down afterwards.
    Flush {
        /// Where.
        connection: ConnectionId,
        /// What.
        bytes: Vec<u8>,
        /// Nothing follows: what still arrives is thrown away, and `Closed` comes when the peer closes too.
        then_close: bool,
    },
    /// Close at once, nothing left to write; `Closed` follows.
    Close(ConnectionId),
    /// Stop reading from the connection until `Resume` (its answers are behind). One read that is under way
    /// may still arrive.
    Pause(ConnectionId),
    /// Read again.
    Resume(ConnectionId),
    /// For the writer; the runtime gathers a turn's submissions into one batch.
    Submit(Submission),
    /// For a reader; answered by `Answered` with the ticket.
    Query(u64, Box<Query>),
    /// For the password pool; answered by `PasswordDone` with the ticket.
    Password(u64, PasswordJob),
    /// For a collaborator of the runtime; answered by `OperationDone`.
    Operation(u64, Operation),
    /// For one other shard, or for all others.
    Peer(Option<u16>, PeerMessage),
    /// A user's first session here began (`true`) or the last one ended; for best-effort webhooks.
    Presence(crate::domain::id::UserId, bool),
}

/// A peer as the runtime sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Accepted {
    /// The socket's address.
    pub address: IpAddr,
}

/// The deterministic server of one core, as the runtime drives it.
pub trait Service {
    /// A peer connected; `None` turns it away.
    fn accept(&mut self, now: Now, peer: Accepted) -> Option<ConnectionId>;
    /// Something happened outside.
    fn handle(&mut self, now: Now, input: Input<'_>);
    /// The next thing to be done outside, until there is none.
    fn poll_output(&mut self) -> Option<Output>;
    /// When `Tick` is wanted, in milliseconds of the monotonic clock.
    fn next_deadline(&self) -> Option<u64>;
    /// What there is to count; a service that is no chat server has nothing.
    fn census(&self) -> Census {
        Census::default()
    }
}
