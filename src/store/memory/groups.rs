//! Groups and their members.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::accounts::release;
use crate::domain::group::{Group, Member};
use crate::domain::id::{GroupKey, UserKey};

/// Everything about groups.
#[derive(Clone, Default, Debug)]
pub(super) struct Groups {
    rows: BTreeMap<GroupKey, Arc<Group>>,
    ids: BTreeMap<String, GroupKey>,
    members: BTreeMap<(GroupKey, UserKey), Member>,
    memberships: BTreeSet<(UserKey, GroupKey)>,
}

impl Groups {
    pub(super) fn put(&mut self, group: &Arc<Group>) {
        if let Some(old) = self.rows.insert(group.key, group.clone()) {
            release(&mut self.ids, &old.id.folded(), old.key);
        }
        if !group.dismissed {
            self.ids.insert(group.id.folded(), group.key);
        }
    }

    pub(super) fn put_member(&mut self, group: GroupKey, member: Member) {
        self.members.insert((group, member.user), member);
        self.memberships.insert((member.user, group));
    }

    pub(super) fn drop_member(&mut self, group: GroupKey, user: UserKey) {
        self.members.remove(&(group, user));
        self.memberships.remove(&(user, group));
    }

    /// A group by key, dismissed ones too.
    pub(super) fn get(&self, key: GroupKey) -> Option<&Arc<Group>> {
        self.rows.get(&key)
    }

    /// The key of the group that is not dismissed and has this folded id.
    pub(super) fn key_by_id(&self, folded: &str) -> Option<GroupKey> {
        self.ids.get(folded).copied()
    }

    /// The group that is not dismissed and has exactly this id.
    pub(super) fn by_id(&self, id: &str) -> Option<&Arc<Group>> {
        let group = self.get(self.key_by_id(&id.to_ascii_lowercase())?)?;
        (group.id.as_str() == id).then_some(group)
    }

    /// The members in order of joining.
    pub(super) fn members(&self, group: GroupKey) -> Vec<Member> {
        let all = (group, UserKey(i64::MIN))..=(group, UserKey(i64::MAX));
        let mut members: Vec<Member> = self.members.range(all).map(|(_, member)| *member).collect();
        members.sort_by_key(|member| (member.joined_at, member.user));
        members
    }

    /// Whether a user is a member of a group that still exists.
    pub(super) fn is_member(&self, group: GroupKey, user: UserKey) -> bool {
        let exists = self.get(group).is_some_and(|group| !group.dismissed);
        exists && self.members.contains_key(&(group, user))
    }

    /// The groups a user is a member of, by key.
    pub(super) fn of(&self, user: UserKey) -> impl Iterator<Item = GroupKey> {
        let all = (user, GroupKey(i64::MIN))..=(user, GroupKey(i64::MAX));
        self.memberships.range(all).map(|(_, group)| *group)
    }

    /// All groups that are not dismissed, by key.
    pub(super) fn living(&self) -> impl Iterator<Item = &Arc<Group>> {
        self.rows.values().filter(|group| !group.dismissed)
    }

    /// The highest key ever used.
    pub(super) fn highest_key(&self) -> i64 {
        self.rows.last_key_value().map_or(0, |(key, _)| key.0)
    }
}
