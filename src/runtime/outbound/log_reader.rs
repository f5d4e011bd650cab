//! The sender's view of the store. Webhooks that are equally far share the page of the log that was read last.

use std::sync::Arc;

use crate::base::limits;
use crate::domain::id::Position;
use crate::domain::query::{Answer, LogEntry, Page, Query};
use crate::domain::webhook::{Delivery, DeliveryState, Webhook};
use crate::runtime::readers::end_process;
use crate::store::{QueryFault, Reader};

/// Log entries of one page.
const PAGE_ENTRIES: u32 = 64;

/// A part of the log.
struct LogPage {
    after: Position,
    entries: Vec<LogEntry>,
    through: Position,
}

impl LogPage {
    /// The end of the log.
    fn empty(after: Position) -> Self {
        Self {
            after,
            entries: Vec::new(),
            through: after,
        }
    }
}

/// Reads what the sender needs.
pub struct LogReader {
    reader: Box<dyn Reader>,
    page: LogPage,
}

impl LogReader {
    /// Reads through this reader.
    pub fn new(reader: Box<dyn Reader>) -> Self {
        let page = LogPage::empty(Position(0));
        Self { reader, page }
    }

    /// At most `most` entries after a position, and the position up to which they are complete. That is the
    /// position asked for when the log ends there.
    pub fn after(&mut self, after: Position, most: usize) -> (Vec<LogEntry>, Position) {
        if !(self.page.after <= after && after < self.page.through) {
            self.page = self.read_page(after, PAGE_ENTRIES);
        }
        let rest = self.page.entries.iter().filter(|entry| entry.position() > after);
        let taken: Vec<LogEntry> = rest.clone().take(most).cloned().collect();
        let through = match (taken.last(), rest.count() > taken.len()) {
            (Some(last), true) => last.position(),
            (None, true) => after,
            (_, false) => self.page.through,
        };
        (taken, through)
    }

    /// The entry at a position.
    pub fn entry(&mut self, position: Position) -> Option<LogEntry> {
        let page = self.read_page(Position(position.0 - 1), 1);
        page.entries.into_iter().find(|entry| entry.position() == position)
    }

    /// All webhooks.
    pub fn webhooks(&mut self) -> Vec<Arc<Webhook>> {
        match self.answer(&Query::Webhooks) {
            Some(Answer::Webhooks(webhooks)) => webhooks,
            _ => Vec::new(),
        }
    }

    /// The events of a webhook that are to be tried again.
    pub fn retrying(&mut self, webhook: &str) -> Vec<Delivery> {
        let mut found = Vec::new();
        let mut cursor = None;
        loop {
            let query = Query::Deliveries {
                webhook: webhook.into(),
                state: Some(DeliveryState::Retrying),
                page: Page {
                    cursor,
                    limit: limits::PAGE_ITEMS_MAX,
                },
            };
            let Some(Answer::Deliveries(listed)) = self.answer(&query) else {
                return found;
            };
            found.extend(listed.items);
            cursor = listed.next;
            if cursor.is_none() {
                return found;
            }
        }
    }

    fn read_page(&mut self, after: Position, limit: u32) -> LogPage {
        match self.answer(&Query::Log { after, limit }) {
            Some(Answer::Log(entries, through)) => LogPage {
                after,
                entries,
                through,
            },
            _ => LogPage::empty(after),
        }
    }

    /// `None` for what is not there any more.
    fn answer(&mut self, query: &Query) -> Option<Answer> {
        match self.reader.answer(query) {
            Ok(answer) => Some(answer),
            Err(QueryFault::Rejected(_)) => None,
            Err(QueryFault::Store(fault)) => end_process(&fault),
        }
    }
}
