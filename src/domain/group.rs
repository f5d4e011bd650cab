//! Groups and their members.

use std::sync::Arc;

use super::id::{ConversationKey, GroupId, GroupKey, Timestamp, UserKey};

/// Who may enter a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum JoinPolicy {
    /// Only by an owner's or admin's invitation.
    #[default]
    Invite,
    /// Anybody who knows the id.
    Open,
}

impl JoinPolicy {
    /// The word used outside and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invite => "invite",
            Self::Open => "open",
        }
    }

    /// Reads the word; `None` for any other.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Invite, Self::Open]
            .into_iter()
            .find(|policy| policy.as_str() == text)
    }
}

/// What a member may do; ordered by power.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum Role {
    /// Reads and writes.
    Member,
    /// Also invites, and removes plain members.
    Admin,
    /// Also everything else; exactly one per group.
    Owner,
}

impl Role {
    /// The word used outside and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// Reads the word; `None` for any other.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Member, Self::Admin, Self::Owner]
            .into_iter()
            .find(|role| role.as_str() == text)
    }
}

/// One member of a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Member {
    /// The member's account instance.
    pub user: UserKey,
    /// What it may do.
    pub role: Role,
    /// When it joined.
    pub joined_at: Timestamp,
}

/// One group instance without its members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// The instance.
    pub key: GroupKey,
    /// The public id.
    pub id: GroupId,
    /// The display name.
    pub name: Arc<str>,
    /// The owner; also a member with [`Role::Owner`].
    pub owner: UserKey,
    /// Who may enter.
    pub join_policy: JoinPolicy,
    /// How many members it has.
    pub member_count: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// A dismissed group keeps its row so that its messages keep their place; nobody reads or writes there.
    pub dismissed: bool,
    /// Where its messages are.
    pub conversation: ConversationKey,
}
