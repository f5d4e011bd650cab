//! Ending and replacing tokens.

use crate::api::context::Context;
use crate::api::rest::account::signed_in;
use crate::api::step::{Call, Flow, Step, unexpected};
use crate::domain::command::{Command, Reply};
use crate::domain::user::UserRef;

/// `POST /api/logout`: ends the presented token, or with `all` every token of the user.
pub fn logout(call: Call<'_, '_>) -> Flow {
    let Call { context, body, .. } = call;
    let command = match body.flag("all")? {
        true => Command::RevokeTokens(UserRef::Key(context.user()?)),
        false => revoke_presented(context)?,
    };
    Step::submit(context, command, |_, _| Step::done())
}

/// `POST /api/token/refresh`: a new token, after which the presented one is worth nothing.
pub fn refresh(call: Call<'_, '_>) -> Flow {
    let context = call.context;
    let session = context.session()?.clone();
    let command = revoke_presented(context)?;
    Step::submit(context, command, move |reply, context| match reply {
        Reply::Done => signed_in(&session.user, context),
        _ => unexpected(),
    })
}

fn revoke_presented(context: &Context<'_>) -> Result<Command, crate::api::refusal::Refusal> {
    let session = context.session()?;
    Ok(Command::RevokeToken {
        user: session.user.key,
        token: session.token,
        expires_at: session.expires_at,
    })
}
