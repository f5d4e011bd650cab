//! Messages as they come in, are stored and go out.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatType {
    Single,
    Group,
}

impl ChatType {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Group => "group",
        }
    }
}

/// A message as a client sends it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewMessage {
    pub id: String,
    pub to_id: String,
    pub chat_type: ChatType,
    #[serde(default = "text")]
    pub content_type: String,
    pub content: String,
}

fn text() -> String {
    "text".to_owned()
}

impl NewMessage {
    /// The conversation it belongs to. No id contains a bar.
    pub fn conversation(&self, from: &str) -> String {
        match self.chat_type {
            ChatType::Single if *from < *self.to_id => format!("{from}|{}", self.to_id),
            ChatType::Single => format!("{}|{from}", self.to_id),
            ChatType::Group => format!("|{}", self.to_id),
        }
    }
}

/// A stored message.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    #[serde(flatten)]
    pub receipt: Receipt,
    pub chat_type: ChatType,
    pub from_id: String,
    pub from_name: String,
    pub to_id: String,
    pub content_type: String,
    pub content: String,
}

/// What the sender learns of a stored message.
#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    pub id: String,
    pub conversation_id: String,
    pub seq: i64,
    /// Unix milliseconds.
    pub timestamp: i64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub duplicate: bool,
}

/// What a server writes into a WebSocket.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Frame<'a> {
    Hello { data: Hello<'a> },
    Message { data: &'a Message },
    Ack(Ack<'a>),
    Error(Failure<'a>),
    Pong,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hello<'a> {
    pub user_id: &'a str,
    pub durability: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ack<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub req_id: Option<&'a str>,
    pub code: u16,
    pub data: &'a Receipt,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub req_id: Option<&'a str>,
    pub code: u16,
    pub error: &'static str,
    pub message: &'static str,
    pub retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<MessageName<'a>>,
}

/// Names the message that was refused.
#[derive(Serialize)]
pub struct MessageName<'a> {
    pub id: &'a str,
}
