//! Accounts, for back ends.

use std::sync::Arc;

use crate::api::context::Context;
use crate::api::port::{PasswordJob, PasswordResult};
use crate::api::refusal::{Fault, Refusal};
use crate::api::rest::field::{name, read_new_password};
use crate::api::rest::user::{listed, read_update, updated};
use crate::api::step::{Call, Flow, Step, unexpected};
use crate::api::wire::document::Object;
use crate::api::wire::list::write_items;
use crate::api::wire::user::{Imported, Minted, write_imported, write_minted, write_token, write_user};
use crate::base::limits;
use crate::domain::command::{Account, Command, NewUser, Reply};
use crate::domain::id::{UserId, Username};
use crate::domain::query::Query;
use crate::domain::rejection::Rejection;
use crate::domain::user::{PasswordHash, User, UserRef};

/// `GET /api/admin/users`.
pub fn list(call: Call<'_, '_>) -> Flow {
    Step::query(Query::Users(call.parameters.page()?), listed)
}

/// `POST /api/admin/user/create {id?, username, password?, nickname?}`.
pub fn create(call: Call<'_, '_>) -> Flow {
    let Call { context, body, .. } = call;
    let user = read_new_user(body)?;
    if body.opt_str("password")?.is_none() {
        return submit_new(user, context);
    }
    let password = read_new_password(context, body, "password")?;
    Step::password(PasswordJob::Hash(password), move |result, context| match result {
        PasswordResult::Hashed(hash) => submit_new(
            NewUser {
                password: Some(hash),
                ..user
            },
            context,
        ),
        _ => unexpected(),
    })
}

fn submit_new(user: NewUser, context: &mut Context<'_>) -> Flow {
    Step::submit(context, Command::CreateUsers(vec![user]), |reply, _| match reply {
        Reply::Created(mut created) => match created.pop() {
            Some(Ok(user)) => Step::json(|out| write_user(&user, out)),
            Some(Err(rejection)) => Err(rejection.into()),
            None => unexpected(),
        },
        _ => unexpected(),
    })
}

fn read_new_user(body: Object<'_>) -> Result<NewUser, Refusal> {
    Ok(NewUser {
        id: body.opt_parsed("id", UserId::parse)?,
        username: body.parsed("username", Username::parse)?,
        nickname: body
            .opt_str("nickname")?
            .map(|text| name("nickname", text))
            .transpose()?,
        password: None,
    })
}

/// `POST /api/admin/user/import {users: [{id?, username, nickname?}]}`: each for itself, in one commit.
pub fn import(call: Call<'_, '_>) -> Flow {
    let objects = call.body.objects("users", limits::BULK_ITEMS)?;
    let mut items: Vec<Imported> = Vec::with_capacity(objects.len());
    let mut users = Vec::with_capacity(objects.len());
    for object in objects {
        let id = object
            .opt_str("id")
            .ok()
            .flatten()
            .or(object.opt_str("username").ok().flatten());
        let read = read_new_user(object);
        items.push(Imported {
            id: id.unwrap_or_default().into(),
            refusal: read.as_ref().err().cloned(),
        });
        users.extend(read.ok());
    }
    Step::submit(call.context, Command::CreateUsers(users), move |reply, _| match reply {
        Reply::Created(created) => Step::json(|out| write_items(&merge(items, created), write_imported, out)),
        _ => unexpected(),
    })
}

/// Puts the results of those that could be read among those that could not.
fn merge(mut items: Vec<Imported>, created: Vec<Result<Arc<User>, Rejection>>) -> Vec<Imported> {
    let readable = items.iter_mut().filter(|item| item.refusal.is_none());
    for (item, result) in readable.zip(created) {
        item.refusal = result.err().map(Refusal::from);
    }
    items
}

fn subject(body: Object<'_>, field: &'static str) -> Result<UserRef, Refusal> {
    let id = UserId::parse(body.str(field)?).ok_or(Fault::UserNotFound)?;
    Ok(UserRef::Id(id))
}

fn done(_: Reply, _: &mut Context<'_>) -> Flow {
    Step::done()
}

/// `POST /api/admin/user/update {userId, nickname?, avatar?}`.
pub fn update(call: Call<'_, '_>) -> Flow {
    let command = Command::UpdateUser {
        user: subject(call.body, "userId")?,
        update: read_update(call.body)?,
    };
    Step::submit(call.context, command, |reply, _| updated(reply))
}

/// `POST /api/admin/user/password {userId, password}`: ends all tokens of the user.
pub fn password(call: Call<'_, '_>) -> Flow {
    let user = subject(call.body, "userId")?;
    let password = read_new_password(call.context, call.body, "password")?;
    Step::password(PasswordJob::Hash(password), move |result, context| match result {
        PasswordResult::Hashed(hash) => set_password(user, hash, context),
        _ => unexpected(),
    })
}

fn set_password(user: UserRef, password: PasswordHash, context: &mut Context<'_>) -> Flow {
    Step::submit(
        context,
        Command::SetPassword {
            user,
            password,
            generation: None,
        },
        done,
    )
}

/// `POST /api/admin/user/ban {userId}`.
pub fn ban(call: Call<'_, '_>) -> Flow {
    Step::submit(
        call.context,
        Command::SetBanned {
            user: subject(call.body, "userId")?,
            banned: true,
        },
        done,
    )
}

/// `POST /api/admin/user/unban {userId}`.
pub fn unban(call: Call<'_, '_>) -> Flow {
    Step::submit(
        call.context,
        Command::SetBanned {
            user: subject(call.body, "userId")?,
            banned: false,
        },
        done,
    )
}

/// `POST /api/admin/user/kick {userId}`: closes its sockets; its tokens stay.
pub fn kick(call: Call<'_, '_>) -> Flow {
    Step::submit(call.context, Command::KickUser(subject(call.body, "userId")?), done)
}

/// `POST /api/admin/user/delete {userId}`.
pub fn delete(call: Call<'_, '_>) -> Flow {
    Step::submit(call.context, Command::DeleteUser(subject(call.body, "userId")?), done)
}

/// `POST /api/admin/user/grant {userId, identityId}`: may send in that name.
pub fn grant(call: Call<'_, '_>) -> Flow {
    set_grant(call, true)
}

/// `POST /api/admin/user/revoke {userId, identityId}`.
pub fn revoke(call: Call<'_, '_>) -> Flow {
    set_grant(call, false)
}

fn set_grant(call: Call<'_, '_>, granted: bool) -> Flow {
    let (user, identity) = (subject(call.body, "userId")?, subject(call.body, "identityId")?);
    Step::submit(
        call.context,
        Command::SetGrant {
            user,
            identity,
            granted,
        },
        done,
    )
}

/// `POST /api/admin/user/token {userId}` or `{userIds: [...]}`: tokens for single sign-on.
pub fn token(call: Call<'_, '_>) -> Flow {
    let Call { context, body, .. } = call;
    let Some(ids) = body.opt_list("userIds", limits::BULK_ITEMS, UserId::parse)? else {
        let user = subject(body, "userId")?;
        return Step::submit(
            context,
            Command::LookUpAccounts(vec![user]),
            |reply, context| match reply {
                Reply::Accounts(mut accounts) => match accounts.pop() {
                    Some(account) => answer_token(&account?, context),
                    None => unexpected(),
                },
                _ => unexpected(),
            },
        );
    };
    let users = ids.iter().cloned().map(UserRef::Id).collect();
    Step::submit(
        context,
        Command::LookUpAccounts(users),
        move |reply, context| match reply {
            Reply::Accounts(accounts) => {
                let mint = |(user_id, account)| mint(user_id, account, context);
                let minted: Vec<Minted> = ids.into_iter().zip(accounts).map(mint).collect();
                Step::json(|out| write_items(&minted, write_minted, out))
            }
            _ => unexpected(),
        },
    )
}

fn answer_token(account: &Account, context: &mut Context<'_>) -> Flow {
    let (token, expires_at) = context.issue_token(&account.user);
    Step::json(|out| write_token(&token, expires_at, out))
}

fn mint(user_id: UserId, account: Result<Account, Rejection>, context: &mut Context<'_>) -> Minted {
    let result = account
        .map(|account| context.issue_token(&account.user))
        .map_err(Refusal::from);
    Minted { user_id, result }
}
