//! How the clients of a worker come and go.

use std::ops::Range;
use std::time::Duration;

use super::arrival::Stage;
use super::client::{Client, Transport};
use super::clock::{Clock, Phases, nanoseconds};
use super::worker::{LONGEST_WAIT_NS, Worker};
use crate::error::Result;

/// Clients of a worker that shake hands at once when nobody measures it.
const HANDSHAKES: usize = 64;

/// How long no handshake may succeed, on a machine that is busy with thousands of others.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

impl Worker {
    /// Connects all who are away, a few at a time, until all are ready.
    ///
    /// # Errors
    /// One was refused or cut off, or the server is too slow.
    pub fn open_all(&mut self, clock: Clock) -> Result<()> {
        let cut_off = self.book.faults.disconnected;
        self.open(HANDSHAKES, clock)?;
        if self.opening > 0 || self.book.faults.disconnected > cut_off {
            return Err("not all clients were let in".into());
        }
        Ok(())
    }

    /// Connects all who are away at once, until all are ready, cut off, or nothing happens any more.
    pub fn open_at_once(&mut self, clock: Clock) -> Result<()> {
        self.open(usize::MAX, clock)
    }

    fn open(&mut self, at_once: usize, clock: Clock) -> Result<()> {
        let mut waiting = 0..self.lines.len() as u32;
        let (mut give_up, mut left) = (0, usize::MAX);
        while self.opening > 0 || !waiting.is_empty() {
            while self.opening < at_once
                && let Some(number) = waiting.next()
            {
                self.begin_opening(number, clock.ns())?;
            }
            if waiting.len() + self.opening < left {
                left = waiting.len() + self.opening;
                give_up = clock.ns() + nanoseconds(HANDSHAKE_TIMEOUT);
            }
            if clock.ns() > give_up {
                break;
            }
            self.turn(LONGEST_WAIT_NS, clock, &Phases::unmeasured(give_up))?;
        }
        Ok(())
    }

    /// Begins to connect these, which are away and speak HTTP, so that nobody has to let them in.
    pub fn open_requesters(&mut self, numbers: Range<u32>, clock: Clock) -> Result<()> {
        for number in numbers {
            self.begin_opening(number, clock.ns())?;
        }
        Ok(())
    }

    /// Begins to connect one that is away.
    pub(super) fn begin_opening(&mut self, number: u32, now: u64) -> Result<()> {
        let line = &mut self.lines[number as usize];
        if line.client.is_some() {
            return Ok(());
        }
        let client = Client::open(self.address, number, line.transport, &line.token)?;
        self.poller.add(&client.socket, number)?;
        line.client = Some(client);
        line.arrival.began = now;
        line.arrival.stage = match line.transport {
            Transport::WebSocket => Stage::Opening,
            Transport::Http => Stage::Ready,
        };
        self.opening += usize::from(line.arrival.is_under_way());
        self.mark_dirty(number);
        Ok(())
    }

    /// Closes all connections without a word.
    pub fn leave_all(&mut self) {
        for number in 0..self.lines.len() as u32 {
            self.leave(number);
        }
    }

    /// Closes the connection of one without a word.
    pub(super) fn leave(&mut self, number: u32) {
        let line = &mut self.lines[number as usize];
        self.opening -= usize::from(line.arrival.is_under_way());
        line.arrival.stage = Stage::Away;
        // Closing removes the socket from the epoll as well.
        line.client = None;
    }
}
