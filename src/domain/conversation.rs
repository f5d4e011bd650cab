//! Conversations: two users, or a group.

use super::id::{ConversationKey, GroupKey, Position, Timestamp, UserKey};

/// The two kinds of conversation; `chatType` outside.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ChatType {
    /// Two users, or one with itself.
    Single,
    /// A group.
    Group,
}

impl ChatType {
    /// The word used outside and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Group => "group",
        }
    }

    /// Reads the word; `None` for any other.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Single, Self::Group]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// Whose conversation it is; the key under which the store finds it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Parties {
    /// Two users, the smaller key first.
    Pair(UserKey, UserKey),
    /// A group.
    Group(GroupKey),
}

impl Parties {
    /// The pair of two users, in either order.
    pub fn pair(one: UserKey, other: UserKey) -> Self {
        Self::Pair(one.min(other), one.max(other))
    }

    /// The kind of conversation these parties have.
    pub fn chat_type(self) -> ChatType {
        match self {
            Self::Pair(..) => ChatType::Single,
            Self::Group(_) => ChatType::Group,
        }
    }

    /// The other one of a pair; oneself in a conversation with oneself.
    pub fn peer_of(self, user: UserKey) -> Option<UserKey> {
        match self {
            Self::Pair(low, high) if low == user => Some(high),
            Self::Pair(low, high) if high == user => Some(low),
            _ => None,
        }
    }
}

/// A conversation's moving facts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Conversation {
    /// Its key.
    pub key: ConversationKey,
    /// Whose it is.
    pub parties: Parties,
    /// The `seq` of its newest message; 0 when there is none.
    pub head: i64,
    /// The log position of its newest message; 0 when there is none.
    pub last_position: Position,
    /// The time of its newest message; times never decrease in a conversation.
    pub last_at: Timestamp,
}

/// How far one user has read and received in one conversation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Cumulative: everything up to this `seq` is read.
    pub read: i64,
    /// Cumulative: everything up to this `seq` has arrived on some device.
    pub received: i64,
}
