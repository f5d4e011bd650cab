//! The two tasks of a connection: one that reads as long as it lives, and a short one for each write.
//!
//! A read is never cancelled (bytes would be lost): whether to wait for bytes with a buffer in hand or with
//! none is decided after each read, and a connection is ended by shutting its socket down.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;
use std::task::Poll;

use monoio::io::{AsyncReadRent, AsyncWriteRentExt, OwnedReadHalf, OwnedWriteHalf};
use monoio::net::TcpStream;

use super::buffers::PINNED_BYTES;
use super::reactor::Reactor;
use super::sockets::Turn;
use crate::api::port::Service;
use crate::base::connection::ConnectionId;

/// Reads that follow each other so quickly make a connection busy.
const BUSY_GAP_MS: u16 = 100;

/// So many quick reads in a row make a connection busy.
const BUSY_READS: u8 = 4;

/// Tells busy connections from idle ones.
#[derive(Default)]
struct Pace {
    /// The low bits of the monotonic clock: a long gap that they take for a short one now and then does no harm.
    last_read_ms: u16,
    quick_reads: u8,
}

impl Pace {
    fn note(&mut self, now_ms: u64) {
        let now_ms = now_ms as u16;
        let quick = now_ms.wrapping_sub(self.last_read_ms) < BUSY_GAP_MS;
        self.quick_reads = if quick { self.quick_reads.saturating_add(1) } else { 0 };
        self.last_read_ms = now_ms;
    }

    fn is_busy(&self) -> bool {
        self.quick_reads >= BUSY_READS
    }
}

/// What reads from one connection.
pub struct Reader<S> {
    reactor: Rc<Reactor<S>>,
    id: ConnectionId,
    socket: OwnedReadHalf<TcpStream>,
    pace: Pace,
}

impl<S: Service + 'static> Reader<S> {
    /// For a connection that the reactor knows.
    pub fn new(reactor: Rc<Reactor<S>>, id: ConnectionId, socket: OwnedReadHalf<TcpStream>) -> Self {
        Self {
            reactor,
            id,
            socket,
            pace: Pace::default(),
        }
    }

    /// Reads until the peer is gone. Everything that one read brought is handled at once.
    ///
    /// This future is most of what an idle connection costs, hence no `async fn`, which would hold its argument twice.
    #[expect(clippy::manual_async_fn, reason = "see above")]
    pub fn run(mut self) -> impl Future<Output = ()> {
        async move {
            while self.may_read().await {
                let open = if self.pace.is_busy() && self.reactor.buffers.borrow_mut().pin() {
                    Box::pin(self.read_while_busy()).await
                } else {
                    self.readable().await.is_ok() && self.take_received()
                };
                if !open {
                    break;
                }
            }
            self.reactor.closed(self.id);
        }
    }

    /// Reads with a pinned buffer until the connection is busy no more; `false` when the peer is gone.
    async fn read_while_busy(&mut self) -> bool {
        let mut buffer = Vec::with_capacity(PINNED_BYTES);
        let mut open = true;
        while open && self.pace.is_busy() && self.may_read().await {
            let result;
            buffer.clear();
            (result, buffer) = self.socket.read(buffer).await;
            open = matches!(result, Ok(count) if count > 0);
            if open {
                self.pace.note(self.reactor.received(self.id, &mut buffer));
            }
        }
        self.reactor.buffers.borrow_mut().unpin();
        open
    }

    /// Handles what has arrived already; `false` when the peer is gone.
    fn take_received(&mut self) -> bool {
        let mut buffers = self.reactor.buffers.borrow_mut();
        match receive(self.stream().as_raw_fd(), buffers.shared()) {
            Ok([]) => false,
            Ok(bytes) => {
                self.pace.note(self.reactor.received(self.id, bytes));
                true
            }
            Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        }
    }

    /// Waits while the connection is paused; `false` when it is gone.
    fn may_read(&self) -> impl Future<Output = bool> {
        poll_fn(
            |context| match self.reactor.sockets.borrow_mut().turn(self.id, context.waker()) {
                Turn::Read => Poll::Ready(true),
                Turn::End => Poll::Ready(false),
                Turn::Wait => Poll::Pending,
            },
        )
    }

    /// Waits for bytes without holding a buffer.
    fn readable(&self) -> impl Future<Output = io::Result<()>> {
        // Not relaxed: the epoll driver must notice that what it saw has been taken.
        self.stream().readable(false)
    }

    fn stream(&self) -> &TcpStream {
        // SAFETY: the stream lives as long as the half, stays on this thread, and neither half moves it;
        // it is only asked for its descriptor.
        unsafe { &*self.socket.0.get() }
    }
}

/// Takes what has arrived, without waiting.
fn receive(fd: RawFd, buffer: &mut [u8]) -> io::Result<&mut [u8]> {
    // SAFETY: the kernel writes at most the buffer's length into it.
    let count = unsafe { libc::recv(fd, buffer.as_mut_ptr().cast(), buffer.len(), libc::MSG_DONTWAIT) };
    match usize::try_from(count) {
        Ok(count) => Ok(&mut buffer[..count]),
        Err(_) => Err(io::Error::last_os_error()),
    }
}

/// Writes all bytes and reports it.
pub async fn write<S: Service + 'static>(
    reactor: Rc<Reactor<S>>,
    id: ConnectionId,
    mut socket: OwnedWriteHalf<TcpStream>,
    bytes: Vec<u8>,
    then_close: bool,
) {
    let (result, _) = socket.write_all(bytes).await;
    reactor.written(id, socket, result.is_ok(), then_close);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::gateway::Gateway;

    fn size_of_future<A, F>(_: fn(A) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_connection_s_task_is_small() {
        let size = size_of_future(Reader::<Gateway>::run);
        assert!(size <= 144, "every idle connection holds these {size} bytes");
    }

    #[test]
    fn only_quick_reads_in_a_row_make_a_connection_busy() {
        let mut pace = Pace::default();
        (0..3).for_each(|read| pace.note(read * u64::from(BUSY_GAP_MS)));
        assert!(!pace.is_busy());
        (0..4).for_each(|read| pace.note(1000 + read));
        assert!(!pace.is_busy());
        pace.note(1004);
        assert!(pace.is_busy());
        pace.note(1004 + u64::from(BUSY_GAP_MS));
        assert!(!pace.is_busy());
    }
}
