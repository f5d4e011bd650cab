//! Sending and reading messages.

use std::sync::Arc;

use crate::api::context::{Caller, Context};
use crate::api::refusal::{Fault, Refusal};
use crate::api::step::{Call, Flow, Step, unexpected};
use crate::api::wire::document::Object;
use crate::api::wire::list::write_listed;
use crate::api::wire::message::{
    read_body, read_conversation, read_conversation_in, read_window, write_conversation, write_history, write_receipt,
    write_sent, write_standing,
};
use crate::domain::command::{Command, Receipt, Reply, Send};
use crate::domain::conversation::ChatType;
use crate::domain::id::{MessageId, UserId};
use crate::domain::query::{Answer, Query};

/// `POST /api/message/send` and the frame `message`.
pub fn send(call: Call<'_, '_>) -> Flow {
    let Call { context, body, .. } = call;
    let id = body.opt_parsed("id", MessageId::parse)?;
    let send = Send {
        from: sender(context, body)?,
        chat_type: body.parsed("chatType", ChatType::parse)?,
        to: body.str("toId")?.into(),
        body: Arc::new(read_body(body, context.setup.max_content_bytes)?),
        id: id.unwrap_or_else(|| context.new_message_id()),
    };
    Step::submit(context, Command::Send(Box::new(send)), |reply, _| match reply {
        Reply::Sent(sent) => Step::json(|out| write_sent(&sent, out)),
        _ => unexpected(),
    })
}

/// `fromId`: optional for a user, required of a key. Whether it may be used is decided at the commit.
fn sender(context: &Context<'_>, body: Object<'_>) -> Result<Option<UserId>, Refusal> {
    match (context.caller, body.opt_str("fromId")?) {
        (Caller::Key(_), None) => Err(Refusal::field(
            "fromId",
            "With a key `fromId` says in whose name the message is sent.",
        )),
        (_, None) => Ok(None),
        (Caller::User(session), Some(id)) if id == session.user.id.as_str() => Ok(None),
        (Caller::Key(_), Some(id)) => UserId::parse(id).map(Some).ok_or_else(|| Fault::UserNotFound.into()),
        (_, Some(id)) => UserId::parse(id).map(Some).ok_or_else(|| Fault::SenderMismatch.into()),
    }
}

/// `GET /api/message/history`.
pub fn history(call: Call<'_, '_>) -> Flow {
    let query = Query::History {
        actor: call.context.actor()?,
        conversation: read_conversation(call.parameters)?,
        window: read_window(call.parameters)?,
        limit: call.parameters.limit()?,
    };
    Step::query(query, |answer, _| match answer {
        Answer::History(history) => Step::json(|out| write_history(&history, out)),
        _ => unexpected(),
    })
}

/// `GET /api/message/receipts`: how the peer, or the other members, stand to one message.
pub fn receipts(call: Call<'_, '_>) -> Flow {
    let seq = call.parameters.int("seq")?.filter(|seq| *seq > 0);
    let query = Query::Standings {
        user: call.context.user()?,
        conversation: read_conversation(call.parameters)?,
        seq: seq.ok_or_else(|| Refusal::field("seq", "`seq` is the number of the message concerned."))?,
        page: call.parameters.page()?,
    };
    Step::query(query, |answer, _| match answer {
        Answer::Standings(standings) => Step::json(|out| write_listed(&standings, write_standing, out)),
        _ => unexpected(),
    })
}

/// `GET /api/conversation/list`.
pub fn conversations(call: Call<'_, '_>) -> Flow {
    let query = Query::Conversations(call.context.user()?, call.parameters.page()?);
    Step::query(query, |answer, _| match answer {
        Answer::Conversations(listed) => Step::json(|out| write_listed(&listed, write_conversation, out)),
        _ => unexpected(),
    })
}

/// `POST /api/message/read` and the frame `read`.
pub fn read(call: Call<'_, '_>) -> Flow {
    acknowledge(call, Receipt::Read)
}

/// The frame `received`.
pub fn received(call: Call<'_, '_>) -> Flow {
    acknowledge(call, Receipt::Received)
}

fn acknowledge(call: Call<'_, '_>, receipt: Receipt) -> Flow {
    let seq = call.body.int("seq")?;
    if seq < 0 {
        return Err(Refusal::field(
            "seq",
            "`seq` is the number of the newest message concerned.",
        ));
    }
    let conversation = read_conversation_in(call.body)?;
    Step::submit(
        call.context,
        Command::Acknowledge {
            conversation,
            receipt,
            seq,
        },
        move |reply, _| match reply {
            Reply::Receipt { conversation, seq } => Step::json(|out| write_receipt(conversation, receipt, seq, out)),
            _ => unexpected(),
        },
    )
}
