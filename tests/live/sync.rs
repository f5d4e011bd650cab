//! A client that was away catches up by its cursor, whatever the gap, and misses nothing.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::client::{Api, Socket};
use crate::server::Home;

/// Pages through `sync` until nothing is left; returns the messages and the last page.
fn catch_up(socket: &mut Socket, cursor: &Value) -> (Vec<Value>, Value) {
    let (mut cursor, mut messages) = (cursor.clone(), Vec::new());
    loop {
        let request = if cursor.is_null() {
            json!({})
        } else {
            json!({ "cursor": cursor })
        };
        let ack = socket.request("sync", request);
        assert_eq!(ack["type"], "ack", "{ack}");
        let page = ack["data"].clone();
        messages.extend(page["messages"].as_array().unwrap().iter().cloned());
        cursor = page["cursor"].clone();
        if page["more"] == false {
            return (messages, page);
        }
    }
}

fn send(api: &Api, token: &str, chat_type: &str, to: &str, id: &str) {
    let message =
        json!({"id": id, "toId": to, "chatType": chat_type, "contentType": "text", "content": "x".repeat(2000)});
    api.post("/api/message/send", token, &message).data();
}

#[test]
fn any_gap_is_filled() {
    let home = Home::new(&[]);
    let server = home.start();
    let api = server.api();
    let accounts = api.import(&["alice", "bob", "carol"].map(String::from));
    let group = json!({"id": "g1", "name": "g", "creatorId": "alice", "memberIds": ["bob"]});
    api.admin_post("/api/admin/group/create", &group);
    send(&api, &accounts[0].token, "single", "bob", "early");
    let (first, page) = catch_up(&mut api.connect(&accounts[1].token), &Value::Null);
    assert_eq!(first.len(), 1);
    let mut expected = BTreeSet::new();
    // More than one page of 512 KiB.
    for n in 0..400 {
        let (chat_type, to) = if n % 2 == 0 { ("single", "bob") } else { ("group", "g1") };
        send(&api, &accounts[0].token, chat_type, to, &format!("m{n}"));
        expected.insert(format!("m{n}"));
        send(&api, &accounts[0].token, "single", "carol", &format!("other{n}"));
    }
    let mut bob = api.connect(&accounts[1].token);
    let (missed, last) = catch_up(&mut bob, &page["cursor"]);
    let ids: Vec<&str> = missed.iter().map(|message| message["id"].as_str().unwrap()).collect();
    let distinct: BTreeSet<String> = ids.iter().map(|id| id.to_string()).collect();
    assert_eq!(
        (ids.len(), distinct),
        (expected.len(), expected),
        "each missed message once, and no other"
    );
    let (nothing, _) = catch_up(&mut bob, &last["cursor"]);
    assert_eq!(nothing, Vec::<Value>::new());
    let by_rest = api
        .post("/api/sync", &accounts[1].token, &json!({"cursor": page["cursor"]}))
        .data();
    assert_eq!(by_rest["messages"][0], missed[0]);
    let unknown = bob.request("sync", json!({"cursor": "nonsense"}));
    assert_eq!(unknown["data"]["recovered"], false, "{unknown}");
}

#[test]
fn unread_is_computed_and_read_everywhere_at_once() {
    let home = Home::new(&[]);
    let server = home.start();
    let api = server.api();
    let accounts = api.import(&["alice", "bob"].map(String::from));
    let (mut phone, mut desk) = (api.connect(&accounts[1].token), api.connect(&accounts[1].token));
    let mut alice = api.connect(&accounts[0].token);
    let conversation = (1..=5)
        .map(|n| alice.say("single", "bob", &format!("m{n}"), "x")["conversationId"].clone())
        .last();
    let unread = || api.get("/api/conversation/list", &accounts[1].token).data()["items"][0]["unread"].clone();
    assert_eq!(unread(), 5);
    phone.request("read", json!({"conversationId": conversation, "seq": 3}));
    assert_eq!(unread(), 2);
    assert_eq!(desk.pushed("receipt")["readSeq"], 3);
    assert_eq!(alice.pushed("receipt")["userId"], "bob");
    phone.say("single", "alice", "answer", "x");
    assert_eq!(unread(), 0);
    assert_eq!(
        desk.pushed("message")["seq"],
        1,
        "another device of the same user gets everything in order"
    );
}

#[test]
fn a_kicked_member_receives_nothing_more() {
    let home = Home::new(&[]);
    let server = home.start();
    let api = server.api();
    let accounts = api.import(&["alice", "bob", "carol"].map(String::from));
    let group = json!({"id": "g1", "name": "g", "creatorId": "alice", "memberIds": ["bob", "carol"]});
    api.admin_post("/api/admin/group/create", &group);
    let (mut alice, mut bob) = (api.connect(&accounts[0].token), api.connect(&accounts[1].token));
    let (_, page) = catch_up(&mut bob, &Value::Null);
    alice.say("group", "g1", "before", "x");
    assert_eq!(bob.pushed("message")["id"], "before");
    api.post(
        "/api/group/kick",
        &accounts[0].token,
        &json!({"groupId": "g1", "memberIds": ["bob"]}),
    )
    .data();
    alice.say("group", "g1", "after", "x");
    alice.say("single", "bob", "private", "x");
    assert_eq!(
        bob.pushed("message")["id"],
        "private",
        "nothing of the group comes live"
    );
    let (missed, _) = catch_up(&mut bob, &page["cursor"]);
    assert!(missed.iter().all(|message| message["id"] != "after"), "nor by sync");
    let history = api.get("/api/message/history?chatType=group&peerId=g1", &accounts[1].token);
    assert_eq!(history.error(), (403, "not_a_member".into()));
    let refused = bob.request(
        "message",
        json!({"id": "x", "toId": "g1", "chatType": "group", "contentType": "text", "content": "x"}),
    );
    assert_eq!(refused["error"], "not_a_member");
}
