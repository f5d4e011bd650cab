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
    let acked: u64 = books.iter().map(|book| book.total.acked).sum();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::client::Transport;
    use crate::load::message_id::MessageIds;
    use crate::load::sender::{Room, Sender};
    use crate::load::wire::Template;

    /// A book of three acked messages, and their ids.
    fn book() -> (Book, Vec<String>) {
        let room = Room {
            first_client: 0,
            members: 2,
        };
        let sender = Sender::new(0, room, Template::new(Transport::Http, "u", "single", ""));
        let mut book = Book::new(MessageIds::random(), 0, vec![sender], 2);
        let mut body = Vec::new();
        let ids: Vec<String> = (0..3)
            .map(|_| {
                book.compose(0, 0, true, &mut body);
                let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
                value["id"].as_str().unwrap().to_owned()
            })
            .collect();
        for (id, seq) in ids.iter().zip(1..) {
            book.acked(0, id.as_bytes(), seq, 0, true);
        }
        (book, ids)
    }

    fn faults(book: Book, rows: &[(&str, i64)]) -> Faults {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("im.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch("CREATE TABLE v1_messages (id TEXT, conversation_id TEXT, seq INTEGER)")
            .unwrap();
        for row in rows {
            connection
                .execute("INSERT INTO v1_messages VALUES (?1, 'c', ?2)", *row)
                .unwrap();
        }
        compare(&path, &[book]).unwrap()
    }

    #[test]
    fn what_contradicts_the_book_is_counted() {
        let none = Faults::default();
        let (sound, ids) = book();
        let rows = [(ids[0].as_str(), 1), (&ids[1], 2), (&ids[2], 3)];
        assert_eq!(faults(sound, &rows), none);

        let (missing, ids) = book();
        let rows = [(ids[0].as_str(), 1), (&ids[1], 2)];
        assert_eq!(
            faults(missing, &rows),
            Faults {
                not_stored: 1,
                ..none.clone()
            }
        );

        let (twice, ids) = book();
        let rows = [
            (ids[0].as_str(), 1),
            (&ids[1], 2),
            (&ids[2], 3),
            (&ids[2], 4),
            ("stranger", 5),
        ];
        assert_eq!(
            faults(twice, &rows),
            Faults {
                wrongly_stored: 2,
                ..none.clone()
            }
        );

        let (gapped, ids) = book();
        let rows = [(ids[0].as_str(), 1), (&ids[1], 2), (&ids[2], 4)];
        assert_eq!(faults(gapped, &rows), Faults { gapped: 1, ..none });
    }
}
