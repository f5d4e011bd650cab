//! Carries operations out: turns their steps into outputs, remembers who waits, and goes on with the outcomes.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use super::context::{Caller, Context, Signal};
use super::credentials::Claim;
use super::port::{Now, Output, PasswordResult};
use super::refusal::{Fault, Refusal};
use super::routes::Route;
use super::setup::Setup;
use super::step::{Call, Data, Flow, Operation, Step, Then};
use super::wire::document::Object;
use super::wire::live::RequestId;
use super::wire::parameters::Parameters;
use crate::auth::Random;
use crate::base::connection::ConnectionId;
use crate::base::limits;
use crate::domain::command::{Actor, Command, Reply, Submission, Ticket};
use crate::domain::query::Answer;
use crate::shard::attempts::SharedAttempts;
use crate::shard::peer::{ConnectionInfo, PeerMessage};
use crate::shard::tickets::Tickets;

/// Who waits for the end of an operation, and in which form.
pub struct Asker {
    /// By which connection.
    pub connection: ConnectionId,
    /// The client's address.
    pub address: IpAddr,
    /// Who.
    pub caller: Caller,
    /// How to answer.
    pub envelope: Envelope,
}

/// How to answer.
pub enum Envelope {
    /// The response that the connection owes.
    Http,
    /// A frame.
    Live(RequestId),
}

/// An operation that has ended.
pub struct Finished {
    /// Who waits for it.
    pub asker: Asker,
    /// What to answer.
    pub outcome: Result<Data, Refusal>,
    /// What else is to be done.
    pub signals: Vec<Signal>,
}

/// A request that waits until it is known who asks.
pub struct Parked {
    /// What is asked for.
    pub route: &'static Route,
    /// The path's id, decoded.
    pub id: Option<Box<str>>,
    /// The query, as sent.
    pub query: Option<Box<str>>,
    /// The body.
    pub body: Box<[u8]>,
}

/// What goes on when the outcome of a step is there.
pub enum Resume {
    /// An operation, with the writer's reply.
    Reply(Then<Reply>),
    /// An operation, with a reader's answer.
    Answer(Then<Answer>),
    /// An operation, with the password pool's result.
    Password(Then<PasswordResult>),
    /// An operation, with a collaborator's text.
    Text(Then<Box<str>>),
    /// An operation, with everybody's connections.
    Connections(Then<Vec<ConnectionInfo>>),
    /// A request, with its caller.
    Parked(Claim, Box<Parked>),
    /// A WebSocket, with its user.
    Attach(Claim),
}

/// Somebody who waits.
pub struct Waiting {
    /// Who.
    pub asker: Asker,
    /// For what.
    pub resume: Resume,
}

/// Connections being gathered from all shards.
pub struct Gathering {
    /// Who waits for them.
    pub ticket: u64,
    /// How many shards have not answered; `None` before this one has.
    pub missing: Option<u16>,
    /// When to make do with what is there, in milliseconds of the monotonic clock.
    pub deadline_ms: u64,
    /// What is there.
    pub connections: Vec<ConnectionInfo>,
}

/// What operations run on.
pub struct Runner {
    shard: u16,
    /// The settings.
    pub setup: Arc<Setup>,
    /// The time of this turn.
    pub now: Now,
    random: Box<Random<'static>>,
    /// Limits on guessing.
    pub attempts: SharedAttempts,
    signals: Vec<Signal>,
    /// Who waits.
    pub tickets: Tickets<Waiting>,
    /// What is to be done outside.
    pub outputs: VecDeque<Output>,
    /// Lists of connections under way.
    pub gatherings: Vec<Gathering>,
}

impl Runner {
    /// Nothing under way yet.
    pub fn new(shard: u16, setup: Arc<Setup>, mut random: Box<Random<'static>>) -> Self {
        let mut seed = [0; 8];
        random(&mut seed);
        let attempts = SharedAttempts::new(setup.rates, u64::from_ne_bytes(seed));
        Self {
            shard,
            setup,
            now: Now::default(),
            random,
            attempts,
            signals: Vec::new(),
            tickets: Tickets::new(limits::COMMANDS_IN_FLIGHT),
            outputs: VecDeque::new(),
            gatherings: Vec::new(),
        }
    }

    /// Begins an operation; `None` while it is under way.
    pub fn start(
        &mut self,
        asker: Asker,
        operation: Operation,
        body: Object<'_>,
        parameters: &Parameters<'_>,
    ) -> Option<Finished> {
        let flow = self.with_context(&asker, |context| {
            operation(Call {
                context,
                body,
                parameters,
            })
        });
        self.proceed(asker, flow)
    }

    /// Goes on with the writer's, a reader's or anybody's outcome.
    pub fn resume(&mut self, asker: Asker, next: impl FnOnce(&mut Context<'_>) -> Flow) -> Option<Finished> {
        let flow = self.with_context(&asker, next);
        self.proceed(asker, flow)
    }

    /// Ends an operation.
    pub fn finish(&mut self, asker: Asker, outcome: Result<Data, Refusal>) -> Finished {
        Finished {
            asker,
            outcome,
            signals: std::mem::take(&mut self.signals),
        }
    }

    /// Asks the writer about a credential; the end of the request when too many wait already.
    pub fn ask(&mut self, asker: Asker, command: Command, resume: Resume) -> Option<Finished> {
        self.submit(asker, Actor::Admin, command, resume)
    }

    /// Random bytes as text, to find one failure in the log.
    pub fn new_request_id(&mut self) -> String {
        let mut bytes = [0; 8];
        (self.random)(&mut bytes);
        format!("{:016x}", u64::from_ne_bytes(bytes))
    }

    fn with_context<R>(&mut self, asker: &Asker, run: impl FnOnce(&mut Context<'_>) -> R) -> R {
        let result = run(&mut Context {
            now: self.now,
            setup: &self.setup,
            random: &mut *self.random,
            caller: &asker.caller,
            address: asker.address,
            attempts: &mut self.attempts,
            signals: &mut self.signals,
        });
        self.tell_attempts();
        result
    }

    /// Counts a wrong API key; answers how to refuse it.
    pub fn wrong_key(&mut self, address: IpAddr, refusal: Refusal) -> Refusal {
        let counted = self.attempts.wrong_key(self.now.of_attempts(), address);
        self.tell_attempts();
        counted.map_or_else(|wait| Refusal::rate_limited(wait.0), |()| refusal)
    }

    fn tell_attempts(&mut self) {
        for attempt in self.attempts.take_untold() {
            self.tell_peers(PeerMessage::Attempt(attempt));
        }
    }

    /// Tells all other shards, if there are any.
    pub fn tell_peers(&mut self, message: PeerMessage) {
        if self.setup.shards > 1 {
            self.outputs.push_back(Output::Peer(None, message));
        }
    }

    fn proceed(&mut self, asker: Asker, flow: Flow) -> Option<Finished> {
        match flow {
            Ok(Step::Done(data)) => Some(self.finish(asker, Ok(data))),
            Err(refusal) => Some(self.finish(asker, Err(refusal))),
            Ok(Step::Submit(actor, command, then)) => self.submit(asker, actor, command, Resume::Reply(then)),
            Ok(Step::Query(query, then)) => {
                self.wait(asker, Resume::Answer(then), |ticket| Output::Query(ticket, query))
            }
            Ok(Step::Password(job, then)) => {
                self.wait(asker, Resume::Password(then), |ticket| Output::Password(ticket, job))
            }
            Ok(Step::Collaborate(work, then)) => {
                self.wait(asker, Resume::Text(then), |ticket| Output::Operation(ticket, work))
            }
            Ok(Step::ListConnections(then)) => self.gather(asker, then),
        }
    }

    fn submit(&mut self, asker: Asker, actor: Actor, command: Command, resume: Resume) -> Option<Finished> {
        let (shard, connection) = (self.shard, Some(asker.connection));
        self.wait(asker, resume, |number| {
            Output::Submit(Submission {
                actor,
                command,
                connection,
                ticket: Ticket { asker: shard, number },
            })
        })
    }

    fn gather(&mut self, asker: Asker, then: Then<Vec<ConnectionInfo>>) -> Option<Finished> {
        let (shard, deadline_ms) = (self.shard, self.now.monotonic_ms + limits::GATHER_MS);
        let mut gathering = None;
        let finished = self.wait(asker, Resume::Connections(then), |ticket| {
            gathering = Some(Gathering {
                ticket,
                missing: None,
                deadline_ms,
                connections: Vec::new(),
            });
            Output::Peer(None, PeerMessage::ListConnections { asker: shard, ticket })
        });
        self.gatherings.extend(gathering);
        finished
    }

    /// Remembers who waits and says what for; the end of the operation when too many wait already.
    fn wait(&mut self, asker: Asker, resume: Resume, output: impl FnOnce(u64) -> Output) -> Option<Finished> {
        match self.tickets.insert(Waiting { asker, resume }) {
            Ok(ticket) => {
                self.outputs.push_back(output(ticket));
                None
            }
            Err(waiting) => Some(self.finish(waiting.asker, Err(Fault::Busy.into()))),
        }
    }
}
