//! Pages of one conversation, for those who may read it.

use std::sync::Arc;

use super::{Answered, Snapshot};
use crate::domain::command::{Actor, ConversationRef};
use crate::domain::conversation::{ChatType, Parties};
use crate::domain::id::{ConversationKey, GroupKey, Position, UserKey};
use crate::domain::message::Message;
use crate::domain::query::{History, Window};
use crate::domain::rejection::Rejection;
use crate::store::page;
use crate::store::sqlite::error::broken;
use crate::store::sqlite::rows::{self, ConversationRow};

impl Snapshot<'_> {
    pub(super) fn history(
        &self,
        actor: Actor,
        conversation: &ConversationRef,
        window: Window,
        limit: u32,
    ) -> Answered<History> {
        let Some(ConversationRow {
            conversation: found, ..
        }) = self.readable(actor, conversation)?
        else {
            return Ok(History {
                conversation: None,
                messages: Vec::new(),
                has_more: false,
            });
        };
        let (from, to) = bounds(window, i64::from(limit), found.head);
        let has_more = from <= to && is_more(window, from, to, found.head);
        let messages = self.messages(found.key, from, to)?;
        let mut history = History {
            conversation: Some(found.key),
            messages,
            has_more,
        };
        page::fit(&mut history, window);
        Ok(history)
    }

    /// The messages with `from <= seq <= to`, all of which exist.
    pub(super) fn messages(&self, conversation: ConversationKey, from: i64, to: i64) -> Answered<Vec<Arc<Message>>> {
        let mut loader = self.loader();
        let positions = self.order().between(conversation.0, from, to)?;
        let load = |position| Ok(loader.message(position)?.ok_or(broken("position of a message"))?);
        positions.into_iter().map(load).collect()
    }

    /// The conversation if it exists and the actor may read it: a party, a present member, or an admin.
    pub(super) fn readable(&self, actor: Actor, conversation: &ConversationRef) -> Answered<Option<ConversationRow>> {
        let found = match conversation {
            ConversationRef::Key(key) => {
                let row = rows::conversation_by_key(&self.im, *key)?.ok_or(Rejection::NotFound)?;
                self.may_read(actor, row.conversation.parties)?;
                Some(row)
            }
            ConversationRef::Peer(..) | ConversationRef::Pair(..) => {
                let parties = self.parties(actor, conversation)?;
                self.may_read(actor, parties)?;
                rows::conversation_of(&self.im, parties)?
            }
        };
        Ok(found.map(|row| row.with_tail(&self.tail)))
    }

    fn parties(&self, actor: Actor, conversation: &ConversationRef) -> Answered<Parties> {
        match (conversation, actor) {
            (ConversationRef::Peer(ChatType::Group, id), _) => Ok(Parties::Group(self.group_named(id)?)),
            (ConversationRef::Peer(ChatType::Single, id), Actor::User(user)) => {
                Ok(Parties::pair(user, self.user_named(id)?))
            }
            (ConversationRef::Pair(one, other), _) => Ok(Parties::pair(self.user_named(one)?, self.user_named(other)?)),
            (ConversationRef::Peer(ChatType::Single, _), Actor::Admin) => Err(Rejection::InvalidField("fromId").into()),
            (ConversationRef::Key(_), _) => Err(Rejection::NotFound.into()),
        }
    }

    fn may_read(&self, actor: Actor, parties: Parties) -> Answered<()> {
        let allowed = match (actor, parties) {
            (Actor::Admin, _) => true,
            (Actor::User(user), Parties::Pair(..)) => parties.peer_of(user).is_some(),
            (Actor::User(user), Parties::Group(group)) => rows::is_member(&self.im, group, user)?,
        };
        if allowed {
            Ok(())
        } else {
            Err(Rejection::NotAMember.into())
        }
    }

    /// The account that has exactly this id now.
    pub(super) fn user_named(&self, id: &str) -> Answered<UserKey> {
        let sql = "SELECT key FROM users WHERE id = ?1 AND status <> 'deleted'";
        let found = rows::one(&self.im, sql, [id], |row| row.get(0).map(UserKey))?;
        Ok(found.ok_or(Rejection::UserNotFound)?)
    }

    /// The group that has exactly this id now.
    pub(super) fn group_named(&self, id: &str) -> Answered<GroupKey> {
        let sql = "SELECT key FROM groups WHERE lower(id) = lower(?1) AND id = ?1 AND NOT dismissed";
        let found = rows::one(&self.im, sql, [id], |row| row.get(0).map(GroupKey))?;
        Ok(found.ok_or(Rejection::GroupNotFound)?)
    }

    /// The newest log position that this snapshot shows.
    pub(super) fn head(&self) -> Position {
        Position(self.tail.head())
    }
}

/// First and last `seq` of the page. Since a conversation has no gaps, its head says what exists.
fn bounds(window: Window, limit: i64, head: i64) -> (i64, i64) {
    let (from, to) = match window {
        Window::Newest => (head - limit + 1, head),
        Window::Before(seq) => {
            let last = seq.max(1).saturating_sub(1).min(head);
            (last - limit + 1, last)
        }
        Window::After(seq) => {
            let first = seq.max(0).saturating_add(1);
            (first, first.saturating_add(limit - 1))
        }
        Window::Around(seq) => {
            let first = seq.saturating_sub((limit - 1) / 2).max(1);
            (first, first.saturating_add(limit - 1))
        }
        Window::Range(from, to) => (from.max(1), to.min(from.max(1).saturating_add(limit - 1))),
    };
    (from.max(1), to.min(head))
}

fn is_more(window: Window, from: i64, to: i64, head: i64) -> bool {
    match window {
        Window::Newest | Window::Before(_) => from > 1,
        Window::After(_) => to < head,
        Window::Around(_) => from > 1 || to < head,
        Window::Range(_, last) => to < head.min(last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_become_bounds() {
        for (window, expected, more) in [
            (Window::Newest, (91, 100), true),
            (Window::Before(11), (1, 10), false),
            (Window::Before(1000), (91, 100), true),
            (Window::After(0), (1, 10), true),
            (Window::After(95), (96, 100), false),
            (Window::After(i64::MAX), (i64::MAX, 100), false),
            (Window::Around(50), (46, 55), true),
            (Window::Range(5, 7), (5, 7), false),
            (Window::Range(5, 70), (5, 14), true),
            (Window::Range(-5, i64::MAX), (1, 10), true),
        ] {
            let (from, to) = bounds(window, 10, 100);
            assert_eq!((from, to), expected, "{window:?}");
            assert_eq!(from <= to && is_more(window, from, to, 100), more, "{window:?}");
        }
    }
}
