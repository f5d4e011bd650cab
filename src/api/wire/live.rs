//! Frames of `im.v1.json` (contract section 3), complete with their WebSocket headers, and the close codes.

use std::sync::Arc;

use super::group::write_group;
use super::json::Members;
use super::message::write_message;
use super::user::write_user;
use crate::api::refusal::Refusal;
use crate::domain::command::Receipt;
use crate::domain::event::{Notice, SessionEnd};
use crate::domain::id::ConversationKey;
use crate::domain::message::Message;
use crate::proto::ws::{Opcode, encode};

/// Why we close a WebSocket: code, reason, whether to come back and after how many milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Farewell {
    /// The server stops.
    Restart,
    /// The peer reads too slowly.
    SlowReader,
    /// The token is over or was none.
    Token,
    /// Kicked by an admin.
    Kicked,
    /// Banned.
    Banned,
}

impl Farewell {
    /// The close code. 4000-4499 come back, 4500-4999 do not.
    pub fn code(self) -> u16 {
        match self {
            Self::Restart => 4001,
            Self::SlowReader => 4002,
            Self::Token => 4501,
            Self::Kicked => 4502,
            Self::Banned => 4503,
        }
    }

    /// One word for people and programs.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::SlowReader => "slow_reader",
            Self::Token => "token",
            Self::Kicked => "kicked",
            Self::Banned => "banned",
        }
    }

    /// How long to wait before coming back, in milliseconds; `None` when it is no use.
    fn retry_after_ms(self) -> Option<u32> {
        match self {
            Self::Restart => Some(1000),
            Self::SlowReader => Some(0),
            Self::Token | Self::Kicked | Self::Banned => None,
        }
    }
}

impl From<SessionEnd> for Farewell {
    fn from(end: SessionEnd) -> Self {
        match end {
            SessionEnd::TokenRevoked => Self::Token,
            SessionEnd::Kicked => Self::Kicked,
            SessionEnd::Banned => Self::Banned,
        }
    }
}

/// What `hello` says.
pub struct Hello<'a> {
    pub user_id: &'a str,
    pub connection_id: String,
    pub epoch: &'a str,
    pub server_time: i64,
    pub ping_ms: u64,
    pub max_frame: u32,
}

/// What a reply repeats of its request.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RequestId {
    /// `reqId` as it was written.
    pub request: Option<Box<str>>,
    /// `data.id` of a `message`, as it was written.
    pub message: Option<Box<str>>,
}

/// Writes frames; the buffer is used again for each.
#[derive(Default)]
pub struct Frames {
    text: Vec<u8>,
    frame: Vec<u8>,
}

impl Frames {
    /// `ack`: the request was carried out.
    pub fn ack(&mut self, id: &RequestId, data: &[u8]) -> &[u8] {
        self.write(|members| {
            members.text("type", "ack");
            request_id(members, id);
            members.value("code", 200).raw("data", data);
        })
    }

    /// `error`: it was not.
    pub fn error(&mut self, id: &RequestId, refusal: &Refusal) -> &[u8] {
        self.write(|members| {
            members.value("type", "error");
            request_id(members, id);
            members
                .value("code", refusal.status())
                .value("error", refusal.slug())
                .value("message", refusal.sentence())
                .value("retryable", refusal.fault.entry().retryable)
                .optional("retryAfterMs", refusal.retry_after_ms);
            if let Some(message) = &id.message {
                Members::begin(members.name("data")).raw("id", message.as_bytes()).end();
            }
        })
    }

    /// `pong`.
    pub fn pong(&mut self, id: &RequestId, server_time: i64) -> &[u8] {
        self.write(|members| {
            members.value("type", "pong");
            request_id(members, id);
            Members::begin(members.name("data"))
                .value("serverTime", server_time)
                .end();
        })
    }

    /// `hello`.
    pub fn hello(&mut self, id: &RequestId, hello: &Hello<'_>) -> &[u8] {
        self.write(|members| {
            members.value("type", "hello");
            request_id(members, id);
            Members::begin(members.name("data"))
                .value("userId", hello.user_id)
                .value("connectionId", &hello.connection_id)
                .value("epoch", hello.epoch)
                .value("serverTime", hello.server_time)
                .value("pingMs", hello.ping_ms)
                .value("maxFrame", hello.max_frame)
                .value("durability", "full")
                .end();
        })
    }

    /// `bye`: the close frame follows.
    pub fn bye(&mut self, farewell: Farewell) -> &[u8] {
        let retry_after_ms = farewell.retry_after_ms();
        self.push("bye", |data| {
            data.value("code", farewell.code())
                .value("reason", farewell.reason())
                .value("reconnect", retry_after_ms.is_some())
                .value("retryAfterMs", retry_after_ms);
        })
    }

    /// `message`: one for you.
    pub fn message(&mut self, message: &Message) -> &[u8] {
        self.write(|members| {
            members.text("type", "message");
            write_message(message, members.name("data"));
        })
    }

    /// `receipt`: somebody read or received.
    pub fn receipt(&mut self, conversation: ConversationKey, user: &str, receipt: Receipt, seq: i64) -> &[u8] {
        let name = match receipt {
            Receipt::Read => "readSeq",
            Receipt::Received => "receivedSeq",
        };
        self.push("receipt", |data| {
            data.text("conversationId", conversation.to_public().as_str())
                .value("userId", user)
                .value(name, seq);
        })
    }

    /// `event`: an account or a group changed.
    pub fn event(&mut self, notice: &Notice) -> &[u8] {
        self.write(|members| {
            members.value("type", "event");
            write_notice(notice, members.name("data"));
        })
    }

    /// `typing`.
    pub fn typing(&mut self, from: &str, chat_type: &str, to: &Arc<str>) -> &[u8] {
        self.push("typing", |data| {
            data.value("fromId", from)
                .value("chatType", chat_type)
                .value("toId", &**to);
        })
    }

    /// `presence`.
    pub fn presence(&mut self, user: &str, online: bool) -> &[u8] {
        self.push("presence", |data| {
            data.value("userId", user).value("online", online);
        })
    }

    fn push(&mut self, kind: &'static str, write: impl FnOnce(&mut Members<'_>)) -> &[u8] {
        self.write(|members| {
            members.value("type", kind);
            let mut data = Members::begin(members.name("data"));
            write(&mut data);
            data.end();
        })
    }

    fn write(&mut self, write: impl FnOnce(&mut Members<'_>)) -> &[u8] {
        self.text.clear();
        let mut members = Members::begin(&mut self.text);
        write(&mut members);
        members.end();
        self.frame.clear();
        encode(Opcode::Text, &self.text, None, &mut self.frame);
        &self.frame
    }
}

fn request_id(members: &mut Members<'_>, id: &RequestId) {
    if let Some(request) = &id.request {
        members.raw("reqId", request.as_bytes());
    }
}

/// A lasting event beside messages.
pub fn write_notice(notice: &Notice, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members
        .value("kind", notice.kind.as_str())
        .value("timestamp", notice.timestamp);
    if let Some((group, owner)) = &notice.group {
        members.text("conversationId", group.conversation.to_public().as_str());
        write_group(group, owner, members.name("group"));
    }
    members
        .list("users", &notice.users, |user, out| write_user(user, out))
        .value("by", notice.by.as_ref().map(|by| by.as_str()))
        .end();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::refusal::Fault;

    fn text(frame: &[u8]) -> &str {
        std::str::from_utf8(&frame[if frame[1] == 126 { 4 } else { 2 }..]).unwrap()
    }

    #[test]
    fn replies_repeat_the_request() {
        let mut frames = Frames::default();
        let id = RequestId {
            request: Some("7".into()),
            message: Some("\"m\"".into()),
        };
        assert_eq!(
            text(frames.ack(&id, b"null")),
            r#"{"type":"ack","reqId":7,"code":200,"data":null}"#
        );
        let error = text(frames.error(&id, &Refusal::new(Fault::Busy))).to_owned();
        assert!(
            error.starts_with(r#"{"type":"error","reqId":7,"code":503,"error":"busy","message":"#),
            "{error}"
        );
        assert!(
            error.ends_with(r#""retryable":true,"retryAfterMs":1000,"data":{"id":"m"}}"#),
            "{error}"
        );
    }

    #[test]
    fn only_some_farewells_ask_to_come_back() {
        let mut frames = Frames::default();
        assert_eq!(
            text(frames.bye(Farewell::Restart)),
            r#"{"type":"bye","data":{"code":4001,"reason":"restart","reconnect":true,"retryAfterMs":1000}}"#
        );
        assert!(text(frames.bye(Farewell::Banned)).contains(r#""reconnect":false,"retryAfterMs":null"#));
    }
}
