//! Backups of a store in use, what restoring them brings back, and what a check finds.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ringim::domain::change::Change;
use ringim::domain::conversation::Parties;
use ringim::domain::id::UserKey;
use ringim::domain::user::PasswordHash;
use ringim::store::Backend;
use ringim::store::sqlite::{BackupError, SqliteBackend, backup, check, open, restore};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::vocabulary::{conversation, participant, to_user, user};

fn commit(backend: &mut SqliteBackend, changes: &[Change]) {
    backend.begin().expect("a batch begins");
    for change in changes {
        backend.write(change).expect("a change is written");
    }
    backend.commit().expect("a batch commits");
}

/// Two users with passwords, and a conversation of three messages.
fn filled(folder: &Path) -> SqliteBackend {
    let mut backend = open(folder).expect("an empty folder opens");
    let mut changes: Vec<Change> = (1..=2).map(|key| Change::PutUser(Arc::new(user(key)))).collect();
    changes.extend((1..=2).map(|key| password(key, "old")));
    changes.push(conversation(1, Parties::pair(UserKey(1), UserKey(2))));
    changes.extend((1..=2).map(|user| participant(1, user, 1)));
    changes.extend((1..=3).map(say));
    commit(&mut backend, &changes);
    backend
}

fn say(seq: i64) -> Change {
    Change::PutMessage(Arc::new(to_user(1 + seq, 1, seq, 1, 2)))
}

fn password(user: i64, hash: &str) -> Change {
    Change::PutPassword(UserKey(user), PasswordHash(hash.into()))
}

fn number(database: &Path, sql: &str) -> i64 {
    let connection = Connection::open(database).expect("a database");
    connection.query_row(sql, [], |row| row.get(0)).expect("a number")
}

const MESSAGES: &str = "SELECT count(*) FROM v1_messages";
const OLD_PASSWORDS: &str = "SELECT count(*) FROM passwords WHERE hash = 'old'";

#[test]
fn a_backup_brings_back_both_databases_under_a_new_epoch() {
    let home = TempDir::new().expect("a temporary folder");
    let (data, file) = (home.path().join("data"), home.path().join("im.backup"));
    fs::create_dir(&data).expect("a folder");
    let mut backend = filled(&data);
    let epoch = backend.epoch().expect("an epoch");
    backup(&data, &file).expect("a backup beside the writer");
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(home.path()).expect("readable").count(), 2, "one file");
    assert_eq!(number(&file, MESSAGES), 3, "a backup is a database like any other");

    commit(&mut backend, &[say(4), password(1, "new")]);
    drop(backend);
    let aside = restore(&file, &data).expect("restored").expect("there were databases");
    assert_eq!(number(&data.join("im.db"), MESSAGES), 3);
    assert_eq!(number(&data.join("credentials.db"), OLD_PASSWORDS), 2);
    assert_eq!(number(&aside.join("im.db"), MESSAGES), 4, "what was there is kept");
    assert_eq!(check(&data).faults, [""; 0]);
    let restored = open(&data).expect("it opens");
    assert_ne!(restored.epoch().expect("an epoch"), epoch);
    assert!(!data.join("restoring").exists());
    let mode = |name: &str| fs::metadata(data.join(name)).expect("a file").permissions().mode() & 0o777;
    assert_eq!((mode("im.db"), mode("credentials.db")), (0o640, 0o600));
}

/// Ends the writer when the test ends, also by a failed assertion.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Each batch adds an account, its password and a message.
fn grow(mut backend: SqliteBackend, stop: &AtomicBool) {
    for step in 3.. {
        let account = Change::PutUser(Arc::new(user(step)));
        commit(&mut backend, &[account, password(step, "old"), say(step + 1)]);
        if stop.load(Ordering::Relaxed) {
            return;
        }
    }
}

#[test]
fn a_backup_while_secrets_and_messages_change_is_of_one_moment() {
    let home = TempDir::new().expect("a temporary folder");
    let data = home.path().join("data");
    fs::create_dir(&data).expect("a folder");
    let backend = filled(&data);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| grow(backend, &stop));
        let _stop = Stop(&stop);
        for round in 0..5 {
            let file = home.path().join(format!("{round}.backup"));
            let fresh = home.path().join(format!("{round}"));
            fs::create_dir(&fresh).expect("a folder");
            backup(&data, &file).expect("a backup");
            assert_eq!(restore(&file, &fresh).expect("restored"), None);
            assert_eq!(check(&fresh).faults, [""; 0]);
            let users = number(&fresh.join("im.db"), "SELECT count(*) FROM v1_users");
            assert_eq!(number(&fresh.join("im.db"), MESSAGES), users + 1);
            assert_eq!(number(&fresh.join("credentials.db"), OLD_PASSWORDS), users);
        }
    });
}

#[test]
fn nothing_is_overwritten_and_nothing_unusable_is_restored() {
    let home = TempDir::new().expect("a temporary folder");
    let (data, file) = (home.path().join("data"), home.path().join("im.backup"));
    fs::create_dir(&data).expect("a folder");
    drop(filled(&data));
    fs::write(&file, "precious").expect("written");
    assert!(matches!(backup(&data, &file), Err(BackupError::File(..))));
    assert_eq!(fs::read_to_string(&file).expect("still there"), "precious");
    assert!(matches!(restore(&file, &data), Err(BackupError::NotABackup(..))));
    assert!(matches!(
        restore(&data.join("im.db"), &data),
        Err(BackupError::NotABackup(..))
    ));
    assert!(matches!(
        restore(&home.path().join("absent"), &data),
        Err(BackupError::File(..))
    ));

    fs::remove_file(&file).expect("ours");
    backup(&data, &file).expect("a backup");
    let damaged = Connection::open(&file).expect("a database");
    damaged
        .execute_batch("DELETE FROM messages WHERE seq = 2")
        .expect("deleted");
    drop(damaged);
    assert!(matches!(restore(&file, &data), Err(BackupError::Damaged(..))));
    assert_eq!(number(&data.join("im.db"), MESSAGES), 3);
    assert!(!data.join("restoring").exists() && !data.join("replaced-1").exists());
}

#[test]
fn a_check_finds_each_kind_of_damage() {
    for (damage, found) in [
        ("DELETE FROM messages WHERE seq = 2", "seqs are not 1, 2, 3"),
        ("UPDATE messages SET seq = 2 WHERE seq = 3", "seqs are not 1, 2, 3"),
        ("UPDATE conversations SET head = 9", "seqs are not 1, 2, 3"),
        ("UPDATE messages SET sender = 77 WHERE seq = 3", "views do not show"),
        ("DELETE FROM users WHERE key = 2", "conversations of unknown users"),
        ("INSERT INTO members VALUES (5, 1, 'member', 0)", "members without"),
        (
            "INSERT INTO participants (user, conversation, since_position) VALUES (1, 9, 0)",
            "participants without",
        ),
        (
            "INSERT INTO groups VALUES (1, 'g', 'g', 7, 'open', 0, 0, 0, 1)",
            "groups without an owner",
        ),
        (
            "INSERT INTO groups VALUES (1, 'g', 'g', 1, 'open', 3, 0, 0, 1)",
            "member count",
        ),
        ("DROP VIEW v1_users", "v1_users cannot be read"),
    ] {
        let data = TempDir::new().expect("a temporary folder");
        drop(filled(data.path()));
        assert_eq!(check(data.path()).faults, [""; 0]);
        let im = Connection::open(data.path().join("im.db")).expect("a database");
        im.execute_batch(damage).expect("damaged");
        let faults = check(data.path()).faults;
        assert!(faults.iter().any(|fault| fault.contains(found)), "{damage}: {faults:?}");
    }
}

#[test]
fn a_check_finds_damaged_pages_of_either_file() {
    for name in ["im.db", "credentials.db"] {
        let data = TempDir::new().expect("a temporary folder");
        drop(filled(data.path()));
        let mut bytes = fs::read(data.path().join(name)).expect("readable");
        bytes[4096..4608].fill(0xff);
        fs::write(data.path().join(name), bytes).expect("written");
        let report = check(data.path());
        assert!(!report.faults.is_empty(), "{name}");
    }
}
