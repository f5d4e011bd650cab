//! WebSocket: sessions, pushes, acks, and how they end.

use ringim::api::port::Service;
use ringim::base::limits;
use ringim::proto::ws::{self, Opcode};
use serde_json::{Value, json};

use crate::socket::{Socket, text_frame};
use crate::world::{ADMIN_KEY, World};

fn kinds(frames: &[Value]) -> Vec<&str> {
    frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect()
}

#[test]
fn two_users_chat_over_two_shards() {
    let mut world = World::new(2);
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let mut here = Socket::attach(&mut world, 0, &alice);
    let mut other_device = Socket::attach(&mut world, 1, &alice);
    let mut there = Socket::attach(&mut world, 1, &bob);
    let acks = here.say(&mut world, "bob", "hello \"bob\" \u{1F44B}");
    assert_eq!(kinds(&acks), ["ack"]);
    assert_eq!(
        (&acks[0]["reqId"], &acks[0]["code"], &acks[0]["data"]["seq"]),
        (&json!(1), &json!(200), &json!(1))
    );
    let pushed = there.frames(&mut world);
    assert_eq!(kinds(&pushed), ["message"]);
    assert_eq!(pushed[0]["data"]["content"], "hello \"bob\" \u{1F44B}");
    assert_eq!(pushed[0]["data"]["id"], acks[0]["data"]["id"]);
    assert_eq!(kinds(&other_device.frames(&mut world)), ["message"]);
    there.send(
        &mut world,
        "read",
        2,
        json!({"conversationId": pushed[0]["data"]["conversationId"], "seq": 1}),
    );
    assert_eq!(kinds(&there.frames(&mut world)), ["ack"]);
    let receipt = here.frames(&mut world);
    let deliveries = |shard: usize| world.gateways[shard].census().deliveries;
    assert_eq!(
        (deliveries(0), deliveries(1)),
        (1, 3),
        "the receipt; two messages and the receipt"
    );
    assert_eq!(
        (kinds(&receipt), &receipt[0]["data"]["readSeq"]),
        (vec!["receipt"], &json!(1))
    );
}

#[test]
fn content_is_delivered_as_it_was_sent() {
    let mut world = World::new(1);
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let mut here = Socket::attach(&mut world, 0, &alice);
    let there = Socket::attach(&mut world, 0, &bob);
    let content = r#"{"n": 1.50, "big":12345678901234567890123}"#;
    let text =
        format!(r#"{{"type":"message","data":{{"toId":"bob","chatType":"single","content":{content},"ext":[1e2]}}}}"#);
    world.send(here.id, &text_frame(&text));
    assert_eq!(kinds(&here.frames(&mut world)), ["ack"]);
    let bytes = world.take(there.id);
    let pushed = String::from_utf8_lossy(&bytes);
    assert!(
        pushed.contains(&format!("\"content\":{content}")) && pushed.contains("\"ext\":[1e2]"),
        "{pushed}"
    );
}

#[test]
fn a_token_may_come_by_every_way() {
    let mut world = World::new(1);
    let token = world.register("alice");
    let (mut by_protocol, head) = Socket::open(
        &mut world,
        0,
        &format!("Sec-WebSocket-Protocol: im.v1.json, bearer.{token}\r\n"),
    );
    assert!(head.contains("Sec-WebSocket-Protocol: im.v1.json\r\n"));
    assert_eq!(kinds(&by_protocol.frames(&mut world)), ["hello"]);
    let (mut by_frame, head) = Socket::open(&mut world, 0, "");
    assert!(!head.contains("Sec-WebSocket-Protocol"));
    by_frame.send(
        &mut world,
        "auth",
        5,
        json!({"token": token, "deviceId": "phone", "platform": "ios"}),
    );
    let hello = by_frame.frames(&mut world);
    assert_eq!((kinds(&hello), &hello[0]["reqId"]), (vec!["hello"], &json!(5)));
    for field in [
        "userId",
        "connectionId",
        "epoch",
        "serverTime",
        "pingMs",
        "maxFrame",
        "durability",
    ] {
        assert!(!hello[0]["data"][field].is_null(), "{field}");
    }
    assert_eq!(world.gateways[0].census().sessions, 2);
}

#[test]
fn without_a_token_the_reason_is_said() {
    let mut world = World::new(1);
    let token = world.register("alice");
    let (mut bad, head) = Socket::open(&mut world, 0, "Authorization: Bearer nonsense\r\n");
    assert!(head.starts_with("HTTP/1.1 101 "));
    let (mut key, _) = Socket::open(&mut world, 0, &format!("Authorization: Bearer {ADMIN_KEY}\r\n"));
    let (mut early, _) = Socket::open(&mut world, 0, "");
    early.send(&mut world, "ping", 1, json!({}));
    let (mut garbled, _) = Socket::open(&mut world, 0, "");
    world.send(garbled.id, &text_frame("nonsense"));
    let (mut silent, _) = Socket::open(&mut world, 0, "");
    world.pass(6_000);
    world.call("POST /api/logout", &token, None);
    let (mut revoked, _) = Socket::open(&mut world, 0, &format!("Authorization: Bearer {token}\r\n"));
    for socket in [&mut bad, &mut key, &mut early, &mut garbled, &mut silent, &mut revoked] {
        let frames = socket.frames(&mut world);
        assert_eq!((kinds(&frames), &frames[0]["code"]), (vec!["error"], &json!(401)));
        assert_eq!(socket.closed, Some(4501));
        assert!(world.has_ended(socket.id));
    }
}

#[test]
fn odd_frames_are_answered_and_the_socket_stays_open() {
    let mut world = World::new(1);
    let token = world.register("alice");
    let mut socket = Socket::attach(&mut world, 0, &token);
    for (text, slug) in [
        ("nonsense", "invalid_json"),
        ("[1]", "invalid_json"),
        (r#"{"reqId":1}"#, "invalid_type"),
        (r#"{"type":"dance"}"#, "invalid_type"),
        (r#"{"type":7}"#, "invalid_type"),
        (r#"{"type":"message","data":[]}"#, "invalid_data"),
        (r#"{"type":"message","reqId":{},"data":{}}"#, "invalid_reqId"),
        (
            r#"{"type":"message","data":{"toId":"x","chatType":"single"}}"#,
            "invalid_content",
        ),
    ] {
        world.send(socket.id, &text_frame(text));
        let frames = socket.frames(&mut world);
        assert_eq!(
            (kinds(&frames), &frames[0]["error"]),
            (vec!["error"], &json!(slug)),
            "{text}"
        );
    }
    socket.send(
        &mut world,
        "message",
        9,
        json!({"id": "m-1", "toId": "nobody", "chatType": "single", "content": "x"}),
    );
    let error = socket.frames(&mut world).remove(0);
    assert_eq!(
        (&error["error"], &error["reqId"], &error["data"]["id"]),
        (&json!("user_not_found"), &json!(9), &json!("m-1"))
    );
    socket.send(&mut world, "ping", 10, json!({}));
    assert_eq!(kinds(&socket.frames(&mut world)), ["pong"]);
}

#[test]
fn rfc_6455_faults_have_their_close_codes() {
    let mut world = World::new(1);
    let token = world.register("alice");
    let mut binary = Vec::new();
    ws::encode(Opcode::Binary, b"x", Some([0; 4]), &mut binary);
    let mut unmasked = Vec::new();
    ws::encode(Opcode::Text, b"{}", None, &mut unmasked);
    let mut not_utf8 = Vec::new();
    ws::encode(Opcode::Text, b"\xff", Some([0; 4]), &mut not_utf8);
    let too_large = [0x81, 0xff, 0, 0, 0, 0, 0x7f, 0, 0, 0, 0, 0, 0, 0];
    let mut goodbye = Vec::new();
    ws::encode_close(1001, "away", Some([0; 4]), &mut goodbye);
    let cases: [(&[u8], u16); 5] = [
        (&binary, 1003),
        (&unmasked, 1002),
        (&not_utf8, 1007),
        (&too_large, 1009),
        (&goodbye, 1001),
    ];
    for (bytes, code) in cases {
        let mut socket = Socket::attach(&mut world, 0, &token);
        world.send(socket.id, bytes);
        assert!(socket.frames(&mut world).is_empty());
        assert_eq!(socket.closed, Some(code));
        assert!(world.has_ended(socket.id));
    }
    assert_eq!(world.gateways[0].census().sessions, 0);
}

#[test]
fn an_ack_follows_the_pushes_before_it() {
    let mut world = World::new(1);
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let mut here = Socket::attach(&mut world, 0, &alice);
    let mut there = Socket::attach(&mut world, 0, &bob);
    world.holds_commits = true;
    let message = |to: &str| json!({"toId": to, "chatType": "single", "content": "x"});
    here.send(&mut world, "message", 1, message("bob"));
    there.send(&mut world, "message", 2, message("alice"));
    here.send(&mut world, "message", 3, message("bob"));
    assert!(
        here.frames(&mut world).is_empty() && there.frames(&mut world).is_empty(),
        "nothing before the commit"
    );
    world.commit();
    let seqs = |frames: Vec<Value>| -> Vec<(String, i64)> {
        let seq = |frame: &Value| {
            (
                frame["type"].as_str().unwrap().to_owned(),
                frame["data"]["seq"].as_i64().unwrap(),
            )
        };
        frames.iter().map(seq).collect()
    };
    let owned = |expected: [(&str, i64); 3]| expected.map(|(kind, seq)| (kind.to_owned(), seq)).to_vec();
    assert_eq!(
        seqs(here.frames(&mut world)),
        owned([("ack", 1), ("message", 2), ("ack", 3)])
    );
    assert_eq!(
        seqs(there.frames(&mut world)),
        owned([("message", 1), ("ack", 2), ("message", 3)])
    );
}

#[test]
fn a_slow_reader_is_cut_and_others_are_not() {
    let mut world = World::new(1);
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let mut here = Socket::attach(&mut world, 0, &alice);
    let mut slow = Socket::attach(&mut world, 0, &bob);
    let mut quick = Socket::attach(&mut world, 0, &bob);
    world.stalled.insert(slow.id);
    let text = "x".repeat(60_000);
    for _ in 0..limits::OUTBOX_BYTES / text.len() + 3 {
        assert_eq!(kinds(&here.say(&mut world, "bob", &text)), ["ack"]);
        assert_eq!(kinds(&quick.frames(&mut world)), ["message"]);
    }
    assert_eq!(
        world.gateways[0].census().sessions,
        2,
        "the slow one is no session any more"
    );
    slow.frames(&mut world);
    let slow_id = slow.id;
    world.unstall(slow_id);
    let frames = slow.frames(&mut world);
    assert_eq!(
        (kinds(&frames), &frames[0]["data"]["code"]),
        (vec!["bye"], &json!(4002))
    );
    assert!(slow.closed == Some(4002) && world.has_ended(slow.id));
}

#[test]
fn sockets_end_with_their_token() {
    let mut world = World::new(2);
    let alice = world.register("alice");
    let login = json!({"username": "alice", "password": "password123"});
    let response = world.call("POST /api/login", "", Some(login));
    let second = response.body["data"]["token"].as_str().unwrap().to_owned();
    let mut first = Socket::attach(&mut world, 0, &alice);
    let mut other = Socket::attach(&mut world, 1, &second);
    first.send(&mut world, "logout", 1, json!({}));
    let frames = first.frames(&mut world);
    assert_eq!(
        (kinds(&frames), &frames[1]["data"]["reconnect"]),
        (vec!["ack", "bye"], &json!(false))
    );
    assert_eq!(first.closed, Some(4501));
    assert!(other.frames(&mut world).is_empty() && other.closed.is_none());
    world.call("POST /api/admin/user/kick", ADMIN_KEY, Some(json!({"userId": "alice"})));
    other.frames(&mut world);
    assert_eq!(other.closed, Some(4502));
    let mut again = Socket::attach(&mut world, 0, &second);
    world.call("POST /api/admin/user/ban", ADMIN_KEY, Some(json!({"userId": "alice"})));
    again.frames(&mut world);
    assert_eq!(again.closed, Some(4503));
}

#[test]
fn dead_peers_are_noticed_and_live_ones_kept() {
    let mut world = World::new(1);
    let token = world.register("alice");
    let mut dead = Socket::attach(&mut world, 0, &token);
    let mut alive = Socket::attach(&mut world, 0, &token);
    for _ in 0..4 {
        world.pass(25_500);
        let mut pong = Vec::new();
        ws::encode(Opcode::Pong, b"", Some([0; 4]), &mut pong);
        world.send(alive.id, &pong);
    }
    dead.frames(&mut world);
    alive.frames(&mut world);
    assert!(world.has_ended(dead.id) && !world.has_ended(alive.id));
    assert!(dead.pings == 2 && alive.pings == 4, "{} {}", dead.pings, alive.pings);
}

#[test]
fn typing_and_presence_reach_other_shards() {
    let mut world = World::new(2);
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let mut here = Socket::attach(&mut world, 0, &alice);
    here.say(&mut world, "bob", "hi");
    here.send(&mut world, "presence", 1, json!({"userIds": ["bob", "nobody"]}));
    let frames = here.frames(&mut world);
    assert_eq!(kinds(&frames), ["ack", "presence"]);
    assert_eq!(frames[1]["data"], json!({"userId": "bob", "online": false}));
    let mut there = Socket::attach(&mut world, 1, &bob);
    assert_eq!(
        here.frames(&mut world)[0]["data"],
        json!({"userId": "bob", "online": true})
    );
    there.send(&mut world, "typing", 2, json!({"toId": "alice", "chatType": "single"}));
    assert_eq!(kinds(&there.frames(&mut world)), ["ack"]);
    let typing = here.frames(&mut world);
    assert_eq!(
        typing[0]["data"],
        json!({"fromId": "bob", "chatType": "single", "toId": "alice"})
    );
    let id = there.id;
    world.close(id);
    assert_eq!(
        here.frames(&mut world)[0]["data"],
        json!({"userId": "bob", "online": false})
    );
    let told: Vec<_> = world
        .presence
        .iter()
        .map(|(user, online)| (user.as_str(), *online))
        .collect();
    assert_eq!(told, [("alice", true), ("bob", true), ("bob", false)]);
}

#[test]
fn a_removed_member_receives_nothing_more() {
    let mut world = World::new(1);
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let group = json!({"id": "g1", "name": "G", "memberIds": ["bob"]});
    assert_eq!(world.call("POST /api/group/create", &alice, Some(group)).status, 200);
    let mut here = Socket::attach(&mut world, 0, &alice);
    let mut there = Socket::attach(&mut world, 0, &bob);
    let message = json!({"toId": "g1", "chatType": "group", "content": "x"});
    here.send(&mut world, "message", 1, message.clone());
    assert_eq!(kinds(&there.frames(&mut world)), ["message"]);
    world.call(
        "POST /api/group/kick",
        &alice,
        Some(json!({"groupId": "g1", "memberIds": ["bob"]})),
    );
    assert_eq!(kinds(&there.frames(&mut world)), ["event"]);
    here.send(&mut world, "message", 2, message.clone());
    assert!(there.frames(&mut world).is_empty());
    there.send(&mut world, "message", 3, message);
    assert_eq!(there.frames(&mut world)[0]["error"], "not_a_member");
}

#[test]
fn sync_goes_on_from_its_cursor() {
    let mut world = World::new(1);
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let mut here = Socket::attach(&mut world, 0, &alice);
    here.say(&mut world, "bob", "one");
    let mut there = Socket::attach(&mut world, 0, &bob);
    there.send(&mut world, "sync", 1, json!({}));
    let first = there.frames(&mut world).remove(0)["data"].clone();
    assert_eq!(
        (first["messages"][0]["content"].as_str(), first["recovered"].as_bool()),
        (Some("one"), Some(true))
    );
    here.say(&mut world, "bob", "two");
    let body = json!({"cursor": first["cursor"]});
    let second = world.call("POST /api/sync", &bob, Some(body)).body["data"].clone();
    assert_eq!(second["messages"].as_array().unwrap().len(), 1);
    assert_eq!(second["messages"][0]["content"], "two");
    let lost = world
        .call("POST /api/sync", &bob, Some(json!({"cursor": "nonsense"})))
        .body["data"]
        .clone();
    assert_eq!(
        (&lost["recovered"], lost["messages"].as_array().unwrap().len()),
        (&json!(false), 2)
    );
}

#[test]
fn too_many_requests_at_once_are_not_read() {
    let mut world = World::new(1);
    let token = world.register("alice");
    let mut socket = Socket::attach(&mut world, 0, &token);
    world.holds_commits = true;
    let count = limits::REQUESTS_PER_CONNECTION + 50;
    let frame = text_frame(r#"{"type":"message","data":{"toId":"alice","chatType":"single","content":"x"}}"#);
    world.send(socket.id, &frame.repeat(count));
    assert!(world.paused.contains(&socket.id));
    world.holds_commits = false;
    world.commit();
    assert!(!world.paused.contains(&socket.id));
    assert_eq!(socket.frames(&mut world).len(), count);
}

#[test]
fn a_stopping_server_acknowledges_and_says_bye() {
    let mut world = World::new(1);
    let token = world.register("alice");
    let mut idle = Socket::attach(&mut world, 0, &token);
    let mut busy = Socket::attach(&mut world, 0, &token);
    world.holds_commits = true;
    busy.send(
        &mut world,
        "message",
        1,
        json!({"toId": "alice", "chatType": "single", "content": "x"}),
    );
    world.drain();
    assert_eq!(
        (kinds(&idle.frames(&mut world)), idle.closed),
        (vec!["bye"], Some(4001))
    );
    busy.send(
        &mut world,
        "message",
        2,
        json!({"toId": "alice", "chatType": "single", "content": "y"}),
    );
    assert_eq!(busy.frames(&mut world)[0]["error"], "draining");
    world.holds_commits = false;
    world.commit();
    assert_eq!(
        (kinds(&busy.frames(&mut world)), busy.closed),
        (vec!["ack", "bye"], Some(4001))
    );
}
