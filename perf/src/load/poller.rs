//! epoll, level-triggered, with a timeout in nanoseconds.

use std::io;
use std::mem::MaybeUninit;
use std::net::TcpStream;
use std::os::fd::OwnedFd;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

/// Events taken by one wait.
const EVENTS: usize = 512;

/// Tells which sockets are ready.
pub struct Poller {
    epoll: OwnedFd,
}

/// A socket that is ready.
#[derive(Debug, Clone, Copy)]
pub struct Ready {
    /// The number it was added under.
    pub key: u32,
    /// Whether it takes bytes again. It may be readable in either case.
    pub writable: bool,
}

impl Poller {
    /// A poller that watches nothing yet.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
        })
    }

    /// Watches for bytes to read, until the socket is closed.
    pub fn add(&self, socket: &TcpStream, key: u32) -> io::Result<()> {
        Ok(epoll::add(
            &self.epoll,
            socket,
            EventData::new_u64(key.into()),
            EventFlags::IN,
        )?)
    }

    /// Watches, or no longer watches, for room to write as well.
    pub fn watch_writable(&self, socket: &TcpStream, key: u32, wanted: bool) -> io::Result<()> {
        let flags = if wanted {
            EventFlags::IN | EventFlags::OUT
        } else {
            EventFlags::IN
        };
        Ok(epoll::modify(
            &self.epoll,
            socket,
            EventData::new_u64(key.into()),
            flags,
        )?)
    }

    /// Waits at most `timeout_ns` and puts the ready sockets into `ready`.
    pub fn wait(&self, timeout_ns: u64, ready: &mut Vec<Ready>) -> io::Result<()> {
        let timeout = Timespec {
            tv_sec: (timeout_ns / 1_000_000_000) as i64,
            tv_nsec: (timeout_ns % 1_000_000_000) as i64,
        };
        let mut room = [const { MaybeUninit::uninit() }; EVENTS];
        ready.clear();
        match epoll::wait(&self.epoll, &mut room, Some(&timeout)) {
            Ok((events, _)) => ready.extend(events.iter().map(|event| {
                let flags = event.flags;
                Ready {
                    key: event.data.u64() as u32,
                    writable: flags.contains(EventFlags::OUT),
                }
            })),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
