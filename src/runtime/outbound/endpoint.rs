//! One webhook that is switched on: its table row, its queue, and the pace it can take.

use std::collections::VecDeque;
use std::sync::Arc;

use super::log_reader::LogReader;
use crate::api::webhook::request::{MERGED_EVENTS, Request, compose};
use crate::api::webhook::{Occurrence, entry_name};
use crate::domain::id::{Position, Timestamp};
use crate::domain::query::LogEntry;
use crate::domain::webhook::lanes::Lane;
use crate::domain::webhook::names::wants;
use crate::domain::webhook::pace::Pace;
use crate::domain::webhook::queue::Queue;
use crate::domain::webhook::{Delivery, Webhook, WebhookKind};

/// Users that came or went, waiting for the target. Full: the newest are dropped.
const PRESENCE: usize = 64;

/// Pages of the log that are read before other webhooks have their turn.
const PAGES_PER_TURN: usize = 8;

/// A webhook's state in the sender.
pub struct Endpoint {
    /// Names it in tickets and results; never used twice.
    pub number: u64,
    /// As the table has it.
    pub webhook: Arc<Webhook>,
    /// What waits and what failed.
    pub queue: Queue,
    /// The target said that it is gone: nothing is sent until the table says so, too.
    pub gone: bool,
    pace: Pace,
    presence: VecDeque<Occurrence>,
    sending_presence: bool,
    /// What was committed before this process is not read yet; from then on the log's head tells.
    behind: bool,
}

impl Endpoint {
    /// Goes on where the table says.
    pub fn new(number: u64, webhook: Arc<Webhook>) -> Self {
        Self {
            number,
            queue: Queue::new(&webhook.id, webhook.position),
            gone: false,
            pace: Pace::new(webhook.kind),
            presence: VecDeque::new(),
            sending_presence: false,
            behind: true,
            webhook,
        }
    }

    /// Whether it can go on with this row of the table. Not when the kind changed, and not when the position was
    /// moved because the webhook had been switched off.
    pub fn continues_as(&self, webhook: &Webhook) -> bool {
        self.webhook.kind == webhook.kind && webhook.position <= self.queue.read()
    }

    /// Goes on with this row of the table.
    pub fn update(&mut self, webhook: Arc<Webhook>) {
        self.webhook = webhook;
        self.gone = false;
    }

    /// Takes up rows of the store that are not in hand.
    pub fn restore(&mut self, rows: Vec<Delivery>, reader: &mut LogReader) {
        for row in rows {
            if !self.queue.knows(row.position) {
                let entry = reader.entry(row.position);
                let lane = entry.map_or(Lane::Everything, |entry| self.lane(&entry));
                self.queue.restore(row, lane);
            }
        }
    }

    /// Notes that a user came or went, if the target wants to know.
    pub fn note_presence(&mut self, occurrence: &Occurrence) {
        if wants(&self.webhook.events, occurrence.name()) && self.presence.len() < PRESENCE {
            self.presence.push_back(occurrence.clone());
        }
    }

    /// Reads the log as far as there is room. Answers whether there is more to read at once.
    pub fn read_log(&mut self, reader: &mut LogReader, head: Position, now: Timestamp) -> bool {
        for _ in 0..PAGES_PER_TURN {
            let room = self.queue.room(now);
            if room == 0 || !self.has_more(head) {
                return false;
            }
            let (entries, through) = reader.after(self.queue.read(), room);
            for entry in entries {
                if wants(&self.webhook.events, entry_name(&entry)) {
                    let lane = self.lane(&entry);
                    self.queue.admit(entry, lane, now);
                }
            }
            if through <= self.queue.read() {
                self.behind = false;
                return false;
            }
            self.queue.read_to(through);
        }
        true
    }

    /// What is to be sent now: the request and the events it covers.
    pub fn next_request(&mut self, reader: &mut LogReader, now: Timestamp) -> Option<(Request, Vec<Position>)> {
        if self.gone || self.pace.next_at(now) > now {
            return None;
        }
        let (mut positions, occurrences) = self.due(reader, now);
        let (request, covered) = compose(&self.webhook, &occurrences, now)?;
        positions.truncate(covered);
        self.queue.start(&positions);
        self.pace.note(now);
        Some((request, positions))
    }

    /// The next user that came or went, one at a time.
    pub fn next_presence(&mut self, now: Timestamp) -> Option<Request> {
        if self.gone || self.sending_presence || self.pace.next_at(now) > now {
            return None;
        }
        let occurrence = self.presence.pop_front()?;
        let (request, _) = compose(&self.webhook, &[occurrence], now)?;
        self.sending_presence = true;
        self.pace.note(now);
        Some(request)
    }

    /// The user that came or went was told of, or not.
    pub fn end_presence(&mut self) {
        self.sending_presence = false;
    }

    /// When there is something to do without news.
    pub fn next_at(&self, head: Position, now: Timestamp) -> Option<Timestamp> {
        if self.gone {
            return None;
        }
        let queue = self.queue.next_at(self.has_more(head));
        let presence = (!self.presence.is_empty() && !self.sending_presence).then_some(now);
        let due = queue.into_iter().chain(presence).min()?;
        Some(due.max(self.pace.next_at(now)))
    }

    /// The events that are due, passing over those that the log has no more.
    fn due(&mut self, reader: &mut LogReader, now: Timestamp) -> (Vec<Position>, Vec<Occurrence>) {
        loop {
            let positions = self.queue.due(now, self.merged(now));
            let read = |position: &Position| {
                let entry = self.queue.entry(*position).cloned().or_else(|| reader.entry(*position));
                entry.map(Occurrence::Entry).ok_or(*position)
            };
            match positions.iter().map(read).collect() {
                Ok(occurrences) => return (positions, occurrences),
                Err(missing) => self.queue.forget(missing),
            }
        }
    }

    fn has_more(&self, head: Position) -> bool {
        self.behind || self.queue.read() < head
    }

    fn lane(&self, entry: &LogEntry) -> Lane {
        match self.webhook.kind {
            WebhookKind::Json => Lane::of(entry),
            _ => Lane::Everything,
        }
    }

    /// How many events one request may cover: one each, unless more wait than the target takes.
    fn merged(&self, now: Timestamp) -> usize {
        let overflows = self.pace.room(now).is_some_and(|room| self.queue.len() > room);
        if overflows { MERGED_EVENTS } else { 1 }
    }
}
