//! What chat costs per message between the sockets and the disk: whole gateways over the memory store.
//!
//! `cargo bench --bench chat`. The world is that of the tests, so nothing is measured that is not also checked.

#![allow(clippy::unwrap_used, reason = "a bench says what went wrong by panicking")]

#[path = "common/settings.rs"]
mod settings;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/gateway/socket.rs"]
mod socket;
#[path = "common/submissions.rs"]
mod submissions;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/gateway/world.rs"]
mod world;

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ringim::base::connection::ConnectionId;
use ringim::domain::decide::decide;
use ringim::domain::facts::{Facts, Lookup};
use ringim::domain::id::UserKey;
use ringim::store::committer::Committer;
use ringim::store::memory::MemoryStore;
use serde_json::{Value, json};

use crate::socket::{Socket, text_frame};
use crate::submissions::TEXT;
use crate::world::{ADMIN_KEY, World};

/// Users created or signed in by one request.
const BULK: usize = 1_000;

/// A message without an id: the server makes one, so that each is new.
fn message(to: &str, chat_type: &str) -> Vec<u8> {
    let data = json!({"toId": to, "chatType": chat_type, "contentType": "text", "content": TEXT});
    text_frame(&json!({"type": "message", "reqId": 1, "data": data}).to_string())
}

/// Asks as the operator.
fn administer(world: &mut World, path: &str, body: Value) -> Value {
    let response = world.call(&format!("POST /api/admin/{path}"), ADMIN_KEY, Some(body));
    assert_eq!(response.status, 200, "{path}: {}", response.body);
    response.body["data"].clone()
}

/// So many users, each with an open WebSocket on the one shard.
fn online(world: &mut World, count: usize) -> (Vec<String>, Vec<ConnectionId>) {
    let names: Vec<String> = (0..count).map(|index| format!("user{index}")).collect();
    let mut sockets = Vec::with_capacity(count);
    for some in names.chunks(BULK) {
        let users: Vec<Value> = some.iter().map(|name| json!({"username": name})).collect();
        administer(world, "user/import", json!({"users": users}));
        let minted = administer(world, "user/token", json!({"userIds": some}));
        for item in minted["items"].as_array().unwrap() {
            sockets.push(Socket::attach(world, 0, item["token"].as_str().unwrap()).id);
        }
    }
    (names, sockets)
}

/// From the bytes of a frame to the submission that waits for the writer.
fn command(criterion: &mut Criterion) {
    const FRAMES: usize = 128;
    let mut world = World::new(1);
    let (_, sockets) = online(&mut world, 2);
    let frames = message("user1", "single").repeat(FRAMES);
    let mut group = criterion.benchmark_group("command");
    group.throughput(Throughput::Elements(FRAMES as u64));
    group.bench_function(format!("{FRAMES}_frames"), |bencher| {
        bencher.iter_custom(|iterations| {
            let mut elapsed = Duration::ZERO;
            for _ in 0..iterations {
                world.holds_commits = true;
                let started = Instant::now();
                world.send(sockets[0], &frames);
                elapsed += started.elapsed();
                world.holds_commits = false;
                world.commit();
                sockets.iter().for_each(|socket| drop(world.take(*socket)));
            }
            elapsed
        });
    });
    group.finish();
}

/// The rules alone: a message between two users who have a conversation.
fn decision(criterion: &mut Criterion) {
    let store = MemoryStore::new();
    let mut committer = Committer::new(store.backend(), 1_000).unwrap();
    let send = |id| submissions::send(id, UserKey(1), "bob");
    let users = submissions::create_users(["ann", "bob"].map(str::to_owned));
    let first = [users, send("first")];
    let settled = committer.commit(&first, 1).unwrap().settlements;
    assert!(
        settled.iter().all(|settlement| settlement.result.is_ok()),
        "{settled:?}"
    );
    let mut backend = store.backend();
    let mut facts = Facts::new(1_000);
    facts.load(&mut backend).unwrap();
    let submission = send("second");
    criterion.bench_function("decide", |bencher| {
        bencher.iter(|| decide(&submission, &mut Lookup::new(&mut facts, &mut backend), 2).unwrap());
    });
}

/// Bytes in, command, commit in memory, ack and push out, for one message and for several in one segment.
fn turn(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gateway_turn");
    for frames in [1, 8] {
        let mut world = World::new(1);
        let (_, sockets) = online(&mut world, 2);
        let input = message("user1", "single").repeat(frames);
        group.throughput(Throughput::Elements(frames as u64));
        group.bench_function(BenchmarkId::new("messages", frames), |bencher| {
            bencher.iter(|| {
                world.send(sockets[0], &input);
                [world.take(sockets[0]), world.take(sockets[1])]
            });
        });
    }
    group.finish();
}

/// One message to a group whose members are all online: per delivery.
fn fan_out(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fan_out");
    for members in [50, 5_000] {
        let mut world = World::new(1);
        let (names, sockets) = online(&mut world, members);
        let create = json!({"id": "all", "name": "all", "creatorId": names[0], "memberIds": names});
        administer(&mut world, "group/create", create);
        let input = message("all", "group");
        group.throughput(Throughput::Elements(members as u64));
        group.bench_function(BenchmarkId::new("members", members), |bencher| {
            bencher.iter_custom(|iterations| {
                let mut elapsed = Duration::ZERO;
                for _ in 0..iterations {
                    sockets.iter().for_each(|socket| drop(world.take(*socket)));
                    let started = Instant::now();
                    world.send(sockets[0], &input);
                    elapsed += started.elapsed();
                }
                let served = sockets.iter().filter(|socket| !world.take(**socket).is_empty());
                assert_eq!(served.count(), members);
                elapsed
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = settings::settings();
    targets = command, decision, turn, fan_out
}
criterion_main!(benches);
