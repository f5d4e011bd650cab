//! How the clients of a worker come and go.

use std::time::Duration;

use super::client::{Client, Transport};
use super::clock::{Clock, Phases, nanoseconds};
use super::worker::{LONGEST_WAIT_NS, Stage, Worker};
use crate::error::Result;

/// Clients of a worker that shake hands at once.
const HANDSHAKES: usize = 64;

/// How long no handshake may succeed, on a machine that is busy with thousands of others.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

impl Worker {
    /// Connects all who are away, a few at a time, and waits for the greeting of each.
    ///
    /// # Errors
    /// One was refused or cut off, or the server is too slow.
    pub fn open_all(&mut self, clock: Clock) -> Result<()> {
        let cut_off = self.book.faults.disconnected;
        let mut waiting = (0..self.lines.len() as u32).peekable();
        let mut give_up = 0;
        let mut left = usize::MAX;
        while self.opening > 0 || waiting.peek().is_some() {
            while self.opening < HANDSHAKES
                && let Some(number) = waiting.next()
            {
                self.begin_opening(number)?;
            }
            if waiting.len() + self.opening < left {
                left = waiting.len() + self.opening;
                give_up = clock.ns() + nanoseconds(HANDSHAKE_TIMEOUT);
            }
            self.turn(LONGEST_WAIT_NS, clock, &Phases::unmeasured(give_up))?;
            if self.book.faults.disconnected > cut_off {
                return Err("a client was not let in".into());
            }
            if clock.ns() > give_up {
                return Err("the server did not greet in time".into());
            }
        }
        Ok(())
    }

    /// Begins to connect one that is away.
    pub(super) fn begin_opening(&mut self, number: u32) -> Result<()> {
        let line = &mut self.lines[number as usize];
        if line.client.is_some() {
            return Ok(());
        }
        let client = Client::open(self.address, number, line.transport, &line.token)?;
        self.poller.add(&client.socket, number)?;
        line.client = Some(client);
        line.stage = match line.transport {
            Transport::WebSocket => Stage::Opening,
            Transport::Http => Stage::Ready,
        };
        self.opening += usize::from(line.stage == Stage::Opening);
        self.mark_dirty(number);
        Ok(())
    }

    /// Closes the connection of one without a word.
    pub(super) fn leave(&mut self, number: u32) {
        let line = &mut self.lines[number as usize];
        self.opening -= usize::from(line.stage == Stage::Opening);
        line.stage = Stage::Away;
        // Closing removes the socket from the epoll as well.
        line.client = None;
    }
}
