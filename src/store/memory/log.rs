//! The commit log: messages and notices in one sequence of positions.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use crate::domain::event::Notice;
use crate::domain::id::{ConversationKey, Position, UserKey};
use crate::domain::message::Message;
use crate::domain::query::LogEntry;

/// Everything that was appended.
#[derive(Clone, Default, Debug)]
pub(super) struct Log {
    head: i64,
    messages: BTreeMap<Position, Arc<Message>>,
    notices: BTreeMap<Position, Arc<Notice>>,
    notices_of_users: BTreeSet<(UserKey, Position)>,
    notices_of_conversations: BTreeSet<(ConversationKey, Position)>,
}

impl Log {
    /// Counts a position that a change has used, with or without a row in the log.
    pub(super) fn reach(&mut self, position: Position) {
        self.head = self.head.max(position.0);
    }

    /// The newest position in use.
    pub(super) fn head(&self) -> i64 {
        self.head
    }

    pub(super) fn put_message(&mut self, message: &Arc<Message>) {
        self.messages.insert(message.position, message.clone());
    }

    pub(super) fn put_notice(&mut self, notice: &Arc<Notice>) {
        let position = notice.position;
        self.notices.insert(position, notice.clone());
        self.notices_of_users
            .extend(notice.users.iter().map(|user| (user.key, position)));
        if let Some((group, _)) = &notice.group {
            self.notices_of_conversations.insert((group.conversation, position));
        }
    }

    pub(super) fn message(&self, position: Position) -> Option<&Arc<Message>> {
        self.messages.get(&position)
    }

    pub(super) fn notice(&self, position: Position) -> Option<&Arc<Notice>> {
        self.notices.get(&position)
    }

    /// The newest messages, oldest first.
    pub(super) fn newest(&self, count: usize) -> impl Iterator<Item = &Arc<Message>> {
        self.messages.values().skip(self.messages.len().saturating_sub(count))
    }

    /// Where the notices about a user stand, above a position.
    pub(super) fn notices_about(&self, user: UserKey, after: Position) -> impl Iterator<Item = Position> {
        let range = (
            Bound::Excluded((user, after)),
            Bound::Included((user, Position(i64::MAX))),
        );
        self.notices_of_users.range(range).map(|(_, position)| *position)
    }

    /// Where the notices of a group's conversation stand, above a position.
    pub(super) fn notices_in(&self, key: ConversationKey, after: Position) -> impl Iterator<Item = Position> {
        let range = (
            Bound::Excluded((key, after)),
            Bound::Included((key, Position(i64::MAX))),
        );
        self.notices_of_conversations
            .range(range)
            .map(|(_, position)| *position)
    }

    /// Messages and notices above a position, in log order.
    pub(super) fn entries_after(&self, after: Position, limit: usize) -> Vec<LogEntry> {
        let range = (Bound::Excluded(after), Bound::Unbounded);
        let messages = self
            .messages
            .range(range)
            .take(limit)
            .map(|(_, message)| LogEntry::Message(message.clone()));
        let notices = self
            .notices
            .range(range)
            .take(limit)
            .map(|(_, notice)| LogEntry::Notice(notice.clone()));
        let mut entries: Vec<LogEntry> = messages.chain(notices).collect();
        entries.sort_by_key(LogEntry::position);
        entries.truncate(limit);
        entries
    }

    pub(super) fn message_count(&self) -> usize {
        self.messages.len()
    }
}
