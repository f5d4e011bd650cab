//! Another program reads the database file while the server writes.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::server::Home;

/// Reads every view again and again; prints the number of messages of each round as JSON.
const READER: &str = r#"
import json, sqlite3, sys, time
database = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
counts = []
end = time.monotonic() + 3
while time.monotonic() < end:
    rows = database.execute("SELECT conversation_id, seq, from_id, to_id, content FROM v1_messages").fetchall()
    for conversation in {row[0] for row in rows}:
        seqs = sorted(row[1] for row in rows if row[0] == conversation)
        assert seqs == list(range(1, len(seqs) + 1)), (conversation, seqs)
    for view in ("v1_users", "v1_groups", "v1_group_members", "v1_conversations", "v1_schema"):
        database.execute(f"SELECT * FROM {view}").fetchall()
    counts.append(len(rows))
print(json.dumps(counts))
"#;

#[test]
fn views_are_consistent_under_load() {
    let home = Home::new(&[]);
    let server = home.start();
    let api = server.api();
    let accounts = api.import(&["alice", "bob", "carol"].map(String::from));
    api.admin_post(
        "/api/admin/group/create",
        &json!({"id": "g1", "name": "g", "creatorId": "alice", "memberIds": ["bob"]}),
    );
    let stop = AtomicBool::new(false);
    let counts = std::thread::scope(|scope| {
        for (at, target) in [("single", "bob"), ("group", "g1")].into_iter().enumerate() {
            let (mut socket, stop) = (api.connect(&accounts[0].token), &stop);
            scope.spawn(move || {
                let mut n = 0;
                while !stop.load(Ordering::Relaxed) {
                    socket.say(target.0, target.1, &format!("{at}-{n}"), "x");
                    n += 1;
                }
            });
        }
        let output = Command::new("python3")
            .args(["-c", READER])
            .arg(home.database())
            .output()
            .unwrap();
        stop.store(true, Ordering::Relaxed);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Vec<i64>>(&output.stdout).unwrap()
    });
    assert!(
        counts.is_sorted() && counts.first() < counts.last(),
        "the reader saw no progress: {counts:?}"
    );
    let query = "SELECT id, seq, content FROM v1_messages WHERE conversation_id = 'c2' ORDER BY seq LIMIT 5";
    let file = format!("file:{}?mode=ro", home.database().display());
    let rows = Command::new("sqlite3").args(["-json", &file, query]).output().unwrap();
    let rows: Vec<Value> = serde_json::from_slice(&rows.stdout).unwrap();
    let shown = api.whole_history(&accounts[1].token, "single", "alice");
    for (row, message) in rows.iter().zip(&shown) {
        assert_eq!(
            (&row["id"], &row["seq"], &row["content"]),
            (&message["id"], &message["seq"], &message["content"])
        );
    }
    assert!(!rows.is_empty());
}
