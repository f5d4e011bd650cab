//! Messages.

use std::borrow::Cow;
use std::sync::Arc;

use super::conversation::ChatType;
use super::id::{ConversationKey, MessageId, Position, Timestamp, UserId, UserKey};

/// What a message says: a string, or any JSON value kept byte for byte.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content {
    /// A JSON string, unescaped.
    Text(Box<str>),
    /// Any other JSON value, as it was sent.
    Json(Box<str>),
}

impl Content {
    /// The string itself or the JSON text, as the database keeps it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text(text) | Self::Json(text) => text,
        }
    }

    /// Tells the two apart in the database (`content_is_json`).
    pub fn is_json(&self) -> bool {
        matches!(self, Self::Json(_))
    }
}

/// The part of a message that its author writes; two sends with one id must agree on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Body {
    /// `text`, `image`, ... or any `[a-z][a-z0-9_.-]{0,31}`.
    pub content_type: ContentType,
    /// What it says.
    pub content: Content,
    /// The id of the message it answers.
    pub reply_to: Option<Box<str>>,
    /// The users it names, as a JSON array.
    pub mentions: Option<Box<str>>,
    /// The application's own data, as JSON.
    pub ext: Option<Box<str>>,
}

impl Body {
    /// Whether a re-send carries the same body. JSON values compare as values: the order of object
    /// members does not matter (contract section 1).
    pub fn same_as(&self, other: &Body) -> bool {
        let same_json = |one: &str, two: &str| one == two || is_same_value(one, two).unwrap_or(false);
        let same_option = |one: &Option<Box<str>>, two: &Option<Box<str>>| match (one, two) {
            (Some(one), Some(two)) => same_json(one, two),
            (None, None) => true,
            _ => false,
        };
        let same_content = match (&self.content, &other.content) {
            (Content::Json(one), Content::Json(two)) => same_json(one, two),
            (one, two) => one == two,
        };
        self.content_type == other.content_type
            && same_content
            && self.reply_to == other.reply_to
            && same_option(&self.mentions, &other.mentions)
            && same_option(&self.ext, &other.ext)
    }
}

fn is_same_value(one: &str, two: &str) -> Option<bool> {
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    Some(value(one)? == value(two)?)
}

/// A committed message, complete enough to be shown to anybody.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Where it stands in the log.
    pub position: Position,
    /// The sender's id for it, or one the server made.
    pub id: MessageId,
    /// Where it was said.
    pub conversation: ConversationKey,
    /// Its number there, from 1 without gaps.
    pub seq: i64,
    /// The kind of conversation.
    pub chat_type: ChatType,
    /// Who said it.
    pub from: UserKey,
    /// The author's public id.
    pub from_id: UserId,
    /// The author's name at the time it is shown.
    pub from_name: Arc<str>,
    /// The public id of the other user or of the group.
    pub to_id: Arc<str>,
    /// When it was accepted.
    pub timestamp: Timestamp,
    /// What the author wrote.
    pub body: Arc<Body>,
}

/// What a content is: any `[a-z][a-z0-9_.-]{0,31}` (contract section 1). Nearly all are of the contract's own names,
/// which take no memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ContentType(Cow<'static, str>);

const COMMON: [&str; 9] = [
    "text", "image", "file", "audio", "video", "location", "card", "custom", "system",
];

impl ContentType {
    /// What a message is that does not say.
    pub const TEXT: Self = Self(Cow::Borrowed(COMMON[0]));

    /// Checks the text against the rule; `None` when it breaks it.
    pub fn parse(text: &str) -> Option<Self> {
        is_content_type(text).then(|| Self::stored(text))
    }

    /// Takes a text that was checked before it was stored.
    pub fn stored(text: &str) -> Self {
        let common = COMMON.iter().find(|common| **common == text);
        Self(common.map_or_else(|| Cow::Owned(text.to_owned()), |common| Cow::Borrowed(*common)))
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_content_type(text: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte);
    (1..=32).contains(&text.len()) && text.as_bytes()[0].is_ascii_lowercase() && text.bytes().all(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(content: Content) -> Body {
        Body {
            content_type: ContentType::TEXT,
            content,
            reply_to: None,
            mentions: None,
            ext: None,
        }
    }

    #[test]
    fn bodies_compare_json_by_value() {
        let one = body(Content::Json(r#"{"a":1,"b":[2]}"#.into()));
        assert!(one.same_as(&body(Content::Json(r#"{"b":[2], "a":1}"#.into()))));
        assert!(!one.same_as(&body(Content::Json(r#"{"b":[2],"a":2}"#.into()))));
        assert!(!one.same_as(&body(Content::Text(r#"{"a":1,"b":[2]}"#.into()))));
    }

    #[test]
    fn content_types_follow_the_contract() {
        for good in ["text", "system", "x.order_v1-b"] {
            assert_eq!(ContentType::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "Text", "1a", &"a".repeat(33)] {
            assert_eq!(ContentType::parse(bad), None, "{bad}");
        }
        assert_eq!(ContentType::parse("text"), Some(ContentType::TEXT));
    }
}
