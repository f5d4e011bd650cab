//! Messages: what clients send, and what everybody sees (contract section 1).

use super::document::Object;
use super::json::Members;
use super::parameters::Parameters;
use crate::api::refusal::{Fault, Refusal};
use crate::base::limits;
use crate::domain::command::{ConversationRef, Receipt, Sent};
use crate::domain::conversation::ChatType;
use crate::domain::id::{ConversationKey, MessageId};
use crate::domain::message::{Body, Content, ContentType, Message};
use crate::domain::query::{ConversationView, History, Standing, Window};

/// The author's part of a message.
///
/// # Errors
/// `invalid_<field>`, or `content_too_large` above `max_content_bytes`.
pub fn read_body(object: Object<'_>, max_content_bytes: usize) -> Result<Body, Refusal> {
    let content_type = object.opt_parsed("contentType", ContentType::parse)?;
    let content = object.content("content")?;
    if content.as_str().len() > max_content_bytes {
        return Err(Fault::ContentTooLarge.into());
    }
    let reply_to = object.opt_parsed("replyTo", |text| MessageId::parse(text).map(|_| text.into()))?;
    object.opt_list("mentions", limits::BULK_ITEMS, |_| Some(()))?;
    Ok(Body {
        content_type: content_type.unwrap_or(ContentType::TEXT),
        content,
        reply_to,
        mentions: object.raw("mentions").map(Into::into),
        ext: object.raw("ext").map(Into::into),
    })
}

/// The result of a send.
pub fn write_sent(sent: &Sent, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members
        .text("id", sent.id.as_str())
        .text("conversationId", sent.conversation.to_public().as_str())
        .value("seq", sent.seq)
        .value("timestamp", sent.timestamp)
        .optional("duplicate", sent.duplicate.then_some(true))
        .end();
}

/// A committed message.
pub fn write_message(message: &Message, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members
        .text("id", message.id.as_str())
        .text("conversationId", message.conversation.to_public().as_str())
        .value("seq", message.seq)
        .text("chatType", message.chat_type.as_str())
        .text("fromId", message.from_id.as_str())
        .text("fromName", &message.from_name)
        .text("toId", &message.to_id)
        .text("contentType", message.body.content_type.as_str());
    match &message.body.content {
        Content::Text(text) => members.text("content", text),
        Content::Json(json) => members.raw("content", json.as_bytes()),
    };
    members
        .value("timestamp", message.timestamp)
        .optional("replyTo", message.body.reply_to.as_deref());
    for (name, json) in [("mentions", &message.body.mentions), ("ext", &message.body.ext)] {
        if let Some(json) = json {
            members.raw(name, json.as_bytes());
        }
    }
    members.end();
}

/// A page of a history.
pub fn write_history(history: &History, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members
        .value(
            "conversationId",
            history.conversation.map(|key| key.to_public().to_string()),
        )
        .list("items", &history.messages, |message, out| write_message(message, out))
        .value("hasMore", history.has_more)
        .end();
}

/// The messages of a `pull`.
pub fn write_pulled(history: &History, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members
        .value(
            "conversationId",
            history.conversation.map(|key| key.to_public().to_string()),
        )
        .list("messages", &history.messages, |message, out| {
            write_message(message, out)
        })
        .value("hasMore", history.has_more)
        .end();
}

/// A conversation as one of its users sees it.
pub fn write_conversation(view: &ConversationView, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members
        .text("conversationId", view.conversation.to_public().as_str())
        .value("chatType", view.chat_type.as_str())
        .value("peerId", &*view.peer_id)
        .value("head", view.head)
        .value("read", view.progress.read)
        .value("received", view.progress.received)
        .value("unread", view.unread());
    match &view.last_message {
        Some(message) => write_message(message, members.name("lastMessage")),
        None => drop(members.raw("lastMessage", b"null")),
    }
    members.value("pinned", false).value("muted", false).end();
}

/// A receipt as it now stands.
pub fn write_receipt(conversation: ConversationKey, receipt: Receipt, seq: i64, out: &mut Vec<u8>) {
    let name = match receipt {
        Receipt::Read => "readSeq",
        Receipt::Received => "receivedSeq",
    };
    let mut members = Members::begin(out);
    members
        .text("conversationId", conversation.to_public().as_str())
        .value(name, seq)
        .end();
}

/// How a user stands to a message.
pub fn write_standing(standing: &Standing, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members
        .value("userId", standing.user.as_str())
        .value("read", standing.read)
        .value("received", standing.received)
        .end();
}

/// `conversationId`, or `chatType` and `peerId`, in a query.
///
/// # Errors
/// `invalid_<field>` for the first that is missing, `not_found` for an id that cannot be one of ours.
pub fn read_conversation(parameters: &Parameters<'_>) -> Result<ConversationRef, Refusal> {
    if let Some(id) = parameters.text("conversationId")? {
        return conversation_by_id(&id);
    }
    let chat_type = parameters
        .parsed("chatType", ChatType::parse)?
        .ok_or_else(|| missing("chatType"))?;
    let peer = parameters.text("peerId")?.ok_or_else(|| missing("peerId"))?;
    Ok(ConversationRef::Peer(chat_type, peer.into()))
}

/// The same in a body.
///
/// # Errors
/// As [`read_conversation`].
pub fn read_conversation_in(body: Object<'_>) -> Result<ConversationRef, Refusal> {
    if let Some(id) = body.opt_str("conversationId")? {
        return conversation_by_id(id);
    }
    let chat_type = body
        .opt_parsed("chatType", ChatType::parse)?
        .ok_or_else(|| missing("conversationId"))?;
    Ok(ConversationRef::Peer(chat_type, body.str("peerId")?.into()))
}

fn conversation_by_id(id: &str) -> Result<ConversationRef, Refusal> {
    let key = ConversationKey::from_public(id).ok_or(Fault::NotFound)?;
    Ok(ConversationRef::Key(key))
}

fn missing(name: &'static str) -> Refusal {
    Refusal::field(
        name,
        "Name the conversation by `conversationId`, or by `chatType` and `peerId`.",
    )
}

/// `before`, `after` or `around`, at most one of them.
///
/// # Errors
/// `invalid_<field>`.
pub fn read_window(parameters: &Parameters<'_>) -> Result<Window, Refusal> {
    let bounds = [
        ("before", Window::Before as fn(i64) -> Window),
        ("after", Window::After),
        ("around", Window::Around),
    ];
    let mut window = Window::Newest;
    for (name, make) in bounds {
        let Some(seq) = parameters.int(name)? else { continue };
        if seq < 0 || window != Window::Newest {
            return Err(Refusal::field(
                name,
                "Give one of `before`, `after` and `around`, as a `seq`.",
            ));
        }
        window = make(seq);
    }
    Ok(window)
}
