//! Users as everybody sees them (contract section 1).

use super::json::Members;
use crate::domain::id::Timestamp;
use crate::domain::user::User;

/// A user.
pub fn write_user(user: &User, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members
        .value("id", user.id.as_str())
        .value("username", user.username.as_str())
        .value("nickname", user.nickname.as_deref())
        .value("avatar", user.avatar.as_deref())
        .value("status", user.status.as_str())
        .value("createdAt", user.created_at)
        .end();
}

/// A fresh token and whose it is.
pub fn write_signed_in(token: &str, expires_at: Timestamp, user: &User, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members.value("token", token).value("expiresAt", expires_at);
    write_user(user, members.name("user"));
    members.end();
}
