//! Registering, signing in, and one's own account.

use crate::api::context::Context;
use crate::api::port::{PasswordJob, PasswordResult};
use crate::api::refusal::{Fault, Refusal};
use crate::api::rest::field::{name, read_new_password};
use crate::api::step::{Call, Flow, Step, unexpected};
use crate::api::wire::user::{write_signed_in, write_user};
use crate::domain::command::{Command, NewUser, Reply};
use crate::domain::id::{UserId, Username};
use crate::domain::query::{Answer, Query, StoredPassword};
use crate::domain::user::{User, UserStatus};

/// `POST /api/register`.
pub fn register(call: Call<'_, '_>) -> Flow {
    let Call { context, body, .. } = call;
    if !context.setup.registration_open {
        return Err(Fault::RegistrationClosed.into());
    }
    let id = body.opt_parsed("id", UserId::parse)?;
    let username = body.parsed("username", Username::parse)?;
    let nickname = body
        .opt_str("nickname")?
        .map(|text| name("nickname", text))
        .transpose()?;
    let password = read_new_password(context, body, "password")?;
    let now = context.monotonic_ms();
    context
        .attempts
        .register(now, context.address)
        .map_err(|wait| Refusal::rate_limited(wait.0))?;
    Step::password(PasswordJob::Hash(password), move |result, _| {
        let PasswordResult::Hashed(hash) = result else {
            return unexpected();
        };
        let user = NewUser {
            id,
            username,
            nickname,
            password: Some(hash),
        };
        Step::submit_as_server(Command::CreateUsers(vec![user]), |reply, context| match reply {
            Reply::Created(mut created) => match created.pop() {
                Some(user) => signed_in(&*user?, context),
                None => unexpected(),
            },
            _ => unexpected(),
        })
    })
}

/// `POST /api/login`. Unknown users and wrong passwords take the same time and get the same answer.
pub fn login(call: Call<'_, '_>) -> Flow {
    let Call { context, body, .. } = call;
    let account: Box<str> = body.str("username")?.into();
    let password: Box<str> = body.str("password")?.into();
    if password.len() > *context.setup.password_bytes.end() {
        return Err(Fault::InvalidCredentials.into());
    }
    let now = context.monotonic_ms();
    context
        .attempts
        .login(now, &account, context.address)
        .map_err(|wait| Refusal::rate_limited(wait.0))?;
    let Some(username) = Username::parse(&account) else {
        return check_password(account, password, None);
    };
    Step::query(Query::Password(username), move |answer, _| match answer {
        Answer::Password(stored) => check_password(account, password, stored),
        _ => unexpected(),
    })
}

fn check_password(account: Box<str>, password: Box<str>, stored: Option<StoredPassword>) -> Flow {
    let (user, hash) = stored.map_or((None, None), |stored| (Some(stored.user), stored.hash));
    Step::password(PasswordJob::Verify(password, hash), move |result, context| {
        match (result, user) {
            (PasswordResult::Verified(true), Some(user)) => {
                context.attempts.login_returned(&account, context.address);
                match user.status {
                    UserStatus::Active => signed_in(&user, context),
                    UserStatus::Banned => Err(Fault::Banned.into()),
                    UserStatus::Deleted => Err(Fault::InvalidCredentials.into()),
                }
            }
            (PasswordResult::Verified(_), _) => Err(Fault::InvalidCredentials.into()),
            _ => unexpected(),
        }
    })
}

/// Answers with a fresh token of the account.
pub fn signed_in(user: &User, context: &mut Context<'_>) -> Flow {
    let (token, expires_at) = context.issue_token(user);
    Step::json(|out| write_signed_in(&token, expires_at, user, out))
}

/// `GET /api/user/me`.
pub fn me(call: Call<'_, '_>) -> Flow {
    let session = call.context.session()?;
    Step::json(|out| write_user(&session.user, out))
}
