//! Faults on purpose: the n-th write or commit from now fails.

use std::sync::{Arc, Mutex, PoisonError};

use crate::store::StoreError;

/// Where a fault strikes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// While a change is written into the open transaction.
    Write,
    /// At the commit.
    Commit,
}

/// What the store then says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// The disk is full.
    Full,
    /// Anything worse.
    Fatal,
}

/// One planned fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Where it strikes.
    pub step: Step,
    /// How many steps of this kind succeed before it.
    pub skip: u64,
    /// How many fail then.
    pub times: u64,
    /// How they fail.
    pub kind: FaultKind,
}

/// The faults to come.
#[derive(Clone, Default, Debug)]
pub(super) struct FaultPlan {
    faults: Arc<Mutex<Vec<Fault>>>,
}

impl FaultPlan {
    pub(super) fn add(&self, fault: Fault) {
        self.lock().push(fault);
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    /// Counts one step, and fails it if that is planned.
    pub(super) fn strike(&self, step: Step) -> Result<(), StoreError> {
        let mut faults = self.lock();
        let mut struck = None;
        for fault in faults.iter_mut().filter(|fault| fault.step == step) {
            if fault.skip > 0 {
                fault.skip -= 1;
            } else if fault.times > 0 && struck.is_none() {
                fault.times -= 1;
                struck = Some(fault.kind);
            }
        }
        faults.retain(|fault| fault.times > 0);
        match struck {
            None => Ok(()),
            Some(FaultKind::Full) => Err(StoreError::Full("a planned fault".into())),
            Some(FaultKind::Fatal) => Err(StoreError::Fatal("a planned fault".into())),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
