//! The window of message ids that are still known: the newest messages of the server.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;

use foldhash::quality::RandomState;

use crate::domain::id::{Position, UserKey};

/// Finds the log position of a recent message by sender and id. Keeps a 64-bit keyed hash of each pair;
/// the caller confirms a hit by the message itself.
#[derive(Debug)]
pub struct RecentMessages {
    hasher: RandomState,
    positions: HashMap<u64, Position, foldhash::fast::RandomState>,
    order: VecDeque<(Position, u64)>,
    capacity: usize,
}

impl RecentMessages {
    /// A window of the newest `capacity` messages.
    pub fn new(capacity: usize) -> Self {
        Self {
            hasher: RandomState::default(),
            positions: HashMap::default(),
            order: VecDeque::new(),
            capacity,
        }
    }

    /// The message's position, if it is in the window.
    pub fn find(&self, sender: UserKey, id: &str) -> Option<Position> {
        self.positions.get(&self.hasher.hash_one((sender.0, id))).copied()
    }

    /// Adds a message newer than all others; the oldest falls out of a full window.
    pub fn push(&mut self, position: Position, sender: UserKey, id: &str) {
        if self.order.len() >= self.capacity {
            self.forget_oldest();
        }
        let hash = self.hasher.hash_one((sender.0, id));
        self.positions.insert(hash, position);
        self.order.push_back((position, hash));
    }

    /// Takes back everything above `position`, which was never committed.
    pub fn truncate(&mut self, position: Position) {
        while self.order.back().is_some_and(|(newest, _)| *newest > position) {
            if let Some((_, hash)) = self.order.pop_back() {
                self.positions.remove(&hash);
            }
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((position, hash)) = self.order.pop_front()
            && self.positions.get(&hash) == Some(&position)
        {
            self.positions.remove(&hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_and_takes_back_the_uncommitted() {
        let mut recent = RecentMessages::new(2);
        for n in 1..=3 {
            recent.push(Position(n), UserKey(1), &n.to_string());
        }
        assert_eq!(recent.find(UserKey(1), "1"), None);
        assert_eq!(recent.find(UserKey(1), "2"), Some(Position(2)));
        assert_eq!(recent.find(UserKey(2), "3"), None);
        recent.truncate(Position(2));
        assert_eq!(recent.find(UserKey(1), "3"), None);
        assert_eq!(recent.find(UserKey(1), "2"), Some(Position(2)));
    }
}
