//! API keys.

use super::{Decision, require_admin};
use crate::domain::change::Change;
use crate::domain::command::{Actor, ApiKey, Reply};
use crate::domain::event::Event;
use crate::domain::facts::Lookup;
use crate::domain::rejection::{Refusal, Rejection};

pub fn authenticate(digest: &[u8; 32], facts: &mut Lookup<'_>) -> Result<Decision, Refusal> {
    let key = facts.source().key(digest)?.ok_or(Rejection::TokenRevoked)?;
    Ok(Decision::reply(Reply::Key(key)))
}

pub fn create(actor: Actor, key: &ApiKey) -> Result<Decision, Refusal> {
    require_admin(actor)?;
    Ok(Decision {
        changes: vec![Change::PutKey(key.clone())],
        events: Vec::new(),
        reply: Reply::Done,
    })
}

pub fn revoke(actor: Actor, id: &str, facts: &mut Lookup<'_>) -> Result<Decision, Refusal> {
    require_admin(actor)?;
    let key = facts.source().key_by_id(id)?.ok_or(Rejection::NotFound)?;
    Ok(Decision {
        changes: vec![Change::DropKey(key.id)],
        events: vec![Event::KeyRevoked(key.digest)],
        reply: Reply::Done,
    })
}
