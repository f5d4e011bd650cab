//! Peers that never read, send a byte a second, or only open and drop: memory and descriptors stay bounded, and
//! honest users do not notice.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::Api;
use crate::server::{Home, Server};

fn status_kilobytes(server: &Server<'_>, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn open_files(server: &Server<'_>) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count()
}

/// Less than the deadlines of slow peers, more than a disk stalls that others use too.
const SOON: Duration = Duration::from_secs(5);

/// A message from alice to bob arrives soon.
fn honest_users_talk(api: &Api, tokens: [&str; 2], id: &str) {
    let begun = Instant::now();
    let (mut alice, mut bob) = (api.connect(tokens[0]), api.connect(tokens[1]));
    alice.say("single", "bob", id, "x");
    while bob.pushed("message")["id"] != id {}
    assert!(begun.elapsed() < SOON, "it took {:?}", begun.elapsed());
}

#[test]
fn readers_that_never_read_are_cut() {
    const READERS: usize = 100;
    const MESSAGES: usize = 300;
    let home = Home::new(&[]);
    let server = home.start();
    let api = server.api();
    let mut names: Vec<String> = (0..READERS).map(|n| format!("reader{n}")).collect();
    names.extend(["alice".into(), "bob".into()]);
    let accounts = api.import(&names);
    let (alice, bob) = (&accounts[READERS].token, &accounts[READERS + 1].token);
    let group = json!({"id": "g1", "name": "g", "creatorId": "alice", "memberIds": names[..READERS]});
    api.admin_post("/api/admin/group/create", &group);
    let readers: Vec<_> = accounts[..READERS]
        .iter()
        .map(|account| api.connect(&account.token))
        .collect();
    let before = status_kilobytes(&server, "VmRSS");
    let content = "x".repeat(60_000);
    let mut sender = api.connect(alice);
    for n in 0..MESSAGES {
        sender.say("group", "g1", &format!("m{n}"), &content);
    }
    honest_users_talk(&api, [alice, bob], "honest");
    let grown = status_kilobytes(&server, "VmRSS").saturating_sub(before);
    assert!(grown < 256 * 1024, "memory grew by {grown} KiB");
    let connections = api.admin_get("/api/admin/connections");
    assert!(
        connections["items"].as_array().unwrap().len() < READERS / 2,
        "slow readers are still connected"
    );
    drop(readers);
    let stored = api.whole_history(&accounts[0].token, "group", "g1");
    assert_eq!(
        stored.len(),
        MESSAGES,
        "a reader that was cut finds everything in the history"
    );
}

#[test]
fn senders_of_a_byte_a_second_are_cut() {
    let home = Home::new(&[]);
    let server = home.start();
    let api = server.api();
    let accounts = api.import(&["alice", "bob"].map(String::from));
    let before = open_files(&server);
    let mut slow: Vec<TcpStream> = (0..1000).map(|_| TcpStream::connect(home.address).unwrap()).collect();
    let begun = Instant::now();
    let head = b"GET /api/user/me HTTP/1.1\r\nHost: x\r\nX-Slow: ";
    for second in 0..14 {
        for stream in &mut slow {
            // A connection that was cut refuses the byte; that is what is waited for.
            stream.write_all(&head[second..=second]).ok();
        }
        honest_users_talk(&api, [&accounts[0].token, &accounts[1].token], &format!("m{second}"));
        std::thread::sleep(Duration::from_secs(second as u64 + 1).saturating_sub(begun.elapsed()));
    }
    let left = open_files(&server) - before;
    assert!(left < 50, "{left} slow senders are still connected");
}

/// Opens a connection, says a part of something, and goes away in one of several ways.
fn open_and_drop(address: SocketAddr, n: usize) {
    let Ok(mut stream) = TcpStream::connect(address) else {
        return;
    };
    match n % 4 {
        0 => {}
        1 => drop(stream.write_all(b"GET /healthz HTTP/1.1\r\nHo")),
        // The answer is left unread, so that closing resets the connection.
        2 => drop(stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")),
        _ => {
            stream
                .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                .ok();
            stream.read_to_end(&mut Vec::new()).ok();
        }
    }
}

#[test]
fn opening_and_dropping_leaks_nothing() {
    let home = Home::new(&[]);
    let server = home.start();
    let api = server.api();
    let accounts = api.import(&["alice", "bob"].map(String::from));
    for n in 0..1000 {
        open_and_drop(home.address, n);
    }
    std::thread::sleep(Duration::from_millis(500));
    let (files, memory) = (open_files(&server), status_kilobytes(&server, "VmRSS"));
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let address = home.address;
            scope.spawn(move || (0..5000).for_each(|n| open_and_drop(address, n + worker)));
        }
    });
    honest_users_talk(&api, [&accounts[0].token, &accounts[1].token], "honest");
    std::thread::sleep(Duration::from_secs(1));
    let files_now = open_files(&server);
    assert!(files_now < files + 30, "{files} open files became {files_now}");
    let grown = status_kilobytes(&server, "VmRSS").saturating_sub(memory);
    assert!(grown < 96 * 1024, "memory grew by {grown} KiB");
}
