use ringim::domain::command::{Command, Reply};
use ringim::domain::conversation::ChatType;
use ringim::domain::event::SessionEnd;
use ringim::domain::rejection::Rejection;
use ringim::domain::user::{PasswordHash, TokenId};

use crate::world::{World, create_group, new_user, user};

const FIRST: TokenId = TokenId([1; 16]);

const SECOND: TokenId = TokenId([2; 16]);

fn authenticate(world: &mut World, name: &str, generation: i64, token: TokenId) -> Result<Reply, Rejection> {
    let command = Command::Authenticate {
        user: world.key(name),
        generation,
        token: Some(token),
    };
    world.as_admin(command)
}

#[test]
fn names_that_differ_only_by_case_are_taken() {
    let mut world = World::with(&["alice"]);
    assert_eq!(world.create("Alice").unwrap_err(), Rejection::UsernameTaken);
    let mut other = new_user("somebody");
    other.id = Some(crate::world::user_id("ALICE"));
    let created = world.as_admin(Command::CreateUsers(vec![other, new_user("x"), new_user("X")]));
    let Ok(Reply::Created(results)) = created else {
        panic!("{created:?}")
    };
    assert_eq!(results[0], Err(Rejection::IdTaken));
    assert!(results[1].is_ok());
    assert_eq!(results[2], Err(Rejection::UsernameTaken), "within one import too");
}

#[test]
fn a_token_ends_alone_or_with_all_others() {
    let mut world = World::with(&["alice"]);
    assert!(authenticate(&mut world, "alice", 1, FIRST).is_ok());
    let revoke = Command::RevokeToken {
        user: world.key("alice"),
        token: FIRST,
        expires_at: i64::MAX,
    };
    world.as_user("alice", revoke).unwrap();
    assert_eq!(
        authenticate(&mut world, "alice", 1, FIRST),
        Err(Rejection::TokenRevoked)
    );
    assert!(authenticate(&mut world, "alice", 1, SECOND).is_ok());
    world.as_user("alice", Command::RevokeTokens(user("alice"))).unwrap();
    assert_eq!(world.ended_sessions(), [SessionEnd::TokenRevoked]);
    assert_eq!(
        authenticate(&mut world, "alice", 1, SECOND),
        Err(Rejection::TokenRevoked)
    );
    assert!(authenticate(&mut world, "alice", 2, SECOND).is_ok());
}

#[test]
fn only_admins_act_on_others() {
    let mut world = World::with(&["alice", "bob"]);
    let on_others = [
        Command::SetBanned {
            user: user("bob"),
            banned: true,
        },
        Command::DeleteUser(user("bob")),
        Command::KickUser(user("bob")),
        Command::RevokeTokens(user("bob")),
        Command::SetGrant {
            user: user("alice"),
            identity: user("bob"),
            granted: true,
        },
        Command::SetPassword {
            user: user("bob"),
            password: PasswordHash("x".into()),
            generation: None,
        },
        create_group("g", &["bob"], Default::default()),
    ];
    for command in on_others {
        assert_eq!(
            world.as_user("alice", command.clone()),
            Err(Rejection::Forbidden),
            "{command:?}"
        );
    }
}

#[test]
fn a_password_checked_under_an_older_generation_does_not_count() {
    let mut world = World::with(&["alice"]);
    let change = |generation| Command::SetPassword {
        user: user("alice"),
        password: PasswordHash("x".into()),
        generation,
    };
    world.as_user("alice", change(Some(1))).unwrap();
    assert_eq!(world.as_user("alice", change(Some(1))), Err(Rejection::TokenRevoked));
}

#[test]
fn the_banned_neither_sign_in_nor_send() {
    let mut world = World::with(&["alice", "bob"]);
    let alice = world.key("alice");
    world
        .as_admin(Command::SetBanned {
            user: user("alice"),
            banned: true,
        })
        .unwrap();
    assert_eq!(world.ended_sessions(), [SessionEnd::Banned]);
    let sign_in = Command::Authenticate {
        user: alice,
        generation: 2,
        token: None,
    };
    assert_eq!(world.as_admin(sign_in), Err(Rejection::Banned));
    let send = crate::world::send(ChatType::Single, "bob", "m", "x");
    let actor = ringim::domain::command::Actor::User(alice);
    assert_eq!(world.run(actor, send), Err(Rejection::Banned));
    world
        .as_admin(Command::SetBanned {
            user: user("alice"),
            banned: false,
        })
        .unwrap();
    assert!(world.send("alice", ChatType::Single, "bob", "m").is_ok());
}

#[test]
fn a_recreated_account_is_another_one() {
    let mut world = World::with(&["alice", "bob"]);
    let before = world.send("bob", ChatType::Single, "alice", "m1").unwrap();
    let old = world.key("alice");
    world.as_admin(Command::DeleteUser(user("alice"))).unwrap();
    assert_eq!(
        world.send("bob", ChatType::Single, "alice", "m2"),
        Err(Rejection::UserNotFound)
    );
    let new = world.create("alice").unwrap();
    assert_ne!(new.key, old);
    let after = world.send("bob", ChatType::Single, "alice", "m3").unwrap();
    assert_ne!(after.conversation, before.conversation);
    assert_eq!(after.seq, 1);
}
