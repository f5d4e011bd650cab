//! What operators and the webhook sender read: keys, webhooks, failing events, the log, row counts.

use std::sync::Arc;

use rusqlite::{Row, params};

use super::directory::{key_cursor, listed};
use super::{Answered, Snapshot};
use crate::domain::command::ApiKey;
use crate::domain::id::Position;
use crate::domain::query::{Counts, Listed, LogEntry, Page};
use crate::domain::rejection::Rejection;
use crate::domain::webhook::{Delivery, DeliveryState, Webhook};
use crate::store::sqlite::rows::{self, all, one};
use crate::store::sqlite::webhooks;

impl Snapshot<'_> {
    pub(super) fn api_keys(&self) -> Answered<Vec<ApiKey>> {
        let sql = format!("SELECT {} FROM api_keys ORDER BY created_at, id", rows::API_KEY);
        Ok(all(self.credentials, &sql, [], rows::api_key)?)
    }

    pub(super) fn webhooks(&self) -> Answered<Vec<Arc<Webhook>>> {
        Ok(webhooks::all(&self.im, self.credentials)?
            .into_iter()
            .map(Arc::new)
            .collect())
    }

    pub(super) fn deliveries(
        &self,
        webhook: &str,
        state: Option<DeliveryState>,
        page: &Page,
    ) -> Answered<Listed<Delivery>> {
        let known = "SELECT 1 FROM webhook_positions WHERE webhook = ?1";
        one(&self.im, known, [webhook], |_| Ok(()))?.ok_or(Rejection::NotFound)?;
        let sql = format!(
            "SELECT {} FROM deliveries WHERE webhook = ?1 AND position > ?2 AND coalesce(state = ?3, 1)
             ORDER BY position LIMIT ?4",
            rows::DELIVERY
        );
        let state = state.map(DeliveryState::as_str);
        let found = all(
            &self.im,
            &sql,
            params![webhook, key_cursor(page)?, state, page.limit + 1],
            rows::delivery,
        )?;
        Ok(listed(found, page.limit, |delivery| delivery.position.0.to_string()))
    }

    /// Entries above a position, and how far the log was read.
    pub(super) fn log(&self, after: i64, limit: u32) -> Answered<(Vec<LogEntry>, Position)> {
        let mut loader = self.loader();
        let limit = limit as usize;
        let through = self.tail.head();
        let messages = loader.messages_between(after, through, limit as i64)?;
        let notices = loader.notices_between(after, through, limit as i64)?;
        let messages = messages.into_iter().map(LogEntry::Message);
        let mut entries: Vec<LogEntry> = messages.chain(notices.into_iter().map(LogEntry::Notice)).collect();
        entries.sort_by_key(LogEntry::position);
        entries.truncate(limit);
        let read_through = match entries.last() {
            Some(last) if entries.len() == limit => last.position(),
            _ => Position(through.max(after)),
        };
        Ok((entries, read_through))
    }

    pub(super) fn counts(&self) -> Answered<Counts> {
        let sql = "SELECT
            (SELECT count(*) FROM users) - (SELECT count(*) FROM users WHERE status = 'deleted'),
            (SELECT count(*) FROM groups) - (SELECT count(*) FROM groups WHERE dismissed),
            (SELECT coalesce(max(key), 0) FROM conversations),
            (SELECT coalesce(sum(messages), 0) FROM message_runs)";
        let in_tail = self.tail.count_above(self.indexed) as i64;
        let read = |row: &Row| {
            let messages = row.get::<_, i64>(3)? + in_tail;
            Ok(Counts {
                users: row.get(0)?,
                groups: row.get(1)?,
                conversations: row.get(2)?,
                messages,
            })
        };
        Ok(self.im.prepare_cached(sql)?.query_row([], read)?)
    }
}
