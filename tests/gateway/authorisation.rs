//! Who may do what, from outside: every route with every kind of credential, strangers at others' conversations,
//! and paths that are spelled to slip past the table.

use ringim::api::routes::{Access, ROUTES, Route};
use ringim::auth::key::Scope;
use ringim::proto::http::Method;
use serde_json::{Value, json};

use crate::socket::Socket;
use crate::world::{ADMIN_KEY, Response, World, request};

/// Every scope with its name.
const SCOPES: [(Scope, &str); 6] = [
    (Scope::Users, "users"),
    (Scope::Groups, "groups"),
    (Scope::Messages, "messages"),
    (Scope::Webhooks, "webhooks"),
    (Scope::Keys, "keys"),
    (Scope::Read, "read"),
];

/// What a credential is to a route.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Verdict {
    /// 401.
    Unknown,
    /// 403 `forbidden_scope`.
    WithoutScope,
    /// Anything else: the operation itself answers.
    Passed,
}

fn verdict(response: &Response) -> Verdict {
    match (response.status, response.body["error"].as_str()) {
        // What `login` says of a wrong password is the operation's own answer.
        (401, Some("unauthenticated" | "token_revoked")) => Verdict::Unknown,
        (403, Some("forbidden_scope")) => Verdict::WithoutScope,
        _ => Verdict::Passed,
    }
}

/// One call that the operation refuses for its content if it ever sees it.
fn call(world: &mut World, route: &Route, credential: &str) -> Response {
    let method = if route.method == Method::Get { "GET" } else { "POST" };
    let path = route.path.replace("{id}", "nobody");
    world.call(&format!("{method} {path}"), credential, None)
}

fn key_with(world: &mut World, scopes: &[&str]) -> String {
    let body = json!({"name": "test", "scopes": scopes});
    let created = world.call("POST /api/admin/key/create", ADMIN_KEY, Some(body));
    created.body["data"]["key"].as_str().expect("a key").to_owned()
}

fn scope_of(access: Access) -> Option<Scope> {
    match access {
        Access::Key(scope) | Access::UserOrKey(scope) | Access::LoopbackOrKey(scope) => Some(scope),
        Access::Public | Access::User => None,
    }
}

#[test]
fn every_route_lets_in_whom_the_table_says() {
    for route in ROUTES {
        let mut world = World::new(1);
        let user = world.register("alice");
        let scope = scope_of(route.access);
        let named = |wanted: bool| {
            let chosen = SCOPES.iter().filter(|(own, _)| (Some(*own) == scope) == wanted);
            chosen.map(|(_, name)| *name).collect::<Vec<_>>()
        };
        let (right, others) = match scope {
            Some(_) => (key_with(&mut world, &named(true)), key_with(&mut world, &named(false))),
            None => (ADMIN_KEY.to_owned(), key_with(&mut world, &named(false))),
        };
        let with_scope = if scope.is_some() {
            Verdict::Passed
        } else {
            Verdict::Unknown
        };
        let without_scope = if scope.is_some() {
            Verdict::WithoutScope
        } else {
            Verdict::Unknown
        };
        let takes_users = matches!(route.access, Access::User | Access::UserOrKey(_));
        let of_user = if takes_users { Verdict::Passed } else { Verdict::Unknown };
        for (credential, expected) in [
            ("", Verdict::Unknown),
            ("garbage", Verdict::Unknown),
            (&format!("{user}x"), Verdict::Unknown),
            (&format!("{right}x"), Verdict::Unknown),
            (&right, with_scope),
            (&others, without_scope),
            // Last, since a user may log out.
            (&user, of_user),
        ] {
            let expected = if route.access == Access::Public {
                Verdict::Passed
            } else {
                expected
            };
            let response = call(&mut world, route, credential);
            let found = verdict(&response);
            assert_eq!(found, expected, "{} with `{credential}`: {}", route.path, response.body);
        }
    }
}

/// Alice and Bob talk, Alice has a group with Bob, and Mallory has no part in either.
struct Strangers {
    world: World,
    alice: String,
    mallory: String,
    single: Value,
    group: Value,
}

impl Strangers {
    fn new() -> Self {
        let mut world = World::new(1);
        let [alice, _, mallory] = ["alice", "bob", "mallory"].map(|name| world.register(name));
        let body = json!({"id": "team", "name": "Team", "memberIds": ["bob"]});
        assert_eq!(world.call("POST /api/group/create", &alice, Some(body)).status, 200);
        let mut say = |chat_type: &str, to: &str| {
            let body = json!({"toId": to, "chatType": chat_type, "content": "secret"});
            let sent = world.call("POST /api/message/send", &alice, Some(body));
            sent.body["data"]["conversationId"].clone()
        };
        let (single, group) = (say("single", "bob"), say("group", "team"));
        assert!(single.is_string() && group.is_string());
        Self {
            world,
            alice,
            mallory,
            single,
            group,
        }
    }
}

fn is_refused(status: &Value) -> bool {
    *status == json!(403) || *status == json!(404)
}

#[test]
fn strangers_read_nothing_by_rest() {
    let Strangers {
        mut world,
        alice,
        mallory,
        single,
        group,
    } = Strangers::new();
    let [single, group] = [single, group].map(|id| id.as_str().unwrap().to_owned());
    let gets = [
        format!("/api/message/history?conversationId={single}"),
        format!("/api/message/history?conversationId={group}"),
        "/api/message/history?chatType=group&peerId=team".to_owned(),
        format!("/api/message/receipts?conversationId={single}&seq=1"),
        format!("/api/message/receipts?conversationId={group}&seq=1"),
        "/api/group/team".to_owned(),
        "/api/group/team/members".to_owned(),
    ];
    for path in &gets {
        let refused = world.call(&format!("GET {path}"), &mallory, None);
        assert!(is_refused(&json!(refused.status)), "{path}: {}", refused.body);
        assert!(!refused.body.to_string().contains("secret"));
        assert_eq!(world.call(&format!("GET {path}"), &alice, None).status, 200, "{path}");
    }
    for conversation in [&single, &group] {
        for path in ["/api/message/read", "/api/message/received"] {
            let body = json!({"conversationId": conversation, "seq": 1});
            let refused = world.call(&format!("POST {path}"), &mallory, Some(body));
            assert!(is_refused(&json!(refused.status)), "{path}: {}", refused.body);
        }
    }
    for (line, body) in [
        ("GET /api/conversation/list", None),
        ("POST /api/sync", Some(json!({}))),
    ] {
        let own = world.call(line, &mallory, body);
        assert_eq!(own.status, 200);
        assert!(!own.body.to_string().contains("secret"), "{line}: {}", own.body);
    }
}

#[test]
fn strangers_read_nothing_by_websocket() {
    let Strangers {
        mut world,
        mallory,
        single,
        group,
        ..
    } = Strangers::new();
    let mut socket = Socket::attach(&mut world, 0, &mallory);
    for conversation in [&single, &group] {
        for (kind, data) in [
            ("pull", json!({"conversationId": conversation})),
            ("read", json!({"conversationId": conversation, "seq": 1})),
            ("received", json!({"conversationId": conversation, "seq": 1})),
        ] {
            socket.send(&mut world, kind, 1, data);
            let frames = socket.frames(&mut world);
            assert_eq!(frames.len(), 1, "{frames:?}");
            assert!(
                frames[0]["type"] == "error" && is_refused(&frames[0]["code"]),
                "{kind}: {}",
                frames[0]
            );
        }
    }
    socket.send(&mut world, "sync", 2, json!({}));
    let frames = socket.frames(&mut world);
    assert!(
        frames[0]["type"] == "ack" && !frames[0].to_string().contains("secret"),
        "{frames:?}"
    );
}

#[test]
fn strangers_change_nothing_in_a_group() {
    let Strangers { mut world, mallory, .. } = Strangers::new();
    for (path, body) in [
        (
            "/api/message/send",
            json!({"toId": "team", "chatType": "group", "content": "x"}),
        ),
        (
            "/api/group/invite",
            json!({"groupId": "team", "memberIds": ["mallory"]}),
        ),
        ("/api/group/kick", json!({"groupId": "team", "memberIds": ["bob"]})),
        ("/api/group/join", json!({"groupId": "team"})),
        ("/api/group/leave", json!({"groupId": "team"})),
        ("/api/group/update", json!({"groupId": "team", "name": "Mine"})),
        (
            "/api/group/role",
            json!({"groupId": "team", "userId": "mallory", "role": "admin"}),
        ),
        ("/api/group/transfer", json!({"groupId": "team", "userId": "mallory"})),
        ("/api/group/dismiss", json!({"groupId": "team"})),
    ] {
        let refused = world.call(&format!("POST {path}"), &mallory, Some(body));
        assert_eq!(refused.status, 403, "{path}: {}", refused.body);
    }
    let taken = json!({"id": "TEAM", "name": "Mine"});
    assert_eq!(world.call("POST /api/group/create", &mallory, Some(taken)).status, 409);
    for id in ["team", "nobody"] {
        let body = json!({"toId": id, "chatType": "single", "content": "x"});
        let refused = world.call("POST /api/message/send", &mallory, Some(body));
        assert_eq!(
            (refused.status, &refused.body["error"]),
            (404, &json!("user_not_found")),
            "{id}"
        );
    }
}

#[test]
fn who_has_read_is_told_to_those_who_take_part() {
    let Strangers {
        mut world,
        alice,
        single,
        group,
        ..
    } = Strangers::new();
    let body = json!({"username": "bob", "password": "password123"});
    let bob = world.call("POST /api/login", "", Some(body)).body["data"]["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let standings = |world: &mut World, conversation: &Value| {
        let path = format!(
            "/api/message/receipts?conversationId={}&seq=1",
            conversation.as_str().unwrap()
        );
        world.call(&format!("GET {path}"), &alice, None).body["data"].clone()
    };
    for (conversation, receipt, read) in [(&single, "received", false), (&group, "read", true)] {
        let nothing = json!({"items": [{"userId": "bob", "read": false, "received": false}], "nextCursor": null});
        assert_eq!(standings(&mut world, conversation), nothing);
        let body = json!({"conversationId": conversation, "seq": 1});
        assert_eq!(
            world
                .call(&format!("POST /api/message/{receipt}"), &bob, Some(body))
                .status,
            200
        );
        let moved = json!({"items": [{"userId": "bob", "read": read, "received": true}], "nextCursor": null});
        assert_eq!(standings(&mut world, conversation), moved);
    }
    for (query, status, slug) in [
        ("seq=9", 404, "not_found"),
        ("seq=0", 400, "invalid_seq"),
        ("", 400, "invalid_seq"),
    ] {
        let line = format!(
            "GET /api/message/receipts?conversationId={}&{query}",
            single.as_str().unwrap()
        );
        let refused = world.call(&line, &alice, None);
        assert_eq!(
            (refused.status, &refused.body["error"]),
            (status, &json!(slug)),
            "{query}"
        );
    }
}

#[test]
fn other_spellings_of_a_path_lead_nowhere() {
    let mut world = World::new(1);
    for path in [
        "/api//admin/users",
        "//api/admin/users",
        "/api/./admin/users",
        "/api/x/../admin/users",
        "/API/ADMIN/USERS",
        "/api/Admin/users",
        "/api/admin/users/",
        "/api/admin/users;x",
        "/api/admin;x/users",
        "/api/%61dmin/users",
        "/api/%2e/admin/users",
        "/api/admin%2fusers",
        "/api/admin/user/%2e%2e",
        "/api/admin/user/a%2fb",
    ] {
        for credential in ["", ADMIN_KEY] {
            let response = world.call(&format!("GET {path}"), credential, None);
            assert_eq!(response.status, 404, "{path}: {}", response.body);
        }
    }
    let id = world.connect(0);
    world.send(id, &request("GET /api/admin/users?token=x&key=y", "", None));
    assert_eq!(
        Response::read(&world.take(id)).0.status,
        401,
        "credentials come by field alone"
    );
}
