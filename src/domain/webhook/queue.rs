//! One webhook's way through the log: what waits, what is being sent, what has failed, and what of it the
//! store has to know. The log itself is the queue; only a window of it and the failing rows are in memory.
//!
//! Every event that was read is fresh (the recorded position stays below it) until it is delivered or has a
//! row, so that a crash at any moment repeats an event rather than losing it.

use std::collections::{BTreeMap, BTreeSet};

use super::health::Health;
use super::lanes::{Lane, Lanes};
use super::record::Unrecorded;
use super::{Delivery, DeliveryState, Outcome, schedule};
use crate::base::limits;
use crate::domain::command::Command;
use crate::domain::id::{Position, Timestamp};
use crate::domain::query::LogEntry;

/// Attempts under way at once for a target that works.
const SENDING: usize = 4;

/// An event that was read and is not delivered.
#[derive(Debug)]
struct Waiting {
    lane: Lane,
    /// Kept while the event is fresh; a failing one is read again for each attempt.
    entry: Option<LogEntry>,
    row: Option<Delivery>,
}

/// The deliveries of one webhook.
#[derive(Debug)]
pub struct Queue {
    webhook: Box<str>,
    read: Position,
    events: BTreeMap<Position, Waiting>,
    fresh: BTreeSet<Position>,
    lanes: Lanes,
    sending: usize,
    unrecorded: Unrecorded,
    health: Health,
}

impl Queue {
    /// Goes on from where the store says the webhook is.
    pub fn new(webhook: &str, position: Position) -> Self {
        Self {
            webhook: webhook.into(),
            read: position,
            events: BTreeMap::new(),
            fresh: BTreeSet::new(),
            lanes: Lanes::default(),
            sending: 0,
            unrecorded: Unrecorded::new(position),
            health: Health::default(),
        }
    }

    /// Everything up to here was read from the log.
    pub fn read(&self) -> Position {
        self.read
    }

    /// Events that are not delivered.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether every event that was read is delivered or dead.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Whether the row is in hand already, in a newer state than the store's.
    pub fn knows(&self, position: Position) -> bool {
        self.events.contains_key(&position) || self.unrecorded.concerns(position)
    }

    /// Takes up a row of the store: at the start, or after a replay.
    pub fn restore(&mut self, row: Delivery, lane: Lane) {
        if row.state == DeliveryState::Retrying && !self.knows(row.position) {
            self.lanes.put(lane, row.position, row.next_attempt_at);
            let waiting = Waiting {
                lane,
                entry: None,
                row: Some(row.clone()),
            };
            self.events.insert(row.position, waiting);
        }
    }

    /// How many log entries may be read now.
    pub fn room(&self, now: Timestamp) -> usize {
        if self.events.len() - self.fresh.len() >= limits::WEBHOOK_FAILING {
            return 0;
        }
        match self.health.probe_at() {
            Some(at) => usize::from(at <= now && self.fresh.is_empty()),
            None => limits::WEBHOOK_WINDOW.saturating_sub(self.fresh.len()),
        }
    }

    /// Takes up the next wanted entry of the log.
    pub fn admit(&mut self, entry: LogEntry, lane: Lane, now: Timestamp) {
        let position = entry.position();
        let row = self.blocker(lane).map(|blocker| self.behind(position, blocker));
        self.lanes.put(lane, position, now);
        if let Some(row) = &row {
            self.unrecorded.put(row.clone());
        } else {
            self.fresh.insert(position);
        }
        let entry = row.is_none().then_some(entry);
        self.events.insert(position, Waiting { lane, entry, row });
    }

    /// The log was read up to here.
    pub fn read_to(&mut self, position: Position) {
        self.read = self.read.max(position);
    }

    /// When there is something to do without any news. `more`: the log has entries that were not read.
    pub fn next_at(&self, more: bool) -> Option<Timestamp> {
        let due = self.lanes.next_at().filter(|_| self.may_send());
        let probe = self.health.probe_at().filter(|_| more && self.fresh.is_empty());
        due.into_iter().chain(probe).min()
    }

    /// The events that may be sent together now, in order: at most `most`, all of one lane.
    pub fn due(&self, now: Timestamp, most: usize) -> Vec<Position> {
        if self.may_send() {
            self.lanes.due(now, most)
        } else {
            Vec::new()
        }
    }

    /// The entry of a fresh event.
    pub fn entry(&self, position: Position) -> Option<&LogEntry> {
        self.events.get(&position)?.entry.as_ref()
    }

    /// Whether the target failed or was slow the last time.
    pub fn is_troubled(&self) -> bool {
        self.health.is_troubled()
    }

    /// These events, which were due, are being sent.
    pub fn start(&mut self, positions: &[Position]) {
        if let Some(lane) = self.lane_of(positions) {
            self.sending += 1;
            self.lanes.set_busy(lane, true);
        }
    }

    /// The attempt to send these events ended, after so many milliseconds.
    pub fn settle(&mut self, positions: &[Position], outcome: &Outcome, took: Timestamp, now: Timestamp) {
        let Some(lane) = self.lane_of(positions) else { return };
        self.sending = self.sending.saturating_sub(1);
        self.lanes.set_busy(lane, false);
        let delivered = matches!(outcome, Outcome::Delivered);
        match outcome {
            Outcome::Delivered => positions.iter().for_each(|position| self.delivered(*position)),
            Outcome::Failed { error, retry_after, .. } => self.failed(positions[0], error, *retry_after, now),
        }
        if self.health.note(delivered, took, now) {
            self.lanes.hurry(now);
        }
    }

    /// The log has no such event any more.
    pub fn forget(&mut self, position: Position) {
        self.delivered(position);
    }

    /// Whether the store knows everything, or is being told.
    pub fn is_recorded(&self) -> bool {
        !self.unrecorded.has_news(self.reached())
    }

    /// What is to be recorded now, if anything; [`recorded`](Self::recorded) must follow.
    pub fn record(&mut self) -> Option<Command> {
        let reached = self.reached();
        self.unrecorded.command(&self.webhook, reached)
    }

    /// What was to be recorded is committed, or refused and will be asked for again.
    pub fn recorded(&mut self, committed: bool) {
        self.unrecorded.settle(committed);
    }

    /// Everything up to here is delivered or has a row.
    fn reached(&self) -> Position {
        self.fresh.first().map_or(self.read, |first| Position(first.0 - 1))
    }

    fn may_send(&self) -> bool {
        self.sending < if self.health.is_troubled() { 1 } else { SENDING }
    }

    fn lane_of(&self, positions: &[Position]) -> Option<Lane> {
        Some(self.events.get(positions.first()?)?.lane)
    }

    /// The failing event that holds up a lane.
    fn blocker(&self, lane: Lane) -> Option<Position> {
        let first = self.lanes.first(lane)?;
        self.events.get(&first)?.row.is_some().then_some(first)
    }

    /// The row of an event that was not tried because another one of its lane is failing.
    fn behind(&self, position: Position, blocker: Position) -> Delivery {
        self.row(
            position,
            DeliveryState::Retrying,
            0,
            0,
            &format!("waits for {}", blocker.to_event_id()),
        )
    }

    fn row(&self, position: Position, state: DeliveryState, attempts: i64, at: Timestamp, error: &str) -> Delivery {
        Delivery {
            webhook: self.webhook.clone(),
            position,
            state,
            attempts,
            next_attempt_at: at,
            error: error.into(),
        }
    }

    fn delivered(&mut self, position: Position) {
        if let Some(waiting) = self.take(position)
            && waiting.row.is_some()
        {
            self.unrecorded.remove(position);
        }
    }

    fn take(&mut self, position: Position) -> Option<Waiting> {
        let waiting = self.events.remove(&position)?;
        self.fresh.remove(&position);
        self.lanes.remove(waiting.lane, position);
        Some(waiting)
    }

    fn failed(&mut self, position: Position, error: &str, retry_after: Option<Timestamp>, now: Timestamp) {
        let Some(waiting) = self.events.get(&position) else {
            return;
        };
        let lane = waiting.lane;
        let attempts = waiting.row.as_ref().map_or(0, |row| row.attempts) + 1;
        match schedule::delay(attempts, retry_after, position) {
            Some(delay) => {
                let row = self.row(position, DeliveryState::Retrying, attempts, now + delay, error);
                self.lanes.put(lane, position, row.next_attempt_at);
                self.keep(row);
                self.keep_followers(lane, position);
            }
            None => {
                self.take(position);
                self.unrecorded
                    .put(self.row(position, DeliveryState::Dead, attempts, 0, error));
            }
        }
    }

    /// Whatever is fresh in a lane that is failing waits as a row, so that the position can move on.
    fn keep_followers(&mut self, lane: Lane, blocker: Position) {
        let in_lane = |position: &&Position| self.events.get(position).is_some_and(|waiting| waiting.lane == lane);
        let followers: Vec<Position> = self.fresh.iter().filter(in_lane).copied().collect();
        for position in followers {
            self.keep(self.behind(position, blocker));
        }
    }

    fn keep(&mut self, row: Delivery) {
        self.fresh.remove(&row.position);
        if let Some(waiting) = self.events.get_mut(&row.position) {
            waiting.entry = None;
            waiting.row = Some(row.clone());
        }
        self.unrecorded.put(row);
    }
}

#[cfg(test)]
mod tests;
