//! What must not happen in a run.

use std::ops::AddAssign;

use serde::Serialize;

/// What must not happen. All counts are of the whole run, with warm-up and drain.
#[derive(Serialize, Debug, Default, Clone, PartialEq, Eq)]
pub struct Faults {
    /// Deliveries of acked messages that never came.
    pub lost: u64,
    /// Second deliveries or second acks.
    pub duplicated: u64,
    /// Deliveries to somebody else, or of what was never sent.
    pub misdelivered: u64,
    /// Deliveries after a later one of the same conversation, or after the ack of a later message.
    pub reordered: u64,
    /// Messages that were neither acked nor refused.
    pub unanswered: u64,
    /// Messages that were refused.
    pub refused: u64,
    /// Connections that ended by themselves.
    pub disconnected: u64,
    /// Acked messages that are not in the database.
    pub not_stored: u64,
    /// Messages that are in the database more than once, or that nobody sent.
    pub wrongly_stored: u64,
    /// Conversations whose numbers are not 1, 2, 3 ... without gaps.
    pub gapped: u64,
    /// Pages of a history that were not what was asked for.
    pub wrong_pages: u64,
    /// Bounds of growth that a long run broke.
    pub outgrown: u64,
    /// Servers that did not end with exit code 0.
    pub failed_stops: u64,
    /// Times the server was asked for its health and did not answer well.
    pub unhealthy: u64,
}

impl Faults {
    /// What happened, in words with its count.
    pub fn present(&self) -> Vec<String> {
        let present = self.named().into_iter().filter(|&(_, count)| count > 0);
        present.map(|(name, count)| format!("{name} {count}")).collect()
    }

    /// Each kind in words, and its count.
    pub fn named(&self) -> [(&'static str, u64); 14] {
        [
            ("lost", self.lost),
            ("duplicated", self.duplicated),
            ("misdelivered", self.misdelivered),
            ("reordered", self.reordered),
            ("unanswered", self.unanswered),
            ("refused", self.refused),
            ("disconnected", self.disconnected),
            ("acked, not stored", self.not_stored),
            ("wrongly stored", self.wrongly_stored),
            ("gaps in numbering", self.gapped),
            ("wrong pages", self.wrong_pages),
            ("outgrown", self.outgrown),
            ("failed stops", self.failed_stops),
            ("unhealthy", self.unhealthy),
        ]
    }
}

impl AddAssign<&Faults> for Faults {
    fn add_assign(&mut self, other: &Faults) {
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.misdelivered += other.misdelivered;
        self.reordered += other.reordered;
        self.unanswered += other.unanswered;
        self.refused += other.refused;
        self.disconnected += other.disconnected;
        self.not_stored += other.not_stored;
        self.wrongly_stored += other.wrongly_stored;
        self.gapped += other.gapped;
        self.wrong_pages += other.wrong_pages;
        self.outgrown += other.outgrown;
        self.failed_stops += other.failed_stops;
        self.unhealthy += other.unhealthy;
    }
}
