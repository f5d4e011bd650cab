//! Both files as they were at one moment, whatever is committed meanwhile.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::open::Place;

/// Read-only connections that hold a snapshot each; the two belong together.
pub struct Moment {
    /// `im.db`.
    pub im: Connection,
    /// `credentials.db`. At most one batch ahead of `im.db`, as after a crash.
    pub credentials: Connection,
}

impl Moment {
    /// Takes the two snapshots anew until no secret was committed between them.
    pub fn take(place: &Place) -> rusqlite::Result<Self> {
        let witness = read_only(&place.credentials)?;
        loop {
            let before = data_version(&witness)?;
            let credentials = snapshot(&place.credentials)?;
            let im = snapshot(&place.im)?;
            if data_version(&witness)? == before {
                return Ok(Self { im, credentials });
            }
        }
    }
}

fn read_only(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
}

/// The snapshot begins with the first read, and ends with the connection.
fn snapshot(path: &Path) -> rusqlite::Result<Connection> {
    let connection = read_only(path)?;
    connection.execute_batch("BEGIN")?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

/// Changes when another connection has committed.
fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA data_version", [], |row| row.get(0))
}
