//! Groups: who may enter, leave, change and end them.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Decision, acting_user, active_user, subject};
use crate::base::limits;
use crate::domain::change::Change;
use crate::domain::command::{Actor, NewGroup, Reply};
use crate::domain::conversation::{Conversation, Parties};
use crate::domain::event::{Audience, Event, Notice, NoticeKind};
use crate::domain::facts::Lookup;
use crate::domain::group::{Group, JoinPolicy, Member, Role};
use crate::domain::id::{GroupId, GroupKey, Position, Timestamp, UserId, UserKey};
use crate::domain::rejection::{Refusal, Rejection};
use crate::domain::user::User;

/// A group command under way: the group, who acts, and with what power.
struct Acting {
    group: Arc<Group>,
    /// `None` for an admin of the server.
    by: Option<UserId>,
    role: Role,
}

/// Finds the group and the actor's role in it; an admin of the server acts as an owner.
fn acting(actor: Actor, group: &GroupId, facts: &mut Lookup<'_>) -> Result<Acting, Refusal> {
    let group = facts.group_by_id(group.as_str())?.ok_or(Rejection::GroupNotFound)?;
    let Actor::User(key) = actor else {
        return Ok(Acting {
            group,
            by: None,
            role: Role::Owner,
        });
    };
    let user = active_user(key, facts)?;
    let role = facts.members(group.key)?.get(key).ok_or(Rejection::NotAMember)?.role;
    Ok(Acting {
        group,
        by: Some(user.id.clone()),
        role,
    })
}

fn require(allowed: bool) -> Result<(), Rejection> {
    if allowed { Ok(()) } else { Err(Rejection::Forbidden) }
}

/// A change of a group being put together: rows, the notice about it, and who sees the notice.
struct Draft {
    group: Group,
    changes: Vec<Change>,
    seen_by: Vec<UserKey>,
}

impl Draft {
    fn new(group: &Group, facts: &mut Lookup<'_>) -> Result<Self, Refusal> {
        let seen_by = facts.members(group.key)?.audience().to_vec();
        Ok(Self {
            group: group.clone(),
            changes: Vec::new(),
            seen_by,
        })
    }

    fn put_member(&mut self, member: Member, position: Position) {
        self.changes.push(Change::PutMember(self.group.key, member));
        let conversation = self.group.conversation;
        self.changes.push(Change::PutParticipant {
            conversation,
            user: member.user,
            position,
        });
        self.seen_by.push(member.user);
        self.group.member_count += 1;
    }

    fn set_role(&mut self, member: Member, role: Role) {
        self.changes
            .push(Change::PutMember(self.group.key, Member { role, ..member }));
    }

    fn drop_member(&mut self, user: UserKey) {
        self.changes.push(Change::DropMember(self.group.key, user));
        self.changes.push(Change::DropParticipant {
            conversation: self.group.conversation,
            user,
        });
        self.group.member_count -= 1;
    }

    /// Ends the draft: the group's row, the notice, and the answer.
    fn finish(
        self,
        kind: NoticeKind,
        users: Vec<Arc<User>>,
        by: Option<UserId>,
        at: Timestamp,
        facts: &mut Lookup<'_>,
    ) -> Result<Decision, Refusal> {
        let mut changes = self.changes;
        let group = Arc::new(self.group);
        let owner = facts.user(group.owner)?.ok_or(Rejection::UserNotFound)?.id.clone();
        changes.push(Change::PutGroup(group.clone()));
        let notice = Arc::new(Notice {
            position: facts.next_position()?,
            timestamp: at,
            kind,
            group: Some((group.clone(), owner.clone())),
            users,
            by,
        });
        changes.push(Change::PutNotice(notice.clone()));
        let events = vec![Event::Notice {
            notice,
            audience: Audience::Users(self.seen_by.into()),
        }];
        Ok(Decision {
            changes,
            events,
            reply: Reply::Group(group, owner),
        })
    }
}

pub fn create(actor: Actor, new: &NewGroup, facts: &mut Lookup<'_>, now: Timestamp) -> Result<Decision, Refusal> {
    let creator = subject(actor, &new.creator, facts)?;
    if facts.group_key_like(new.id.as_str())?.is_some() {
        return Err(Rejection::IdTaken.into());
    }
    let members = known_users(&new.members, facts)?;
    let key = facts.next_group()?;
    let conversation = facts.next_conversation()?;
    let group = Group {
        key,
        id: new.id.clone(),
        name: new.name.clone(),
        owner: creator.key,
        join_policy: new.join_policy,
        member_count: 0,
        created_at: now,
        dismissed: false,
        conversation,
    };
    let mut draft = Draft {
        group,
        changes: Vec::new(),
        seen_by: Vec::new(),
    };
    let parties = Parties::Group(key);
    let empty = Conversation {
        key: conversation,
        parties,
        head: 0,
        last_position: Position(0),
        last_at: 0,
    };
    draft.changes.push(Change::PutConversation(empty));
    let position = facts.head()?;
    draft.put_member(
        Member {
            user: creator.key,
            role: Role::Owner,
            joined_at: now,
        },
        position,
    );
    let others: Vec<_> = members.into_iter().filter(|user| user.key != creator.key).collect();
    for user in &others {
        draft.put_member(
            Member {
                user: user.key,
                role: Role::Member,
                joined_at: now,
            },
            position,
        );
    }
    require_room(&draft.group)?;
    let by = matches!(actor, Actor::User(_)).then(|| creator.id.clone());
    let mut users = vec![creator];
    users.extend(others);
    draft.finish(NoticeKind::GroupCreated, users, by, now, facts)
}

/// The accounts behind the ids, each once; all must exist.
fn known_users(ids: &[UserId], facts: &mut Lookup<'_>) -> Result<Vec<Arc<User>>, Refusal> {
    let mut seen = HashSet::new();
    let mut users = Vec::with_capacity(ids.len());
    for id in ids {
        let user = facts.require_user(id.as_str())?;
        if seen.insert(user.key) {
            users.push(user);
        }
    }
    Ok(users)
}

fn require_room(group: &Group) -> Result<(), Rejection> {
    let full = group.member_count > limits::GROUP_MEMBERS as i64;
    if full { Err(Rejection::GroupFull) } else { Ok(()) }
}

pub fn update(
    actor: Actor,
    group: &GroupId,
    name: Option<&Arc<str>>,
    join_policy: Option<JoinPolicy>,
    facts: &mut Lookup<'_>,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let Acting { group, by, role } = acting(actor, group, facts)?;
    require(role >= Role::Admin)?;
    let mut draft = Draft::new(&group, facts)?;
    draft.group.name = name.cloned().unwrap_or_else(|| group.name.clone());
    draft.group.join_policy = join_policy.unwrap_or(group.join_policy);
    draft.finish(NoticeKind::GroupUpdated, Vec::new(), by, now, facts)
}

/// The group as it is, when nothing had to change.
fn unchanged(group: Arc<Group>, facts: &mut Lookup<'_>) -> Result<Decision, Refusal> {
    let owner = facts.user(group.owner)?.ok_or(Rejection::UserNotFound)?.id.clone();
    Ok(Decision::reply(Reply::Group(group, owner)))
}

pub fn add_members(
    actor: Actor,
    group: &GroupId,
    ids: &[UserId],
    facts: &mut Lookup<'_>,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let Acting { group, by, role } = acting(actor, group, facts)?;
    require(role >= Role::Admin || group.join_policy == JoinPolicy::Open)?;
    enter(group, by, known_users(ids, facts)?, facts, now)
}

pub fn join(actor: Actor, group: &GroupId, facts: &mut Lookup<'_>, now: Timestamp) -> Result<Decision, Refusal> {
    let user = acting_user(actor, facts)?;
    let group = facts.group_by_id(group.as_str())?.ok_or(Rejection::GroupNotFound)?;
    let is_member = facts.members(group.key)?.get(user.key).is_some();
    require(is_member || group.join_policy == JoinPolicy::Open)?;
    enter(group, Some(user.id.clone()), vec![user], facts, now)
}

fn enter(
    group: Arc<Group>,
    by: Option<UserId>,
    mut users: Vec<Arc<User>>,
    facts: &mut Lookup<'_>,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let members = facts.members(group.key)?;
    users.retain(|user| members.get(user.key).is_none());
    if users.is_empty() {
        return unchanged(group, facts);
    }
    let mut draft = Draft::new(&group, facts)?;
    let position = facts.head()?;
    for user in &users {
        draft.put_member(
            Member {
                user: user.key,
                role: Role::Member,
                joined_at: now,
            },
            position,
        );
    }
    require_room(&draft.group)?;
    draft.finish(NoticeKind::GroupMemberAdded, users, by, now, facts)
}

pub fn remove_members(
    actor: Actor,
    group: &GroupId,
    ids: &[UserId],
    facts: &mut Lookup<'_>,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let Acting { group, by, role } = acting(actor, group, facts)?;
    require(role >= Role::Admin)?;
    let mut users = known_users(ids, facts)?;
    let members = facts.members(group.key)?;
    users.retain(|user| members.get(user.key).is_some());
    for user in &users {
        let theirs = members.get(user.key).map_or(Role::Member, |member| member.role);
        if theirs == Role::Owner && by.is_none() {
            return Err(Rejection::OwnerMustTransfer.into());
        }
        require(theirs < role)?;
    }
    if users.is_empty() {
        return unchanged(group, facts);
    }
    let mut draft = Draft::new(&group, facts)?;
    users.iter().for_each(|user| draft.drop_member(user.key));
    draft.finish(NoticeKind::GroupMemberRemoved, users, by, now, facts)
}

pub fn leave(actor: Actor, group: &GroupId, facts: &mut Lookup<'_>, now: Timestamp) -> Result<Decision, Refusal> {
    let user = acting_user(actor, facts)?;
    let Acting { group, by, role } = acting(actor, group, facts)?;
    if role == Role::Owner {
        return Err(Rejection::OwnerMustTransfer.into());
    }
    let mut draft = Draft::new(&group, facts)?;
    draft.drop_member(user.key);
    let decision = draft.finish(NoticeKind::GroupMemberRemoved, vec![user], by, now, facts)?;
    Ok(Decision {
        reply: Reply::Done,
        ..decision
    })
}

/// A member named by id, with its account.
fn member(group: GroupKey, id: &UserId, facts: &mut Lookup<'_>) -> Result<(Member, Arc<User>), Refusal> {
    let user = facts.require_user(id.as_str())?;
    let member = facts
        .members(group)?
        .get(user.key)
        .copied()
        .ok_or(Rejection::UserNotFound)?;
    Ok((member, user))
}

pub fn set_role(
    actor: Actor,
    group: &GroupId,
    user: &UserId,
    role: Role,
    facts: &mut Lookup<'_>,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let Acting { group, by, role: power } = acting(actor, group, facts)?;
    require(power == Role::Owner)?;
    let (member, user) = member(group.key, user, facts)?;
    if role == Role::Owner {
        return Err(Rejection::InvalidField("role").into());
    }
    if member.role == Role::Owner {
        return Err(Rejection::OwnerMustTransfer.into());
    }
    if member.role == role {
        return Ok(Decision::reply(Reply::Done));
    }
    let mut draft = Draft::new(&group, facts)?;
    draft.set_role(member, role);
    let decision = draft.finish(NoticeKind::GroupRoleChanged, vec![user], by, now, facts)?;
    Ok(Decision {
        reply: Reply::Done,
        ..decision
    })
}

pub fn transfer(
    actor: Actor,
    group: &GroupId,
    user: &UserId,
    facts: &mut Lookup<'_>,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let Acting { group, by, role } = acting(actor, group, facts)?;
    require(role == Role::Owner)?;
    let (heir, user) = member(group.key, user, facts)?;
    if heir.role == Role::Owner {
        return unchanged(group, facts);
    }
    let mut draft = Draft::new(&group, facts)?;
    hand_over(&mut draft, heir, facts)?;
    draft.finish(NoticeKind::GroupTransferred, vec![user], by, now, facts)
}

/// Makes the heir the owner and the old owner an admin.
fn hand_over(draft: &mut Draft, heir: Member, facts: &mut Lookup<'_>) -> Result<(), Refusal> {
    if let Some(owner) = facts.members(draft.group.key)?.get(draft.group.owner).copied() {
        draft.set_role(owner, Role::Admin);
    }
    draft.set_role(heir, Role::Owner);
    draft.group.owner = heir.user;
    Ok(())
}

pub fn dismiss(actor: Actor, group: &GroupId, facts: &mut Lookup<'_>, now: Timestamp) -> Result<Decision, Refusal> {
    let Acting { group, by, role } = acting(actor, group, facts)?;
    require(role == Role::Owner)?;
    let decision = end(&group, by, facts, now)?;
    Ok(Decision {
        reply: Reply::Done,
        ..decision
    })
}

/// Ends a group: nobody is a member any more, and the id is free. The notice names the members, since those who are
/// away learn of it only by their own list.
fn end(group: &Group, by: Option<UserId>, facts: &mut Lookup<'_>, now: Timestamp) -> Result<Decision, Refusal> {
    let mut draft = Draft::new(group, facts)?;
    let mut members = Vec::with_capacity(draft.seen_by.len());
    for user in draft.seen_by.clone() {
        draft.drop_member(user);
        members.extend(facts.user(user)?);
    }
    draft.group.dismissed = true;
    draft.finish(NoticeKind::GroupDismissed, members, by, now, facts)
}

/// Takes a deleted account out of a group. An owner is followed by the eldest admin, else the eldest
/// member; a group without anybody ends.
pub fn abandon(
    key: GroupKey,
    user: &Arc<User>,
    decision: &mut Decision,
    facts: &mut Lookup<'_>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let Some(group) = facts.group(key)? else { return Ok(()) };
    let others: Vec<Member> = facts
        .members(key)?
        .list()
        .iter()
        .filter(|other| other.user != user.key)
        .copied()
        .collect();
    let eldest_admin = others.iter().find(|other| other.role == Role::Admin);
    let part = match eldest_admin.or(others.first()) {
        None => end(&group, None, facts, now)?,
        Some(heir) => {
            let mut draft = Draft::new(&group, facts)?;
            if group.owner == user.key {
                hand_over(&mut draft, *heir, facts)?;
            }
            draft.drop_member(user.key);
            draft.finish(NoticeKind::GroupMemberRemoved, vec![user.clone()], None, now, facts)?
        }
    };
    decision.changes.extend(part.changes);
    decision.events.extend(part.events);
    Ok(())
}
