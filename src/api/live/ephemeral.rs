//! Typing and presence: never stored, dropped first.

use crate::api::context::Signal;
use crate::api::step::{Call, Flow, Step, unexpected};
use crate::base::limits;
use crate::domain::conversation::ChatType;
use crate::domain::id::UserId;
use crate::domain::query::{Answer, Query};

/// `typing {toId, chatType}`.
pub fn typing(call: Call<'_, '_>) -> Flow {
    let user = call.context.user()?;
    let chat_type = call.body.parsed("chatType", ChatType::parse)?;
    let to = call.body.str("toId")?;
    let query = Query::AudienceOf {
        user,
        chat_type,
        peer: to.into(),
    };
    let to = to.into();
    Step::query(query, move |answer, context| {
        let Answer::Audience(audience) = answer else {
            return unexpected();
        };
        context.signals.push(Signal::Typing {
            chat_type,
            to,
            audience,
        });
        Step::done()
    })
}

/// `presence {userIds}`: replaces what was asked before. The state of each, and every change, come as pushes.
pub fn presence(call: Call<'_, '_>) -> Flow {
    let user = call.context.user()?;
    let ids = call
        .body
        .list("userIds", limits::PRESENCE_USERS, |id| Some(UserId::stored(id)))?;
    Step::query(Query::Sharing(user, ids), |answer, context| {
        let Answer::Keys(users) = answer else {
            return unexpected();
        };
        context.signals.push(Signal::Watch(users));
        Step::done()
    })
}
