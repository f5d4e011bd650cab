//! Seen from outside the process: every acknowledgement follows a completed sync, and a disk that fails or is
//! full never produces one that is lost.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::Api;
use crate::server::{Home, Server};

/// A tracer that leaves the traced program its process id (`-D`) and follows its threads.
const TRACER: [&str; 4] = ["strace", "-D", "-f", "-qq"];

fn completed_syncs(trace: &Path) -> usize {
    let text = std::fs::read_to_string(trace).unwrap();
    let completed = |line: &&str| line.contains("sync") && line.trim_end().ends_with("= 0");
    text.lines().filter(completed).count()
}

fn stored_ids(api: &Api, token: &str) -> HashSet<String> {
    let history = api.whole_history(token, "single", "bob");
    history
        .iter()
        .map(|message| message["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn an_acknowledgement_follows_a_sync() {
    let mut home = Home::new(&[]);
    let trace = home.beside("trace");
    let output = trace.to_str().unwrap().to_owned();
    home.under(&[&TRACER[..], &["-o", &output, "-e", "trace=fdatasync,fsync"]].concat());
    let server = home.start();
    let accounts = server.api().import(&["alice", "bob"].map(String::from));
    let mut socket = server.api().connect(&accounts[0].token);
    for n in 0..30 {
        let before = completed_syncs(&trace);
        socket.say("single", "bob", &format!("m{n}"), "x");
        assert!(
            completed_syncs(&trace) > before,
            "message {n} was acknowledged before a sync"
        );
    }
}

/// Sends one message after the other, and sorts the answers. Stops when the server is gone.
fn send_each(api: &Api, token: &str, name: &str, count: usize) -> (HashSet<String>, Vec<(u16, String)>) {
    let (mut acknowledged, mut refused) = (HashSet::new(), Vec::new());
    for n in 0..count {
        let id = format!("{name}{n}");
        let message = json!({"id": id, "toId": "bob", "chatType": "single", "contentType": "text", "content": "x"});
        match api.try_post("/api/message/send", token, &message) {
            Ok(response) if response.status == 200 => {
                acknowledged.insert(id);
            }
            Ok(response) => refused.push(response.error()),
            Err(_) => break,
        }
    }
    (acknowledged, refused)
}

#[test]
fn a_failing_sync_ends_the_server_and_loses_nothing() {
    let mut home = Home::new(&[]);
    let accounts = {
        let server = home.start();
        server.api().import(&["alice", "bob"].map(String::from))
    };
    home.under(
        &[
            &TRACER[..],
            &["-o", "/dev/null", "-e", "inject=fdatasync,fsync:error=EIO:when=25+"],
        ]
        .concat(),
    );
    let server = home.start();
    let (acknowledged, _) = send_each(&server.api(), &accounts[0].token, "m", 100);
    let status = server.wait(Duration::from_secs(10));
    assert!(!status.success(), "the server must not go on after a failed sync");
    assert!(
        (1..100).contains(&acknowledged.len()),
        "{} were acknowledged",
        acknowledged.len()
    );
    home.under(&[]);
    let server = home.start();
    let stored = stored_ids(&server.api(), &accounts[0].token);
    assert!(
        acknowledged.is_subset(&stored),
        "lost: {:?}",
        acknowledged.difference(&stored)
    );
}

/// Makes every write of a running server fail with a full disk, until it is ended.
struct FullDisk(Child);

impl FullDisk {
    fn of(server: &Server<'_>) -> Self {
        let mut tracer = Command::new("strace");
        tracer.args([
            "-f",
            "-o",
            "/dev/null",
            "-e",
            "inject=pwrite64:error=ENOSPC",
            "-p",
            &server.pid().to_string(),
        ]);
        let mut tracer = tracer.stderr(Stdio::piped()).spawn().unwrap();
        let mut attached = String::new();
        // Left open: the tracer has a word on threads it finds inside a call, and would die of a closed pipe.
        BufReader::new(tracer.stderr.as_mut().unwrap())
            .read_line(&mut attached)
            .unwrap();
        assert!(attached.contains("attached"), "{attached}");
        Self(tracer)
    }

    fn end(mut self) {
        assert_eq!(unsafe { libc::kill(self.0.id() as i32, libc::SIGTERM) }, 0);
        self.0.wait().unwrap();
    }
}

#[test]
fn a_full_disk_refuses_and_recovers() {
    let home = Home::new(&[]);
    let server = home.start();
    let api = server.api();
    let token = api.import(&["alice", "bob"].map(String::from))[0].token.clone();
    let (mut before, refused) = send_each(&api, &token, "before", 20);
    assert_eq!((before.len(), refused.len()), (20, 0));
    let disk = FullDisk::of(&server);
    // The tracer takes the threads one after the other, and on a busy machine not at once.
    let deadline = Instant::now() + Duration::from_secs(10);
    let noticed = (0..).take_while(|_| Instant::now() < deadline).any(|n| {
        let (acknowledged, refused) = send_each(&api, &token, &format!("last{n}-"), 1);
        before.extend(acknowledged);
        !refused.is_empty()
    });
    assert!(noticed, "the full disk was not noticed");
    let (during, refused) = send_each(&api, &token, "during", 20);
    assert!(during.is_empty() && refused.len() == 20, "{during:?} {refused:?}");
    assert!(
        refused.iter().all(|refusal| *refusal == (503, "storage_full".into())),
        "{refused:?}"
    );
    assert_eq!(stored_ids(&api, &token), before, "reads go on");
    disk.end();
    let (after, refused) = send_each(&api, &token, "during", 20);
    assert_eq!((after.len(), refused.len()), (20, 0), "the server did not recover");
    let acknowledged: HashSet<String> = before.union(&after).cloned().collect();
    assert_eq!(
        acknowledged,
        stored_ids(&api, &token),
        "exactly what was acknowledged is stored"
    );
}
