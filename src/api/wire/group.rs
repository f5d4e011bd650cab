//! Groups and members as everybody sees them (contract section 1).

use super::json::Members;
use crate::domain::group::{Group, Member};
use crate::domain::id::UserId;
use crate::domain::user::User;

/// A group.
pub fn write_group(group: &Group, owner: &UserId, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members
        .value("id", group.id.as_str())
        .value("name", &*group.name)
        .value("ownerId", owner.as_str())
        .value("joinPolicy", group.join_policy.as_str())
        .value("memberCount", group.member_count)
        .value("createdAt", group.created_at)
        .end();
}

/// A member.
pub fn write_member(member: &Member, user: &User, out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members
        .value("userId", user.id.as_str())
        .value("nickname", user.nickname.as_deref())
        .value("role", member.role.as_str())
        .value("joinedAt", member.joined_at)
        .end();
}
