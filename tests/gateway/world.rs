//! Gateways, a writer, a reader and a password pool, run by hand in virtual time.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use ringim::api::gateway::Gateway;
use ringim::api::port::{Accepted, Input, Now, Output, PasswordJob, PasswordResult, Service};
use ringim::api::setup::{Setup, Start};
use ringim::auth::key::KeyDigest;
use ringim::auth::token::TokenKey;
use ringim::base::connection::ConnectionId;
use ringim::config::Config;
use ringim::domain::command::Submission;
use ringim::domain::rejection::Rejection;
use ringim::domain::user::PasswordHash;
use ringim::store::committer::Committer;
use ringim::store::memory::{MemoryBackend, MemoryReader, MemoryStore};
use ringim::store::{QueryFault, Reader};
use serde_json::{Value, json};

/// The operator's key of every world.
pub const ADMIN_KEY: &str = "an-admin-key-that-is-long-enough-0123456789";

/// The whole server without sockets.
pub struct World {
    pub gateways: Vec<Gateway>,
    pub now: Now,
    committer: Committer<MemoryBackend>,
    reader: MemoryReader,
    submissions: Vec<Submission>,
    /// What each peer has received and not looked at.
    received: HashMap<ConnectionId, Vec<u8>>,
    /// Connections whose last byte was written, or that were cut.
    ended: HashSet<ConnectionId>,
    /// Connections the gateway does not want to read.
    pub paused: HashSet<ConnectionId>,
    /// Peers that read nothing: their writes do not end.
    pub stalled: HashSet<ConnectionId>,
    /// Whether commits wait until they are asked for.
    pub holds_commits: bool,
    /// Whether what shards say to each other is lost.
    pub loses_peer_messages: bool,
    /// Users who came or went, as webhooks are told.
    pub presence: Vec<(String, bool)>,
}

impl World {
    pub fn new(shards: u16) -> Self {
        Self::with(shards, &Config::default())
    }

    pub fn with(shards: u16, config: &Config) -> Self {
        let store = MemoryStore::new();
        let start = Start {
            shards,
            epoch: "epoch1".into(),
            token_key: TokenKey::new(&[7; 32]),
            unstored_keys: vec![KeyDigest::of(ADMIN_KEY)],
        };
        let setup = Arc::new(Setup::new(config, start));
        let gateway = |shard| Gateway::new(shard, setup.clone(), Box::new(counting(u64::from(shard) + 1)));
        Self {
            gateways: (0..shards).map(gateway).collect(),
            now: Now {
                wall_ms: 1_700_000_000_000,
                monotonic_ms: 1_000_000,
            },
            committer: Committer::new(store.backend(), 1000).unwrap(),
            reader: store.reader(),
            submissions: Vec::new(),
            received: HashMap::new(),
            ended: HashSet::new(),
            paused: HashSet::new(),
            stalled: HashSet::new(),
            holds_commits: false,
            loses_peer_messages: false,
            presence: Vec::new(),
        }
    }

    /// A new connection to a shard.
    pub fn connect(&mut self, shard: u16) -> ConnectionId {
        let address = IpAddr::from([192, 0, 2, 1]);
        let id = self.gateways[usize::from(shard)].accept(self.now, Accepted { address });
        id.expect("the gateway accepts")
    }

    /// The peer sends bytes.
    pub fn send(&mut self, id: ConnectionId, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        self.handle(
            id.shard,
            Input::Received {
                connection: id,
                bytes: &mut bytes,
            },
        );
        self.run();
    }

    /// What the peer has received since the last call.
    pub fn take(&mut self, id: ConnectionId) -> Vec<u8> {
        self.received.remove(&id).unwrap_or_default()
    }

    /// Whether the server has ended the connection.
    pub fn has_ended(&self, id: ConnectionId) -> bool {
        self.ended.contains(&id)
    }

    /// The peer closes.
    pub fn close(&mut self, id: ConnectionId) {
        self.handle(id.shard, Input::Closed(id));
        self.run();
    }

    /// The peer reads again.
    pub fn unstall(&mut self, id: ConnectionId) {
        self.stalled.remove(&id);
        self.handle(id.shard, Input::Flushed(id));
        self.run();
    }

    /// Time passes; every deadline on the way is met.
    pub fn pass(&mut self, milliseconds: u64) {
        let end = self.now.monotonic_ms + milliseconds;
        loop {
            let next = self.gateways.iter().filter_map(Gateway::next_deadline).min();
            let next = next.filter(|next| *next <= end);
            let at = next.unwrap_or(end).max(self.now.monotonic_ms);
            self.now.wall_ms += i64::try_from(at - self.now.monotonic_ms).unwrap();
            self.now.monotonic_ms = at;
            for shard in 0..self.gateways.len() {
                self.handle(shard as u16, Input::Tick);
            }
            self.run();
            if next.is_none() {
                return;
            }
        }
    }

    /// The server begins to stop.
    pub fn drain(&mut self) {
        for shard in 0..self.gateways.len() {
            self.handle(shard as u16, Input::Drain);
        }
        self.run();
    }

    /// Commits what was held.
    pub fn commit(&mut self) {
        let submissions = std::mem::take(&mut self.submissions);
        let batch = Arc::new(self.committer.commit(&submissions, self.now.wall_ms).unwrap());
        for shard in 0..self.gateways.len() {
            self.handle(shard as u16, Input::Committed(batch.clone()));
        }
        self.run();
    }

    fn handle(&mut self, shard: u16, input: Input<'_>) {
        self.gateways[usize::from(shard)].handle(self.now, input);
    }

    /// Carries out everything until nothing is left.
    fn run(&mut self) {
        loop {
            let mut idle = true;
            for shard in 0..self.gateways.len() {
                while let Some(output) = self.gateways[shard].poll_output() {
                    idle = false;
                    self.carry_out(shard as u16, output);
                }
            }
            if !self.submissions.is_empty() && !self.holds_commits {
                self.commit();
            } else if idle {
                return;
            }
        }
    }

    fn carry_out(&mut self, shard: u16, output: Output) {
        match output {
            Output::Flush {
                connection,
                bytes,
                then_close,
            } => {
                self.received.entry(connection).or_default().extend(bytes);
                if then_close {
                    self.ended.insert(connection);
                }
                if !self.stalled.contains(&connection) {
                    self.handle(shard, Input::Flushed(connection));
                }
            }
            Output::Close(connection) => {
                self.ended.insert(connection);
                self.handle(shard, Input::Closed(connection));
            }
            Output::Pause(connection) => assert!(self.paused.insert(connection)),
            Output::Resume(connection) => assert!(self.paused.remove(&connection)),
            Output::Submit(submission) => self.submissions.push(submission),
            Output::Query(ticket, query) => {
                let answer = self.reader.answer(&query).map_err(|fault| match fault {
                    QueryFault::Rejected(rejection) => rejection,
                    QueryFault::Store(error) => panic!("{error}"),
                });
                self.handle(shard, Input::Answered(ticket, Box::new(answer)));
            }
            Output::Password(ticket, job) => self.handle(shard, Input::PasswordDone(ticket, work(job))),
            Output::Operation(ticket, _) => self.handle(shard, Input::OperationDone(ticket, Err(Rejection::Busy))),
            Output::Peer(..) if self.loses_peer_messages => {}
            Output::Peer(to, message) => {
                for other in 0..self.gateways.len() as u16 {
                    if other != shard && to.is_none_or(|to| to == other) {
                        self.handle(other, Input::Peer(message.clone()));
                    }
                }
            }
            Output::Presence(user, online) => self.presence.push((user.as_str().to_owned(), online)),
        }
    }
}

/// The password pool: keeps passwords as they are, which is quick and enough here.
fn work(job: PasswordJob) -> PasswordResult {
    match job {
        PasswordJob::Hash(password) => PasswordResult::Hashed(PasswordHash(password)),
        PasswordJob::Verify(password, hash) => PasswordResult::Verified(hash.is_some_and(|hash| hash.0 == password)),
    }
}

/// Bytes that never repeat, without being random.
fn counting(mut state: u64) -> impl FnMut(&mut [u8]) {
    move |bytes| {
        for chunk in bytes.chunks_mut(8) {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            chunk.copy_from_slice(&state.to_be_bytes()[..chunk.len()]);
        }
    }
}

/// A response as a test sees it.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: Value,
}

impl Response {
    /// Reads the first response in `bytes`, and what follows it.
    pub fn read(bytes: &[u8]) -> (Self, &[u8]) {
        let end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .expect("a head")
            + 4;
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let length = length.map_or(0, |length| length.parse().unwrap());
        let body = serde_json::from_slice(&bytes[end..end + length]).unwrap_or(Value::Null);
        let status = head[9..12].parse().unwrap();
        (Self { status, head, body }, &bytes[end + length..])
    }
}

/// The bytes of a request.
pub fn request(line: &str, credential: &str, body: Option<&Value>) -> Vec<u8> {
    let mut text = format!("{line} HTTP/1.1\r\nHost: im\r\n");
    if !credential.is_empty() {
        text += &format!("Authorization: Bearer {credential}\r\n");
    }
    let body = body.map(Value::to_string).unwrap_or_default();
    if !body.is_empty() {
        text += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    }
    (text + "\r\n" + &body).into_bytes()
}

impl World {
    /// One request on a connection of its own.
    pub fn call(&mut self, line: &str, credential: &str, body: Option<Value>) -> Response {
        let id = self.connect(0);
        self.send(id, &request(line, credential, body.as_ref()));
        let bytes = self.take(id);
        self.close(id);
        Response::read(&bytes).0
    }

    /// Registers a user; answers its token.
    pub fn register(&mut self, name: &str) -> String {
        let body = json!({"username": name, "password": "password123"});
        let response = self.call("POST /api/register", "", Some(body));
        assert_eq!(response.status, 200, "{}", response.body);
        response.body["data"]["token"].as_str().unwrap().to_owned()
    }
}
