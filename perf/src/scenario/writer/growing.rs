//! A store that grows: random UUIDv4 ids, messages spread over all conversations at random.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use ringim::domain::change::Change;
use ringim::domain::command::{Actor, ConversationRef};
use ringim::domain::conversation::{ChatType, Conversation, Parties};
use ringim::domain::id::{ConversationKey, MessageId, Position, UserId, UserKey, Username};
use ringim::domain::message::{Body, Content, ContentType, Message};
use ringim::domain::query::{Answer, Query, Window};
use ringim::domain::user::{User, UserStatus};
use ringim::store::sqlite::{self, SqliteBackend, SqliteReader};
use ringim::store::{Backend, Reader};

use crate::error::Result;
use crate::histogram::new_histogram;
use crate::load::wire;

use super::outsider::Outsider;
use super::stopwatch::{Stopwatch, Taken};

/// Conversations created in one batch.
const CONVERSATION_BATCH: i64 = 1_000;

/// Messages of a page.
const PAGE_MESSAGES: i64 = 50;

const CONTENT_BYTES: usize = 100;

/// The time of the first message.
const BEGINNING_MS: i64 = 1_790_000_000_000;

/// A store, its reader, and what is in it.
pub struct Growing {
    backend: SqliteBackend,
    reader: SqliteReader,
    stopwatch: Stopwatch,
    random: fastrand::Rng,
    /// For each conversation, its highest number; the first place is unused, since keys begin with 1.
    heads: Vec<i64>,
    position: i64,
    content: Box<str>,
}

impl Growing {
    /// A store of so many conversations without messages, each of two users.
    pub fn create(folder: &Path, conversations: u32) -> Result<Self> {
        let mut backend = sqlite::open(folder)?;
        let last = i64::from(conversations.max(1));
        for first in (1..=last).step_by(CONVERSATION_BATCH as usize) {
            backend.begin()?;
            for key in first..=last.min(first + CONVERSATION_BATCH - 1) {
                for change in new_conversation(key) {
                    backend.write(&change)?;
                }
            }
            backend.commit()?;
        }
        let checkpointer = backend.checkpointer()?;
        std::thread::spawn(move || checkpointer.run());
        Ok(Self {
            reader: backend.reader()?,
            backend,
            stopwatch: Stopwatch::new()?,
            random: fastrand::Rng::with_seed(1),
            heads: vec![0; last as usize + 1],
            position: 0,
            content: wire::content(CONTENT_BYTES).into(),
        })
    }

    /// Messages so far.
    pub fn rows(&self) -> u64 {
        self.position as u64
    }

    /// Commits a batch and does the background work before the next one; returns the time of both, which is what the
    /// next message may have to wait for. Only for the thread that created the store.
    pub fn write_batch(&mut self, size: u64) -> Result<Taken> {
        let changes: Vec<Change> = (0..size)
            .map(|_| Change::PutMessage(Arc::new(self.message())))
            .collect();
        let backend = &mut self.backend;
        self.stopwatch.time(|| {
            backend.begin()?;
            for change in &changes {
                backend.write(change)?;
            }
            backend.commit()?;
            backend.maintain(false)?;
            Ok(())
        })
    }

    /// Reads a page of a conversation at a random place; returns the time, and whether all was there.
    pub fn read_page(&mut self) -> Result<(Duration, bool)> {
        let key = self.random_conversation();
        let head = self.heads[key as usize];
        let before = self.random.i64(1..=head + 1);
        let query = Query::History {
            actor: Actor::Admin,
            conversation: ConversationRef::Key(ConversationKey(key)),
            window: Window::Before(before),
            limit: PAGE_MESSAGES as u32,
        };
        let started = Instant::now();
        let answer = self.reader.answer(&query);
        let time = started.elapsed();
        let history = match answer {
            Ok(Answer::History(history)) => history,
            other => return Err(format!("no page came: {other:?}").into()),
        };
        let expected = (before - PAGE_MESSAGES).max(1)..before;
        let numbers = history.messages.iter().map(|message| message.seq);
        Ok((time, numbers.eq(expected)))
    }

    /// Reads a whole random conversation as another system does; returns the time, and whether all was there.
    pub fn read_conversation(&mut self, outsider: &Outsider) -> Result<(Duration, bool)> {
        let key = self.random_conversation();
        let (time, numbers) = outsider.read_conversation(&format!("c{key}"))?;
        Ok((time, numbers.into_iter().eq(1..=self.heads[key as usize])))
    }

    /// Finishes all background work as when nothing waits; returns microseconds of each slice.
    pub fn settle(&mut self) -> Result<Histogram<u64>> {
        let mut slices = new_histogram();
        loop {
            let started = Instant::now();
            let more = self.backend.maintain(true)?;
            slices.saturating_record(started.elapsed().as_micros() as u64);
            if !more {
                return Ok(slices);
            }
        }
    }

    fn random_conversation(&mut self) -> i64 {
        self.random.i64(1..self.heads.len() as i64)
    }

    fn message(&mut self) -> Message {
        let conversation = self.random_conversation();
        self.position += 1;
        let head = &mut self.heads[conversation as usize];
        *head += 1;
        let seq = *head;
        let (from, to) = if self.random.bool() { (0, 1) } else { (1, 0) };
        let name = |side: i64| format!("user{}", conversation * 2 + side);
        Message {
            position: Position(self.position),
            id: MessageId::stored(&uuid(&mut self.random)),
            conversation: ConversationKey(conversation),
            seq,
            chat_type: ChatType::Single,
            from: UserKey(conversation * 2 + from),
            from_id: UserId::stored(&name(from)),
            from_name: name(from).into(),
            to_id: name(to).into(),
            timestamp: BEGINNING_MS + self.position,
            body: Arc::new(Body {
                content_type: ContentType::TEXT,
                content: Content::Text(self.content.clone()),
                reply_to: None,
                mentions: None,
                ext: None,
            }),
        }
    }
}

/// A random UUIDv4.
fn uuid(random: &mut fastrand::Rng) -> String {
    let bits = random.u128(..);
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        bits as u32,
        (bits >> 32) as u16,
        (bits >> 48) as u16 & 0xfff,
        (bits >> 64) as u16 & 0x3fff | 0x8000,
        bits >> 80
    )
}

fn new_conversation(key: i64) -> Vec<Change> {
    let user = |key: i64| {
        Change::PutUser(Arc::new(User {
            key: UserKey(key),
            id: UserId::stored(&format!("user{key}")),
            username: Username::stored(&format!("user{key}")),
            nickname: None,
            avatar: None,
            status: UserStatus::Active,
            created_at: 0,
            generation: 0,
            granted: [].into(),
        }))
    };
    let (low, high) = (UserKey(key * 2), UserKey(key * 2 + 1));
    let conversation = ConversationKey(key);
    let participant = |user| Change::PutParticipant {
        conversation,
        user,
        position: Position(0),
    };
    vec![
        user(key * 2),
        user(key * 2 + 1),
        Change::PutConversation(Conversation {
            key: conversation,
            parties: Parties::pair(low, high),
            head: 0,
            last_position: Position(0),
            last_at: 0,
        }),
        participant(low),
        participant(high),
    ]
}
