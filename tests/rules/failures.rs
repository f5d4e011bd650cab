use ringim::domain::command::{Actor, Reply};
use ringim::domain::conversation::ChatType::Single;
use ringim::domain::rejection::Rejection;
use ringim::store::StoreError;
use ringim::store::memory::{Fault, FaultKind, Step};

use crate::world::{World, send};

fn fail(world: &World, step: Step, kind: FaultKind) {
    world.store.inject(Fault {
        step,
        skip: 0,
        times: 1,
        kind,
    });
}

#[test]
fn a_full_disk_refuses_writes_answers_the_rest_and_recovers() {
    for step in [Step::Write, Step::Commit] {
        let mut world = World::with(&["alice", "bob"]);
        let first = world.send("alice", Single, "bob", "m1").unwrap();
        fail(&world, step, FaultKind::Full);
        let actor = Actor::User(world.key("alice"));
        let repeat = send(Single, "bob", "m1", "text");
        let batch = world
            .try_batch(vec![(actor, send(Single, "bob", "m2", "x")), (actor, repeat)])
            .unwrap();
        assert_eq!(batch.settlements[0].result, Err(Rejection::StorageFull));
        assert!(matches!(&batch.settlements[1].result, Ok(Reply::Sent(sent)) if sent.duplicate));
        assert!(batch.events.is_empty());
        world.store.heal();
        let next = world.send("alice", Single, "bob", "m2").unwrap();
        assert_eq!(
            (next.seq, next.duplicate),
            (first.seq + 1, false),
            "the refused message took no seq"
        );
    }
}

#[test]
fn message_ids_outlive_a_disk_that_is_full_again_and_again() {
    let mut world = World::with(&["alice", "bob"]);
    let first = world.send("alice", Single, "bob", "m1").unwrap();
    for id in ["m2", "m3"] {
        fail(&world, Step::Commit, FaultKind::Full);
        assert_eq!(world.send("alice", Single, "bob", id), Err(Rejection::StorageFull));
        let repeat = world.send("alice", Single, "bob", "m1").unwrap();
        assert_eq!((repeat.seq, repeat.duplicate), (first.seq, true));
    }
}

#[test]
fn any_other_failure_is_final() {
    let mut world = World::with(&["alice", "bob"]);
    fail(&world, Step::Commit, FaultKind::Fatal);
    let actor = Actor::User(world.key("alice"));
    let outcome = world.try_batch(vec![(actor, send(Single, "bob", "m", "x"))]);
    assert!(matches!(outcome, Err(StoreError::Fatal(_))));
}
