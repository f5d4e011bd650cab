//! What an error of SQLite means for the store.

use rusqlite::ffi;

use crate::domain::facts::FactsError;
use crate::store::{QueryFault, StoreError};

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        if is_full(&error) {
            Self::Full(error.to_string())
        } else {
            Self::Fatal(error.to_string())
        }
    }
}

impl From<rusqlite::Error> for FactsError {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<rusqlite::Error> for QueryFault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Whether the disk was full. SQLite says so when a write fails, and with a code of its own when the
/// shared-memory file cannot grow.
fn is_full(error: &rusqlite::Error) -> bool {
    error
        .sqlite_error()
        .is_some_and(|error| error.code == ffi::ErrorCode::DiskFull || error.extended_code == ffi::SQLITE_IOERR_SHMSIZE)
}

/// A value in the file that the program never writes.
pub fn broken(what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, format!("invalid {what}").into())
}
