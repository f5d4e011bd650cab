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

/// Chunks are joined up to this size: larger ones would cost every commit copies and make lookups little faster.
const CHUNK_ENTRIES: usize = 4096;

/// A stretch of the log.
#[derive(Clone, Debug)]
struct Chunk {
    /// Sorted by conversation and seq.
    entries: Arc<[Entry]>,
    /// The position of the newest.
    newest: i64,
}

impl Chunk {
    fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_by_key(Entry::order);
        Self {
            newest: entries.iter().map(|entry| entry.position).max().unwrap_or(0),
            entries: entries.into(),
        }
    }
}

/// The tail at one commit. Chunks follow each other in the log. A chunk is joined with its neighbour when that is not
/// much larger, so that there are few of them.
#[derive(Clone, Default, Debug)]
pub struct Tail {
    chunks: Vec<Chunk>,
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
        while let Some(previous) = self.chunks.pop_if(|previous| {
            let length = previous.entries.len();
            length <= 2 * entries.len() && length + entries.len() <= CHUNK_ENTRIES
        }) {
            entries.extend_from_slice(&previous.entries);
        }
        self.chunks.push(Chunk::new(entries));
    }

    /// Forgets entries up to a position.
    pub fn forget_through(&mut self, position: i64) {
        self.chunks.retain(|chunk| chunk.newest > position);
        for chunk in &mut self.chunks {
            if chunk.entries.iter().any(|entry| entry.position <= position) {
                let kept = chunk.entries.iter().filter(|entry| entry.position > position);
                *chunk = Chunk::new(kept.copied().collect());
            }
        }
    }

    /// All entries above a position and up to another, sorted by conversation and seq.
    pub fn between(&self, above: i64, through: i64) -> Vec<Entry> {
        let wanted = |entry: &&Entry| entry.position > above && entry.position <= through;
        // Tens of thousands, on the writer's time: room for all spares it the moves of a growing vector.
        let mut entries = Vec::with_capacity(self.len());
        for chunk in &self.chunks {
            entries.extend(chunk.entries.iter().filter(wanted));
        }
        entries.sort_by_key(Entry::order);
        entries
    }

    /// All entries above a position, sorted by conversation and seq.
    pub fn above(&self, position: i64) -> Vec<Entry> {
        self.between(position, i64::MAX)
    }

    /// One conversation's entries, by ascending seq.
    pub fn of(&self, conversation: i64) -> impl DoubleEndedIterator<Item = &Entry> {
        self.chunks.iter().flat_map(move |Chunk { entries, .. }| {
            let start = entries.partition_point(|entry| entry.conversation < conversation);
            let end = entries.partition_point(|entry| entry.conversation <= conversation);
            entries[start..end].iter()
        })
    }

    /// How many messages lie above a position.
    pub fn count_above(&self, position: i64) -> usize {
        self.chunks
            .iter()
            .flat_map(|chunk| chunk.entries.iter())
            .filter(|entry| entry.position > position)
            .count()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.entries.len()).sum()
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
    fn large_chunks_are_left_alone() {
        let mut tail = Tail::default();
        for position in 1..=3 * CHUNK_ENTRIES as i64 {
            tail.append(vec![entry(position, 1, position)], position);
        }
        assert!(tail.chunks.iter().all(|chunk| chunk.entries.len() <= CHUNK_ENTRIES));
        assert!(tail.chunks.len() < 20, "{} chunks", tail.chunks.len());
        assert!(tail.of(1).is_sorted_by_key(Entry::order) && tail.len() == 3 * CHUNK_ENTRIES);
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
