//! One process of the server as the runtime would run it, without threads: real gateways and a real
//! committer, and between them queues from which the world takes when it likes.

use std::collections::VecDeque;
use std::sync::Arc;

use ringim::api::gateway::Gateway;
use ringim::api::port::{Accepted, Input, Now, Output, PasswordJob, Service};
use ringim::api::setup::Setup;
use ringim::base::connection::ConnectionId;
use ringim::domain::command::Submission;
use ringim::domain::id::Position;
use ringim::domain::query::{Answer, Query, SyncCursor};
use ringim::store::memory::{MemoryReader, MemoryStore};
use ringim::store::{QueryFault, Reader, StoreError};

use crate::bugs::Bug;
use crate::mailbox::{Mail, Mailbox};
use crate::random::Random;
use crate::writer::Writer;

/// What a shard wants done to a socket.
pub enum SocketOrder {
    Flush {
        connection: ConnectionId,
        bytes: Vec<u8>,
        then_close: bool,
    },
    Close(ConnectionId),
    Pause(ConnectionId),
    Resume(ConnectionId),
}

struct Shard {
    service: Gateway,
    mailbox: Mailbox,
}

/// The process.
pub struct Server {
    shards: Vec<Shard>,
    writer: Writer,
    reader: MemoryReader,
    queries: VecDeque<(usize, u64, Box<Query>)>,
    passwords: VecDeque<(usize, u64, PasswordJob)>,
    sockets: VecDeque<SocketOrder>,
    bug: Option<Bug>,
}

impl Server {
    pub fn start(setup: &Arc<Setup>, store: &MemoryStore, bug: Option<Bug>, random: &mut Random) -> Self {
        let shard = |number| {
            let mut chance = Random::new(random.next());
            let fill = Box::new(move |bytes: &mut [u8]| bytes.fill_with(|| chance.next() as u8));
            Shard {
                service: Gateway::new(number, setup.clone(), fill),
                mailbox: Mailbox::new(bug),
            }
        };
        Self {
            shards: (0..setup.shards).map(shard).collect(),
            writer: Writer::new(store, bug),
            reader: store.reader(),
            queries: VecDeque::new(),
            passwords: VecDeque::new(),
            sockets: VecDeque::new(),
            bug,
        }
    }

    pub fn accept(&mut self, shard: usize, now: Now) -> Option<ConnectionId> {
        let address = std::net::IpAddr::from([127, 0, 0, 1]);
        self.shards[shard].service.accept(now, Accepted { address })
    }

    /// Lets a shard handle something, and does what it wants done.
    pub fn handle(&mut self, shard: usize, now: Now, input: Input<'_>, random: &mut Random) {
        self.shards[shard].service.handle(now, input);
        let mut submissions = Vec::new();
        while let Some(output) = self.shards[shard].service.poll_output() {
            self.perform(shard, output, &mut submissions, random);
        }
        if !submissions.is_empty() {
            self.writer.submit(submissions);
        }
    }

    fn perform(&mut self, shard: usize, output: Output, submissions: &mut Vec<Submission>, random: &mut Random) {
        match output {
            Output::Flush {
                connection,
                bytes,
                then_close,
            } => {
                self.sockets.push_back(SocketOrder::Flush {
                    connection,
                    bytes,
                    then_close,
                });
            }
            Output::Close(connection) => self.sockets.push_back(SocketOrder::Close(connection)),
            Output::Pause(connection) => self.sockets.push_back(SocketOrder::Pause(connection)),
            Output::Resume(connection) => self.sockets.push_back(SocketOrder::Resume(connection)),
            Output::Submit(submission) => submissions.push(submission),
            Output::Query(ticket, query) => self.queries.push_back((shard, ticket, query)),
            Output::Password(ticket, job) => self.passwords.push_back((shard, ticket, job)),
            Output::Peer(to, message) => {
                let targets = (0..self.shards.len()).filter(|other| *other != shard);
                for target in targets
                    .filter(|other| to.is_none_or(|to| usize::from(to) == *other))
                    .collect::<Vec<_>>()
                {
                    self.shards[target].mailbox.send(Mail::Peer(message.clone()), random);
                }
            }
            Output::Operation(..) | Output::Presence(..) => {}
        }
    }

    /// What the shards wanted done to sockets since the last time.
    pub fn socket_orders(&mut self) -> VecDeque<SocketOrder> {
        std::mem::take(&mut self.sockets)
    }

    /// Begins to stop.
    pub fn drain(&mut self, now: Now, random: &mut Random) {
        for shard in 0..self.shards.len() {
            self.handle(shard, now, Input::Drain, random);
        }
    }

    /// The shards that have mail and know it.
    pub fn shards_with_mail(&self) -> Vec<usize> {
        (0..self.shards.len())
            .filter(|shard| self.shards[*shard].mailbox.has_work())
            .collect()
    }

    pub fn take_mail(&mut self, shard: usize, now: Now, random: &mut Random) {
        if let Some(mail) = self.shards[shard].mailbox.take() {
            self.handle(shard, now, mail.into_input(), random);
        }
    }

    pub fn writer_has_work(&self) -> bool {
        self.writer.has_work()
    }

    /// Commits without telling anybody.
    pub fn commit(&mut self, turns: usize, now: Now) -> Result<Mail, StoreError> {
        self.writer
            .commit(turns, now.wall_ms)
            .map(|batch| Mail::Committed(Arc::new(batch)))
    }

    /// Tells every shard.
    pub fn publish(&mut self, mail: &Mail, random: &mut Random) {
        for shard in &mut self.shards {
            shard.mailbox.send(mail.clone(), random);
        }
    }

    pub fn has_queries(&self) -> bool {
        !self.queries.is_empty()
    }

    /// Answers one of the queries that wait; several readers finish in any order.
    pub fn answer_query(&mut self, random: &mut Random) {
        let chosen = random.below(self.queries.len().max(1));
        let Some((shard, ticket, query)) = self.queries.remove(chosen) else {
            return;
        };
        let answer = match self.beyond_cursor(&query) {
            Some(answer) => Ok(answer),
            None => self.reader.answer(&query).map_err(|fault| match fault {
                QueryFault::Rejected(rejection) => rejection,
                QueryFault::Store(error) => panic!("the store in memory cannot be read: {error}"),
            }),
        };
        self.shards[shard]
            .mailbox
            .send(Mail::Answered(ticket, Box::new(answer)), random);
    }

    /// With the bug planted: the answer to a `sync` from one position after its cursor, where there is one.
    fn beyond_cursor(&mut self, query: &Query) -> Option<Answer> {
        let Query::Sync {
            user,
            cursor: Some(cursor),
            limit,
        } = query
        else {
            return None;
        };
        self.bug.filter(|bug| *bug == Bug::ResumeOffByOne)?;
        let cursor = Some(SyncCursor {
            position: Position(cursor.position.0 + 1),
            ..*cursor
        });
        let answer = self
            .reader
            .answer(&Query::Sync {
                user: *user,
                cursor,
                limit: *limit,
            })
            .ok()?;
        matches!(&answer, Answer::Sync(page) if page.recovered).then_some(answer)
    }

    pub fn has_passwords(&self) -> bool {
        !self.passwords.is_empty()
    }

    /// Does one password job, with the password as its own hash.
    pub fn do_password(&mut self, random: &mut Random) {
        let Some((shard, ticket, job)) = self.passwords.pop_front() else {
            return;
        };
        let mail = match job {
            PasswordJob::Hash(password) => Mail::Hashed(ticket, password.into()),
            PasswordJob::Verify(password, hash) => Mail::Verified(ticket, hash.is_some_and(|hash| hash.0 == password)),
        };
        self.shards[shard].mailbox.send(mail, random);
    }

    /// The earliest time at which a shard wants to be woken.
    pub fn next_deadline(&self) -> Option<u64> {
        self.shards
            .iter()
            .filter_map(|shard| shard.service.next_deadline())
            .min()
    }

    /// Wakes the shards whose time has come.
    pub fn tick(&mut self, now: Now, random: &mut Random) {
        for shard in 0..self.shards.len() {
            if self.shards[shard]
                .service
                .next_deadline()
                .is_some_and(|deadline| deadline <= now.monotonic_ms)
            {
                self.handle(shard, now, Input::Tick, random);
            }
        }
    }
}
