//! Webhooks: the target and its secret from `credentials.db`, the position from `im.db`.

use rusqlite::{Connection, Row, params};

use super::error::broken;
use super::rows;
use crate::domain::id::Position;
use crate::domain::webhook::{Webhook, WebhookKind};

/// All webhooks, oldest first. One without a position does not exist: its batch did not reach `im.db`,
/// or it was removed there.
pub fn all(im: &Connection, credentials: &Connection) -> rusqlite::Result<Vec<Webhook>> {
    let sql = "SELECT id, name, url, kind, events, secret, enabled, created_at FROM webhooks ORDER BY created_at, id";
    let mut webhooks = rows::all(credentials, sql, [], read)?;
    let sql = "SELECT position FROM webhook_positions WHERE webhook = ?1";
    let mut known = Vec::with_capacity(webhooks.len());
    for mut webhook in webhooks.drain(..) {
        if let Some(position) = rows::one(im, sql, [&webhook.id], |row| row.get(0))? {
            webhook.position = Position(position);
            known.push(webhook);
        }
    }
    Ok(known)
}

fn read(row: &Row) -> rusqlite::Result<Webhook> {
    let events: Vec<Box<str>> =
        serde_json::from_str(row.get_ref(4)?.as_str()?).map_err(|_| broken("events of a webhook"))?;
    Ok(Webhook {
        id: row.get(0)?,
        name: row.get(1)?,
        url: row.get(2)?,
        kind: WebhookKind::parse(row.get_ref(3)?.as_str()?).ok_or(broken("kind of a webhook"))?,
        events,
        secret: row.get(5)?,
        enabled: row.get(6)?,
        position: Position(0),
        created_at: row.get(7)?,
    })
}

/// Stores what belongs into `credentials.db`.
pub fn put_secret(credentials: &Connection, webhook: &Webhook) -> rusqlite::Result<()> {
    let events = serde_json::to_string(&webhook.events).map_err(|_| broken("events of a webhook"))?;
    let sql = "INSERT OR REPLACE INTO webhooks (id, name, url, kind, events, secret, enabled, created_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let kind = webhook.kind.as_str();
    credentials.prepare_cached(sql)?.execute(params![
        webhook.id,
        webhook.name,
        webhook.url,
        kind,
        events,
        webhook.secret,
        webhook.enabled,
        webhook.created_at
    ])?;
    Ok(())
}

/// Stores or moves a position.
pub fn put_position(im: &Connection, webhook: &str, position: Position) -> rusqlite::Result<()> {
    let sql = "INSERT INTO webhook_positions (webhook, position) VALUES (?1, ?2)
        ON CONFLICT (webhook) DO UPDATE SET position = excluded.position";
    im.prepare_cached(sql)?.execute(params![webhook, position.0])?;
    Ok(())
}

/// Removes a position and the failing events.
pub fn drop_position(im: &Connection, webhook: &str) -> rusqlite::Result<()> {
    im.prepare_cached("DELETE FROM deliveries WHERE webhook = ?1")?
        .execute([webhook])?;
    im.prepare_cached("DELETE FROM webhook_positions WHERE webhook = ?1")?
        .execute([webhook])?;
    Ok(())
}
