//! What must be true in every world (contract sections 1 and 3). Each check answers with the sentence that
//! is broken.

use std::collections::{BTreeMap, BTreeSet};

use ringim::domain::id::{ConversationKey, Position};
use ringim::domain::message::{Content, Message};
use serde_json::Value;

use crate::client::{Asked, Client, Intent, IntentState};
use crate::ledger::{Ledger, Users};

pub type Check = Result<(), String>;

macro_rules! ensure {
    ($condition:expr, $($text:tt)*) => {
        if !$condition {
            return Err(format!($($text)*));
        }
    };
}

/// An integer field.
pub fn int(value: &Value, name: &str) -> Result<i64, String> {
    value[name]
        .as_i64()
        .ok_or_else(|| format!("`{name}` is no integer in {value}"))
}

/// A string field.
pub fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, String> {
    value[name]
        .as_str()
        .ok_or_else(|| format!("`{name}` is no string in {value}"))
}

/// The field `conversationId`.
pub fn conversation(value: &Value) -> Result<ConversationKey, String> {
    let id = text(value, "conversationId")?;
    ConversationKey::from_public(id).ok_or_else(|| format!("{id} is no conversation"))
}

/// Whatever is shown is committed, and is shown as it was committed.
pub fn message_is_true<'a>(ledger: &'a Ledger, shown: &Value) -> Result<&'a Message, String> {
    let (conversation, seq) = (conversation(shown)?, int(shown, "seq")?);
    let Some(message) = ledger.message(conversation, seq) else {
        return Err(format!("a message is shown that is not committed: {shown}"));
    };
    let same = text(shown, "id")? == message.id.as_str()
        && text(shown, "fromId")? == message.from_id.as_str()
        && text(shown, "toId")? == &*message.to_id
        && text(shown, "chatType")? == message.chat_type.as_str()
        && text(shown, "contentType")? == message.body.content_type.as_str()
        && int(shown, "timestamp")? == message.timestamp
        && same_content(&shown["content"], &message.body.content);
    ensure!(same, "a message is shown changed: {shown} is {message:?}");
    Ok(message)
}

fn same_content(shown: &Value, content: &Content) -> bool {
    match content {
        Content::Text(text) => shown.as_str() == Some(text),
        Content::Json(json) => serde_json::from_str::<Value>(json).is_ok_and(|value| value == *shown),
    }
}

/// An acknowledged message is committed, once, as it was sent; a repeated one is acknowledged the same way.
pub fn acknowledgement_is_true(ledger: &Ledger, client: &Client, intent: &Intent, data: &Value) -> Check {
    let (key, seq, at) = (conversation(data)?, int(data, "seq")?, int(data, "timestamp")?);
    let Some(message) = ledger.message(key, seq) else {
        return Err(format!("acknowledged before it was committed: {data}"));
    };
    let same = text(data, "id")? == intent.id
        && message.id.as_str() == intent.id
        && message.from_id.as_str() == client.user
        && *message.to_id == *intent.to
        && message.timestamp == at
        && same_content(&intent.content, &message.body.content);
    ensure!(same, "acknowledged as something else: {data} is {message:?}");
    let duplicate = data["duplicate"] == true;
    ensure!(
        !duplicate || intent.attempts > 1,
        "the first attempt is called a duplicate: {data}"
    );
    if let IntentState::Acknowledged(first, first_seq, first_at) = intent.state {
        ensure!(
            (first, first_seq, first_at) == (key, seq, at),
            "acknowledged in two ways: {:?} and {data}",
            intent.state
        );
    }
    Ok(())
}

/// Whoever was told no has no message, as long as there was one attempt alone.
pub fn refusal_is_true(ledger: &Ledger, client: &Client, intent: &Intent, error: &Value, retryable: bool) -> Check {
    let committed = ledger.find(&client.user, &intent.id);
    ensure!(
        intent.attempts > 1 || committed.is_none(),
        "refused with {error}, but committed as {committed:?}"
    );
    if let IntentState::Acknowledged(..) = intent.state {
        ensure!(
            retryable,
            "refused with {error} after it was acknowledged: {:?}",
            intent.state
        );
    }
    Ok(())
}

/// A message in an answer: its reader was a party or member at some time between question and answer.
pub fn answer_may_show(ledger: &Ledger, client: &Client, asked_at: Position, message: &Message) -> Check {
    let past = &ledger.conversations[&message.conversation];
    let allowed = past.was_member_since(client.bit, asked_at);
    ensure!(allowed, "{} is shown what it may not read: {message:?}", client.user);
    Ok(())
}

/// An event about a group: its reader has been a member at some time.
pub fn event_may_be_shown(ledger: &Ledger, client: &Client, event: &Value) -> Check {
    let past = ledger.conversations.get(&conversation(event)?);
    let allowed = past.is_some_and(|past| past.was_member_since(client.bit, Position(0)));
    ensure!(
        allowed,
        "{} is told of a group that is not its own: {event}",
        client.user
    );
    Ok(())
}

/// A conversation in an answer: its head was true, and `unread` follows from head, read and own messages.
pub fn view_is_true(ledger: &Ledger, client: &Client, asked: &Asked, readable: i64, view: &Value) -> Check {
    let key = conversation(view)?;
    let (head, read, unread) = (int(view, "head")?, int(view, "read")?, int(view, "unread")?);
    let Some(past) = ledger.conversations.get(&key) else {
        return Err(format!("a conversation is shown that does not exist: {view}"));
    };
    ensure!(
        past.was_member_since(client.bit, asked.at),
        "{} is no part of {view}",
        client.user
    );
    ensure!(
        (past.head_at(asked.at)..=past.head()).contains(&head),
        "the head was never that: {view}"
    );
    let mut own = past
        .messages
        .iter()
        .take(head as usize)
        .filter(|message| message.from_id.as_str() == client.user);
    let own_last = own.next_back().map_or(0, |message| message.seq);
    ensure!(
        unread == (head - read.max(own_last)).max(0),
        "unread does not follow with own {own_last}: {view}"
    );
    let read_before = asked.read.get(&key).copied().unwrap_or(0);
    ensure!(
        (read_before..=readable).contains(&read),
        "read is between {read_before} and {readable}: {view}"
    );
    Ok(())
}

/// What came over one WebSocket, judged against the log from the moment it was attached.
pub struct Watch {
    attached_at: Position,
    /// The ids of messages sent here: they are acknowledged instead of pushed.
    sent: BTreeSet<String>,
    conversations: BTreeMap<ConversationKey, Seen>,
}

#[derive(Default)]
struct Seen {
    pushed: BTreeSet<i64>,
    acknowledged: BTreeSet<i64>,
}

impl Watch {
    pub fn new(attached_at: Position) -> Self {
        Self {
            attached_at,
            sent: BTreeSet::new(),
            conversations: BTreeMap::new(),
        }
    }

    pub fn sent(&mut self, id: &str) {
        self.sent.insert(id.to_owned());
    }

    /// A push is for its audience alone, in order, once, and with nothing left out before it; none follows
    /// the acknowledgement of a later one.
    pub fn pushed(&mut self, ledger: &Ledger, user: Users, message: &Message) -> Check {
        let audience = ledger.audience(message);
        ensure!(
            audience & user != 0,
            "pushed to somebody outside the audience {audience:b}: {message:?}"
        );
        let seen = self.conversations.entry(message.conversation).or_default();
        let seq = message.seq;
        let last = seen.pushed.last().copied().unwrap_or(0);
        ensure!(seq > last, "pushed after {last}: {message:?}");
        let acknowledged = seen.acknowledged.last().copied().unwrap_or(0);
        ensure!(
            seq > acknowledged,
            "pushed after the acknowledgement of {acknowledged}: {message:?}"
        );
        seen.pushed.insert(seq);
        self.nothing_is_missing(ledger, user, message.conversation, last, seq)
    }

    /// The acknowledgement of a message sent here comes instead of its push, after those before it.
    pub fn acknowledged(&mut self, ledger: &Ledger, user: Users, data: &Value) -> Check {
        if data["duplicate"] == true {
            return Ok(());
        }
        let (key, seq) = (conversation(data)?, int(data, "seq")?);
        let seen = self.conversations.entry(key).or_default();
        ensure!(
            !seen.pushed.contains(&seq),
            "pushed and acknowledged on one connection: {data}"
        );
        seen.acknowledged.insert(seq);
        self.nothing_is_missing(ledger, user, key, 0, seq)
    }

    /// At rest, everything since the attachment has come.
    pub fn is_complete(&self, ledger: &Ledger, user: Users) -> Check {
        for (key, past) in &ledger.conversations {
            self.nothing_is_missing(ledger, user, *key, 0, past.head() + 1)?;
        }
        Ok(())
    }

    fn nothing_is_missing(&self, ledger: &Ledger, user: Users, key: ConversationKey, after: i64, before: i64) -> Check {
        let past = &ledger.conversations[&key];
        let first = past.head_at(self.attached_at).max(after) + 1;
        let seen = self.conversations.get(&key);
        for message in (first..before).filter_map(|seq| past.message(seq)) {
            let concerned = past.members_before(message.position) & user != 0;
            let came = seen.is_some_and(|seen| seen.pushed.contains(&message.seq));
            let own = self.sent.contains(message.id.as_str());
            ensure!(
                !concerned || came || own,
                "not pushed (attached at {:?}): {message:?}",
                self.attached_at
            );
        }
        Ok(())
    }
}

/// At rest, a device that is in step has every message of its conversations since it takes part in them.
pub fn device_is_complete(ledger: &Ledger, client: &Client) -> Check {
    for (key, past) in &ledger.conversations {
        let Some(since) = past.member_since(client.bit) else {
            continue;
        };
        let floor = client.floors.get(key).copied().unwrap_or(0);
        for message in past
            .messages
            .iter()
            .filter(|message| message.position > since && message.seq >= floor)
        {
            let known = client.known.contains(&(*key, message.seq));
            ensure!(
                known,
                "device {} of {} never got {message:?}",
                client.number,
                client.user
            );
        }
    }
    Ok(())
}

/// At rest, everything that was acknowledged is in the log, and every attempt has an outcome.
pub fn outcomes_are_true(ledger: &Ledger, client: &Client) -> Check {
    for intent in &client.intents {
        let committed = ledger.find(&client.user, &intent.id);
        match intent.state {
            IntentState::Acknowledged(key, seq, _) => {
                ensure!(
                    committed == Some((key, seq)),
                    "{} was acknowledged but is {committed:?}",
                    intent.id
                );
            }
            IntentState::Refused => {}
            IntentState::Sent | IntentState::Unknown => return Err(format!("{} never got an answer", intent.id)),
        }
    }
    Ok(())
}
