//! What concerns one user since a place in the log.

use std::sync::Arc;

use super::conversations::Participant;
use super::lists;
use super::state::State;
use crate::base::limits;
use crate::domain::conversation::Conversation;
use crate::domain::event::Notice;
use crate::domain::id::{ConversationKey, Position, UserKey};
use crate::domain::message::Message;
use crate::domain::query::{ConversationView, LogEntry, SyncCursor, SyncPage};
use crate::store::page::{FRAME_BYTES, message_bytes};

/// One page, from a cursor or from the start.
pub(super) fn sync(state: &State, user: UserKey, cursor: Option<SyncCursor>, limit: u32) -> SyncPage {
    let head = Position(state.log.head());
    match cursor {
        Some(SyncCursor { position, loaded }) if position <= head => match loaded {
            None => changes_since(state, user, position, limit as usize),
            Some(_) => load(state, user, SyncCursor { position, loaded }, i64::from(limit)),
        },
        unknown => {
            let page = load(
                state,
                user,
                SyncCursor {
                    position: head,
                    loaded: None,
                },
                i64::from(limit),
            );
            SyncPage {
                recovered: unknown.is_none(),
                ..page
            }
        }
    }
}

/// The conversations above `cursor.loaded`, each with its newest messages.
fn load(state: &State, user: UserKey, cursor: SyncCursor, newest: i64) -> SyncPage {
    let mut page = empty(cursor);
    let mut room = limits::PAGE_BYTES;
    for (conversation, participant) in state.conversations.of_user(user, cursor.loaded) {
        let key = conversation.key;
        let positions = state
            .conversations
            .positions(key, conversation.head - newest + 1, conversation.head);
        let messages: Vec<_> = positions
            .into_iter()
            .filter_map(|position| state.log.message(position))
            .collect();
        let bytes = FRAME_BYTES + messages.iter().map(|message| message_bytes(message)).sum::<usize>();
        if bytes > room && !page.conversations.is_empty() {
            page.more = true;
            break;
        }
        room = room.saturating_sub(bytes);
        page.cursor.loaded = Some(key);
        page.conversations
            .extend(lists::view(state, user, conversation, participant));
        page.messages
            .extend(messages.into_iter().map(|message| state.shown(message)));
    }
    page.messages.sort_by_key(|message| message.position);
    if !page.more {
        // What came since the load began follows by cursor.
        page.cursor.loaded = None;
        page.more = cursor.position.0 < state.log.head();
    }
    page
}

/// Everything above the position, in log order, up to the bounds of a page.
fn changes_since(state: &State, user: UserKey, since: Position, limit: usize) -> SyncPage {
    let mut page = empty(SyncCursor {
        position: Position(state.log.head()),
        loaded: None,
    });
    let mut room = limits::PAGE_BYTES;
    let mut last = since;
    for (count, entry) in entries(state, user, since).into_iter().enumerate() {
        let bytes = entry_bytes(&entry);
        if count > 0 && (count >= limit || bytes > room) {
            page.more = true;
            page.cursor.position = last;
            break;
        }
        room = room.saturating_sub(bytes);
        last = entry.position();
        match entry {
            LogEntry::Message(message) => page.messages.push(message),
            LogEntry::Notice(notice) => page.notices.push(notice),
        }
    }
    page.conversations = changed(state, user, since, page.cursor.position, &page.messages);
    page
}

/// Messages of the user's conversations and notices for it, above the position, in log order. Whoever came
/// into a conversation later catches up from then on; the rest is history.
fn entries(state: &State, user: UserKey, since: Position) -> Vec<LogEntry> {
    let mut notices: Vec<Position> = state.log.notices_about(user, since).collect();
    let mut entries = Vec::new();
    for (conversation, _) in state.conversations.of_user(user, None) {
        notices.extend(state.log.notices_in(conversation.key, since));
        let seen = state
            .conversations
            .positions(conversation.key, 1, conversation.head)
            .into_iter();
        let messages = seen
            .filter(|position| *position > since)
            .filter_map(|position| state.log.message(position));
        entries.extend(messages.map(|message| LogEntry::Message(state.shown(message))));
    }
    notices.sort();
    notices.dedup();
    let notices = notices.into_iter().filter_map(|position| state.log.notice(position));
    entries.extend(notices.map(|notice| LogEntry::Notice(state.noticed(notice))));
    entries.sort_by_key(LogEntry::position);
    entries
}

/// The conversations that are new or have changed between two positions.
fn changed(
    state: &State,
    user: UserKey,
    since: Position,
    until: Position,
    messages: &[Arc<Message>],
) -> Vec<ConversationView> {
    let moved = |key: ConversationKey| messages.iter().any(|message| message.conversation == key);
    let touched = |conversation: &Conversation, participant: &Participant| {
        let is_new = since <= participant.since && participant.since <= until;
        let receipt = since < participant.changed && participant.changed <= until;
        is_new || receipt || moved(conversation.key)
    };
    let conversations = state.conversations.of_user(user, None);
    let touched = conversations.filter(|(conversation, participant)| touched(conversation, participant));
    touched
        .filter_map(|(conversation, participant)| lists::view(state, user, conversation, participant))
        .collect()
}

fn empty(cursor: SyncCursor) -> SyncPage {
    SyncPage {
        cursor,
        recovered: true,
        conversations: Vec::new(),
        messages: Vec::new(),
        notices: Vec::new(),
        more: false,
    }
}

fn entry_bytes(entry: &LogEntry) -> usize {
    match entry {
        LogEntry::Message(message) => message_bytes(message),
        LogEntry::Notice(notice) => notice_bytes(notice),
    }
}

fn notice_bytes(notice: &Notice) -> usize {
    FRAME_BYTES * (1 + notice.users.len())
}
