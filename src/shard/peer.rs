//! What shards tell each other: ephemeral signals that never pass the writer and may be dropped under pressure.

use std::sync::Arc;

use super::attempts::Attempt;
use crate::domain::conversation::ChatType;
use crate::domain::id::{UserId, UserKey};

/// One signal between shards.
#[derive(Clone, PartialEq, Debug)]
pub enum PeerMessage {
    /// Somebody is typing.
    Typing {
        /// Who.
        from: UserId,
        /// In which kind of conversation.
        chat_type: ChatType,
        /// The group's id; in a single conversation the receiver's.
        to: Arc<str>,
        /// Who is to see it.
        audience: Arc<[UserKey]>,
    },
    /// A user's first session on that shard began, or its last one ended.
    Presence {
        /// Where.
        shard: u16,
        /// Who.
        user: UserKey,
        /// The same, as clients know it.
        user_id: UserId,
        /// Which.
        online: bool,
    },
    /// Somebody tries to sign in or registers; every shard counts it.
    Attempt(Attempt),
    /// Asks every shard for its connections (admin).
    ListConnections {
        /// Who asks.
        asker: u16,
        /// The asker's ticket.
        ticket: u64,
    },
    /// The answer.
    Connections {
        /// The asker's ticket.
        ticket: u64,
        /// Who is connected there.
        connections: Vec<ConnectionInfo>,
    },
}

/// One live session, as an admin sees it.
#[derive(Clone, PartialEq, Debug)]
pub struct ConnectionInfo {
    /// The connection, as `hello` told it.
    pub connection: Box<str>,
    /// Whose.
    pub user: UserId,
    /// As the client said.
    pub device: Option<Box<str>>,
    /// As the client said.
    pub platform: Option<Box<str>>,
    /// The peer's address.
    pub address: Box<str>,
    /// When it attached.
    pub connected_at: i64,
}
