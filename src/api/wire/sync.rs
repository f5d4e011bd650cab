//! Pages of a sync and their cursors (contract section 3).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::json::Members;
use super::live::write_notice;
use super::message::{write_conversation, write_message};
use crate::domain::id::{ConversationKey, Position};
use crate::domain::query::{SyncCursor, SyncPage};

/// The opaque text of a cursor: the epoch it holds in, the position, and how far a first load has come.
pub fn write_cursor(cursor: SyncCursor, epoch: &str) -> String {
    let loaded = cursor.loaded.map_or(0, |conversation| conversation.0);
    URL_SAFE_NO_PAD.encode(format!("1.{epoch}.{}.{loaded}", cursor.position.0))
}

/// Reads a cursor; `None` when it is none of ours or of another epoch.
pub fn read_cursor(text: &str, epoch: &str) -> Option<SyncCursor> {
    let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let rest = plain.strip_prefix("1.")?.strip_prefix(epoch)?.strip_prefix('.')?;
    let (position, loaded) = rest.split_once('.')?;
    let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number >= 0);
    let loaded = number(loaded)?;
    Some(SyncCursor {
        position: Position(number(position)?),
        loaded: (loaded > 0).then_some(ConversationKey(loaded)),
    })
}

/// A page.
pub fn write_page(page: &SyncPage, epoch: &str, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members
        .value("cursor", write_cursor(page.cursor, epoch))
        .value("epoch", epoch)
        .value("recovered", page.recovered)
        .list("conversations", &page.conversations, |view, out| {
            write_conversation(view, out)
        })
        .list("messages", &page.messages, |message, out| write_message(message, out))
        .raw("changes", b"[]")
        .list("events", &page.notices, |notice, out| write_notice(notice, out))
        .value("more", page.more)
        .end();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_hold_in_their_epoch_alone() {
        for cursor in [
            SyncCursor {
                position: Position(0),
                loaded: None,
            },
            SyncCursor {
                position: Position(77),
                loaded: Some(ConversationKey(5)),
            },
        ] {
            let text = write_cursor(cursor, "e1");
            assert_eq!(read_cursor(&text, "e1"), Some(cursor));
            assert_eq!(read_cursor(&text, "e2"), None);
        }
        for bad in ["", "x", "MS5lMS4tMS4w", "é"] {
            assert_eq!(read_cursor(bad, "e1"), None, "{bad}");
        }
    }
}
