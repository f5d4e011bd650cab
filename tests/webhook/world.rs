//! A store, its writer and a webhook sender, without shards. The store outlives the sender, as a file outlives
//! the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use ringim::domain::command::{Actor, Command, NewUser, Reply, Send, Submission, Ticket};
use ringim::domain::conversation::ChatType;
use ringim::domain::event::CommittedBatch;
use ringim::domain::id::{MessageId, Position, UserId, Username};
use ringim::domain::message::{Body, Content, ContentType};
use ringim::domain::query::{Answer, Page, Query};
use ringim::domain::rejection::Rejection;
use ringim::domain::webhook::{Delivery, Webhook, WebhookKind};
use ringim::runtime::outbound::{self, Link, Setup};
use ringim::store::Reader;
use ringim::store::committer::Committer;
use ringim::store::memory::{MemoryReader, MemoryStore};

/// Key and text of the secret of all webhooks here.
pub const KEY: &[u8; 24] = b"0123456789abcdefghijklmn";
pub const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1u";

type Order = (Vec<Submission>, Sender<Arc<CommittedBatch>>);

/// A process: what ends in a crash.
struct Process {
    link: Link,
    sender: JoinHandle<()>,
    orders: Sender<Order>,
    writer: JoinHandle<()>,
    /// Whether the sender's commands get lost on the way to the writer.
    deaf: Arc<AtomicBool>,
}

pub struct World {
    store: MemoryStore,
    process: Option<Process>,
    allow_private: bool,
    messages: u32,
}

impl World {
    pub fn new(allow_private: bool) -> Self {
        let mut world = Self {
            store: MemoryStore::new(),
            process: None,
            allow_private,
            messages: 0,
        };
        world.start();
        for name in ["alice", "bob", "carol", "dave"] {
            let created = world.commit(Command::CreateUsers(vec![NewUser {
                id: None,
                username: Username::stored(name),
                nickname: None,
                password: None,
            }]));
            assert!(created.is_ok());
        }
        world
    }

    pub fn start(&mut self) {
        let (link, inbox) = outbound::link();
        let (orders, waiting) = unbounded();
        let committer = Committer::new(self.store.backend(), 1000).unwrap();
        let told = link.clone();
        let writer = std::thread::spawn(move || write(committer, &waiting, &told));
        let deaf = Arc::new(AtomicBool::new(false));
        let (queue, lost) = (orders.clone(), deaf.clone());
        let submit = move |submissions| {
            let (reply, _) = bounded(1);
            !lost.load(Ordering::Relaxed) && queue.send((submissions, reply)).is_ok()
        };
        let setup = Setup {
            inbox,
            reader: Box::new(self.store.reader()),
            submit: Box::new(submit),
            allow_private: self.allow_private,
        };
        let sender = outbound::start(setup).unwrap();
        self.process = Some(Process {
            link,
            sender,
            orders,
            writer,
            deaf,
        });
    }

    /// Ends the process without a word to the store from here on.
    pub fn crash(&mut self) {
        self.deafen();
        self.stop();
    }

    /// From now on nothing that the sender says reaches the store.
    pub fn deafen(&self) {
        self.process().deaf.store(true, Ordering::Relaxed);
    }

    /// Ends the process in order.
    pub fn stop(&mut self) {
        let process = self.process.take().unwrap();
        process.link.stop();
        process.sender.join().unwrap();
        drop(process.orders);
        process.writer.join().unwrap();
    }

    pub fn commit(&self, command: Command) -> Result<Reply, Rejection> {
        let (reply, settled) = bounded(1);
        self.process().orders.send((vec![submission(command)], reply)).unwrap();
        settled.recv().unwrap().settlements[0].result.clone()
    }

    /// Changes the store while no process runs.
    pub fn edit(&self, command: Command) {
        assert!(self.process.is_none());
        let mut committer = Committer::new(self.store.backend(), 1000).unwrap();
        let batch = committer.commit(&[submission(command)], now()).unwrap();
        assert_eq!(batch.settlements[0].result, Ok(Reply::Done));
    }

    pub fn hook(&self, id: &str, kind: WebhookKind, url: &str, events: &[&str]) {
        let webhook = Webhook {
            id: id.into(),
            name: id.into(),
            url: url.into(),
            kind,
            events: events.iter().map(|event| (*event).into()).collect(),
            secret: (kind == WebhookKind::Json).then(|| SECRET.into()),
            enabled: true,
            position: Position(0),
            created_at: 0,
        };
        self.commit(Command::CreateWebhook(Box::new(webhook))).unwrap();
    }

    /// A message to a user, from alice.
    pub fn send(&mut self, to: &str, text: &str) {
        self.messages += 1;
        let send = Send {
            id: MessageId::stored(&format!("m{}", self.messages)),
            from: Some(UserId::stored("alice")),
            chat_type: ChatType::Single,
            to: to.into(),
            body: Arc::new(Body {
                content_type: ContentType::TEXT,
                content: Content::Text(text.into()),
                reply_to: None,
                mentions: None,
                ext: None,
            }),
        };
        self.commit(Command::Send(Box::new(send))).unwrap();
    }

    pub fn test(&self, id: &str) -> Result<String, Rejection> {
        let (replied, reply) = bounded(1);
        self.link()
            .test(id.into(), Box::new(move |result| drop(replied.send(result))));
        let result = reply.recv_timeout(Duration::from_secs(20)).unwrap();
        result.map(String::from)
    }

    pub fn link(&self) -> &Link {
        &self.process().link
    }

    pub fn webhook(&self, id: &str) -> Arc<Webhook> {
        match self.reader().answer(&Query::Webhooks) {
            Ok(Answer::Webhooks(all)) => all.into_iter().find(|webhook| *webhook.id == *id).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    pub fn rows(&self, webhook: &str) -> Vec<Delivery> {
        let query = Query::Deliveries {
            webhook: webhook.into(),
            state: None,
            page: Page {
                cursor: None,
                limit: 200,
            },
        };
        match self.reader().answer(&query) {
            Ok(Answer::Deliveries(listed)) => listed.items,
            other => panic!("{other:?}"),
        }
    }

    pub fn head(&self) -> Position {
        match self.reader().answer(&Query::Log {
            after: Position(0),
            limit: 100_000,
        }) {
            Ok(Answer::Log(_, through)) => through,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until the store says so.
    pub fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !is_so(self) {
            assert!(Instant::now() < deadline, "never: {what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn reader(&self) -> MemoryReader {
        self.store.reader()
    }

    fn process(&self) -> &Process {
        self.process.as_ref().unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.crash();
        }
    }
}

fn submission(command: Command) -> Submission {
    Submission {
        actor: Actor::Admin,
        command,
        connection: None,
        ticket: Ticket { asker: 0, number: 0 },
    }
}

fn write(mut committer: Committer<ringim::store::memory::MemoryBackend>, orders: &Receiver<Order>, link: &Link) {
    for (submissions, reply) in orders {
        let batch = Arc::new(committer.commit(&submissions, now()).unwrap());
        link.committed(&batch);
        let _ = reply.send(batch);
    }
}

pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}
