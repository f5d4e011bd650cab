//! One connection's state, and the table of them.

use std::net::IpAddr;
use std::sync::Arc;

use slab::Slab;

use super::context::Session;
use super::credentials::LastPresented;
use super::outbox::{Outbox, Pushed};
use crate::base::connection::ConnectionId;
use crate::proto::backlog::Backlog;
use crate::proto::http::RequestParser;
use crate::proto::ws::{Decoder, Role};
use crate::shard::timers::Deadline;

/// A connection from its acceptance to `Closed`.
pub struct Connection {
    /// The socket's address; once a WebSocket is opened, the client's behind trusted proxies.
    pub address: IpAddr,
    /// What is to be written.
    pub outbox: Outbox,
    /// The runtime was told to read no more for now.
    pub paused: bool,
    /// The next deadline.
    pub deadline: Deadline,
    /// What is spoken.
    pub protocol: Protocol,
}

/// What is spoken on a connection.
pub enum Protocol {
    /// Requests and responses.
    Http(Box<Http>),
    /// Frames. Not boxed, since nearly all connections that stay are such.
    Live(Live),
    /// Nothing any more: what still arrives is dropped.
    Over,
}

/// An HTTP connection.
#[derive(Default)]
pub struct Http {
    /// Received bytes on their way to requests.
    pub intake: HttpIntake,
    /// The request being answered. The next one is not looked at before.
    pub busy: Option<Exchange>,
    /// What the deadline is for.
    pub phase: Phase,
    /// The token or key of the request before.
    pub last_presented: LastPresented,
}

/// Received bytes on their way to requests.
#[derive(Default)]
pub struct HttpIntake {
    /// The parser of the present request.
    pub parser: RequestParser,
    /// What is not consumed yet.
    pub backlog: Backlog,
}

/// What the response to a request must know of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exchange {
    /// Whether the connection stays open.
    pub keep_alive: bool,
    /// Whether the body is left out.
    pub head_only: bool,
    /// `Access-Control-Allow-Origin`, when the page may read the response.
    pub allow_origin: Option<Box<str>>,
}

/// What an HTTP connection waits for; each has its own deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Phase {
    /// The first request.
    #[default]
    New,
    /// The next request.
    Idle,
    /// The rest of a head.
    Head,
    /// The rest of a body.
    Body,
    /// The answer, from inside: no deadline.
    Busy,
}

/// A WebSocket.
#[derive(Default)]
pub struct Live {
    /// Received bytes on their way to frames, while there are any; elsewhere while they are worked on.
    pub intake: Option<Box<LiveIntake>>,
    /// Who it is.
    pub identity: Identity,
    /// Requests under way.
    pub in_flight: u16,
    /// Pings since the last sign of life.
    pub missed_pings: u8,
    /// To be closed as soon as no request is under way.
    pub leaving: bool,
    /// When the session began, in Unix milliseconds.
    pub attached_at: i64,
    /// What the client says it runs on, if it does.
    pub client: Option<Box<Client>>,
}

/// What a client says it runs on.
#[derive(Default, PartialEq, Eq)]
pub struct Client {
    /// `deviceId`.
    pub device: Option<Box<str>>,
    /// `platform`.
    pub platform: Option<Box<str>>,
}

/// How far a WebSocket has come with saying who it is.
#[derive(Default)]
pub enum Identity {
    /// The token must come in the first frame.
    #[default]
    Unknown,
    /// The writer is asked about the token. Frames wait.
    Asked,
    /// A session of this user.
    Attached(Arc<Session>),
}

/// Received bytes on their way to frames.
pub struct LiveIntake {
    /// The decoder.
    pub decoder: Decoder,
    /// What is not consumed yet.
    pub backlog: Backlog,
}

impl LiveIntake {
    /// An intake for messages of at most `max_frame_bytes`.
    pub fn new(max_frame_bytes: u32) -> Self {
        Self {
            decoder: Decoder::new(Role::Server, max_frame_bytes),
            backlog: Backlog::default(),
        }
    }

    /// Whether a new intake would do as well.
    pub fn is_empty(&self) -> bool {
        self.backlog.is_empty() && self.decoder.is_between_messages()
    }
}

impl Live {
    /// The session, once there is one.
    pub fn session(&self) -> Option<&Arc<Session>> {
        match &self.identity {
            Identity::Attached(session) => Some(session),
            Identity::Unknown | Identity::Asked => None,
        }
    }
}

impl Connection {
    /// A connection just accepted.
    pub fn new(address: IpAddr) -> Self {
        Self {
            address,
            outbox: Outbox::default(),
            paused: false,
            deadline: Deadline::default(),
            protocol: Protocol::Http(Box::default()),
        }
    }

    /// The HTTP state, while HTTP is spoken.
    pub fn http(&mut self) -> Option<&mut Http> {
        match &mut self.protocol {
            Protocol::Http(http) => Some(http),
            Protocol::Live(_) | Protocol::Over => None,
        }
    }

    /// The WebSocket's state, while it is open.
    pub fn live(&mut self) -> Option<&mut Live> {
        match &mut self.protocol {
            Protocol::Live(live) => Some(live),
            Protocol::Http(_) | Protocol::Over => None,
        }
    }
}

/// All connections of a shard. A slot is used again, an id never.
pub struct Connections {
    shard: u16,
    slots: Slab<Connection>,
    generations: Vec<u32>,
    /// Those with something to flush.
    unflushed: Vec<ConnectionId>,
    /// Those that were found to read too slowly.
    slow: Vec<ConnectionId>,
}

impl Connections {
    /// No connections yet.
    pub fn new(shard: u16) -> Self {
        Self {
            shard,
            slots: Slab::new(),
            generations: Vec::new(),
            unflushed: Vec::new(),
            slow: Vec::new(),
        }
    }

    /// Adds a connection.
    pub fn insert(&mut self, connection: Connection) -> ConnectionId {
        let slot = self.slots.insert(connection);
        if slot == self.generations.len() {
            self.generations.push(0);
        }
        self.id(slot)
    }

    /// A connection that has not been removed.
    pub fn get(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        let current = self.generations.get(id.slot as usize) == Some(&id.generation);
        self.slots.get_mut(id.slot as usize).filter(|_| current)
    }

    /// Removes a connection.
    pub fn remove(&mut self, id: ConnectionId) -> Option<Connection> {
        self.get(id)?;
        self.generations[id.slot as usize] += 1;
        Some(self.slots.remove(id.slot as usize))
    }

    /// Sends a frame; one that reads too slowly is remembered.
    pub fn push(&mut self, id: ConnectionId, frame: &[u8]) {
        let Some(connection) = self.get(id) else { return };
        match connection.outbox.push(frame) {
            Pushed::Queued => self.mark(id),
            Pushed::Full => self.slow.push(id),
        }
    }

    /// Sends a frame unless the peer reads slowly.
    pub fn push_ephemeral(&mut self, id: ConnectionId, frame: &[u8]) {
        if let Some(connection) = self.get(id) {
            connection.outbox.push_ephemeral(frame);
            self.mark(id);
        }
    }

    /// Sends what must not be lost, by `write`.
    pub fn append(&mut self, id: ConnectionId, write: impl FnOnce(&mut Vec<u8>)) {
        if let Some(connection) = self.get(id) {
            connection.outbox.append(write);
            self.mark(id);
        }
    }

    /// There may be something to flush.
    pub fn mark(&mut self, id: ConnectionId) {
        if self.get(id).is_some_and(|connection| connection.outbox.mark()) {
            self.unflushed.push(id);
        }
    }

    /// The next write, where to, and whether it is the last.
    pub fn take_write(&mut self) -> Option<(ConnectionId, Vec<u8>, bool)> {
        while let Some(id) = self.unflushed.pop() {
            if let Some((bytes, last)) = self.get(id).and_then(|connection| connection.outbox.take()) {
                return Some((id, bytes, last));
            }
        }
        None
    }

    /// Those found to read too slowly since the last call.
    pub fn take_slow(&mut self) -> Vec<ConnectionId> {
        std::mem::take(&mut self.slow)
    }

    /// All of them, in order of their slots.
    pub fn ids(&self) -> Vec<ConnectionId> {
        self.slots.iter().map(|(slot, _)| self.id(slot)).collect()
    }

    /// All of them with their state, in order of their slots.
    pub fn iter(&self) -> impl Iterator<Item = (ConnectionId, &Connection)> {
        self.slots.iter().map(|(slot, connection)| (self.id(slot), connection))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    fn id(&self, slot: usize) -> ConnectionId {
        ConnectionId {
            shard: self.shard,
            generation: self.generations[slot],
            slot: slot as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_used_again_has_another_id() {
        let mut connections = Connections::new(3);
        let address = IpAddr::from([127, 0, 0, 1]);
        let first = connections.insert(Connection::new(address));
        assert!(connections.remove(first).is_some() && connections.remove(first).is_none());
        let second = connections.insert(Connection::new(address));
        assert_eq!(first.slot, second.slot);
        assert!(connections.get(first).is_none() && connections.get(second).is_some());
    }

    #[test]
    fn an_idle_session_is_small() {
        let size = size_of::<Connection>();
        assert!(size <= 112, "every idle connection holds these {size} bytes");
    }
}
