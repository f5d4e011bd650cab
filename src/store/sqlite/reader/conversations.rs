//! A user's conversations as it sees them.

use rusqlite::Row;

use super::directory::{listed, pair_cursor};
use super::{Answered, Snapshot};
use crate::domain::conversation::{Conversation, Progress};
use crate::domain::id::{Position, UserKey};
use crate::domain::query::{ConversationView, Listed, Page};
use crate::store::sqlite::messages::LogLoader;
use crate::store::sqlite::rows::{self, all};

/// A row of `participants` with its conversation, the tail included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Participation {
    /// The conversation with its true head.
    pub conversation: Conversation,
    /// The head of the log when it came to concern the user.
    pub since: i64,
    /// When a receipt of the user last moved.
    pub changed: i64,
    progress: Progress,
    own_last: i64,
}

impl Snapshot<'_> {
    pub(super) fn conversations(&self, user: UserKey, page: &Page) -> Answered<Listed<ConversationView>> {
        let order = |participation: &Participation| {
            (
                participation.conversation.last_position.0,
                participation.conversation.key.0,
            )
        };
        let start = pair_cursor(page, (i64::MAX, i64::MAX))?;
        let mut all = self.participations(user, 0)?;
        all.retain(|participation| order(participation) < start);
        all.sort_by_key(|participation| std::cmp::Reverse(order(participation)));
        let listed = listed(all, page.limit, |participation| {
            let (newest, key) = order(participation);
            format!("{newest}.{key}")
        });
        let mut loader = self.loader();
        let views = listed
            .items
            .iter()
            .map(|participation| self.view(user, participation, &mut loader));
        Ok(Listed {
            items: views.collect::<Answered<_>>()?,
            next: listed.next,
        })
    }

    /// All conversations of a user above a key, by key.
    pub(super) fn participations(&self, user: UserKey, above: i64) -> Answered<Vec<Participation>> {
        let sql = format!(
            "SELECT {}, p.since_position, p.changed_position, p.read_seq, p.received_seq, p.sent_seq
             FROM participants p CROSS JOIN conversations c ON c.key = p.conversation
             WHERE p.user = ?1 AND p.conversation > ?2 ORDER BY p.conversation",
            rows::CONVERSATION
        );
        let read = |row: &Row| {
            let found = rows::conversation(row)?;
            Ok(Participation {
                own_last: found.own_last(user, row.get(13)?, &self.tail),
                conversation: found.with_tail(&self.tail).conversation,
                since: row.get(9)?,
                changed: row.get(10)?,
                progress: Progress {
                    read: row.get(11)?,
                    received: row.get(12)?,
                },
            })
        };
        Ok(all(&self.im, &sql, [user.0, above], read)?)
    }

    /// The conversation as its user sees it, with the newest message.
    pub(super) fn view(
        &self,
        user: UserKey,
        participation: &Participation,
        loader: &mut LogLoader<'_>,
    ) -> Answered<ConversationView> {
        let conversation = participation.conversation;
        let Position(newest) = conversation.last_position;
        Ok(ConversationView {
            conversation: conversation.key,
            chat_type: conversation.parties.chat_type(),
            peer_id: loader.peer_id(conversation.parties, user)?,
            head: conversation.head,
            progress: participation.progress,
            own_last: participation.own_last,
            last_message: if newest == 0 { None } else { loader.message(newest)? },
        })
    }
}
