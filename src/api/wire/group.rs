//! Groups as everybody sees them (contract section 1).

use super::json::Members;
use crate::domain::group::Group;
use crate::domain::id::UserId;

/// A group and its owner's id.
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
