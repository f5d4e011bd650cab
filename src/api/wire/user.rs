//! Users as everybody sees them (contract section 1).

use super::json::Members;
use crate::api::refusal::Refusal;
use crate::domain::id::{Timestamp, UserId};
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

/// A token and when it ends.
pub fn write_token(token: &str, expires_at: Timestamp, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members.value("token", token).value("expiresAt", expires_at).end();
}

/// What became of one user of an import.
pub struct Imported {
    /// The id that was given, or the username.
    pub id: Box<str>,
    /// Why it was not created.
    pub refusal: Option<Refusal>,
}

/// One user of an import.
pub fn write_imported(item: &Imported, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members.value("id", &*item.id).value("ok", item.refusal.is_none());
    members
        .optional("error", item.refusal.as_ref().map(|refusal| refusal.slug()))
        .end();
}

/// A minted token, or why there is none.
pub struct Minted {
    /// Whose.
    pub user_id: UserId,
    /// The token and when it ends.
    pub result: Result<(String, Timestamp), Refusal>,
}

/// One user's minted token.
pub fn write_minted(minted: &Minted, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members.value("userId", minted.user_id.as_str());
    match &minted.result {
        Ok((token, expires_at)) => members.value("token", token).value("expiresAt", expires_at).end(),
        Err(refusal) => members.value("error", refusal.slug()).end(),
    }
}
