//! Conversations, who takes part in them, and the order of their messages.

use std::collections::{BTreeMap, HashMap};

use crate::domain::command::Receipt;
use crate::domain::conversation::{Conversation, Parties, Progress};
use crate::domain::id::{ConversationKey, Position, UserKey};
use crate::domain::message::Message;

/// One conversation as one user has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Participant {
    /// How far the user is.
    pub(super) progress: Progress,
    /// The head of the log when the conversation came to concern the user.
    pub(super) since: Position,
    /// The log position of the newest receipt; 0 without one.
    pub(super) changed: Position,
}

/// Everything about conversations but the messages themselves.
#[derive(Clone, Default, Debug)]
pub(super) struct Conversations {
    rows: BTreeMap<ConversationKey, Conversation>,
    keys: HashMap<Parties, ConversationKey>,
    participants: BTreeMap<(UserKey, ConversationKey), Participant>,
    order: BTreeMap<(ConversationKey, i64), Position>,
    own_last: BTreeMap<(ConversationKey, UserKey), i64>,
}

impl Conversations {
    pub(super) fn put(&mut self, conversation: Conversation) {
        self.keys.insert(conversation.parties, conversation.key);
        self.rows.entry(conversation.key).or_insert(conversation);
    }

    pub(super) fn put_participant(&mut self, key: ConversationKey, user: UserKey, position: Position) {
        let fresh = Participant {
            progress: Progress::default(),
            since: position,
            changed: Position(0),
        };
        self.participants.entry((user, key)).or_insert(fresh);
    }

    pub(super) fn drop_participant(&mut self, key: ConversationKey, user: UserKey) {
        self.participants.remove(&(user, key));
    }

    pub(super) fn put_receipt(
        &mut self,
        key: ConversationKey,
        user: UserKey,
        receipt: Receipt,
        seq: i64,
        position: Position,
    ) {
        if let Some(participant) = self.participants.get_mut(&(user, key)) {
            let Progress { read, received } = &mut participant.progress;
            let mark = if receipt == Receipt::Read { read } else { received };
            *mark = seq.max(*mark);
            participant.changed = position.max(participant.changed);
        }
    }

    /// Enters a message into the order of its conversation.
    pub(super) fn append(&mut self, message: &Message) {
        let key = message.conversation;
        self.order.insert((key, message.seq), message.position);
        let own = self.own_last.entry((key, message.from)).or_default();
        *own = message.seq.max(*own);
        if let Some(row) = self.rows.get_mut(&key)
            && row.head <= message.seq
        {
            row.head = message.seq;
            row.last_position = message.position;
            row.last_at = message.timestamp;
        }
    }

    pub(super) fn get(&self, key: ConversationKey) -> Option<&Conversation> {
        self.rows.get(&key)
    }

    pub(super) fn of_parties(&self, parties: Parties) -> Option<&Conversation> {
        self.get(*self.keys.get(&parties)?)
    }

    pub(super) fn participant(&self, key: ConversationKey, user: UserKey) -> Option<&Participant> {
        self.participants.get(&(user, key))
    }

    /// The conversations listed for a user above a key, by key.
    pub(super) fn of_user(
        &self,
        user: UserKey,
        after: Option<ConversationKey>,
    ) -> impl Iterator<Item = (&Conversation, &Participant)> {
        let from = after.map_or(i64::MIN, |key| key.0 + 1);
        let all = (user, ConversationKey(from))..=(user, ConversationKey(i64::MAX));
        self.participants
            .range(all)
            .filter_map(|((_, key), participant)| Some((self.get(*key)?, participant)))
    }

    /// The `seq` of a user's newest own message, 0 without one.
    pub(super) fn own_last(&self, key: ConversationKey, user: UserKey) -> i64 {
        self.own_last.get(&(key, user)).copied().unwrap_or(0)
    }

    /// The log positions of the messages from one `seq` to another, both inclusive.
    pub(super) fn positions(&self, key: ConversationKey, from: i64, to: i64) -> Vec<Position> {
        if from > to {
            return Vec::new();
        }
        self.order
            .range((key, from)..=(key, to))
            .map(|(_, position)| *position)
            .collect()
    }

    pub(super) fn count(&self) -> usize {
        self.rows.len()
    }

    /// The highest key ever used.
    pub(super) fn highest_key(&self) -> i64 {
        self.rows.last_key_value().map_or(0, |(key, _)| key.0)
    }
}
