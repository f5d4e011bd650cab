//! The driver of a shard on real sockets, with an echo service in place of the server: every answer, pause and
//! end is seen from the peer's side. On io_uring and on epoll.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use ringim::api::port::{Accepted, Input, Now, Output, Service};
use ringim::base::connection::ConnectionId;
use ringim::domain::command::{Actor, Command, Submission, Ticket};
use ringim::runtime::clock::Clock;
use ringim::runtime::cores::{self, ShardPlan};
use ringim::runtime::links::Links;
use ringim::runtime::mailbox::{Mail, Mailbox, mailbox};
use ringim::runtime::metrics::Metrics;
use ringim::runtime::server::{self, Parts};
use ringim::runtime::start::driver::{Driver, probe};
use ringim::runtime::writer::Order;
use ringim::runtime::{operations, passwords, readers};
use ringim::store::committer::Committer;
use ringim::store::memory::MemoryStore;

const PATIENCE: Duration = Duration::from_secs(10);

/// Sends back what arrives. Some first bytes are commands: `q` closes after the answer, `x` closes at once,
/// `s` submits a command, `p` pauses reading for 300 ms.
#[derive(Default)]
struct Echo {
    shard: u16,
    connections: Vec<Option<Peer>>,
    generation: u32,
    outputs: VecDeque<Output>,
    resume_at: Option<(u64, ConnectionId)>,
}

struct Peer {
    id: ConnectionId,
    waiting: Vec<u8>,
    flushing: bool,
}

impl Echo {
    fn of_shard(shard: u16) -> Self {
        Self {
            shard,
            ..Self::default()
        }
    }

    fn say(&mut self, id: ConnectionId, bytes: &[u8], then_close: bool) {
        let Some(Some(peer)) = self.connections.get_mut(id.slot as usize) else {
            return;
        };
        peer.waiting.extend_from_slice(bytes);
        if !peer.flushing && !peer.waiting.is_empty() {
            peer.flushing = true;
            let bytes = std::mem::take(&mut peer.waiting);
            self.outputs.push_back(Output::Flush {
                connection: id,
                bytes,
                then_close,
            });
        }
    }

    fn received(&mut self, now: Now, id: ConnectionId, bytes: &[u8]) {
        match bytes.first() {
            Some(b'x') => self.outputs.push_back(Output::Close(id)),
            Some(b's') => {
                let ticket = Ticket {
                    asker: self.shard,
                    number: u64::from(id.slot),
                };
                let submission = Submission {
                    actor: Actor::Admin,
                    command: Command::Probe,
                    connection: Some(id),
                    ticket,
                };
                self.outputs.push_back(Output::Submit(submission));
            }
            Some(b'p') => {
                self.outputs.push_back(Output::Pause(id));
                self.resume_at = Some((now.monotonic_ms + 300, id));
                self.say(id, bytes, false);
            }
            first => self.say(id, bytes, first == Some(&b'q')),
        }
    }
}

impl Service for Echo {
    fn accept(&mut self, _: Now, _: Accepted) -> Option<ConnectionId> {
        self.generation += 1;
        let free = self.connections.iter().position(Option::is_none);
        let slot = free.unwrap_or_else(|| {
            self.connections.push(None);
            self.connections.len() - 1
        });
        let id = ConnectionId {
            shard: self.shard,
            generation: self.generation,
            slot: slot as u32,
        };
        self.connections[slot] = Some(Peer {
            id,
            waiting: Vec::new(),
            flushing: false,
        });
        Some(id)
    }

    fn handle(&mut self, now: Now, input: Input<'_>) {
        match input {
            Input::Received { connection, bytes } => self.received(now, connection, bytes),
            Input::Flushed(id) => {
                if let Some(Some(peer)) = self.connections.get_mut(id.slot as usize) {
                    peer.flushing = false;
                }
                self.say(id, b"", false);
            }
            Input::Closed(id) => self.connections[id.slot as usize] = None,
            Input::Committed(batch) => {
                let shard = self.shard;
                let mine = batch
                    .settlements
                    .iter()
                    .filter(|settlement| settlement.ticket.asker == shard);
                for settlement in mine {
                    let slot = settlement.ticket.number as usize;
                    let id = self.connections[slot].as_ref().expect("the asker waits").id;
                    self.say(id, if settlement.result.is_ok() { b"done" } else { b"busy" }, false);
                }
            }
            Input::Tick => {
                if let Some((_, id)) = self.resume_at.take_if(|(at, _)| *at <= now.monotonic_ms) {
                    self.outputs.push_back(Output::Resume(id));
                }
            }
            Input::Drain => {
                let open: Vec<ConnectionId> = self.connections.iter().flatten().map(|peer| peer.id).collect();
                for id in open {
                    self.say(id, b"bye", true);
                }
            }
            Input::Answered(..) | Input::PasswordDone(..) | Input::OperationDone(..) | Input::Peer(_) => {}
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn next_deadline(&self) -> Option<u64> {
        self.resume_at.map(|(at, _)| at)
    }
}

struct World {
    address: SocketAddr,
    running: Receiver<()>,
    mailbox: Mailbox,
    orders: Receiver<Order>,
    metrics: Arc<Metrics>,
}

fn world(driver: Driver) -> World {
    let (mailbox, inbox) = mailbox();
    let (writer, orders) = crossbeam_channel::bounded(1);
    let links = Links {
        writer,
        readers: readers::queue().0,
        passwords: passwords::queue().0,
        operations: operations::queue().0,
        webhooks: ringim::runtime::outbound::link().0,
        mailboxes: Arc::new([mailbox.clone()]),
    };
    let metrics = Arc::new(Metrics::new(1));
    let (alive, running) = crossbeam_channel::bounded(0);
    let plan = ShardPlan {
        number: 0,
        processor: None,
        driver,
        listen: "127.0.0.1:0".parse().expect("an address"),
        connection_limit: 1000,
        clock: Clock::start(),
        links,
        inbox,
        metrics: metrics.clone(),
        running: alive,
    };
    let address = cores::start(plan, Echo::default).expect("the shard listens");
    World {
        address,
        running,
        mailbox,
        orders,
        metrics,
    }
}

/// The story on the best driver of this machine and on the other one.
fn on_every_driver(story: impl Fn(World)) {
    story(world(probe()));
    story(world(Driver::Epoll {
        reason: "a test".to_owned(),
    }));
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("the shard accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    stream.set_nodelay(true).expect("no delay can be set");
    stream
}

fn exchange(stream: &mut TcpStream, text: &[u8]) -> Vec<u8> {
    stream.write_all(text).expect("the peer reads");
    answer(stream, text.len())
}

fn answer(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).expect("the peer answers");
    answer
}

fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("an orderly end");
    rest
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn echoes_small_and_large_on_many_connections() {
    on_every_driver(|world| {
        let mut peers: Vec<TcpStream> = (0..50).map(|_| connect(world.address)).collect();
        for round in 0..20 {
            for (number, peer) in peers.iter_mut().enumerate() {
                let text = format!("round {round} of peer {number}");
                assert_eq!(exchange(peer, text.as_bytes()), text.as_bytes());
            }
        }
        let large = vec![b'A'; 3_000_000];
        let mut sender = peers[0].try_clone().expect("a stream can be cloned");
        let sent = large.clone();
        let writing = std::thread::spawn(move || sender.write_all(&sent).expect("the peer reads"));
        assert!(answer(&mut peers[0], large.len()) == large);
        writing.join().expect("the sender has no reason to panic");

        drop(peers);
        wait_until("connections are forgotten", || world.metrics.connections_open() == 0);
    });
}

#[test]
fn an_answer_before_a_close_arrives_although_the_peer_still_sends() {
    on_every_driver(|world| {
        let mut peer = connect(world.address);
        peer.write_all(b"quit now").expect("the peer reads");
        std::thread::sleep(Duration::from_millis(50));
        peer.write_all(&[b'z'; 4096]).expect("thrown away");
        assert_eq!(rest(&mut peer), b"quit now");
        drop(peer);
        wait_until("the connection is forgotten", || world.metrics.connections_open() == 0);
    });
}

#[test]
fn a_peer_that_does_not_close_is_cut_after_a_while() {
    on_every_driver(|world| {
        let mut peer = connect(world.address);
        peer.write_all(b"q").expect("the peer reads");
        assert_eq!(rest(&mut peer), b"q");
        wait_until("the connection is cut", || world.metrics.connections_open() == 0);
    });
}

#[test]
fn closes_at_once_when_told() {
    on_every_driver(|world| {
        let mut peer = connect(world.address);
        peer.write_all(b"x").expect("the peer reads");
        assert_eq!(rest(&mut peer), b"");
        wait_until("the connection is forgotten", || world.metrics.connections_open() == 0);
    });
}

#[test]
fn a_paused_connection_is_read_again_when_resumed() {
    on_every_driver(|world| {
        let mut peer = connect(world.address);
        assert_eq!(exchange(&mut peer, b"p"), b"p");
        let started = Instant::now();
        // One read may have been under way; what comes after it waits.
        peer.write_all(b"first").expect("the peer reads");
        std::thread::sleep(Duration::from_millis(30));
        peer.write_all(b"more").expect("the peer reads");
        assert_eq!(answer(&mut peer, 9), b"firstmore");
        assert!(
            started.elapsed() >= Duration::from_millis(150),
            "{:?}",
            started.elapsed()
        );
    });
}

#[test]
fn a_full_writer_queue_answers_busy() {
    on_every_driver(|world| {
        let mut first = connect(world.address);
        let mut second = connect(world.address);
        first.write_all(b"s").expect("the peer reads");
        wait_until("the batch is queued", || world.orders.len() == 1);
        second.write_all(b"s").expect("the peer reads");
        assert_eq!(answer(&mut second, 4), b"busy");
    });
}

#[test]
fn drains_and_ends() {
    on_every_driver(|world| {
        let mut peers: Vec<TcpStream> = (0..5).map(|_| connect(world.address)).collect();
        wait_until("all are accepted", || world.metrics.connections_open() == 5);
        world.mailbox.send(Mail::Drain);
        for peer in &mut peers {
            assert_eq!(rest(peer), b"bye");
            let _ = peer.shutdown(Shutdown::Both);
        }
        let end = world.running.recv_timeout(PATIENCE).expect_err("nothing is ever sent");
        assert!(end.is_disconnected(), "the shard ends");
        let refused = TcpStream::connect_timeout(&world.address, PATIENCE).expect_err("nobody listens");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_server_commits_what_was_accepted_and_stops_in_order() {
    let store = MemoryStore::new();
    let parts = Parts {
        listen: "127.0.0.1:0".parse().expect("an address"),
        shards: 2,
        driver: probe(),
        connection_limit: 100,
        readers: vec![store.reader()],
        webhook_reader: store.reader(),
        webhook_allow_private: false,
        committer: Committer::new(store.backend(), 10).expect("an empty store has facts"),
        data: "none".into(),
    };
    let server = server::start(parts, Echo::of_shard).expect("the server listens");
    let mut peers: Vec<TcpStream> = (0..20).map(|_| connect(server.address)).collect();
    for peer in &mut peers {
        peer.write_all(b"s").expect("the peer reads");
    }
    for peer in &mut peers {
        assert_eq!(answer(peer, 4), b"done");
    }
    let accepted: Vec<u64> = server
        .metrics
        .shards
        .iter()
        .map(|shard| shard.connections_accepted.get())
        .collect();
    assert_eq!(accepted.iter().sum::<u64>(), 20);
    assert!(
        accepted.iter().all(|&count| count > 0),
        "the kernel spreads connections: {accepted:?}"
    );

    let address = server.address;
    let stopping = std::thread::spawn(move || server.stop());
    for peer in &mut peers {
        assert_eq!(rest(peer), b"bye");
    }
    drop(peers);
    stopping.join().expect("the server ends in order");
    let refused = TcpStream::connect_timeout(&address, PATIENCE).expect_err("nobody listens");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}
