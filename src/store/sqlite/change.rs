//! Changes as rows. Each may be written twice with the effect of once.

use rusqlite::{Connection, Statement, params};

use super::{integers, webhooks};
use crate::domain::command::{ApiKey, Receipt};
use crate::domain::conversation::{Conversation, Parties};
use crate::domain::event::Notice;
use crate::domain::group::{Group, Member};
use crate::domain::id::{ConversationKey, GroupKey, Position, Timestamp, UserKey};
use crate::domain::message::Message;
use crate::domain::user::{PasswordHash, TokenId, User};
use crate::domain::webhook::{Delivery, Webhook};

type Written = rusqlite::Result<()>;

/// Milliseconds for which a revoked token is remembered beyond its end, should the clock be set back.
const ENDED_TOKEN_KEPT_MS: i64 = 24 * 60 * 60 * 1_000;

/// Ended tokens forgotten when one is revoked: more than one, so that the table does not grow for ever.
const ENDED_TOKENS_PER_NEW: i64 = 4;

/// Runs one statement of `im.db` or `credentials.db` through the statement cache.
fn run(connection: &Connection, sql: &str, parameters: impl rusqlite::Params) -> Written {
    connection.prepare_cached(sql)?.execute(parameters).map(|_| ())
}

pub fn put_user(im: &Connection, user: &User) -> Written {
    let sql = "INSERT INTO users (key, id, username, nickname, avatar, status, created_at, generation, granted)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
        ON CONFLICT (key) DO UPDATE SET id = excluded.id, username = excluded.username, nickname = excluded.nickname,
            avatar = excluded.avatar, status = excluded.status, generation = excluded.generation,
            granted = excluded.granted";
    let granted = integers::write(user.granted.iter().map(|key| key.0));
    let (id, username, status) = (user.id.as_str(), user.username.as_str(), user.status.as_str());
    let (nickname, avatar) = (user.nickname.as_deref(), user.avatar.as_deref());
    run(
        im,
        sql,
        params![
            user.key.0,
            id,
            username,
            nickname,
            avatar,
            status,
            user.created_at,
            user.generation,
            granted
        ],
    )
}

pub fn put_password(credentials: &Connection, user: UserKey, hash: &PasswordHash) -> Written {
    run(
        credentials,
        "INSERT OR REPLACE INTO passwords (user, hash) VALUES (?1, ?2)",
        params![user.0, hash.0],
    )
}

pub fn put_revoked_token(im: &Connection, user: UserKey, token: &TokenId, expires_at: Timestamp) -> Written {
    let sql = "INSERT OR REPLACE INTO revoked_tokens (user, token, expires_at) VALUES (?1, ?2, ?3)";
    run(im, sql, params![user.0, token.to_hex(), expires_at])?;
    drop_ended_tokens(im, ENDED_TOKENS_PER_NEW)
}

/// Forgets revoked tokens that have ended a while ago, at most so many, oldest first.
pub fn drop_ended_tokens(im: &Connection, limit: i64) -> Written {
    let sql = "DELETE FROM revoked_tokens WHERE (user, token) IN (
            SELECT user, token FROM revoked_tokens
            WHERE expires_at < unixepoch() * 1000 - ?1 ORDER BY expires_at LIMIT ?2)";
    run(im, sql, [ENDED_TOKEN_KEPT_MS, limit])
}

pub fn put_group(im: &Connection, group: &Group) -> Written {
    let sql = "INSERT INTO groups
        (key, id, name, owner, join_policy, member_count, created_at, dismissed, conversation)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
        ON CONFLICT (key) DO UPDATE SET id = excluded.id, name = excluded.name, owner = excluded.owner,
            join_policy = excluded.join_policy, member_count = excluded.member_count, dismissed = excluded.dismissed";
    let (id, policy) = (group.id.as_str(), group.join_policy.as_str());
    run(
        im,
        sql,
        params![
            group.key.0,
            id,
            group.name,
            group.owner.0,
            policy,
            group.member_count,
            group.created_at,
            group.dismissed,
            group.conversation.0
        ],
    )
}

pub fn put_member(im: &Connection, group: GroupKey, member: &Member) -> Written {
    let sql = "INSERT OR REPLACE INTO members (group_key, user, role, joined_at) VALUES (?1, ?2, ?3, ?4)";
    run(
        im,
        sql,
        params![group.0, member.user.0, member.role.as_str(), member.joined_at],
    )
}

pub fn drop_member(im: &Connection, group: GroupKey, user: UserKey) -> Written {
    run(
        im,
        "DELETE FROM members WHERE group_key = ?1 AND user = ?2",
        [group.0, user.0],
    )
}

pub fn put_conversation(im: &Connection, conversation: &Conversation) -> Written {
    let (low, high, group) = match conversation.parties {
        Parties::Pair(low, high) => (Some(low.0), Some(high.0), None),
        Parties::Group(group) => (None, None, Some(group.0)),
    };
    let sql =
        "INSERT INTO conversations (key, low, high, group_key) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (key) DO NOTHING";
    run(im, sql, params![conversation.key.0, low, high, group])
}

pub fn put_participant(im: &Connection, conversation: ConversationKey, user: UserKey, position: Position) -> Written {
    let sql = "INSERT INTO participants (user, conversation, since_position) VALUES (?1, ?2, ?3)
        ON CONFLICT (user, conversation) DO NOTHING";
    run(im, sql, [user.0, conversation.0, position.0])
}

pub fn drop_participant(im: &Connection, conversation: ConversationKey, user: UserKey) -> Written {
    run(
        im,
        "DELETE FROM participants WHERE user = ?1 AND conversation = ?2",
        [user.0, conversation.0],
    )
}

/// For [`put_message`].
pub const INSERT_MESSAGE: &str = "INSERT INTO messages (position, conversation, seq, sender, sent_at, id,
        content_type, content, content_is_json, reply_to, mentions, ext)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT (position) DO NOTHING";

/// Answers whether it is new.
pub fn put_message(insert: &mut Statement, message: &Message) -> rusqlite::Result<bool> {
    let body = &message.body;
    let added = insert.execute(params![
        message.position.0,
        message.conversation.0,
        message.seq,
        message.from.0,
        message.timestamp,
        message.id.as_str(),
        body.content_type.as_str(),
        body.content.as_str(),
        body.content.is_json(),
        body.reply_to,
        body.mentions,
        body.ext
    ])?;
    Ok(added == 1)
}

/// Receipts only move forward.
pub fn put_receipt(
    im: &Connection,
    (conversation, user): (ConversationKey, UserKey),
    receipt: Receipt,
    seq: i64,
    position: Position,
) -> Written {
    let sql = match receipt {
        Receipt::Read => {
            "UPDATE participants SET read_seq = max(read_seq, ?3), changed_position = max(changed_position, ?4)
             WHERE user = ?1 AND conversation = ?2"
        }
        Receipt::Received => {
            "UPDATE participants SET received_seq = max(received_seq, ?3), changed_position = max(changed_position, ?4)
             WHERE user = ?1 AND conversation = ?2"
        }
    };
    run(im, sql, [user.0, conversation.0, seq, position.0])
}

pub fn put_notice(im: &Connection, notice: &Notice) -> Written {
    let group = notice.group.as_ref().map(|(group, _)| group);
    let users = integers::write(notice.users.iter().map(|user| user.key.0));
    let sql = "INSERT OR REPLACE INTO notices (position, kind, at, group_key, conversation, by_user, users)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let (group_key, conversation) = (group.map(|group| group.key.0), group.map(|group| group.conversation.0));
    let by = notice.by.as_ref().map(|by| by.as_str());
    run(
        im,
        sql,
        params![
            notice.position.0,
            notice.kind.as_str(),
            notice.timestamp,
            group_key,
            conversation,
            by,
            users
        ],
    )?;
    for user in &notice.users {
        let sql = "INSERT OR IGNORE INTO notice_users (user, position) VALUES (?1, ?2)";
        run(im, sql, [user.key.0, notice.position.0])?;
    }
    Ok(())
}

pub fn put_key(credentials: &Connection, key: &ApiKey) -> Written {
    let sql = "INSERT OR REPLACE INTO api_keys (id, name, prefix, digest, scopes, created_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    run(
        credentials,
        sql,
        params![key.id, key.name, key.prefix, key.digest, key.scopes, key.created_at],
    )
}

pub fn drop_key(credentials: &Connection, id: &str) -> Written {
    run(credentials, "DELETE FROM api_keys WHERE id = ?1", [id])
}

pub fn put_webhook(im: &Connection, credentials: &Connection, webhook: &Webhook) -> Written {
    webhooks::put_secret(credentials, webhook)?;
    webhooks::put_position(im, &webhook.id, webhook.position)
}

pub fn move_webhook(im: &Connection, webhook: &str, position: Position) -> Written {
    run(
        im,
        "UPDATE webhook_positions SET position = ?2 WHERE webhook = ?1",
        params![webhook, position.0],
    )
}

pub fn put_delivery(im: &Connection, delivery: &Delivery) -> Written {
    let sql = "INSERT OR REPLACE INTO deliveries (webhook, position, state, attempts, next_attempt_at, error)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let state = delivery.state.as_str();
    run(
        im,
        sql,
        params![
            delivery.webhook,
            delivery.position.0,
            state,
            delivery.attempts,
            delivery.next_attempt_at,
            delivery.error
        ],
    )
}

pub fn drop_delivery(im: &Connection, webhook: &str, position: Position) -> Written {
    run(
        im,
        "DELETE FROM deliveries WHERE webhook = ?1 AND position = ?2",
        params![webhook, position.0],
    )
}

/// Removes what `im.db` no longer refers to. Runs after the commit there.
pub fn drop_orphan(credentials: &Connection, orphan: &Orphan) -> Written {
    match orphan {
        Orphan::Password(user) => run(credentials, "DELETE FROM passwords WHERE user = ?1", [user.0]),
        Orphan::Webhook(id) => run(credentials, "DELETE FROM webhooks WHERE id = ?1", [id]),
    }
}

/// A row of `credentials.db` whose owner in `im.db` is going.
#[derive(Debug)]
pub enum Orphan {
    /// Of an account that was deleted.
    Password(UserKey),
    /// Of a webhook that was deleted.
    Webhook(Box<str>),
}
