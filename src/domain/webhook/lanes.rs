//! Order within a conversation, independence between conversations.

use std::collections::{BTreeMap, HashMap};

use crate::domain::id::{ConversationKey, Position, Timestamp, UserKey};
use crate::domain::query::LogEntry;

/// Events of one lane are delivered one after the other; lanes do not wait for each other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Lane {
    /// A conversation, with the notices of its group.
    Conversation(ConversationKey),
    /// What concerns a user outside of conversations.
    User(UserKey),
    /// Everything: a robot's chat shows one stream.
    Everything,
}

impl Lane {
    /// The lane of a log entry, for a target that takes conversations side by side.
    pub fn of(entry: &LogEntry) -> Self {
        match entry {
            LogEntry::Message(message) => Self::Conversation(message.conversation),
            LogEntry::Notice(notice) => match (&notice.group, notice.users.first()) {
                (Some((group, _)), _) => Self::Conversation(group.conversation),
                (None, Some(user)) => Self::User(user.key),
                (None, None) => Self::Everything,
            },
        }
    }
}

/// The events of one lane, and when each may be tried.
#[derive(Debug, Default)]
struct Line {
    waiting: BTreeMap<Position, Timestamp>,
    busy: bool,
    /// Its entry among the due ones.
    due: Option<(Timestamp, Position)>,
}

/// All lanes of a webhook. Only the first event of an idle lane can be due.
#[derive(Debug, Default)]
pub struct Lanes {
    lines: HashMap<Lane, Line>,
    due: BTreeMap<(Timestamp, Position), Lane>,
}

impl Lanes {
    /// Adds an event, or changes when it may be tried.
    pub fn put(&mut self, lane: Lane, position: Position, at: Timestamp) {
        self.lines.entry(lane).or_default().waiting.insert(position, at);
        self.refresh(lane);
    }

    /// Removes an event.
    pub fn remove(&mut self, lane: Lane, position: Position) {
        if let Some(line) = self.lines.get_mut(&lane) {
            line.waiting.remove(&position);
        }
        self.refresh(lane);
    }

    /// Marks a lane as being worked on, or not any more.
    pub fn set_busy(&mut self, lane: Lane, busy: bool) {
        if let Some(line) = self.lines.get_mut(&lane) {
            line.busy = busy;
        }
        self.refresh(lane);
    }

    /// The first event of a lane.
    pub fn first(&self, lane: Lane) -> Option<Position> {
        Some(*self.lines.get(&lane)?.waiting.first_key_value()?.0)
    }

    /// The first events of the lane that has been due for the longest time.
    pub fn due(&self, now: Timestamp, most: usize) -> Vec<Position> {
        let Some((_, lane)) = self.due.first_key_value().filter(|((at, _), _)| *at <= now) else {
            return Vec::new();
        };
        let line = self.lines.get(lane).into_iter();
        line.flat_map(|line| line.waiting.keys().copied()).take(most).collect()
    }

    /// When the next lane is due.
    pub fn next_at(&self) -> Option<Timestamp> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    /// Makes every first event due now.
    pub fn hurry(&mut self, now: Timestamp) {
        let late: Vec<(Position, Lane)> = self
            .due
            .iter()
            .map(|((_, position), lane)| (*position, *lane))
            .collect();
        for (position, lane) in late {
            self.put(lane, position, now);
        }
    }

    fn refresh(&mut self, lane: Lane) {
        let Some(line) = self.lines.get_mut(&lane) else { return };
        if let Some(due) = line.due.take() {
            self.due.remove(&due);
        }
        if line.busy {
            return;
        }
        match line.waiting.first_key_value() {
            Some((position, at)) => {
                line.due = Some((*at, *position));
                self.due.insert((*at, *position), lane);
            }
            None => {
                self.lines.remove(&lane);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Lane = Lane::Conversation(ConversationKey(1));
    const TWO: Lane = Lane::Conversation(ConversationKey(2));

    fn lanes() -> Lanes {
        let mut lanes = Lanes::default();
        for (lane, position) in [(ONE, 1), (TWO, 2), (ONE, 3)] {
            lanes.put(lane, Position(position), position);
        }
        lanes
    }

    #[test]
    fn a_lane_goes_one_after_the_other_and_does_not_hold_up_another() {
        let mut lanes = lanes();
        assert_eq!(lanes.due(9, 1), [Position(1)]);
        lanes.set_busy(ONE, true);
        assert_eq!(lanes.due(9, 1), [Position(2)]);
        lanes.set_busy(TWO, true);
        assert_eq!((lanes.due(9, 1), lanes.next_at()), (vec![], None));
        lanes.remove(ONE, Position(1));
        lanes.set_busy(ONE, false);
        assert_eq!(lanes.due(9, 1), [Position(3)]);
    }

    #[test]
    fn a_later_event_waits_for_a_first_one_that_is_not_due() {
        let mut lanes = lanes();
        lanes.put(ONE, Position(1), 100);
        lanes.remove(TWO, Position(2));
        assert_eq!((lanes.due(99, 9), lanes.next_at()), (vec![], Some(100)));
        lanes.hurry(50);
        assert_eq!(lanes.due(50, 9), [Position(1), Position(3)]);
    }

    #[test]
    fn empty_lanes_are_forgotten() {
        let mut lanes = lanes();
        for (lane, position) in [(ONE, 1), (TWO, 2), (ONE, 3)] {
            lanes.remove(lane, Position(position));
        }
        assert!(lanes.lines.is_empty() && lanes.due.is_empty());
    }
}
