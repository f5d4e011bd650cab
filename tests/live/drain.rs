//! SIGTERM under traffic: the server ends in order, and nothing that was acknowledged is lost.

use std::time::Duration;

use serde_json::json;

use crate::server::Home;

#[test]
fn a_terminated_server_commits_what_it_accepted() {
    let home = Home::new(&[]);
    let server = home.start();
    let accounts = server.api().import(&["alice", "bob"].map(String::from));
    let api = server.api();
    let token = accounts[0].token.clone();
    let sender = std::thread::spawn(move || {
        let mut socket = api.connect(&token);
        let (mut sent, mut acknowledged) = (0, Vec::new());
        loop {
            while sent - acknowledged.len() < 16 {
                let message = json!({"id": format!("m{sent}"), "toId": "bob", "chatType": "single", "contentType": "text", "content": "x"});
                if socket.send(&json!({"type": "message", "data": message})).is_err() {
                    return acknowledged;
                }
                sent += 1;
            }
            match socket.try_next() {
                Ok(frame) if frame["type"] == "ack" => {
                    acknowledged.push(frame["data"]["id"].as_str().unwrap().to_owned())
                }
                Ok(frame) if frame["type"] == "bye" => assert_eq!(frame["data"]["code"], 4001, "{frame}"),
                Ok(_) => {}
                Err(_) => return acknowledged,
            }
        }
    });
    std::thread::sleep(Duration::from_millis(400));
    let status = server.terminate(Duration::from_secs(10));
    assert!(status.success(), "{status}: {}", home.log());
    let acknowledged = sender.join().unwrap();
    assert!(!acknowledged.is_empty());
    let server = home.start();
    let stored = server.api().whole_history(&accounts[0].token, "single", "bob");
    let stored: std::collections::HashSet<&str> =
        stored.iter().map(|message| message["id"].as_str().unwrap()).collect();
    for id in &acknowledged {
        assert!(stored.contains(id.as_str()), "{id} was acknowledged and is gone");
    }
}
