//! The store in memory: the same meaning as the database, for tests and the simulator.
//!
//! What is committed lies behind a lock that readers share. The one [`MemoryBackend`] works on a copy of its
//! own, to which it makes every change at once and the committed state only at [`Backend::commit`]; a
//! rollback takes the copy anew. Dropping the backend and asking the [`MemoryStore`] for another one is a
//! crash: whatever was not committed is gone. [`Fault`]s make writes and commits fail on purpose.

mod accounts;
mod conversations;
mod facts;
mod fault;
mod groups;
mod history;
mod integrations;
mod lists;
mod log;
mod reader;
mod state;
mod sync;

use std::sync::{Arc, PoisonError, RwLock};

use self::fault::FaultPlan;
pub use self::fault::{Fault, FaultKind, Step};
pub use self::reader::MemoryReader;
use self::state::State;
use super::{Backend, StoreError};
use crate::domain::change::Change;

/// A store that outlives its backends, as a file outlives processes.
#[derive(Clone, Default, Debug)]
pub struct MemoryStore {
    committed: Arc<RwLock<State>>,
    faults: FaultPlan,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens the store for writing. One backend at a time.
    pub fn backend(&self) -> MemoryBackend {
        let working = read(&self.committed).clone();
        MemoryBackend {
            store: self.clone(),
            working,
            open: None,
        }
    }

    /// Opens the store for reading.
    pub fn reader(&self) -> MemoryReader {
        MemoryReader::new(self.committed.clone())
    }

    /// Plans a fault for the present backend and its successors.
    pub fn inject(&self, fault: Fault) {
        self.faults.add(fault);
    }

    /// Forgets all faults: the disk has room again.
    pub fn heal(&self) {
        self.faults.clear();
    }
}

/// The committed state. A panic elsewhere ends the process; a poisoned lock means nothing more.
fn read(state: &RwLock<State>) -> std::sync::RwLockReadGuard<'_, State> {
    state.read().unwrap_or_else(PoisonError::into_inner)
}

/// The writer of a [`MemoryStore`].
#[derive(Debug)]
pub struct MemoryBackend {
    store: MemoryStore,
    working: State,
    /// The changes of the open transaction.
    open: Option<Vec<Change>>,
}

impl Backend for MemoryBackend {
    fn begin(&mut self) -> Result<(), StoreError> {
        if self.open.is_some() {
            return Err(StoreError::Fatal("a transaction is open already".into()));
        }
        self.open = Some(Vec::new());
        Ok(())
    }

    fn write(&mut self, change: &Change) -> Result<(), StoreError> {
        self.store.faults.strike(Step::Write)?;
        let open = self
            .open
            .as_mut()
            .ok_or_else(|| StoreError::Fatal("no transaction is open".into()))?;
        open.push(change.clone());
        self.working.apply(change);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        if let Err(error) = self.store.faults.strike(Step::Commit) {
            self.rollback();
            return Err(error);
        }
        let changes = self
            .open
            .take()
            .ok_or_else(|| StoreError::Fatal("no transaction is open".into()))?;
        let mut committed = self.store.committed.write().unwrap_or_else(PoisonError::into_inner);
        changes.iter().for_each(|change| committed.apply(change));
        Ok(())
    }

    fn rollback(&mut self) {
        if self.open.take().is_some() {
            self.working = read(&self.store.committed).clone();
        }
    }

    fn maintain(&mut self, _idle: bool) -> Result<bool, StoreError> {
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::FactSource;
    use crate::domain::id::{UserId, UserKey, Username};
    use crate::domain::user::{User, UserStatus};

    fn put_user(key: i64, id: &str) -> Change {
        Change::PutUser(Arc::new(User {
            key: UserKey(key),
            id: UserId::stored(id),
            username: Username::stored(id),
            nickname: None,
            avatar: None,
            status: UserStatus::Active,
            created_at: 1,
            generation: 1,
            granted: Arc::new([]),
        }))
    }

    fn write(backend: &mut MemoryBackend, change: &Change) -> Result<(), StoreError> {
        backend.begin().and_then(|()| backend.write(change))
    }

    fn knows(backend: &mut MemoryBackend, id: &str) -> bool {
        matches!(backend.user_by_id(id), Ok(Some(_)))
    }

    #[test]
    fn a_transaction_sees_itself_and_a_rollback_forgets_it() {
        let store = MemoryStore::new();
        let mut backend = store.backend();
        write(&mut backend, &put_user(1, "alice")).expect("no fault is planned");
        assert!(knows(&mut backend, "alice"));
        backend.rollback();
        assert!(!knows(&mut backend, "alice"));
    }

    #[test]
    fn a_crash_keeps_what_was_committed_and_nothing_else() {
        let store = MemoryStore::new();
        let mut backend = store.backend();
        write(&mut backend, &put_user(1, "alice")).expect("no fault is planned");
        backend.commit().expect("no fault is planned");
        write(&mut backend, &put_user(2, "bob")).expect("no fault is planned");
        drop(backend);
        let mut backend = store.backend();
        assert!(knows(&mut backend, "alice") && !knows(&mut backend, "bob"));
    }

    #[test]
    fn a_planned_fault_strikes_once_and_leaves_nothing() {
        let store = MemoryStore::new();
        store.inject(Fault {
            step: Step::Commit,
            skip: 1,
            times: 1,
            kind: FaultKind::Full,
        });
        let mut backend = store.backend();
        write(&mut backend, &put_user(1, "alice")).expect("no fault is planned");
        backend.commit().expect("the first commit is let through");
        write(&mut backend, &put_user(2, "bob")).expect("no fault is planned");
        assert!(matches!(backend.commit(), Err(StoreError::Full(_))));
        assert!(!knows(&mut backend, "bob"));
        write(&mut backend, &put_user(2, "bob")).expect("no fault is planned");
        backend.commit().expect("the fault is used up");
        assert!(knows(&mut backend, "bob"));
    }
}
