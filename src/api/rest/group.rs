//! Groups, for their members and, in the admin API, for back ends.

use crate::api::context::Context;
use crate::api::refusal::{Fault, Refusal};
use crate::api::rest::field::name;
use crate::api::step::{Call, Flow, Step, unexpected};
use crate::api::wire::document::Object;
use crate::api::wire::group::{write_group, write_member};
use crate::api::wire::list::write_listed;
use crate::base::limits;
use crate::domain::command::{Command, NewGroup, Reply};
use crate::domain::group::{JoinPolicy, Role};
use crate::domain::id::{GroupId, UserId};
use crate::domain::query::{Answer, Query};
use crate::domain::user::UserRef;

/// `POST /api/group/create {id?, name, memberIds?, joinPolicy?}`: the caller becomes the owner.
pub fn create(call: Call<'_, '_>) -> Flow {
    let creator = UserRef::Key(call.context.user()?);
    create_for(creator, call)
}

/// Creates a group for its first owner.
pub fn create_for(creator: UserRef, call: Call<'_, '_>) -> Flow {
    let Call { context, body, .. } = call;
    let id = body.opt_parsed("id", GroupId::parse)?;
    let group = NewGroup {
        name: name("name", body.str("name")?)?,
        creator,
        members: body
            .opt_list("memberIds", limits::GROUP_MEMBERS, UserId::parse)?
            .unwrap_or_default(),
        join_policy: body.opt_parsed("joinPolicy", JoinPolicy::parse)?.unwrap_or_default(),
        id: id.unwrap_or_else(|| GroupId::stored(&context.new_uuid())),
    };
    Step::submit(context, Command::CreateGroup(group), answer_group)
}

fn answer_group(reply: Reply, _: &mut Context<'_>) -> Flow {
    match reply {
        Reply::Group(group, owner) => Step::json(|out| write_group(&group, &owner, out)),
        _ => unexpected(),
    }
}

fn done(_: Reply, _: &mut Context<'_>) -> Flow {
    Step::done()
}

/// `groupId`; a text that cannot be one names no group.
fn group_id(body: Object<'_>) -> Result<GroupId, Refusal> {
    GroupId::parse(body.str("groupId")?).ok_or_else(|| Fault::GroupNotFound.into())
}

fn user_id(body: Object<'_>) -> Result<UserId, Refusal> {
    UserId::parse(body.str("userId")?).ok_or_else(|| Fault::UserNotFound.into())
}

/// `POST /api/group/update` and `POST /api/admin/group/update {groupId, name?, joinPolicy?}`.
pub fn update(call: Call<'_, '_>) -> Flow {
    let command = Command::UpdateGroup {
        group: group_id(call.body)?,
        name: call.body.opt_str("name")?.map(|text| name("name", text)).transpose()?,
        join_policy: call.body.opt_parsed("joinPolicy", JoinPolicy::parse)?,
    };
    Step::submit(call.context, command, answer_group)
}

/// `POST /api/group/invite` and `POST /api/admin/group/add-members {groupId, memberIds}`.
pub fn add_members(call: Call<'_, '_>) -> Flow {
    let members = call.body.list("memberIds", limits::GROUP_MEMBERS, UserId::parse)?;
    Step::submit(
        call.context,
        Command::AddMembers {
            group: group_id(call.body)?,
            members,
        },
        answer_group,
    )
}

/// `POST /api/group/kick` and `POST /api/admin/group/remove-members {groupId, memberIds}`.
pub fn remove_members(call: Call<'_, '_>) -> Flow {
    let members = call.body.list("memberIds", limits::GROUP_MEMBERS, UserId::parse)?;
    Step::submit(
        call.context,
        Command::RemoveMembers {
            group: group_id(call.body)?,
            members,
        },
        answer_group,
    )
}

/// `POST /api/group/join {groupId}`.
pub fn join(call: Call<'_, '_>) -> Flow {
    Step::submit(call.context, Command::JoinGroup(group_id(call.body)?), answer_group)
}

/// `POST /api/group/leave {groupId}`.
pub fn leave(call: Call<'_, '_>) -> Flow {
    Step::submit(call.context, Command::LeaveGroup(group_id(call.body)?), done)
}

/// `POST /api/group/dismiss` and `POST /api/admin/group/dismiss {groupId}`.
pub fn dismiss(call: Call<'_, '_>) -> Flow {
    Step::submit(call.context, Command::DismissGroup(group_id(call.body)?), done)
}

/// `POST /api/group/role {groupId, userId, role}`.
pub fn set_role(call: Call<'_, '_>) -> Flow {
    let role = call.body.parsed("role", Role::parse)?;
    let command = Command::SetRole {
        group: group_id(call.body)?,
        user: user_id(call.body)?,
        role,
    };
    Step::submit(call.context, command, done)
}

/// `POST /api/group/transfer {groupId, userId}`.
pub fn transfer(call: Call<'_, '_>) -> Flow {
    let command = Command::TransferGroup {
        group: group_id(call.body)?,
        user: user_id(call.body)?,
    };
    Step::submit(call.context, command, answer_group)
}

/// `GET /api/group/{id}`.
pub fn get(call: Call<'_, '_>) -> Flow {
    let id = call.parameters.id(GroupId::parse, Fault::GroupNotFound)?;
    Step::query(Query::Group(call.context.actor()?, id), |answer, _| match answer {
        Answer::Group(group, owner) => Step::json(|out| write_group(&group, &owner, out)),
        _ => unexpected(),
    })
}

/// `GET /api/group/{id}/members`.
pub fn members(call: Call<'_, '_>) -> Flow {
    let id = call.parameters.id(GroupId::parse, Fault::GroupNotFound)?;
    let query = Query::Members(call.context.actor()?, id, call.parameters.page()?);
    Step::query(query, |answer, _| match answer {
        Answer::Members(members) => {
            Step::json(|out| write_listed(&members, |(member, user), out| write_member(member, user, out), out))
        }
        _ => unexpected(),
    })
}

/// `GET /api/group/list`: the groups the caller is a member of.
pub fn list(call: Call<'_, '_>) -> Flow {
    Step::query(Query::GroupsOf(call.context.user()?, call.parameters.page()?), listed)
}

/// `GET /api/admin/groups`.
pub fn list_all(call: Call<'_, '_>) -> Flow {
    Step::query(Query::Groups(call.parameters.page()?), listed)
}

fn listed(answer: Answer, _: &mut Context<'_>) -> Flow {
    match answer {
        Answer::Groups(groups) => {
            Step::json(|out| write_listed(&groups, |(group, owner), out| write_group(group, owner, out), out))
        }
        _ => unexpected(),
    }
}
