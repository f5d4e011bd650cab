//! Messages of one conversation, for those who may see them.

use super::lists::paged;
use super::state::State;
use crate::domain::command::{Actor, ConversationRef};
use crate::domain::conversation::{ChatType, Conversation, Parties, Progress};
use crate::domain::id::UserKey;
use crate::domain::query::{History, Listed, Page, Standing, Window};
use crate::domain::rejection::Rejection;
use crate::store::page;

/// One page of a conversation's messages.
pub(super) fn history(
    state: &State,
    actor: Actor,
    named: &ConversationRef,
    window: Window,
    limit: u32,
) -> Result<History, Rejection> {
    let parties = find(state, actor, named)?;
    admit(state, actor, parties)?;
    let Some(conversation) = state.conversations.of_parties(parties) else {
        return Ok(History {
            conversation: None,
            messages: Vec::new(),
            has_more: false,
        });
    };
    Ok(part(state, conversation, window, i64::from(limit)))
}

/// How the others of a conversation stand to one of its messages.
pub(super) fn standings(
    state: &State,
    user: UserKey,
    named: &ConversationRef,
    seq: i64,
    wanted: &Page,
) -> Result<Listed<Standing>, Rejection> {
    let parties = find(state, Actor::User(user), named)?;
    admit(state, Actor::User(user), parties)?;
    let conversation = state.conversations.of_parties(parties).ok_or(Rejection::NotFound)?;
    if !(1..=conversation.head).contains(&seq) {
        return Err(Rejection::NotFound);
    }
    let everybody = match parties {
        Parties::Pair(..) => parties.peer_of(user).into_iter().map(|peer| (0, peer)).collect(),
        Parties::Group(group) => state
            .groups
            .members(group)
            .into_iter()
            .map(|member| (member.joined_at, member.user))
            .collect::<Vec<_>>(),
    };
    let others = everybody.into_iter().filter(|(_, other)| *other != user);
    let standings = others.filter_map(|(joined_at, other)| {
        let id = state.accounts.get(other)?.id.clone();
        let participant = state.conversations.participant(conversation.key, other);
        let progress = participant.map_or_else(Progress::default, |participant| participant.progress);
        let own_last = state.conversations.own_last(conversation.key, other);
        Some(((joined_at, other.0), Standing::new(id, progress, own_last, seq)))
    });
    paged(standings, wanted)
}

fn find(state: &State, actor: Actor, named: &ConversationRef) -> Result<Parties, Rejection> {
    let user = |id: &str| {
        state
            .accounts
            .by_id(id)
            .map(|user| user.key)
            .ok_or(Rejection::UserNotFound)
    };
    match (named, actor) {
        (ConversationRef::Key(key), _) => Ok(state.conversations.get(*key).ok_or(Rejection::NotFound)?.parties),
        (ConversationRef::Peer(ChatType::Group, id), _) => Ok(Parties::Group(
            state.groups.by_id(id).ok_or(Rejection::GroupNotFound)?.key,
        )),
        (ConversationRef::Peer(ChatType::Single, id), Actor::User(own)) => Ok(Parties::pair(own, user(id)?)),
        (ConversationRef::Peer(ChatType::Single, _), Actor::Admin) => Err(Rejection::InvalidField("fromId")),
        (ConversationRef::Pair(one, other), _) => Ok(Parties::pair(user(one)?, user(other)?)),
    }
}

/// An admin sees everything, a user what it is a party or, now, a member of.
fn admit(state: &State, actor: Actor, parties: Parties) -> Result<(), Rejection> {
    let admitted = match actor {
        Actor::Admin => true,
        Actor::User(user) => may_see(state, user, parties),
    };
    if admitted { Ok(()) } else { Err(Rejection::NotAMember) }
}

fn may_see(state: &State, user: UserKey, parties: Parties) -> bool {
    match parties {
        Parties::Pair(..) => parties.peer_of(user).is_some(),
        Parties::Group(group) => state.groups.is_member(group, user),
    }
}

fn part(state: &State, conversation: &Conversation, window: Window, limit: i64) -> History {
    let (from, to, has_more) = bounds(window, conversation.head, limit);
    let positions = state.conversations.positions(conversation.key, from, to);
    let messages = positions.into_iter().filter_map(|position| state.log.message(position));
    let mut history = History {
        conversation: Some(conversation.key),
        messages: messages.map(|message| state.shown(message)).collect(),
        has_more,
    };
    page::fit(&mut history, window);
    history
}

/// The first and last `seq` of a page, both inclusive, and whether there are more in the paging direction.
fn bounds(window: Window, head: i64, limit: i64) -> (i64, i64, bool) {
    match window {
        Window::Newest => newest_up_to(head, limit),
        Window::Before(seq) => newest_up_to(head.min(seq.saturating_sub(1)), limit),
        Window::After(seq) => oldest_from(seq.saturating_add(1), head, limit),
        Window::Range(from, to) => oldest_from(from, head.min(to), limit),
        Window::Around(seq) => {
            let (from, to, more) = oldest_from(seq.saturating_sub((limit - 1) / 2), head, limit);
            (from, to, more || from > 1)
        }
    }
}

fn newest_up_to(to: i64, limit: i64) -> (i64, i64, bool) {
    let from = to.saturating_sub(limit).max(0) + 1;
    (from, to, from > 1 && to > 0)
}

fn oldest_from(from: i64, last: i64, limit: i64) -> (i64, i64, bool) {
    let from = from.max(1);
    let to = last.min(from.saturating_add(limit - 1));
    (from, to, to < last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_follow_the_contract() {
        for (window, expected) in [
            (Window::Newest, (8, 10, true)),
            (Window::Before(4), (1, 3, false)),
            (Window::Before(5), (2, 4, true)),
            (Window::Before(99), (8, 10, true)),
            (Window::After(0), (1, 3, true)),
            (Window::After(7), (8, 10, false)),
            (Window::Around(5), (4, 6, true)),
            (Window::After(i64::MAX), (i64::MAX, 10, false)),
            (Window::Around(1), (1, 3, true)),
            (Window::Range(2, 4), (2, 4, false)),
            (Window::Range(2, 5), (2, 4, true)),
            (Window::Range(9, 99), (9, 10, false)),
        ] {
            assert_eq!(bounds(window, 10, 3), expected, "{window:?}");
        }
    }

    #[test]
    fn an_empty_conversation_has_empty_pages() {
        for window in [
            Window::Newest,
            Window::Before(1),
            Window::After(0),
            Window::Around(1),
            Window::Range(1, 9),
        ] {
            let (from, to, more) = bounds(window, 0, 3);
            assert!(from > to && !more, "{window:?}");
        }
    }
}
