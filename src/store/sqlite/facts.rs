//! Facts for decisions, read by the writer's own connection so that they include the open batch.

use std::sync::Arc;

use rusqlite::{Row, params};

use super::backend::SqliteBackend;
use super::messages::LogLoader;
use super::rows::{self, all, one};
use super::webhooks;
use crate::domain::command::ApiKey;
use crate::domain::conversation::{Conversation, Parties, Progress};
use crate::domain::facts::{Counters, FactSource, FactsError};
use crate::domain::group::{Group, Member};
use crate::domain::id::{ConversationKey, GroupKey, Position, UserKey};
use crate::domain::message::Message;
use crate::domain::user::{TokenId, User};
use crate::domain::webhook::{Delivery, Webhook};

impl FactSource for SqliteBackend {
    fn counters(&mut self) -> Result<Counters, FactsError> {
        let sql = "SELECT max(position, (SELECT coalesce(max(position), 0) FROM messages),
                (SELECT coalesce(max(position), 0) FROM notices)),
            (SELECT coalesce(max(key), 0) FROM users), (SELECT coalesce(max(key), 0) FROM groups),
            (SELECT coalesce(max(key), 0) FROM conversations) FROM meta";
        let read = |row: &Row| {
            Ok(Counters {
                position: row.get(0)?,
                user: row.get(1)?,
                group: row.get(2)?,
                conversation: row.get(3)?,
            })
        };
        let stored = one(&self.im, sql, [], read)?.unwrap_or_default();
        Ok(Counters {
            position: stored.position.max(self.batch.position),
            ..stored
        })
    }

    fn user(&mut self, key: UserKey) -> Result<Option<User>, FactsError> {
        Ok(rows::user_by_key(&self.im, key)?)
    }

    fn user_by_id(&mut self, folded: &str) -> Result<Option<UserKey>, FactsError> {
        Ok(rows::user_key_by_id(&self.im, folded)?)
    }

    fn user_by_username(&mut self, folded: &str) -> Result<Option<UserKey>, FactsError> {
        Ok(rows::user_key_by_username(&self.im, folded)?)
    }

    fn is_token_revoked(&mut self, user: UserKey, token: &TokenId) -> Result<bool, FactsError> {
        let sql = "SELECT 1 FROM revoked_tokens WHERE user = ?1 AND token = ?2";
        Ok(one(&self.im, sql, params![user.0, token.to_hex()], |_| Ok(()))?.is_some())
    }

    fn group(&mut self, key: GroupKey) -> Result<Option<Group>, FactsError> {
        Ok(rows::group_by_key(&self.im, key)?)
    }

    fn group_by_id(&mut self, folded: &str) -> Result<Option<GroupKey>, FactsError> {
        Ok(rows::group_key_by_id(&self.im, folded)?)
    }

    fn members(&mut self, group: GroupKey) -> Result<Vec<Member>, FactsError> {
        let sql = format!(
            "SELECT {} FROM members WHERE group_key = ?1 ORDER BY joined_at, user",
            rows::MEMBER
        );
        Ok(all(&self.im, &sql, [group.0], rows::member)?)
    }

    fn groups_of(&mut self, user: UserKey) -> Result<Vec<GroupKey>, FactsError> {
        let sql = "SELECT m.group_key FROM members m JOIN groups g ON g.key = m.group_key
            WHERE m.user = ?1 AND NOT g.dismissed ORDER BY m.group_key";
        Ok(all(&self.im, sql, [user.0], |row| row.get(0).map(GroupKey))?)
    }

    fn conversation(&mut self, parties: Parties) -> Result<Option<Conversation>, FactsError> {
        let Some(row) = rows::conversation_of(&self.im, parties)? else {
            return Ok(None);
        };
        let mut conversation = row.with_tail(&self.tail.get()).conversation;
        let said =
            |message: &&Arc<Message>| message.conversation == conversation.key && message.seq > conversation.head;
        if let Some(newest) = self.batch.messages.iter().rev().find(said) {
            conversation.head = newest.seq;
            conversation.last_position = newest.position;
            conversation.last_at = newest.timestamp;
        }
        Ok(Some(conversation))
    }

    fn parties(&mut self, key: ConversationKey) -> Result<Option<Parties>, FactsError> {
        Ok(rows::conversation_by_key(&self.im, key)?.map(|row| row.conversation.parties))
    }

    fn progress(&mut self, conversation: ConversationKey, user: UserKey) -> Result<Progress, FactsError> {
        Ok(rows::progress(&self.im, conversation, user)?)
    }

    fn recent_ids(&mut self, count: usize, each: &mut dyn FnMut(Position, UserKey, &str)) -> Result<(), FactsError> {
        let Some(last_wanted) = count.checked_sub(1) else {
            return Ok(());
        };
        let sql = "SELECT position FROM messages ORDER BY position DESC LIMIT 1 OFFSET ?1";
        let start = one(&self.im, sql, [last_wanted as i64], |row| row.get::<_, i64>(0))?.unwrap_or(0);
        let sql = "SELECT position, sender, id FROM messages WHERE position >= ?1 ORDER BY position";
        let mut statement = self.im.prepare_cached(sql)?;
        let mut rows = statement.query([start])?;
        while let Some(row) = rows.next()? {
            let id = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
            each(Position(row.get(0)?), UserKey(row.get(1)?), id);
        }
        Ok(())
    }

    fn message(&mut self, position: Position) -> Result<Option<Message>, FactsError> {
        let of_batch = &self.batch.messages;
        let message = match of_batch.binary_search_by_key(&position, |message| message.position) {
            Ok(index) => Some(Arc::clone(&of_batch[index])),
            Err(_) => LogLoader::new(&self.im).message(position.0)?,
        };
        Ok(message.map(|message| Message::clone(&message)))
    }

    fn key(&mut self, digest: &[u8; 32]) -> Result<Option<ApiKey>, FactsError> {
        let sql = format!("SELECT {} FROM api_keys WHERE digest = ?1", rows::API_KEY);
        Ok(one(&self.credentials, &sql, [digest], rows::api_key)?)
    }

    fn key_by_id(&mut self, id: &str) -> Result<Option<ApiKey>, FactsError> {
        let sql = format!("SELECT {} FROM api_keys WHERE id = ?1", rows::API_KEY);
        Ok(one(&self.credentials, &sql, [id], rows::api_key)?)
    }

    fn webhook(&mut self, id: &str) -> Result<Option<Webhook>, FactsError> {
        let webhooks = webhooks::all(&self.im, &self.credentials)?;
        Ok(webhooks.into_iter().find(|webhook| webhook.id.as_ref() == id))
    }

    fn dead_deliveries(&mut self, webhook: &str) -> Result<Vec<Delivery>, FactsError> {
        let sql = format!(
            "SELECT {} FROM deliveries WHERE webhook = ?1 AND state = 'dead' ORDER BY position",
            rows::DELIVERY
        );
        Ok(all(&self.im, &sql, [webhook], rows::delivery)?)
    }
}
