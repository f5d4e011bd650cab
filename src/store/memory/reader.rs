//! Answers queries from the committed state.

use std::sync::{Arc, RwLock};

use super::history::{history, standings};
use super::lists;
use super::read;
use super::state::State;
use super::sync::sync;
use crate::domain::command::Actor;
use crate::domain::conversation::ChatType;
use crate::domain::group::Group;
use crate::domain::id::{GroupId, Position, UserId, UserKey};
use crate::domain::query::{Answer, Counts, LogEntry, Query, StoredPassword};
use crate::domain::rejection::Rejection;
use crate::domain::user::{User, UserStatus};
use crate::store::{QueryFault, Reader};

/// A reader of a [`MemoryStore`](super::MemoryStore).
#[derive(Debug)]
pub struct MemoryReader {
    committed: Arc<RwLock<State>>,
}

impl MemoryReader {
    pub(super) fn new(committed: Arc<RwLock<State>>) -> Self {
        Self { committed }
    }
}

impl Reader for MemoryReader {
    fn answer(&mut self, query: &Query) -> Result<Answer, QueryFault> {
        Ok(answer(&read(&self.committed), query)?)
    }
}

fn answer(state: &State, query: &Query) -> Result<Answer, Rejection> {
    Ok(match query {
        Query::History {
            actor,
            conversation,
            window,
            limit,
        } => Answer::History(history(state, *actor, conversation, *window, *limit)?),
        Query::Standings {
            user,
            conversation,
            seq,
            page,
        } => Answer::Standings(standings(state, *user, conversation, *seq, page)?),
        Query::Conversations(user, page) => Answer::Conversations(lists::conversations(state, *user, page)?),
        Query::Sync { user, cursor, limit } => Answer::Sync(sync(state, *user, *cursor, *limit)),
        Query::User(id) => Answer::User(user(state, id.as_str())?.clone()),
        Query::SearchUsers(text, page) => Answer::Users(lists::search(state, text, page)?),
        Query::Users(page) => Answer::Users(lists::users(state, page)?),
        Query::Group(actor, id) => {
            let (group, owner) = state
                .with_owner(visible(state, *actor, id)?)
                .ok_or(Rejection::GroupNotFound)?;
            Answer::Group(group, owner)
        }
        Query::Members(actor, id, page) => {
            Answer::Members(lists::members(state, visible(state, *actor, id)?.key, page)?)
        }
        Query::GroupsOf(user, page) => Answer::Groups(lists::groups_of(state, *user, page)?),
        Query::Groups(page) => Answer::Groups(lists::groups(state, page)?),
        Query::Password(name) => {
            let key = state.accounts.key_by_username(&name.folded());
            let user = key.and_then(|key| state.accounts.get(key));
            Answer::Password(
                user.filter(|user| user.username == *name)
                    .map(|user| password(state, user)),
            )
        }
        Query::PasswordOf(key) => {
            Answer::Password(state.accounts.get(*key).and_then(|user| usable_password(state, user)))
        }
        Query::Sharing(user, others) => Answer::Keys(sharing(state, *user, others)),
        Query::AudienceOf { user, chat_type, peer } => Answer::Audience(audience(state, *user, *chat_type, peer)?),
        Query::ApiKeys => Answer::ApiKeys(state.integrations.keys()),
        Query::Webhooks => Answer::Webhooks(state.integrations.webhooks()),
        Query::Deliveries {
            webhook,
            state: wanted,
            page,
        } => Answer::Deliveries(lists::deliveries(state, webhook, *wanted, page)?),
        Query::Log { after, limit } => log(state, *after, *limit as usize),
        Query::Counts => Answer::Counts(counts(state)),
    })
}

fn user<'a>(state: &'a State, id: &str) -> Result<&'a Arc<User>, Rejection> {
    state.accounts.by_id(id).ok_or(Rejection::UserNotFound)
}

/// A group as its members and admins may see it.
fn visible<'a>(state: &'a State, actor: Actor, id: &GroupId) -> Result<&'a Arc<Group>, Rejection> {
    let group = state.groups.by_id(id.as_str()).ok_or(Rejection::GroupNotFound)?;
    match actor {
        Actor::User(user) if !state.groups.is_member(group.key, user) => Err(Rejection::NotAMember),
        _ => Ok(group),
    }
}

fn usable_password(state: &State, user: &Arc<User>) -> Option<StoredPassword> {
    (user.status != UserStatus::Deleted).then(|| password(state, user))
}

fn password(state: &State, user: &Arc<User>) -> StoredPassword {
    StoredPassword {
        user: user.clone(),
        hash: state.accounts.password(user.key).cloned(),
    }
}

/// Those of the users who have a conversation with the first.
fn sharing(state: &State, user: UserKey, others: &[UserId]) -> Vec<(UserKey, UserId)> {
    let shares = |other: UserKey| {
        let mut own = state.conversations.of_user(user, None);
        own.any(|(conversation, _)| state.conversations.participant(conversation.key, other).is_some())
    };
    let known = others.iter().filter_map(|id| state.accounts.by_id(id.as_str()));
    known
        .filter(|other| shares(other.key))
        .map(|other| (other.key, other.id.clone()))
        .collect()
}

fn audience(state: &State, asker: UserKey, chat_type: ChatType, peer: &str) -> Result<Arc<[UserKey]>, Rejection> {
    match chat_type {
        ChatType::Single => Ok(Arc::new([user(state, peer)?.key])),
        ChatType::Group => {
            let group = state.groups.by_id(peer).ok_or(Rejection::GroupNotFound)?;
            if !state.groups.is_member(group.key, asker) {
                return Err(Rejection::NotAMember);
            }
            let members = state.groups.members(group.key).into_iter().map(|member| member.user);
            Ok(members.filter(|member| *member != asker).collect())
        }
    }
}

fn log(state: &State, after: Position, limit: usize) -> Answer {
    let entries = state.log.entries_after(after, limit);
    let head = Position(state.log.head()).max(after);
    let read_to = if entries.len() < limit {
        head
    } else {
        entries.last().map_or(after, LogEntry::position)
    };
    let shown = entries.into_iter().map(|entry| match entry {
        LogEntry::Message(message) => LogEntry::Message(state.shown(&message)),
        LogEntry::Notice(notice) => LogEntry::Notice(state.noticed(&notice)),
    });
    Answer::Log(shown.collect(), read_to)
}

fn counts(state: &State) -> Counts {
    Counts {
        users: state.accounts.living().count() as i64,
        groups: state.groups.living().count() as i64,
        conversations: state.conversations.count() as i64,
        messages: state.log.message_count() as i64,
    }
}
