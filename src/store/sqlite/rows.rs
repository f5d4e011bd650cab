//! Rows of the tables as values of the domain: the columns of each kind, and how to read them.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::broken;
use super::integers;
use super::tail::Tail;
use crate::domain::command::ApiKey;
use crate::domain::conversation::{Conversation, Parties, Progress};
use crate::domain::group::{Group, JoinPolicy, Member, Role};
use crate::domain::id::{ConversationKey, GroupId, GroupKey, Position, UserId, UserKey, Username};
use crate::domain::user::{User, UserStatus};
use crate::domain::webhook::{Delivery, DeliveryState};

/// Columns of [`user`].
pub const USER: &str = "key, id, username, nickname, avatar, status, created_at, generation, granted";

/// Reads the columns of [`USER`].
pub fn user(row: &Row) -> rusqlite::Result<User> {
    let optional = |index: usize| -> rusqlite::Result<Option<Arc<str>>> {
        Ok(row.get_ref(index)?.as_str_or_null()?.map(Arc::from))
    };
    Ok(User {
        key: UserKey(row.get(0)?),
        id: UserId::stored(row.get_ref(1)?.as_str()?),
        username: Username::stored(row.get_ref(2)?.as_str()?),
        nickname: optional(3)?,
        avatar: optional(4)?,
        status: UserStatus::parse(row.get_ref(5)?.as_str()?).ok_or(broken("status of a user"))?,
        created_at: row.get(6)?,
        generation: row.get(7)?,
        granted: integers::read(row.get_ref(8)?.as_str()?).map(UserKey).collect(),
    })
}

/// Columns of [`group`].
pub const GROUP: &str = "key, id, name, owner, join_policy, member_count, created_at, dismissed, conversation";

/// Reads the columns of [`GROUP`].
pub fn group(row: &Row) -> rusqlite::Result<Group> {
    Ok(Group {
        key: GroupKey(row.get(0)?),
        id: GroupId::stored(row.get_ref(1)?.as_str()?),
        name: row.get_ref(2)?.as_str()?.into(),
        owner: UserKey(row.get(3)?),
        join_policy: JoinPolicy::parse(row.get_ref(4)?.as_str()?).ok_or(broken("join policy"))?,
        member_count: row.get(5)?,
        created_at: row.get(6)?,
        dismissed: row.get(7)?,
        conversation: ConversationKey(row.get(8)?),
    })
}

/// Columns of [`member`].
pub const MEMBER: &str = "user, role, joined_at";

/// Reads the columns of [`MEMBER`].
pub fn member(row: &Row) -> rusqlite::Result<Member> {
    Ok(Member {
        user: UserKey(row.get(0)?),
        role: Role::parse(row.get_ref(1)?.as_str()?).ok_or(broken("role"))?,
        joined_at: row.get(2)?,
    })
}

/// Columns of [`api_key`].
pub const API_KEY: &str = "id, name, prefix, digest, scopes, created_at";

/// Reads the columns of [`API_KEY`].
pub fn api_key(row: &Row) -> rusqlite::Result<ApiKey> {
    Ok(ApiKey {
        id: row.get(0)?,
        name: row.get(1)?,
        prefix: row.get(2)?,
        digest: row.get(3)?,
        scopes: row.get(4)?,
        created_at: row.get(5)?,
    })
}

/// Columns of [`delivery`].
pub const DELIVERY: &str = "webhook, position, state, attempts, next_attempt_at, error";

/// Reads the columns of [`DELIVERY`].
pub fn delivery(row: &Row) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        webhook: row.get(0)?,
        position: Position(row.get(1)?),
        state: DeliveryState::parse(row.get_ref(2)?.as_str()?).ok_or(broken("state of a delivery"))?,
        attempts: row.get(3)?,
        next_attempt_at: row.get(4)?,
        error: row.get(5)?,
    })
}

/// A row of `conversations`.
#[derive(Clone, Copy, Debug)]
pub struct ConversationRow {
    /// The conversation, with the head of the last flush or, after [`ConversationRow::with_tail`], the true one.
    pub conversation: Conversation,
    low_sent: i64,
    high_sent: i64,
}

/// Columns of [`conversation`].
pub const CONVERSATION: &str =
    "c.key, c.low, c.high, c.group_key, c.head, c.last_position, c.last_at, c.low_sent, c.high_sent";

/// Reads the columns of [`CONVERSATION`].
pub fn conversation(row: &Row) -> rusqlite::Result<ConversationRow> {
    let parties = match row.get(3)? {
        Some(group) => Parties::Group(GroupKey(group)),
        None => Parties::Pair(UserKey(row.get(1)?), UserKey(row.get(2)?)),
    };
    let conversation = Conversation {
        key: ConversationKey(row.get(0)?),
        parties,
        head: row.get(4)?,
        last_position: Position(row.get(5)?),
        last_at: row.get(6)?,
    };
    Ok(ConversationRow {
        conversation,
        low_sent: row.get(7)?,
        high_sent: row.get(8)?,
    })
}

impl ConversationRow {
    /// The conversation as the tail knows it.
    pub fn with_tail(mut self, tail: &Tail) -> Self {
        if let Some(newest) = tail.of(self.conversation.key.0).next_back() {
            self.conversation.head = self.conversation.head.max(newest.seq);
            self.conversation.last_position = self.conversation.last_position.max(Position(newest.position));
            self.conversation.last_at = self.conversation.last_at.max(newest.sent_at);
        }
        self
    }

    /// The newest seq a user has sent, given what its row in `participants` says.
    pub fn own_last(&self, user: UserKey, sent_seq: i64, tail: &Tail) -> i64 {
        let in_tail = tail.of(self.conversation.key.0).rfind(|entry| entry.sender == user.0);
        let of_pair = match self.conversation.parties {
            Parties::Pair(low, high) => {
                let sent = |party: UserKey, seq: i64| if party == user { seq } else { 0 };
                sent(low, self.low_sent).max(sent(high, self.high_sent))
            }
            Parties::Group(_) => 0,
        };
        in_tail.map_or(0, |entry| entry.seq).max(of_pair).max(sent_seq)
    }
}

/// One row of a query with one parameter list, through the statement cache.
pub fn one<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
    read: impl FnOnce(&Row) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    connection.prepare_cached(sql)?.query_row(parameters, read).optional()
}

/// All rows of a query, through the statement cache.
pub fn all<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
    read: impl FnMut(&Row) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare_cached(sql)?.query_map(parameters, read)?.collect()
}

/// An account instance.
pub fn user_by_key(connection: &Connection, key: UserKey) -> rusqlite::Result<Option<User>> {
    one(
        connection,
        &format!("SELECT {USER} FROM users WHERE key = ?1"),
        [key.0],
        user,
    )
}

/// The instance that has this id now.
pub fn user_key_by_id(connection: &Connection, folded: &str) -> rusqlite::Result<Option<UserKey>> {
    let sql = "SELECT key FROM users WHERE lower(id) = ?1 AND status <> 'deleted'";
    one(connection, sql, [folded], |row| row.get(0).map(UserKey))
}

/// The instance that has this username now.
pub fn user_key_by_username(connection: &Connection, folded: &str) -> rusqlite::Result<Option<UserKey>> {
    let sql = "SELECT key FROM users WHERE lower(username) = ?1 AND status <> 'deleted'";
    one(connection, sql, [folded], |row| row.get(0).map(UserKey))
}

/// A group instance.
pub fn group_by_key(connection: &Connection, key: GroupKey) -> rusqlite::Result<Option<Group>> {
    one(
        connection,
        &format!("SELECT {GROUP} FROM groups WHERE key = ?1"),
        [key.0],
        group,
    )
}

/// The instance that has this id now.
pub fn group_key_by_id(connection: &Connection, folded: &str) -> rusqlite::Result<Option<GroupKey>> {
    let sql = "SELECT key FROM groups WHERE lower(id) = ?1 AND NOT dismissed";
    one(connection, sql, [folded], |row| row.get(0).map(GroupKey))
}

/// Whether the user is a member now.
pub fn is_member(connection: &Connection, group: GroupKey, user: UserKey) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM members WHERE group_key = ?1 AND user = ?2";
    Ok(one(connection, sql, [group.0, user.0], |_| Ok(()))?.is_some())
}

/// A conversation by its parties, without the tail.
pub fn conversation_of(connection: &Connection, parties: Parties) -> rusqlite::Result<Option<ConversationRow>> {
    match parties {
        Parties::Pair(low, high) => {
            let sql = format!(
                "SELECT {CONVERSATION} FROM conversations c WHERE low = ?1 AND high = ?2 AND group_key IS NULL"
            );
            one(connection, &sql, [low.0, high.0], conversation)
        }
        Parties::Group(group) => {
            let sql = format!("SELECT {CONVERSATION} FROM conversations c WHERE group_key = ?1");
            one(connection, &sql, [group.0], conversation)
        }
    }
}

/// A conversation by its key, without the tail.
pub fn conversation_by_key(connection: &Connection, key: ConversationKey) -> rusqlite::Result<Option<ConversationRow>> {
    let sql = format!("SELECT {CONVERSATION} FROM conversations c WHERE key = ?1");
    one(connection, &sql, [key.0], conversation)
}

/// A user's receipts.
pub fn progress(connection: &Connection, conversation: ConversationKey, user: UserKey) -> rusqlite::Result<Progress> {
    let sql = "SELECT read_seq, received_seq FROM participants WHERE user = ?1 AND conversation = ?2";
    let read = |row: &Row| {
        Ok(Progress {
            read: row.get(0)?,
            received: row.get(1)?,
        })
    };
    Ok(one(connection, sql, params![user.0, conversation.0], read)?.unwrap_or_default())
}
