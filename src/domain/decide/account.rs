//! Accounts: creating, signing in, ending.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Decision, active_user, group, require_admin, sessions_ended, subject};
use crate::domain::change::Change;
use crate::domain::command::{Account, Actor, NewUser, Reply, UserUpdate};
use crate::domain::event::{Audience, Event, Notice, NoticeKind, SessionEnd};
use crate::domain::facts::Lookup;
use crate::domain::id::{Timestamp, UserId, UserKey};
use crate::domain::rejection::{Refusal, Rejection};
use crate::domain::user::{PasswordHash, TokenId, User, UserRef, UserStatus};

pub fn authenticate(
    user: UserKey,
    generation: i64,
    token: Option<&TokenId>,
    facts: &mut Lookup<'_>,
) -> Result<Decision, Refusal> {
    let user = active_user(user, facts)?;
    let revoked = match token {
        Some(token) => facts.source().is_token_revoked(user.key, token)?,
        None => false,
    };
    if user.generation != generation || revoked {
        return Err(Rejection::TokenRevoked.into());
    }
    Ok(Decision::reply(Reply::Account(Account { user })))
}

pub fn look_up(actor: Actor, users: &[UserRef], facts: &mut Lookup<'_>) -> Result<Decision, Refusal> {
    require_admin(actor)?;
    let mut accounts = Vec::with_capacity(users.len());
    for user in users {
        accounts.push(match subject(actor, user, facts) {
            Ok(user) if user.is_active() => Ok(Account { user }),
            Ok(_) => Err(Rejection::Banned),
            Err(Refusal::Rejected(rejection)) => Err(rejection),
            Err(error) => return Err(error),
        });
    }
    Ok(Decision::reply(Reply::Accounts(accounts)))
}

/// Names taken by earlier users of the same command, which the facts do not know yet.
#[derive(Default)]
struct Taken {
    ids: HashSet<String>,
    usernames: HashSet<String>,
}

pub fn create(users: &[NewUser], facts: &mut Lookup<'_>, now: Timestamp) -> Result<Decision, Refusal> {
    let mut decision = Decision::reply(Reply::Done);
    let mut taken = Taken::default();
    let mut results = Vec::with_capacity(users.len());
    for new in users {
        results.push(match create_one(new, &mut taken, facts, now, &mut decision) {
            Ok(user) => Ok(user),
            Err(Refusal::Rejected(rejection)) => Err(rejection),
            Err(error) => return Err(error),
        });
    }
    decision.reply = Reply::Created(results);
    Ok(decision)
}

fn create_one(
    new: &NewUser,
    taken: &mut Taken,
    facts: &mut Lookup<'_>,
    now: Timestamp,
    decision: &mut Decision,
) -> Result<Arc<User>, Refusal> {
    let username = new.username.folded();
    if taken.usernames.contains(&username) || facts.source().user_by_username(&username)?.is_some() {
        return Err(Rejection::UsernameTaken.into());
    }
    let id = new.id.clone().unwrap_or_else(|| UserId::stored(new.username.as_str()));
    let folded = id.folded();
    if taken.ids.contains(&folded) || facts.user_key_like(&folded)?.is_some() {
        return Err(Rejection::IdTaken.into());
    }
    let user = Arc::new(User {
        key: facts.next_user()?,
        id,
        username: new.username.clone(),
        nickname: new.nickname.clone(),
        avatar: None,
        status: UserStatus::Active,
        created_at: now,
        generation: 1,
        granted: Arc::new([]),
    });
    taken.usernames.insert(username);
    taken.ids.insert(folded);
    decision.changes.push(Change::PutUser(user.clone()));
    if let Some(hash) = &new.password {
        decision.changes.push(Change::PutPassword(user.key, hash.clone()));
    }
    let notice = Arc::new(Notice {
        position: facts.next_position()?,
        timestamp: now,
        kind: NoticeKind::UserRegistered,
        group: None,
        users: vec![user.clone()],
        by: None,
    });
    decision.changes.push(Change::PutNotice(notice.clone()));
    decision.events.push(Event::Notice {
        notice,
        audience: Audience::Nobody,
    });
    Ok(user)
}

pub fn revoke_token(user: UserKey, token: &TokenId, expires_at: Timestamp) -> Result<Decision, Refusal> {
    let change = Change::PutRevokedToken {
        user,
        token: *token,
        expires_at,
    };
    let event = Event::SessionsEnded {
        user,
        token: Some(*token),
        reason: SessionEnd::TokenRevoked,
    };
    Ok(Decision {
        changes: vec![change],
        events: vec![event],
        reply: Reply::Done,
    })
}

/// The account with all of its tokens ended.
fn without_tokens(user: &User) -> User {
    User {
        generation: user.generation + 1,
        ..user.clone()
    }
}

fn put(user: User, events: Vec<Event>) -> Decision {
    let user = Arc::new(user);
    Decision {
        changes: vec![Change::PutUser(user.clone())],
        events,
        reply: Reply::User(user),
    }
}

pub fn revoke_tokens(actor: Actor, user: &UserRef, facts: &mut Lookup<'_>) -> Result<Decision, Refusal> {
    let user = subject(actor, user, facts)?;
    Ok(put(
        without_tokens(&user),
        vec![sessions_ended(user.key, SessionEnd::TokenRevoked)],
    ))
}

pub fn kick(actor: Actor, user: &UserRef, facts: &mut Lookup<'_>) -> Result<Decision, Refusal> {
    require_admin(actor)?;
    let user = subject(actor, user, facts)?;
    let events = vec![sessions_ended(user.key, SessionEnd::Kicked)];
    Ok(Decision {
        changes: Vec::new(),
        events,
        reply: Reply::Done,
    })
}

pub fn update(actor: Actor, user: &UserRef, update: &UserUpdate, facts: &mut Lookup<'_>) -> Result<Decision, Refusal> {
    let user = subject(actor, user, facts)?;
    let UserUpdate { nickname, avatar } = update.clone();
    let changed = User {
        nickname: nickname.unwrap_or_else(|| user.nickname.clone()),
        avatar: avatar.unwrap_or_else(|| user.avatar.clone()),
        ..(*user).clone()
    };
    Ok(put(changed, vec![Event::UserChanged(user.key)]))
}

pub fn set_password(
    actor: Actor,
    user: &UserRef,
    password: &PasswordHash,
    generation: Option<i64>,
    facts: &mut Lookup<'_>,
) -> Result<Decision, Refusal> {
    let user = subject(actor, user, facts)?;
    if generation.is_some_and(|checked| checked != user.generation) {
        return Err(Rejection::TokenRevoked.into());
    }
    let mut decision = put(
        without_tokens(&user),
        vec![sessions_ended(user.key, SessionEnd::TokenRevoked)],
    );
    decision.changes.push(Change::PutPassword(user.key, password.clone()));
    if let Reply::User(user) = decision.reply {
        decision.reply = Reply::Account(Account { user });
    }
    Ok(decision)
}

pub fn set_banned(actor: Actor, user: &UserRef, banned: bool, facts: &mut Lookup<'_>) -> Result<Decision, Refusal> {
    require_admin(actor)?;
    let user = subject(actor, user, facts)?;
    if !banned {
        let active = User {
            status: UserStatus::Active,
            ..(*user).clone()
        };
        return Ok(put(active, vec![Event::UserChanged(user.key)]));
    }
    let banned = User {
        status: UserStatus::Banned,
        ..without_tokens(&user)
    };
    Ok(put(banned, vec![sessions_ended(user.key, SessionEnd::Banned)]))
}

pub fn delete(actor: Actor, user: &UserRef, facts: &mut Lookup<'_>, now: Timestamp) -> Result<Decision, Refusal> {
    require_admin(actor)?;
    let user = subject(actor, user, facts)?;
    let deleted = User {
        status: UserStatus::Deleted,
        ..without_tokens(&user)
    };
    let mut decision = put(deleted, Vec::new());
    decision.changes.push(Change::DropPassword(user.key));
    for key in facts.source().groups_of(user.key)? {
        group::abandon(key, &user, &mut decision, facts, now)?;
    }
    decision.events.push(sessions_ended(user.key, SessionEnd::TokenRevoked));
    Ok(decision)
}

pub fn set_grant(
    actor: Actor,
    user: &UserRef,
    identity: &UserRef,
    granted: bool,
    facts: &mut Lookup<'_>,
) -> Result<Decision, Refusal> {
    require_admin(actor)?;
    let user = subject(actor, user, facts)?;
    let identity = subject(actor, identity, facts)?;
    let mut identities: Vec<UserKey> = user
        .granted
        .iter()
        .copied()
        .filter(|key| *key != identity.key)
        .collect();
    if granted {
        identities.push(identity.key);
    }
    let changed = User {
        granted: identities.into(),
        ..(*user).clone()
    };
    Ok(put(changed, vec![Event::UserChanged(user.key)]))
}
