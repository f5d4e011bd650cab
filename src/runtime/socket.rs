//! The two tasks of a connection: one that reads as long as it lives, and a short one for each write.
//!
//! A read is never cancelled (bytes would be lost): whether to wait for bytes with a buffer in hand or with
//! none is decided after each read, and a connection is ended by shutting its socket down.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use monoio::io::{AsyncReadRent, AsyncWriteRentExt, OwnedReadHalf, OwnedWriteHalf};
use monoio::net::TcpStream;

use super::reactor::Reactor;
use super::sockets::Turn;
use crate::api::port::Service;
use crate::base::connection::ConnectionId;

/// Reads that follow each other so quickly make a connection busy.
const BUSY_GAP_MS: u64 = 100;

/// So many quick reads in a row make a connection busy.
const BUSY_READS: u8 = 4;

/// Tells busy connections from idle ones.
#[derive(Default)]
struct Pace {
    last_read_ms: u64,
    quick_reads: u8,
}

impl Pace {
    fn note(&mut self, now_ms: u64) {
        let quick = now_ms.saturating_sub(self.last_read_ms) < BUSY_GAP_MS;
        self.quick_reads = if quick { self.quick_reads.saturating_add(1) } else { 0 };
        self.last_read_ms = now_ms;
    }

    fn is_busy(&self) -> bool {
        self.quick_reads >= BUSY_READS
    }
}

/// Reads until the peer is gone. Everything that one read brought is handled at once.
pub async fn read<S: Service + 'static>(
    reactor: Rc<Reactor<S>>,
    id: ConnectionId,
    mut socket: OwnedReadHalf<TcpStream>,
) {
    let mut pace = Pace::default();
    while may_read(&reactor, id).await {
        let pinned = pace.is_busy() && reactor.buffers.borrow_mut().pin();
        if !pinned && readable(&socket).await.is_err() {
            break;
        }
        let buffer = reactor.buffers.borrow_mut().take();
        let (result, mut buffer) = socket.read(buffer).await;
        let open = matches!(result, Ok(count) if count > 0);
        if open {
            pace.note(reactor.received(id, &mut buffer));
        }
        let mut buffers = reactor.buffers.borrow_mut();
        buffers.give(buffer);
        if pinned {
            buffers.unpin();
        }
        if !open {
            break;
        }
    }
    reactor.closed(id);
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

/// Waits while the connection is paused; `false` when it is gone.
async fn may_read<S: Service + 'static>(reactor: &Reactor<S>, id: ConnectionId) -> bool {
    poll_fn(|context| match reactor.sockets.borrow_mut().turn(id, context.waker()) {
        Turn::Read => Poll::Ready(true),
        Turn::End => Poll::Ready(false),
        Turn::Wait => Poll::Pending,
    })
    .await
}

/// Waits for bytes without holding a buffer.
fn readable(socket: &OwnedReadHalf<TcpStream>) -> impl Future<Output = std::io::Result<()>> {
    // SAFETY: the stream lives as long as the half, stays on this thread, and neither half moves it;
    // `readable` only clones its descriptor.
    let stream = unsafe { &*socket.0.get() };
    stream.readable(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::gateway::Gateway;

    fn size_of_future<A, B, C, F>(_: fn(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_connection_s_task_is_small() {
        let size = size_of_future(read::<Gateway>);
        assert!(size <= 208, "every idle connection holds these {size} bytes");
    }

    #[test]
    fn only_quick_reads_in_a_row_make_a_connection_busy() {
        let mut pace = Pace::default();
        (0..3).for_each(|read| pace.note(read * BUSY_GAP_MS));
        assert!(!pace.is_busy());
        (0..4).for_each(|read| pace.note(1000 + read));
        assert!(!pace.is_busy());
        pace.note(1004);
        assert!(pace.is_busy());
        pace.note(1004 + BUSY_GAP_MS);
        assert!(!pace.is_busy());
    }
}
