//! Opens the two files of a data folder: creates them, brings them to this version, and puts right what a
//! crash has left half-done.

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};

use super::backend::{Batch, SqliteBackend};
use super::change;
use super::checkpoint::Checkpoints;
use super::rows;
use super::tail::{Entry, SharedTail};
use super::upkeep::{Sizes, Upkeep};
use crate::domain::facts::FactSource;

/// Why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file was written by a newer program.
    #[error("{file} has version {found}, this program knows {known}: use a newer ringim or restore a backup")]
    Newer {
        /// Which file.
        file: PathBuf,
        /// Its version.
        found: i64,
        /// The newest known here.
        known: i64,
    },
    /// SQLite of this version can lose commits when a checkpoint and a commit coincide.
    #[error("the program was built with SQLite {0}; it needs 3.51.3 or newer")]
    OldSqlite(&'static str),
    /// The file cannot be created.
    #[error("{0} cannot be created: {1}")]
    Create(PathBuf, std::io::Error),
    /// The file cannot be used.
    #[error("{0} cannot be opened: {1}")]
    Sqlite(PathBuf, rusqlite::Error),
    /// What is in the file cannot be used.
    #[error("the database is damaged: {0}")]
    Damaged(String),
}

/// The steps that lead from an empty `im.db` to the present one; its version counts them.
const IM_STEPS: &[&str] = &[include_str!("im.sql")];
/// The same for `credentials.db`.
const CREDENTIALS_STEPS: &[&str] = &[include_str!("credentials.sql")];

/// Other programs of the group may read it.
pub(super) const IM_MODE: u32 = 0o640;

/// Secrets are for the server alone.
pub(super) const CREDENTIALS_MODE: u32 = 0o600;

/// Pages the writer keeps in memory, in negative KiB. It appends, so that more would only push each other out of
/// the processor's cache.
const IM_CACHE: i64 = -16_384;

/// The same where little is read.
const LITTLE_CACHE: i64 = -1_024;

/// Milliseconds a connection waits for another program's lock.
const LOCK_WAIT_MS: u64 = 5_000;

/// Bytes to which SQLite cuts the WAL when it starts it anew.
const WAL_BYTES: i64 = 128 << 20;

/// Where the two files are.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub im: PathBuf,
    pub credentials: PathBuf,
}

impl Place {
    /// The files of a data folder.
    pub fn of(folder: &Path) -> Self {
        Self {
            im: folder.join("im.db"),
            credentials: folder.join("credentials.db"),
        }
    }
}

/// Opens the store in a folder that exists, creating what is missing.
///
/// # Errors
/// See [`OpenError`].
pub fn open(folder: &Path) -> Result<SqliteBackend, OpenError> {
    open_with(folder, Sizes::default())
}

/// [`open`] with other sizes: tests see many merges in few messages.
///
/// # Errors
/// See [`OpenError`].
pub fn open_with(folder: &Path, sizes: Sizes) -> Result<SqliteBackend, OpenError> {
    if rusqlite::version_number() < 3_051_003 {
        return Err(OpenError::OldSqlite(rusqlite::version()));
    }
    let place = Place::of(folder);
    let mut im = open_file(&place.im, IM_MODE, IM_STEPS, IM_CACHE)?;
    let credentials = open_file(&place.credentials, CREDENTIALS_MODE, CREDENTIALS_STEPS, LITTLE_CACHE)?;
    let sql_error = |error| OpenError::Sqlite(place.im.clone(), error);
    im.execute_batch(include_str!("views.sql")).map_err(sql_error)?;
    sweep_new_secrets(&im, &credentials).map_err(sql_error)?;
    sweep_deleted(&im, &credentials).map_err(sql_error)?;
    change::drop_ended_tokens(&im, i64::MAX).map_err(sql_error)?;
    let tail = Arc::new(SharedTail::default());
    let checkpoints = Checkpoints::watch(&mut im).map_err(sql_error)?;
    let upkeep = Upkeep::load(&im, sizes, checkpoints).map_err(sql_error)?;
    let mut backend = SqliteBackend {
        im,
        credentials,
        tail,
        batch: Batch::default(),
        upkeep,
        place: place.clone(),
        ahead: Vec::new(),
    };
    load_tail(&mut backend)?;
    Ok(backend)
}

fn open_file(path: &Path, mode: u32, steps: &[&str], cache_size: i64) -> Result<Connection, OpenError> {
    let create = || -> std::io::Result<()> {
        // The mode counts from the first moment, whatever the umask; WAL and shared memory inherit it.
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(mode)
            .open(path)?;
        file.set_permissions(Permissions::from_mode(mode))
    };
    if !path.exists() {
        create().map_err(|error| OpenError::Create(path.into(), error))?;
    }
    let sql_error = |error| OpenError::Sqlite(path.into(), error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(sql_error)?;
    let found = version(&connection).map_err(sql_error)?;
    if found > steps.len() as i64 {
        return Err(OpenError::Newer {
            file: path.into(),
            found,
            known: steps.len() as i64,
        });
    }
    configure(&connection, cache_size)
        .and_then(|()| migrate(&mut connection, steps))
        .map_err(sql_error)?;
    Ok(connection)
}

/// One more writing connection to `im.db`, for checkpoints alone.
pub(super) fn connect_again(place: &Place) -> Result<Connection, OpenError> {
    open_file(&place.im, IM_MODE, IM_STEPS, LITTLE_CACHE)
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// `cache_size` as SQLite takes it: negative KiB.
fn configure(connection: &Connection, cache_size: i64) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_millis(LOCK_WAIT_MS))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES)?;
    connection.pragma_update(None, "cache_size", cache_size)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(())
}

/// Each step and its version are one transaction.
fn migrate(connection: &mut Connection, steps: &[&str]) -> rusqlite::Result<()> {
    let found = version(connection)?;
    for (index, step) in steps.iter().enumerate().skip(found.max(0) as usize) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", index as i64 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Removes secrets that were committed for a batch which a crash kept from `im.db`: those of accounts and
/// webhooks it does not know. Keys of lost accounts will be given again, so this comes before.
fn sweep_new_secrets(im: &Connection, credentials: &Connection) -> rusqlite::Result<()> {
    let newest: i64 = im.query_row("SELECT coalesce(max(key), 0) FROM users", [], |row| row.get(0))?;
    credentials.execute("DELETE FROM passwords WHERE user > ?1", [newest])?;
    let known = rows::all(im, "SELECT webhook FROM webhook_positions", [], |row| {
        row.get::<_, String>(0)
    })?;
    for id in rows::all(credentials, "SELECT id FROM webhooks", [], |row| {
        row.get::<_, String>(0)
    })? {
        if !known.contains(&id) {
            credentials.execute("DELETE FROM webhooks WHERE id = ?1", [id])?;
        }
    }
    Ok(())
}

/// Removes the passwords of deleted accounts that a crash has left.
fn sweep_deleted(im: &Connection, credentials: &Connection) -> rusqlite::Result<()> {
    let deleted = rows::all(im, "SELECT key FROM users WHERE status = 'deleted'", [], |row| {
        row.get::<_, i64>(0)
    })?;
    for user in deleted {
        credentials
            .prepare_cached("DELETE FROM passwords WHERE user = ?1")?
            .execute([user])?;
    }
    Ok(())
}

/// Reads back the part of the log whose heads were not flushed.
fn load_tail(backend: &mut SqliteBackend) -> Result<(), OpenError> {
    let sql_error = |error| OpenError::Sqlite(backend.place.im.clone(), error);
    let sql = "SELECT m.conversation, m.seq, m.position, m.sender, m.sent_at,
            (SELECT group_key IS NOT NULL FROM conversations WHERE key = m.conversation)
        FROM messages m WHERE m.position > (SELECT flushed_position FROM meta) ORDER BY m.position";
    let read = |row: &rusqlite::Row| {
        Ok(Entry {
            conversation: row.get(0)?,
            seq: row.get(1)?,
            position: row.get(2)?,
            sender: row.get(3)?,
            sent_at: row.get(4)?,
            in_group: row.get(5)?,
        })
    };
    let entries = rows::all(&backend.im, sql, [], read).map_err(sql_error)?;
    let head = backend
        .counters()
        .map_err(|error| OpenError::Damaged(error.0))?
        .position;
    backend.tail.change(|tail| tail.append(entries, head));
    backend.upkeep.count_tail(&backend.tail);
    Ok(())
}
