//! The store in two SQLite files: `im.db`, which other programs may read, and `credentials.db`.
//!
//! The log is appended to without any index on random keys; the order of conversations is built from it
//! in sorted runs, so that the cost of a message stays the same while the file grows.

mod backend;
mod change;
mod error;
mod facts;
mod integers;
mod messages;
mod open;
mod order;
mod reader;
mod rows;
mod tail;
mod upkeep;
mod webhooks;

pub use backend::SqliteBackend;
pub use open::{OpenError, open};
pub use reader::SqliteReader;
