//! `sync`: what concerns a user since a place in the log, a page at a time.

use std::collections::HashSet;
use std::sync::Arc;

use super::conversations::Participation;
use super::{Answered, Snapshot};
use crate::base::limits::PAGE_BYTES;
use crate::domain::conversation::ChatType;
use crate::domain::event::Notice;
use crate::domain::id::{ConversationKey, Position, UserKey};
use crate::domain::message::Message;
use crate::domain::query::{ConversationView, SyncCursor, SyncPage};
use crate::store::page::{FRAME_BYTES, message_bytes};
use crate::store::sqlite::error::broken;
use crate::store::sqlite::rows::all;

/// Something of a page, by its place in the log.
enum Item<'a> {
    /// A conversation came in, or a receipt of the user moved.
    Conversation(&'a Participation),
    Message(&'a Participation),
    Notice,
}

impl<'a> Item<'a> {
    fn participation(&self) -> Option<&'a Participation> {
        match self {
            Self::Conversation(participation) | Self::Message(participation) => Some(participation),
            Self::Notice => None,
        }
    }
}

impl Snapshot<'_> {
    pub(super) fn sync(&self, user: UserKey, cursor: Option<SyncCursor>, limit: u32) -> Answered<SyncPage> {
        match cursor {
            Some(cursor) if cursor.position > self.head() => Ok(SyncPage {
                recovered: false,
                ..self.load(user, self.head(), 0, limit)?
            }),
            Some(SyncCursor { position, loaded: None }) => self.catch_up(user, position.0, limit),
            Some(SyncCursor {
                position,
                loaded: Some(key),
            }) => self.load(user, position, key.0, limit),
            None => self.load(user, self.head(), 0, limit),
        }
    }

    /// A first load: conversations above a key with their newest messages. `began` is where the log ended
    /// when the load began; what came later follows by cursor once all conversations are sent.
    fn load(&self, user: UserKey, began: Position, above: i64, limit: u32) -> Answered<SyncPage> {
        let mut loader = self.loader();
        let mut page = PageBuilder::default();
        let mut loaded = None;
        for participation in self.participations(user, above)? {
            let conversation = participation.conversation;
            let first = (conversation.head - i64::from(limit) + 1).max(1);
            let messages = self.messages(conversation.key, first, conversation.head)?;
            let mut step = Step {
                views: vec![self.view(user, &participation, &mut loader)?],
                messages,
                notice: None,
            };
            if loaded.is_some() && !page.has_room_for(&step) {
                return Ok(page.finish(
                    SyncCursor {
                        position: began,
                        loaded,
                    },
                    true,
                ));
            }
            step.shrink_to_a_page();
            page.add(step);
            loaded = Some(conversation.key);
        }
        Ok(page.finish(
            SyncCursor {
                position: began,
                loaded: None,
            },
            began < self.head(),
        ))
    }

    /// What happened above a position, in log order.
    fn catch_up(&self, user: UserKey, after: i64, limit: u32) -> Answered<SyncPage> {
        let limit = limit as usize;
        let participations = self.participations(user, 0)?;
        let mut loader = self.loader();
        let mut page = PageBuilder::default();
        let mut shown = HashSet::new();
        let mut reached = after;
        let items = self.items(user, &participations, after, limit + 1)?;
        // Things at one position belong to one change: a page ends between positions.
        for together in items.chunk_by(|one, next| one.0 == next.0) {
            let mut step = Step::default();
            for (position, item) in together {
                if let Some(found) = item
                    .participation()
                    .filter(|found| shown.insert(found.conversation.key))
                {
                    step.views.push(self.view(user, found, &mut loader)?);
                }
                match item {
                    Item::Message(_) => step
                        .messages
                        .push(loader.message(*position)?.ok_or(broken("position of a message"))?),
                    Item::Notice => {
                        step.notice = Some(loader.notice(*position)?.ok_or(broken("position of a notice"))?)
                    }
                    Item::Conversation(_) => {}
                }
            }
            if reached > after && (page.is_full_for(&step, limit) || !page.has_room_for(&step)) {
                return Ok(page.finish(
                    SyncCursor {
                        position: Position(reached),
                        loaded: None,
                    },
                    true,
                ));
            }
            reached = together.first().map_or(reached, |(position, _)| *position);
            step.shrink_to_a_page();
            page.add(step);
        }
        Ok(page.finish(
            SyncCursor {
                position: self.head(),
                loaded: None,
            },
            false,
        ))
    }

    /// The first things above a position: at least `count`, or all. In log order.
    fn items<'p>(
        &self,
        user: UserKey,
        participations: &'p [Participation],
        after: i64,
        count: usize,
    ) -> Answered<Vec<(i64, Item<'p>)>> {
        let mut items = Vec::new();
        let order = self.order();
        let head = self.head().0;
        for participation in participations {
            let Participation {
                conversation,
                since,
                changed,
                ..
            } = participation;
            if (after..=head).contains(since) {
                items.push((since + 1, Item::Conversation(participation)));
            }
            if (after + 1..=head).contains(changed) {
                items.push((*changed, Item::Conversation(participation)));
            }
            if conversation.last_position.0 > after {
                let positions = order.above(conversation.key.0, after, count)?;
                items.extend(
                    positions
                        .into_iter()
                        .map(|position| (position, Item::Message(participation))),
                );
            }
            if conversation.parties.chat_type() == ChatType::Group {
                let notices = self.conversation_notices(conversation.key, after, count)?;
                items.extend(notices.into_iter().map(|position| (position, Item::Notice)));
            }
        }
        items.extend(
            self.own_notices(user, after, count)?
                .into_iter()
                .map(|position| (position, Item::Notice)),
        );
        items.sort_by_key(|(position, _)| *position);
        items.dedup_by(|later, earlier| {
            later.0 == earlier.0 && matches!((&later.1, &earlier.1), (Item::Notice, Item::Notice))
        });
        Ok(items)
    }

    fn conversation_notices(&self, conversation: ConversationKey, above: i64, count: usize) -> Answered<Vec<i64>> {
        let sql = "SELECT position FROM notices
            WHERE conversation = ?1 AND position > ?2 AND position <= ?3 ORDER BY position LIMIT ?4";
        Ok(all(
            &self.im,
            sql,
            [conversation.0, above, self.head().0, count as i64],
            |row| row.get(0),
        )?)
    }

    fn own_notices(&self, user: UserKey, above: i64, count: usize) -> Answered<Vec<i64>> {
        let sql = "SELECT position FROM notice_users
            WHERE user = ?1 AND position > ?2 AND position <= ?3 ORDER BY position LIMIT ?4";
        Ok(all(
            &self.im,
            sql,
            [user.0, above, self.head().0, count as i64],
            |row| row.get(0),
        )?)
    }
}

/// What belongs together on a page.
#[derive(Default)]
struct Step {
    views: Vec<ConversationView>,
    messages: Vec<Arc<Message>>,
    notice: Option<Arc<Notice>>,
}

impl Step {
    fn bytes(&self) -> usize {
        let views: usize = self.views.iter().map(view_bytes).sum();
        let messages: usize = self.messages.iter().map(|message| message_bytes(message)).sum();
        let notice = self
            .notice
            .as_ref()
            .map_or(0, |notice| FRAME_BYTES * (1 + notice.users.len()));
        views + messages + notice
    }

    /// Leaves out old messages, then the newest one's second copy, of what alone would not fit into a page.
    /// They are still found by their `seq`.
    fn shrink_to_a_page(&mut self) {
        while self.messages.len() > 1 && self.bytes() > PAGE_BYTES {
            self.messages.remove(0);
        }
        if self.bytes() > PAGE_BYTES {
            self.views.iter_mut().for_each(|view| view.last_message = None);
        }
    }
}

/// A page that grows, and the bytes it will have.
#[derive(Default)]
struct PageBuilder {
    conversations: Vec<ConversationView>,
    messages: Vec<Arc<Message>>,
    notices: Vec<Arc<Notice>>,
    bytes: usize,
}

impl PageBuilder {
    fn has_room_for(&self, step: &Step) -> bool {
        self.bytes + step.bytes() <= PAGE_BYTES
    }

    fn add(&mut self, step: Step) {
        self.bytes += step.bytes();
        self.conversations.extend(step.views);
        self.messages.extend(step.messages);
        self.notices.extend(step.notice);
    }

    /// Whether the step brings one message or notice too many.
    fn is_full_for(&self, step: &Step, limit: usize) -> bool {
        let adds_none = step.messages.is_empty() && step.notice.is_none();
        !adds_none && self.messages.len() + self.notices.len() >= limit
    }

    fn finish(mut self, cursor: SyncCursor, more: bool) -> SyncPage {
        self.messages.sort_by_key(|message| message.position);
        self.conversations.sort_by_key(|view| view.conversation);
        let Self {
            conversations,
            messages,
            notices,
            ..
        } = self;
        SyncPage {
            cursor,
            recovered: true,
            conversations,
            messages,
            notices,
            more,
        }
    }
}

fn view_bytes(view: &ConversationView) -> usize {
    FRAME_BYTES + view.last_message.as_deref().map_or(0, message_bytes)
}
