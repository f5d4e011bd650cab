//! Creating a group for somebody. What else a back end does with groups is what members do.

use crate::api::refusal::Fault;
use crate::api::rest::group::create_for;
use crate::api::step::{Call, Flow};
use crate::domain::id::UserId;
use crate::domain::user::UserRef;

/// `POST /api/admin/group/create {id?, name, creatorId, memberIds?, joinPolicy?}`.
pub fn create(call: Call<'_, '_>) -> Flow {
    let creator = UserId::parse(call.body.str("creatorId")?).ok_or(Fault::UserNotFound)?;
    create_for(UserRef::Id(creator), call)
}
