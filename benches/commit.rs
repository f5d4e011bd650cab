//! What a batch costs on a real disk: decided, written, synced, and the background work it owes.
//!
//! `cargo bench --bench commit`. The disk is that of the target folder. For how this holds while the file grows see
//! the store's growth in `benches/README.md`.

#![allow(clippy::unwrap_used, reason = "a bench says what went wrong by panicking")]

use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ringim::domain::command::{Actor, Command, NewUser, Send, Submission, Ticket};
use ringim::domain::conversation::ChatType;
use ringim::domain::id::{MessageId, UserKey, Username};
use ringim::domain::message::{Body, Content};
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
        let users = (1..=USERS).map(|key| NewUser {
            id: None,
            username: Username::parse(&format!("user{key}")).unwrap(),
            nickname: None,
            password: None,
        });
        let create = submission(Actor::Admin, Command::CreateUsers(users.collect()));
        assert!(committer.commit(&[create], 1).unwrap().settlements[0].result.is_ok());
        Self { committer, sent: 0 }
    }

    fn messages(&mut self, count: usize) -> Vec<Submission> {
        let next = || {
            self.sent += 1;
            let from = 1 + self.sent % USERS;
            let send = Send {
                id: MessageId::parse(&format!("message-{:028}", self.sent)).unwrap(),
                from: None,
                chat_type: ChatType::Single,
                to: format!("user{}", 1 + from % USERS).into(),
                body: Arc::new(Body {
                    content_type: "text".into(),
                    content: Content::Text("The quick brown fox jumps over the lazy dog.".into()),
                    reply_to: None,
                    mentions: None,
                    ext: None,
                }),
            };
            submission(Actor::User(UserKey(from)), Command::Send(Box::new(send)))
        };
        std::iter::repeat_with(next).take(count).collect()
    }
}

fn submission(actor: Actor, command: Command) -> Submission {
    Submission {
        actor,
        command,
        connection: None,
        ticket: Ticket {
            asker: Ticket::NOBODY,
            number: 0,
        },
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
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20);
    targets = batch_commit
}
criterion_main!(benches);
