//! Messages and notices as anybody may see them: rows of the log joined with authors and groups.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, Row};

use super::error::broken;
use super::{integers, rows};
use crate::domain::conversation::Parties;
use crate::domain::event::{Notice, NoticeKind};
use crate::domain::group::Group;
use crate::domain::id::{ConversationKey, GroupKey, MessageId, Position, UserId, UserKey};
use crate::domain::message::{Body, Content, ContentType, Message};
use crate::domain::user::User;

const MESSAGE: &str =
    "position, conversation, seq, sender, sent_at, id, content_type, content, content_is_json, reply_to, mentions, ext";
const NOTICE: &str = "position, kind, at, group_key, by_user, users";

/// Loads entries of the log and remembers the accounts and groups it met, for one snapshot of the file.
pub struct LogLoader<'a> {
    connection: &'a Connection,
    users: HashMap<UserKey, Arc<User>>,
    groups: HashMap<GroupKey, Arc<Group>>,
    parties: HashMap<ConversationKey, Parties>,
}

impl<'a> LogLoader<'a> {
    /// Reads through this connection.
    pub fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            users: HashMap::new(),
            groups: HashMap::new(),
            parties: HashMap::new(),
        }
    }

    /// An account instance that some row refers to.
    pub fn user(&mut self, key: UserKey) -> rusqlite::Result<Arc<User>> {
        if let Some(user) = self.users.get(&key) {
            return Ok(Arc::clone(user));
        }
        let user = Arc::new(rows::user_by_key(self.connection, key)?.ok_or(broken("reference to a user"))?);
        self.users.insert(key, Arc::clone(&user));
        Ok(user)
    }

    /// A group instance that some row refers to.
    pub fn group(&mut self, key: GroupKey) -> rusqlite::Result<Arc<Group>> {
        if let Some(group) = self.groups.get(&key) {
            return Ok(Arc::clone(group));
        }
        let group = Arc::new(rows::group_by_key(self.connection, key)?.ok_or(broken("reference to a group"))?);
        self.groups.insert(key, Arc::clone(&group));
        Ok(group)
    }

    /// The public id of the other party or of the group, as one user sees it.
    pub fn peer_id(&mut self, parties: Parties, seen_by: UserKey) -> rusqlite::Result<Arc<str>> {
        Ok(match parties {
            Parties::Group(group) => self.group(group)?.id.as_str().into(),
            Parties::Pair(..) => {
                let peer = parties.peer_of(seen_by).ok_or(broken("party of a conversation"))?;
                self.user(peer)?.id.as_str().into()
            }
        })
    }

    fn parties(&mut self, key: ConversationKey) -> rusqlite::Result<Parties> {
        if let Some(parties) = self.parties.get(&key) {
            return Ok(*parties);
        }
        let row = rows::conversation_by_key(self.connection, key)?.ok_or(broken("reference to a conversation"))?;
        self.parties.insert(key, row.conversation.parties);
        Ok(row.conversation.parties)
    }

    /// The message at a log position.
    pub fn message(&mut self, position: i64) -> rusqlite::Result<Option<Arc<Message>>> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("SELECT {MESSAGE} FROM messages WHERE position = ?1"))?;
        let mut found = statement.query([position])?;
        found.next()?.map(|row| self.message_of(row)).transpose()
    }

    /// The messages above a log position and up to another, in order.
    pub fn messages_between(&mut self, above: i64, through: i64, limit: i64) -> rusqlite::Result<Vec<Arc<Message>>> {
        let sql =
            format!("SELECT {MESSAGE} FROM messages WHERE position > ?1 AND position <= ?2 ORDER BY position LIMIT ?3");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut found = statement.query([above, through, limit])?;
        let mut messages = Vec::new();
        while let Some(row) = found.next()? {
            messages.push(self.message_of(row)?);
        }
        Ok(messages)
    }

    fn message_of(&mut self, row: &Row) -> rusqlite::Result<Arc<Message>> {
        let conversation = ConversationKey(row.get(1)?);
        let from = UserKey(row.get(3)?);
        let author = self.user(from)?;
        let parties = self.parties(conversation)?;
        let content = row.get(7)?;
        let body = Body {
            content_type: ContentType::stored(row.get_ref(6)?.as_str()?),
            content: if row.get(8)? {
                Content::Json(content)
            } else {
                Content::Text(content)
            },
            reply_to: row.get(9)?,
            mentions: row.get(10)?,
            ext: row.get(11)?,
        };
        Ok(Arc::new(Message {
            position: Position(row.get(0)?),
            id: MessageId::stored(row.get_ref(5)?.as_str()?),
            conversation,
            seq: row.get(2)?,
            chat_type: parties.chat_type(),
            from,
            from_id: author.id.clone(),
            from_name: author.display_name(),
            to_id: self.peer_id(parties, from)?,
            timestamp: row.get(4)?,
            body: Arc::new(body),
        }))
    }

    /// The notice at a log position.
    pub fn notice(&mut self, position: i64) -> rusqlite::Result<Option<Arc<Notice>>> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("SELECT {NOTICE} FROM notices WHERE position = ?1"))?;
        let mut found = statement.query([position])?;
        found.next()?.map(|row| self.notice_of(row)).transpose()
    }

    /// The notices above a log position and up to another, in order.
    pub fn notices_between(&mut self, above: i64, through: i64, limit: i64) -> rusqlite::Result<Vec<Arc<Notice>>> {
        let sql =
            format!("SELECT {NOTICE} FROM notices WHERE position > ?1 AND position <= ?2 ORDER BY position LIMIT ?3");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut found = statement.query([above, through, limit])?;
        let mut notices = Vec::new();
        while let Some(row) = found.next()? {
            notices.push(self.notice_of(row)?);
        }
        Ok(notices)
    }

    fn notice_of(&mut self, row: &Row) -> rusqlite::Result<Arc<Notice>> {
        let group = match row.get(3)? {
            Some(key) => {
                let group = self.group(GroupKey(key))?;
                let owner = self.user(group.owner)?.id.clone();
                Some((group, owner))
            }
            None => None,
        };
        let users = integers::read(row.get_ref(5)?.as_str()?).map(|key| self.user(UserKey(key)));
        Ok(Arc::new(Notice {
            position: Position(row.get(0)?),
            timestamp: row.get(2)?,
            kind: NoticeKind::parse(row.get_ref(1)?.as_str()?).ok_or(broken("kind of a notice"))?,
            group,
            users: users.collect::<rusqlite::Result<_>>()?,
            by: row.get_ref(4)?.as_str_or_null()?.map(UserId::stored),
        }))
    }
}
