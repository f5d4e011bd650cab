//! Live sessions and row counts as administrators see them.

use super::json::Members;
use crate::domain::query::Counts;
use crate::shard::peer::ConnectionInfo;

/// A live session.
pub fn write_connection(connection: &ConnectionInfo, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members
        .value("connectionId", &*connection.connection)
        .value("userId", connection.user.as_str())
        .value("deviceId", connection.device.as_deref())
        .value("platform", connection.platform.as_deref())
        .value("address", &*connection.address)
        .value("connectedAt", connection.connected_at)
        .end();
}

/// What is stored, and who is there.
pub fn write_stats(counts: &Counts, connections: usize, online: usize, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members
        .value("users", counts.users)
        .value("groups", counts.groups)
        .value("conversations", counts.conversations)
        .value("messages", counts.messages)
        .value("connections", connections)
        .value("onlineUsers", online)
        .end();
}
