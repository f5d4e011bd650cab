//! The newest part of the log in memory: messages that no run holds yet, and those whose conversations
//! have not had their heads written.
//!
//! The writer replaces the tail after each commit and before anything is announced. A reader first takes
//! the tail and then begins its snapshot of the file, so the snapshot holds at least what the tail says;
//! entries leave the tail only after the commit that made them superfluous.

use std::sync::{Arc, PoisonError, RwLock};

/// One message as the order of its conversation needs it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its conversation.
    pub conversation: i64,
    /// Its number there.
    pub seq: i64,
    /// Where it stands in the log.
    pub position: i64,
    /// Who sent it.
    pub sender: i64,
    /// When, in Unix milliseconds.
    pub sent_at: i64,
    /// Whether the conversation is a group's.
    pub in_group: bool,
}

impl Entry {
    fn order(&self) -> (i64, i64) {
        (self.conversation, self.seq)
    }
}

/// The tail at one commit. Chunks follow each other in the log; each is sorted by conversation and seq.
/// A chunk is joined with its neighbour when it is not much smaller, so that there are few of them.
#[derive(Clone, Default, Debug)]
pub struct Tail {
    chunks: Vec<Arc<[Entry]>>,
    head: i64,
}

impl Tail {
    /// The newest committed log position.
    pub fn head(&self) -> i64 {
        self.head
    }

    /// Adds what a commit has written.
    pub fn append(&mut self, mut entries: Vec<Entry>, head: i64) {
        self.head = self.head.max(head);
        if entries.is_empty() {
            return;
        }
        entries.sort_by_key(Entry::order);
        let mut last: Arc<[Entry]> = entries.into();
        while let Some(previous) = self.chunks.pop_if(|previous| previous.len() <= 2 * last.len()) {
            let mut joined = [previous.as_ref(), last.as_ref()].concat();
            joined.sort_by_key(Entry::order);
            last = joined.into();
        }
        self.chunks.push(last);
    }

    /// Forgets entries up to a position.
    pub fn forget_through(&mut self, position: i64) {
        let kept = self.above(position);
        self.chunks.clear();
        self.append(kept, self.head);
    }

    /// All entries above a position and up to another, sorted by conversation and seq.
    pub fn between(&self, above: i64, through: i64) -> Vec<Entry> {
        let wanted = |entry: &&Entry| entry.position > above && entry.position <= through;
        let mut entries: Vec<Entry> = self
            .chunks
            .iter()
            .flat_map(|chunk| chunk.iter())
            .filter(wanted)
            .copied()
            .collect();
        entries.sort_by_key(Entry::order);
        entries
    }

    /// All entries above a position, sorted by conversation and seq.
    pub fn above(&self, position: i64) -> Vec<Entry> {
        self.between(position, i64::MAX)
    }

    /// One conversation's entries, by ascending seq.
    pub fn of(&self, conversation: i64) -> impl DoubleEndedIterator<Item = &Entry> {
        self.chunks.iter().flat_map(move |chunk| {
            let start = chunk.partition_point(|entry| entry.conversation < conversation);
            let end = chunk.partition_point(|entry| entry.conversation <= conversation);
            chunk[start..end].iter()
        })
    }

    /// How many messages lie above a position.
    pub fn count_above(&self, position: i64) -> usize {
        self.chunks
            .iter()
            .flat_map(|chunk| chunk.iter())
            .filter(|entry| entry.position > position)
            .count()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.len()).sum()
    }
}

/// The tail as the writer and the readers share it. The lock is held only to copy or replace a pointer.
#[derive(Default)]
pub struct SharedTail(RwLock<Arc<Tail>>);

impl SharedTail {
    /// The tail as of the newest announced commit.
    pub fn get(&self) -> Arc<Tail> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes it; only the writer does. Readers never see a half-made change.
    pub fn change(&self, change: impl FnOnce(&mut Tail)) {
        let mut next = Tail::clone(&self.get());
        change(&mut next);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(position: i64, conversation: i64, seq: i64) -> Entry {
        Entry {
            conversation,
            seq,
            position,
            sender: 1,
            sent_at: 0,
            in_group: false,
        }
    }

    #[test]
    fn chunks_stay_few_and_ordered() {
        let mut tail = Tail::default();
        for position in 1..=1000 {
            tail.append(vec![entry(position, position % 3, position / 3)], position);
        }
        assert!(tail.chunks.len() <= 10, "{} chunks", tail.chunks.len());
        let positions: Vec<i64> = tail.of(2).map(|entry| entry.position).collect();
        assert_eq!(
            positions,
            (1..=1000).filter(|position| position % 3 == 2).collect::<Vec<_>>()
        );
        assert_eq!(tail.of(2).next_back().map(|entry| entry.position), Some(998));
        assert_eq!((tail.len(), tail.head(), tail.of(9).count()), (1000, 1000, 0));
    }

    #[test]
    fn forgetting_keeps_the_rest() {
        let mut tail = Tail::default();
        for position in 1..=100 {
            tail.append(vec![entry(position, 1, position)], position);
        }
        tail.forget_through(60);
        assert_eq!((tail.len(), tail.count_above(90), tail.head()), (40, 10, 100));
        assert_eq!(tail.of(1).next().map(|entry| entry.position), Some(61));
    }

    #[test]
    fn a_reader_keeps_its_tail() {
        let shared = SharedTail::default();
        shared.change(|tail| tail.append(vec![entry(1, 1, 1)], 1));
        let before = shared.get();
        shared.change(|tail| tail.append(vec![entry(2, 1, 2)], 2));
        assert_eq!((before.len(), shared.get().len()), (1, 2));
    }
}
