//! The one place where things become true: decides a batch of submissions, writes what they change in one
//! transaction, and only after the commit hands out events and answers.

use super::{Backend, StoreError};
use crate::domain::command::Submission;
use crate::domain::decide::{Decision, decide};
use crate::domain::event::{CommittedBatch, Event, Settlement};
use crate::domain::facts::{Facts, Lookup};
use crate::domain::id::{Position, Timestamp};
use crate::domain::rejection::{Refusal, Rejection};

/// Drives a [`Backend`] by the rules of the domain. Lives on the writer thread.
pub struct Committer<B> {
    backend: B,
    facts: Facts,
    committed: Position,
}

impl<B: Backend> Committer<B> {
    /// Loads what must be known before the first batch. `message_id_window` is the number of newest
    /// messages whose ids are known (contract section 1).
    pub fn new(mut backend: B, message_id_window: usize) -> Result<Self, StoreError> {
        let mut facts = Facts::new(message_id_window);
        facts.load(&mut backend).map_err(|error| backend.classify(error))?;
        let committed = facts.head();
        Ok(Self {
            backend,
            facts,
            committed,
        })
    }

    /// The store.
    pub fn backend(&mut self) -> &mut B {
        &mut self.backend
    }

    /// Everything up to here is committed.
    pub fn head(&self) -> Position {
        self.committed
    }

    /// Decides and commits a batch. On a full disk everything that would change something is refused with
    /// [`Rejection::StorageFull`] and the rest is answered. An error means that nothing may be answered.
    pub fn commit(&mut self, submissions: &[Submission], now: Timestamp) -> Result<CommittedBatch, StoreError> {
        self.facts.trim();
        match self.attempt(submissions, now) {
            Ok(batch) => {
                self.committed = self.facts.head();
                Ok(batch)
            }
            Err(StoreError::Full(_)) => {
                self.take_back();
                self.refuse_writes(submissions, now)
            }
            Err(error) => {
                self.take_back();
                Err(error)
            }
        }
    }

    fn take_back(&mut self) {
        self.backend.rollback();
        self.facts.forget(self.committed);
    }

    fn attempt(&mut self, submissions: &[Submission], now: Timestamp) -> Result<CommittedBatch, StoreError> {
        let Self { backend, facts, .. } = self;
        facts.load(backend).map_err(|error| backend.classify(error))?;
        let mut batch = Batch::new(submissions.len());
        let mut open = false;
        for submission in submissions {
            let decided = self.decide(submission, now)?;
            if let Ok(Decision { changes, .. }) = &decided {
                if !open && !changes.is_empty() {
                    self.backend.begin()?;
                    open = true;
                }
                for change in changes {
                    self.backend.write(change)?;
                    self.facts.apply(change);
                }
            }
            batch.add(submission, decided);
        }
        if open {
            self.backend.commit()?;
        }
        Ok(batch.finish(self.facts.head()))
    }

    /// The second try when the disk is full: whoever changes something is refused, reads are answered.
    fn refuse_writes(&mut self, submissions: &[Submission], now: Timestamp) -> Result<CommittedBatch, StoreError> {
        let mut batch = Batch::new(submissions.len());
        for submission in submissions {
            let decided = self.decide(submission, now)?;
            let writes = decided.as_ref().is_ok_and(|decision| !decision.changes.is_empty());
            batch.add(submission, if writes { Err(Rejection::StorageFull) } else { decided });
        }
        self.facts.forget(self.committed);
        Ok(batch.finish(self.committed))
    }

    fn decide(&mut self, submission: &Submission, now: Timestamp) -> Result<Result<Decision, Rejection>, StoreError> {
        let mut lookup = Lookup::new(&mut self.facts, &mut self.backend);
        match decide(submission, &mut lookup, now) {
            Ok(decision) => Ok(Ok(decision)),
            Err(Refusal::Rejected(rejection)) => Ok(Err(rejection)),
            Err(Refusal::Facts(error)) => Err(self.backend.classify(error)),
        }
    }
}

/// A batch being put together.
struct Batch {
    events: Vec<Event>,
    settlements: Vec<Settlement>,
}

impl Batch {
    fn new(submissions: usize) -> Self {
        Self {
            events: Vec::with_capacity(submissions),
            settlements: Vec::with_capacity(submissions),
        }
    }

    fn add(&mut self, submission: &Submission, decided: Result<Decision, Rejection>) {
        let events_before = self.events.len() as u32;
        let result = decided.map(|decision| {
            self.events.extend(decision.events);
            decision.reply
        });
        self.settlements.push(Settlement {
            ticket: submission.ticket,
            events_before,
            result,
        });
    }

    fn finish(self, head: Position) -> CommittedBatch {
        CommittedBatch {
            head: head.0,
            events: self.events,
            settlements: self.settlements,
        }
    }
}
