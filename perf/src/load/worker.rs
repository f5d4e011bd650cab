//! One generator thread: its clients, its epoll, its book.

use std::net::SocketAddr;
use std::sync::Arc;

use hdrhistogram::Histogram;

use super::activity::{Activity, Mix, Peer};
use super::arrival::{Arrival, Stage};
use super::book::Book;
use super::client::{Client, Flushed, Transport};
use super::clock::{Clock, Phases};
use super::pacer::Pacer;
use super::pages::Pages;
use super::poller::{Poller, Ready};
use super::repeats::Repeats;
use super::tally::Tally;
use super::wire::Incoming;
use crate::error::Result;
use crate::histogram::{new_histogram, record};
use crate::options::LoadOptions;

/// Bytes one read takes at the most.
const READ_BYTES: usize = 64 * 1024;

/// The longest sleep, so that the end of a phase is seen.
pub(super) const LONGEST_WAIT_NS: u64 = 50_000_000;

/// When senders send.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// Closed loop: each sender keeps so many messages under way.
    Window(u32),
    /// Open loop: so many messages a second, of all senders together, at random times.
    Rate(f64),
    /// Nobody sends.
    Silent,
}

impl Pace {
    /// What the command line asks for: a rate of all workers together, or a window, `window` if none is named.
    pub fn asked(load: &LoadOptions, window: u32) -> Self {
        match load.rate {
            Some(rate) => Self::Rate(rate),
            None => Self::Window(load.window.unwrap_or(window)),
        }
    }

    /// The part of one of so many workers.
    pub fn shared_by(self, workers: usize) -> Self {
        match self {
            Self::Rate(rate) => Self::Rate(rate / workers as f64),
            Self::Window(_) | Self::Silent => self,
        }
    }
}

/// A client and its connection.
pub(super) struct Line {
    pub(super) token: Box<str>,
    pub(super) transport: Transport,
    /// Absent while the client is away.
    pub(super) client: Option<Client>,
    pub(super) arrival: Arrival,
    is_dirty: bool,
}

/// What a client does after what it has received.
#[derive(Default)]
struct Next {
    /// It asks for what it missed, or for more of it.
    sync: bool,
    /// It asks again after so many milliseconds, for the server was busy.
    sync_after_ms: Option<u64>,
    /// It is ready now.
    arrives: bool,
}

/// The clients of one thread.
pub struct Worker {
    pub(super) address: SocketAddr,
    pub(super) poller: Poller,
    pub(super) lines: Vec<Line>,
    /// Connections that are not ready yet.
    pub(super) opening: usize,
    /// Whether clients ask for what they missed before they are ready.
    syncs: bool,
    /// Syncs that the server was too busy for.
    pub repeats: Repeats,
    /// Microseconds from the beginning of a connection until its client is in sync.
    pub sync_latency: Histogram<u64>,
    /// How often a client came to be ready, from the beginning on.
    arrivals: u64,
    dirty: Vec<u32>,
    pub book: Book,
    pub pages: Pages,
    /// What clients do; the senders of the book write if nothing else is said.
    pub mix: Mix,
    /// Whom the first clients talk to, for activities that need it.
    pub peers: Vec<Peer>,
    tally: Arc<Tally>,
    pub(super) random: fastrand::Rng,
    frame: Vec<u8>,
    buffer: Vec<u8>,
    ready: Vec<Ready>,
}

impl Worker {
    /// Clients that are away; their numbers follow the order of the tokens.
    pub fn new(
        address: SocketAddr,
        tokens: &[String],
        transport: impl Fn(usize) -> Transport,
        book: Book,
    ) -> Result<Self> {
        let lines = tokens.iter().enumerate().map(|(number, token)| Line {
            token: token.as_str().into(),
            transport: transport(number),
            client: None,
            arrival: Arrival::new(),
            is_dirty: false,
        });
        let everybody = Activity::Write(0..book.senders.len() as u32);
        Ok(Self {
            address,
            poller: Poller::new()?,
            lines: lines.collect(),
            opening: 0,
            syncs: false,
            repeats: Repeats::default(),
            sync_latency: new_histogram(),
            arrivals: 0,
            dirty: Vec::new(),
            book,
            pages: Pages::default(),
            mix: Mix::new(vec![(1.0, everybody)]),
            peers: Vec::new(),
            tally: Arc::default(),
            random: fastrand::Rng::new(),
            frame: Vec::new(),
            buffer: vec![0; READ_BYTES],
            ready: Vec::new(),
        })
    }

    /// The same, of clients that ask for what they missed whenever they connect.
    pub fn syncing(self) -> Self {
        Self { syncs: true, ..self }
    }

    /// Where the worker's running totals can be read while it runs.
    pub fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// Sends and receives until all is back after the measurement, or the time is up.
    pub fn run(&mut self, clock: Clock, phases: Phases, pace: Pace) -> Result<()> {
        let mut pacer = match pace {
            Pace::Rate(rate) => Some(Pacer::new(rate, clock.ns())),
            Pace::Window(_) | Pace::Silent => None,
        };
        if let Pace::Window(window) = pace {
            self.fill_windows(window, clock.ns(), &phases);
        }
        loop {
            let now = clock.ns();
            if now >= phases.give_up || now >= phases.measure_to && self.is_all_back() {
                return Ok(());
            }
            if let Some(pacer) = &mut pacer {
                self.act_when_due(pacer, now, &phases)?;
            }
            self.turn(timeout(pacer.as_ref(), now, &phases), clock, &phases)?;
            self.refill(pace, clock.ns(), &phases);
        }
    }

    /// Writes what was composed, waits at most so long and takes what has come.
    pub(super) fn turn(&mut self, wait_ns: u64, clock: Clock, phases: &Phases) -> Result<()> {
        self.repeat_due(clock.ns());
        self.flush_dirty()?;
        let mut ready = std::mem::take(&mut self.ready);
        self.poller.wait(wait_ns, &mut ready)?;
        for &ready in &ready {
            self.receive(ready, clock, phases)?;
        }
        self.ready = ready;
        let total = self.book.total;
        let pages = self.pages.counts.total;
        self.tally.publish([total.acked, total.delivered, pages, self.arrivals]);
        Ok(())
    }

    /// Lets every sender write once, and waits until all are answered or the time is up.
    pub fn write_once(&mut self, clock: Clock, give_up: u64) -> Result<()> {
        let phases = Phases::unmeasured(give_up);
        for sender in 0..self.book.senders.len() as u32 {
            self.send(sender, clock.ns(), &phases);
        }
        while self.book.unanswered > 0 && clock.ns() < give_up {
            self.turn(LONGEST_WAIT_NS, clock, &phases)?;
        }
        self.book.completed.clear();
        Ok(())
    }

    /// Begins what the mix says that is done in a closed loop: messages and pages.
    fn fill_windows(&mut self, window: u32, now: u64, phases: &Phases) {
        for activity in self.mix.activities().cloned().collect::<Vec<_>>() {
            for _ in 0..window {
                match &activity {
                    Activity::Write(senders) => senders.clone().for_each(|sender| self.send(sender, now, phases)),
                    Activity::Page => {
                        (0..self.pages.readers.len() as u32).for_each(|reader| self.ask_page(reader, now, phases))
                    }
                    Activity::Typing | Activity::Read | Activity::Reconnect => {}
                }
            }
        }
    }

    /// Goes on for every message and page that left its window.
    fn refill(&mut self, pace: Pace, now: u64, phases: &Phases) {
        let mut senders = std::mem::take(&mut self.book.completed);
        let mut readers = std::mem::take(&mut self.pages.completed);
        if matches!(pace, Pace::Window(_)) && now < phases.measure_to {
            senders.iter().for_each(|&sender| self.send(sender, now, phases));
            readers.iter().for_each(|&reader| self.ask_page(reader, now, phases));
        }
        senders.clear();
        readers.clear();
        self.book.completed = senders;
        self.pages.completed = readers;
    }

    fn is_all_back(&self) -> bool {
        self.book.in_flight == 0 && self.pages.in_flight == 0
    }

    fn act_when_due(&mut self, pacer: &mut Pacer, now: u64, phases: &Phases) -> Result<()> {
        while pacer.due() <= now.min(phases.measure_to) {
            self.act(pacer.due(), phases)?;
            pacer.advance(&mut self.random);
        }
        Ok(())
    }

    pub(super) fn send(&mut self, sender: u32, intended: u64, phases: &Phases) {
        let number = self.book.senders[sender as usize].client;
        self.book
            .compose(sender, intended, phases.is_measured(intended), &mut self.frame);
        if let Some(client) = &mut self.lines[number as usize].client {
            client.send(&self.frame, self.random.u32(..));
            self.mark_dirty(number);
        }
    }

    /// Asks again where the server was too busy and the time to wait is over.
    fn repeat_due(&mut self, now: u64) {
        while let Some(number) = self.repeats.due(now) {
            let line = &mut self.lines[number as usize];
            if let (Some(client), Stage::Syncing) = (&mut line.client, line.arrival.stage) {
                client.send(&line.arrival.request(), self.random.u32(..));
                self.mark_dirty(number);
            }
        }
    }

    pub(super) fn mark_dirty(&mut self, number: u32) {
        if !std::mem::replace(&mut self.lines[number as usize].is_dirty, true) {
            self.dirty.push(number);
        }
    }

    /// Writes everything that was composed since the last wait, in one write for each client.
    fn flush_dirty(&mut self) -> Result<()> {
        let mut dirty = std::mem::take(&mut self.dirty);
        for number in dirty.drain(..) {
            self.lines[number as usize].is_dirty = false;
            self.flush(number, false)?;
        }
        self.dirty = dirty;
        Ok(())
    }

    fn flush(&mut self, number: u32, was_waiting: bool) -> Result<()> {
        let Some(client) = &mut self.lines[number as usize].client else {
            return Ok(());
        };
        match client.flush() {
            Ok(Flushed::Part) if !was_waiting => self.poller.watch_writable(&client.socket, number, true)?,
            Ok(Flushed::Everything) if was_waiting => self.poller.watch_writable(&client.socket, number, false)?,
            Ok(_) => {}
            Err(error) => self.disconnected(number, &error.into()),
        }
        Ok(())
    }

    fn receive(&mut self, ready: Ready, clock: Clock, phases: &Phases) -> Result<()> {
        if ready.writable {
            self.flush(ready.key, true)?;
        }
        let Line { client, arrival, .. } = &mut self.lines[ready.key as usize];
        let Some(client) = client else {
            return Ok(());
        };
        let (book, pages, syncs) = (&mut self.book, &mut self.pages, self.syncs);
        let now = clock.ns();
        let measuring = phases.is_measured(now);
        let was_under_way = arrival.is_under_way();
        let mut next = Next::default();
        let result = client.receive(&mut self.buffer, |frame| match Incoming::read(frame) {
            Incoming::Ack { id, seq } => book.acked(ready.key, id, seq, now, measuring),
            Incoming::Message { id, seq } => book.delivered(ready.key, id, seq, now, measuring),
            Incoming::Page(page) => next.sync = arrival.take(&page, ready.key, book),
            Incoming::Error {
                id: None,
                retry_after_ms: Some(delay),
            } if arrival.stage == Stage::Syncing => next.sync_after_ms = Some(delay),
            Incoming::History(page) => pages.received(ready.key, &page, book, now),
            Incoming::Error { id, .. } => {
                tell_first(book.faults.refused, || {
                    format!("refused: {}", String::from_utf8_lossy(frame))
                });
                pages.refused(ready.key);
                book.refused(id);
            }
            Incoming::Hello => {
                next.sync = syncs;
                arrival.stage = if syncs { Stage::Syncing } else { Stage::Ready };
            }
            Incoming::Other => {}
        });
        next.arrives = was_under_way && !arrival.is_under_way();
        self.go_on(ready.key, &next, now);
        if let Err(error) = result {
            self.disconnected(ready.key, &error);
        }
        Ok(())
    }

    /// Does what follows from what a client has received.
    fn go_on(&mut self, number: u32, next: &Next, now: u64) {
        let Line { client, arrival, .. } = &mut self.lines[number as usize];
        let Some(client) = client else {
            return;
        };
        if next.sync {
            client.send(&arrival.request(), self.random.u32(..));
        }
        if let Some(delay) = next.sync_after_ms {
            self.repeats.add(number, now, delay, &mut self.random);
        }
        if next.arrives {
            self.opening -= 1;
            self.arrivals += 1;
            record(&mut self.sync_latency, arrival.began, now);
        }
        if client.has_output() {
            self.mark_dirty(number);
        }
    }

    fn disconnected(&mut self, number: u32, error: &crate::error::Error) {
        tell_first(self.book.faults.disconnected, || {
            format!("client {number} was disconnected: {error}")
        });
        self.book.faults.disconnected += 1;
        self.leave(number);
    }
}

/// Tells of a fault if there was none of its kind before.
fn tell_first(before: u64, fault: impl FnOnce() -> String) {
    if before == 0 {
        eprintln!("ringim-perf: {}", fault());
    }
}

/// Nanoseconds to sleep if no socket gets ready.
fn timeout(pacer: Option<&Pacer>, now: u64, phases: &Phases) -> u64 {
    let due = match pacer {
        Some(pacer) if now < phases.measure_to => pacer.due().saturating_sub(now),
        _ => LONGEST_WAIT_NS,
    };
    due.min(LONGEST_WAIT_NS)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    use tungstenite::{Message, WebSocket};

    use super::*;
    use crate::load::message_id::MessageIds;
    use crate::load::sender::{Room, Sender};
    use crate::load::wire::Template;
    use crate::report::Faults;

    /// What the server of the test does with the third message.
    #[derive(Clone, Copy, PartialEq)]
    enum Plan {
        Honest,
        Lose,
        Double,
    }

    /// A server for two clients on an independent WebSocket implementation; ends when both have gone.
    fn serve(listener: &TcpListener, plan: Plan) {
        let mut sockets: Vec<WebSocket<TcpStream>> = (0..2)
            .map(|_| {
                let mut socket = tungstenite::accept(listener.accept().unwrap().0).unwrap();
                socket.send(Message::text(r#"{"type":"hello","data":{}}"#)).unwrap();
                socket
                    .get_ref()
                    .set_read_timeout(Some(Duration::from_millis(1)))
                    .unwrap();
                socket
            })
            .collect();
        let mut seq = 0;
        let mut gone = [false; 2];
        while gone != [true; 2] {
            for from in 0..2 {
                let text = match sockets[from].read() {
                    Ok(Message::Text(text)) => text,
                    Ok(_) => continue,
                    Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                    Err(_) => {
                        gone[from] = true;
                        continue;
                    }
                };
                seq += 1;
                let request: serde_json::Value = serde_json::from_str(&text).unwrap();
                let data = format!(r#"{{"id":{},"seq":{seq}}}"#, request["data"]["id"]);
                let copies = match plan {
                    Plan::Lose if seq == 3 => 0,
                    Plan::Double if seq == 3 => 2,
                    _ => 1,
                };
                for _ in 0..copies {
                    let push = Message::text(format!(r#"{{"type":"message","data":{data}}}"#));
                    let _ = sockets[1 - from].send(push);
                }
                let _ = sockets[from].send(Message::text(format!(r#"{{"type":"ack","code":200,"data":{data}}}"#)));
            }
        }
    }

    fn run_against(plan: Plan, pace: Pace) -> Book {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || serve(&listener, plan));
        let room = Room {
            first_client: 0,
            members: 2,
        };
        let senders =
            (0..2).map(|client| Sender::new(client, room, Template::new(Transport::WebSocket, "u", "single", "hi")));
        let book = Book::new(MessageIds::random(), 0, senders.collect(), 2);
        let tokens = ["a".to_owned(), "b".to_owned()];
        let mut worker = Worker::new(address, &tokens, |_| Transport::WebSocket, book).unwrap();
        let clock = Clock::start();
        worker.open_all(clock).unwrap();
        let times = [0, 200, 300].map(Duration::from_millis);
        worker
            .run(clock, Phases::after(clock.ns(), times[0], times[1], times[2]), pace)
            .unwrap();
        let total = worker.book.total;
        let told = worker.tally().read();
        assert_eq!(told[..2], [("acked", total.acked), ("delivered", total.delivered)]);
        let mut book = worker.book;
        drop(worker.lines);
        server.join().unwrap();
        book.close();
        book
    }

    #[test]
    fn an_honest_server_is_found_sound_at_either_pace() {
        for pace in [Pace::Window(4), Pace::Rate(500.0)] {
            let book = run_against(Plan::Honest, pace);
            assert_eq!(book.faults, Faults::default());
            assert!(book.total.acked > 10 && book.total.acked == book.sent);
            assert!(book.delivery_latency.len() > 10);
        }
    }

    #[test]
    fn a_lost_and_a_doubled_message_are_seen() {
        assert_eq!(
            run_against(Plan::Lose, Pace::Window(1)).faults,
            Faults {
                lost: 1,
                ..Faults::default()
            }
        );
        assert_eq!(
            run_against(Plan::Double, Pace::Window(1)).faults,
            Faults {
                duplicated: 1,
                ..Faults::default()
            }
        );
    }
}
