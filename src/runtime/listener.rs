//! Accepts connections on one shard; the kernel spreads them over the shards (SO_REUSEPORT).

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;
use std::time::Duration;

use monoio::net::{ListenerOpts, TcpListener, TcpStream};

use super::reactor::Reactor;
use super::sockets::shutdown;
use crate::api::port::Service;

/// Connections the kernel keeps for us until they are accepted.
const BACKLOG: i32 = 4096;

/// Pause after a failed accept: an error such as "too many open files" does not go away by asking again.
const BACK_OFF: Duration = Duration::from_millis(50);

/// The listening socket of one shard.
pub struct Listener {
    socket: TcpListener,
    stopped: Cell<bool>,
}

impl Listener {
    /// Listens. Must be called on the shard's thread, inside its runtime.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let options = ListenerOpts::new().backlog(BACKLOG).reuse_port(true);
        let socket = TcpListener::bind_with_config(address, &options)?;
        Ok(Self {
            socket,
            stopped: Cell::new(false),
        })
    }

    /// The address, with the port the kernel chose when none was asked for.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Stops at once, also for the kernel: a listening socket that merely loses its process goes on taking
    /// connections for a while that nobody will answer.
    pub fn stop(&self) {
        self.stopped.set(true);
        shutdown(self.socket.as_raw_fd(), libc::SHUT_RDWR);
    }

    /// Accepts until [`stop`](Self::stop). At most `limit` connections are open in the process at once; above
    /// that, new ones wait in the backlog. A pending accept is never cancelled.
    pub async fn run<S: Service + 'static>(self: Rc<Self>, reactor: Rc<Reactor<S>>, limit: u64) {
        while !self.stopped.get() {
            if reactor.metrics.connections_open() >= limit {
                monoio::time::sleep(BACK_OFF).await;
                continue;
            }
            match self.socket.accept().await {
                Ok((stream, peer)) => {
                    prepare(&stream);
                    reactor.accepted(stream, peer);
                }
                Err(_) if self.stopped.get() => return,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    monoio::time::sleep(BACK_OFF).await;
                }
            }
        }
    }
}

/// Small frames must not wait for each other, and no child process may inherit the socket.
fn prepare(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    close_on_exec(stream.as_raw_fd());
}

fn close_on_exec(fd: RawFd) {
    // SAFETY: the call touches no memory, and the stream holds the descriptor open.
    unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
}
