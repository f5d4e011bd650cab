//! Accounts.

use std::sync::Arc;

use super::id::{Timestamp, UserId, UserKey, Username};

/// Whether an account may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UserStatus {
    /// In use.
    Active,
    /// Signs in nowhere and sends nothing until it is unbanned.
    Banned,
    /// Gone; the row stays so that its messages keep their author.
    Deleted,
}

impl UserStatus {
    /// The word used outside and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Banned => "banned",
            Self::Deleted => "deleted",
        }
    }

    /// Reads the word; `None` for any other.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Banned, Self::Deleted]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// One account instance, as the store keeps it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// The instance; what tokens, memberships and messages refer to.
    pub key: UserKey,
    /// The public id.
    pub id: UserId,
    /// The name to sign in with.
    pub username: Username,
    /// The display name; `fromName` falls back to the username.
    pub nickname: Option<Arc<str>>,
    /// An address of a picture, as the client gave it.
    pub avatar: Option<Arc<str>>,
    /// Whether it may be used.
    pub status: UserStatus,
    /// When it was created.
    pub created_at: Timestamp,
    /// Tokens carry it; raising it ends all of them.
    pub generation: i64,
    /// Other users in whose name this one may send (contract section 2, sender rule).
    pub granted: Arc<[UserKey]>,
}

impl User {
    /// What recipients see as `fromName`.
    pub fn display_name(&self) -> Arc<str> {
        self.nickname.clone().unwrap_or_else(|| self.username.shared())
    }

    /// Whether the account may be used.
    pub fn is_active(&self) -> bool {
        self.status == UserStatus::Active
    }
}

/// A user named by its id (from outside) or by its key (from a checked token).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UserRef {
    /// By public id: the instance that has it now.
    Id(UserId),
    /// By account instance.
    Key(UserKey),
}

/// A stored password: a PHC string, never the password. It does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub Box<str>);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PasswordHash(***)")
    }
}

/// The `jti` of a token: 16 random bytes, which tokens and the database write in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TokenId(pub [u8; 16]);

impl TokenId {
    /// As tokens and the database write it.
    pub fn to_hex(self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.0))
    }

    /// Reads what [`TokenId::to_hex`] wrote; `None` for anything else.
    pub fn from_hex(text: &str) -> Option<Self> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex.then(|| u128::from_str_radix(text, 16).ok().map(|id| Self(id.to_be_bytes())))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_id_is_read_as_it_was_written() {
        let id = TokenId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        assert_eq!(id.to_hex(), "000102030405060708090a0b0c0d0eff");
        assert_eq!(TokenId::from_hex(&id.to_hex()), Some(id));
        for bad in [
            "",
            "t1",
            "+00102030405060708090a0b0c0d0eff",
            "000102030405060708090a0b0c0d0eff0",
        ] {
            assert_eq!(TokenId::from_hex(bad), None, "{bad}");
        }
    }
}
