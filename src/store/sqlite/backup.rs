//! A backup is a copy of `im.db` that carries the bytes of `credentials.db` in one more table. So it is one file,
//! and a database like any other: its views can be read, and SQLite can check it.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::{Connection, MAIN_DB, OpenFlags};

use super::check::check;
use super::moment::Moment;
use super::open::{self, CREDENTIALS_MODE, IM_MODE, OpenError, Place};

/// Pages copied without a break.
const PAGES_PER_STEP: i32 = 1024;

/// The break in which the disk is left to the writer.
const BREAK: Duration = Duration::from_millis(1);

/// Where a restore prepares the new files, inside the data folder.
const STAGING: &str = "restoring";

/// Why there is no backup, or no restore. The folder is then as it was.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file cannot be made, read or moved.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    /// The databases cannot be copied.
    #[error("the databases cannot be copied: {0}")]
    Copy(#[from] rusqlite::Error),
    /// The file is something else, or half a backup.
    #[error("{0} is no backup of ringim: {1}")]
    NotABackup(PathBuf, rusqlite::Error),
    /// What is in it cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What is in it is damaged.
    #[error("the backup is damaged: {0}")]
    Damaged(String),
}

impl BackupError {
    /// Whether there was no room.
    pub fn is_full(&self) -> bool {
        match self {
            Self::File(_, error) => error.kind() == io::ErrorKind::StorageFull,
            Self::Copy(error) => error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull),
            Self::NotABackup(..) | Self::Open(_) | Self::Damaged(_) => false,
        }
    }
}

/// Copies both databases of a folder, as they are at one moment, into a new file that only its owner reads.
/// Commits go on meanwhile.
///
/// # Errors
/// See [`BackupError`]; there is no file then, unless there was one before.
pub fn backup(folder: &Path, file: &Path) -> Result<(), BackupError> {
    let failed = |error| BackupError::File(file.into(), error);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(CREDENTIALS_MODE);
    options.open(file).map_err(failed)?;
    copy(&Place::of(folder), file).inspect_err(|_| {
        // The first fault is the one to tell.
        let _ = fs::remove_file(file);
    })?;
    file.parent().map_or(Ok(()), sync_folder).map_err(failed)
}

fn copy(place: &Place, file: &Path) -> Result<(), BackupError> {
    let Moment { im, mut credentials } = Moment::take(place)?;
    let mut copy = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // What is only begun is thrown away whole, so there is nothing to undo.
    copy.pragma_update(None, "journal_mode", "OFF")?;
    Backup::new(&im, &mut copy)?.run_to_completion(PAGES_PER_STEP, BREAK, None)?;
    // The copy says of itself that it has a write-ahead log; it is to be one file.
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    let secrets = credentials.serialize(MAIN_DB)?;
    copy.execute_batch("CREATE TABLE backup (credentials BLOB NOT NULL) STRICT")?;
    copy.execute("INSERT INTO backup VALUES (?1)", [&*secrets])?;
    Ok(())
}

/// Brings a backup into a folder that no server works on; a new epoch makes clients drop what they have.
/// Databases that are there are kept in a sub-folder, which is returned.
///
/// # Errors
/// See [`BackupError`]; the present databases stay in place then.
pub fn restore(file: &Path, folder: &Path) -> Result<Option<PathBuf>, BackupError> {
    let staging = folder.join(STAGING);
    let failed = |error| BackupError::File(staging.clone(), error);
    if staging.exists() {
        fs::remove_dir_all(&staging).map_err(failed)?;
    }
    fs::create_dir(&staging).map_err(failed)?;
    let prepared = unpack(file, &Place::of(&staging)).and_then(|()| prove(&staging));
    if let Err(error) = prepared {
        fs::remove_dir_all(&staging).map_err(failed)?;
        return Err(error);
    }
    let aside = set_aside(folder).map_err(|error| BackupError::File(folder.into(), error))?;
    move_files(&staging, folder).map_err(failed)?;
    fs::remove_dir_all(&staging).map_err(failed)?;
    Ok(aside)
}

fn unpack(file: &Path, place: &Place) -> Result<(), BackupError> {
    fs::copy(file, &place.im).map_err(|error| BackupError::File(file.into(), error))?;
    set_mode(&place.im, IM_MODE)?;
    let no_backup = |error| BackupError::NotABackup(file.into(), error);
    let im = Connection::open_with_flags(&place.im, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(no_backup)?;
    let secrets: Vec<u8> = im
        .query_row("SELECT credentials FROM backup", [], |row| row.get(0))
        .map_err(no_backup)?;
    let failed = |error| BackupError::File(place.credentials.clone(), error);
    fs::write(&place.credentials, secrets).map_err(failed)?;
    set_mode(&place.credentials, CREDENTIALS_MODE)?;
    File::open(&place.credentials)
        .and_then(|file| file.sync_all())
        .map_err(failed)?;
    im.execute_batch("BEGIN; DROP TABLE backup; UPDATE meta SET epoch = lower(hex(randomblob(16))); COMMIT;")?;
    Ok(())
}

fn set_mode(path: &Path, mode: u32) -> Result<(), BackupError> {
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(|error| BackupError::File(path.into(), error))
}

/// Opens and checks what was unpacked, so that nothing present is given up for something unusable.
fn prove(staging: &Path) -> Result<(), BackupError> {
    drop(open::open(staging)?);
    match check(staging).faults.first() {
        Some(fault) => Err(BackupError::Damaged(fault.clone())),
        None => Ok(()),
    }
}

/// Moves the present databases, if there are any, into a new sub-folder.
fn set_aside(folder: &Path) -> io::Result<Option<PathBuf>> {
    let place = Place::of(folder);
    if !place.im.exists() && !place.credentials.exists() {
        return Ok(None);
    }
    let free = (1..).map(|number| folder.join(format!("replaced-{number}")));
    let aside = free
        .into_iter()
        .find(|path| !path.exists())
        .expect("numbers do not end");
    fs::create_dir(&aside)?;
    fs::set_permissions(&aside, Permissions::from_mode(0o700))?;
    move_files(folder, &aside)?;
    Ok(Some(aside))
}

/// Moves the databases with what SQLite keeps beside them; `im.db` last, since a folder without it is empty to
/// everybody.
fn move_files(from: &Path, to: &Path) -> io::Result<()> {
    for database in ["credentials.db", "im.db"] {
        for beside in ["-wal", "-shm", ""] {
            let name = format!("{database}{beside}");
            if from.join(&name).exists() {
                fs::rename(from.join(&name), to.join(&name))?;
            }
        }
    }
    sync_folder(to)?;
    sync_folder(from)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    File::open(folder)?.sync_all()
}
