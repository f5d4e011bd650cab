//! The simulated writer: a real committer over the store in memory, and the bugs planted beside it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ringim::domain::change::Change;
use ringim::domain::command::{ApiKey, Submission};
use ringim::domain::conversation::{Conversation, Parties, Progress};
use ringim::domain::event::{Audience, CommittedBatch, Event};
use ringim::domain::facts::{Counters, FactSource, FactsError};
use ringim::domain::group::{Group, Member};
use ringim::domain::id::{ConversationKey, GroupKey, Position, UserKey};
use ringim::domain::message::Message;
use ringim::domain::user::{TokenId, User};
use ringim::domain::webhook::{Delivery, Webhook};
use ringim::store::committer::Committer;
use ringim::store::memory::{MemoryBackend, MemoryStore};
use ringim::store::{Backend, StoreError};

use crate::bugs::Bug;

/// Message ids that the writer remembers; more than any world sends.
const MESSAGE_IDS: usize = 10_000;

/// The writer and what waits for it.
pub struct Writer {
    committer: Committer<SimBackend>,
    queue: VecDeque<Vec<Submission>>,
    bug: Option<Bug>,
    once_members: BTreeMap<ConversationKey, BTreeSet<UserKey>>,
}

impl Writer {
    pub fn new(store: &MemoryStore, bug: Option<Bug>) -> Self {
        let backend = SimBackend {
            inner: store.backend(),
            early: bug == Some(Bug::AckBeforeCommit),
            owing: false,
        };
        let window = if bug == Some(Bug::ForgottenMessageIds) {
            0
        } else {
            MESSAGE_IDS
        };
        let committer = Committer::new(backend, window).expect("the store in memory can be read");
        Self {
            committer,
            queue: VecDeque::new(),
            bug,
            once_members: BTreeMap::new(),
        }
    }

    pub fn submit(&mut self, submissions: Vec<Submission>) {
        self.queue.push_back(submissions);
    }

    pub fn has_work(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Commits the first of what waits, up to so many turns of shards.
    pub fn commit(&mut self, turns: usize, now_ms: i64) -> Result<CommittedBatch, StoreError> {
        let turns = turns.min(self.queue.len());
        let submissions: Vec<Submission> = self.queue.drain(..turns).flatten().collect();
        let mut batch = self.committer.commit(&submissions, now_ms)?;
        if self.bug == Some(Bug::AudienceOfBefore) {
            batch.events.iter_mut().for_each(|event| self.widen(event));
        }
        Ok(batch)
    }

    fn widen(&mut self, event: &mut Event) {
        if let Event::Message {
            message,
            audience: Audience::Users(users),
            ..
        } = event
        {
            let once = self.once_members.entry(message.conversation).or_default();
            once.extend(users.iter());
            *users = once.iter().copied().collect();
        }
    }
}

/// The store in memory, which may be told to commit only when the next batch begins.
struct SimBackend {
    inner: MemoryBackend,
    early: bool,
    owing: bool,
}

impl Backend for SimBackend {
    fn begin(&mut self) -> Result<(), StoreError> {
        if std::mem::take(&mut self.owing) {
            self.inner.commit()?;
        }
        self.inner.begin()
    }

    fn write(&mut self, change: &Change) -> Result<(), StoreError> {
        self.inner.write(change)
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.owing = self.early;
        if self.early { Ok(()) } else { self.inner.commit() }
    }

    fn rollback(&mut self) {
        self.inner.rollback();
    }

    fn maintain(&mut self, idle: bool) -> Result<bool, StoreError> {
        self.inner.maintain(idle)
    }
}

/// Passes calls on to the store.
macro_rules! pass_on {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {
        impl FactSource for SimBackend {
            $(fn $name(&mut self, $($argument: $kind),*) -> Result<$answer, FactsError> {
                self.inner.$name($($argument),*)
            })*
        }
    };
}

pass_on! {
    counters() -> Counters;
    user(key: UserKey) -> Option<User>;
    user_by_id(folded: &str) -> Option<UserKey>;
    user_by_username(folded: &str) -> Option<UserKey>;
    is_token_revoked(user: UserKey, token: &TokenId) -> bool;
    group(key: GroupKey) -> Option<Group>;
    group_by_id(folded: &str) -> Option<GroupKey>;
    members(group: GroupKey) -> Vec<Member>;
    groups_of(user: UserKey) -> Vec<GroupKey>;
    conversation(parties: Parties) -> Option<Conversation>;
    parties(key: ConversationKey) -> Option<Parties>;
    progress(conversation: ConversationKey, user: UserKey) -> Progress;
    recent_ids(count: usize, each: &mut dyn FnMut(Position, UserKey, &str)) -> ();
    message(position: Position) -> Option<Message>;
    key(digest: &[u8; 32]) -> Option<ApiKey>;
    key_by_id(id: &str) -> Option<ApiKey>;
    webhook(id: &str) -> Option<Webhook>;
    dead_deliveries(webhook: &str) -> Vec<Delivery>;
}
