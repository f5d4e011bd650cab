//! Rows of `credentials.db` as they were before a batch. The batch commits there first; when `im.db` then
//! refuses it, these are put back, so that nobody signs in with a password whose change was refused.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::rows::one;
use crate::domain::id::UserKey;

/// Which row of `credentials.db`.
pub enum Secret<'a> {
    /// The password of an account.
    Password(UserKey),
    /// The API key of this id.
    Key(&'a str),
    /// The webhook of this id.
    Webhook(&'a str),
}

/// The row, or its absence, at the time it was taken.
pub struct Former {
    table: &'static str,
    key_column: &'static str,
    key: Value,
    columns: Option<Vec<Value>>,
}

impl Former {
    /// Reads what there is now.
    pub fn take(credentials: &Connection, secret: Secret) -> rusqlite::Result<Self> {
        let (table, key_column, key) = match secret {
            Secret::Password(user) => ("passwords", "user", Value::Integer(user.0)),
            Secret::Key(id) => ("api_keys", "id", Value::Text(id.into())),
            Secret::Webhook(id) => ("webhooks", "id", Value::Text(id.into())),
        };
        let sql = format!("SELECT * FROM {table} WHERE {key_column} = ?1");
        let columns = one(credentials, &sql, [&key], |row| {
            (0..row.as_ref().column_count()).map(|column| row.get(column)).collect()
        })?;
        Ok(Self {
            table,
            key_column,
            key,
            columns,
        })
    }

    /// Puts it back.
    fn restore(&self, credentials: &Connection) -> rusqlite::Result<()> {
        let Self { table, key_column, .. } = self;
        let sql = format!("DELETE FROM {table} WHERE {key_column} = ?1");
        credentials.execute(&sql, [&self.key])?;
        if let Some(columns) = &self.columns {
            let marks = vec!["?"; columns.len()].join(", ");
            let sql = format!("INSERT INTO {table} VALUES ({marks})");
            credentials.execute(&sql, params_from_iter(columns))?;
        }
        Ok(())
    }
}

/// Puts rows back in one transaction, the last taken first.
pub fn restore(credentials: &mut Connection, rows: &[Former]) -> rusqlite::Result<()> {
    let transaction = credentials.transaction()?;
    for row in rows.iter().rev() {
        row.restore(&transaction)?;
    }
    transaction.commit()
}
