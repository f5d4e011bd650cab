//! Reads both databases and tells what is wrong with them.

use std::path::Path;

use rusqlite::Connection;

use super::moment::Moment;
use super::open::Place;
use super::rows;

/// What a check has found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What is wrong, a line each; none when all is well.
    pub faults: Vec<String>,
    /// Rows of each view of the contract (section 5).
    pub rows: Vec<(&'static str, i64)>,
}

/// The views other programs rely on.
const VIEWS: [&str; 5] = [
    "v1_users",
    "v1_groups",
    "v1_group_members",
    "v1_conversations",
    "v1_messages",
];

/// What must not be in `im.db`: its description, and a query that counts it.
const RULES: [(&str, &str); 7] = [
    (
        "conversations whose seqs are not 1, 2, 3 ... without gaps",
        "WITH found AS MATERIALIZED (
            SELECT conversation_id, count(*) AS messages, count(DISTINCT seq) AS seqs, min(seq) AS first, max(seq) AS last
            FROM v1_messages GROUP BY conversation_id)
         SELECT count(*) FROM conversations c LEFT JOIN found f ON f.conversation_id = 'c' || c.key
         WHERE f.first <> 1 OR f.last <> f.messages OR f.seqs <> f.messages OR c.head > coalesce(f.last, 0)",
    ),
    (
        "messages that the views do not show once",
        "SELECT abs((SELECT count(*) FROM messages) - (SELECT count(*) FROM v1_messages))",
    ),
    (
        "conversations of unknown users or groups",
        "SELECT count(*) FROM conversations c
         WHERE c.group_key IS NULL AND (c.low NOT IN (SELECT key FROM users) OR c.high NOT IN (SELECT key FROM users))
            OR c.group_key IS NOT NULL AND c.group_key NOT IN (SELECT key FROM groups)",
    ),
    (
        "participants without a user or conversation",
        "SELECT count(*) FROM participants
         WHERE user NOT IN (SELECT key FROM users) OR conversation NOT IN (SELECT key FROM conversations)",
    ),
    (
        "groups without an owner or conversation",
        "SELECT count(*) FROM groups
         WHERE owner NOT IN (SELECT key FROM users) OR conversation NOT IN (SELECT key FROM conversations)",
    ),
    (
        "members without a user or group",
        "SELECT count(*) FROM members
         WHERE user NOT IN (SELECT key FROM users) OR group_key NOT IN (SELECT key FROM groups)",
    ),
    (
        "groups whose member count is wrong",
        "SELECT count(*) FROM groups g
         WHERE NOT dismissed AND member_count <> (SELECT count(*) FROM members m WHERE m.group_key = g.key)",
    ),
];

/// Checks the databases of a folder as they are at one moment.
pub fn check(folder: &Path) -> Report {
    let mut report = Report::default();
    match Moment::take(&Place::of(folder)) {
        Ok(moment) => report.fill(&moment),
        Err(error) => report.faults.push(format!("the databases cannot be read: {error}")),
    }
    report
}

impl Report {
    fn fill(&mut self, moment: &Moment) {
        self.check_pages("im.db", &moment.im);
        self.check_pages("credentials.db", &moment.credentials);
        for (what, sql) in RULES {
            match count(&moment.im, sql) {
                Ok(0) => {}
                Ok(found) => self.faults.push(format!("im.db: {found} {what}")),
                Err(error) => self.faults.push(format!("im.db: {what} cannot be counted: {error}")),
            }
        }
        for view in VIEWS {
            match count(&moment.im, &format!("SELECT count(*) FROM {view}")) {
                Ok(rows) => self.rows.push((view, rows)),
                Err(error) => self.faults.push(format!("im.db: {view} cannot be read: {error}")),
            }
        }
    }

    /// SQLite's own check of pages, indexes and types.
    fn check_pages(&mut self, file: &str, connection: &Connection) {
        match rows::all(connection, "PRAGMA integrity_check", [], |row| row.get::<_, String>(0)) {
            Ok(lines) => {
                let faults = lines.iter().filter(|line| *line != "ok");
                self.faults.extend(faults.map(|fault| format!("{file}: {fault}")));
            }
            Err(error) => self.faults.push(format!("{file}: {error}")),
        }
    }
}

fn count(connection: &Connection, sql: &str) -> rusqlite::Result<i64> {
    connection.query_row(sql, [], |row| row.get(0))
}
