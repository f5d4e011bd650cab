//! kill -9 at random moments under mixed traffic: nothing that was acknowledged is lost, doubled or changed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Account, Api};
use crate::server::Home;

const ROUNDS: u64 = 20;
const GROUP: &str = "crew";

/// What one sender knows of its messages: by id the content, and the seq once it was acknowledged.
#[derive(Default)]
struct Sender {
    messages: HashMap<String, (String, Option<i64>)>,
    count: u64,
}

impl Sender {
    fn next(&mut self, name: &str) -> (String, String) {
        self.count += 1;
        let (id, content) = (
            format!("{name}-{}", self.count),
            format!("content {} of {name}", self.count),
        );
        self.messages.insert(id.clone(), (content.clone(), None));
        (id, content)
    }

    fn acknowledged(&mut self, id: &str, seq: i64) {
        let (_, known) = self.messages.get_mut(id).unwrap();
        assert!(
            known.is_none_or(|known| known == seq),
            "{id} was acknowledged as {known:?} and as {seq}"
        );
        *known = Some(seq);
    }
}

fn body(id: &str, chat_type: &str, to: &str, content: &str) -> Value {
    json!({"id": id, "toId": to, "chatType": chat_type, "contentType": "text", "content": content})
}

/// Where a sender's messages go: to its neighbour, or to the group.
fn target(at: usize, accounts: &[Account]) -> (&'static str, String) {
    match at % 3 {
        0 => ("group", GROUP.into()),
        _ => ("single", accounts[(at + 1) % accounts.len()].id.clone()),
    }
}

fn send_by_rest(api: &Api, account: &Account, to: &(&str, String), sender: &Mutex<Sender>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let (id, content) = sender.lock().unwrap().next(&account.id);
        let Ok(answer) = api.try_post("/api/message/send", &account.token, &body(&id, to.0, &to.1, &content)) else {
            return;
        };
        sender
            .lock()
            .unwrap()
            .acknowledged(&id, answer.data()["seq"].as_i64().unwrap());
    }
}

/// Keeps eight messages in flight.
fn send_by_socket(api: &Api, account: &Account, to: &(&str, String), sender: &Mutex<Sender>, stop: &AtomicBool) {
    let Ok(mut socket) = api.try_connect(&account.token) else {
        return;
    };
    let mut in_flight = 0;
    while !stop.load(Ordering::Relaxed) {
        while in_flight < 8 {
            let (id, content) = sender.lock().unwrap().next(&account.id);
            let frame = json!({"type": "message", "data": body(&id, to.0, &to.1, &content)});
            if socket.send(&frame).is_err() {
                return;
            }
            in_flight += 1;
        }
        let Ok(frame) = socket.try_next() else { return };
        if frame["type"] == "ack" {
            in_flight -= 1;
            let data = &frame["data"];
            sender
                .lock()
                .unwrap()
                .acknowledged(data["id"].as_str().unwrap(), data["seq"].as_i64().unwrap());
        }
    }
}

/// Sends everything whose outcome is unknown once more, under the same id.
fn resolve(api: &Api, account: &Account, to: &(&str, String), sender: &Mutex<Sender>) {
    let mut sender = sender.lock().unwrap();
    let unknown: Vec<(String, String)> = sender
        .messages
        .iter()
        .filter(|(_, (_, seq))| seq.is_none())
        .map(|(id, (content, _))| (id.clone(), content.clone()))
        .collect();
    for (id, content) in unknown {
        let sent = api
            .post("/api/message/send", &account.token, &body(&id, to.0, &to.1, &content))
            .data();
        sender.acknowledged(&id, sent["seq"].as_i64().unwrap());
    }
}

/// Every message that was sent is stored once, with its content, at its seq; seqs run from 1 without gaps.
fn check(api: &Api, accounts: &[Account], senders: &[Arc<Mutex<Sender>>]) -> usize {
    let mut stored: HashMap<String, (String, i64)> = HashMap::new();
    let mut keep = |history: Vec<Value>| {
        for (at, message) in history.iter().enumerate() {
            assert_eq!(
                message["seq"],
                at as i64 + 1,
                "a gap or a repeat in {}",
                message["conversationId"]
            );
            let value = (message["content"].as_str().unwrap().to_owned(), at as i64 + 1);
            let earlier = stored.insert(message["id"].as_str().unwrap().to_owned(), value);
            assert!(earlier.is_none(), "{} is stored twice", message["id"]);
        }
    };
    keep(api.whole_history(&accounts[0].token, "group", GROUP));
    for at in 0..accounts.len() {
        keep(api.whole_history(&accounts[at].token, "single", &accounts[(at + 1) % accounts.len()].id));
    }
    let mut sent = 0;
    for sender in senders {
        for (id, (content, seq)) in &sender.lock().unwrap().messages {
            let expected = (content.clone(), seq.expect("every outcome was resolved"));
            assert_eq!(stored.get(id), Some(&expected), "{id}");
            sent += 1;
        }
    }
    assert_eq!(stored.len(), sent, "something is stored that nobody sent");
    sent
}

fn integrity(home: &Home) -> String {
    let database = rusqlite::Connection::open_with_flags(home.database(), rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY);
    database
        .unwrap()
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap()
}

#[test]
fn nothing_acknowledged_is_lost() {
    let home = Home::new(&[]);
    let names: Vec<String> = (0..6).map(|n| format!("user{n}")).collect();
    let server = home.start();
    let accounts = server.api().import(&names);
    let group = json!({"id": GROUP, "name": "crew", "creatorId": names[0], "memberIds": names});
    server.api().admin_post("/api/admin/group/create", &group);
    server.kill();
    let senders: Vec<Arc<Mutex<Sender>>> = names.iter().map(|_| Arc::default()).collect();
    for round in 0..ROUNDS {
        let server = home.start();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for (at, account) in accounts.iter().enumerate() {
                let (api, sender, to, stop) = (server.api(), &senders[at], target(at, &accounts), &stop);
                let send = if at % 2 == 0 { send_by_socket } else { send_by_rest };
                scope.spawn(move || send(&api, account, &to, sender, stop));
            }
            // Spread over the life of a batch by a step that shares no factor with it.
            std::thread::sleep(Duration::from_micros(60_000 + (round * 7_919) % 60_000));
            server.kill();
            stop.store(true, Ordering::Relaxed);
        });
        let server = home.start();
        assert_eq!(integrity(&home), "ok");
        for (at, account) in accounts.iter().enumerate() {
            resolve(&server.api(), account, &target(at, &accounts), &senders[at]);
        }
        let sent = check(&server.api(), &accounts, &senders);
        assert!(sent > 0, "round {round} sent nothing");
        server.kill();
    }
}
