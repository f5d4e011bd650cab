//! Profiles: one's own to change, others' to see.

use crate::api::port::{PasswordJob, PasswordResult};
use crate::api::refusal::{Fault, Refusal};
use crate::api::rest::account::signed_in;
use crate::api::rest::field::{NAME_BYTES, bounded, name, read_new_password};
use crate::api::step::{Call, Flow, Step, unexpected};
use crate::api::wire::document::Object;
use crate::api::wire::list::write_listed;
use crate::api::wire::user::write_user;
use crate::domain::command::{Command, Reply, UserUpdate};
use crate::domain::id::UserId;
use crate::domain::query::{Answer, Query, StoredPassword};
use crate::domain::user::{PasswordHash, UserRef};

/// Bytes of a picture's address.
const AVATAR_BYTES: usize = 2048;

/// `POST /api/user/update {nickname?, avatar?}`; null clears a field.
pub fn update(call: Call<'_, '_>) -> Flow {
    let user = UserRef::Key(call.context.user()?);
    let update = read_update(call.body)?;
    Step::submit(call.context, Command::UpdateUser { user, update }, |reply, _| {
        updated(reply)
    })
}

/// Answers with the user that a command changed.
pub fn updated(reply: Reply) -> Flow {
    match reply {
        Reply::User(user) => Step::json(|out| write_user(&user, out)),
        _ => unexpected(),
    }
}

/// The fields of a profile that may be changed.
///
/// # Errors
/// `invalid_<field>`.
pub fn read_update(body: Object<'_>) -> Result<UserUpdate, Refusal> {
    let nickname = body.nullable_str("nickname")?;
    let avatar = body.nullable_str("avatar")?;
    Ok(UserUpdate {
        nickname: nickname
            .map(|text| text.map(|text| name("nickname", text)).transpose())
            .transpose()?,
        avatar: avatar
            .map(|text| text.map(|text| bounded("avatar", text, AVATAR_BYTES)).transpose())
            .transpose()?,
    })
}

/// `POST /api/user/password {oldPassword, newPassword}`: ends all tokens and answers with a new one.
pub fn password(call: Call<'_, '_>) -> Flow {
    let Call { context, body, .. } = call;
    let old: Box<str> = body.str("oldPassword")?.into();
    let new = read_new_password(context, body, "newPassword")?;
    let session = context.session()?.clone();
    let account = session.user.username.as_str();
    let now = context.monotonic_ms();
    context
        .attempts
        .login(now, account, context.address)
        .map_err(|wait| Refusal::rate_limited(wait.0))?;
    Step::query(Query::PasswordOf(session.user.key), move |answer, _| match answer {
        Answer::Password(Some(stored)) => check_old(old, new, stored),
        _ => Err(Fault::InvalidCredentials.into()),
    })
}

fn check_old(old: Box<str>, new: Box<str>, stored: StoredPassword) -> Flow {
    let StoredPassword { user, hash } = stored;
    Step::password(PasswordJob::Verify(old, hash), move |result, context| match result {
        PasswordResult::Verified(true) => {
            context.attempts.login_returned(user.username.as_str(), context.address);
            Step::password(PasswordJob::Hash(new), move |result, context| match result {
                PasswordResult::Hashed(password) => {
                    set_password(UserRef::Key(user.key), password, user.generation, context)
                }
                _ => unexpected(),
            })
        }
        PasswordResult::Verified(false) => Err(Fault::InvalidCredentials.into()),
        _ => unexpected(),
    })
}

fn set_password(
    user: UserRef,
    password: PasswordHash,
    generation: i64,
    context: &mut crate::api::context::Context<'_>,
) -> Flow {
    let command = Command::SetPassword {
        user,
        password,
        generation: Some(generation),
    };
    Step::submit(context, command, |reply, context| match reply {
        Reply::Account(account) => signed_in(&account.user, context),
        _ => unexpected(),
    })
}

/// `GET /api/user/{id}` and `GET /api/admin/user/{id}`.
pub fn get(call: Call<'_, '_>) -> Flow {
    let id = call.parameters.id(UserId::parse, Fault::UserNotFound)?;
    Step::query(Query::User(id), |answer, _| match answer {
        Answer::User(user) => Step::json(|out| write_user(&user, out)),
        _ => unexpected(),
    })
}

/// `GET /api/user/search?q=`: by the beginning of id, username or nickname.
pub fn search(call: Call<'_, '_>) -> Flow {
    let text = call.parameters.text("q")?.filter(|text| text.len() <= NAME_BYTES);
    let text = text.ok_or_else(|| Refusal::field("q", "Give `q`: the beginning of an id, username or nickname."))?;
    Step::query(Query::SearchUsers(text.into(), call.parameters.page()?), listed)
}

/// Answers with a page of users.
pub fn listed(answer: Answer, _: &mut crate::api::context::Context<'_>) -> Flow {
    match answer {
        Answer::Users(users) => Step::json(|out| write_listed(&users, |user, out| write_user(user, out), out)),
        _ => unexpected(),
    }
}
