//! How the others of a conversation stand to one of its messages.

use rusqlite::{Row, params};

use super::directory::{listed, pair_cursor};
use super::{Answered, Snapshot};
use crate::domain::command::{Actor, ConversationRef};
use crate::domain::conversation::{Parties, Progress};
use crate::domain::id::{GroupKey, UserKey};
use crate::domain::query::{Listed, Page, Standing};
use crate::domain::rejection::Rejection;
use crate::store::sqlite::rows::{all, one};

/// A user, after the time of joining; a pair has none.
type Other = (i64, UserKey);

impl Snapshot<'_> {
    pub(super) fn standings(
        &self,
        user: UserKey,
        conversation: &ConversationRef,
        seq: i64,
        page: &Page,
    ) -> Answered<Listed<Standing>> {
        let row = self
            .readable(Actor::User(user), conversation)?
            .filter(|row| (1..=row.conversation.head).contains(&seq))
            .ok_or(Rejection::NotFound)?;
        let after = pair_cursor(page, (i64::MIN, 0))?;
        let others = match row.conversation.parties {
            Parties::Group(group) => self.other_members(group, user, after, page.limit)?,
            pair @ Parties::Pair(..) => {
                let peer = pair.peer_of(user).map(|peer| (0, peer));
                peer.into_iter()
                    .filter(|(_, peer)| *peer != user && (0, peer.0) > after)
                    .collect()
            }
        };
        let listed = listed(others, page.limit, |(joined_at, other)| {
            format!("{joined_at}.{}", other.0)
        });
        let mut loader = self.loader();
        let standing = |(_, other): Other| {
            let sql = "SELECT read_seq, received_seq, sent_seq FROM participants WHERE user = ?1 AND conversation = ?2";
            let read = |row: &Row| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
            let found = one(&self.im, sql, [other.0, row.conversation.key.0], read)?;
            let (read, received, sent) = found.unwrap_or_default();
            let own_last = row.own_last(other, sent, &self.tail);
            let id = loader.user(other)?.id.clone();
            Ok(Standing::new(id, Progress { read, received }, own_last, seq))
        };
        Ok(Listed {
            items: listed.items.into_iter().map(standing).collect::<Answered<_>>()?,
            next: listed.next,
        })
    }

    /// One more member than the page takes, if there are so many.
    fn other_members(&self, group: GroupKey, user: UserKey, after: (i64, i64), limit: u32) -> Answered<Vec<Other>> {
        let sql = "SELECT joined_at, user FROM members
            WHERE group_key = ?1 AND (joined_at, user) > (?2, ?3) AND user <> ?4 ORDER BY joined_at, user LIMIT ?5";
        let parameters = params![group.0, after.0, after.1, user.0, limit + 1];
        Ok(all(&self.im, sql, parameters, |row| {
            Ok((row.get(0)?, UserKey(row.get(1)?)))
        })?)
    }
}
