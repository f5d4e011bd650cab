//! Filling a hole in a conversation.

use crate::api::refusal::Refusal;
use crate::api::step::{Call, Flow, Step, unexpected};
use crate::api::wire::message::{read_conversation_in, write_pulled};
use crate::api::wire::parameters::checked_limit;
use crate::base::limits;
use crate::domain::query::{Answer, Query, Window};

/// `pull {conversationId, from, to, limit}`: messages with `from <= seq <= to`, the oldest first.
pub fn pull(call: Call<'_, '_>) -> Flow {
    let body = call.body;
    let (from, to) = (
        body.opt_int("from")?.unwrap_or(1),
        body.opt_int("to")?.unwrap_or(i64::MAX),
    );
    if from < 0 || to < from {
        return Err(Refusal::field("from", "`from` and `to` are seqs, the lower one first."));
    }
    let query = Query::History {
        actor: call.context.actor()?,
        conversation: read_conversation_in(body)?,
        window: Window::Range(from, to),
        limit: checked_limit(body.opt_int("limit")?, limits::PAGE_ITEMS_DEFAULT)?,
    };
    Step::query(query, |answer, _| match answer {
        Answer::History(history) => Step::json(|out| write_pulled(&history, out)),
        _ => unexpected(),
    })
}
