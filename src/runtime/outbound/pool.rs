//! The threads that call targets. They are started when needed and are few, so a target that hangs holds a
//! thread and no more; targets in trouble together never hold more than half of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::client::Client;
use crate::api::webhook::request::{Request, judge};
use crate::base::limits;
use crate::domain::id::Timestamp;
use crate::domain::webhook::{Outcome, WebhookKind};
use crate::runtime::clock::wall_ms;

/// Calls under way at once to targets that failed or were slow the last time.
const TROUBLED: usize = limits::WEBHOOK_CALLS / 2;

/// How an attempt went.
pub struct Attempt {
    /// The target's status, if it answered.
    pub status: Option<u16>,
    /// What it means.
    pub outcome: Outcome,
    /// How long it took, in milliseconds.
    pub took: Timestamp,
}

/// One call to make.
pub struct Job {
    /// What to send.
    pub request: Request,
    /// How to read the answer.
    pub kind: WebhookKind,
    /// Whether the target failed or was slow the last time.
    pub troubled: bool,
    /// Told the result, on the thread that made the call.
    pub done: Box<dyn FnOnce(Attempt) + Send>,
}

#[derive(Default)]
struct Busy {
    all: AtomicUsize,
    troubled: AtomicUsize,
}

/// The threads, as their one employer sees them.
pub struct Pool {
    client: Client,
    jobs: Sender<Job>,
    queue: Receiver<Job>,
    busy: Arc<Busy>,
    threads: usize,
}

impl Pool {
    /// A pool that has no threads yet.
    pub fn new(client: Client) -> Self {
        let (jobs, queue) = bounded(limits::WEBHOOK_CALLS);
        Self {
            client,
            jobs,
            queue,
            busy: Arc::default(),
            threads: 0,
        }
    }

    /// Whether a call can begin at once.
    pub fn has_room(&self, troubled: bool) -> bool {
        self.busy.all.load(Ordering::Acquire) < limits::WEBHOOK_CALLS
            && (!troubled || self.busy.troubled.load(Ordering::Acquire) < TROUBLED)
    }

    /// Makes a call for which there is room. Without a thread to make it, it fails at once.
    pub fn submit(&mut self, job: Job) {
        let busy = self.busy.all.fetch_add(1, Ordering::AcqRel);
        self.busy
            .troubled
            .fetch_add(usize::from(job.troubled), Ordering::AcqRel);
        if busy >= self.threads && self.threads < limits::WEBHOOK_CALLS && self.start_thread().is_ok() {
            self.threads += 1;
        }
        if self.threads == 0 {
            return self.busy.end(job, not_made());
        }
        if let Err(refused) = self.jobs.try_send(job) {
            self.busy.end(refused.into_inner(), not_made());
        }
    }

    fn start_thread(&self) -> std::io::Result<()> {
        let (client, queue, busy) = (self.client.clone(), self.queue.clone(), self.busy.clone());
        let work = move || {
            for job in queue {
                let attempt = perform(&client, &job);
                busy.end(job, attempt);
            }
        };
        std::thread::Builder::new()
            .name("webhook-call".to_owned())
            .spawn(work)
            .map(drop)
    }
}

impl Busy {
    fn end(&self, job: Job, attempt: Attempt) {
        self.troubled.fetch_sub(usize::from(job.troubled), Ordering::AcqRel);
        self.all.fetch_sub(1, Ordering::AcqRel);
        (job.done)(attempt);
    }
}

fn not_made() -> Attempt {
    Attempt {
        status: None,
        outcome: Outcome::failed("no thread for the call"),
        took: 0,
    }
}

fn perform(client: &Client, job: &Job) -> Attempt {
    let started = Instant::now();
    let answer = client.post(&job.request, wall_ms());
    let took = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
    match answer {
        Ok(response) => Attempt {
            status: Some(response.status),
            outcome: judge(job.kind, &response),
            took,
        },
        Err(reason) => Attempt {
            status: None,
            outcome: Outcome::failed(reason),
            took,
        },
    }
}
