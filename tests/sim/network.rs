//! The network of a world: bytes that arrive in pieces, late or not at all, and connections that end at any byte.

use std::collections::VecDeque;

use ringim::api::port::Input;
use ringim::base::connection::ConnectionId;

use crate::invariants::Check;
use crate::server::SocketOrder;
use crate::world::World;

/// A connection between a device and the server.
pub struct Socket {
    pub client: usize,
    /// What the device has sent and the server has not received.
    pub to_server: Vec<u8>,
    pub writing: Option<Writing>,
    pub paused: bool,
}

/// What the server has written and the device has not received.
pub struct Writing {
    bytes: Vec<u8>,
    then_close: bool,
    since_ms: u64,
}

/// A write that nobody takes is given up after so long, as by the runtime.
const WRITE_STALL_MS: u64 = 30_000;

impl World {
    /// A part of what some device has sent reaches the server.
    pub fn deliver(&mut self) -> Check {
        let ready = self
            .sockets
            .iter()
            .filter(|(_, socket)| !socket.to_server.is_empty() && !socket.paused);
        let ready: Vec<ConnectionId> = ready.map(|(id, _)| *id).collect();
        let Some(id) = self.random.pick(&ready) else {
            return Ok(());
        };
        let waiting = self.sockets[&id].to_server.len();
        let count = if self.random.per_mille(500) {
            waiting
        } else {
            self.random.between(1, waiting)
        };
        self.deliver_some(id, count)
    }

    fn deliver_some(&mut self, id: ConnectionId, count: usize) -> Check {
        let Some(socket) = self.sockets.get_mut(&id) else {
            return Ok(());
        };
        let mut bytes: Vec<u8> = socket.to_server.drain(..count).collect();
        let input = Input::Received {
            connection: id,
            bytes: &mut bytes,
        };
        self.server
            .handle(usize::from(id.shard), self.now, input, &mut self.random);
        self.obey()
    }

    /// What the server has written to some device reaches it.
    pub fn flush(&mut self) -> Check {
        let stalled = |socket: &Socket| self.clients[socket.client].stalled;
        let ready = self
            .sockets
            .iter()
            .filter(|(_, socket)| socket.writing.is_some() && !stalled(socket));
        let ready: Vec<ConnectionId> = ready.map(|(id, _)| *id).collect();
        let Some(id) = self.random.pick(&ready) else {
            return Ok(());
        };
        let Some(writing) = self.sockets.get_mut(&id).and_then(|socket| socket.writing.take()) else {
            return Ok(());
        };
        self.server
            .handle(usize::from(id.shard), self.now, Input::Flushed(id), &mut self.random);
        self.hear(id, &writing.bytes)?;
        if writing.then_close && self.sockets.contains_key(&id) {
            self.break_off(id);
        }
        self.obey()
    }

    /// Gives up writes that nobody takes.
    pub fn cut_stalled(&mut self) {
        let overdue = |writing: &Writing| writing.since_ms + WRITE_STALL_MS < self.now.monotonic_ms;
        let stalled = self
            .sockets
            .iter()
            .filter(|(_, socket)| socket.writing.as_ref().is_some_and(overdue));
        for id in stalled.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.tell(|| format!("{id} is cut: nobody takes its bytes"));
            self.break_off(id);
        }
    }

    /// Does what the shards want done to sockets.
    pub fn obey(&mut self) -> Check {
        let mut orders: VecDeque<SocketOrder> = self.server.socket_orders();
        while let Some(order) = orders.pop_front() {
            match order {
                SocketOrder::Flush {
                    connection,
                    bytes,
                    then_close,
                } => {
                    let Some(socket) = self.sockets.get_mut(&connection) else {
                        continue;
                    };
                    if socket.writing.is_some() {
                        return Err(format!("{connection} is flushed while a flush is under way"));
                    }
                    socket.writing = Some(Writing {
                        bytes,
                        then_close,
                        since_ms: self.now.monotonic_ms,
                    });
                }
                SocketOrder::Pause(id) => self.set_paused(id, true),
                SocketOrder::Resume(id) => self.set_paused(id, false),
                SocketOrder::Close(id) => {
                    self.hear_a_part(id)?;
                    self.break_off(id);
                }
            }
            orders.extend(self.server.socket_orders());
        }
        Ok(())
    }

    fn set_paused(&mut self, id: ConnectionId, paused: bool) {
        if let Some(socket) = self.sockets.get_mut(&id) {
            socket.paused = paused;
        }
    }

    /// What is under way to a device reaches it as far as chance has it, before its connection ends.
    pub fn hear_a_part(&mut self, id: ConnectionId) -> Check {
        let Some(writing) = self.sockets.get_mut(&id).and_then(|socket| socket.writing.take()) else {
            return Ok(());
        };
        let count = self.random.between(0, writing.bytes.len());
        self.hear(id, &writing.bytes[..count])
    }

    /// A device opens a connection to any shard.
    pub fn connect(&mut self, client: usize) -> Option<ConnectionId> {
        let shard = self.random.below(usize::from(self.plan.shards));
        let id = self.server.accept(shard, self.now)?;
        self.sockets.insert(
            id,
            Socket {
                client,
                to_server: Vec::new(),
                writing: None,
                paused: false,
            },
        );
        Some(id)
    }

    /// A device goes: the server receives a part of what was under way, cut at any byte.
    pub fn disconnect(&mut self, id: ConnectionId) -> Check {
        if let Some(waiting) = self.sockets.get(&id).map(|socket| socket.to_server.len()) {
            let count = self.random.between(0, waiting);
            self.deliver_some(id, count)?;
        }
        self.break_off(id);
        self.obey()
    }

    /// Both ends learn that the connection is over.
    fn break_off(&mut self, id: ConnectionId) {
        if self.forget_socket(id) {
            self.server
                .handle(usize::from(id.shard), self.now, Input::Closed(id), &mut self.random);
        }
    }

    pub fn forget_socket(&mut self, id: ConnectionId) -> bool {
        let Some(socket) = self.sockets.remove(&id) else {
            return false;
        };
        self.clients[socket.client].lose(id);
        true
    }
}
