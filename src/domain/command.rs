//! Every lasting change somebody may ask for, and what is answered.

use std::sync::Arc;

use super::conversation::ChatType;
use super::group::{Group, JoinPolicy, Role};
use super::id::{ConversationKey, GroupId, MessageId, Position, Timestamp, UserId, UserKey, Username};
use super::message::Body;
use super::rejection::Rejection;
use super::user::{PasswordHash, TokenId, User, UserRef};
use super::webhook::{Delivery, Webhook, WebhookKind};
use crate::base::connection::ConnectionId;

/// Who asks. Scopes of API keys are checked before a command is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Actor {
    /// A user by its account instance, from a checked token.
    User(UserKey),
    /// A back end by API key, the operator's command line, or the server itself.
    Admin,
}

/// A user to be created.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewUser {
    /// Defaults to the username.
    pub id: Option<UserId>,
    /// The name to sign in with.
    pub username: Username,
    /// The display name.
    pub nickname: Option<Arc<str>>,
    /// Without one the account signs in by minted tokens alone.
    pub password: Option<PasswordHash>,
}

/// A message to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Send {
    /// The idempotency key; made by the gateway when the client gave none.
    pub id: MessageId,
    /// The author, when it is not the actor (sender rule); required of [`Actor::Admin`].
    pub from: Option<UserId>,
    /// The kind of conversation.
    pub chat_type: ChatType,
    /// A user id or a group id, by `chat_type`; any text, since an impossible id is simply not found.
    pub to: Box<str>,
    /// What it says.
    pub body: Arc<Body>,
}

/// A conversation named from outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConversationRef {
    /// By `conversationId`.
    Key(ConversationKey),
    /// By `chatType` and `peerId`, seen from the actor.
    Peer(ChatType, Box<str>),
    /// By both parties of a single conversation (admin history).
    Pair(Box<str>, Box<str>),
}

/// A cumulative receipt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Receipt {
    /// Read up to here; clears unread on all devices.
    Read,
    /// Arrived on a device up to here.
    Received,
}

/// A change to a user's own profile or by an admin. `Some(None)` clears a field.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UserUpdate {
    /// The display name.
    pub nickname: Option<Option<Arc<str>>>,
    /// The picture.
    pub avatar: Option<Option<Arc<str>>>,
}

/// A group to be created.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewGroup {
    /// Made by the server when absent.
    pub id: GroupId,
    /// The display name.
    pub name: Arc<str>,
    /// The owner.
    pub creator: UserRef,
    /// Further first members.
    pub members: Vec<UserId>,
    /// Who may enter.
    pub join_policy: JoinPolicy,
}

/// An API key as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiKey {
    /// Its public id.
    pub id: Box<str>,
    /// A name for people.
    pub name: Box<str>,
    /// The first characters, to recognise it by.
    pub prefix: Box<str>,
    /// SHA-256 of the key.
    pub digest: [u8; 32],
    /// Bits of `auth::key::Scopes`.
    pub scopes: u8,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A webhook to be created.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUpdate {
    /// A name for people.
    pub name: Option<Box<str>>,
    /// The target.
    pub url: Option<Box<str>>,
    /// Its format.
    pub kind: Option<WebhookKind>,
    /// Event names, or `*`.
    pub events: Option<Vec<Box<str>>>,
    /// The signing secret.
    pub secret: Option<Box<str>>,
    /// Switched on or off.
    pub enabled: Option<bool>,
}

impl std::fmt::Debug for WebhookUpdate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("WebhookUpdate")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// Every lasting change, and the checks that must happen in log order.
#[derive(Clone, PartialEq, Debug)]
pub enum Command {
    /// Register, admin create (one) or import (many). Answers [`Reply::Created`].
    CreateUsers(Vec<NewUser>),
    /// Is this token still good? Answers [`Reply::Account`]. Runs in log order, so that a socket that
    /// attaches afterwards misses neither an event nor the end of its token.
    Authenticate {
        /// The account instance the token names.
        user: UserKey,
        /// The token generation it carries.
        generation: i64,
        /// The token itself, which may have been logged out.
        token: Option<TokenId>,
    },
    /// The accounts as they are now, for minting tokens. Answers [`Reply::Accounts`].
    LookUpAccounts(Vec<UserRef>),
    /// Is this API key good? Answers [`Reply::Key`].
    AuthenticateKey([u8; 32]),
    /// Ends one token and its sockets.
    RevokeToken {
        /// Whose.
        user: UserKey,
        /// Which.
        token: TokenId,
        /// When the token ends by itself, after which the revocation is forgotten.
        expires_at: Timestamp,
    },
    /// Ends all tokens and sockets of a user.
    RevokeTokens(UserRef),
    /// Closes a user's sockets (4502) but leaves its tokens.
    KickUser(UserRef),
    /// Answers [`Reply::User`].
    UpdateUser {
        /// Whose.
        user: UserRef,
        /// What.
        update: UserUpdate,
    },
    /// Sets a password and ends all tokens. Answers [`Reply::Account`].
    SetPassword {
        /// Whose.
        user: UserRef,
        /// The new one.
        password: PasswordHash,
        /// The generation under which the old password was checked; `None` for an admin.
        generation: Option<i64>,
    },
    /// Bans or unbans.
    SetBanned {
        /// Whom.
        user: UserRef,
        /// To what.
        banned: bool,
    },
    /// Ends an account; the id becomes free for another instance.
    DeleteUser(UserRef),
    /// Lets a user send in another's name, or no longer.
    SetGrant {
        /// Who sends.
        user: UserRef,
        /// In whose name.
        identity: UserRef,
        /// Whether it may.
        granted: bool,
    },
    /// Sends a message. Answers [`Reply::Sent`].
    Send(Box<Send>),
    /// Moves the actor's receipt forward. Answers [`Reply::Receipt`].
    Acknowledge {
        /// Where.
        conversation: ConversationRef,
        /// What.
        receipt: Receipt,
        /// Up to where; above the head counts as the head.
        seq: i64,
    },
    /// Answers [`Reply::Group`].
    CreateGroup(NewGroup),
    /// Answers [`Reply::Group`].
    UpdateGroup {
        /// Which.
        group: GroupId,
        /// The new name.
        name: Option<Arc<str>>,
        /// The new policy.
        join_policy: Option<JoinPolicy>,
    },
    /// Invites. Those who are members already stay as they are. Answers [`Reply::Group`].
    AddMembers {
        /// Where.
        group: GroupId,
        /// Whom.
        members: Vec<UserId>,
    },
    /// Kicks. Those who are no members are passed over. Answers [`Reply::Group`].
    RemoveMembers {
        /// Where.
        group: GroupId,
        /// Whom.
        members: Vec<UserId>,
    },
    /// Enters an open group. Answers [`Reply::Group`].
    JoinGroup(GroupId),
    /// Leaves. Answers [`Reply::Done`].
    LeaveGroup(GroupId),
    /// Gives a role (`admin` or `member`). Answers [`Reply::Done`].
    SetRole {
        /// Where.
        group: GroupId,
        /// Whom.
        user: UserId,
        /// What; never `owner`.
        role: Role,
    },
    /// Hands the group to another member; the old owner becomes an admin. Answers [`Reply::Group`].
    TransferGroup {
        /// Which.
        group: GroupId,
        /// To whom.
        user: UserId,
    },
    /// Ends the group. Answers [`Reply::Done`].
    DismissGroup(GroupId),
    /// Stores an API key.
    CreateKey(ApiKey),
    /// Ends an API key.
    RevokeKey(Box<str>),
    /// Stores a webhook; its position becomes the log's head.
    CreateWebhook(Box<Webhook>),
    /// Changes a webhook. Answers [`Reply::Done`].
    UpdateWebhook {
        /// Which.
        id: Box<str>,
        /// What.
        update: WebhookUpdate,
    },
    /// Ends a webhook and forgets its failing events.
    DeleteWebhook(Box<str>),
    /// Records how far a webhook has come and what is failing (from the webhook sender alone).
    RecordDeliveries {
        /// Which.
        webhook: Box<str>,
        /// Everything up to here is delivered or in `failing`; `None` leaves it.
        position: Option<Position>,
        /// Rows to write.
        failing: Vec<Delivery>,
        /// Rows that were delivered after all.
        delivered: Vec<Position>,
    },
    /// Makes dead events due again: one, or all of the webhook.
    ReplayDeliveries {
        /// Which webhook.
        webhook: Box<str>,
        /// Which event.
        position: Option<Position>,
    },
    /// Commits nothing and answers when everything before it is committed (`/readyz`).
    Probe,
}

/// An account as a token needs it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// The account.
    pub user: Arc<User>,
}

/// The result of a send.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sent {
    /// The message's id.
    pub id: MessageId,
    /// Where it is.
    pub conversation: ConversationKey,
    /// Its number there.
    pub seq: i64,
    /// When it was accepted.
    pub timestamp: Timestamp,
    /// It had been accepted before.
    pub duplicate: bool,
}

/// What is answered to a command that was accepted.
#[derive(Clone, PartialEq, Debug)]
pub enum Reply {
    /// Nothing to say.
    Done,
    /// One result per user, in order.
    Created(Vec<Result<Arc<User>, Rejection>>),
    /// An account and its present generation.
    Account(Account),
    /// One result per user, in order.
    Accounts(Vec<Result<Account, Rejection>>),
    /// An API key that is valid.
    Key(ApiKey),
    /// A user.
    User(Arc<User>),
    /// A group.
    Group(Arc<Group>, UserId),
    /// A message.
    Sent(Sent),
    /// A receipt as it now stands.
    Receipt {
        /// Where.
        conversation: ConversationKey,
        /// Up to where.
        seq: i64,
    },
}

/// A command on its way to the writer.
#[derive(Clone, PartialEq, Debug)]
pub struct Submission {
    /// Who asks.
    pub actor: Actor,
    /// What.
    pub command: Command,
    /// The connection it came by; pushes of its own message leave it out.
    pub connection: Option<ConnectionId>,
    /// Who waits for the answer.
    pub ticket: Ticket,
}

/// Names a waiting caller: a shard's table of tickets, or another thread's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ticket {
    /// Index of the asker: a shard's number, or [`Ticket::NOBODY`]'s.
    pub asker: u16,
    /// The asker's own number for the command.
    pub number: u64,
}

impl Ticket {
    /// The asker number of callers that wait for no answer.
    pub const NOBODY: u16 = u16::MAX;
    /// The asker number of the webhook sender.
    pub const WEBHOOKS: u16 = u16::MAX - 1;
}
