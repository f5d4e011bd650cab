//! Tokens end when they should, and so do the sockets they opened.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Account, Api};
use crate::server::Home;

/// Opens a socket, lets something end it, and requires the close code within two seconds from then.
#[track_caller]
fn ends(api: &Api, account: &Account, code: u16, end: impl FnOnce()) {
    let mut socket = api.connect(&account.token);
    end();
    let begun = Instant::now();
    assert_eq!(socket.close_code(), Some(code));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[track_caller]
fn is_refused(api: &Api, token: &str, slug: &str) {
    let (_, found) = api.get("/api/user/me", token).error();
    assert_eq!(found, slug);
}

fn login(api: &Api, name: &str, password: &str) -> Value {
    api.post("/api/login", "", &json!({"username": name, "password": password}))
        .body
}

#[test]
fn logout_ends_one_token_or_all() {
    let home = Home::new(&[]);
    let server = home.start();
    let api = server.api();
    let first = api.register("alice");
    let second = login(&api, "alice", "password123")["data"]["token"]
        .as_str()
        .unwrap()
        .to_owned();
    ends(&api, &first, 4501, || {
        api.post("/api/logout", &first.token, &json!({})).data();
    });
    is_refused(&api, &first.token, "token_revoked");
    api.get("/api/user/me", &second).data();
    let second = Account {
        id: "alice".into(),
        token: second,
    };
    ends(&api, &second, 4501, || {
        api.post("/api/logout", &second.token, &json!({"all": true})).data();
    });
    is_refused(&api, &second.token, "token_revoked");
}

#[test]
fn a_refreshed_token_replaces_the_old_one() {
    let home = Home::new(&[]);
    let server = home.start();
    let api = server.api();
    let old = api.register("alice").token;
    let new = api.post("/api/token/refresh", &old, &json!({})).data()["token"]
        .as_str()
        .unwrap()
        .to_owned();
    is_refused(&api, &old, "token_revoked");
    api.get("/api/user/me", &new).data();
}

#[test]
fn an_admin_kicks_bans_and_deletes() {
    let home = Home::new(&[]);
    let server = home.start();
    let api = server.api();
    let alice = api.register("alice");
    let target = json!({"userId": "alice"});
    ends(&api, &alice, 4502, || {
        api.admin_post("/api/admin/user/kick", &target);
    });
    ends(&api, &alice, 4503, || {
        api.admin_post("/api/admin/user/ban", &target);
    });
    assert_eq!(login(&api, "alice", "password123")["error"], "banned");
    api.admin_post("/api/admin/user/unban", &target);
    let token = login(&api, "alice", "password123")["data"]["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let alice = Account {
        id: "alice".into(),
        token,
    };
    ends(&api, &alice, 4501, || {
        api.admin_post("/api/admin/user/delete", &target);
    });
    is_refused(&api, &alice.token, "token_revoked");
    let again = api.register("alice");
    is_refused(&api, &alice.token, "token_revoked");
    api.get("/api/user/me", &again.token).data();
}

#[test]
fn a_new_password_ends_the_old_tokens() {
    let home = Home::new(&[]);
    let server = home.start();
    let api = server.api();
    let alice = api.register("alice");
    let mut new = String::new();
    ends(&api, &alice, 4501, || {
        let change = json!({"oldPassword": "password123", "newPassword": "another-password"});
        new = api.post("/api/user/password", &alice.token, &change).data()["token"]
            .as_str()
            .unwrap()
            .to_owned();
    });
    is_refused(&api, &alice.token, "token_revoked");
    api.get("/api/user/me", &new).data();
    assert_eq!(login(&api, "alice", "password123")["error"], "invalid_credentials");
    let unknown = login(&api, "nobody-here", "password123");
    assert_eq!(unknown["error"], "invalid_credentials");
}

#[test]
fn a_token_survives_a_restart_and_a_revocation_too() {
    let home = Home::new(&[]);
    let server = home.start();
    let (alice, bob) = (server.api().register("alice"), server.api().register("bob"));
    server.api().post("/api/logout", &bob.token, &json!({})).data();
    server.kill();
    let server = home.start();
    server.api().get("/api/user/me", &alice.token).data();
    is_refused(&server.api(), &bob.token, "token_revoked");
}
