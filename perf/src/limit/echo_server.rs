//! One thread, one ring, and on each connection one operation at a time: receive what is there, send it back.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use io_uring::squeue::Entry;
use io_uring::{IoUring, opcode, types};
use ringim::proto::backlog::Backlog;
use ringim::proto::ws::{Decoder, Role};

use crate::error::Result;
use crate::scenario::echo::echo_frames;

/// Bytes one receive takes at the most.
const RECEIVE_BYTES: usize = 4096;

/// Bytes of the largest message.
const MESSAGE_BYTES: u32 = 1 << 20;

/// The most entries that a ring has.
const RING_ENTRIES: u32 = 32_768;

/// A connection and the buffers of its operation.
struct Connection {
    socket: TcpStream,
    decoder: Decoder,
    backlog: Backlog,
    received: Vec<u8>,
    out: Vec<u8>,
    sent: usize,
}

/// Accepts so many connections and serves them until the last has gone. Frames are those of RFC 6455 from the first
/// byte on: what a handshake costs is not asked here.
pub fn serve(listener: &TcpListener, count: u32) -> Result<()> {
    let mut ring: IoUring = IoUring::builder()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .build(count.next_power_of_two().min(RING_ENTRIES))
        .map_err(|error| format!("no io_uring here: {error}"))?;
    let mut connections = (0..count)
        .map(|_| Connection::accept(listener))
        .collect::<io::Result<Vec<_>>>()?;
    let served = serve_all(&mut ring, &mut connections);
    if served.is_err() {
        // The kernel may still write into the buffers.
        std::mem::forget(connections);
    }
    Ok(served?)
}

fn serve_all(ring: &mut IoUring, connections: &mut [Connection]) -> io::Result<()> {
    for (key, connection) in connections.iter_mut().enumerate() {
        push(ring, key, connection.operation())?;
    }
    let mut open = connections.len();
    let mut completed = Vec::with_capacity(open);
    while open > 0 {
        match ring.submit_and_wait(1) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => completed.extend(ring.completion()),
        }
        for completion in completed.drain(..) {
            let key = completion.user_data() as usize;
            match connections[key].complete(completion.result()) {
                true => push(ring, key, connections[key].operation())?,
                false => open -= 1,
            }
        }
    }
    Ok(())
}

fn push(ring: &mut IoUring, key: usize, operation: Entry) -> io::Result<()> {
    let operation = operation.user_data(key as u64);
    if ring.submission().is_full() {
        ring.submit()?;
    }
    // SAFETY: the buffer belongs to the connection, which has no other operation under way, touches its buffers only
    // between operations, and is not dropped before the last has completed.
    unsafe { ring.submission().push(&operation) }.map_err(io::Error::other)
}

impl Connection {
    fn accept(listener: &TcpListener) -> io::Result<Self> {
        let (socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        Ok(Self {
            socket,
            decoder: Decoder::new(Role::Server, MESSAGE_BYTES),
            backlog: Backlog::default(),
            received: vec![0; RECEIVE_BYTES],
            out: Vec::new(),
            sent: 0,
        })
    }

    /// What to do next: send what is left, or receive.
    fn operation(&mut self) -> Entry {
        let socket = types::Fd(self.socket.as_raw_fd());
        match &self.out[self.sent..] {
            [] => opcode::Recv::new(socket, self.received.as_mut_ptr(), RECEIVE_BYTES as u32).build(),
            rest => opcode::Send::new(socket, rest.as_ptr(), rest.len() as u32).build(),
        }
    }

    /// Takes the result of the operation; `false` if the connection is over.
    fn complete(&mut self, result: i32) -> bool {
        let Ok(bytes @ 1..) = usize::try_from(result) else {
            return false;
        };
        if self.sent < self.out.len() {
            self.sent += bytes;
            return true;
        }
        self.out.clear();
        self.sent = 0;
        let (decoder, out) = (&mut self.decoder, &mut self.out);
        self.backlog.consume(&mut self.received[..bytes], |input| {
            let (consumed, goes_on) = echo_frames(decoder, input, out);
            (consumed..input.len(), goes_on)
        })
    }
}
