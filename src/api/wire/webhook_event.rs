//! What plain webhooks are sent (contract section 4).

use super::group::write_group;
use super::json::Members;
use super::message::write_message;
use super::user::write_user;
use crate::api::webhook::Occurrence;
use crate::domain::event::Notice;
use crate::domain::query::LogEntry;

/// One event with its envelope.
pub fn write_webhook_event(occurrence: &Occurrence, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members
        .value("event", occurrence.name())
        .value("id", occurrence.id())
        .value("timestamp", occurrence.timestamp());
    let data = members.name("data");
    match occurrence {
        Occurrence::Entry(LogEntry::Message(message)) => write_message(message, data),
        Occurrence::Entry(LogEntry::Notice(notice)) => write_notice_data(notice, data),
        Occurrence::Presence { user, .. } => Members::begin(data).value("userId", user.as_str()).end(),
        Occurrence::Test(_) => data.extend_from_slice(b"{}"),
    }
    members.end();
}

/// The user for an event about one user alone; else the group, the users concerned, and who did it.
fn write_notice_data(notice: &Notice, out: &mut Vec<u8>) {
    match (&notice.group, notice.users.as_slice()) {
        (None, [user]) => write_user(user, out),
        (group, users) => {
            let mut members = Members::begin(out);
            if let Some((group, owner)) = group {
                write_group(group, owner, members.name("group"));
            }
            members
                .list("users", users, |user, out| write_user(user, out))
                .value("by", notice.by.as_ref().map(|by| by.as_str()))
                .end();
        }
    }
}

/// How a test went: the target's status, if it answered, and how long that took. Never its body.
pub fn write_test_result(status: Option<u16>, duration_ms: i64, error: Option<&str>, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members
        .value("status", status)
        .value("durationMs", duration_ms)
        .value("error", error)
        .end();
}
