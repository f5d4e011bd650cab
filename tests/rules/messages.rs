use ringim::domain::command::{Command, ConversationRef, Receipt, Reply, Send};
use ringim::domain::conversation::ChatType::{Group, Single};
use ringim::domain::event::{Audience, Event};
use ringim::domain::group::JoinPolicy;
use ringim::domain::rejection::Rejection;

use crate::world::{World, send, user, user_id};

fn in_name_of(from: Option<&str>, id: &str) -> Command {
    let Command::Send(send) = send(Single, "carol", id, "x") else {
        unreachable!()
    };
    Command::Send(Box::new(Send {
        from: from.map(user_id),
        ..*send
    }))
}

#[test]
fn seqs_run_from_one_in_each_conversation() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let seqs: Vec<i64> = ["a", "b", "c"]
        .map(|id| world.send("alice", Single, "bob", id).unwrap().seq)
        .into();
    assert_eq!(seqs, [1, 2, 3]);
    assert_eq!(
        world.send("bob", Single, "alice", "a").unwrap().seq,
        4,
        "both directions are one conversation"
    );
    assert_eq!(world.send("alice", Single, "carol", "d").unwrap().seq, 1);
    assert_eq!(world.send("alice", Single, "alice", "e").unwrap().seq, 1, "to oneself");
}

#[test]
fn a_repeated_id_gives_the_first_result_or_a_conflict() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    world.group("g", &["bob", "alice"], JoinPolicy::Invite).unwrap();
    let first = world.send("alice", Group, "g", "m").unwrap();
    let leave = Command::LeaveGroup(crate::world::group_id("g"));
    world.as_user("alice", leave).unwrap();
    let again = world.send("alice", Group, "g", "m").unwrap();
    assert_eq!(
        (again.seq, again.conversation, again.timestamp),
        (first.seq, first.conversation, first.timestamp)
    );
    assert!(again.duplicate && !first.duplicate);
    assert!(world.events.is_empty(), "nobody is told twice");
    assert_eq!(
        world.as_user("alice", send(Group, "g", "m", "other")),
        Err(Rejection::IdConflict)
    );
    assert_eq!(world.send("alice", Single, "bob", "m"), Err(Rejection::IdConflict));
    assert!(world.send("bob", Group, "g", "m").is_ok(), "ids belong to their sender");
}

#[test]
fn one_batch_sees_its_own_messages() {
    let mut world = World::with(&["alice", "bob"]);
    let actor = ringim::domain::command::Actor::User(world.key("alice"));
    let same = send(Single, "bob", "m", "x");
    let batch = world.try_batch(vec![(actor, same.clone()), (actor, same)]).unwrap();
    let seqs: Vec<(i64, bool)> = batch
        .settlements
        .iter()
        .map(|settlement| match &settlement.result {
            Ok(Reply::Sent(sent)) => (sent.seq, sent.duplicate),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(seqs, [(1, false), (1, true)]);
    assert_eq!(batch.events.len(), 1);
}

#[test]
fn the_sender_is_the_caller_or_a_granted_identity() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    assert_eq!(
        world.as_user("alice", in_name_of(Some("bob"), "1")),
        Err(Rejection::SenderMismatch)
    );
    assert_eq!(
        world.as_user("alice", in_name_of(Some("nobody"), "1")),
        Err(Rejection::SenderMismatch)
    );
    assert!(world.as_user("alice", in_name_of(Some("alice"), "1")).is_ok());
    world
        .as_admin(Command::SetGrant {
            user: user("alice"),
            identity: user("bob"),
            granted: true,
        })
        .unwrap();
    world.as_user("alice", in_name_of(Some("bob"), "2")).unwrap();
    let Event::Message { message, audience, .. } = &world.events[0] else {
        panic!()
    };
    assert_eq!(message.from_id, user_id("bob"));
    let (bob, carol) = (message.from, audience.clone());
    assert!(matches!(carol, Audience::Pair(low, high) if low == bob || high == bob));
    world
        .as_admin(Command::SetGrant {
            user: user("alice"),
            identity: user("bob"),
            granted: false,
        })
        .unwrap();
    assert_eq!(
        world.as_user("alice", in_name_of(Some("bob"), "3")),
        Err(Rejection::SenderMismatch)
    );
    assert_eq!(
        world.as_admin(in_name_of(None, "4")),
        Err(Rejection::InvalidField("fromId"))
    );
    assert!(world.as_admin(in_name_of(Some("bob"), "4")).is_ok());
}

#[test]
fn times_never_decrease_in_a_conversation() {
    let mut world = World::with(&["alice", "bob"]);
    let first = world.send("alice", Single, "bob", "1").unwrap();
    world.now -= 3_600_000;
    assert_eq!(
        world.send("bob", Single, "alice", "2").unwrap().timestamp,
        first.timestamp
    );
}

#[test]
fn receipts_move_forward_and_no_further_than_the_head() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let sent = world.send("alice", Single, "bob", "1").unwrap();
    let read = |conversation: ConversationRef, seq| Command::Acknowledge {
        conversation,
        receipt: Receipt::Read,
        seq,
    };
    let here = ConversationRef::Key(sent.conversation);
    let by_peer = ConversationRef::Peer(Single, "alice".into());
    let expected = Ok(Reply::Receipt {
        conversation: sent.conversation,
        seq: 1,
    });
    assert_eq!(world.as_user("bob", read(by_peer, 99)), expected);
    assert_eq!(world.events.len(), 1);
    assert_eq!(world.as_user("bob", read(here.clone(), 0)), expected, "never back");
    assert!(world.events.is_empty());
    assert_eq!(world.as_user("carol", read(here, 1)), Err(Rejection::NotAMember));
    let nowhere = ConversationRef::Peer(Single, "carol".into());
    assert_eq!(world.as_user("bob", read(nowhere, 1)), Err(Rejection::NotFound));
}
