//! Bugs planted in the simulator's own wiring, each of which the invariants must find.

/// A fault of the kind that the design is meant to rule out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bug {
    /// The store says that a batch is durable before it is.
    AckBeforeCommit,
    /// A mailbox loses a batch now and then.
    DroppedBatch,
    /// A mailbox loses the events of a batch now and then, but not the answers.
    LostEvents,
    /// A mailbox delivers a batch twice now and then.
    BatchTwice,
    /// Two batches change places in a mailbox now and then.
    BatchesSwapped,
    /// A mailbox that was empty does not wake its shard, which sleeps on until the next batch.
    LostWake,
    /// A `sync` goes on one position too far.
    ResumeOffByOne,
    /// Whoever was removed from a group still counts as its audience.
    AudienceOfBefore,
    /// A retry of a message is taken for a new one.
    ForgottenMessageIds,
}

impl Bug {
    pub const ALL: [Self; 9] = [
        Self::AckBeforeCommit,
        Self::DroppedBatch,
        Self::LostEvents,
        Self::BatchTwice,
        Self::BatchesSwapped,
        Self::LostWake,
        Self::ResumeOffByOne,
        Self::AudienceOfBefore,
        Self::ForgottenMessageIds,
    ];
}
