//! The thread that hashes and checks passwords, far from the shards and behind them in priority: one hash costs
//! what thousands of messages cost.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::mailbox::{Mail, Mailbox};
use super::random;
use crate::api::port::{PasswordJob, PasswordResult};
use crate::auth::password;
use crate::base::limits;
use crate::domain::user::PasswordHash;

/// Added to the thread's niceness.
const NICENESS: libc::c_int = 10;

/// One password on its way to the pool.
#[derive(Debug)]
pub struct PasswordTask {
    /// Who waits.
    pub shard: u16,
    /// The shard's number for it.
    pub ticket: u64,
    /// What to do.
    pub job: PasswordJob,
}

/// Makes the queue of the pool.
pub fn queue() -> (Sender<PasswordTask>, Receiver<PasswordTask>) {
    bounded(limits::PASSWORD_QUEUE)
}

/// Starts the pool; it ends when nobody can ask any more.
pub fn start(tasks: Receiver<PasswordTask>, mailboxes: Arc<[Mailbox]>) -> io::Result<JoinHandle<()>> {
    let work = move || {
        step_back();
        for task in tasks {
            let result = perform(task.job);
            if let Some(mailbox) = mailboxes.get(usize::from(task.shard)) {
                mailbox.send(Mail::PasswordDone(task.ticket, result));
            }
        }
    };
    std::thread::Builder::new().name("passwords".to_owned()).spawn(work)
}

/// Hashes or checks one password.
pub fn perform(job: PasswordJob) -> PasswordResult {
    match job {
        PasswordJob::Hash(password) => {
            let hash = password::hash(&password, &mut random::fill);
            PasswordResult::Hashed(PasswordHash(hash.into_boxed_str()))
        }
        PasswordJob::Verify(password, stored) => {
            let stored = stored.as_ref().map(|hash| &*hash.0);
            PasswordResult::Verified(password::verify(&password, stored))
        }
    }
}

/// Lowers the priority of this thread alone (on Linux niceness belongs to a thread).
fn step_back() {
    // SAFETY: the calls touch no memory.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS) };
}
