//! One core's server as a value: bytes, commits and answers in, bytes, commands and queries out.
//!
//! [`Service::handle`] takes one input and never blocks; [`Service::poll_output`] then hands out what is to be done,
//! until there is nothing; [`Service::next_deadline`] says when a `Tick` is wanted. The gateway opens no socket,
//! reads no clock, locks nothing, and draws randomness only from the function it was given.
//!
//! The work is split by what comes in: [`http`] and [`live`] take bytes, [`log`] takes commits, [`outcome`] takes
//! answers, [`signals`] takes what other shards say.

mod http;
mod live;
mod log;
mod outcome;
mod respond;
mod signals;

use std::sync::Arc;

use super::connection::{Connection, Connections, Identity, Live, Phase, Protocol};
use super::credentials::Credentials;
use super::port::{Accepted, Census, Input, Now, Output, Service};
use super::refusal::Fault;
use super::routes::Routes;
use super::runner::Runner;
use super::setup::Setup;
use super::wire::document::Buffers;
use super::wire::live::{Farewell, Frames, RequestId};
use crate::auth::Random;
use crate::base::connection::ConnectionId;
use crate::base::limits;
use crate::proto::ws::{Opcode, encode, encode_close};
use crate::shard::presence::Presence;
use crate::shard::sessions::Sessions;
use crate::shard::timers::Timers;

/// The server of one core.
pub struct Gateway {
    shard: u16,
    runner: Runner,
    routes: Routes,
    buffers: Buffers,
    frames: Frames,
    connections: Connections,
    credentials: Credentials,
    sessions: Sessions,
    presence: Presence,
    timers: Timers,
    /// The connections that are to see an event; used again for each.
    recipients: Vec<ConnectionId>,
    /// Events pushed, once for each connection that saw one.
    deliveries: u64,
    date: respond::Date,
    draining: bool,
}

impl Gateway {
    /// A gateway without connections. `random` must be fit for secrets, unless this is a test.
    pub fn new(shard: u16, setup: Arc<Setup>, random: Box<Random<'static>>) -> Self {
        Self {
            shard,
            runner: Runner::new(shard, setup, random),
            routes: Routes::new(),
            buffers: Buffers::default(),
            frames: Frames::default(),
            connections: Connections::new(shard),
            credentials: Credentials::default(),
            sessions: Sessions::default(),
            presence: Presence::default(),
            timers: Timers::default(),
            recipients: Vec::new(),
            deliveries: 0,
            date: respond::Date::default(),
            draining: false,
        }
    }

    fn received(&mut self, id: ConnectionId, bytes: &mut [u8]) {
        match self.connections.get(id).map(|connection| &connection.protocol) {
            Some(Protocol::Http(_)) => self.http_received(id, bytes),
            Some(Protocol::Live(_)) => self.live_received(id, bytes),
            Some(Protocol::Over) | None => {}
        }
    }

    fn flushed(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get(id) else {
            return;
        };
        if connection.outbox.flushed() {
            self.connections.mark(id);
        }
        self.go_on(id);
    }

    /// Looks at what was left unread while the connection was busy.
    fn go_on(&mut self, id: ConnectionId) {
        match self.connections.get(id).map(|connection| &connection.protocol) {
            Some(Protocol::Http(_)) => self.http_received(id, &mut []),
            Some(Protocol::Live(_)) => self.live_go_on(id),
            Some(Protocol::Over) | None => {}
        }
    }

    /// Stops or goes on reading, when that changes anything.
    fn set_paused(&mut self, id: ConnectionId, paused: bool) {
        let Some(connection) = self.connections.get(id) else {
            return;
        };
        if std::mem::replace(&mut connection.paused, paused) != paused {
            let output = if paused { Output::Pause(id) } else { Output::Resume(id) };
            self.runner.outputs.push_back(output);
        }
    }

    fn set_deadline(&mut self, id: ConnectionId, in_ms: u64) {
        let at_ms = self.runner.now.monotonic_ms.saturating_add(in_ms);
        if let Some(connection) = self.connections.get(id) {
            self.timers.set(id, &mut connection.deadline, at_ms);
        }
    }

    fn tick(&mut self) {
        let now_ms = self.runner.now.monotonic_ms;
        for (tick, id) in self.timers.due(now_ms) {
            let Some(connection) = self.connections.get(id) else {
                continue;
            };
            if self.timers.has_passed(tick, id, &mut connection.deadline, now_ms) {
                self.deadline_passed(id);
            }
        }
    }

    fn deadline_passed(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get(id) else {
            return;
        };
        match &mut connection.protocol {
            Protocol::Http(http) => match http.phase {
                Phase::New | Phase::Idle => self.cut(id),
                Phase::Head | Phase::Body => self.refuse_and_close(id, Fault::RequestTimeout.into()),
                Phase::Busy => {}
            },
            Protocol::Live(live) => match live.identity {
                Identity::Unknown => self.refuse_live(id, &RequestId::default(), &Fault::Unauthenticated.into()),
                Identity::Asked => {}
                Identity::Attached(_) => self.ping(id),
            },
            Protocol::Over => self.runner.outputs.push_back(Output::Close(id)),
        }
    }

    /// Asks a WebSocket for a sign of life, or gives it up.
    fn ping(&mut self, id: ConnectionId) {
        let now_ms = self.runner.now.wall_ms;
        let Some(live) = self.connections.get(id).and_then(Connection::live) else {
            return;
        };
        if live.session().is_some_and(|session| session.expires_at <= now_ms) {
            return self.farewell(id, Farewell::Token);
        }
        if live.missed_pings >= limits::MISSED_PINGS {
            return self.cut(id);
        }
        live.missed_pings += 1;
        let mut frame = Vec::with_capacity(2);
        encode(Opcode::Ping, b"", None, &mut frame);
        self.connections.push(id, &frame);
        self.set_deadline(id, self.runner.setup.deadlines.ping_ms);
    }

    /// Ends a connection at once.
    fn cut(&mut self, id: ConnectionId) {
        self.leave(id);
        self.runner.outputs.push_back(Output::Close(id));
    }

    /// Says `bye` and closes a WebSocket.
    fn farewell(&mut self, id: ConnectionId, farewell: Farewell) {
        if farewell == Farewell::SlowReader
            && let Some(connection) = self.connections.get(id)
        {
            connection.outbox.clear();
        }
        let bye = self.frames.bye(farewell);
        self.connections.append(id, |out| out.extend_from_slice(bye));
        self.close_live(id, farewell.code(), farewell.reason());
    }

    /// Sends the close frame, the last thing sent.
    fn close_live(&mut self, id: ConnectionId, code: u16, reason: &str) {
        self.connections.append(id, |out| encode_close(code, reason, None, out));
        self.finish(id);
    }

    /// What was sent so far is the last; then the connection ends.
    fn finish(&mut self, id: ConnectionId) {
        self.leave(id);
        if let Some(connection) = self.connections.get(id) {
            connection.outbox.finish();
        }
        self.connections.mark(id);
        self.set_deadline(id, limits::CLOSE_MS);
    }

    /// The connection speaks no more; a session ends with it.
    fn leave(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get(id) else {
            return;
        };
        if let Protocol::Live(live) = std::mem::replace(&mut connection.protocol, Protocol::Over) {
            self.detach(id, &live);
        }
    }

    fn detach(&mut self, id: ConnectionId, live: &Live) {
        let Some(session) = live.session() else { return };
        self.presence.forget(id);
        if self.sessions.detach(session.user.key, id) {
            self.announce(session.user.key, &session.user.id, false);
        }
    }

    fn closed(&mut self, id: ConnectionId) {
        self.leave(id);
        self.connections.remove(id);
    }

    fn cut_slow_readers(&mut self) {
        for id in self.connections.take_slow() {
            let is_live = self
                .connections
                .get(id)
                .is_some_and(|connection| connection.live().is_some());
            if is_live {
                self.farewell(id, Farewell::SlowReader);
            }
        }
    }

    fn drain(&mut self) {
        self.draining = true;
        for id in self.connections.ids() {
            let Some(connection) = self.connections.get(id) else {
                continue;
            };
            match &mut connection.protocol {
                Protocol::Http(http) => match &mut http.busy {
                    Some(exchange) => exchange.keep_alive = false,
                    None => self.finish(id),
                },
                Protocol::Live(live) => {
                    live.leaving = true;
                    self.leave_when_idle(id);
                }
                Protocol::Over => {}
            }
        }
    }

    /// Says `bye` when the server stops and nothing of this WebSocket is under way.
    fn leave_when_idle(&mut self, id: ConnectionId) {
        let Some(live) = self.connections.get(id).and_then(Connection::live) else {
            return;
        };
        if live.leaving && live.in_flight == 0 {
            self.farewell(id, Farewell::Restart);
        }
    }
}

impl Service for Gateway {
    fn accept(&mut self, now: Now, peer: Accepted) -> Option<ConnectionId> {
        self.runner.now = now;
        if self.draining {
            return None;
        }
        let id = self.connections.insert(Connection::new(peer.address));
        self.set_deadline(id, self.runner.setup.deadlines.head_ms);
        Some(id)
    }

    fn handle(&mut self, now: Now, input: Input<'_>) {
        self.runner.now = now;
        match input {
            Input::Received { connection, bytes } => self.received(connection, bytes),
            Input::Flushed(connection) => self.flushed(connection),
            Input::Closed(connection) => self.closed(connection),
            Input::Committed(batch) => self.committed(&batch),
            Input::Answered(ticket, result) => self.answered(ticket, *result),
            Input::PasswordDone(ticket, result) => self.password_done(ticket, result),
            Input::OperationDone(ticket, result) => self.collaborated(ticket, result),
            Input::Peer(message) => self.peer_says(message),
            Input::Tick => self.tick(),
            Input::Drain => self.drain(),
        }
        self.gather();
        self.cut_slow_readers();
    }

    fn poll_output(&mut self) -> Option<Output> {
        if let Some(output) = self.runner.outputs.pop_front() {
            return Some(output);
        }
        let (connection, bytes, then_close) = self.connections.take_write()?;
        Some(Output::Flush {
            connection,
            bytes,
            then_close,
        })
    }

    fn next_deadline(&self) -> Option<u64> {
        let gathering = self
            .runner
            .gatherings
            .iter()
            .map(|gathering| gathering.deadline_ms)
            .min();
        [self.timers.next(), gathering].into_iter().flatten().min()
    }

    fn census(&self) -> Census {
        Census {
            connections: self.connections.len(),
            sessions: self.sessions.len(),
            waiting: self.runner.tickets.len(),
            deliveries: self.deliveries,
        }
    }
}
