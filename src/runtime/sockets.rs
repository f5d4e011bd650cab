//! The open sockets of a shard, by the slot of their connection.

use std::os::fd::RawFd;
use std::task::Waker;

use monoio::io::OwnedWriteHalf;
use monoio::net::TcpStream;

use crate::base::connection::ConnectionId;

/// A write that makes no progress for so long is given up, so that a peer that never reads pins no memory.
const WRITE_STALL_MS: u64 = 30_000;

/// How long a peer may take to close after we did. Closing at once would reset the connection and might take
/// our last answer with it.
const LINGER_MS: u64 = 2_000;

/// No deadline.
const NEVER: u64 = u64::MAX;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Flow {
    Reading,
    Paused,
    /// Nothing will be written any more, and what arrives is thrown away.
    Closing,
}

/// What the reader of a socket may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// Read.
    Read,
    /// Wait to be resumed.
    Wait,
    /// End.
    End,
}

struct Entry {
    generation: u32,
    flow: Flow,
    fd: RawFd,
    /// `None` while a write is under way.
    writer: Option<OwnedWriteHalf<TcpStream>>,
    /// The reader, while it is paused.
    waiting: Option<Waker>,
    /// When the socket is shut down for want of progress.
    cut_at: u64,
}

impl Entry {
    /// Lets the reader go on to the end of the stream.
    fn close(&mut self) {
        self.flow = Flow::Closing;
        if let Some(reader) = self.waiting.take() {
            reader.wake();
        }
    }
}

/// The open sockets of a shard.
#[derive(Default)]
pub struct Sockets {
    entries: Vec<Option<Entry>>,
    open: usize,
}

impl Sockets {
    /// Adds the socket of a new connection.
    pub fn insert(&mut self, id: ConnectionId, fd: RawFd, writer: OwnedWriteHalf<TcpStream>) {
        let slot = id.slot as usize;
        if slot >= self.entries.len() {
            self.entries.resize_with(slot + 1, || None);
        }
        let entry = Entry {
            generation: id.generation,
            flow: Flow::Reading,
            fd,
            writer: Some(writer),
            waiting: None,
            cut_at: NEVER,
        };
        let before = self.entries[slot].replace(entry);
        assert!(before.is_none(), "a slot is given away again only after `Closed`");
        self.open += 1;
    }

    /// Forgets a connection whose reader has ended.
    pub fn remove(&mut self, id: ConnectionId) {
        if self.entry(id).is_some() {
            self.entries[id.slot as usize] = None;
            self.open -= 1;
        }
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.open
    }

    /// What the reader may do now; the waker is kept if it has to wait.
    pub fn turn(&mut self, id: ConnectionId, reader: &Waker) -> Turn {
        let Some(entry) = self.entry(id) else { return Turn::End };
        if entry.flow != Flow::Paused {
            return Turn::Read;
        }
        entry.waiting = Some(reader.clone());
        Turn::Wait
    }

    /// Whether what arrives is wanted.
    pub fn is_wanted(&mut self, id: ConnectionId) -> bool {
        self.entry(id).is_some_and(|entry| entry.flow != Flow::Closing)
    }

    /// Stops reading.
    pub fn pause(&mut self, id: ConnectionId) {
        if let Some(entry) = self.entry(id)
            && entry.flow == Flow::Reading
        {
            entry.flow = Flow::Paused;
        }
    }

    /// Reads again.
    pub fn resume(&mut self, id: ConnectionId) {
        if let Some(entry) = self.entry(id)
            && entry.flow == Flow::Paused
        {
            entry.flow = Flow::Reading;
            if let Some(reader) = entry.waiting.take() {
                reader.wake();
            }
        }
    }

    /// Begins a write; `None` if the connection is gone.
    pub fn begin_write(&mut self, id: ConnectionId, now_ms: u64) -> Option<OwnedWriteHalf<TcpStream>> {
        let entry = self.entry(id)?;
        entry.cut_at = entry.cut_at.min(now_ms + WRITE_STALL_MS);
        Some(
            entry
                .writer
                .take()
                .expect("the service keeps at most one flush per connection under way"),
        )
    }

    /// Ends a write; `false` if the connection is gone.
    pub fn end_write(&mut self, id: ConnectionId, writer: OwnedWriteHalf<TcpStream>) -> bool {
        let Some(entry) = self.entry(id) else { return false };
        entry.writer = Some(writer);
        if entry.flow != Flow::Closing {
            entry.cut_at = NEVER;
        }
        true
    }

    /// Ends our direction; the peer's may end in its own time.
    pub fn finish(&mut self, id: ConnectionId, now_ms: u64) {
        if let Some(entry) = self.entry(id) {
            shutdown(entry.fd, libc::SHUT_WR);
            entry.cut_at = now_ms + LINGER_MS;
            entry.close();
        }
    }

    /// Ends both directions; the reader comes to its end at once.
    pub fn cut(&mut self, id: ConnectionId) {
        if let Some(entry) = self.entry(id) {
            shutdown(entry.fd, libc::SHUT_RDWR);
            entry.close();
        }
    }

    /// Cuts every connection that makes no progress.
    pub fn cut_overdue(&mut self, now_ms: u64) {
        for entry in self.entries.iter_mut().flatten().filter(|entry| entry.cut_at <= now_ms) {
            shutdown(entry.fd, libc::SHUT_RDWR);
            entry.cut_at = NEVER;
            entry.close();
        }
    }

    fn entry(&mut self, id: ConnectionId) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(id.slot as usize)?.as_mut()?;
        (entry.generation == id.generation).then_some(entry)
    }
}

/// Ends one or both directions of a socket. Failing means that they have ended already.
pub fn shutdown(fd: RawFd, how: libc::c_int) {
    // SAFETY: the call touches no memory, and the caller's table holds the descriptor open.
    unsafe { libc::shutdown(fd, how) };
}
