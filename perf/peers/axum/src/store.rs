//! The database: one connection for accounts and groups, one for messages, which a thread of its own fills in batches.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;

use crate::hub::{Hub, Outlet};
use crate::message::{Ack, Failure, Frame, Message, MessageName, NewMessage, Receipt};
use crate::refusal::{self, Refusal};
use crate::token;

/// Messages of one transaction.
const BATCH: usize = 1000;

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA busy_timeout = 5000;
    CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, username TEXT NOT NULL UNIQUE);
    CREATE TABLE IF NOT EXISTS groups (id TEXT PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS members (
        group_id TEXT NOT NULL, user_id TEXT NOT NULL, PRIMARY KEY (group_id, user_id));
    CREATE TABLE IF NOT EXISTS messages (
        id TEXT PRIMARY KEY, conversation_id TEXT NOT NULL, seq INTEGER NOT NULL, chat_type TEXT NOT NULL,
        from_id TEXT NOT NULL, to_id TEXT NOT NULL, content_type TEXT NOT NULL, content TEXT NOT NULL,
        timestamp INTEGER NOT NULL);
    CREATE UNIQUE INDEX IF NOT EXISTS messages_of_conversation ON messages (conversation_id, seq);
    CREATE VIEW IF NOT EXISTS v1_messages AS SELECT * FROM messages;";

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

/// Users and groups.
pub struct Accounts(Mutex<Connection>);

impl Accounts {
    /// Opens the database and tells the hub who is in which group.
    pub fn open(path: &Path, hub: &Hub) -> rusqlite::Result<Self> {
        let connection = open(path)?;
        let mut members = connection.prepare("SELECT group_id, user_id FROM members")?;
        let mut rows = members.query([])?;
        while let Some(row) = rows.next()? {
            hub.add_members(row.get_ref(0)?.as_str()?, [row.get(1)?]);
        }
        drop(rows);
        drop(members);
        Ok(Self(Mutex::new(connection)))
    }

    /// Runs `change` in one transaction.
    fn transact<T>(&self, change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = change(&transaction)?;
        transaction.commit()?;
        Ok(result)
    }

    /// Adds users of these ids and names; tells of each whether it is new.
    pub fn add_users(&self, users: &[(&str, &str)]) -> rusqlite::Result<Vec<bool>> {
        self.transact(|transaction| {
            let mut insert = transaction.prepare_cached("INSERT INTO users VALUES (?,?) ON CONFLICT DO NOTHING")?;
            users.iter().map(|user| Ok(insert.execute(*user)? == 1)).collect()
        })
    }

    pub fn add_group(&self, id: &str, name: &str) -> rusqlite::Result<()> {
        self.transact(|transaction| transaction.execute("INSERT INTO groups VALUES (?,?)", (id, name)))?;
        Ok(())
    }

    pub fn add_members(&self, group: &str, members: &[String]) -> rusqlite::Result<()> {
        self.transact(|transaction| {
            let mut insert = transaction.prepare_cached("INSERT INTO members VALUES (?,?) ON CONFLICT DO NOTHING")?;
            members
                .iter()
                .try_for_each(|user| insert.execute((group, user)).map(drop))
        })
    }
}

/// A message that waits for the writer.
pub struct Job {
    pub from: String,
    pub message: NewMessage,
    pub asker: Asker,
}

/// Who is told what became of a message.
pub enum Asker {
    Socket { outlet: Outlet, request: Option<String> },
    Http(oneshot::Sender<Result<Receipt, Refusal>>),
}

/// What became of a message.
enum Outcome {
    New(Box<Message>),
    /// It was there already.
    Repeated(Receipt),
    /// Another message has its id.
    Conflict,
}

/// The one thread that writes messages.
pub struct Writer {
    connection: Connection,
    hub: Arc<Hub>,
    /// The highest number of each conversation.
    heads: HashMap<String, i64>,
}

impl Writer {
    pub fn open(path: &Path, hub: Arc<Hub>) -> rusqlite::Result<Self> {
        Ok(Self {
            connection: open(path)?,
            hub,
            heads: HashMap::new(),
        })
    }

    /// Commits what comes until nobody can send any more.
    pub fn run(mut self, mut queue: Receiver<Job>) {
        let mut jobs = Vec::with_capacity(BATCH);
        while queue.blocking_recv_many(&mut jobs, BATCH) > 0 {
            match self.commit(&jobs) {
                Ok(outcomes) => {
                    for (job, outcome) in jobs.drain(..).zip(outcomes) {
                        self.settle(job, outcome);
                    }
                }
                Err(error) => {
                    eprintln!("axum-peer: a batch was not written: {error}");
                    self.heads.clear();
                    jobs.drain(..)
                        .for_each(|job| answer(job.asker, &job.message.id, Err(refusal::FAILED)));
                }
            }
        }
    }

    fn commit(&mut self, jobs: &[Job]) -> rusqlite::Result<Vec<Outcome>> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let now = token::now().as_millis() as i64;
        let outcomes = jobs
            .iter()
            .map(|job| append(&transaction, &mut self.heads, job, now))
            .collect::<rusqlite::Result<_>>()?;
        transaction.commit()?;
        Ok(outcomes)
    }

    /// Answers the sender and delivers what is new.
    fn settle(&self, job: Job, outcome: Outcome) {
        let author = match &job.asker {
            Asker::Socket { outlet, .. } => Some(outlet.clone()),
            Asker::Http(_) => None,
        };
        let id = &job.message.id;
        match outcome {
            Outcome::New(message) => {
                answer(job.asker, id, Ok(&message.receipt));
                self.hub.deliver(&message, author.as_ref());
            }
            Outcome::Repeated(receipt) => answer(job.asker, id, Ok(&receipt)),
            Outcome::Conflict => answer(job.asker, id, Err(refusal::ID_CONFLICT)),
        }
    }
}

/// Inserts a message under the next number of its conversation.
fn append(
    transaction: &Transaction<'_>,
    heads: &mut HashMap<String, i64>,
    job: &Job,
    timestamp: i64,
) -> rusqlite::Result<Outcome> {
    let message = &job.message;
    let conversation_id = message.conversation(&job.from);
    let head = match heads.get(&conversation_id) {
        Some(&head) => head,
        None => transaction.query_row(
            "SELECT coalesce(max(seq), 0) FROM messages WHERE conversation_id = ?",
            [&conversation_id],
            |row| row.get(0),
        )?,
    };
    let message = Message {
        receipt: Receipt {
            id: message.id.clone(),
            conversation_id,
            seq: head + 1,
            timestamp,
            duplicate: false,
        },
        chat_type: message.chat_type,
        from_id: job.from.clone(),
        from_name: job.from.clone(),
        to_id: message.to_id.clone(),
        content_type: message.content_type.clone(),
        content: message.content.clone(),
    };
    if !insert(transaction, &message)? {
        return repeated(transaction, job);
    }
    heads.insert(message.receipt.conversation_id.clone(), message.receipt.seq);
    Ok(Outcome::New(Box::new(message)))
}

/// Inserts a message; `false` if its id is taken.
fn insert(transaction: &Transaction<'_>, message: &Message) -> rusqlite::Result<bool> {
    let mut insert =
        transaction.prepare_cached("INSERT INTO messages VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING")?;
    let inserted = insert.execute(params![
        message.receipt.id,
        message.receipt.conversation_id,
        message.receipt.seq,
        message.chat_type.as_str(),
        message.from_id,
        message.to_id,
        message.content_type,
        message.content,
        message.receipt.timestamp,
    ])?;
    Ok(inserted == 1)
}

/// The first result, if it is the same message that comes again.
fn repeated(transaction: &Transaction<'_>, job: &Job) -> rusqlite::Result<Outcome> {
    let mut find = transaction.prepare_cached(
        "SELECT conversation_id, seq, timestamp FROM messages
         WHERE id = ? AND from_id = ? AND to_id = ? AND content_type = ? AND content = ?",
    )?;
    let message = &job.message;
    let body = (
        &message.id,
        &job.from,
        &message.to_id,
        &message.content_type,
        &message.content,
    );
    let first = find.query_row(body, |row| {
        Ok(Receipt {
            id: message.id.clone(),
            conversation_id: row.get(0)?,
            seq: row.get(1)?,
            timestamp: row.get(2)?,
            duplicate: true,
        })
    });
    Ok(first.optional()?.map_or(Outcome::Conflict, Outcome::Repeated))
}

/// Tells the sender of the message `id` what became of it.
fn answer(asker: Asker, id: &str, result: Result<&Receipt, Refusal>) {
    match asker {
        Asker::Socket { outlet, request } => {
            let req_id = request.as_deref();
            match result {
                Ok(data) => outlet.send(&Frame::Ack(Ack {
                    req_id,
                    code: 200,
                    data,
                })),
                Err(refusal) => outlet.send(&Frame::Error(Failure::new(refusal, req_id, Some(id)))),
            }
        }
        Asker::Http(asker) => {
            // The client may have gone meanwhile.
            let _ = asker.send(result.cloned());
        }
    }
}

impl<'a> Failure<'a> {
    /// A refusal of a request, which names the message if it had one.
    pub fn new(refusal: Refusal, req_id: Option<&'a str>, message: Option<&'a str>) -> Self {
        Self {
            req_id,
            code: refusal.status.as_u16(),
            error: refusal.slug,
            message: refusal.message,
            retryable: refusal.status.is_server_error(),
            data: message.map(|id| MessageName { id }),
        }
    }
}
