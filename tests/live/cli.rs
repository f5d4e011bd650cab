//! The sub-commands: the same on a folder alone and beside a live server, and what they refuse.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Api;
use crate::server::Home;

const PATIENCE: Duration = Duration::from_secs(12);

/// What a sub-command has printed, and its exit code.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    #[track_caller]
    fn ok(self) -> String {
        assert_eq!((self.code, &*self.err), (Some(0), ""), "{}", self.out);
        self.out
    }

    #[track_caller]
    fn failed(self, why: &str) {
        assert_eq!(self.code, Some(1), "{}{}", self.out, self.err);
        assert!(
            self.err.starts_with("error: ") && self.err.contains(why),
            "{}",
            self.err
        );
        assert_eq!(self.out, "");
    }
}

/// Runs a sub-command of words without spaces.
fn run(home: &Home, line: &str) -> Said {
    run_with_input(home, line, "")
}

fn run_with_input(home: &Home, line: &str, input: &str) -> Said {
    let words: Vec<&str> = line.split(' ').collect();
    let mut command = home.command(&words);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A sub-command that reads nothing may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said {
        code: output.status.code(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

#[track_caller]
fn json(home: &Home, line: &str) -> Value {
    let out = run(home, &format!("{line} --json")).ok();
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

#[track_caller]
fn items(home: &Home, line: &str) -> Vec<Value> {
    json(home, line)["items"].as_array().unwrap().clone()
}

/// A data folder that a server has made and left.
fn left_behind() -> Home {
    let home = Home::new(&[]);
    let status = home.start().terminate(PATIENCE);
    assert!(status.success());
    home
}

/// Every request of the admin API that is a sub-command.
fn administer(home: &Home) {
    let alice = run(home, "user add alice --id a1 --nickname Alice --password password123").ok();
    assert!(alice.contains("id: a1\n") && alice.contains("createdAt: 20"), "{alice}");
    run(home, "user add alice").failed("username_taken");
    for name in ["bob", "carol"] {
        assert_eq!(json(home, &format!("user add {name}"))["id"], name);
    }
    let table = run(home, "user list").ok();
    assert_eq!((table.lines().count(), table.starts_with("ID")), (4, true), "{table}");
    let token = run(home, "user token bob").ok();
    assert_eq!((token.lines().count(), token.matches('.').count()), (1, 2), "{token}");
    assert_eq!(run(home, "user grant a1 bob").ok(), "done\n");
    run_with_input(home, "user password a1", "another-password\n").ok();
    run_with_input(home, "user password a1 --password -", "short\n").failed("invalid_password");
    run(home, "user ban bob").ok();
    let statuses = |home| {
        items(home, "user list")
            .iter()
            .filter(|user| user["status"] == "banned")
            .count()
    };
    assert_eq!(statuses(home), 1);
    run(home, "user unban bob").ok();
    assert_eq!(statuses(home), 0);
    run(home, "user ban nobody").failed("user nobody: There is no such user: check the id. (user_not_found)");

    assert_eq!(
        json(home, "group create team --owner a1 --id g1 --members bob")["memberCount"],
        2
    );
    run(home, "group add g1 carol").ok();
    assert_eq!(json(home, "group remove g1 bob")["memberCount"], 2);
    assert!(run(home, "group list").ok().contains("g1"));
    run(home, "group add g2 bob").failed("group_not_found");
    run(home, "group dismiss g1").ok();
    assert_eq!(items(home, "group list"), Vec::<Value>::new());

    let before = items(home, "key list").len();
    let key = run(home, "key create --name reader --scopes read,users").ok();
    assert!(key.starts_with("rk_") && key.lines().count() == 1, "{key}");
    let keys = items(home, "key list");
    let made = keys.iter().find(|key| key["name"] == "reader").unwrap();
    assert_eq!((keys.len(), &made["scopes"]), (before + 1, &json!(["users", "read"])));
    run(home, &format!("key revoke {}", made["id"].as_str().unwrap())).ok();
    assert_eq!(items(home, "key list").len(), before);
    run(home, "key create --scopes root").failed("invalid_scopes");

    let webhook = json(
        home,
        "webhook add https://example.com/hook --events new_message --name hook",
    );
    assert!(webhook["secret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!(items(home, "webhook list")[0]["id"], webhook["id"]);
    run(home, "webhook add ftp://example.com/").failed("invalid_url");

    run(home, "user delete carol").ok();
    assert_eq!(items(home, "user list").len(), 2);
}

#[test]
fn requests_work_on_the_folder_alone() {
    let home = left_behind();
    administer(&home);
    run(&home, "webhook test nothing").failed("running server");
    let server = home.start();
    let login = json!({"username": "alice", "password": "another-password"});
    server.api().post("/api/login", "", &login).data();
}

#[test]
fn requests_work_beside_a_live_server() {
    let home = Home::new(&["--webhook-allow-private"]);
    let server = home.start();
    administer(&home);
    let nobody = json(&home, "webhook add http://127.0.0.1:9/");
    let tried = run(&home, &format!("webhook test {}", nobody["id"].as_str().unwrap()));
    assert_eq!(tried.code, Some(1), "{}", tried.err);
    assert!(tried.out.contains("error: connection refused"), "{}", tried.out);
    run(&home, "webhook test nothing").failed("webhook nothing: ");
    let login = json!({"username": "alice", "password": "another-password"});
    server.api().post("/api/login", "", &login).data();
    let names: Vec<String> = (0..250).map(|number| format!("user{number:03}")).collect();
    server.api().import(&names);
    assert_eq!(items(&home, "user list").len(), 252, "all pages");
}

#[test]
fn a_lost_admin_key_is_replaced() {
    let home = left_behind();
    fs::remove_file(home.data().join("admin.key")).unwrap();
    let key = run(&home, "key create").ok();
    let server = home.start();
    server.api().get("/api/admin/users", key.trim_end()).data();
    let beside = run(&home, "key create").ok();
    server.api().get("/api/admin/users", beside.trim_end()).data();
}

#[test]
fn a_wrong_command_line_exits_with_2_and_a_wrong_folder_with_1() {
    let home = Home::new(&[]);
    for line in [
        "user",
        "users list",
        "user ban",
        "group add g",
        "user list --shards 1",
        "backup",
    ] {
        assert_eq!(run(&home, line).code, Some(2), "{line}");
    }
    for line in ["user list", "key create", "backup copy", "check"] {
        run(&home, line).failed("no data of a server");
    }
    assert!(!home.data().exists(), "a wrong folder is not made");
}

/// Sends messages until told to stop; returns how many were acknowledged.
fn chatter(api: &Api, token: &str, stop: &AtomicBool) -> usize {
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        let message =
            json!({"toId": "bob", "chatType": "single", "contentType": "text", "content": format!("{}", sent + 1)});
        api.post("/api/message/send", token, &message).data();
        sent += 1;
    }
    sent
}

/// Takes a backup while messages come in; returns how many were acknowledged before it began and in all.
fn backup_under_traffic(home: &Home, api: &Api, token: &str, file: &Path) -> (usize, usize) {
    let message = json!({"toId": "bob", "chatType": "single", "contentType": "text", "content": "first"});
    let before = api.post("/api/message/send", token, &message).data()["seq"]
        .as_u64()
        .unwrap();
    let stop = AtomicBool::new(false);
    let sent = std::thread::scope(|scope| {
        let sending = scope.spawn(|| chatter(api, token, &stop));
        let said = run(home, &format!("backup {}", file.display()));
        // Before anything can panic: the scope waits for the sender.
        stop.store(true, Ordering::Relaxed);
        said.ok();
        sending.join().unwrap()
    });
    (before as usize, before as usize + sent)
}

#[test]
fn a_backup_of_a_busy_server_is_restored_under_a_new_epoch() {
    let home = Home::new(&[]);
    let file = home.beside("copy.db");
    let server = home.start();
    let api = server.api();
    let (alice, bob) = (api.register("alice"), api.register("bob"));
    let (least, most) = backup_under_traffic(&home, &api, &alice.token, &file);
    run(&home, &format!("backup {}", file.display())).failed("exists already");
    run(&home, &format!("restore {}", file.display())).failed("a server works on");
    let sent = api.whole_history(&alice.token, "single", "bob");
    assert_eq!(sent.len(), most);
    let cursor = api.post("/api/sync", &bob.token, &json!({})).data()["cursor"].clone();
    assert!(server.terminate(PATIENCE).success());

    let restored = json(&home, &format!("restore {}", file.display()));
    let aside = Path::new(restored["before"].as_str().unwrap());
    assert!(aside.join("im.db").exists());
    assert_eq!(json(&home, "check")["faults"], json!([]));
    let server = home.start();
    let api = server.api();
    assert_eq!(
        api.get("/api/user/me", &bob.token).status,
        401,
        "tokens of before are void"
    );
    let login = json!({"username": "bob", "password": "password123"});
    let token = api.post("/api/login", "", &login).data()["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let page = api.post("/api/sync", &token, &json!({"cursor": cursor})).data();
    assert_eq!(page["recovered"], false, "{page}");
    let found = api.whole_history(&token, "single", "alice");
    assert!(
        (least..=most).contains(&found.len()),
        "{} of {least} to {most}",
        found.len()
    );
    assert_eq!(found, sent[..found.len()]);
}

#[test]
fn a_check_is_made_beside_a_server_and_finds_damage_in_a_folder() {
    let home = Home::new(&[]);
    let server = home.start();
    server.api().register("alice");
    assert!(run(&home, "check").ok().contains("v1_users: 1\n"));
    assert_eq!(json(&home, "check")["rows"]["v1_users"], 1);
    assert!(server.terminate(PATIENCE).success());
    assert!(run(&home, "check").ok().ends_with("the databases are sound\n"));
    let im = rusqlite::Connection::open(home.database()).unwrap();
    im.execute_batch("DROP VIEW v1_groups").unwrap();
    drop(im);
    let said = run(&home, "check");
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(
        said.out.contains("fault: im.db: v1_groups cannot be read"),
        "{}",
        said.out
    );
}

#[test]
fn the_version_names_what_a_report_needs() {
    let home = Home::new(&[]);
    let versions = json(&home, "version");
    assert_eq!(versions["ringim"], env!("CARGO_PKG_VERSION"));
    for name in ["sqlite", "kernel", "driver"] {
        assert_ne!(versions[name].as_str().unwrap_or_default(), "", "{name}");
    }
    assert!(
        run(&home, "version")
            .ok()
            .starts_with(concat!("ringim ", env!("CARGO_PKG_VERSION"), "\nsqlite 3."))
    );
}
