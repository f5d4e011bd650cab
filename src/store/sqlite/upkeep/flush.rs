//! Writes the heads of conversations, and who sent last in them, of messages that are in runs.

use rusqlite::Connection;

use super::{Job, Outcome};
use crate::store::sqlite::tail::Entry;

/// Heads being written, in order of their conversations.
pub struct Flush {
    through: i64,
    /// Sorted by conversation and seq.
    entries: Vec<Entry>,
    next: usize,
}

impl Flush {
    /// `entries`: the messages up to `through` that were not flushed before, sorted.
    pub fn new(through: i64, entries: Vec<Entry>) -> Self {
        Self {
            through,
            entries,
            next: 0,
        }
    }
}

impl Job for Flush {
    fn step(&mut self, im: &Connection, budget: i64) -> rusqlite::Result<Option<Outcome>> {
        let mut left = budget;
        while let Some(first) = self.entries.get(self.next) {
            if left <= 0 {
                return Ok(None);
            }
            let rest = &self.entries[self.next..];
            let one = &rest[..rest.partition_point(|entry| entry.conversation == first.conversation)];
            self.next += one.len();
            left -= flush_one(im, one)?;
        }
        im.prepare_cached("UPDATE meta SET flushed_position = ?1")?
            .execute([self.through])?;
        Ok(Some(Outcome::Flushed { through: self.through }))
    }
}

/// Writes one conversation's facts; answers how many rows that took.
fn flush_one(im: &Connection, entries: &[Entry]) -> rusqlite::Result<i64> {
    let Some(newest) = entries.last() else { return Ok(0) };
    // The second sender of a pair; any other one of a group, where these two do not count.
    let other = entries
        .iter()
        .rev()
        .find(|entry| entry.sender != newest.sender)
        .unwrap_or(newest);
    let sql = "UPDATE conversations SET head = ?2, last_position = ?3, last_at = ?4,
            low_sent = max(low_sent, CASE low WHEN ?5 THEN ?6 WHEN ?7 THEN ?8 ELSE 0 END),
            high_sent = max(high_sent, CASE high WHEN ?5 THEN ?6 WHEN ?7 THEN ?8 ELSE 0 END)
        WHERE key = ?1 AND head < ?2";
    im.prepare_cached(sql)?.execute([
        newest.conversation,
        newest.seq,
        newest.position,
        newest.sent_at,
        newest.sender,
        newest.seq,
        other.sender,
        other.seq,
    ])?;
    if !newest.in_group {
        return Ok(1);
    }
    let mut newest_of_each: Vec<&Entry> = entries.iter().collect();
    newest_of_each.sort_by_key(|entry| (entry.sender, std::cmp::Reverse(entry.seq)));
    newest_of_each.dedup_by_key(|entry| entry.sender);
    for entry in &newest_of_each {
        let sql = "UPDATE participants SET sent_seq = max(sent_seq, ?3) WHERE user = ?1 AND conversation = ?2";
        im.prepare_cached(sql)?
            .execute([entry.sender, entry.conversation, entry.seq])?;
    }
    Ok(1 + newest_of_each.len() as i64)
}
