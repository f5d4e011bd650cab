//! The two tasks of a connection: one that reads as long as it lives, and a short one for each write.
//!
//! A connection waits for bytes without a buffer and then takes what has arrived into the one buffer of its shard.
//! It is ended by shutting its socket down, which the reader notices at once.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;
use std::task::Poll;

use monoio::io::{AsyncWriteRentExt, OwnedReadHalf, OwnedWriteHalf};
use monoio::net::TcpStream;

use super::reactor::Reactor;
use super::sockets::Turn;
use crate::api::port::Service;
use crate::base::connection::ConnectionId;

/// What reads from one connection.
pub struct Reader<S> {
    reactor: Rc<Reactor<S>>,
    id: ConnectionId,
    socket: OwnedReadHalf<TcpStream>,
}

impl<S: Service + 'static> Reader<S> {
    /// For a connection that the reactor knows.
    pub fn new(reactor: Rc<Reactor<S>>, id: ConnectionId, socket: OwnedReadHalf<TcpStream>) -> Self {
        Self { reactor, id, socket }
    }

    /// Reads until the peer is gone. Everything that one read brought is handled at once.
    ///
    /// This future is most of what an idle connection costs, hence no `async fn`, which would hold its argument twice.
    #[expect(clippy::manual_async_fn, reason = "see above")]
    pub fn run(self) -> impl Future<Output = ()> {
        async move {
            while self.may_read().await && self.readable().await.is_ok() && self.take_received() {}
            self.reactor.closed(self.id);
        }
    }

    /// Handles what has arrived already; `false` when the peer is gone.
    fn take_received(&self) -> bool {
        let mut buffer = self.reactor.read_buffer.borrow_mut();
        match receive(self.stream().as_raw_fd(), &mut buffer) {
            Ok([]) => false,
            Ok(bytes) => {
                self.reactor.received(self.id, bytes);
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
}
