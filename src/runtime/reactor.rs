//! Drives the [`Service`] of one shard: what happened goes in, and once per turn what is to be done comes out.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use monoio::io::{OwnedWriteHalf, Splitable};
use monoio::net::TcpStream;

use super::clock::Clock;
use super::links::Links;
use super::local_event::LocalEvent;
use super::mailbox::{Inbox, Mail};
use super::metrics::{Metrics, ShardCounters};
use super::socket::{self, Reader};
use super::sockets::Sockets;
use crate::api::port::{Accepted, Input, Now, Output, Service};
use crate::base::connection::ConnectionId;
use crate::domain::command::Submission;

/// How often deadlines are looked at.
const TICK: Duration = Duration::from_millis(100);

/// Ticks between two searches for stalled sockets.
const TICKS_PER_SWEEP: u32 = 10;

/// Bytes taken from a connection at once.
const READ_BYTES: usize = 16 * 1024;

/// Mails handled before the sockets get their turn again.
const MAILS_PER_TURN: usize = 64;

/// One shard's service and everything it drives. Lives on the shard's thread; no borrow is held across an await.
pub struct Reactor<S> {
    /// The shard's number.
    pub number: u16,
    /// What all connections read into; nothing stays in it.
    pub read_buffer: RefCell<Box<[u8]>>,
    /// The open sockets.
    pub sockets: RefCell<Sockets>,
    /// Raised when the shard may end.
    pub stopped: LocalEvent,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    service: RefCell<S>,
    clock: Clock,
    turn_time: Cell<Option<Now>>,
    turn_end: LocalEvent,
    draining: Cell<bool>,
    links: Links,
}

impl<S: Service + 'static> Reactor<S> {
    /// A reactor without connections.
    pub fn new(number: u16, service: S, clock: Clock, links: Links, metrics: Arc<Metrics>) -> Self {
        Self {
            number,
            read_buffer: RefCell::new(vec![0; READ_BYTES].into()),
            sockets: RefCell::default(),
            stopped: LocalEvent::default(),
            metrics,
            service: RefCell::new(service),
            clock,
            turn_time: Cell::new(None),
            turn_end: LocalEvent::default(),
            draining: Cell::new(false),
            links,
        }
    }

    /// Takes a new connection, or closes it if the service does not want it.
    pub fn accepted(self: &Rc<Self>, stream: TcpStream, peer: SocketAddr) {
        if self.draining.get() {
            return;
        }
        let now = self.now();
        let Some(id) = self.service.borrow_mut().accept(now, Accepted { address: peer.ip() }) else {
            return;
        };
        let fd = stream.as_raw_fd();
        let (reader, writer) = stream.into_split();
        self.sockets.borrow_mut().insert(id, fd, writer);
        self.counters().connections_accepted.add(1);
        self.counters().connections_open.add(1);
        drop(monoio::spawn(Reader::new(self.clone(), id, reader).run()));
    }

    /// Handles what one read brought.
    pub fn received(&self, connection: ConnectionId, bytes: &mut [u8]) {
        self.counters().reads.add(1);
        self.counters().bytes_received.add(bytes.len() as u64);
        if self.sockets.borrow_mut().is_wanted(connection) {
            self.handle(Input::Received { connection, bytes });
        }
    }

    /// Ends a write.
    pub fn written(&self, id: ConnectionId, writer: OwnedWriteHalf<TcpStream>, succeeded: bool, then_close: bool) {
        let mut sockets = self.sockets.borrow_mut();
        if !sockets.end_write(id, writer) {
            return;
        }
        if !succeeded {
            return sockets.cut(id);
        }
        if then_close {
            sockets.finish(id, self.now().monotonic_ms);
        }
        drop(sockets);
        self.handle(Input::Flushed(id));
    }

    /// Forgets a connection whose reader has ended.
    pub fn closed(&self, id: ConnectionId) {
        self.sockets.borrow_mut().remove(id);
        self.counters().connections_open.sub(1);
        self.handle(Input::Closed(id));
        self.stop_if_drained();
    }

    /// Performs what the service wants, at the end of every turn that had input.
    pub async fn run_turn_ends(self: Rc<Self>) {
        loop {
            self.turn_end.wait().await;
            self.perform_outputs();
            let census = self.service.borrow().census();
            self.counters().sessions.set(census.sessions as u64);
            self.counters().deliveries.set(census.deliveries);
            self.turn_time.set(None);
        }
    }

    /// Wakes the service for its deadlines and cuts stalled sockets.
    pub async fn run_timer(self: Rc<Self>) {
        for tick in 1_u32.. {
            monoio::time::sleep(TICK).await;
            let now_ms = self.now().monotonic_ms;
            let deadline = self.service.borrow().next_deadline();
            if deadline.is_some_and(|deadline| deadline <= now_ms) {
                self.handle(Input::Tick);
            }
            if tick.is_multiple_of(TICKS_PER_SWEEP) {
                self.sockets.borrow_mut().cut_overdue(now_ms);
            }
        }
    }

    /// Handles mail from other threads. `on_drain` stops the listener.
    pub async fn run_inbox(self: Rc<Self>, inbox: Inbox, on_drain: impl Fn()) {
        loop {
            inbox.arrived().await;
            for mail in std::iter::from_fn(|| inbox.take()).take(MAILS_PER_TURN) {
                if matches!(mail, Mail::Drain) {
                    self.draining.set(true);
                    on_drain();
                }
                self.handle(Self::input(mail));
                self.stop_if_drained();
            }
            if !inbox.is_empty() {
                // A task that woke itself would be run again before all others.
                monoio::time::sleep(Duration::ZERO).await;
            }
        }
    }

    fn input<'a>(mail: Mail) -> Input<'a> {
        match mail {
            Mail::Committed(batch) => Input::Committed(batch),
            Mail::Answered(ticket, answer) => Input::Answered(ticket, answer),
            Mail::PasswordDone(ticket, result) => Input::PasswordDone(ticket, result),
            Mail::OperationDone(ticket, result) => Input::OperationDone(ticket, result),
            Mail::Peer(message) => Input::Peer(message),
            Mail::Drain => Input::Drain,
        }
    }

    fn handle(&self, input: Input<'_>) {
        let now = self.now();
        self.service.borrow_mut().handle(now, input);
    }

    /// The time of this turn, which ends as soon as all tasks that are ready now have run.
    fn now(&self) -> Now {
        self.turn_time.get().unwrap_or_else(|| {
            let now = self.clock.now();
            self.turn_time.set(Some(now));
            self.turn_end.raise();
            now
        })
    }

    fn perform_outputs(self: &Rc<Self>) {
        let mut submissions = Vec::new();
        loop {
            while let Some(output) = self.next_output() {
                self.perform(output, &mut submissions);
            }
            if submissions.is_empty() {
                return;
            }
            self.counters().submissions.add(submissions.len() as u64);
            if let Some(refused) = self.links.submit(std::mem::take(&mut submissions)) {
                self.handle(Self::input(refused));
            }
        }
    }

    fn next_output(&self) -> Option<Output> {
        self.service.borrow_mut().poll_output()
    }

    fn perform(self: &Rc<Self>, output: Output, submissions: &mut Vec<Submission>) {
        let refused = match output {
            Output::Flush {
                connection,
                bytes,
                then_close,
            } => {
                self.flush(connection, bytes, then_close);
                None
            }
            Output::Submit(submission) => {
                submissions.push(submission);
                None
            }
            Output::Close(id) => {
                self.sockets.borrow_mut().cut(id);
                None
            }
            Output::Pause(id) => {
                self.sockets.borrow_mut().pause(id);
                None
            }
            Output::Resume(id) => {
                self.sockets.borrow_mut().resume(id);
                None
            }
            Output::Query(ticket, query) => self.links.query(self.number, ticket, query),
            Output::Password(ticket, job) => self.links.password(self.number, ticket, job),
            Output::Operation(ticket, operation) => self.links.operation(self.number, ticket, operation),
            Output::Peer(to, message) => {
                self.links.tell(self.number, to, &message);
                None
            }
            Output::Presence(user, online) => {
                self.links.webhooks.presence(user, online);
                None
            }
        };
        if let Some(mail) = refused {
            self.handle(Self::input(mail));
        }
    }

    fn flush(self: &Rc<Self>, id: ConnectionId, bytes: Vec<u8>, then_close: bool) {
        let now_ms = self.now().monotonic_ms;
        let Some(writer) = self.sockets.borrow_mut().begin_write(id, now_ms) else {
            return;
        };
        self.counters().writes.add(1);
        self.counters().bytes_sent.add(bytes.len() as u64);
        drop(monoio::spawn(socket::write(
            self.clone(),
            id,
            writer,
            bytes,
            then_close,
        )));
    }

    fn counters(&self) -> &ShardCounters {
        &self.metrics.shards[usize::from(self.number)]
    }

    fn stop_if_drained(&self) {
        if self.draining.get() && self.sockets.borrow().open() == 0 {
            self.stopped.raise();
        }
    }
}
