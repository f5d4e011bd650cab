//! A store under test: a writer, its readers, and how to open it again.

use ringim::domain::change::Change;
use ringim::domain::query::{Answer, Query};
use ringim::store::{Backend, QueryFault, Reader, StoreError};

/// What a conformance test needs of a backend.
pub trait Subject {
    /// The writer.
    fn backend(&mut self) -> &mut dyn Backend;
    /// A reader of its own.
    fn reader(&mut self) -> Box<dyn Reader>;
    /// Closes the store as a crash would and opens it again. A store without a disk answers `false` and stays.
    fn reopen(&mut self) -> bool;
}

/// A subject with one standing reader and shorthands.
pub struct Store<S: Subject> {
    pub subject: S,
    reader: Box<dyn Reader>,
}

impl<S: Subject> Store<S> {
    pub fn new(mut subject: S) -> Self {
        let reader = subject.reader();
        Self { subject, reader }
    }

    /// One batch.
    pub fn commit(&mut self, changes: &[Change]) {
        self.try_commit(changes).expect("the batch commits");
    }

    /// One batch that may fail.
    pub fn try_commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let backend = self.subject.backend();
        backend.begin()?;
        for change in changes {
            if let Err(error) = backend.write(change) {
                backend.rollback();
                return Err(error);
            }
        }
        backend.commit()
    }

    /// Background work until there is none; then the store is as ready for a batch as it can be.
    pub fn settle(&mut self) {
        for _ in 0..1_000_000 {
            if !self.subject.backend().maintain(true).expect("maintenance works") {
                return self.subject.backend().prepare();
            }
        }
        panic!("maintenance never ends");
    }

    pub fn ask(&mut self, query: &Query) -> Result<Answer, QueryFault> {
        self.reader.answer(query)
    }

    /// An answer that must be given.
    pub fn answer(&mut self, query: &Query) -> Answer {
        self.ask(query).expect("the query is answered")
    }

    /// Opens the store again; `false` when it has no disk.
    pub fn reopen(&mut self) -> bool {
        let reopened = self.subject.reopen();
        self.reader = self.subject.reader();
        reopened
    }
}
