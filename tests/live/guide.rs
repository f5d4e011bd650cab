//! The integration guide with its own paths and bodies.

use serde_json::json;

use crate::server::{ADMIN_KEY, Home};

#[test]
fn a_back_end_signs_in_and_sends() {
    let home = Home::new(&[]);
    let server = home.start();
    let api = server.api();
    for name in ["alice", "bot_user", "target_user"] {
        api.register(name);
    }
    api.admin_post(
        "/api/admin/user/grant",
        &json!({"userId": "alice", "identityId": "bot_user"}),
    );
    let login = api
        .post(
            "/api/login",
            "",
            &json!({"username": "alice", "password": "password123"}),
        )
        .data();
    let token = login["token"].as_str().unwrap();
    let notification = json!({
        "id": "0b64c1f2-6f6f-4c61-9d09-3d1c1f5f2a11",
        "fromId": "bot_user",
        "toId": "target_user",
        "chatType": "single",
        "content": "系统通知:您的订单已发货",
        "contentType": "text",
    });
    let sent = api.post("/api/message/send", token, &notification).data();
    assert_eq!(sent["seq"], 1);
    let by_key = json!({"fromId": "bot_user", "toId": "target_user", "chatType": "single", "content": "2", "contentType": "text"});
    assert_eq!(api.post("/api/message/send", ADMIN_KEY, &by_key).data()["seq"], 2);
    let ungranted = api.post("/api/message/send", &api.register("mallory").token, &notification);
    assert_eq!(ungranted.error(), (403, "sender_mismatch".into()));
}

#[test]
fn a_dashboard_lists_users_reads_history_and_creates_a_group() {
    let home = Home::new(&[]);
    let server = home.start();
    let api = server.api();
    let accounts = api.import(&["user_a", "user_b", "admin_user"].map(String::from));
    api.connect(&accounts[0].token).say("single", "user_b", "m1", "hello");
    let users = api.admin_get("/api/admin/users");
    assert_eq!(users["items"].as_array().unwrap().len(), 3);
    let both_ways = ["toId=user_b&fromId=user_a", "toId=user_a&fromId=user_b"];
    for parties in both_ways {
        let history = api.admin_get(&format!("/api/admin/history?type=single&{parties}"));
        assert_eq!(history["items"][0]["content"], "hello");
    }
    let group = json!({"id": "group_001", "name": "客服群", "creatorId": "admin_user"});
    let created = api.admin_post("/api/admin/group/create", &group);
    assert_eq!(created["ownerId"], "admin_user");
    let nobody = json!({"id": "group_002", "name": "x", "creatorId": "nobody"});
    assert_eq!(
        api.post("/api/admin/group/create", ADMIN_KEY, &nobody).error(),
        (404, "user_not_found".into())
    );
}

#[test]
fn two_users_chat() {
    let home = Home::new(&[]);
    let server = home.start();
    let api = server.api();
    let (alice, bob) = (api.register("alice"), api.register("bob"));
    let (mut at_alice, mut at_bob) = (api.connect(&alice.token), api.connect(&bob.token));
    let ack = at_alice.say("single", "bob", "m1", "hi bob");
    let message = at_bob.pushed("message");
    assert_eq!((message["id"].as_str(), message["seq"].as_i64()), (Some("m1"), Some(1)));
    assert_eq!(
        (&message["conversationId"], &message["timestamp"]),
        (&ack["conversationId"], &ack["timestamp"])
    );
    assert_eq!(
        (message["fromId"].as_str(), message["fromName"].as_str()),
        (Some("alice"), Some("alice"))
    );
    assert_eq!(at_bob.say("single", "alice", "m2", "hi alice")["seq"], 2);
    assert_eq!(at_alice.pushed("message")["content"], "hi alice");
    let stored = api.whole_history(&alice.token, "single", "bob");
    assert_eq!(stored[0], message, "history shows the message as it was delivered");
    assert_eq!(at_alice.say("single", "bob", "m1", "hi bob")["duplicate"], true);
}
