//! Values to write: accounts, conversations and messages with telling names.

use std::sync::Arc;

use ringim::domain::change::Change;
use ringim::domain::conversation::{ChatType, Conversation, Parties};
use ringim::domain::event::{Notice, NoticeKind};
use ringim::domain::group::{Group, JoinPolicy, Member, Role};
use ringim::domain::id::{ConversationKey, GroupId, GroupKey, MessageId, Position, UserId, UserKey, Username};
use ringim::domain::message::{Body, Content, ContentType, Message};
use ringim::domain::user::{User, UserStatus};

/// The account `user<key>`.
pub fn user(key: i64) -> User {
    User {
        key: UserKey(key),
        id: UserId::stored(&format!("User{key}")),
        username: Username::stored(&format!("Name{key}")),
        nickname: Some(format!("Nick {key}").into()),
        avatar: None,
        status: UserStatus::Active,
        created_at: 1_000 + key,
        generation: 1,
        granted: [].into(),
    }
}

/// The group `Group<key>` in a conversation, owned by a user.
pub fn group(key: i64, conversation: i64, owner: i64, member_count: i64) -> Group {
    Group {
        key: GroupKey(key),
        id: GroupId::stored(&format!("Group{key}")),
        name: format!("Group number {key}").into(),
        owner: UserKey(owner),
        join_policy: JoinPolicy::Open,
        member_count,
        created_at: 2_000 + key,
        dismissed: false,
        conversation: ConversationKey(conversation),
    }
}

/// A member of the lowest role.
pub fn member(user: i64, joined_at: i64) -> Member {
    Member {
        user: UserKey(user),
        role: Role::Member,
        joined_at,
    }
}

/// A conversation in which nobody has written.
pub fn conversation(key: i64, parties: Parties) -> Change {
    let (head, last_position, last_at) = (0, Position(0), 0);
    Change::PutConversation(Conversation {
        key: ConversationKey(key),
        parties,
        head,
        last_position,
        last_at,
    })
}

/// Lists a conversation for a user.
pub fn participant(conversation: i64, user: i64, position: i64) -> Change {
    Change::PutParticipant {
        conversation: ConversationKey(conversation),
        user: UserKey(user),
        position: Position(position),
    }
}

/// A text message from one user to another or to a group.
pub fn message(position: i64, conversation: i64, seq: i64, from: i64, to: &str, chat_type: ChatType) -> Message {
    let author = user(from);
    Message {
        position: Position(position),
        id: MessageId::stored(&format!("m-{position}")),
        conversation: ConversationKey(conversation),
        seq,
        chat_type,
        from: author.key,
        from_name: author.display_name(),
        from_id: author.id,
        to_id: to.into(),
        timestamp: 10_000 + position,
        body: Arc::new(Body {
            content_type: ContentType::TEXT,
            content: Content::Text(format!("message {seq} of c{conversation}").into()),
            reply_to: None,
            mentions: None,
            ext: None,
        }),
    }
}

/// A message between two users.
pub fn to_user(position: i64, conversation: i64, seq: i64, from: i64, to: i64) -> Message {
    message(
        position,
        conversation,
        seq,
        from,
        &format!("User{to}"),
        ChatType::Single,
    )
}

/// A message to a group.
pub fn to_group(position: i64, conversation: i64, seq: i64, from: i64, group: i64) -> Message {
    message(
        position,
        conversation,
        seq,
        from,
        &format!("Group{group}"),
        ChatType::Group,
    )
}

/// A notice about a group.
pub fn group_notice(position: i64, kind: NoticeKind, group: Group, users: &[i64]) -> Notice {
    let owner = user(group.owner.0).id;
    Notice {
        position: Position(position),
        timestamp: 10_000 + position,
        kind,
        group: Some((Arc::new(group), owner)),
        users: users.iter().map(|key| Arc::new(user(*key))).collect(),
        by: Some(UserId::stored("User1")),
    }
}
