//! What became true at a commit; the entries of the log as consumers see them.

use std::sync::Arc;

use super::command::{Receipt, Ticket};
use super::group::Group;
use super::id::{ConversationKey, Position, Timestamp, UserId, UserKey};
use super::message::Message;
use super::user::{TokenId, User};
use crate::base::connection::ConnectionId;

/// Who is to see an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Audience {
    /// Two users, or one twice.
    Pair(UserKey, UserKey),
    /// These users: the members at the commit, and those whom the event concerns.
    Users(Arc<[UserKey]>),
    /// No session (webhooks may still want it).
    Nobody,
}

/// Why sockets must close.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SessionEnd {
    /// Logged out, deleted or password changed: close 4501.
    TokenRevoked,
    /// Kicked by an admin: close 4502.
    Kicked,
    /// Banned: close 4503.
    Banned,
}

/// The lasting events beside messages: rows of the log, part of `sync` and of webhooks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoticeKind {
    /// An account was created.
    UserRegistered,
    /// A group was created with its first members.
    GroupCreated,
    /// Its name or policy changed.
    GroupUpdated,
    /// It ended.
    GroupDismissed,
    /// Users became members.
    GroupMemberAdded,
    /// Users are members no more; `by` is the user itself when it left.
    GroupMemberRemoved,
    /// A member's role changed.
    GroupRoleChanged,
    /// It has another owner.
    GroupTransferred,
}

impl NoticeKind {
    const ALL: [Self; 8] = [
        Self::UserRegistered,
        Self::GroupCreated,
        Self::GroupUpdated,
        Self::GroupDismissed,
        Self::GroupMemberAdded,
        Self::GroupMemberRemoved,
        Self::GroupRoleChanged,
        Self::GroupTransferred,
    ];

    /// The word used outside (webhook event and `kind` of a live event) and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserRegistered => "user_registered",
            Self::GroupCreated => "group_created",
            Self::GroupUpdated => "group_updated",
            Self::GroupDismissed => "group_dismissed",
            Self::GroupMemberAdded => "group_member_added",
            Self::GroupMemberRemoved => "group_member_removed",
            Self::GroupRoleChanged => "group_role_changed",
            Self::GroupTransferred => "group_transferred",
        }
    }

    /// Reads the word; `None` for any other.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// One lasting event beside messages.
#[derive(Clone, PartialEq, Debug)]
pub struct Notice {
    /// Where it stands in the log.
    pub position: Position,
    /// When.
    pub timestamp: Timestamp,
    /// What.
    pub kind: NoticeKind,
    /// The group concerned, as it is after the change, and its owner's id.
    pub group: Option<(Arc<Group>, UserId)>,
    /// The users concerned: who registered, was added, removed, got a role.
    pub users: Vec<Arc<User>>,
    /// Who did it; `None` for an admin.
    pub by: Option<UserId>,
}

/// What became true at a commit.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// A message was accepted.
    Message {
        /// It.
        message: Arc<Message>,
        /// The parties or members at the commit.
        audience: Audience,
        /// The connection that sent it, which gets the ack instead of the push.
        origin: Option<ConnectionId>,
    },
    /// Somebody read or received; only for live sessions (`sync` shows the state itself).
    Receipt {
        /// Where.
        conversation: ConversationKey,
        /// Who.
        user: UserId,
        /// What.
        receipt: Receipt,
        /// Up to where.
        seq: i64,
        /// The reader's own devices and, in a single conversation, the peer; a group's members.
        audience: Audience,
        /// The connection that said so.
        origin: Option<ConnectionId>,
    },
    /// An account or a group changed.
    Notice {
        /// It.
        notice: Arc<Notice>,
        /// Who sees it live.
        audience: Audience,
    },
    /// Sockets of a user must close, and cached tokens be forgotten.
    SessionsEnded {
        /// Whose.
        user: UserKey,
        /// One token, or all.
        token: Option<TokenId>,
        /// Why.
        reason: SessionEnd,
    },
    /// A user's profile or grants changed: cached accounts must be forgotten.
    UserChanged(UserKey),
    /// An API key ended: cached keys must be forgotten.
    KeyRevoked([u8; 32]),
    /// A webhook was created, changed, deleted or replayed: the sender reads its table again.
    WebhooksChanged,
}

/// The answer to one submission, placed among the events of its batch.
#[derive(Clone, PartialEq, Debug)]
pub struct Settlement {
    /// Who waits.
    pub ticket: Ticket,
    /// How many of the batch's events come before it: an ack of `seq` n follows the pushes below n.
    pub events_before: u32,
    /// The answer.
    pub result: Result<super::command::Reply, super::rejection::Rejection>,
}

/// One commit as its consumers see it, shared by all of them.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CommittedBatch {
    /// Everything up to here is committed.
    pub head: i64,
    /// In log order.
    pub events: Vec<Event>,
    /// In the order of their submission; each asker picks its own.
    pub settlements: Vec<Settlement>,
}
