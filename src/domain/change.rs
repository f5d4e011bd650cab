//! What a decision writes: rows for the store, facts for the cache.

use std::sync::Arc;

use super::command::{ApiKey, Receipt};
use super::conversation::Conversation;
use super::event::Notice;
use super::group::{Group, Member};
use super::id::{ConversationKey, GroupKey, Position, Timestamp, UserKey};
use super::message::Message;
use super::user::{PasswordHash, TokenId, User};
use super::webhook::{Delivery, Webhook};

/// One row-level change. Applying the same one twice has the effect of once.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// Inserts or replaces an account. A deleted one frees its id and username.
    PutUser(Arc<User>),
    /// Sets a password, in `credentials.db`.
    PutPassword(UserKey, PasswordHash),
    /// Removes a password, in `credentials.db`.
    DropPassword(UserKey),
    /// Remembers a logged-out token until it would have ended.
    PutRevokedToken {
        /// Whose.
        user: UserKey,
        /// Which.
        token: TokenId,
        /// Until when.
        expires_at: Timestamp,
    },
    /// Inserts or replaces a group. A dismissed one frees its id.
    PutGroup(Arc<Group>),
    /// Inserts or replaces a member.
    PutMember(GroupKey, Member),
    /// Removes a member.
    DropMember(GroupKey, UserKey),
    /// Inserts a conversation (never changes one; heads follow from its messages).
    PutConversation(Conversation),
    /// Lists a conversation for a user, from the moment it concerns the user.
    PutParticipant {
        /// Where.
        conversation: ConversationKey,
        /// Whom.
        user: UserKey,
        /// The log position since when.
        position: Position,
    },
    /// Lists it no more.
    DropParticipant {
        /// Where.
        conversation: ConversationKey,
        /// Whom.
        user: UserKey,
    },
    /// Appends a message.
    PutMessage(Arc<Message>),
    /// Moves a receipt.
    PutReceipt {
        /// Where.
        conversation: ConversationKey,
        /// Whose.
        user: UserKey,
        /// Which.
        receipt: Receipt,
        /// Up to where.
        seq: i64,
        /// The log position of the change, for `sync`.
        position: Position,
    },
    /// Appends a notice, for the members of its group's conversation and for its users.
    PutNotice(Arc<Notice>),
    /// Stores an API key, in `credentials.db`.
    PutKey(ApiKey),
    /// Removes an API key, in `credentials.db`.
    DropKey(Box<str>),
    /// Stores a webhook, in `credentials.db`, its position in `im.db`.
    PutWebhook(Arc<Webhook>),
    /// Moves a webhook's position.
    PutWebhookPosition(Box<str>, Position),
    /// Removes a webhook, its position and its failing events.
    DropWebhook(Box<str>),
    /// Stores a failing event.
    PutDelivery(Delivery),
    /// Removes a failing event.
    DropDelivery(Box<str>, Position),
}
