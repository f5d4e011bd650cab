//! REST: credentials, envelopes, pipelining, deadlines.

use ringim::api::port::Service;
use ringim::config::Config;
use serde_json::{Value, json};

use crate::socket::Socket;
use crate::world::{ADMIN_KEY, Response, World, request};

#[test]
fn a_user_registers_signs_in_and_sees_itself() {
    let mut world = World::new(1);
    world.register("alice");
    let body = json!({"username": "alice", "password": "password123"});
    let login = world.call("POST /api/login", "", Some(body));
    let token = login.body["data"]["token"].as_str().unwrap().to_owned();
    let me = world.call("GET /api/user/me", &token, None);
    assert_eq!(me.body["code"], 200);
    assert_eq!(me.body["data"]["id"], "alice");
    let wrong = |name: &str| json!({"username": name, "password": "password124"});
    let [known, unknown] = ["alice", "nobody"].map(|name| world.call("POST /api/login", "", Some(wrong(name))));
    assert_eq!(
        (known.status, &known.body["error"]),
        (401, &json!("invalid_credentials"))
    );
    assert_eq!(
        (unknown.status, &unknown.body["message"]),
        (401, &known.body["message"])
    );
}

#[test]
fn refusals_have_their_form() {
    let mut world = World::new(1);
    let token = world.register("alice");
    let cases = [
        ("GET /api/nothing", "", None, 404, "not_found"),
        ("GET /api//user/me", token.as_str(), None, 404, "not_found"),
        ("GET /api/login", "", None, 405, "method_not_allowed"),
        ("BREW /api/login", "", None, 501, "not_implemented"),
        ("GET /api/user/me", "", None, 401, "unauthenticated"),
        ("GET /api/user/me", "x.y.z", None, 401, "unauthenticated"),
        ("GET /api/user/me", ADMIN_KEY, None, 401, "unauthenticated"),
        ("GET /api/admin/users", token.as_str(), None, 401, "unauthenticated"),
        (
            "POST /api/message/send",
            token.as_str(),
            Some(json!({"toId": "x"})),
            400,
            "invalid_chatType",
        ),
        (
            "GET /api/message/history?limit=0&conversationId=c1",
            token.as_str(),
            None,
            400,
            "invalid_limit",
        ),
        (
            "POST /api/register",
            "",
            Some(json!({"username": "ALICE", "password": "password123"})),
            409,
            "username_taken",
        ),
    ];
    for (line, credential, body, status, slug) in cases {
        let response = world.call(line, credential, body);
        assert_eq!(
            (response.status, &response.body["error"]),
            (status, &json!(slug)),
            "{line}"
        );
        assert_eq!(response.body["code"], status);
        assert!(response.body["message"].is_string() && response.body["requestId"].is_string());
    }
    assert!(
        world
            .call("GET /api/login", "", None)
            .head
            .contains("Allow: POST, OPTIONS\r\n")
    );
}

#[test]
fn bodies_must_be_json_objects() {
    let mut world = World::new(1);
    let id = world.connect(0);
    let mut check = |head: &str, body: &str, status: u16, slug: &str| {
        let text = format!(
            "POST /api/login HTTP/1.1\r\nHost: im\r\n{head}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        world.send(id, text.as_bytes());
        let bytes = world.take(id);
        let response = Response::read(&bytes).0;
        assert_eq!(
            (response.status, &response.body["error"]),
            (status, &json!(slug)),
            "{head}{body}"
        );
    };
    check("", "{}", 415, "unsupported_media_type");
    check("Content-Type: text/plain\r\n", "{}", 415, "unsupported_media_type");
    check(
        "Content-Type: application/json; charset=latin1\r\n",
        "{}",
        415,
        "unsupported_media_type",
    );
    let json = "Content-Type: application/json; charset=UTF-8\r\n";
    check(json, "[]", 400, "invalid_json");
    check(json, "{\"username\":\"a\",\"username\":\"b\"}", 400, "invalid_json");
    check(json, "{}", 400, "invalid_username");
    check("", "", 400, "invalid_username");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let mut world = World::new(1);
    let token = world.register("alice");
    let mut bytes = Vec::new();
    for line in [
        "GET /api/user/me",
        "GET /healthz",
        "GET /api/user/search?q=al",
        "GET /nothing",
        "GET /api/user/me",
    ] {
        bytes.extend(request(line, &token, None));
    }
    for cut in [1, 7, 64, bytes.len()] {
        let id = world.connect(0);
        for piece in bytes.chunks(cut) {
            world.send(id, piece);
        }
        let received = world.take(id);
        let mut rest = received.as_slice();
        for expected in [200, 200, 200, 404, 200] {
            let (response, behind) = Response::read(rest);
            assert_eq!(response.status, expected, "cut {cut}");
            rest = behind;
        }
        assert!(rest.is_empty() && !world.has_ended(id));
    }
}

#[test]
fn a_client_that_does_not_read_its_responses_is_not_read() {
    let mut world = World::new(1);
    let token = world.register("alice");
    let id = world.connect(0);
    world.stalled.insert(id);
    let one = request("GET /api/user/me", &token, None);
    let mut sent = 0;
    while !world.paused.contains(&id) {
        world.send(id, &one);
        sent += 1;
        assert!(sent < 2000, "reads on for ever");
    }
    let read = world.take(id);
    assert!(read.len() < 1000, "{}", read.len());
    world.unstall(id);
    let later = world.take(id);
    let answers = [read, later]
        .concat()
        .windows(12)
        .filter(|window| window == b"HTTP/1.1 200")
        .count();
    assert_eq!(answers, sent, "each is answered once it reads");
    assert!(!world.paused.contains(&id));
}

#[test]
fn slow_requests_are_refused_and_idle_connections_end() {
    let mut world = World::new(1);
    let silent = world.connect(0);
    let head = world.connect(0);
    world.send(head, b"GET /healthz HTTP/1.1\r\nHo");
    let body = world.connect(0);
    world.send(
        body,
        b"POST /api/login HTTP/1.1\r\nHost: im\r\nContent-Length: 9\r\n\r\n{",
    );
    let kept = world.connect(0);
    world.send(kept, &request("GET /healthz", "", None));
    world.take(kept);
    world.pass(11_000);
    assert!(world.has_ended(silent) && world.take(silent).is_empty());
    assert_eq!(Response::read(&world.take(head)).0.status, 408);
    assert!(world.has_ended(head) && !world.has_ended(body) && !world.has_ended(kept));
    world.pass(20_000);
    assert_eq!(Response::read(&world.take(body)).0.status, 408);
    world.pass(45_000);
    assert!(world.has_ended(kept) && world.take(kept).is_empty());
    assert_eq!(world.gateways[0].census().connections, 0);
}

#[test]
fn protocol_faults_are_answered_and_end_the_connection() {
    let mut world = World::new(1);
    for (text, status) in [
        ("GET /healthz HTTP/1.1\r\n\r\n", 400),
        (
            "POST /api/login HTTP/1.1\r\nHost: im\r\nContent-Length: 99999999\r\n\r\n",
            413,
        ),
        ("GET /healthz HTTP/3.0\r\nHost: im\r\n\r\n", 505),
    ] {
        let id = world.connect(0);
        world.send(id, text.as_bytes());
        let bytes = world.take(id);
        let (response, rest) = Response::read(&bytes);
        assert_eq!(
            (response.status, &response.body["code"]),
            (status, &json!(status)),
            "{text}"
        );
        assert!(rest.is_empty() && world.has_ended(id) && response.head.contains("Connection: close"));
    }
}

#[test]
fn a_client_that_expects_it_is_told_to_continue() {
    let mut world = World::new(1);
    let id = world.connect(0);
    world.send(
        id,
        b"POST /api/login HTTP/1.1\r\nHost: im\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
    );
    assert_eq!(world.take(id), b"HTTP/1.1 100 Continue\r\n\r\n");
    world.send(id, b"{}");
    assert_eq!(Response::read(&world.take(id)).0.status, 400);
}

#[test]
fn a_browser_may_use_the_user_api_alone() {
    let mut world = World::new(1);
    let mut preflight = |path: &str| {
        let id = world.connect(0);
        world.send(
            id,
            format!("OPTIONS {path} HTTP/1.1\r\nHost: im\r\nOrigin: https://a.example\r\n\r\n").as_bytes(),
        );
        Response::read(&world.take(id)).0
    };
    let user = preflight("/api/message/send");
    assert_eq!(user.status, 204);
    assert!(
        user.head.contains("Access-Control-Allow-Origin: https://a.example\r\n") && user.head.contains("Vary: Origin")
    );
    assert!(!preflight("/api/admin/users").head.contains("Access-Control"));
}

#[test]
fn a_key_sends_for_anybody_and_a_logout_ends_the_token() {
    let mut world = World::new(1);
    let alice = world.register("alice");
    world.register("bob");
    let message =
        json!({"fromId": "alice", "toId": "bob", "chatType": "single", "contentType": "text", "content": "hi"});
    let sent = world.call("POST /api/message/send", ADMIN_KEY, Some(message.clone()));
    assert_eq!(sent.body["data"]["seq"], 1, "{}", sent.body);
    let mut nameless = message.clone();
    nameless["fromId"] = Value::Null;
    assert_eq!(
        world.call("POST /api/message/send", ADMIN_KEY, Some(nameless)).body["error"],
        "invalid_fromId"
    );
    let mut foreign = message;
    foreign["fromId"] = json!("bob");
    assert_eq!(
        world.call("POST /api/message/send", &alice, Some(foreign)).body["error"],
        "sender_mismatch"
    );
    assert_eq!(world.call("POST /api/logout", &alice, None).status, 200);
    let after = world.call("GET /api/user/me", &alice, None);
    assert_eq!((after.status, &after.body["error"]), (401, &json!("token_revoked")));
}

#[test]
fn guessing_is_limited() {
    let mut config = Config::default();
    config.rates.login_failures_per_minute = 3;
    let mut world = World::with(2, &config);
    world.register("alice");
    let guess = json!({"username": "alice", "password": "wrong-password"});
    let elsewhere = world.connect(1);
    world.send(elsewhere, &request("POST /api/login", "", Some(&guess)));
    for _ in 0..2 {
        assert_eq!(world.call("POST /api/login", "", Some(guess.clone())).status, 401);
    }
    let refused = world.call("POST /api/login", "", Some(guess));
    assert!(
        refused.status == 429 && refused.head.contains("Retry-After: "),
        "{}",
        refused.head
    );
}

#[test]
fn connections_are_listed_over_all_shards() {
    let mut world = World::new(2);
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let _sockets = [
        Socket::attach(&mut world, 0, &alice),
        Socket::attach(&mut world, 1, &bob),
    ];
    let listed = world.call("GET /api/admin/connections", ADMIN_KEY, None);
    let items = listed.body["data"]["items"].as_array().unwrap();
    let mut users: Vec<_> = items.iter().map(|item| item["userId"].as_str().unwrap()).collect();
    users.sort_unstable();
    assert_eq!(users, ["alice", "bob"]);
}

#[test]
fn a_shard_that_says_nothing_is_not_waited_for() {
    let mut world = World::new(2);
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let _sockets = [
        Socket::attach(&mut world, 0, &alice),
        Socket::attach(&mut world, 1, &bob),
    ];
    world.loses_peer_messages = true;
    let id = world.connect(0);
    world.send(id, &request("GET /api/admin/connections", ADMIN_KEY, None));
    assert!(world.take(id).is_empty());
    world.pass(0);
    let next = world.gateways[0].next_deadline().unwrap();
    assert!(next <= world.now.monotonic_ms + 1_000, "{next}");
    world.pass(2_000);
    let listed = Response::read(&world.take(id)).0;
    let items = listed.body["data"]["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{items:?}");
    assert_eq!(items[0]["userId"], "alice");
}

#[test]
fn guessing_keys_is_limited_and_locks_nobody_out() {
    let mut world = World::new(2);
    let created = json!({"name": "reader", "scopes": ["read"]});
    let created = world.call("POST /api/admin/key/create", ADMIN_KEY, Some(created));
    let right = created.body["data"]["key"].as_str().unwrap().to_owned();
    let last = if right.ends_with('A') { "B" } else { "A" };
    let similar = format!("{}{last}", &right[..right.len() - 1]);
    let mut guess = |key: &str| world.call("GET /api/admin/users", key, None);
    for round in 0..10 {
        assert_eq!(guess("garbage").status, 401, "{round}");
        assert_eq!(guess(&similar).status, 401, "{round}");
    }
    for wrong in ["garbage", similar.as_str()] {
        let refused = guess(wrong);
        assert_eq!((refused.status, &refused.body["error"]), (429, &json!("rate_limited")));
        assert!(refused.head.contains("Retry-After: "), "{}", refused.head);
    }
    assert_eq!(guess("").status, 401, "no key is no guess");
    assert_eq!(guess(&right).status, 200);
    assert_eq!(guess(ADMIN_KEY).status, 200);
    let elsewhere = world.connect(1);
    world.send(elsewhere, &request("GET /api/admin/users", "garbage", None));
    assert_eq!(Response::read(&world.take(elsewhere)).0.status, 429, "all shards count");
    world.pass(3_000);
    assert_eq!(world.call("GET /api/admin/users", "garbage", None).status, 401);
}

#[test]
fn a_stopping_server_finishes_what_is_under_way() {
    let mut world = World::new(1);
    let token = world.register("alice");
    let idle = world.connect(0);
    world.send(idle, &request("GET /healthz", "", None));
    world.take(idle);
    let busy = world.connect(0);
    world.holds_commits = true;
    world.send(busy, &request("POST /api/logout", &token, None));
    world.drain();
    assert!(world.has_ended(idle) && !world.has_ended(busy));
    world.holds_commits = false;
    world.commit();
    let response = Response::read(&world.take(busy)).0;
    assert!(response.status == 200 && response.head.contains("Connection: close") && world.has_ended(busy));
}
