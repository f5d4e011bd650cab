//! What really happened: the committed log as the store has it, and who was where at each position.
//!
//! Everything here follows from messages and notices alone, so that it does not share the server's idea of
//! an audience.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ringim::domain::conversation::ChatType;
use ringim::domain::event::{Notice, NoticeKind};
use ringim::domain::id::{ConversationKey, GroupKey, Position, UserKey};
use ringim::domain::message::Message;
use ringim::domain::query::{Answer, LogEntry, Query};
use ringim::store::Reader;
use ringim::store::memory::MemoryReader;

/// A set of users, one bit for each.
pub type Users = u64;

/// The user `u<n>` as a set.
pub fn user_bit(id: &str) -> Users {
    let number: u32 = id
        .strip_prefix('u')
        .and_then(|digits| digits.parse().ok())
        .expect("users are named u0, u1, ...");
    1 << number
}

/// One conversation's past.
#[derive(Default)]
pub struct Past {
    /// By `seq - 1`.
    pub messages: Vec<Arc<Message>>,
    /// Who was a party or member from which position on, oldest first.
    members: Vec<(Position, Users)>,
}

impl Past {
    /// Who was there right before a position.
    pub fn members_before(&self, position: Position) -> Users {
        self.members
            .iter()
            .rev()
            .find(|(since, _)| *since < position)
            .map_or(0, |(_, users)| *users)
    }

    /// Who is there now.
    pub fn members_now(&self) -> Users {
        self.members.last().map_or(0, |(_, users)| *users)
    }

    /// Whether the user was there at some time from one position on.
    pub fn was_member_since(&self, user: Users, position: Position) -> bool {
        let later = self
            .members
            .iter()
            .filter(|(since, _)| *since > position)
            .any(|(_, users)| users & user != 0);
        later || self.members_before(Position(position.0 + 1)) & user != 0
    }

    /// Since when the user is there without a break; `None` if it is not.
    pub fn member_since(&self, user: Users) -> Option<Position> {
        let mut since = None;
        for (position, _) in self.members.iter().rev().take_while(|(_, users)| users & user != 0) {
            since = Some(*position);
        }
        since
    }

    pub fn head(&self) -> i64 {
        self.messages.len() as i64
    }

    /// How many messages there were up to a position.
    pub fn head_at(&self, position: Position) -> i64 {
        self.messages.partition_point(|message| message.position <= position) as i64
    }

    pub fn message(&self, seq: i64) -> Option<&Arc<Message>> {
        self.messages.get(usize::try_from(seq - 1).ok()?)
    }
}

/// The whole past.
pub struct Ledger {
    pub head: Position,
    pub conversations: BTreeMap<ConversationKey, Past>,
    /// Conversation and key of the groups that exist, by id.
    pub groups: BTreeMap<String, (ConversationKey, GroupKey)>,
    pub user_keys: BTreeMap<String, UserKey>,
    by_id: HashMap<(String, String), (ConversationKey, i64)>,
    entries: Vec<LogEntry>,
}

const PAGE: u32 = 1000;

impl Default for Ledger {
    fn default() -> Self {
        Self {
            head: Position(0),
            conversations: BTreeMap::new(),
            groups: BTreeMap::new(),
            user_keys: BTreeMap::new(),
            by_id: HashMap::new(),
            entries: Vec::new(),
        }
    }
}

impl Ledger {
    /// Reads on to the end of the log. Fails when the log itself breaks a rule.
    pub fn refresh(&mut self, reader: &mut MemoryReader) -> Result<(), String> {
        loop {
            let (entries, read_to) = read_log(reader, self.head);
            let last = entries.len() < PAGE as usize;
            for entry in entries {
                self.add(&entry)?;
                self.entries.push(entry);
            }
            self.head = read_to;
            if last {
                return Ok(());
            }
        }
    }

    /// Reads the whole log anew: nothing of it may have changed.
    pub fn compare(&self, reader: &mut MemoryReader) -> Result<(), String> {
        let mut head = Position(0);
        let mut known = self.entries.iter();
        loop {
            let (entries, read_to) = read_log(reader, head);
            for entry in &entries {
                if known.next().map(LogEntry::position) != Some(entry.position()) {
                    return Err(format!("the log has changed at {:?}", entry.position()));
                }
            }
            if entries.len() < PAGE as usize {
                break;
            }
            head = read_to;
        }
        known
            .next()
            .map_or(Ok(()), |lost| Err(format!("the log has lost {lost:?}")))
    }

    /// Where a sender's message is.
    pub fn find(&self, sender: &str, id: &str) -> Option<(ConversationKey, i64)> {
        self.by_id.get(&(sender.to_owned(), id.to_owned())).copied()
    }

    pub fn message(&self, conversation: ConversationKey, seq: i64) -> Option<&Arc<Message>> {
        self.conversations.get(&conversation)?.message(seq)
    }

    /// Who was to see a message.
    pub fn audience(&self, message: &Message) -> Users {
        self.conversations
            .get(&message.conversation)
            .map_or(0, |past| past.members_before(message.position))
    }

    fn add(&mut self, entry: &LogEntry) -> Result<(), String> {
        match entry {
            LogEntry::Message(message) => self.add_message(message),
            LogEntry::Notice(notice) => {
                self.add_notice(notice);
                Ok(())
            }
        }
    }

    fn add_message(&mut self, message: &Arc<Message>) -> Result<(), String> {
        let past = self.conversations.entry(message.conversation).or_default();
        if message.chat_type == ChatType::Single && past.members.is_empty() {
            let parties = user_bit(message.from_id.as_str()) | user_bit(&message.to_id);
            past.members.push((Position(0), parties));
        }
        if past.members_before(message.position) & user_bit(message.from_id.as_str()) == 0 {
            return Err(format!("committed from somebody who was no member: {message:?}"));
        }
        if message.seq != past.head() + 1 {
            return Err(format!(
                "committed as seq {} after {}: {message:?}",
                message.seq,
                past.head()
            ));
        }
        if past
            .messages
            .last()
            .is_some_and(|last| last.timestamp > message.timestamp)
        {
            return Err(format!("committed with a time before its predecessor's: {message:?}"));
        }
        past.messages.push(message.clone());
        let id = (message.from_id.as_str().to_owned(), message.id.as_str().to_owned());
        match self.by_id.insert(id, (message.conversation, message.seq)) {
            None => Ok(()),
            Some(first) => Err(format!("committed twice, first as {first:?}: {message:?}")),
        }
    }

    fn add_notice(&mut self, notice: &Notice) {
        let users = notice
            .users
            .iter()
            .fold(0, |users, user| users | user_bit(user.id.as_str()));
        for user in &notice.users {
            self.user_keys.insert(user.id.as_str().to_owned(), user.key);
        }
        let Some((group, _)) = &notice.group else { return };
        let past = self.conversations.entry(group.conversation).or_default();
        let before = past.members_now();
        let after = match notice.kind {
            NoticeKind::GroupCreated | NoticeKind::GroupMemberAdded => before | users,
            NoticeKind::GroupMemberRemoved => before & !users,
            NoticeKind::GroupDismissed => 0,
            _ => before,
        };
        past.members.push((notice.position, after));
        let id = group.id.as_str().to_owned();
        if notice.kind == NoticeKind::GroupDismissed {
            self.groups.remove(&id);
        } else {
            self.groups.insert(id, (group.conversation, group.key));
        }
    }
}

fn read_log(reader: &mut MemoryReader, after: Position) -> (Vec<LogEntry>, Position) {
    match reader.answer(&Query::Log { after, limit: PAGE }) {
        Ok(Answer::Log(entries, read_to)) => (entries, read_to),
        other => panic!("the log in memory cannot be read: {other:?}"),
    }
}
