//! Who may do what: the pure decision over a command and the facts.

mod account;
mod group;
mod key;
mod message;
mod webhook;

use std::sync::Arc;

use super::change::Change;
use super::command::{Actor, Command, Reply, Submission};
use super::event::{Event, SessionEnd};
use super::facts::Lookup;
use super::id::{Timestamp, UserKey};
use super::rejection::{Refusal, Rejection};
use super::user::{User, UserRef, UserStatus};

/// What a command comes to.
#[derive(Debug)]
pub struct Decision {
    /// To be written, all or nothing.
    pub changes: Vec<Change>,
    /// Become true with the commit.
    pub events: Vec<Event>,
    /// To be answered after the commit.
    pub reply: Reply,
}

impl Decision {
    /// Nothing changes; only an answer.
    fn reply(reply: Reply) -> Self {
        Self {
            changes: Vec::new(),
            events: Vec::new(),
            reply,
        }
    }
}

/// Decides one submission. Reads facts, draws nothing from anywhere else.
pub fn decide(submission: &Submission, facts: &mut Lookup<'_>, now: Timestamp) -> Result<Decision, Refusal> {
    let actor = submission.actor;
    match &submission.command {
        Command::Send(send) => message::send(actor, send, submission.connection, facts, now),
        Command::Acknowledge {
            conversation,
            receipt,
            seq,
        } => message::acknowledge(actor, conversation, *receipt, *seq, submission.connection, facts),
        Command::Authenticate {
            user,
            generation,
            token,
        } => account::authenticate(*user, *generation, token.as_ref(), facts),
        Command::AuthenticateKey(digest) => key::authenticate(digest, facts),
        Command::LookUpAccounts(users) => account::look_up(actor, users, facts),
        Command::CreateUsers(users) => account::create(users, facts, now),
        Command::RevokeToken {
            user,
            token,
            expires_at,
        } => account::revoke_token(*user, token, *expires_at),
        Command::RevokeTokens(user) => account::revoke_tokens(actor, user, facts),
        Command::KickUser(user) => account::kick(actor, user, facts),
        Command::UpdateUser { user, update } => account::update(actor, user, update, facts),
        Command::SetPassword {
            user,
            password,
            generation,
        } => account::set_password(actor, user, password, *generation, facts),
        Command::SetBanned { user, banned } => account::set_banned(actor, user, *banned, facts),
        Command::DeleteUser(user) => account::delete(actor, user, facts, now),
        Command::SetGrant {
            user,
            identity,
            granted,
        } => account::set_grant(actor, user, identity, *granted, facts),
        Command::CreateGroup(new) => group::create(actor, new, facts, now),
        Command::UpdateGroup {
            group,
            name,
            join_policy,
        } => group::update(actor, group, name.as_ref(), *join_policy, facts, now),
        Command::AddMembers { group, members } => group::add_members(actor, group, members, facts, now),
        Command::RemoveMembers { group, members } => group::remove_members(actor, group, members, facts, now),
        Command::JoinGroup(group) => group::join(actor, group, facts, now),
        Command::LeaveGroup(group) => group::leave(actor, group, facts, now),
        Command::SetRole { group, user, role } => group::set_role(actor, group, user, *role, facts, now),
        Command::TransferGroup { group, user } => group::transfer(actor, group, user, facts, now),
        Command::DismissGroup(group) => group::dismiss(actor, group, facts, now),
        Command::CreateKey(new) => key::create(actor, new),
        Command::RevokeKey(id) => key::revoke(actor, id, facts),
        Command::CreateWebhook(new) => webhook::create(actor, new, facts),
        Command::UpdateWebhook { id, update } => webhook::update(actor, id, update, facts),
        Command::DeleteWebhook(id) => webhook::delete(actor, id, facts),
        Command::RecordDeliveries {
            webhook,
            position,
            failing,
            delivered,
        } => webhook::record(actor, webhook, *position, failing, delivered, facts),
        Command::ReplayDeliveries { webhook, position } => webhook::replay(actor, webhook, *position, facts),
        Command::Probe => Ok(Decision::reply(Reply::Done)),
    }
}

fn require_admin(actor: Actor) -> Result<(), Rejection> {
    match actor {
        Actor::Admin => Ok(()),
        Actor::User(_) => Err(Rejection::Forbidden),
    }
}

/// The acting account, which must be usable at this very moment.
fn active_user(key: UserKey, facts: &mut Lookup<'_>) -> Result<Arc<User>, Refusal> {
    let user = facts.user(key)?.ok_or(Rejection::TokenRevoked)?;
    match user.status {
        UserStatus::Active => Ok(user),
        UserStatus::Banned => Err(Rejection::Banned.into()),
        UserStatus::Deleted => Err(Rejection::TokenRevoked.into()),
    }
}

/// The acting account of a command that only users give.
fn acting_user(actor: Actor, facts: &mut Lookup<'_>) -> Result<Arc<User>, Refusal> {
    match actor {
        Actor::User(key) => active_user(key, facts),
        Actor::Admin => Err(Rejection::Forbidden.into()),
    }
}

/// The account a command is about: anybody for an admin, oneself for a user.
fn subject(actor: Actor, user: &UserRef, facts: &mut Lookup<'_>) -> Result<Arc<User>, Refusal> {
    let found = match user {
        UserRef::Id(id) => facts.user_by_id(id.as_str())?,
        UserRef::Key(key) => facts.user(*key)?.filter(|user| user.status != UserStatus::Deleted),
    };
    let found = found.ok_or(Rejection::UserNotFound)?;
    match actor {
        Actor::User(own) if own != found.key => Err(Rejection::Forbidden.into()),
        Actor::User(own) => active_user(own, facts),
        Actor::Admin => Ok(found),
    }
}

fn sessions_ended(user: UserKey, reason: SessionEnd) -> Event {
    Event::SessionsEnded {
        user,
        token: None,
        reason,
    }
}
