//! History for dashboards.

use std::borrow::Cow;

use crate::api::refusal::Refusal;
use crate::api::step::{Call, Flow, Step, unexpected};
use crate::api::wire::message::{read_window, write_history};
use crate::api::wire::parameters::Parameters;
use crate::domain::command::ConversationRef;
use crate::domain::conversation::ChatType;
use crate::domain::id::ConversationKey;
use crate::domain::query::{Answer, Query};

/// `GET /api/admin/history?type=single&toId=&fromId=` (both directions), `?type=group&toId=`, or `?conversationId=`.
pub fn history(call: Call<'_, '_>) -> Flow {
    let query = Query::History {
        actor: call.context.actor()?,
        conversation: conversation(call.parameters)?,
        window: read_window(call.parameters)?,
        limit: call.parameters.limit()?,
    };
    Step::query(query, |answer, _| match answer {
        Answer::History(history) => Step::json(|out| write_history(&history, out)),
        _ => unexpected(),
    })
}

fn conversation(parameters: &Parameters<'_>) -> Result<ConversationRef, Refusal> {
    if let Some(key) = parameters.parsed("conversationId", ConversationKey::from_public)? {
        return Ok(ConversationRef::Key(key));
    }
    let kind = parameters.parsed("type", ChatType::parse)?;
    let kind =
        kind.ok_or_else(|| Refusal::field("type", "Give `conversationId`, or `type` as `single` or `group`."))?;
    let to = required(parameters, "toId")?;
    Ok(match kind {
        ChatType::Single => ConversationRef::Pair(required(parameters, "fromId")?.into(), to.into()),
        ChatType::Group => ConversationRef::Peer(kind, to.into()),
    })
}

fn required<'r>(parameters: &Parameters<'r>, name: &'static str) -> Result<Cow<'r, str>, Refusal> {
    parameters
        .text(name)?
        .ok_or_else(|| Refusal::field(name, format!("`{name}` is missing.")))
}
