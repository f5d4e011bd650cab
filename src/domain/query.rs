//! Reads, and their answers. Permission is checked in the same read transaction as the data.

use std::sync::Arc;

use super::command::{Actor, ApiKey, ConversationRef};
use super::conversation::{ChatType, Progress};
use super::event::Notice;
use super::group::{Group, Member};
use super::id::{ConversationKey, GroupId, Position, Timestamp, UserId, UserKey, Username};
use super::message::Message;
use super::user::{PasswordHash, User};
use super::webhook::{Delivery, DeliveryState, Webhook};

/// Which part of a history is asked for. Bounds are exclusive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Window {
    /// The newest.
    Newest,
    /// The newest below this `seq`.
    Before(i64),
    /// The oldest above this `seq`.
    After(i64),
    /// Half below, this one, and the rest above.
    Around(i64),
    /// From the first to the second, both inclusive (`pull`).
    Range(i64, i64),
}

/// A place in the log from which a user's `sync` goes on. The edge seals it into an opaque text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SyncCursor {
    /// Everything up to here is known to the client.
    pub position: Position,
    /// In a first load: conversations up to this key are sent already, and `position` is where the load began.
    pub loaded: Option<ConversationKey>,
}

/// A page of a list, by keyset. The cursor is the last item's sort key.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Page {
    /// Begin after this item.
    pub cursor: Option<Box<str>>,
    /// At most so many.
    pub limit: u32,
}

/// A list and where it goes on.
#[derive(Clone, PartialEq, Debug)]
pub struct Listed<T> {
    /// The items.
    pub items: Vec<T>,
    /// The cursor of the next page, if there is one.
    pub next: Option<Box<str>>,
}

/// Every read.
#[derive(Clone, PartialEq, Debug)]
pub enum Query {
    /// Messages of one conversation, for a party, a member, or an admin. Answers [`Answer::History`].
    History {
        /// Who asks.
        actor: Actor,
        /// Which.
        conversation: ConversationRef,
        /// Which part.
        window: Window,
        /// At most so many.
        limit: u32,
    },
    /// Who else in a conversation has received and read a message, for a party or a member: the peer, or the other
    /// members in order of joining. Answers [`Answer::Standings`].
    Standings {
        /// Who asks.
        user: UserKey,
        /// Where.
        conversation: ConversationRef,
        /// Which message.
        seq: i64,
        /// Which page.
        page: Page,
    },
    /// The user's conversations, newest first. Answers [`Answer::Conversations`].
    Conversations(UserKey, Page),
    /// What concerns the user since the cursor. Answers [`Answer::Sync`].
    Sync {
        /// Whose.
        user: UserKey,
        /// Since when; `None` loads from the start.
        cursor: Option<SyncCursor>,
        /// Newest messages of each conversation in a first load; messages per page otherwise.
        limit: u32,
    },
    /// One user. Answers [`Answer::User`].
    User(UserId),
    /// Active users whose id, username or nickname begins with the text, ignoring ASCII case. Answers [`Answer::Users`].
    SearchUsers(Box<str>, Page),
    /// All users that are not deleted, by key. Answers [`Answer::Users`].
    Users(Page),
    /// One group, for a member or an admin. Answers [`Answer::Group`].
    Group(Actor, GroupId),
    /// Its members, for a member or an admin, in order of joining. Answers [`Answer::Members`].
    Members(Actor, GroupId, Page),
    /// The groups a user is a member of. Answers [`Answer::Groups`].
    GroupsOf(UserKey, Page),
    /// All groups that are not dismissed. Answers [`Answer::Groups`].
    Groups(Page),
    /// The password of an active or banned account. Answers [`Answer::Password`].
    Password(Username),
    /// The password of an account instance. Answers [`Answer::Password`].
    PasswordOf(UserKey),
    /// Those of the users who share a conversation with the first. Answers [`Answer::Keys`].
    Sharing(UserKey, Vec<UserId>),
    /// Who would see an ephemeral signal of the user there. Answers [`Answer::Audience`].
    AudienceOf {
        /// Who signals.
        user: UserKey,
        /// In which kind of conversation.
        chat_type: ChatType,
        /// With whom.
        peer: Box<str>,
    },
    /// All API keys. Answers [`Answer::ApiKeys`].
    ApiKeys,
    /// All webhooks with their secrets and positions. Answers [`Answer::Webhooks`].
    Webhooks,
    /// Failing events of a webhook. Answers [`Answer::Deliveries`].
    Deliveries {
        /// Whose.
        webhook: Box<str>,
        /// Only these.
        state: Option<DeliveryState>,
        /// Which page.
        page: Page,
    },
    /// Log entries above a position, in order. Answers [`Answer::Log`].
    Log {
        /// Above this.
        after: Position,
        /// At most so many.
        limit: u32,
    },
    /// Row counts. Answers [`Answer::Counts`].
    Counts,
}

/// A page of a history, in ascending `seq`.
#[derive(Clone, PartialEq, Debug)]
pub struct History {
    /// Where; `None` while nobody has written there.
    pub conversation: Option<ConversationKey>,
    /// The messages.
    pub messages: Vec<Arc<Message>>,
    /// There are more in the paging direction.
    pub has_more: bool,
}

/// How one user stands to one message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Who.
    pub user: UserId,
    /// It is read, or the user has written since.
    pub read: bool,
    /// It has arrived on some device.
    pub received: bool,
}

impl Standing {
    /// What a user's receipts and newest own `seq` (0 without one) say about a message.
    pub fn new(user: UserId, progress: Progress, own_last: i64, seq: i64) -> Self {
        let read = progress.read.max(own_last) >= seq;
        Self {
            user,
            read,
            received: read || progress.received >= seq,
        }
    }
}

/// A conversation as one of its users sees it.
#[derive(Clone, PartialEq, Debug)]
pub struct ConversationView {
    /// Which.
    pub conversation: ConversationKey,
    /// Its kind.
    pub chat_type: ChatType,
    /// The other user's id or the group's.
    pub peer_id: Arc<str>,
    /// The newest `seq`.
    pub head: i64,
    /// The user's receipts.
    pub progress: Progress,
    /// The `seq` of the user's newest own message, 0 without one.
    pub own_last: i64,
    /// The newest message.
    pub last_message: Option<Arc<Message>>,
}

impl ConversationView {
    /// Computed, never counted up: what lies above the user's read position and own last message.
    pub fn unread(&self) -> i64 {
        (self.head - self.progress.read.max(self.own_last)).max(0)
    }
}

/// A page of a `sync`.
#[derive(Clone, PartialEq, Debug)]
pub struct SyncPage {
    /// Where the next page or the next sync goes on.
    pub cursor: SyncCursor,
    /// `false`: the cursor was unknown, so this is a load from the start.
    pub recovered: bool,
    /// Conversations that are new or changed.
    pub conversations: Vec<ConversationView>,
    /// In log order.
    pub messages: Vec<Arc<Message>>,
    /// In log order.
    pub notices: Vec<Arc<Notice>>,
    /// Ask again.
    pub more: bool,
}

/// A password on its way to be checked.
#[derive(Clone, PartialEq, Debug)]
pub struct StoredPassword {
    /// Whose, with the generation under which it was read.
    pub user: Arc<User>,
    /// `None` when the account has none.
    pub hash: Option<PasswordHash>,
}

/// One entry of the log.
#[derive(Clone, PartialEq, Debug)]
pub enum LogEntry {
    /// A message.
    Message(Arc<Message>),
    /// A notice.
    Notice(Arc<Notice>),
}

impl LogEntry {
    /// Where it stands.
    pub fn position(&self) -> Position {
        match self {
            Self::Message(message) => message.position,
            Self::Notice(notice) => notice.position,
        }
    }

    /// When it was committed.
    pub fn timestamp(&self) -> Timestamp {
        match self {
            Self::Message(message) => message.timestamp,
            Self::Notice(notice) => notice.timestamp,
        }
    }
}

/// Row counts for the statistics.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Accounts that are not deleted.
    pub users: i64,
    /// Groups that are not dismissed.
    pub groups: i64,
    /// Conversations.
    pub conversations: i64,
    /// Messages.
    pub messages: i64,
}

/// What is answered to a query.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// A page of messages.
    History(History),
    /// Users and how they stand to a message.
    Standings(Listed<Standing>),
    /// A page of conversations.
    Conversations(Listed<ConversationView>),
    /// A page of a sync.
    Sync(SyncPage),
    /// One user.
    User(Arc<User>),
    /// Users.
    Users(Listed<Arc<User>>),
    /// One group and its owner's id.
    Group(Arc<Group>, UserId),
    /// Members with their accounts.
    Members(Listed<(Member, Arc<User>)>),
    /// Groups and their owners' ids.
    Groups(Listed<(Arc<Group>, UserId)>),
    /// `None`: no such account.
    Password(Option<StoredPassword>),
    /// Users by key and id.
    Keys(Vec<(UserKey, UserId)>),
    /// Account instances, without the asking one in a group.
    Audience(Arc<[UserKey]>),
    /// API keys.
    ApiKeys(Vec<ApiKey>),
    /// Webhooks.
    Webhooks(Vec<Arc<Webhook>>),
    /// Failing events.
    Deliveries(Listed<Delivery>),
    /// Log entries, and the position up to which the log was read.
    Log(Vec<LogEntry>, Position),
    /// Row counts.
    Counts(Counts),
}
