use ringim::domain::command::{Command, Reply};
use ringim::domain::conversation::ChatType;
use ringim::domain::event::{Audience, Event, NoticeKind};
use ringim::domain::group::{JoinPolicy, Role};
use ringim::domain::rejection::Rejection;

use crate::world::{Outcome, World, create_group, group_id, user, user_id};

fn add(names: &[&str]) -> Command {
    Command::AddMembers {
        group: group_id("g"),
        members: names.iter().map(|name| user_id(name)).collect(),
    }
}

fn remove(names: &[&str]) -> Command {
    Command::RemoveMembers {
        group: group_id("g"),
        members: names.iter().map(|name| user_id(name)).collect(),
    }
}

fn member_count(outcome: Outcome) -> i64 {
    match outcome {
        Ok(Reply::Group(group, _)) => group.member_count,
        other => panic!("{other:?}"),
    }
}

/// alice owns, bob administers, carol is a member, dave is not.
fn world(policy: JoinPolicy) -> World {
    let mut world = World::with(&["alice", "bob", "carol", "dave"]);
    world.group("g", &["alice", "bob", "carol"], policy).unwrap();
    world.role("alice", "g", "bob", Role::Admin).unwrap();
    world
}

#[test]
fn an_id_is_taken_until_the_group_ends() {
    let mut world = world(JoinPolicy::Invite);
    let again = create_group("G", &["dave"], JoinPolicy::Invite);
    assert_eq!(world.as_user("dave", again.clone()), Err(Rejection::IdTaken));
    world.as_user("alice", Command::DismissGroup(group_id("g"))).unwrap();
    assert_eq!(
        world.send("alice", ChatType::Group, "g", "m"),
        Err(Rejection::GroupNotFound)
    );
    world.as_user("dave", again).unwrap();
    assert_eq!(
        world.send("alice", ChatType::Group, "G", "m"),
        Err(Rejection::NotAMember)
    );
}

#[test]
fn who_may_invite_depends_on_role_and_policy() {
    let mut closed = world(JoinPolicy::Invite);
    assert_eq!(closed.as_user("carol", add(&["dave"])), Err(Rejection::Forbidden));
    assert_eq!(
        closed.as_user("dave", Command::JoinGroup(group_id("g"))),
        Err(Rejection::Forbidden)
    );
    assert_eq!(closed.as_user("dave", add(&["dave"])), Err(Rejection::NotAMember));
    assert_eq!(member_count(closed.as_user("bob", add(&["dave", "dave", "carol"]))), 4);
    assert_eq!(closed.notice().kind, NoticeKind::GroupMemberAdded);
    let mut open = world(JoinPolicy::Open);
    assert_eq!(member_count(open.as_user("dave", Command::JoinGroup(group_id("g")))), 4);
    assert_eq!(
        member_count(open.as_user("dave", Command::JoinGroup(group_id("g")))),
        4,
        "joining twice changes nothing"
    );
    assert!(open.events.is_empty());
}

#[test]
fn power_removes_only_lesser_power() {
    let mut world = world(JoinPolicy::Invite);
    assert_eq!(world.as_user("carol", remove(&["bob"])), Err(Rejection::Forbidden));
    assert_eq!(world.as_user("bob", remove(&["alice"])), Err(Rejection::Forbidden));
    assert_eq!(world.as_user("bob", remove(&["bob"])), Err(Rejection::Forbidden));
    assert_eq!(world.as_admin(remove(&["alice"])), Err(Rejection::OwnerMustTransfer));
    assert_eq!(member_count(world.as_user("bob", remove(&["carol", "dave"]))), 2);
    assert_eq!(
        world.send("carol", ChatType::Group, "g", "m"),
        Err(Rejection::NotAMember)
    );
    assert_eq!(member_count(world.as_user("alice", remove(&["bob"]))), 1);
}

#[test]
fn whoever_is_removed_is_told_and_hears_nothing_more() {
    let mut world = world(JoinPolicy::Invite);
    let carol = world.key("carol");
    let audience = |world: &World| match &world.events[0] {
        Event::Notice {
            audience: Audience::Users(users),
            ..
        }
        | Event::Message {
            audience: Audience::Users(users),
            ..
        } => users.to_vec(),
        other => panic!("{other:?}"),
    };
    world.as_user("alice", remove(&["carol"])).unwrap();
    assert!(audience(&world).contains(&carol));
    world.send("alice", ChatType::Group, "g", "m").unwrap();
    assert!(!audience(&world).contains(&carol));
}

#[test]
fn an_owner_leaves_only_after_handing_over() {
    let mut world = world(JoinPolicy::Invite);
    let leave = Command::LeaveGroup(group_id("g"));
    assert_eq!(world.as_user("alice", leave.clone()), Err(Rejection::OwnerMustTransfer));
    let transfer = |name| Command::TransferGroup {
        group: group_id("g"),
        user: user_id(name),
    };
    assert_eq!(world.as_user("bob", transfer("bob")), Err(Rejection::Forbidden));
    assert_eq!(world.as_user("alice", transfer("dave")), Err(Rejection::UserNotFound));
    world.as_user("alice", transfer("carol")).unwrap();
    assert_eq!(
        world.role("alice", "g", "bob", Role::Member),
        Err(Rejection::Forbidden),
        "alice is an admin now"
    );
    assert_eq!(
        world.role("carol", "g", "bob", Role::Owner),
        Err(Rejection::InvalidField("role"))
    );
    world.as_user("alice", leave).unwrap();
}

#[test]
fn the_group_of_a_deleted_owner_goes_to_the_eldest_admin_or_ends() {
    let mut world = world(JoinPolicy::Invite);
    world.as_admin(Command::DeleteUser(user("alice"))).unwrap();
    assert_eq!(world.notice().group.as_ref().unwrap().1, user_id("bob"));
    for name in ["bob", "carol"] {
        world.as_admin(Command::DeleteUser(user(name))).unwrap();
    }
    assert_eq!(world.notice().kind, NoticeKind::GroupDismissed);
}
