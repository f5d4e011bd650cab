//! What a batch costs on a real disk: decided, written, synced, and the background work it owes.
//!
//! `cargo bench --bench commit`. The disk is that of the target folder. For how this holds while the file grows see
//! the store's growth in `benches/README.md`.

#![allow(clippy::unwrap_used, reason = "a bench says what went wrong by panicking")]

#[path = "common/settings.rs"]
mod settings;
#[path = "common/submissions.rs"]
mod submissions;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ringim::domain::command::Submission;
use ringim::domain::id::UserKey;
use ringim::store::Backend;
use ringim::store::committer::Committer;
use ringim::store::sqlite::{SqliteBackend, open};

/// Each writes to the next one.
const USERS: i64 = 1_000;

struct World {
    committer: Committer<SqliteBackend>,
    sent: i64,
}

impl World {
    fn new(folder: &std::path::Path) -> Self {
        let mut backend = open(folder).unwrap();
        let checkpointer = backend.checkpointer().unwrap();
        std::thread::spawn(move || checkpointer.run());
        let mut committer = Committer::new(backend, 1_000_000).unwrap();
        let create = submissions::create_users((1..=USERS).map(|key| format!("user{key}")));
        assert!(committer.commit(&[create], 1).unwrap().settlements[0].result.is_ok());
        Self { committer, sent: 0 }
    }

    fn messages(&mut self, count: usize) -> Vec<Submission> {
        let next = || {
            self.sent += 1;
            let from = 1 + self.sent % USERS;
            let id = format!("message-{:028}", self.sent);
            submissions::send(&id, UserKey(from), &format!("user{}", 1 + from % USERS))
        };
        std::iter::repeat_with(next).take(count).collect()
    }
}

fn batch_commit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("batch_commit");
    for size in [1, 64, 500] {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut world = World::new(folder.path());
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new("messages", size), |bencher| {
            bencher.iter_custom(|iterations| {
                let mut elapsed = Duration::ZERO;
                for _ in 0..iterations {
                    let batch = world.messages(size);
                    let started = std::time::Instant::now();
                    let committed = world.committer.commit(&batch, 2).unwrap();
                    world.committer.backend().maintain(false).unwrap();
                    elapsed += started.elapsed();
                    assert_eq!(committed.events.len(), size);
                }
                elapsed
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = settings::settings();
    targets = batch_commit
}
criterion_main!(benches);
