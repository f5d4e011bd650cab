//! The cache of facts, and the view of it that a decision gets.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::recent::RecentMessages;
use super::{Counters, FactSource, FactsError};
use crate::base::limits;
use crate::domain::change::Change;
use crate::domain::conversation::{Conversation, Parties};
use crate::domain::group::{Group, Member};
use crate::domain::id::{ConversationKey, GroupKey, Position, UserKey};
use crate::domain::message::Message;
use crate::domain::rejection::Rejection;
use crate::domain::user::User;

type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// The members of one group, in order of joining.
#[derive(Clone, Debug, Default)]
pub struct Members {
    list: Vec<Member>,
    index: Map<UserKey, usize>,
    audience: Option<Arc<[UserKey]>>,
}

impl Members {
    fn new(list: Vec<Member>) -> Self {
        let index = list.iter().enumerate().map(|(at, member)| (member.user, at)).collect();
        Self {
            list,
            index,
            audience: None,
        }
    }

    /// One member.
    pub fn get(&self, user: UserKey) -> Option<&Member> {
        self.index.get(&user).and_then(|at| self.list.get(*at))
    }

    /// All members in order of joining.
    pub fn list(&self) -> &[Member] {
        &self.list
    }

    /// All members as an audience; made once per change of membership.
    pub fn audience(&mut self) -> Arc<[UserKey]> {
        let list = &self.list;
        self.audience
            .get_or_insert_with(|| list.iter().map(|member| member.user).collect())
            .clone()
    }

    fn put(&mut self, member: Member) {
        self.audience = None;
        match self.index.get(&member.user) {
            Some(at) => self.list[*at] = member,
            None => {
                self.index.insert(member.user, self.list.len());
                self.list.push(member);
            }
        }
    }

    fn drop(&mut self, user: UserKey) {
        if self.index.contains_key(&user) {
            self.list.retain(|member| member.user != user);
            *self = Self::new(std::mem::take(&mut self.list));
        }
    }
}

/// The writer's cache.
#[derive(Debug)]
pub struct Facts {
    counters: Option<Counters>,
    users: Map<UserKey, Arc<User>>,
    user_ids: Map<Box<str>, UserKey>,
    groups: Map<GroupKey, Arc<Group>>,
    group_ids: Map<Box<str>, GroupKey>,
    members: Map<GroupKey, Members>,
    conversations: Map<Parties, Conversation>,
    parties: Map<ConversationKey, Parties>,
    recent: RecentMessages,
    recent_loaded: bool,
    window: usize,
}

impl Facts {
    /// An empty cache that finds messages by id among the newest `window`.
    pub fn new(window: usize) -> Self {
        Self {
            counters: None,
            users: Map::default(),
            user_ids: Map::default(),
            groups: Map::default(),
            group_ids: Map::default(),
            members: Map::default(),
            conversations: Map::default(),
            parties: Map::default(),
            recent: RecentMessages::new(window),
            recent_loaded: false,
            window,
        }
    }

    /// Reads what must be there before the first message: the counters and the window of message ids.
    pub fn load(&mut self, source: &mut dyn FactSource) -> Result<(), FactsError> {
        if self.counters.is_none() {
            self.counters = Some(source.counters()?);
        }
        if !self.recent_loaded {
            let recent = &mut self.recent;
            source.recent_ids(self.window, &mut |position, sender, id| {
                recent.push(position, sender, id)
            })?;
            self.recent_loaded = true;
        }
        Ok(())
    }

    /// Drops everything learnt since the commit that ended at `committed`; the store is asked anew.
    pub fn forget(&mut self, committed: Position) {
        self.recent.truncate(committed);
        self.counters = None;
        self.clear();
    }

    /// Keeps the cache within its bound; called between batches.
    pub fn trim(&mut self) {
        let largest = self.users.len().max(self.conversations.len()).max(self.groups.len());
        if largest > limits::CACHED_FACTS {
            self.clear();
        }
    }

    fn clear(&mut self) {
        self.users.clear();
        self.user_ids.clear();
        self.groups.clear();
        self.group_ids.clear();
        self.members.clear();
        self.conversations.clear();
        self.parties.clear();
    }

    /// The newest log position decided so far.
    pub fn head(&self) -> Position {
        Position(self.counters.map_or(0, |counters| counters.position))
    }

    /// Brings what is cached up to date with a change that was just written.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::PutUser(user) => {
                self.user_ids.remove(user.id.folded().as_str());
                self.users.insert(user.key, user.clone());
            }
            Change::PutGroup(group) => {
                self.group_ids.remove(group.id.folded().as_str());
                self.groups.insert(group.key, group.clone());
            }
            Change::PutMember(group, member) => {
                if let Some(members) = self.members.get_mut(group) {
                    members.put(*member);
                }
            }
            Change::DropMember(group, user) => {
                if let Some(members) = self.members.get_mut(group) {
                    members.drop(*user);
                }
            }
            Change::PutConversation(conversation) => {
                self.conversations.insert(conversation.parties, *conversation);
                self.parties.insert(conversation.key, conversation.parties);
            }
            Change::PutMessage(message) => self.apply_message(message),
            _ => {}
        }
    }

    fn apply_message(&mut self, message: &Message) {
        self.recent.push(message.position, message.from, message.id.as_str());
        let parties = self.parties.get(&message.conversation);
        if let Some(conversation) = parties.and_then(|parties| self.conversations.get_mut(parties)) {
            conversation.head = message.seq;
            conversation.last_position = message.position;
            conversation.last_at = message.timestamp;
        }
    }
}

/// Folds an id into a stack buffer; `None` for a text that is too long to be one.
fn with_folded<R>(text: &str, then: impl FnOnce(&str) -> R) -> Option<R> {
    let mut buffer = [0u8; 64];
    let folded = buffer.get_mut(..text.len())?;
    folded.copy_from_slice(text.as_bytes());
    folded.make_ascii_lowercase();
    std::str::from_utf8(folded).ok().map(then)
}

fn cached<K: Hash + Eq + Copy, V: Clone>(
    map: &mut Map<K, V>,
    key: K,
    load: impl FnOnce() -> Result<Option<V>, FactsError>,
) -> Result<Option<V>, FactsError> {
    if let Some(value) = map.get(&key) {
        return Ok(Some(value.clone()));
    }
    let loaded = load()?;
    if let Some(value) = &loaded {
        map.insert(key, value.clone());
    }
    Ok(loaded)
}

/// The facts as one decision sees them: from the cache, else from the store.
pub struct Lookup<'a> {
    facts: &'a mut Facts,
    source: &'a mut dyn FactSource,
}

impl<'a> Lookup<'a> {
    /// A view over a cache and the store behind it.
    pub fn new(facts: &'a mut Facts, source: &'a mut dyn FactSource) -> Self {
        Self { facts, source }
    }

    /// The store itself, for what is never cached.
    pub fn source(&mut self) -> &mut dyn FactSource {
        self.source
    }

    fn counters(&mut self) -> Result<&mut Counters, FactsError> {
        if self.facts.counters.is_none() {
            self.facts.counters = Some(self.source.counters()?);
        }
        self.facts
            .counters
            .as_mut()
            .ok_or_else(|| FactsError("the counters were just loaded".into()))
    }

    /// The newest log position decided so far.
    pub fn head(&mut self) -> Result<Position, FactsError> {
        Ok(Position(self.counters()?.position))
    }

    /// Takes the next log position.
    pub fn next_position(&mut self) -> Result<Position, FactsError> {
        let counters = self.counters()?;
        counters.position += 1;
        Ok(Position(counters.position))
    }

    /// Takes the next account key.
    pub fn next_user(&mut self) -> Result<UserKey, FactsError> {
        let counters = self.counters()?;
        counters.user += 1;
        Ok(UserKey(counters.user))
    }

    /// Takes the next group key.
    pub fn next_group(&mut self) -> Result<GroupKey, FactsError> {
        let counters = self.counters()?;
        counters.group += 1;
        Ok(GroupKey(counters.group))
    }

    /// Takes the next conversation key.
    pub fn next_conversation(&mut self) -> Result<ConversationKey, FactsError> {
        let counters = self.counters()?;
        counters.conversation += 1;
        Ok(ConversationKey(counters.conversation))
    }

    /// An account instance, deleted ones too.
    pub fn user(&mut self, key: UserKey) -> Result<Option<Arc<User>>, FactsError> {
        let source = &mut *self.source;
        cached(&mut self.facts.users, key, || Ok(source.user(key)?.map(Arc::new)))
    }

    /// The key behind an id in any spelling of case, if it is taken.
    pub fn user_key_like(&mut self, id: &str) -> Result<Option<UserKey>, FactsError> {
        let (ids, source) = (&mut self.facts.user_ids, &mut *self.source);
        let found = with_folded(id, |folded| {
            if let Some(key) = ids.get(folded) {
                return Ok(Some(*key));
            }
            let key = source.user_by_id(folded)?;
            if let Some(key) = key {
                ids.insert(folded.into(), key);
            }
            Ok(key)
        });
        found.unwrap_or(Ok(None))
    }

    /// The account that has exactly this id and is not deleted.
    pub fn user_by_id(&mut self, id: &str) -> Result<Option<Arc<User>>, FactsError> {
        let Some(key) = self.user_key_like(id)? else {
            return Ok(None);
        };
        Ok(self.user(key)?.filter(|user| user.id.as_str() == id))
    }

    /// A group instance, dismissed ones too.
    pub fn group(&mut self, key: GroupKey) -> Result<Option<Arc<Group>>, FactsError> {
        let source = &mut *self.source;
        cached(&mut self.facts.groups, key, || Ok(source.group(key)?.map(Arc::new)))
    }

    /// The key behind a group id in any spelling of case, if it is taken.
    pub fn group_key_like(&mut self, id: &str) -> Result<Option<GroupKey>, FactsError> {
        let (ids, source) = (&mut self.facts.group_ids, &mut *self.source);
        let found = with_folded(id, |folded| {
            if let Some(key) = ids.get(folded) {
                return Ok(Some(*key));
            }
            let key = source.group_by_id(folded)?;
            if let Some(key) = key {
                ids.insert(folded.into(), key);
            }
            Ok(key)
        });
        found.unwrap_or(Ok(None))
    }

    /// The group that has exactly this id and is not dismissed.
    pub fn group_by_id(&mut self, id: &str) -> Result<Option<Arc<Group>>, FactsError> {
        let Some(key) = self.group_key_like(id)? else {
            return Ok(None);
        };
        Ok(self.group(key)?.filter(|group| group.id.as_str() == id))
    }

    /// The members of a group.
    pub fn members(&mut self, group: GroupKey) -> Result<&mut Members, FactsError> {
        use std::collections::hash_map::Entry;
        match self.facts.members.entry(group) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => Ok(entry.insert(Members::new(self.source.members(group)?))),
        }
    }

    /// The conversation of these parties, if anybody ever wrote there.
    pub fn conversation(&mut self, parties: Parties) -> Result<Option<Conversation>, FactsError> {
        let Facts {
            conversations,
            parties: parties_of,
            ..
        } = &mut *self.facts;
        let source = &mut *self.source;
        cached(conversations, parties, || {
            let loaded = source.conversation(parties)?;
            if let Some(conversation) = &loaded {
                parties_of.insert(conversation.key, parties);
            }
            Ok(loaded)
        })
    }

    /// The parties of a conversation.
    pub fn parties(&mut self, key: ConversationKey) -> Result<Option<Parties>, FactsError> {
        let source = &mut *self.source;
        cached(&mut self.facts.parties, key, || source.parties(key))
    }

    /// A message of this sender with this id among the newest of the server.
    pub fn recent_message(&mut self, sender: UserKey, id: &str) -> Result<Option<Message>, FactsError> {
        let Some(position) = self.facts.recent.find(sender, id) else {
            return Ok(None);
        };
        let message = self.source.message(position)?;
        Ok(message.filter(|message| message.from == sender && message.id.as_str() == id))
    }

    /// The account that has exactly this id, or the refusal that there is none.
    pub fn require_user(&mut self, id: &str) -> Result<Arc<User>, crate::domain::rejection::Refusal> {
        Ok(self.user_by_id(id)?.ok_or(Rejection::UserNotFound)?)
    }
}
