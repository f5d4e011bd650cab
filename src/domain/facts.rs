//! What decisions are made on: a cache of the store, kept only by the one thread that writes.
//!
//! Facts are loaded on demand through a [`FactSource`] and brought up to date by [`Change`]s as soon as
//! they are decided, so that a batch sees its own earlier commands. When a batch fails, [`Facts::forget`]
//! drops everything and the store is asked anew.

mod cache;
mod recent;

pub use cache::{Facts, Lookup, Members};

use super::command::ApiKey;
use super::conversation::{Conversation, Parties, Progress};
use super::group::{Group, Member};
use super::id::{ConversationKey, GroupKey, Position, UserKey};
use super::message::Message;
use super::user::{TokenId, User};
use super::webhook::{Delivery, Webhook};

/// The store could not answer; what it said.
#[derive(Debug)]
pub struct FactsError(pub String);

/// The next free numbers of the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// The newest log position.
    pub position: i64,
    /// The highest user key ever used.
    pub user: i64,
    /// The highest group key ever used.
    pub group: i64,
    /// The highest conversation key ever used.
    pub conversation: i64,
}

/// Where facts come from. Includes what the present batch has written.
pub trait FactSource {
    /// The next free numbers.
    fn counters(&mut self) -> Result<Counters, FactsError>;
    /// An account by key, deleted ones too.
    fn user(&mut self, key: UserKey) -> Result<Option<User>, FactsError>;
    /// The key of the account that is not deleted and has this id, ignoring case.
    fn user_by_id(&mut self, folded: &str) -> Result<Option<UserKey>, FactsError>;
    /// The key of the account that is not deleted and has this username, ignoring case.
    fn user_by_username(&mut self, folded: &str) -> Result<Option<UserKey>, FactsError>;
    /// Whether the token was logged out.
    fn is_token_revoked(&mut self, user: UserKey, token: &TokenId) -> Result<bool, FactsError>;
    /// A group by key, dismissed ones too.
    fn group(&mut self, key: GroupKey) -> Result<Option<Group>, FactsError>;
    /// The key of the group that is not dismissed and has this id, ignoring case.
    fn group_by_id(&mut self, folded: &str) -> Result<Option<GroupKey>, FactsError>;
    /// All members of a group, in order of joining.
    fn members(&mut self, group: GroupKey) -> Result<Vec<Member>, FactsError>;
    /// The groups a user is a member of.
    fn groups_of(&mut self, user: UserKey) -> Result<Vec<GroupKey>, FactsError>;
    /// A conversation by its parties, with its true head.
    fn conversation(&mut self, parties: Parties) -> Result<Option<Conversation>, FactsError>;
    /// A conversation's parties by its key.
    fn parties(&mut self, key: ConversationKey) -> Result<Option<Parties>, FactsError>;
    /// A user's receipts in a conversation.
    fn progress(&mut self, conversation: ConversationKey, user: UserKey) -> Result<Progress, FactsError>;
    /// Calls back for the newest `count` messages, oldest first.
    fn recent_ids(&mut self, count: usize, each: &mut dyn FnMut(Position, UserKey, &str)) -> Result<(), FactsError>;
    /// A message by its log position.
    fn message(&mut self, position: Position) -> Result<Option<Message>, FactsError>;
    /// An API key by its digest.
    fn key(&mut self, digest: &[u8; 32]) -> Result<Option<ApiKey>, FactsError>;
    /// An API key by its id.
    fn key_by_id(&mut self, id: &str) -> Result<Option<ApiKey>, FactsError>;
    /// A webhook by its id.
    fn webhook(&mut self, id: &str) -> Result<Option<Webhook>, FactsError>;
    /// The dead events of a webhook.
    fn dead_deliveries(&mut self, webhook: &str) -> Result<Vec<Delivery>, FactsError>;
}
