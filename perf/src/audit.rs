//! Compares the book with the database, after the server has stopped.

use std::collections::HashSet;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::error::Result;
use crate::load::book::Book;
use crate::report::Faults;

/// Reads the stable views (contract section 5) and counts what contradicts the books.
pub fn compare(database: &Path, books: &[Book]) -> Result<Faults> {
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut faults = Faults::default();
    let mut acked_and_stored = 0;
    let mut seen = HashSet::new();
    let mut statement = connection.prepare("SELECT id FROM v1_messages")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id = row.get_ref(0)?.as_str()?;
        let acked = books.iter().find_map(|book| book.was_acked(id.as_bytes()));
        let first = seen.insert(id.to_owned());
        match acked {
            Some(acked) if first => acked_and_stored += u64::from(acked),
            _ => faults.wrongly_stored += 1,
        }
    }
    let acked: u64 = books.iter().map(Book::total_acked).sum();
    faults.not_stored = acked.saturating_sub(acked_and_stored);
    let gapped: i64 = connection.query_row(
        "SELECT count(*) FROM (SELECT 1 FROM v1_messages GROUP BY conversation_id
         HAVING min(seq) <> 1 OR max(seq) <> count(*) OR count(DISTINCT seq) <> count(*))",
        [],
        |row| row.get(0),
    )?;
    faults.gapped = gapped.unsigned_abs();
    Ok(faults)
}
