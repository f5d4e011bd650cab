//! Ids from outside, validated once, and the store's integer keys.

use std::fmt;
use std::sync::Arc;

/// Milliseconds since the Unix epoch, by the server's clock.
pub type Timestamp = i64;

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
        pub struct $name(pub i64);
    };
}

key! {
    /// One account instance. Never reused: an account re-created under the same id is another instance.
    UserKey
}
key! {
    /// One group instance. Never reused.
    GroupKey
}
key! {
    /// One conversation. Outside it is the opaque `conversationId`.
    ConversationKey
}
key! {
    /// A place in the commit log. Messages and notices share one ascending sequence, from 1.
    Position
}

/// The id of a conversation as clients see it.
#[derive(Clone, Copy)]
pub struct PublicId {
    bytes: [u8; 21],
    length: usize,
}

impl PublicId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl fmt::Display for PublicId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl ConversationKey {
    /// The opaque id clients see (contract section 1).
    pub fn to_public(self) -> PublicId {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(self.0).as_bytes();
        let mut bytes = [b'c'; 21];
        bytes[1..=digits.len()].copy_from_slice(digits);
        PublicId {
            bytes,
            length: digits.len() + 1,
        }
    }

    /// Reads a `conversationId`; `None` when it cannot be one of ours.
    pub fn from_public(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('c')?;
        let canonical =
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
        canonical.then(|| digits.parse().ok().map(ConversationKey))?
    }
}

impl Position {
    /// The id of the event that stands there, as webhooks see it (contract section 4).
    pub fn to_event_id(self) -> String {
        format!("evt_{}", self.0)
    }

    /// Reads an event id; `None` when it cannot be one of ours.
    pub fn from_event_id(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("evt_")?;
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
        plain.then(|| digits.parse().ok().map(Self))?
    }
}

/// Names that are paths or pages and hence no ids (contract section 1).
const RESERVED: [&str; 5] = ["me", "search", "list", "create", "system"];

/// 1-64 bytes of `A-Za-z0-9_.@:-`, not starting with punctuation, not reserved (contract section 1).
fn is_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.@:-".contains(&byte);
    (1..=64).contains(&text.len())
        && text.bytes().all(allowed)
        && text.as_bytes()[0].is_ascii_alphanumeric()
        && !RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(text))
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text against the id rule; `None` when it breaks it.
            pub fn parse(text: &str) -> Option<Self> {
                is_id(text).then(|| Self(text.into()))
            }

            /// Takes a text that was checked before it was stored.
            pub fn stored(text: &str) -> Self {
                Self(text.into())
            }

            /// The id as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The same text, shared.
            pub fn shared(&self) -> Arc<str> {
                self.0.clone()
            }

            /// The form in which ids must be unique: they may not differ by case alone.
            pub fn folded(&self) -> String {
                self.0.to_ascii_lowercase()
            }
        }
    };
}

id! {
    /// A user's id.
    UserId
}
id! {
    /// A group's id.
    GroupId
}
id! {
    /// A username, under the same rule as ids.
    Username
}

/// A message id: 1-64 printable ASCII bytes without spaces; the idempotency key of its sender.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct MessageId(Arc<str>);

impl MessageId {
    /// Checks the text against the rule; `None` when it breaks it.
    pub fn parse(text: &str) -> Option<Self> {
        let valid = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        valid.then(|| Self(text.into()))
    }

    /// Takes a text that was checked before it was stored.
    pub fn stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The id as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_the_contract() {
        for good in ["a", "alice", "Group_001", "a@b.c:d-e", "0"] {
            assert!(UserId::parse(good).is_some(), "{good}");
        }
        let long = "x".repeat(65);
        for bad in ["", "_a", "@a", "a b", "é", "me", "Search", "a/b", "a\0", &long] {
            assert!(UserId::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn event_ids_are_canonical() {
        assert_eq!(Position::from_event_id(&Position(12).to_event_id()), Some(Position(12)));
        for bad in [
            "",
            "12",
            "evt_",
            "evt_0",
            "evt_012",
            "evt_-1",
            "evt_+1",
            "evt_99999999999999999999",
        ] {
            assert_eq!(Position::from_event_id(bad), None, "{bad}");
        }
    }

    #[test]
    fn conversation_ids_are_canonical() {
        for key in [1, 12, i64::MAX].map(ConversationKey) {
            let public = key.to_public();
            assert_eq!(public.as_str(), format!("c{}", key.0));
            assert_eq!(ConversationKey::from_public(public.as_str()), Some(key));
        }
        assert_eq!(ConversationKey::from_public("c12"), Some(ConversationKey(12)));
        for bad in ["", "c", "c0", "c012", "12", "c-1", "c99999999999999999999"] {
            assert_eq!(ConversationKey::from_public(bad), None, "{bad}");
        }
    }
}
