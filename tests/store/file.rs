//! What only the file promises: views other programs read, versions, crashes, a full disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ringim::domain::change::Change;
use ringim::domain::command::{Actor, ConversationRef};
use ringim::domain::conversation::Parties;
use ringim::domain::id::{ConversationKey, UserKey};
use ringim::domain::query::{Answer, Query, Window};
use ringim::domain::user::{PasswordHash, TokenId, User};
use ringim::store::sqlite::{OpenError, open, open_with};
use ringim::store::{Backend, StoreError};
use rusqlite::{Connection, OpenFlags};

use crate::random::World;
use crate::sqlite::{SMALL, Sqlite};
use crate::store::{Store, Subject};
use crate::vocabulary::{to_user, user};

/// The file as another program opens it.
fn outside(store: &Store<Sqlite>) -> Connection {
    let path = store.subject.folder().join("im.db");
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("another program opens the file")
}

fn grown(seed: u64, batches: usize) -> (Store<Sqlite>, World) {
    let (mut store, mut world) = (Store::new(Sqlite::new()), World::new(seed));
    for _ in 0..batches {
        let changes = world.batch();
        store.commit(&changes);
        store.subject.backend().maintain(false).expect("maintenance works");
    }
    (store, world)
}

fn strings(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).expect("the view is read");
    let rows = statement.query_map([], |row| row.get(0)).expect("the view is read");
    rows.collect::<Result<_, _>>().expect("the view is read")
}

#[test]
fn views_show_what_the_api_shows() {
    let (mut store, world) = grown(11, 150);
    for settled in [false, true] {
        if settled {
            store.settle();
        }
        let connection = outside(&store);
        for talk in &world.talks {
            let (key, window) = (ConversationKey(talk.key), Window::Range(1, 200));
            let conversation = ConversationRef::Key(key);
            let query = Query::History {
                actor: Actor::Admin,
                conversation,
                window,
                limit: 200,
            };
            let Answer::History(history) = store.answer(&query) else {
                panic!("no history")
            };
            let show = |message: &Arc<ringim::domain::message::Message>| {
                let text = message.body.content.as_str();
                format!(
                    "{} {} {} {} {} {text}",
                    message.id.as_str(),
                    message.seq,
                    message.from_id.as_str(),
                    message.from_name,
                    message.to_id
                )
            };
            let sql = format!(
                "SELECT id || ' ' || seq || ' ' || from_id || ' ' || from_name || ' ' || to_id || ' ' || content
                 FROM v1_messages WHERE conversation_id = '{}' AND seq <= 200 ORDER BY seq",
                key.to_public()
            );
            assert_eq!(
                strings(&connection, &sql),
                history.messages.iter().map(show).collect::<Vec<_>>()
            );
        }
        let total: i64 = world.talks.iter().map(|talk| talk.head).sum();
        let mut ids = strings(&connection, "SELECT id FROM v1_messages");
        ids.sort();
        ids.dedup();
        let count: i64 = connection
            .query_row("SELECT count(*) FROM v1_messages", [], |row| row.get(0))
            .expect("a count");
        assert_eq!((ids.len() as i64, count), (total, total));
    }
}

/// Keys of the accounts that are not deleted.
fn living(connection: &Connection, world: &World) -> Vec<i64> {
    let known = strings(connection, "SELECT id FROM v1_users");
    (1..=world.users)
        .filter(|key| known.contains(&format!("User{key}")))
        .collect()
}

#[test]
fn conversation_view_computes_unread() {
    let (mut store, world) = grown(12, 150);
    let connection = outside(&store);
    for user in living(&connection, &world) {
        let page = ringim::domain::query::Page {
            cursor: None,
            limit: 200,
        };
        let query = Query::Conversations(ringim::domain::id::UserKey(user), page);
        let Answer::Conversations(listed) = store.answer(&query) else {
            panic!("no list")
        };
        let id = format!("User{user}");
        let mut expected: Vec<String> = listed
            .items
            .iter()
            .map(|view| {
                let progress = view.progress.read;
                format!(
                    "{} {} {} {progress} {}",
                    view.conversation.to_public(),
                    view.peer_id,
                    view.head,
                    view.unread()
                )
            })
            .collect();
        expected.sort();
        let sql = format!(
            "SELECT conversation_id || ' ' || peer_id || ' ' || head || ' ' || \"read\" || ' ' || unread
             FROM v1_conversations WHERE user_id = '{id}'"
        );
        let mut shown = strings(&connection, &sql);
        shown.sort();
        assert_eq!(shown, expected, "{id}");
    }
}

#[test]
fn views_find_one_conversation_through_indexes() {
    let (store, _) = grown(13, 100);
    let connection = outside(&store);
    let plan = |sql: &str| {
        let mut statement = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .expect("a plan");
        let rows = statement.query_map([], |row| row.get::<_, String>(3)).expect("a plan");
        rows.collect::<Result<Vec<_>, _>>().expect("a plan").join("\n")
    };
    let messages = plan("SELECT * FROM v1_messages WHERE conversation_id = 'c1' ORDER BY seq");
    assert!(
        messages.matches("conversations_by_public_id").count() == 2,
        "{messages}"
    );
    assert!(
        messages.lines().all(|line| line != "SCAN m" && line != "SCAN c"),
        "{messages}"
    );
    let conversations = plan("SELECT * FROM v1_conversations WHERE user_id = 'User1'");
    assert!(conversations.contains("users_by_id"), "{conversations}");
    assert!(
        conversations.lines().all(|line| line != "SCAN p" && line != "SCAN c"),
        "{conversations}"
    );
}

#[test]
fn a_newer_file_is_refused_and_left_alone() {
    for file in ["im.db", "credentials.db"] {
        let folder = tempfile::TempDir::new().expect("a folder");
        drop(open(folder.path()).expect("an empty folder opens"));
        let connection = Connection::open(folder.path().join(file)).expect("the file opens");
        connection
            .pragma_update(None, "user_version", 1000)
            .expect("a version is set");
        drop(connection);
        assert!(
            matches!(open(folder.path()), Err(OpenError::Newer { found: 1000, .. })),
            "{file}"
        );
    }
}

/// SQLite does not tell how it syncs, but another of the project's flags shows that they reached it.
#[test]
fn sqlite_is_built_with_the_flags_of_the_project() {
    let options = strings(&outside(&Store::new(Sqlite::new())), "PRAGMA compile_options");
    assert!(
        options.iter().any(|option| option == "DEFAULT_MEMSTATUS=0"),
        "{options:?}"
    );
}

#[test]
fn files_have_their_modes() {
    use std::os::unix::fs::PermissionsExt;
    let (store, _) = grown(1, 1);
    for (file, mode) in [
        ("im.db", 0o640),
        ("im.db-wal", 0o640),
        ("credentials.db", 0o600),
        ("credentials.db-wal", 0o600),
    ] {
        let metadata = std::fs::metadata(store.subject.folder().join(file)).expect("the file is there");
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{file}");
    }
}

#[test]
fn rows_of_an_interrupted_merge_are_swept() {
    let (mut store, _) = grown(14, 120);
    store.settle();
    store.subject.close();
    let path = store.subject.folder().join("im.db");
    let connection = Connection::open(&path).expect("the file opens");
    let insert =
        "INSERT INTO message_index SELECT (SELECT max(run) + 5 FROM message_runs), conversation, first_seq, '[1]'
        FROM message_index WHERE run = (SELECT run FROM message_runs LIMIT 1)";
    assert!(connection.execute(insert, []).expect("leftovers are made") > 0);
    drop(connection);
    store.reopen();
    store.settle();
    let strays = "SELECT count(*) FROM message_index WHERE run NOT IN (SELECT run FROM message_runs)";
    assert_eq!(
        outside(&store)
            .query_row(strays, [], |row| row.get::<_, i64>(0))
            .expect("a count"),
        0
    );
}

#[test]
fn a_full_disk_refuses_and_recovers() {
    let (store, world) = grown(15, 60);
    let Some(talk) = world
        .talks
        .iter()
        .find(|talk| matches!(talk.parties, Parties::Pair(..)))
    else {
        panic!("no pair")
    };
    let mut subject = store.subject;
    subject.close();
    let mut backend = open_with(subject.folder(), SMALL).expect("the folder opens again");
    let mut reader = backend.reader().expect("a reader opens");
    backend.limit_pages(Some(0)).expect("the file cannot grow");
    let said = |seq: i64| {
        let mut message = to_user(
            world.position + seq,
            talk.key,
            talk.head + seq,
            talk.users[0],
            talk.users[1],
        );
        Arc::make_mut(&mut message.body).content = ringim::domain::message::Content::Text("x".repeat(9_000).into());
        Change::PutMessage(Arc::new(message))
    };
    let mut accepted = 0;
    let refused = loop {
        backend.begin().expect("a batch begins");
        let result = backend.write(&said(accepted + 1)).and_then(|()| backend.commit());
        let Err(error) = result else {
            accepted += 1;
            assert!(accepted < 1_000, "the file never got full");
            continue;
        };
        backend.rollback();
        backend.maintain(true).expect("a full disk does not stop maintenance");
        break error;
    };
    assert!(matches!(refused, StoreError::Full(_)), "{refused}");
    let window = Window::Newest;
    let conversation = ConversationRef::Key(ConversationKey(talk.key));
    let query = Query::History {
        actor: Actor::Admin,
        conversation,
        window,
        limit: 1,
    };
    let mut newest = || match ringim::store::Reader::answer(&mut reader, &query) {
        Ok(Answer::History(history)) => history.messages[0].seq,
        other => panic!("{other:?}"),
    };
    assert_eq!(newest(), talk.head + accepted);
    backend.limit_pages(None).expect("there is room again");
    backend.begin().expect("a batch begins");
    backend.write(&said(accepted + 1)).expect("a change is written");
    backend.commit().expect("the batch commits");
    assert_eq!(newest(), talk.head + accepted + 1);
}

#[test]
fn readers_see_whole_commits_under_load() {
    let (mut store, world) = grown(16, 60);
    let Some(talk) = world
        .talks
        .iter()
        .find(|talk| matches!(talk.parties, Parties::Pair(..)))
        .cloned()
    else {
        panic!()
    };
    let stop = Arc::new(AtomicBool::new(false));
    let mut reader = store.subject.reader();
    let watching = {
        let (stop, key) = (Arc::clone(&stop), ConversationKey(talk.key));
        std::thread::spawn(move || {
            let (mut newest, mut pages) = (0, 0);
            while !stop.load(Ordering::Relaxed) {
                let (conversation, window) = (ConversationRef::Key(key), Window::Newest);
                let query = Query::History {
                    actor: Actor::Admin,
                    conversation,
                    window,
                    limit: 40,
                };
                let Ok(Answer::History(history)) = reader.answer(&query) else {
                    panic!("no page")
                };
                let seqs: Vec<i64> = history.messages.iter().map(|message| message.seq).collect();
                assert!(seqs.windows(2).all(|pair| pair[1] == pair[0] + 1), "{seqs:?}");
                let last = seqs.last().copied().unwrap_or(0);
                // Batches are of two: an odd rest would be half a commit.
                assert!(last >= newest && (last - talk.head) % 2 == 0, "{newest} then {last}");
                newest = last;
                pages += 1;
            }
            pages
        })
    };
    for round in 0..400 {
        let said = |half: i64| {
            let seq = round * 2 + half;
            Change::PutMessage(Arc::new(to_user(
                world.position + seq,
                talk.key,
                talk.head + seq,
                talk.users[0],
                talk.users[1],
            )))
        };
        store.commit(&[said(1), said(2)]);
        store
            .subject
            .backend()
            .maintain(round % 5 == 0)
            .expect("maintenance works");
    }
    stop.store(true, Ordering::Relaxed);
    assert!(watching.join().expect("the reader saw whole commits") > 0);
}

#[test]
fn closing_empties_the_wal_although_readers_stay() {
    let (mut store, _) = grown(12, 20);
    let wal = store.subject.folder().join("im.db-wal");
    assert!(wal.metadata().expect("there is a WAL").len() > 0);
    store.subject.backend().prepare();
    store.subject.backend().close().expect("the files can be tidied");
    assert_eq!(wal.metadata().expect("the reader keeps the file").len(), 0);
}

#[test]
fn the_wal_begins_anew_under_a_writer_that_is_prepared() {
    const MIB: i64 = 1 << 20;
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let mut backend = open_with(folder.path(), SMALL).expect("the folder opens");
    for key in 1..=3 {
        backend.begin().expect("a batch begins");
        let mut account = user(key);
        account.avatar = Some("a".repeat(5 * MIB as usize).into());
        backend
            .write(&Change::PutUser(Arc::new(account)))
            .expect("a change is written");
        backend.commit().expect("the batch commits");
        let wal = backend.wal_bytes();
        assert!((5 * MIB..6 * MIB).contains(&wal), "account {key}: {wal} bytes");
        backend.prepare();
        while backend.maintain(true).expect("maintenance works") {}
        backend.prepare();
    }
}

/// What `credentials.db` holds for account 1.
fn password(folder: &std::path::Path) -> String {
    let connection = Connection::open(folder.join("credentials.db")).expect("the file opens");
    strings(&connection, "SELECT hash FROM passwords WHERE user = 1").concat()
}

#[test]
fn a_full_disk_leaves_the_password_of_before() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let mut backend = open_with(folder.path(), SMALL).expect("the folder opens");
    let commit = |backend: &mut ringim::store::sqlite::SqliteBackend, user: User, hash: &str| {
        backend.begin()?;
        let written = backend
            .write(&Change::PutPassword(UserKey(1), PasswordHash(hash.into())))
            .and_then(|()| backend.write(&Change::PutUser(Arc::new(user))))
            .and_then(|()| backend.commit());
        written.inspect_err(|_| backend.rollback())
    };
    commit(&mut backend, user(1), "before").expect("there is room");
    // The transaction of `im.db` waits for its commit to fail: this constraint is looked at only then.
    let other = Connection::open(folder.path().join("im.db")).expect("the file opens");
    other
        .execute_batch(
            "CREATE TABLE refused (key INTEGER REFERENCES users (key) DEFERRABLE INITIALLY DEFERRED);
             CREATE TRIGGER refuse AFTER UPDATE ON users BEGIN INSERT INTO refused VALUES (99); END;",
        )
        .expect("the commit is made to fail");
    commit(&mut backend, user(1), "after").expect_err("the commit fails");
    assert_eq!(password(folder.path()), "before");
    other.execute_batch("DROP TRIGGER refuse").expect("commits succeed");
    commit(&mut backend, user(1), "after").expect("the commit succeeds");
    assert_eq!(password(folder.path()), "after");
}

#[test]
fn revoked_tokens_that_have_ended_are_forgotten() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let mut backend = open_with(folder.path(), SMALL).expect("the folder opens");
    let revoke = |token: TokenId, expires_at| Change::PutRevokedToken {
        user: UserKey(1),
        token,
        expires_at,
    };
    let mut left = |change: Change| {
        backend.begin().expect("a batch begins");
        backend.write(&change).expect("a change is written");
        backend.commit().expect("the batch commits");
        let connection = Connection::open(folder.path().join("im.db")).expect("the file opens");
        strings(&connection, "SELECT token FROM revoked_tokens ORDER BY token").join(" ")
    };
    let (valid, ended) = (TokenId([1; 16]), TokenId([2; 16]));
    assert_eq!(left(revoke(valid, i64::MAX)), valid.to_hex());
    assert_eq!(left(revoke(ended, 1)), valid.to_hex());
}
