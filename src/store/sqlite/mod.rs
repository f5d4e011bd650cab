//! The store in two SQLite files: `im.db`, which other programs may read, and `credentials.db`.
//!
//! The log is appended to without any index on random keys; the order of conversations is built from it
//! in sorted runs, so that the cost of a message stays the same while the file grows.

mod backend;
mod backup;
mod change;
mod check;
mod checkpoint;
mod error;
mod facts;
mod former;
mod integers;
mod messages;
mod moment;
mod open;
mod order;
mod reader;
mod rows;
mod tail;
mod upkeep;
mod webhooks;

pub use backend::SqliteBackend;
pub use backup::{BackupError, backup, restore};
pub use check::{Report, check};
pub use checkpoint::Checkpointer;
pub use open::{OpenError, open, open_with};
pub use reader::SqliteReader;
pub use upkeep::Sizes;

/// The version of SQLite in this program.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}
